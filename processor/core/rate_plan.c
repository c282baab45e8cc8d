/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rate_plan.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/utf8.h"

#include <stdio.h>

static int letter_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    return c >= 'a' && c <= 'z' ? c - 'a' : -1;
}

/* The bit of a country, or -1. */
static int country_bit(const char *code, size_t size)
{
    if (size != 2) {
        return -1;
    }
    int first = letter_of(code[0]);
    int second = letter_of(code[1]);
    int bit = first * 26 + second;
    return first < 0 || second < 0 || bit == 26 * 26 - 1 ? -1 : bit; /* ZZ is no country */
}

bool ts_country_set_add(struct ts_country_set *set, struct ts_bytes country)
{
    int bit = country_bit(country.data, country.size);
    if (bit < 0) {
        return false;
    }
    set->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
    return true;
}

bool ts_country_set_has(const struct ts_country_set *set, const char *country)
{
    int bit = country_bit(country, strlen(country));
    return bit >= 0 && (set->bits[bit / 64] >> (bit % 64) & 1) != 0;
}

bool ts_rate_plan_is_local(const struct ts_rate_plan *plan, const char *country, const char *region)
{
    if (plan->one_local_zone) {
        return ts_country_set_has(&plan->local_zones[0], region);
    }
    for (uint32_t i = 0; i < plan->local_zone_count; i++) {
        if (ts_country_set_has(&plan->local_zones[i], country)) {
            return ts_country_set_has(&plan->local_zones[i], region);
        }
    }
    return strcmp(country, region) == 0;
}

bool ts_rate_plan_is_emergency(const struct ts_rate_plan *plan, struct ts_bytes number)
{
    for (uint32_t i = 0; i < plan->emergency_number_count; i++) {
        if (ts_bytes_equal_text(number, plan->emergency_numbers[i])) {
            return true;
        }
    }
    return false;
}

static struct ts_bytes take_until(struct ts_bytes *rest, char separator)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    struct ts_bytes part = {rest->data, size};
    size_t taken = end == NULL ? size : size + 1;
    *rest = (struct ts_bytes){rest->data + taken, rest->size - taken};
    return part;
}

static bool copy_text(struct ts_bytes value, char *out, size_t size)
{
    if (value.size >= size || !ts_utf8_is_text(value)) {
        return false;
    }
    memcpy(out, value.data, value.size);
    out[value.size] = '\0';
    return true;
}

static bool set_currency(struct ts_rate_plan *plan, struct ts_bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < 'A' || value.data[i] > 'Z') {
            return false;
        }
    }
    return value.size == 3 && copy_text(value, plan->currency, sizeof plan->currency);
}

static bool set_timezone(struct ts_rate_plan *plan, struct ts_bytes value)
{
    return copy_text(value, plan->timezone, sizeof plan->timezone);
}

static bool set_rounding(struct ts_rate_plan *plan, struct ts_bytes value)
{
    return ts_rounding_of(value, &plan->rounding);
}

static bool set_decimals(struct ts_rate_plan *plan, struct ts_bytes value)
{
    if (value.size != 1 || value.data[0] < '0' || value.data[0] > '0' + TS_MONEY_DECIMALS_MAX) {
        return false;
    }
    plan->decimals = value.data[0] - '0';
    return true;
}

static bool overlaps_earlier_zone(const struct ts_rate_plan *plan, uint32_t zone)
{
    for (uint32_t i = 0; i < zone; i++) {
        for (size_t word = 0; word < sizeof plan->local_zones[0].bits / sizeof(uint64_t); word++) {
            if ((plan->local_zones[i].bits[word] & plan->local_zones[zone].bits[word]) != 0) {
                return true;
            }
        }
    }
    return false;
}

static bool set_local_zones(struct ts_rate_plan *plan, struct ts_bytes value)
{
    plan->local_zone_count = 0;
    plan->one_local_zone = false;
    while (value.size > 0) {
        struct ts_bytes zone = take_until(&value, ';');
        if (plan->local_zone_count == TS_LOCAL_ZONES_MAX || zone.size == 0) {
            return false;
        }
        struct ts_country_set *set = &plan->local_zones[plan->local_zone_count];
        *set = (struct ts_country_set){.bits = {0}};
        while (zone.size > 0) {
            if (!ts_country_set_add(set, take_until(&zone, ','))) {
                return false;
            }
        }
        if (overlaps_earlier_zone(plan, plan->local_zone_count++)) {
            return false;
        }
    }
    return true;
}

static bool set_base_plan(struct ts_rate_plan *plan, struct ts_bytes value)
{
    return copy_text(value, plan->base_plan, sizeof plan->base_plan) &&
           strcmp(plan->base_plan, plan->name) != 0;
}

static bool add_emergency_number(struct ts_rate_plan *plan, struct ts_bytes number)
{
    if (ts_rate_plan_is_emergency(plan, number)) {
        return true;
    }
    for (size_t i = 0; i < number.size; i++) {
        char c = number.data[i];
        if ((c < '0' || c > '9') && c != '*' && c != '#' && (c != '+' || i > 0)) {
            return false;
        }
    }
    if (number.size == 0 || plan->emergency_number_count == TS_EMERGENCY_NUMBERS_MAX ||
        number.size >= TS_EMERGENCY_NUMBER_MAX) {
        return false;
    }
    return copy_text(
        number, plan->emergency_numbers[plan->emergency_number_count++], TS_EMERGENCY_NUMBER_MAX);
}

static bool set_emergency_numbers(struct ts_rate_plan *plan, struct ts_bytes value)
{
    struct ts_bytes always = TS_LITERAL("112,911,999");
    plan->emergency_number_count = 0;
    while (always.size > 0) {
        add_emergency_number(plan, take_until(&always, ','));
    }
    while (value.size > 0) {
        if (!add_emergency_number(plan, take_until(&value, ','))) {
            return false;
        }
    }
    return true;
}

static void get_currency(const struct ts_rate_plan *plan, struct ts_buffer *out)
{
    ts_buffer_append_text(out, plan->currency);
}

static void get_timezone(const struct ts_rate_plan *plan, struct ts_buffer *out)
{
    ts_buffer_append_text(out, plan->timezone);
}

static void get_rounding(const struct ts_rate_plan *plan, struct ts_buffer *out)
{
    ts_buffer_append_text(out, ts_rounding_name(plan->rounding));
}

static void get_decimals(const struct ts_rate_plan *plan, struct ts_buffer *out)
{
    ts_buffer_append_i64(out, plan->decimals);
}

static void get_base_plan(const struct ts_rate_plan *plan, struct ts_buffer *out)
{
    ts_buffer_append_text(out, plan->base_plan);
}

static void get_local_zones(const struct ts_rate_plan *plan, struct ts_buffer *out)
{
    for (uint32_t i = 0; i < plan->local_zone_count; i++) {
        const char *separator = i == 0 ? "" : ";";
        for (int bit = 0; bit < 26 * 26; bit++) {
            char code[] = {(char)('A' + bit / 26), (char)('A' + bit % 26), '\0'};
            if (ts_country_set_has(&plan->local_zones[i], code)) {
                ts_buffer_append_text(out, separator);
                ts_buffer_append_text(out, code);
                separator = ",";
            }
        }
    }
}

static void get_emergency_numbers(const struct ts_rate_plan *plan, struct ts_buffer *out)
{
    for (uint32_t i = 0; i < plan->emergency_number_count; i++) {
        ts_buffer_append_text(out, i == 0 ? "" : ",");
        ts_buffer_append_text(out, plan->emergency_numbers[i]);
    }
}

static const struct key {
    const char *name;
    const char *by_default;
    bool (*set)(struct ts_rate_plan *plan, struct ts_bytes value);
    void (*get)(const struct ts_rate_plan *plan, struct ts_buffer *out);
    const char *wants;
} keys[] = {
    {"currency", "USD", set_currency, get_currency, "three capital letters, as USD"},
    {"timezone", "UTC", set_timezone, get_timezone, "an IANA name, as America/New_York"},
    {"rounding", "half_up", set_rounding, get_rounding, "half_up, up, down or half_even"},
    {"decimals", "6", set_decimals, get_decimals, "0 to 6"},
    {"local_zones",
     "CA,US",
     set_local_zones,
     get_local_zones,
     "sets of countries as US,CA;GB,IM, each country in one of them"},
    {"base_plan", "", set_base_plan, get_base_plan, "the name of another plan"},
    {"emergency_numbers",
     "112,911,999",
     set_emergency_numbers,
     get_emergency_numbers,
     "numbers as 112,911,110"},
};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

void ts_rate_plan_init(struct ts_rate_plan *plan, const char *name)
{
    *plan = (struct ts_rate_plan){.name = ""};
    snprintf(plan->name, sizeof plan->name, "%s", name);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        keys[i].set(plan, ts_bytes_of(keys[i].by_default));
    }
}

bool ts_rate_plan_set(struct ts_rate_plan *plan,
                      struct ts_bytes key,
                      struct ts_bytes value,
                      struct ts_error *err)
{
    char quoted[80];
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!ts_bytes_equal_text(key, keys[i].name)) {
            continue;
        }
        struct ts_rate_plan changed = *plan;
        if (keys[i].set(&changed, value.size > 0 ? value : ts_bytes_of(keys[i].by_default))) {
            *plan = changed;
            return true;
        }
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "rate plan %s, %s: %s is not %s",
                            plan->name,
                            keys[i].name,
                            ts_utf8_quote(value, quoted, sizeof quoted),
                            keys[i].wants);
    }
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "rate plan %s: there is no key %s",
                        plan->name,
                        ts_utf8_quote(key, quoted, sizeof quoted));
}

size_t ts_rate_plan_key_count(void)
{
    return KEY_COUNT;
}

const char *ts_rate_plan_key(size_t i)
{
    return i < KEY_COUNT ? keys[i].name : NULL;
}

void ts_rate_plan_get(const struct ts_rate_plan *plan, size_t i, struct ts_buffer *out)
{
    if (i < KEY_COUNT) {
        keys[i].get(plan, out);
    }
}
