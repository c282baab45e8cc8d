/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/zone_cache.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* Open addressing, never more than half full: many more than there are names of zones. */
enum { SLOTS = 4096 };

struct ts_zone_cache {
    struct ts_zones zones;
    struct ts_zone *slots[SLOTS];
    size_t count;
};

struct ts_zone_cache *ts_zone_cache_create(struct ts_zones zones, struct ts_error *err)
{
    struct ts_zone_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    cache->zones = zones;
    return cache;
}

void ts_zone_cache_destroy(struct ts_zone_cache *cache)
{
    for (size_t i = 0; cache != NULL && i < SLOTS; i++) {
        ts_zone_destroy(cache->slots[i]);
    }
    free(cache);
}

const struct ts_zone *
ts_zone_cache_get(struct ts_zone_cache *cache, const char *name, struct ts_error *err)
{
    size_t slot = (size_t)ts_hash64(ts_bytes_of(name)) % SLOTS;
    for (; cache->slots[slot] != NULL; slot = (slot + 1) % SLOTS) {
        if (strcmp(ts_zone_name(cache->slots[slot]), name) == 0) {
            return cache->slots[slot];
        }
    }
    if (cache->count == SLOTS / 2) {
        ts_error_set(err, TS_ERROR_RETRY, 0, "too many time zones to read %s", name);
        return NULL;
    }
    struct ts_zone *zone = cache->zones.load(cache->zones.self, name, err);
    if (zone == NULL) {
        err->class = TS_ERROR_RETRY;
        return NULL;
    }
    cache->slots[slot] = zone;
    cache->count++;
    return zone;
}
