/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the scripts by hand on bucket {b7} of a real server, so that tests see the answers and the
 * fields as they are. */
#ifndef TS_TESTS_REDIS_SCRIPT_RUNNER_H
#define TS_TESTS_REDIS_SCRIPT_RUNNER_H

#include "tests/unit/adapters/redis/redis_server.h"
#include "tests/unit/unit.h"

#include "adapters/redis/scripts.h"
#include "base/buffer.h"
#include "ports/undo.h"

#include <string.h>

static struct redis_server server;
static redisContext *redis;

static inline int start_server(void **state)
{
    (void)state;
    const char *digests[] = {"--enable-debug-command", "local", NULL};
    if (!redis_server_start(&server, digests)) {
        return -1;
    }
    redis = redis_server_connect(&server);
    return redis == NULL ? -1 : 0;
}

static inline int stop_server(void **state)
{
    (void)state;
    redisFree(redis);
    redis_server_stop(&server);
    return 0;
}

static inline int empty_server(void **state)
{
    (void)state;
    freeReplyObject(redisCommand(redis, "FLUSHALL"));
    return 0;
}

/* A script's whole answer as text: "OK", "LOAD 0 2", "ERR …". */
static inline const char *run(enum ts_redis_script script, size_t count, const char **args)
{
    static char text[4096];
    const char *argv[80] = {"EVAL", ts_redis_script_text(script).data, "1", "{b7}"};
    assert_true(count + 4 <= sizeof argv / sizeof argv[0]);
    memcpy(argv + 4, args, count * sizeof *args);
    redisReply *reply = redisCommandArgv(redis, (int)count + 4, argv, NULL);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ARRAY) {
        size_t used = (size_t)snprintf(text, sizeof text, "%s", reply->element[0]->str);
        for (size_t i = 1; i < reply->elements && used < sizeof text; i++) {
            assert_int_equal(reply->element[i]->type, REDIS_REPLY_INTEGER);
            used += (size_t)snprintf(
                text + used, sizeof text - used, " %lld", reply->element[i]->integer);
        }
    } else {
        (void)snprintf(text, sizeof text, "%s", reply->str);
    }
    freeReplyObject(reply);
    return text;
}

static inline const char *number(int64_t value)
{
    static char texts[32][24];
    static unsigned next;
    char *text = texts[next++ % 32];
    (void)snprintf(text, sizeof texts[0], "%lld", (long long)value);
    return text;
}

static inline const char *create(int64_t generation)
{
    const char *args[] = {number(generation)};
    return run(TS_REDIS_CREATE, 1, args);
}

static inline const char *
open_lane(int64_t generation, const char *lane, int64_t token, int64_t next)
{
    const char *args[] = {
        number(generation), number(token), number(next), lane, number(TS_UNDO_SLOTS)};
    return run(TS_REDIS_OPEN, 5, args);
}

/* load, with the account ids (or the fields n:…) and values of `pairs` up to a NULL. */
static inline const char *load(int64_t generation, const char **pairs)
{
    const char *args[64] = {number(generation), "g"};
    static char names[16][80];
    size_t n = 0;
    for (; pairs[2 * n] != NULL; n++) {
        bool counter = strncmp(pairs[2 * n], "n:", 2) == 0;
        (void)snprintf(names[n], sizeof names[n], counter ? "%s" : "a:%s", pairs[2 * n]);
    }
    for (size_t i = 0; i < n; i++) {
        args[2 + i] = names[i];
        args[2 + n + i] = pairs[2 * i + 1];
    }
    return run(TS_REDIS_LOAD, 2 + 2 * n, args);
}

struct item {
    int64_t offset;
    const char *account;
    int64_t delta;
};

/* The first of an account's items says whose units the counter counts. */
struct counting {
    const char *name; /* without n: */
    int64_t offset, before, after;
};

struct charge {
    int64_t generation, token, committed;
    const char *lane;
    uint32_t slot;
    const struct item *items;
    size_t count;
    const struct counting *countings;
    size_t counting_count;
};

/* apply of the items: totals by account in the order they first occur. */
static inline const char *apply(const struct charge *charge)
{
    static char names[16][80];
    const char *args[64];
    const char *accounts[16];
    int64_t totals[16];
    size_t n = 0;
    char fields[4][16];
    struct ts_buffer undo;
    ts_buffer_init(&undo, 65536);
    ts_buffer_format(&undo,
                     "%lld %lld ",
                     (long long)charge->items[0].offset,
                     (long long)charge->items[charge->count - 1].offset);
    for (size_t i = 0; i < charge->count; i++) {
        const struct item *item = &charge->items[i];
        ts_undo_append(&undo,
                       &(struct ts_undo_item){.offset = item->offset,
                                              .delta_micros = item->delta,
                                              .account_id = ts_bytes_of(item->account)});
        size_t at = 0;
        while (at < n && strcmp(accounts[at], item->account) != 0) {
            at++;
        }
        if (at == n) {
            accounts[n] = item->account;
            totals[n++] = 0;
        }
        totals[at] += item->delta;
    }
    size_t m = charge->counting_count;
    for (size_t i = 0; i < m; i++) {
        const struct counting *counting = &charge->countings[i];
        ts_undo_append(&undo,
                       &(struct ts_undo_item){.offset = counting->offset,
                                              .counter = ts_bytes_of(counting->name),
                                              .units = counting->after - counting->before});
    }
    ts_buffer_append_char(&undo, '\0');
    assert_false(undo.failed);
    (void)snprintf(fields[0], sizeof fields[0], "t:%s", charge->lane);
    (void)snprintf(fields[1], sizeof fields[1], "o:%s", charge->lane);
    (void)snprintf(fields[2], sizeof fields[2], "f:%s", charge->lane);
    (void)snprintf(fields[3], sizeof fields[3], "u:%s:%u", charge->lane, charge->slot);
    const char *fixed[12] = {number(charge->generation),
                             number(charge->token),
                             number(charge->committed),
                             number(charge->items[0].offset),
                             number(charge->items[charge->count - 1].offset),
                             undo.data,
                             number((int64_t)n),
                             "g",
                             fields[0],
                             fields[1],
                             fields[2],
                             fields[3]};
    memcpy(args, fixed, sizeof fixed);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof names[i], "a:%s", accounts[i]);
        args[12 + i] = names[i];
        args[12 + n + m + i] = number(totals[i]);
    }
    for (size_t i = 0; i < m; i++) {
        (void)snprintf(names[n + i], sizeof names[n + i], "n:%s", charge->countings[i].name);
        args[12 + n + i] = names[n + i];
        args[12 + 2 * n + m + i] = number(charge->countings[i].before);
        args[12 + 2 * n + 2 * m + i] = number(charge->countings[i].after);
    }
    const char *answer = run(TS_REDIS_APPLY, 12 + 2 * n + 3 * m, args);
    ts_buffer_finish(&undo);
    return answer;
}

#define ITEMS(...)                                                                                 \
    .items = (const struct item[]){__VA_ARGS__},                                                   \
    .count = sizeof((const struct item[]){__VA_ARGS__}) / sizeof(struct item)

#define COUNTINGS(...)                                                                             \
    .countings = (const struct counting[]){__VA_ARGS__},                                           \
    .counting_count = sizeof((const struct counting[]){__VA_ARGS__}) / sizeof(struct counting)

/* A field's value, "" when absent. */
static inline const char *field(const char *name)
{
    static char text[4096];
    redisReply *reply = redisCommand(redis, "HGET {b7} %s", name);
    (void)snprintf(text, sizeof text, "%s", reply->str == NULL ? "" : reply->str);
    freeReplyObject(reply);
    return text;
}

static inline void set_field(const char *name, const char *value)
{
    freeReplyObject(redisCommand(redis, "HSET {b7} %s %s", name, value));
}

#endif
