/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_map.h"

#include <string.h>

/* The place of the name: of the pair that has it, else where it belongs. */
static size_t place_of(const struct ts_config_map *map, const char *name, bool *found)
{
    for (size_t i = 0; i < map->count; i++) {
        int order = strcmp(map->pairs[i].name, name);
        if (order >= 0) {
            *found = order == 0;
            return i;
        }
    }
    *found = false;
    return map->count;
}

static bool insert(struct ts_config_map *map,
                   size_t at,
                   const struct ts_config_pair *pair,
                   struct ts_arena *arena,
                   struct ts_error *err)
{
    if (map->count == TS_CONFIG_PAIRS_MAX) {
        return ts_error_set(
            err, TS_ERROR_FATAL, 0, "more than %d settings of this kind", TS_CONFIG_PAIRS_MAX);
    }
    if (map->pairs == NULL) {
        map->pairs = ts_arena_take(arena, TS_CONFIG_PAIRS_MAX * sizeof *map->pairs);
        if (map->pairs == NULL) {
            return ts_error_no_memory(err);
        }
    }
    memmove(&map->pairs[at + 1], &map->pairs[at], (map->count - at) * sizeof *map->pairs);
    map->pairs[at] = *pair;
    map->count++;
    return true;
}

bool ts_config_map_set(struct ts_config_map *map,
                       const struct ts_config_pair *pair,
                       struct ts_arena *arena,
                       struct ts_error *err)
{
    struct ts_config_pair copy = *pair;
    copy.name = ts_arena_copy(arena, ts_bytes_of(pair->name)).data;
    copy.value = ts_arena_copy(arena, ts_bytes_of(pair->value)).data;
    if (copy.name == NULL || copy.value == NULL) {
        return ts_error_no_memory(err);
    }
    bool found = false;
    size_t at = place_of(map, pair->name, &found);
    if (!found) {
        return insert(map, at, &copy, arena, err);
    }
    if (pair->line != 0 && map->pairs[at].line != 0) {
        return ts_error_set(err,
                            TS_ERROR_FATAL,
                            0,
                            "%s is set twice, first in line %d",
                            pair->name,
                            map->pairs[at].line);
    }
    map->pairs[at] = copy;
    return true;
}

int64_t ts_config_map_number(const struct ts_config_map *map, const char *name, int64_t otherwise)
{
    bool found = false;
    size_t at = place_of(map, name, &found);
    return found ? map->pairs[at].number : otherwise;
}
