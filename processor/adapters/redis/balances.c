/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/balances.h"

#include "adapters/redis/connection.h"
#include "adapters/redis/info.h"
#include "adapters/redis/scripts.h"
#include "base/assert.h"

#include <stdlib.h>

struct ts_redis_balances {
    struct ts_redis_connection connection;
    struct ts_redis_scripts scripts;

    /* The group of calls under way. */
    bool applying;
    struct ts_apply *calls;
    size_t count;
    size_t answered; /* answers come in the order of the calls */
};

static bool balances_connect(void *self, struct ts_balances_identity *out, struct ts_error *err)
{
    struct ts_redis_balances *balances = self;
    struct ts_redis_connection *connection = &balances->connection;
    struct ts_redis_info info;
    balances->applying = false;
    if (!ts_redis_connection_open(connection, err) || !ts_redis_info_read(&info, connection, err) ||
        !ts_redis_info_check_master(&info, connection, err) ||
        !ts_redis_scripts_load(&balances->scripts, connection, err)) {
        return false;
    }
    *out = info.identity;
    return true;
}

static struct ts_buffer *begin(struct ts_redis_balances *balances, struct ts_error *err)
{
    TS_ASSERT(!balances->applying);
    return ts_redis_connection_begin(&balances->connection, err);
}

static bool check_written(struct ts_redis_balances *balances, struct ts_error *err)
{
    return !balances->connection.out.failed ||
           ts_redis_connection_fail(&balances->connection,
                                    err,
                                    TS_ERROR_FATAL,
                                    "out of memory, or more than 64 MiB of commands at once");
}

static bool fail_unknown(struct ts_redis_balances *balances, struct ts_error *err)
{
    return ts_redis_connection_fail(
        &balances->connection, err, TS_ERROR_RETRY, "a script gave an answer it does not have");
}

/* The next answer of a pipeline, which must be OK, LOST, STALE or FENCED. */
static bool read_bucket_answer(struct ts_redis_balances *balances,
                               struct ts_bucket_answer *answer,
                               struct ts_error *err)
{
    redisReply *reply = ts_redis_connection_wait(&balances->connection, err);
    if (reply == NULL) {
        return false;
    }
    struct ts_bucket_answer read = {.status = ts_redis_answer_status(reply),
                                    .seen_generation = ts_redis_answer_number(reply, 0, 0)};
    freeReplyObject(reply);
    if (read.status > TS_BALANCES_FENCED) {
        return fail_unknown(balances, err);
    }
    *answer = read;
    return true;
}

static bool balances_create(void *self,
                            const uint32_t *buckets,
                            const int64_t *generations,
                            size_t count,
                            struct ts_error *err)
{
    struct ts_redis_balances *balances = self;
    struct ts_buffer *out = begin(balances, err);
    if (out == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        ts_redis_write_create(&balances->scripts, out, buckets[i], generations[i]);
    }
    bool ok = check_written(balances, err);
    for (size_t i = 0; ok && i < count; i++) {
        struct ts_bucket_answer answer = {.status = TS_BALANCES_ERROR};
        ok = read_bucket_answer(balances, &answer, err) &&
             (answer.status == TS_BALANCES_OK || fail_unknown(balances, err));
    }
    return ok;
}

static bool balances_open(void *self,
                          struct ts_lane lane,
                          int64_t token,
                          int64_t next,
                          const int64_t generations[TS_BUCKET_COUNT],
                          struct ts_bucket_answer answers[TS_BUCKET_COUNT],
                          struct ts_error *err)
{
    struct ts_redis_balances *balances = self;
    struct ts_buffer *out = begin(balances, err);
    if (out == NULL) {
        return false;
    }
    for (uint32_t bucket = 0; bucket < TS_BUCKET_COUNT; bucket++) {
        ts_redis_write_open(
            &balances->scripts, out, bucket, generations[bucket], lane, token, next);
    }
    bool ok = check_written(balances, err);
    for (size_t i = 0; ok && i < TS_BUCKET_COUNT; i++) {
        ok = read_bucket_answer(balances, &answers[i], err);
    }
    return ok;
}

static size_t at_most(size_t count, size_t max)
{
    return count < max ? count : max;
}

static bool balances_load(void *self,
                          uint32_t bucket,
                          int64_t generation,
                          const struct ts_load_account *accounts,
                          size_t count,
                          const struct ts_load_counter *counters,
                          size_t counter_count,
                          struct ts_bucket_answer *answer,
                          struct ts_error *err)
{
    struct ts_redis_balances *balances = self;
    struct ts_buffer *out = begin(balances, err);
    if (out == NULL) {
        return false;
    }
    size_t calls = 0;
    while (count > 0 || counter_count > 0) {
        size_t some = at_most(count, TS_APPLY_ACCOUNTS_MAX);
        size_t some_counters = at_most(counter_count, TS_APPLY_COUNTERS_MAX);
        ts_redis_write_load(
            &balances->scripts, out, bucket, generation, accounts, some, counters, some_counters);
        accounts += some;
        count -= some;
        counters += some_counters;
        counter_count -= some_counters;
        calls++;
    }
    struct ts_bucket_answer whole = {.status = TS_BALANCES_OK};
    bool ok = check_written(balances, err);
    for (size_t i = 0; ok && i < calls; i++) {
        struct ts_bucket_answer part = {.status = TS_BALANCES_ERROR};
        ok = read_bucket_answer(balances, &part, err);
        if (ok && part.status != TS_BALANCES_OK) {
            whole = part;
        }
    }
    if (ok) {
        *answer = whole;
    }
    return ok;
}

static bool
balances_apply_start(void *self, struct ts_apply *calls, size_t count, struct ts_error *err)
{
    struct ts_redis_balances *balances = self;
    struct ts_buffer *out = begin(balances, err);
    if (out == NULL) {
        return false;
    }
    struct ts_redis_apply_names names = {0};
    for (size_t i = 0; i < count; i++) {
        struct ts_apply *call = &calls[i];
        if (i == 0 || !ts_lane_equal(call->lane, call[-1].lane) || call->slot != call[-1].slot) {
            names = ts_redis_apply_names_of(call->lane, call->slot);
        }
        ts_redis_write_apply(&balances->scripts, out, &names, call);
        call->status = TS_BALANCES_ERROR; /* until it is answered */
    }
    if (!check_written(balances, err) || !ts_redis_connection_flush(&balances->connection, err)) {
        return false;
    }
    balances->applying = true;
    balances->calls = calls;
    balances->count = count;
    balances->answered = 0;
    return true;
}

/* LOAD: marks the accounts and counters that the reply names. */
static bool mark_absent(struct ts_apply *call, const redisReply *reply)
{
    for (size_t i = 0; i < call->account_count; i++) {
        call->accounts[i].absent = false;
    }
    for (size_t i = 0; i < call->counter_count; i++) {
        call->counters[i].absent = false;
    }
    for (size_t i = 0; i < ts_redis_answer_size(reply); i++) {
        int64_t index = ts_redis_answer_number(reply, i, -1);
        if (index < 0 || (uint64_t)index >= call->account_count + call->counter_count) {
            return false;
        }
        if ((uint64_t)index < call->account_count) {
            call->accounts[index].absent = true;
        } else {
            call->counters[(uint64_t)index - call->account_count].absent = true;
        }
    }
    return true;
}

/* ALLOWANCE: the counters as they are. */
static bool take_counters(struct ts_apply *call, const redisReply *reply)
{
    for (size_t i = 0; i < call->counter_count; i++) {
        call->counters[i].used = ts_redis_answer_number(reply, i, INT64_MIN);
        if (call->counters[i].used == INT64_MIN) {
            return false;
        }
    }
    return true;
}

static bool read_answer(struct ts_apply *call, const redisReply *reply)
{
    enum ts_balances_status status = ts_redis_answer_status(reply);
    bool good = true;
    if (status == TS_BALANCES_LOST || status == TS_BALANCES_STALE) {
        call->seen_generation = ts_redis_answer_number(reply, 0, 0);
    } else if (status == TS_BALANCES_LOAD) {
        good = mark_absent(call, reply);
    } else if (status == TS_BALANCES_ALLOWANCE) {
        good = take_counters(call, reply);
    } else if (status == TS_BALANCES_RANGE) {
        call->overflow = (size_t)ts_redis_answer_number(reply, 0, -1);
        call->overflow_balance = ts_redis_answer_number(reply, 1, 0);
        good = call->overflow < call->account_count;
    }
    call->status = good ? status : TS_BALANCES_ERROR;
    return call->status != TS_BALANCES_ERROR;
}

/* Reads the answers that are there. */
static bool read_answers(struct ts_redis_balances *balances, struct ts_error *err)
{
    while (balances->answered < balances->count) {
        redisReply *reply = NULL;
        if (!ts_redis_connection_next(&balances->connection, &reply, err)) {
            return false;
        }
        if (reply == NULL) {
            return true;
        }
        bool ok = true;
        if (reply->type == REDIS_REPLY_ERROR) {
            ok = ts_redis_connection_refused(&balances->connection, reply, err);
        } else if (!read_answer(&balances->calls[balances->answered], reply)) {
            ok = fail_unknown(balances, err);
        }
        freeReplyObject(reply);
        if (!ok) {
            return false;
        }
        balances->answered++;
    }
    return true;
}

static enum ts_progress balances_apply_poll(void *self, int wait_ms, struct ts_error *err)
{
    struct ts_redis_balances *balances = self;
    TS_ASSERT(balances->applying);
    int64_t until_ms = ts_redis_now_ms() + wait_ms;
    int left_ms = wait_ms;
    do {
        if (!ts_redis_connection_pump(&balances->connection, left_ms, err) ||
            !read_answers(balances, err)) {
            balances->applying = false;
            return TS_PROGRESS_FAILED;
        }
        if (balances->answered == balances->count) {
            balances->applying = false;
            return TS_PROGRESS_DONE;
        }
        left_ms = (int)(until_ms - ts_redis_now_ms());
    } while (left_ms > 0);
    return TS_PROGRESS_PENDING;
}

struct ts_redis_balances *ts_redis_balances_create(const struct ts_redis_options *options,
                                                   struct ts_error *err)
{
    struct ts_redis_balances *balances = calloc(1, sizeof *balances);
    if (balances == NULL) {
        (void)ts_error_no_memory(err);
        return NULL;
    }
    if (!ts_redis_connection_init(&balances->connection, options, err)) {
        free(balances);
        return NULL;
    }
    return balances;
}

void ts_redis_balances_destroy(struct ts_redis_balances *balances)
{
    if (balances != NULL) {
        ts_redis_connection_finish(&balances->connection);
        free(balances);
    }
}

struct ts_balances ts_redis_balances_port(struct ts_redis_balances *balances)
{
    static const struct ts_balances_ops ops = {
        .connect = balances_connect,
        .create = balances_create,
        .open = balances_open,
        .apply_start = balances_apply_start,
        .apply_poll = balances_apply_poll,
        .load = balances_load,
    };
    return (struct ts_balances){&ops, balances};
}
