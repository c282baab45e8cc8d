/* SPDX-License-Identifier: Apache-2.0 */
/* Rate decks by version, kept in Redis so that a starting processor need not read them all from
 * PostgreSQL, which stays the truth: every entry is checked against the content's hash from there,
 * so a torn, foreign or outdated one counts as absent. Losing the cache costs time only. Used by
 * one thread. */
#ifndef TS_ADAPTERS_REDIS_DECK_CACHE_H
#define TS_ADAPTERS_REDIS_DECK_CACHE_H

#include "adapters/redis/options.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_redis_deck_cache;

/* Does not connect. Fails, class FATAL, on a faulty url. */
struct ts_redis_deck_cache *ts_redis_deck_cache_create(const struct ts_redis_options *options,
                                                       struct ts_error *err);
void ts_redis_deck_cache_destroy(struct ts_redis_deck_cache *cache);

/* Appends the deck to `content` if it is there and has this hash (ts_hash64), else *found is
 * false. */
bool ts_redis_deck_cache_get(struct ts_redis_deck_cache *cache,
                             int64_t version,
                             uint64_t hash,
                             struct ts_buffer *content,
                             bool *found,
                             struct ts_error *err);

/* Kept for 30 days. */
bool ts_redis_deck_cache_put(struct ts_redis_deck_cache *cache,
                             int64_t version,
                             struct ts_bytes content,
                             struct ts_error *err);

#endif
