/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/beliefs.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* Names are told apart by their hash alone: taking one for another would be a wrong belief. */
struct belief {
    uint64_t hash; /* 0: free */
    int64_t used;
};

struct ts_beliefs {
    struct belief *items;
    size_t count; /* a power of two */
};

struct ts_beliefs *ts_beliefs_create(size_t entries, struct ts_error *err)
{
    struct ts_beliefs *beliefs = calloc(1, sizeof *beliefs);
    if (beliefs != NULL) {
        for (beliefs->count = 1; beliefs->count < entries;) {
            beliefs->count *= 2;
        }
        beliefs->items = calloc(beliefs->count, sizeof *beliefs->items);
    }
    if (beliefs == NULL || beliefs->items == NULL) {
        ts_beliefs_destroy(beliefs);
        ts_error_no_memory(err);
        return NULL;
    }
    return beliefs;
}

void ts_beliefs_destroy(struct ts_beliefs *beliefs)
{
    if (beliefs != NULL) {
        free(beliefs->items);
        free(beliefs);
    }
}

static struct belief *place_of(const struct ts_beliefs *beliefs, uint64_t hash)
{
    return &beliefs->items[(size_t)hash & (beliefs->count - 1)];
}

int64_t ts_beliefs_get(const struct ts_beliefs *beliefs, struct ts_bytes counter)
{
    uint64_t hash = ts_hash64(counter);
    const struct belief *belief = place_of(beliefs, hash);
    return belief->hash == hash ? belief->used : 0;
}

void ts_beliefs_set(struct ts_beliefs *beliefs, struct ts_bytes counter, int64_t used)
{
    uint64_t hash = ts_hash64(counter);
    *place_of(beliefs, hash) = (struct belief){hash, used};
}

void ts_beliefs_clear(struct ts_beliefs *beliefs)
{
    memset(beliefs->items, 0, beliefs->count * sizeof *beliefs->items);
}
