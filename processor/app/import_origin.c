/* SPDX-License-Identifier: Apache-2.0 */
#include "app/import_origin.h"

#include "app/deck_import.h"
#include "core/numbering.h"
#include "core/numbering_data.h"
#include "core/rating.h"

#include <stdio.h>
#include <stdlib.h>

enum { PREFIX_MAX = 24 };

/* A prefix of the plan and whose it is; nobody's are left out. */
struct entry {
    char prefix[PREFIX_MAX];
    uint16_t region;
};

struct ts_origin_map {
    struct entry *entries;
    size_t count;
    char regions[TS_ORIGINS_MAX][TS_COUNTRY_MAX];
    size_t region_count;
    size_t region_last; /* the one looked for last: lines of a region stand together */
};

/* What is known of a region for one set of prefixes. */
struct share {
    size_t entries;
    size_t covered; /* of these: those that begin with one of the prefixes */
    bool in_part;   /* a prefix is longer than what the plan has */
};

/* ---- the plan
 * --------------------------------------------------------------------------------- */

static size_t region_of(struct ts_origin_map *map, struct ts_bytes name)
{
    if (ts_bytes_equal_text(name, map->regions[map->region_last])) {
        return map->region_last;
    }
    size_t i = 0;
    while (i < map->region_count && !ts_bytes_equal_text(name, map->regions[i])) {
        i++;
    }
    if (i == map->region_count && i < TS_ORIGINS_MAX && name.size < TS_COUNTRY_MAX) {
        memcpy(map->regions[i], name.data, name.size);
        map->region_count++;
    }
    if (i < TS_ORIGINS_MAX) {
        map->region_last = i;
    }
    return i;
}

static struct ts_bytes take_field(struct ts_bytes *rest, char separator)
{
    const char *end = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
    size_t size = end != NULL ? (size_t)(end - rest->data) : rest->size;
    struct ts_bytes field = {rest->data, size};
    size += end != NULL ? 1 : 0;
    *rest = (struct ts_bytes){rest->data + size, rest->size - size};
    return field;
}

static void
add_entry(struct ts_origin_map *map, struct ts_bytes stem, const char *last, size_t region)
{
    struct entry *entry = &map->entries[map->count];
    if (stem.size + 2 <= PREFIX_MAX && region < TS_ORIGINS_MAX) {
        memcpy(entry->prefix, stem.data, stem.size);
        entry->prefix[stem.size] = (char)(last != NULL ? *last : '\0');
        entry->prefix[stem.size + 1] = '\0';
        entry->region = (uint16_t)region;
        map->count++;
    }
}

/* "12423[234],,BS,fixed_line" */
static void add_line(struct ts_origin_map *map, struct ts_bytes line)
{
    struct ts_bytes prefix = take_field(&line, ',');
    take_field(&line, ',');
    struct ts_bytes region = take_field(&line, ',');
    bool digits = prefix.size > 0 &&
                  (prefix.data[0] == '[' || (prefix.data[0] >= '0' && prefix.data[0] <= '9'));
    if (!digits || ts_bytes_equal_text(region, TS_REGION_UNKNOWN)) {
        return;
    }
    size_t number = region_of(map, region);
    struct ts_bytes stem = take_field(&prefix, '[');
    struct ts_bytes last = take_field(&prefix, ']');
    if (last.size == 0) {
        add_entry(map, stem, NULL, number);
    }
    for (size_t i = 0; i < last.size; i++) {
        add_entry(map, stem, last.data + i, number);
    }
}

struct ts_origin_map *ts_origin_map_create(void)
{
    struct ts_bytes plan = ts_numbering_plan_embedded();
    struct ts_origin_map *map = calloc(1, sizeof *map);
    if (map == NULL) {
        return NULL;
    }
    /* No line stands for more prefixes than it has bytes. */
    map->entries = malloc(plan.size * sizeof *map->entries);
    if (map->entries == NULL) {
        ts_origin_map_destroy(map);
        return NULL;
    }
    while (plan.size > 0) {
        add_line(map, take_field(&plan, '\n'));
    }
    return map;
}

void ts_origin_map_destroy(struct ts_origin_map *map)
{
    if (map != NULL) {
        free(map->entries);
        free(map);
    }
}

/* ---- a set of prefixes
 * ------------------------------------------------------------------------ */

static bool begins_with(const char *text, struct ts_bytes prefix)
{
    return strncmp(text, prefix.data, prefix.size) == 0;
}

static struct ts_bytes without_plus(struct ts_bytes word)
{
    bool plus = word.size > 0 && word.data[0] == '+';
    return plus ? (struct ts_bytes){word.data + 1, word.size - 1} : word;
}

/* What the prefix covers; and where it is longer than what the plan has, whose part it is. */
static bool add_share(const struct ts_origin_map *map, struct ts_bytes word, struct share *shares)
{
    const struct entry *around = NULL;
    bool exact = false;
    bool any = false;
    for (size_t i = 0; i < map->count; i++) {
        const struct entry *entry = &map->entries[i];
        size_t size = strlen(entry->prefix);
        exact = exact || (size == word.size && begins_with(entry->prefix, word));
        any = any || begins_with(entry->prefix, word);
        if (size < word.size && memcmp(entry->prefix, word.data, size) == 0 &&
            (around == NULL || size > strlen(around->prefix))) {
            around = entry;
        }
    }
    if (around != NULL && !exact) {
        shares[around->region].in_part = true;
    }
    return any || around != NULL;
}

static bool is_covered(const struct entry *entry, struct ts_bytes cell)
{
    struct ts_bytes word;
    while (ts_import_next_word(&cell, &word)) {
        if (begins_with(entry->prefix, without_plus(word))) {
            return true;
        }
    }
    return false;
}

static bool refuse(struct ts_origins *out, const char *what, const char *whose)
{
    snprintf(out->why, sizeof out->why, "%s%s", what, whose);
    return false;
}

static bool
judge(const struct ts_origin_map *map, const struct share *shares, struct ts_origins *out)
{
    for (size_t i = 0; i < map->region_count; i++) {
        if (shares[i].covered == 0 && !shares[i].in_part) {
            continue;
        }
        if (strlen(map->regions[i]) != 2) {
            return refuse(out, "numbers of no country", "");
        }
        if (shares[i].covered < shares[i].entries) {
            return refuse(out, "only a part of the numbers of ", map->regions[i]);
        }
        memcpy(out->countries[out->count++], map->regions[i], 3);
    }
    return true;
}

bool ts_origin_map_find(const struct ts_origin_map *map,
                        struct ts_bytes cell,
                        struct ts_origins *out)
{
    struct share shares[TS_ORIGINS_MAX] = {{.entries = 0}};
    struct ts_bytes rest = cell;
    struct ts_bytes word;
    out->count = 0;
    while (ts_import_next_word(&rest, &word)) {
        word = without_plus(word);
        if (word.size == 0 || strspn(word.data, "0123456789") < word.size) {
            return refuse(out, "not digits", "");
        }
        if (!add_share(map, word, shares)) {
            return refuse(out, "numbers of no country", "");
        }
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct entry *entry = &map->entries[i];
        shares[entry->region].entries++;
        shares[entry->region].covered += is_covered(entry, cell) ? 1 : 0;
    }
    return judge(map, shares, out);
}
