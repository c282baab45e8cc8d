/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/account_cache.h"

#include "base/hash.h"
#include "core/allowance.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 4 };

struct set {
    struct ts_account_profile ways[WAYS]; /* account_id_size 0: free */
    uint32_t oldest;
};

struct ts_account_cache {
    struct set *sets;
    size_t set_count; /* a power of two */
};

struct ts_account_cache *ts_account_cache_create(size_t entries, struct ts_error *err)
{
    struct ts_account_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL) {
        for (cache->set_count = 1; cache->set_count * WAYS < entries;) {
            cache->set_count *= 2;
        }
        cache->sets = calloc(cache->set_count, sizeof *cache->sets);
    }
    if (cache == NULL || cache->sets == NULL) {
        ts_account_cache_destroy(cache);
        ts_error_no_memory(err);
        return NULL;
    }
    return cache;
}

static void empty(struct ts_account_profile *place)
{
    free((void *)place->allowances); /* the cache's own copy */
    place->allowances = NULL;
    place->account_id_size = 0;
}

void ts_account_cache_clear(struct ts_account_cache *cache)
{
    for (size_t i = 0; i < cache->set_count * WAYS; i++) {
        empty(&cache->sets[i / WAYS].ways[i % WAYS]);
    }
}

void ts_account_cache_destroy(struct ts_account_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    if (cache->sets != NULL) {
        ts_account_cache_clear(cache);
    }
    free(cache->sets);
    free(cache);
}

static struct set *set_of(const struct ts_account_cache *cache, struct ts_bytes account_id)
{
    return &cache->sets[(size_t)ts_hash64(account_id) & (cache->set_count - 1)];
}

static struct ts_account_profile *find(const struct set *set, struct ts_bytes account_id)
{
    for (size_t i = 0; i < WAYS; i++) {
        const struct ts_account_profile *profile = &set->ways[i];
        if (profile->account_id_size != 0 &&
            ts_bytes_equal(ts_account_profile_id(profile), account_id)) {
            return (struct ts_account_profile *)profile;
        }
    }
    return NULL;
}

const struct ts_account_profile *ts_account_cache_get(const struct ts_account_cache *cache,
                                                      struct ts_bytes account_id)
{
    return find(set_of(cache, account_id), account_id);
}

/* False when out of memory. */
static bool copy_allowances(const struct ts_account_profile *profile, struct ts_allowances **out)
{
    *out = NULL;
    if (profile->allowances == NULL) {
        return true;
    }
    size_t size = ts_allowances_size(profile->allowances->count);
    *out = malloc(size);
    if (*out != NULL) {
        memcpy(*out, profile->allowances, size);
    }
    return *out != NULL;
}

void ts_account_cache_put(struct ts_account_cache *cache, const struct ts_account_profile *profile)
{
    struct ts_bytes account_id = ts_account_profile_id(profile);
    struct set *set = set_of(cache, account_id);
    struct ts_account_profile *place = find(set, account_id);
    if (place == NULL) {
        place = &set->ways[set->oldest];
        set->oldest = (set->oldest + 1) % WAYS;
    }
    empty(place);
    struct ts_allowances *allowances;
    if (copy_allowances(profile, &allowances)) { /* else it is not remembered */
        *place = *profile;
        place->allowances = allowances;
    }
}

void ts_account_cache_forget(struct ts_account_cache *cache, struct ts_bytes account_id)
{
    struct ts_account_profile *place = find(set_of(cache, account_id), account_id);
    if (place != NULL) {
        empty(place);
    }
}
