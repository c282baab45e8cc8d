/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fakes/fake_redis.h"

#include "tests/fakes/fake_calls.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_server *add_server(struct fake_redis *redis)
{
    TS_ASSERT(redis->server_count < FAKE_SERVERS);
    struct fake_server *server = &redis->servers[redis->server_count++];
    server->alive = true;
    server->dies_us = 0;
    snprintf(
        server->identity.run_id, sizeof server->identity.run_id, "run-%d", redis->server_count);
    snprintf(server->identity.replication_id, sizeof server->identity.replication_id, "replid");
    return server;
}

void fake_redis_init(struct fake_redis *redis, struct fake_host *host, const uint32_t *buckets)
{
    struct fake_server *servers = redis->servers;
    struct fake_redis_data *copies = redis->copies;
    struct fake_command *late = redis->late;
    memset(redis, 0, sizeof *redis);
    redis->host = host;
    redis->servers = servers != NULL ? servers : calloc(FAKE_SERVERS, sizeof *servers);
    redis->copies = copies != NULL ? copies : calloc(FAKE_COPIES, sizeof *copies);
    redis->late = late != NULL ? late : calloc(FAKE_LATE, sizeof *late);
    TS_ASSERT(redis->servers != NULL && redis->copies != NULL && redis->late != NULL);
    for (int i = 0; i < TS_BUCKET_COUNT; i++) {
        redis->hot_of[i] = -1;
    }
    for (int i = 0; i < FAKE_HOT_BUCKETS; i++) {
        redis->hot_of[buckets[i]] = i;
    }
    memset(&add_server(redis)->data, 0, sizeof redis->servers[0].data);
}

void fake_redis_finish(struct fake_redis *redis)
{
    free(redis->servers);
    free(redis->copies);
    free(redis->late);
}

/* --- what goes wrong with the servers */

void fake_redis_copy(struct fake_redis *redis)
{
    int place = redis->copy_count < FAKE_COPIES
                    ? redis->copy_count++
                    : fake_random_range(&redis->host->random, 0, FAKE_COPIES - 1);
    redis->copies[place] = redis->servers[redis->current].data;
}

void fake_redis_replace(struct fake_redis *redis, int64_t old_lives_us)
{
    struct fake_host *host = redis->host;
    if (redis->server_count == FAKE_SERVERS) {
        return;
    }
    struct fake_server *old = &redis->servers[redis->current];
    struct fake_server *server = add_server(redis);
    int pick = fake_random_range(&host->random, -2, redis->copy_count - 1);
    if (pick == -2) {
        server->data = old->data; /* it lost nothing */
    } else if (pick == -1) {
        memset(&server->data, 0, sizeof server->data);
    } else {
        server->data = redis->copies[pick];
    }
    redis->current = redis->server_count - 1;
    if (old_lives_us > 0) {
        old->dies_us = host->now_us + old_lives_us;
    } else {
        old->alive = false;
    }
    fake_trace(host,
               "FAULT redis %d takes over, with %s",
               redis->current,
               pick == -2   ? "all"
               : pick == -1 ? "nothing"
                            : "an older copy");
}

void fake_redis_flush(struct fake_redis *redis)
{
    fake_trace(redis->host, "FAULT redis %d: FLUSHALL", redis->current);
    memset(&redis->servers[redis->current].data, 0, sizeof redis->servers[0].data);
}

void fake_redis_delete(struct fake_redis *redis, uint32_t bucket)
{
    fake_trace(redis->host, "FAULT redis %d: bucket %u is deleted", redis->current, bucket);
    struct fake_redis_data *data = &redis->servers[redis->current].data;
    memset(&data->buckets[bucket], 0, sizeof data->buckets[bucket]);
    if (redis->hot_of[bucket] >= 0) {
        memset(&data->hot[redis->hot_of[bucket]], 0, sizeof data->hot[0]);
    }
}

/* --- commands of connections that are no more: each connection's in their order */

static void add_late(struct fake_redis *redis, const struct fake_command *command)
{
    if (redis->late_count < FAKE_LATE) {
        redis->late[redis->late_count++] = *command;
    }
}

static void run_late(struct fake_redis *redis)
{
    size_t pick = fake_random_below(&redis->host->random, (uint32_t)redis->late_count);
    uint64_t connection = redis->late[pick].connection;
    for (pick = 0; redis->late[pick].connection != connection;) {
        pick++;
    }
    struct fake_command command = redis->late[pick];
    redis->late_count--;
    memmove(&redis->late[pick],
            &redis->late[pick + 1],
            (redis->late_count - pick) * sizeof *redis->late);
    if (redis->servers[command.server].alive) {
        fake_redis_run(redis, &command);
    }
}

void fake_redis_tick(struct fake_redis *redis)
{
    struct fake_host *host = redis->host;
    for (int i = 0; i < redis->server_count; i++) {
        struct fake_server *server = &redis->servers[i];
        if (server->dies_us != 0 && (server->dies_us <= host->now_us || !host->faulty)) {
            server->alive = false;
            server->dies_us = 0;
        }
    }
    if (redis->late_count > 0 && (!host->faulty || fake_chance(host, 60))) {
        run_late(redis);
    }
}

bool fake_redis_settled(const struct fake_redis *redis)
{
    return redis->late_count == 0;
}

/* --- one connection */

static bool disconnect(struct fake_redis_client *client, struct ts_error *err)
{
    client->server = -1;
    return fake_away(err, "the connection to Redis is lost");
}

static bool usable(const struct fake_redis_client *client)
{
    const struct fake_redis *redis = client->redis;
    return client->server >= 0 && redis->servers[client->server].alive &&
           redis->host->now_us >= redis->down_until_us;
}

/* Runs one command of a call that waits for its answers. False when the connection breaks: before
 * it ran (it may run late), or after. */
static bool run_one(struct fake_redis_client *client, struct fake_command *command)
{
    struct fake_redis *redis = client->redis;
    struct fake_host *host = redis->host;
    if (redis->hot_of[command->bucket] >= 0) {
        fake_linger(host);
    }
    if (!usable(client)) {
        return false;
    }
    if (redis->hot_of[command->bucket] >= 0 && fake_fault(host, 4)) {
        fake_trace(host, "redis: the connection breaks before b%u", command->bucket);
        return false;
    }
    fake_redis_run(redis, command);
    if (redis->hot_of[command->bucket] >= 0 && fake_fault(host, 4)) {
        fake_trace(host, "redis: the connection breaks after b%u", command->bucket);
        return false;
    }
    return true;
}

/* Commands that were sent and not run by the time their connection broke: some of them run late. */
static void
leave_late(struct fake_redis_client *client, const struct fake_command *commands, size_t count)
{
    size_t kept =
        count == 0 ? 0 : fake_random_below(&client->redis->host->random, (uint32_t)count + 1);
    for (size_t i = 0; i < kept; i++) {
        add_late(client->redis, &commands[i]);
    }
}

static struct fake_command command_of(const struct fake_redis_client *client,
                                      enum fake_command_type type,
                                      uint32_t bucket,
                                      int64_t generation)
{
    return (struct fake_command){.type = type,
                                 .server = client->server,
                                 .connection = client->connection,
                                 .bucket = bucket,
                                 .generation = generation};
}

void fake_redis_abandon(struct fake_redis_client *client)
{
    if (client->calls != NULL) {
        leave_late(client, client->commands + client->executed, client->count - client->executed);
        client->calls = NULL;
    }
    client->server = -1;
}

static bool balances_connect(void *self, struct ts_balances_identity *out, struct ts_error *err)
{
    struct fake_redis_client *client = self;
    struct fake_redis *redis = client->redis;
    struct fake_host *host = redis->host;
    fake_redis_abandon(client);
    fake_pause(host);
    if (host->now_us < redis->down_until_us || fake_fault(host, 20)) {
        return fake_away(err, "Redis is loading");
    }
    client->server = redis->current;
    if (host->faulty && fake_chance(host, 150)) { /* an old address */
        client->server = fake_random_range(&host->random, 0, redis->server_count - 1);
    }
    if (!redis->servers[client->server].alive) {
        return disconnect(client, err);
    }
    client->connection = ++redis->connections;
    *out = redis->servers[client->server].identity;
    fake_trace(host, "connects to redis %d", client->server);
    fake_pause(host);
    return true;
}

static bool balances_create(void *self,
                            const uint32_t *buckets,
                            const int64_t *generations,
                            size_t count,
                            struct ts_error *err)
{
    struct fake_redis_client *client = self;
    const struct fake_redis *redis = client->redis;
    for (size_t i = 0; i < count; i++) {
        struct fake_command command = command_of(client, FAKE_CREATE, buckets[i], generations[i]);
        if (!run_one(client, &command)) {
            for (size_t j = i + command.ran; j < count && fake_chance(redis->host, 700); j++) {
                command = command_of(client, FAKE_CREATE, buckets[j], generations[j]);
                leave_late(client, &command, client->server >= 0);
            }
            return disconnect(client, err);
        }
    }
    return true;
}

static bool balances_open(void *self,
                          struct ts_lane lane,
                          int64_t token,
                          int64_t next,
                          const int64_t generations[TS_BUCKET_COUNT],
                          struct ts_bucket_answer answers[TS_BUCKET_COUNT],
                          struct ts_error *err)
{
    struct fake_redis_client *client = self;
    struct fake_redis *redis = client->redis;
    fake_trace(redis->host,
               "redis %d: opens %d at %lld with token %lld",
               client->server,
               fake_lane_number(redis->host, lane),
               (long long)next,
               (long long)token);
    for (uint32_t b = 0; b < TS_BUCKET_COUNT; b++) {
        struct fake_command command = command_of(client, FAKE_OPEN, b, generations[b]);
        command.lane = fake_lane_number(redis->host, lane);
        command.token = token;
        command.position = next;
        if (!run_one(client, &command)) {
            for (int hot = 0; client->server >= 0 && hot < FAKE_HOT_BUCKETS; hot++) {
                for (uint32_t later = b + command.ran; later < TS_BUCKET_COUNT; later++) {
                    if (redis->hot_of[later] == hot && fake_chance(redis->host, 500)) {
                        command.bucket = later;
                        command.generation = generations[later];
                        add_late(redis, &command);
                    }
                }
            }
            return disconnect(client, err);
        }
        answers[b] = (struct ts_bucket_answer){command.status, command.seen_generation};
        if (command.status != TS_BALANCES_OK && redis->hot_of[b] >= 0) {
            fake_trace(redis->host, "redis: b%u %s", b, ts_balances_status_name(command.status));
        }
    }
    return true;
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
    struct fake_redis_client *client = self;
    struct fake_command command = command_of(client, FAKE_LOAD, bucket, generation);
    TS_ASSERT(count <= FAKE_ACCOUNTS);
    TS_ASSERT(counter_count <= FAKE_ACCOUNTS * FAKE_COUNTERS);
    command.counting_count = counter_count;
    for (size_t i = 0; i < counter_count; i++) {
        struct fake_counting *counting = &command.countings[i];
        fake_counter_parse(counters[i].name, &counting->account, &counting->counter);
        counting->after = counters[i].used;
    }
    command.account_count = count;
    for (size_t i = 0; i < count; i++) {
        command.accounts[i] = fake_account_number(accounts[i].account_id);
        command.values[i] = accounts[i].balance_micros;
    }
    if (!run_one(client, &command)) {
        leave_late(client, &command, client->server >= 0 && !command.ran);
        return disconnect(client, err);
    }
    *answer = (struct ts_bucket_answer){command.status, command.seen_generation};
    return true;
}

/* --- apply: a group under way */

static void copy_call(struct fake_redis_client *client, struct ts_apply *call)
{
    struct fake_command *command = &client->commands[client->count++];
    *command = command_of(client, FAKE_APPLY, call->bucket, call->generation);
    command->lane = fake_lane_number(client->redis->host, call->lane);
    command->token = call->token;
    command->position = call->committed;
    command->first = call->first;
    command->last = call->last;
    command->slot = call->slot;
    command->undo = fake_copy(client->redis->host, call->undo);
    command->account_count = call->account_count;
    TS_ASSERT(call->account_count <= FAKE_ACCOUNTS);
    for (size_t i = 0; i < call->account_count; i++) {
        command->accounts[i] = fake_account_number(call->accounts[i].account_id);
        command->values[i] = call->accounts[i].delta_micros;
    }
    TS_ASSERT(call->counter_count <= FAKE_ACCOUNTS * FAKE_COUNTERS);
    command->counting_count = call->counter_count;
    for (size_t i = 0; i < call->counter_count; i++) {
        struct fake_counting *counting = &command->countings[i];
        fake_counter_parse(call->counters[i].name, &counting->account, &counting->counter);
        counting->before = call->counters[i].before;
        counting->after = call->counters[i].after;
    }
    call->status = TS_BALANCES_ERROR;
}

static bool
balances_apply_start(void *self, struct ts_apply *calls, size_t count, struct ts_error *err)
{
    struct fake_redis_client *client = self;
    fake_pause(client->redis->host);
    TS_ASSERT(client->calls == NULL && count > 0 && count <= FAKE_CALLS);
    if (!usable(client)) {
        return disconnect(client, err);
    }
    client->count = 0;
    client->executed = 0;
    client->cut = false;
    for (size_t i = 0; i < count; i++) {
        copy_call(client, &calls[i]);
    }
    client->calls = calls;
    return true;
}

static void answer(const struct fake_command *command, struct ts_apply *call)
{
    call->status = command->status;
    call->seen_generation = command->seen_generation;
    call->overflow = command->overflow;
    call->overflow_balance = command->overflow_balance;
    for (size_t i = 0; i < call->account_count; i++) {
        call->accounts[i].absent =
            command->status == TS_BALANCES_LOAD && (command->absent >> i & 1) != 0;
    }
    for (size_t i = 0; i < call->counter_count; i++) {
        call->counters[i].absent =
            command->status == TS_BALANCES_LOAD && (command->absent_counters >> i & 1) != 0;
        call->counters[i].used = command->status == TS_BALANCES_ALLOWANCE ? command->used[i] : -1;
    }
}

static enum ts_progress fail_group(struct fake_redis_client *client, struct ts_error *err)
{
    leave_late(client, client->commands + client->executed, client->count - client->executed);
    client->calls = NULL;
    disconnect(client, err);
    return TS_PROGRESS_FAILED;
}

static enum ts_progress balances_apply_poll(void *self, int wait_ms, struct ts_error *err)
{
    struct fake_redis_client *client = self;
    struct fake_host *host = client->redis->host;
    TS_ASSERT(client->calls != NULL);
    fake_pause(host);
    while (client->executed < client->count) {
        struct fake_command *command = &client->commands[client->executed];
        if (fake_chance(host, 200)) {
            if (wait_ms > 0) {
                fake_sleep(host, wait_ms * INT64_C(1000));
            }
            return TS_PROGRESS_PENDING;
        }
        struct ts_apply *call = &client->calls[client->executed];
        if (usable(client) && fake_fault(host, 6)) {
            fake_trace(host, "redis: an error reply, b%u is not run", command->bucket);
            client->executed++; /* the call's status stays ERROR */
            continue;
        }
        bool answered = run_one(client, command);
        client->executed += command->ran;
        if (!answered) {
            return fail_group(client, err);
        }
        answer(command, call);
    }
    client->calls = NULL;
    return TS_PROGRESS_DONE;
}

struct ts_balances fake_balances_port(struct fake_redis_client *client)
{
    static const struct ts_balances_ops ops = {
        .connect = balances_connect,
        .create = balances_create,
        .open = balances_open,
        .apply_start = balances_apply_start,
        .apply_poll = balances_apply_poll,
        .load = balances_load,
    };
    return (struct ts_balances){&ops, client};
}
