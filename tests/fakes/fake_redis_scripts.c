/* SPDX-License-Identifier: Apache-2.0 */
/* What the scripts of adapters/redis/scripts do, in C. */
#include "tests/fakes/fake_calls.h"
#include "tests/fakes/fake_redis.h"

#include "base/assert.h"
#include "ports/undo.h"

#include <string.h>

static struct fake_redis_data *data_of(struct fake_redis *redis, const struct fake_command *command)
{
    return &redis->servers[command->server].data;
}

static struct fake_redis_accounts *hot_of(struct fake_redis *redis,
                                          const struct fake_command *command)
{
    int hot = redis->hot_of[command->bucket];
    return hot < 0 ? NULL : &data_of(redis, command)->hot[hot];
}

static bool right_generation(const struct fake_redis_bucket *bucket, struct fake_command *command)
{
    command->seen_generation = bucket->generation;
    if (bucket->generation == command->generation) {
        return true;
    }
    command->status =
        bucket->generation < command->generation ? TS_BALANCES_LOST : TS_BALANCES_STALE;
    return false;
}

static void create(struct fake_redis *redis, struct fake_command *command)
{
    struct fake_redis_bucket *bucket = &data_of(redis, command)->buckets[command->bucket];
    command->status = TS_BALANCES_OK;
    if (bucket->generation >= command->generation) {
        return;
    }
    memset(bucket, 0, sizeof *bucket);
    bucket->generation = command->generation;
    struct fake_redis_accounts *accounts = hot_of(redis, command);
    if (accounts != NULL) {
        memset(accounts, 0, sizeof *accounts);
    }
}

static void take_units_back(struct fake_redis *redis,
                            struct fake_redis_accounts *accounts,
                            const struct fake_command *command,
                            const struct ts_undo_item *item)
{
    int account;
    int counter;
    fake_counter_parse(item->counter, &account, &counter);
    if (item->offset >= command->position && accounts->counters[account][counter].there &&
        !fake_without(redis->host, "undo-units")) {
        accounts->counters[account][counter].used -= item->units;
    }
}

static void take_back(struct fake_redis *redis, struct fake_command *command)
{
    struct fake_redis_accounts *accounts = hot_of(redis, command);
    for (int slot = 0; accounts != NULL && slot < TS_UNDO_SLOTS; slot++) {
        struct ts_bytes rest = accounts->undo[command->lane][slot].text;
        if (!accounts->undo[command->lane][slot].there) {
            continue;
        }
        struct ts_undo_item item;
        while (ts_undo_next(&rest, &item)) {
            if (item.counter.data != NULL) {
                take_units_back(redis, accounts, command, &item);
                continue;
            }
            int account = fake_account_number(item.account_id);
            if (item.offset >= command->position && accounts->there[account] &&
                !fake_without(redis->host, "undo")) {
                accounts->balance[account] -= item.delta_micros;
            }
        }
        if (rest.size != 0) {
            fake_violation(redis->host, "an undo text does not parse");
        }
        accounts->undo[command->lane][slot].there = false;
    }
}

static void open_lane(struct fake_redis *redis, struct fake_command *command)
{
    struct fake_redis_bucket *bucket = &data_of(redis, command)->buckets[command->bucket];
    if (!right_generation(bucket, command)) {
        return;
    }
    struct fake_redis_lane *lane = &bucket->lanes[command->lane];
    if (lane->opened && lane->token > command->token) {
        command->status = TS_BALANCES_FENCED;
        return;
    }
    if (lane->opened && command->position < lane->floor && !fake_without(redis->host, "floor")) {
        command->status = TS_BALANCES_LOST;
        return;
    }
    take_back(redis, command);
    *lane = (struct fake_redis_lane){.opened = true,
                                     .token = command->token,
                                     .applied = command->position - 1,
                                     .floor = command->position};
    command->status = TS_BALANCES_OK;
}

/* The sums that an apply would leave. False with the answer LOAD, ALLOWANCE or RANGE. */
static bool add_up(const struct fake_redis *redis,
                   const struct fake_redis_accounts *accounts,
                   struct fake_command *command,
                   int64_t sums[FAKE_ACCOUNTS])
{
    command->absent = 0;
    bool beyond = false;
    for (size_t i = 0; i < command->account_count; i++) {
        int account = command->accounts[i];
        if (!accounts->there[account]) {
            command->absent |= 1u << i;
            continue;
        }
        sums[i] = accounts->balance[account] + command->values[i];
        if (sums[i] < -TS_AMOUNT_MAX || sums[i] > TS_AMOUNT_MAX) {
            command->overflow = i;
            command->overflow_balance = accounts->balance[account];
            beyond = true;
        }
    }
    bool wrong = false;
    command->absent_counters = 0;
    for (size_t i = 0; i < command->counting_count; i++) {
        const struct fake_counting *counting = &command->countings[i];
        if (!accounts->counters[counting->account][counting->counter].there) {
            command->absent_counters |= UINT64_C(1) << i;
        }
        command->used[i] = accounts->counters[counting->account][counting->counter].used;
        wrong =
            wrong || (command->used[i] != counting->before && !fake_without(redis->host, "belief"));
    }
    bool absent = command->absent != 0 || command->absent_counters != 0;
    command->status = absent ? TS_BALANCES_LOAD : wrong ? TS_BALANCES_ALLOWANCE : TS_BALANCES_RANGE;
    return !absent && !wrong && !beyond;
}

static void apply(struct fake_redis *redis, struct fake_command *command)
{
    struct fake_redis_bucket *bucket = &data_of(redis, command)->buckets[command->bucket];
    if (!right_generation(bucket, command)) {
        return;
    }
    struct fake_redis_lane *lane = &bucket->lanes[command->lane];
    if (!lane->opened || (lane->token != command->token && !fake_without(redis->host, "token"))) {
        bool newer = lane->opened && lane->token > command->token;
        command->status = newer ? TS_BALANCES_FENCED : TS_BALANCES_REOPEN;
        return;
    }
    if (command->first <= lane->applied) {
        command->status = TS_BALANCES_REOPEN;
        return;
    }
    struct fake_redis_accounts *accounts = hot_of(redis, command);
    TS_ASSERT(accounts != NULL);
    int64_t floor = lane->floor > command->position ? lane->floor : command->position;
    if (accounts->undo[command->lane][command->slot].there &&
        accounts->undo[command->lane][command->slot].last >= floor &&
        !fake_without(redis->host, "full")) {
        command->status = TS_BALANCES_FULL;
        return;
    }
    int64_t sums[FAKE_ACCOUNTS];
    if (!add_up(redis, accounts, command, sums)) {
        return;
    }
    for (size_t i = 0; i < command->account_count; i++) {
        accounts->balance[command->accounts[i]] = sums[i];
    }
    for (size_t i = 0; i < command->counting_count; i++) {
        const struct fake_counting *counting = &command->countings[i];
        accounts->counters[counting->account][counting->counter].used = counting->after;
    }
    lane->floor = floor;
    lane->applied = command->last;
    accounts->undo[command->lane][command->slot].there = true;
    accounts->undo[command->lane][command->slot].last = command->last;
    accounts->undo[command->lane][command->slot].text = command->undo;
    command->status = TS_BALANCES_OK;
}

static void load(struct fake_redis *redis, struct fake_command *command)
{
    struct fake_redis_bucket *bucket = &data_of(redis, command)->buckets[command->bucket];
    if (!right_generation(bucket, command)) {
        return;
    }
    struct fake_redis_accounts *accounts = hot_of(redis, command);
    TS_ASSERT(accounts != NULL);
    for (size_t i = 0; i < command->account_count; i++) {
        int account = command->accounts[i];
        if (!accounts->there[account]) {
            accounts->there[account] = true;
            accounts->balance[account] = command->values[i];
        }
    }
    for (size_t i = 0; i < command->counting_count; i++) {
        const struct fake_counting *counting = &command->countings[i];
        if (!accounts->counters[counting->account][counting->counter].there) {
            accounts->counters[counting->account][counting->counter].there = true;
            accounts->counters[counting->account][counting->counter].used = counting->after;
        }
    }
    command->status = TS_BALANCES_OK;
}

void fake_redis_run(struct fake_redis *redis, struct fake_command *command)
{
    command->ran = true;
    switch (command->type) {
    case FAKE_CREATE:
        create(redis, command);
        break;
    case FAKE_OPEN:
        open_lane(redis, command);
        break;
    case FAKE_APPLY:
        apply(redis, command);
        fake_trace(redis->host,
                   "redis %d: b%u apply %d/%lld..%lld: %s",
                   command->server,
                   command->bucket,
                   command->lane,
                   (long long)command->first,
                   (long long)command->last,
                   ts_balances_status_name(command->status));
        break;
    case FAKE_LOAD:
        load(redis, command);
        fake_trace(redis->host,
                   "redis %d: b%u load: %s",
                   command->server,
                   command->bucket,
                   ts_balances_status_name(command->status));
        break;
    }
}
