/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter on a real server, and short forms of its calls for tests. */
#ifndef TS_TESTS_REDIS_BALANCES_FIXTURE_H
#define TS_TESTS_REDIS_BALANCES_FIXTURE_H

#include "tests/unit/adapters/redis/redis_server.h"
#include "tests/unit/unit.h"

#include "adapters/redis/balances.h"
#include "base/buffer.h"
#include "ports/undo.h"

#include <string.h>

enum { FIXTURE_TIMEOUT_MS = 2000, GENERATION = 1000, TOKEN = 50 };

static const struct ts_lane lane = {TS_INPUT_CDRS, 3};

struct fixture {
    struct redis_server server;
    redisContext *redis; /* the test's own connection */
    struct ts_redis_balances *balances;
    struct ts_balances port;
    struct ts_error err;
    struct ts_bucket_answer answers[TS_BUCKET_COUNT];
};

static inline bool fixture_start(struct fixture *fixture, const char *const *extra)
{
    memset(fixture, 0, sizeof *fixture);
    if (!redis_server_start(&fixture->server, extra)) {
        return false;
    }
    struct ts_redis_options options = {.url = fixture->server.url,
                                       .command_timeout_ms = FIXTURE_TIMEOUT_MS};
    fixture->balances = ts_redis_balances_create(&options, &fixture->err);
    fixture->port = ts_redis_balances_port(fixture->balances);
    fixture->redis = redis_server_connect(&fixture->server);
    return fixture->balances != NULL && fixture->redis != NULL;
}

static inline void fixture_stop(struct fixture *fixture)
{
    ts_redis_balances_destroy(fixture->balances);
    redisFree(fixture->redis);
    redis_server_stop(&fixture->server);
}

static inline void fixture_do(struct fixture *fixture, const char *command)
{
    redisReply *reply = redisCommand(fixture->redis, command);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR) {
        fail_msg("%s: %s", command, reply->str);
    }
    freeReplyObject(reply);
}

static inline bool fixture_connect(struct fixture *fixture)
{
    struct ts_balances_identity identity;
    return fixture->port.ops->connect(fixture->port.self, &identity, &fixture->err);
}

static inline bool fixture_open(struct fixture *fixture, int64_t token, int64_t next)
{
    int64_t generations[TS_BUCKET_COUNT];
    for (int i = 0; i < TS_BUCKET_COUNT; i++) {
        generations[i] = GENERATION;
    }
    return fixture->port.ops->open(
        fixture->port.self, lane, token, next, generations, fixture->answers, &fixture->err);
}

/* An empty server, connected, all buckets made and the lane opened at 100. */
static inline void fixture_reset(struct fixture *fixture)
{
    uint32_t buckets[TS_BUCKET_COUNT];
    int64_t generations[TS_BUCKET_COUNT];
    for (uint32_t i = 0; i < TS_BUCKET_COUNT; i++) {
        buckets[i] = i;
        generations[i] = GENERATION;
    }
    fixture_do(fixture, "FLUSHALL");
    assert_true(fixture_connect(fixture));
    assert_true(fixture->port.ops->create(
        fixture->port.self, buckets, generations, TS_BUCKET_COUNT, &fixture->err));
    assert_true(fixture_open(fixture, TOKEN, 100));
    for (int i = 0; i < TS_BUCKET_COUNT; i++) {
        assert_int_equal(fixture->answers[i].status, TS_BALANCES_OK);
    }
}

static inline enum ts_balances_status
fixture_load(struct fixture *fixture, uint32_t bucket, const char *account, int64_t balance)
{
    struct ts_load_account loaded = {ts_bytes_of(account), balance};
    struct ts_bucket_answer answer = {.status = TS_BALANCES_ERROR};
    assert_true(fixture->port.ops->load(
        fixture->port.self, bucket, GENERATION, &loaded, 1, NULL, 0, &answer, &fixture->err));
    return answer.status;
}

/* One record that charges one account; `undo` must outlive the call. */
static inline struct ts_apply one_charge(struct ts_buffer *undo,
                                         struct ts_apply_account *account,
                                         uint32_t bucket,
                                         int64_t offset)
{
    ts_buffer_clear(undo);
    ts_undo_append(undo,
                   &(struct ts_undo_item){.offset = offset,
                                          .delta_micros = account->delta_micros,
                                          .account_id = account->account_id});
    return (struct ts_apply){.bucket = bucket,
                             .generation = GENERATION,
                             .lane = lane,
                             .token = TOKEN,
                             .committed = 100,
                             .first = offset,
                             .last = offset,
                             .undo = ts_buffer_bytes(undo),
                             .accounts = account,
                             .account_count = 1};
}

static inline enum ts_progress fixture_wait(struct fixture *fixture)
{
    enum ts_progress progress = TS_PROGRESS_PENDING;
    while (progress == TS_PROGRESS_PENDING) {
        progress = fixture->port.ops->apply_poll(fixture->port.self, 1000, &fixture->err);
    }
    return progress;
}

static inline enum ts_progress
fixture_apply(struct fixture *fixture, struct ts_apply *calls, size_t count)
{
    bool started = fixture->port.ops->apply_start(fixture->port.self, calls, count, &fixture->err);
    return started ? fixture_wait(fixture) : TS_PROGRESS_FAILED;
}

/* Charges 10 from account ann of bucket 7, the record at `offset`. */
static inline enum ts_progress
fixture_charge(struct fixture *fixture, int64_t token, int64_t offset, enum ts_balances_status *got)
{
    struct ts_buffer undo;
    ts_buffer_init(&undo, 4096);
    struct ts_apply_account ann = {.account_id = TS_LITERAL("ann"), .delta_micros = -10};
    struct ts_apply call = one_charge(&undo, &ann, 7, offset);
    call.token = token;
    call.slot = (uint32_t)(offset % TS_UNDO_SLOTS);
    enum ts_progress progress = fixture_apply(fixture, &call, 1);
    *got = call.status;
    ts_buffer_finish(&undo);
    return progress;
}

/* A balance as Redis has it; INT64_MIN when absent. */
static inline int64_t fixture_balance(struct fixture *fixture, uint32_t bucket, const char *account)
{
    redisReply *reply = redisCommand(fixture->redis, "HGET {b%u} a:%s", bucket, account);
    assert_non_null(reply);
    int64_t balance = reply->str == NULL ? INT64_MIN : strtoll(reply->str, NULL, 10);
    freeReplyObject(reply);
    return balance;
}

#endif
