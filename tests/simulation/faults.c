/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that start, die, stop and resume, and what else goes wrong around them. */
#include "tests/simulation/world.h"

#include "base/assert.h"

#include <string.h>

/* --- processes */

static void run_process(void *argument)
{
    struct process *process = argument;
    struct fake_host *host = &process->world->host;
    while (ts_worker_step(process->worker, process->world->wait_ms)) {
        if (process->draining && ts_worker_drained(process->worker)) {
            return;
        }
        fake_sleep(host, fake_random_range(&host->random, 10, 400));
    }
}

struct process *world_start_process(struct world *world)
{
    struct fake_host *host = &world->host;
    if (world->process_count + 1 >= FAKE_PROCESSES) {
        return NULL;
    }
    int number = ++world->process_count;
    struct process *process = &world->processes[number];
    *process = (struct process){.world = world, .number = number, .alive = true};
    fake_trace(host, "process %d starts", number);
    process->member = fake_kafka_join(&world->kafka, number);
    process->session = (struct fake_session){.postgres = &world->postgres, .process = number};
    process->client.redis = &world->redis;
    process->client.server = -1;
    process->clock = (struct fake_clock){host, fake_random_range(&host->random, -40, 40)};
    if (fake_chance(host, world->postgres.lags ? 400 : 50)) { /* claims far ahead may be lost */
        process->clock.skew_ms = fake_random_range(&host->random, -3600000, 3600000);
    }
    struct ts_worker_ports ports = {
        .source = fake_source_port(process->member),
        .codec = fake_codec_port(host),
        .rates = fake_rates_port(&world->rates),
        .balances = fake_balances_port(&process->client),
        .ledger = fake_ledger_port(&process->session),
        .settle = fake_settle_port(&process->session),
        .publisher = fake_publisher_port(process->member),
        .zones = fake_zones_port(host),
        .clock = fake_clock_port(&process->clock),
        .observer = fake_observer_port(host),
    };
    struct ts_error err = {0};
    process->worker = ts_worker_create(&ports, &world->options, &err);
    TS_ASSERT(process->worker != NULL);
    process->fiber = fake_fiber_create(run_process, process);
    return process;
}

/* Without any farewell: what it held in the servers stays as it is. */
void world_kill(struct world *world, struct process *process)
{
    process->alive = false;
    fake_fiber_destroy(process->fiber);
    ts_worker_destroy(process->worker);
    process->fiber = NULL;
    process->worker = NULL;
    fake_kafka_kill(&world->kafka, process->number);
    fake_redis_abandon(&process->client);
    fake_session_abandon(&process->session);
}

static int alive(const struct world *world)
{
    int count = 0;
    for (int i = 1; i <= world->process_count; i++) {
        count += world->processes[i].alive;
    }
    return count;
}

static struct process *some_process(struct world *world)
{
    struct process *process =
        &world->processes[fake_random_range(&world->host.random, 0, world->process_count)];
    return process->alive ? process : NULL;
}

static void kill_one(struct world *world)
{
    struct fake_host *host = &world->host;
    struct process *process = some_process(world);
    if (process == NULL) {
        return;
    }
    fake_trace(host, "FAULT process %d is killed", process->number);
    world_kill(world, process);
    process->expires_us = host->now_us + fake_random_range(&host->random, 1, 10000);
    if (fake_chance(host, 700) || alive(world) == 0) {
        world_start_process(world);
    }
}

static void stop_one(struct world *world)
{
    struct fake_host *host = &world->host;
    struct process *process = some_process(world);
    if (process == NULL) {
        return;
    }
    int64_t us = fake_random_range(&host->random, 100, 80000);
    fake_trace(host, "FAULT process %d is stopped for %lld us", process->number, (long long)us);
    process->stopped_until_us = host->now_us + us;
    if (fake_chance(host, 800)) {
        process->expires_us = host->now_us + fake_random_range(&host->random, 1, (int)us);
        if (alive(world) < world->alive_max + 1) {
            world_start_process(world);
        }
    }
}

static void drain_one(struct world *world)
{
    struct process *process = some_process(world);
    if (process != NULL) {
        fake_trace(&world->host, "process %d is told to end", process->number);
        process->draining = true;
        ts_worker_drain(process->worker);
    }
    world_start_process(world);
}

static void lose_session(struct world *world)
{
    struct process *process = some_process(world);
    if (process != NULL) {
        fake_kafka_expel(&world->kafka, process->number);
    }
}

static void fail_lane(struct world *world)
{
    struct process *process = some_process(world);
    int lane = fake_random_range(&world->host.random, 0, world->kafka.lane_count - 1);
    if (process != NULL && process->member->lanes[lane].assigned) {
        fake_trace(&world->host, "FAULT %d fails for process %d", lane, process->number);
        process->member->to_fail |= 1u << lane;
        process->failed = true;
    }
}

static void hold_account(struct world *world)
{
    int account = fake_random_range(&world->host.random, 0, world->account_count - 1);
    fake_postgres_hold(
        &world->postgres, account, fake_random_range(&world->host.random, 500, 19000));
}

static void step_clock(struct world *world)
{
    struct process *process = some_process(world);
    if (process != NULL) {
        process->clock.skew_ms += fake_random_range(&world->host.random, -500, 500);
        fake_trace(&world->host, "FAULT the clock of process %d steps", process->number);
    }
}

/* --- servers */

static void replace_redis(struct world *world)
{
    struct fake_host *host = &world->host;
    bool split = fake_chance(host, 500);
    fake_redis_replace(&world->redis, split ? fake_random_range(&host->random, 500, 40000) : 0);
}

static void delete_bucket(struct world *world)
{
    int account = fake_random_range(&world->host.random, 0, world->account_count - 1);
    fake_redis_delete(&world->redis, ts_account_bucket(ts_bytes_of(world_account_id(account))));
}

static void lose_commits(struct world *world)
{
    if (world->postgres.lags) {
        fake_postgres_lose(&world->postgres, fake_random_range(&world->host.random, 0, 5000));
        world->told_matched = 0; /* the flags of the rows are those of then */
    }
}

static void take_leader(struct world *world)
{
    struct fake_host *host = &world->host;
    int lane = fake_random_range(&host->random, 0, world->kafka.lane_count - 1);
    int64_t us = fake_random_range(&host->random, 100, 200000);
    fake_trace(host, "FAULT partition %d has no leader for %lld us", lane, (long long)us);
    world->kafka.logs[lane].leaderless_until_us = host->now_us + us;
}

static void take_down(struct world *world)
{
    struct fake_host *host = &world->host;
    int64_t us = fake_random_range(&host->random, 100, 30000);
    switch (fake_random_below(&host->random, 3)) {
    case 0:
        fake_trace(host, "FAULT redis is away for %lld us", (long long)us);
        world->redis.down_until_us = host->now_us + us;
        break;
    case 1:
        fake_trace(host, "FAULT kafka is away for %lld us", (long long)us);
        world->kafka.down_until_us = host->now_us + us;
        break;
    default:
        fake_postgres_crash(&world->postgres, us);
        break;
    }
}

/* --- changes that are no faults, but let a second attempt decide otherwise */

static void publish_deck(struct world *world)
{
    if (world->rates.revision + 1 < FAKE_REVISIONS) {
        world->rates.revision++;
        fake_trace(&world->host, "a deck is published: %lld", (long long)world->rates.revision);
    }
}

static void change_account(struct world *world)
{
    struct fake_host *host = &world->host;
    int number = fake_random_range(&host->random, 0, world->account_count - 1);
    struct fake_account *account = &world->postgres.tables.accounts[number];
    if (account->locked_by != NULL) {
        return;
    }
    if (!account->exists) {
        fake_trace(host, "account %d is created", number);
        account->exists = true;
        world->postgres.copy_count = 0; /* what the operator did is not lost */
        return;
    }
    account->profile.revision++;
    fake_trace(host, "account %d is changed, revision %d", number, account->profile.revision);
}

/* Retention only ever takes what is settled. */
static void retain(struct world *world)
{
    int lane = fake_random_range(&world->host.random, 0, world->kafka.lane_count - 1);
    struct fake_log *log = &world->kafka.logs[lane];
    int64_t next = world->postgres.tables.partitions[lane].next_offset;
    if (log->low < next && !world->postgres.lags) {
        log->low +=
            1 + (int64_t)fake_random_below(&world->host.random, (uint32_t)(next - log->low));
        fake_trace(&world->host, "retention: %d begins at %lld", lane, (long long)log->low);
    }
}

/* --- */

struct fault {
    unsigned weight;
    void (*happen)(struct world *world);
};

static void rebalance(struct world *world)
{
    fake_kafka_rebalance(&world->kafka);
}

static void flush_redis(struct world *world)
{
    fake_redis_flush(&world->redis);
}

static void start_one(struct world *world)
{
    if (alive(world) < world->alive_max + 1) {
        world_start_process(world);
    }
}

static void draw(struct world *world, const struct fault *faults, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += faults[i].weight;
    }
    uint32_t pick = fake_random_below(&world->host.random, sum);
    while (pick >= faults->weight) {
        pick -= faults->weight;
        faults++;
    }
    faults->happen(world);
}

void world_draw_fault(struct world *world)
{
    static const struct fault faults[] = {
        {25, kill_one},
        {25, stop_one},
        {10, lose_session},
        {10, rebalance},
        {5, start_one},
        {5, drain_one},
        {15, replace_redis},
        {6, flush_redis},
        {12, delete_bucket},
        {12, take_down},
        {3, step_clock},
        {4, take_leader},
        {4, fail_lane},
        {8, hold_account},
        {12, lose_commits},
    };
    static const struct fault changes[] = {
        {3, publish_deck},
        {2, change_account},
        {1, retain},
    };
    struct fake_host *host = &world->host;
    if (world->big_faults_left > 0 && fake_chance(host, world->big_fault_permille)) {
        world->big_faults_left--;
        draw(world, faults, sizeof faults / sizeof *faults);
    }
    if (fake_chance(host, 8)) {
        draw(world, changes, sizeof changes / sizeof *changes);
    }
    if (world->crowded && fake_chance(host, 20)) {
        hold_account(world);
    }
    if (fake_chance(host, 30)) {
        fake_redis_copy(&world->redis);
    }
    if (alive(world) == 0 && fake_chance(host, 20)) {
        world_start_process(world);
    }
}

/* The last fault is over. What is down comes back, what is stopped goes on. */
void world_heal(struct world *world)
{
    struct fake_host *host = &world->host;
    if (fake_chance(host, 300)) { /* often when all is told already, and nobody looks */
        lose_commits(world);
    }
    host->faulty = false;
    fake_trace(host, "CALM from here on");
    world->redis.down_until_us = 0;
    world->kafka.down_until_us = 0;
    for (int i = 0; i < world->kafka.lane_count; i++) {
        world->kafka.logs[i].leaderless_until_us = 0;
    }
    world->postgres.down_until_us = 0;
    world->postgres.window_to_ms = INT64_MAX;
    world->rates.revision += world->rates.revision == 0;
    for (int i = 1; i <= world->process_count; i++) {
        world->processes[i].stopped_until_us = 0;
    }
    for (int i = 1; i <= world->process_count; i++) {
        struct process *process = &world->processes[i];
        if (process->alive && process->failed) {
            world_kill(world, process);
            process->expires_us = host->now_us;
        }
    }
    bool lasting = false;
    for (int i = 1; i <= world->process_count; i++) {
        lasting = lasting || (world->processes[i].alive && !world->processes[i].draining);
    }
    if (!lasting) {
        world_start_process(world);
    }
}
