/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that lives as long as a batch: taken in small pieces, given back all at once by a reset.
 * One allocation a block, none a record. Not for objects that need a cleanup of their own. */
#ifndef TS_BASE_ARENA_H
#define TS_BASE_ARENA_H

#include "base/bytes.h"

#include <stddef.h>

struct ts_arena_block;

struct ts_arena {
    struct ts_arena_block *blocks; /* the first is the one in use */
    size_t block_size;
    size_t size;     /* bytes handed out since the last reset */
    size_t size_max; /* takes beyond fail */
};

void ts_arena_init(struct ts_arena *arena, size_t block_size, size_t size_max);
void ts_arena_finish(struct ts_arena *arena);

/* Gives everything back but keeps one block, so a steady stream of batches allocates nothing. */
void ts_arena_reset(struct ts_arena *arena);

/* 16-byte aligned, not zeroed. NULL when out of memory or beyond size_max. */
void *ts_arena_take(struct ts_arena *arena, size_t size);

/* A copy of `bytes` in the arena, followed by a NUL that its size does not count. An absent view
 * (data NULL) gives an absent view. On failure returns a view with data NULL and size SIZE_MAX. */
struct ts_bytes ts_arena_copy(struct ts_arena *arena, struct ts_bytes bytes);

#endif
