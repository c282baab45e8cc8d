/* SPDX-License-Identifier: Apache-2.0 */
#include "core/zone.h"

#include "base/assert.h"
#include "base/error.h"
#include "core/account.h"
#include "core/timestamp.h"
#include "core/zone_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_SIZE = 44,
    TYPE_SIZE = 6,
    DAY_S = 86400,
    RULE_YEAR_FIRST = 1900, /* a table may end at the big bang */
    RULE_YEAR_LAST = 2200,
    RULE_YEARS = RULE_YEAR_LAST - RULE_YEAR_FIRST + 1,
    TRANSITIONS_MAX = 10000
};

struct change {
    int64_t at_s; /* the first second with this offset */
    int32_t offset_s;
};

struct ts_zone {
    char name[TS_ZONE_NAME_MAX];
    size_t count;
    struct change changes[]; /* ascending; the first is at INT64_MIN */
};

/* The six counts of a TZif header, in the order of the file. */
struct header {
    uint32_t ut_count;
    uint32_t std_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t char_count;
};

static uint32_t read_u32(const char *at)
{
    const unsigned char *p = (const unsigned char *)at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t read_i64(const char *at)
{
    return (int64_t)((uint64_t)read_u32(at) << 32 | read_u32(at + 4));
}

static bool read_header(struct ts_bytes tzif, size_t at, struct header *out)
{
    if (tzif.size < at + HEADER_SIZE || memcmp(tzif.data + at, "TZif", 4) != 0 ||
        tzif.data[at + 4] < '2') {
        return false;
    }
    const char *p = tzif.data + at + 20;
    *out = (struct header){
        .ut_count = read_u32(p),
        .std_count = read_u32(p + 4),
        .leap_count = read_u32(p + 8),
        .time_count = read_u32(p + 12),
        .type_count = read_u32(p + 16),
        .char_count = read_u32(p + 20),
    };
    return true;
}

/* Bytes of the data that follows a header, times being of 4 or 8 bytes. */
static uint64_t data_size(const struct header *h, uint64_t time_size)
{
    return h->time_count * (time_size + 1) + (uint64_t)h->type_count * TYPE_SIZE + h->char_count +
           h->leap_count * (time_size + 4) + h->std_count + h->ut_count;
}

/* Where the 64-bit data begins, or 0 when the file is not well-formed. */
static size_t find_data(struct ts_bytes tzif, struct header *h)
{
    if (!read_header(tzif, 0, h)) {
        return 0;
    }
    uint64_t second = HEADER_SIZE + data_size(h, 4);
    if (second > tzif.size || !read_header(tzif, (size_t)second, h)) {
        return 0;
    }
    uint64_t data = second + HEADER_SIZE;
    if (data + data_size(h, 8) > tzif.size || h->type_count == 0 ||
        h->time_count > TRANSITIONS_MAX || h->leap_count != 0) {
        return 0;
    }
    return (size_t)data;
}

/* The line between the newlines after the data; empty when there is no rule. */
static bool find_footer(struct ts_bytes tzif, size_t at, struct ts_bytes *out)
{
    if (at >= tzif.size || tzif.data[at] != '\n') {
        return false;
    }
    const char *end = memchr(tzif.data + at + 1, '\n', tzif.size - at - 1);
    if (end == NULL) {
        return false;
    }
    *out = (struct ts_bytes){tzif.data + at + 1, (size_t)(end - tzif.data) - at - 1};
    return true;
}

/* Changes that change nothing (only the name or "is summer time") are left out. */
static void add_change(struct ts_zone *zone, int64_t at_s, int32_t offset_s)
{
    struct change *last = zone->count > 0 ? &zone->changes[zone->count - 1] : NULL;
    if (last != NULL && last->at_s == at_s) {
        last->offset_s = offset_s;
        if (zone->count > 1 && last[-1].offset_s == offset_s) {
            zone->count--;
        }
    } else if (last == NULL || last->offset_s != offset_s) {
        zone->changes[zone->count++] = (struct change){.at_s = at_s, .offset_s = offset_s};
    }
}

static bool
add_table(struct ts_zone *zone, struct ts_bytes tzif, size_t data, const struct header *h)
{
    const char *times = tzif.data + data;
    const char *indexes = times + (size_t)h->time_count * 8;
    const char *types = indexes + h->time_count;
    add_change(zone, INT64_MIN, (int32_t)read_u32(types));
    int64_t before = INT64_MIN;
    for (uint32_t i = 0; i < h->time_count; i++) {
        int64_t at_s = read_i64(times + (size_t)i * 8);
        uint8_t type = (uint8_t)indexes[i];
        if (type >= h->type_count || (i > 0 && at_s <= before)) {
            return false;
        }
        add_change(zone, at_s, (int32_t)read_u32(types + (size_t)type * TYPE_SIZE));
        before = at_s;
    }
    return true;
}

/* The year of the table's last transition, as far as rules are followed. */
static int32_t rule_year(int64_t last_s)
{
    int64_t first = ts_days_of_civil((struct ts_civil){RULE_YEAR_FIRST, 1, 1});
    int64_t end = ts_days_of_civil((struct ts_civil){RULE_YEAR_LAST + 1, 1, 1});
    int64_t day = ts_floor_div(last_s, DAY_S);
    day = day < first ? first : day;
    return ts_civil_of_days(day > end ? end : day).year;
}

/* What the rule says after the table's last transition, year by year. */
static void
add_rule(struct ts_zone *zone, const struct ts_zone_rule *rule, bool any, int64_t last_s)
{
    if (!rule->has_summer) {
        if (!any) {
            zone->changes[0].offset_s = rule->standard_offset_s;
        }
        return;
    }
    for (int32_t year = any ? rule_year(last_s) : 1970; year <= RULE_YEAR_LAST; year++) {
        int64_t begin = ts_zone_rule_summer_begin(rule, year);
        int64_t end = ts_zone_rule_summer_end(rule, year);
        struct change first = {.at_s = begin, .offset_s = rule->summer_offset_s};
        struct change second = {.at_s = end, .offset_s = rule->standard_offset_s};
        if (end < begin) { /* the south: the year begins in summer time */
            struct change swap = first;
            first = second;
            second = swap;
        }
        if (!any || first.at_s > last_s) {
            add_change(zone, first.at_s, first.offset_s);
        }
        if (!any || second.at_s > last_s) {
            add_change(zone, second.at_s, second.offset_s);
        }
    }
}

/* What the look-ups rest on: moments ascend, and no offset is a day or more. A rule can break it as
 * well as a table: a summer time that ends after the next one begins. */
static bool is_sound(const struct ts_zone *zone)
{
    for (size_t i = 0; i < zone->count; i++) {
        const struct change *change = &zone->changes[i];
        if (change->offset_s <= -DAY_S || change->offset_s >= DAY_S ||
            (i > 0 && change->at_s <= change[-1].at_s)) {
            return false;
        }
    }
    return true;
}

static bool build(struct ts_zone *zone, struct ts_bytes tzif, size_t data, const struct header *h)
{
    struct ts_bytes footer;
    struct ts_zone_rule rule;
    if (!find_footer(tzif, data + (size_t)data_size(h, 8), &footer) ||
        !add_table(zone, tzif, data, h)) {
        return false;
    }
    if (footer.size > 0) {
        const char *times = tzif.data + data;
        bool any = h->time_count > 0;
        if (!ts_zone_rule_parse(footer, &rule)) {
            return false;
        }
        add_rule(zone, &rule, any, any ? read_i64(times + (size_t)(h->time_count - 1) * 8) : 0);
    }
    return is_sound(zone);
}

struct ts_zone *ts_zone_create(const char *name, struct ts_bytes tzif, struct ts_error *err)
{
    struct header h;
    size_t data = find_data(tzif, &h);
    if (data == 0 || strlen(name) >= TS_ZONE_NAME_MAX) {
        ts_error_set(err, TS_ERROR_REJECT, 0, "time zone %s: not a TZif file of version 2", name);
        return NULL;
    }
    size_t room = 1 + h.time_count + 2 * RULE_YEARS;
    struct ts_zone *zone = malloc(sizeof *zone + room * sizeof zone->changes[0]);
    if (zone == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    snprintf(zone->name, sizeof zone->name, "%s", name);
    zone->count = 0;
    if (!build(zone, tzif, data, &h)) {
        free(zone);
        ts_error_set(err, TS_ERROR_REJECT, 0, "time zone %s: its TZif file is damaged", name);
        return NULL;
    }
    struct ts_zone *fitted = realloc(zone, sizeof *zone + zone->count * sizeof zone->changes[0]);
    return fitted != NULL ? fitted : zone;
}

static const struct ts_zone utc = {
    .name = "UTC", .count = 1, .changes = {{.at_s = INT64_MIN, .offset_s = 0}}};

const struct ts_zone *ts_zone_utc(void)
{
    return &utc;
}

void ts_zone_destroy(struct ts_zone *zone)
{
    if (zone != &utc) {
        free(zone);
    }
}

const char *ts_zone_name(const struct ts_zone *zone)
{
    return zone->name;
}

struct ts_zone_span ts_zone_span_at(const struct ts_zone *zone, int64_t utc_s)
{
    size_t low = 0; /* changes[low] has begun, changes[high] has not */
    size_t high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at_s <= utc_s) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (struct ts_zone_span){
        .from_s = zone->changes[low].at_s,
        .to_s = high < zone->count ? zone->changes[high].at_s : INT64_MAX,
        .offset_s = zone->changes[low].offset_s,
    };
}

int64_t ts_zone_local_ms(const struct ts_zone *zone, int64_t utc_ms)
{
    struct ts_zone_span span = ts_zone_span_at(zone, ts_floor_div(utc_ms, 1000));
    return utc_ms + (int64_t)span.offset_s * 1000;
}

/* Old files begin their tables at the big bang. */
static int64_t saturated_ms(int64_t seconds)
{
    const int64_t max = INT64_MAX / 1000;
    return seconds > max ? INT64_MAX : seconds < -max ? INT64_MIN : seconds * 1000;
}

int64_t ts_zone_utc_ms(const struct ts_zone *zone, int64_t local_ms)
{
    /* Offsets are less than a day, so a day earlier the wall clock had not got there yet. */
    struct ts_zone_span span = ts_zone_span_at(zone, ts_floor_div(local_ms, 1000) - 86400);
    for (;;) {
        int64_t utc_ms = local_ms - (int64_t)span.offset_s * 1000;
        if (utc_ms < saturated_ms(span.from_s)) {
            return saturated_ms(span.from_s);
        }
        if (utc_ms < saturated_ms(span.to_s)) {
            return utc_ms;
        }
        span = ts_zone_span_at(zone, span.to_s);
    }
}
