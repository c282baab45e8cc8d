/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/deck_cache.h"

#include "adapters/redis/command.h"
#include "adapters/redis/connection.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEY_MAX = 32, KEPT_SECONDS = 30 * 24 * 3600 };

struct ts_redis_deck_cache {
    struct ts_redis_connection connection;
};

struct ts_redis_deck_cache *ts_redis_deck_cache_create(const struct ts_redis_options *options,
                                                       struct ts_error *err)
{
    struct ts_redis_deck_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        (void)ts_error_no_memory(err);
        return NULL;
    }
    if (!ts_redis_connection_init(&cache->connection, options, err)) {
        free(cache);
        return NULL;
    }
    return cache;
}

void ts_redis_deck_cache_destroy(struct ts_redis_deck_cache *cache)
{
    if (cache != NULL) {
        ts_redis_connection_finish(&cache->connection);
        free(cache);
    }
}

/* Begins a command of `words` words with its name and the deck's key. */
static struct ts_buffer *begin(struct ts_redis_deck_cache *cache,
                               const char *name,
                               size_t words,
                               int64_t version,
                               struct ts_error *err)
{
    struct ts_redis_connection *connection = &cache->connection;
    if (connection->context == NULL && !ts_redis_connection_open(connection, err)) {
        return NULL;
    }
    struct ts_buffer *out = ts_redis_connection_begin(connection, err);
    if (out != NULL) {
        char key[KEY_MAX];
        (void)snprintf(key, sizeof key, "deck:%lld", (long long)version);
        ts_redis_command_begin(out, words);
        ts_redis_command_bytes(out, ts_bytes_of(name));
        ts_redis_command_bytes(out, ts_bytes_of(key));
    }
    return out;
}

bool ts_redis_deck_cache_get(struct ts_redis_deck_cache *cache,
                             int64_t version,
                             uint64_t hash,
                             struct ts_buffer *content,
                             bool *found,
                             struct ts_error *err)
{
    if (begin(cache, "GET", 2, version, err) == NULL) {
        return false;
    }
    redisReply *reply = ts_redis_connection_wait(&cache->connection, err);
    if (reply == NULL) {
        return false;
    }
    struct ts_bytes deck = {reply->str, reply->len};
    *found = reply->type == REDIS_REPLY_STRING && ts_hash64(deck) == hash;
    if (*found) {
        ts_buffer_append_bytes(content, deck);
    }
    freeReplyObject(reply);
    return !content->failed || ts_error_no_memory(err);
}

bool ts_redis_deck_cache_put(struct ts_redis_deck_cache *cache,
                             int64_t version,
                             struct ts_bytes content,
                             struct ts_error *err)
{
    struct ts_buffer *out = begin(cache, "SET", 5, version, err);
    if (out == NULL) {
        return false;
    }
    ts_redis_command_bytes(out, content);
    ts_redis_command_bytes(out, TS_LITERAL("EX"));
    ts_redis_command_i64(out, KEPT_SECONDS);
    if (out->failed) {
        return ts_redis_connection_fail(
            &cache->connection, err, TS_ERROR_FATAL, "the deck is too large for the cache");
    }
    redisReply *reply = ts_redis_connection_wait(&cache->connection, err);
    freeReplyObject(reply);
    return reply != NULL;
}
