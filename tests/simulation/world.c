/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/world.h"

#include "tests/simulation/judge.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

enum {
    MEMORY_BLOCK = 1024 * 1024,
    MEMORY_MAX = 512 * 1024 * 1024,
    CALM_TICKS_MAX = 60000, /* by then everything has ended, or never will */
    STILL_TICKS = 60,       /* nothing moves for so long: the end */
};

/* --- time and turns */

static struct process *pick_process(struct world *world)
{
    struct process *ready[FAKE_PROCESSES];
    uint32_t count = 0;
    int64_t next_us = INT64_MAX;
    for (int i = 1; i <= world->process_count; i++) {
        struct process *process = &world->processes[i];
        int64_t from_us = process->wake_us > process->stopped_until_us ? process->wake_us
                                                                       : process->stopped_until_us;
        if (!process->alive) {
            continue;
        }
        if (from_us <= world->host.now_us) {
            ready[count++] = process;
        } else if (from_us < next_us) {
            next_us = from_us;
        }
    }
    if (count > 0) {
        return ready[fake_random_below(&world->host.random, count)];
    }
    if (next_us != INT64_MAX) {
        world->host.now_us = next_us;
    }
    return NULL;
}

static void resume(struct world *world, struct process *process)
{
    struct fake_host *host = &world->host;
    host->process = process->number;
    host->wake_us = 0;
    fake_fiber_resume(process->fiber);
    process->wake_us = host->wake_us;
    host->process = 0;
    if (fake_fiber_done(process->fiber)) {
        fake_trace(host, "process %d ends", process->number);
        if (!process->draining || !ts_worker_drained(process->worker)) {
            fake_violation(host, "I6: a worker stopped by itself");
        }
        world_kill(world, process);
        fake_kafka_expel(&world->kafka, process->number);
    }
}

static void append_messages(struct world *world)
{
    for (int i = 0; i < world->kafka.lane_count; i++) {
        if (world->planned_next[i] < world->planned_count[i] &&
            (!world->host.faulty || fake_chance(&world->host, world->append_permille))) {
            struct fake_message *message = &world->planned[i][world->planned_next[i]++];
            message->timestamp_ms = FAKE_EPOCH_MS + world->host.now_us / 1000;
            fake_kafka_append(&world->kafka, i, message);
        }
    }
}

static void expire_sessions(struct world *world)
{
    for (int i = 1; i <= world->process_count; i++) {
        struct process *process = &world->processes[i];
        if (process->expires_us != 0 && process->expires_us <= world->host.now_us) {
            process->expires_us = 0;
            fake_kafka_expel(&world->kafka, i);
        }
    }
}

static void tick(struct world *world)
{
    struct fake_host *host = &world->host;
    world->ticks++;
    host->now_us += fake_random_range(&host->random, 10, 120);
    append_messages(world);
    world_serve(world);
    world_replay(world);
    expire_sessions(world);
    fake_kafka_tick(&world->kafka);
    fake_redis_tick(&world->redis);
    fake_postgres_tick(&world->postgres);
    if (host->faulty) {
        world_draw_fault(world);
    }
    struct process *process = pick_process(world);
    if (process != NULL) {
        resume(world, process);
    }
}

/* --- the end */

static bool lane_ended(const struct world *world, int lane)
{
    const struct fake_log *log = &world->kafka.logs[lane];
    const struct fake_partition *partition = &world->postgres.tables.partitions[lane];
    int64_t end = log->high;
    while (end > 0 && log->messages[end - 1].hole) {
        end--;
    }
    return world->planned_next[lane] == world->planned_count[lane] && partition->exists &&
           (end == 0 || (partition->next_offset == end && log->committed == end));
}

static bool all_ended(const struct world *world)
{
    for (int i = 0; i < world->kafka.lane_count; i++) {
        if (!lane_ended(world, i)) {
            return false;
        }
    }
    for (int i = 1; i <= world->process_count; i++) {
        const struct process *process = &world->processes[i];
        if (process->alive &&
            (process->draining || ts_worker_stats(process->worker)->phase != TS_PHASE_RUNNING)) {
            return false;
        }
    }
    return world_is_served(world) && world_is_replayed(world) &&
           fake_kafka_settled(&world->kafka) && fake_redis_settled(&world->redis) &&
           fake_postgres_settled(&world->postgres);
}

static void tell_what_lasts(struct world *world)
{
    for (int i = 0; i < world->kafka.lane_count; i++) {
        if (!lane_ended(world, i)) {
            fake_violation(&world->host,
                           "I6: %d stays at next_offset %lld, watermark %lld, of %lld",
                           i,
                           (long long)world->postgres.tables.partitions[i].next_offset,
                           (long long)world->kafka.logs[i].committed,
                           (long long)world->kafka.logs[i].high);
        }
    }
    fake_violation(&world->host, "I6: something never ends");
}

static void run_until_still(struct world *world)
{
    int64_t until = world->ticks + CALM_TICKS_MAX;
    int still = 0;
    while (still < STILL_TICKS && world->host.violation[0] == '\0') {
        tick(world);
        still = all_ended(world) ? still + 1 : 0;
        if (world->ticks > until) {
            tell_what_lasts(world);
        }
    }
}

/* --- the beginning */

static void draw_options(struct world *world)
{
    struct fake_random *random = &world->host.random;
    struct ts_worker_options *options = &world->options;
    ts_worker_options_default(options);
    options->batch.records_max = (size_t)fake_random_range(random, 1, 5);
    options->batch.bytes_max = (size_t)fake_random_range(random, 20, 1000);
    options->batch.pool_size = (size_t)fake_random_range(random, 2, 5);
    if (world->crowded) {
        options->batch.records_max = 1;
        options->batch.pool_size = 2 * TS_UNDO_SLOTS;
    }
    options->linger_ms = fake_random_range(random, 0, 2);
    options->settle_records_max = (size_t)fake_random_range(random, 2, 12);
    options->account_cache_entries = 8;
    options->recent_identities = 64;
    options->unacknowledged_max = (size_t)fake_random_range(random, 4, 64);
    options->retry_first_ms = 1;
    options->retry_max_ms = 8;
    options->lookups_after_claim = fake_random_range(random, 0, 12);
    options->fenced_retry_ms = 20;
    options->hold_back_after_ms = fake_random_range(random, 0, 20);
    options->idle_probe_ms = fake_random_range(random, 5, 30);
    options->settle_timeout_ms = 60;
    options->lane_check_ms = fake_random_range(random, 2, 200);
    options->topics[TS_INPUT_CDRS] = TS_LITERAL("cdrs");
    options->topics[TS_INPUT_CREDITS] = TS_LITERAL("credits");
    options->topics[TS_INPUT_ADJUSTMENTS] = TS_LITERAL("adjustments");
    options->decide = (struct ts_decide_settings){
        .recharge_expires_after_ms = fake_random_range(random, 2, 60),
        .recharge_backoff_first_ms = fake_random_range(random, 1, 12),
        .recharge_backoff_longest_ms = fake_random_range(random, 4, 40),
    };
}

/* Messages come in during the whole time of faults, with a rush at times. */
static void draw_pace(struct world *world)
{
    struct fake_random *random = &world->host.random;
    int most = 1;
    for (int i = 0; i < world->kafka.lane_count; i++) {
        most = world->planned_count[i] > most ? world->planned_count[i] : most;
    }
    int ticks_each = fake_random_range(random, 8, 70);
    world->faulty_ticks = 200 + most * ticks_each;
    world->append_permille = world->crowded ? 1000 : 1000u / (unsigned)ticks_each;
    world->big_faults_left = fake_random_range(random, 0, 12);
    world->big_fault_permille =
        1 + (unsigned)(1200 * world->big_faults_left / (int)world->faulty_ticks);
}

static void begin_world(struct world *world, uint64_t seed, const char *without, bool trace)
{
    struct fake_host *host = &world->host;
    struct ts_arena memory = host->memory;
    if (memory.block_size == 0) {
        ts_arena_init(&memory, MEMORY_BLOCK, MEMORY_MAX);
    }
    ts_arena_reset(&memory);
    *host = (struct fake_host){.random = {seed * UINT64_C(0x2545f4914f6cdd1d) + 1},
                               .faulty = true,
                               .trace = trace,
                               .memory = memory};
    fake_take_away(host, without);
    static const unsigned pauses[] = {30, 100, 300, 700};
    host->pause_permille = pauses[fake_random_below(&host->random, 4)];
    host->linger_permille = fake_chance(host, 500) ? 0 : fake_random_below(&host->random, 60);
    host->faults_left = fake_random_range(&host->random, 0, 14);
    memset(world->processes, 0, sizeof world->processes);
    world->process_count = 0;
    world->ticks = 0;
    world->told_matched = 0;
    world->alive_max = fake_random_range(&host->random, 1, 3);
    world->rates = (struct fake_rates){.host = host, .revision = fake_chance(host, 900)};
    static const int waits_ms[] = {0, 0, 1, 5};
    world->wait_ms = waits_ms[fake_random_below(&host->random, 4)];
    world->crowded = fake_chance(host, 40);
    draw_options(world);
    host->partitions[TS_INPUT_CDRS] =
        world->crowded ? 1 : fake_random_range(&host->random, 1, FAKE_CALL_LANES);
    host->partitions[TS_INPUT_CREDITS] = fake_random_range(&host->random, 0, FAKE_ORDER_LANES);
    host->partitions[TS_INPUT_ADJUSTMENTS] =
        fake_random_range(&host->random, 0, FAKE_ADJUSTMENT_LANES);
    static const int days_ms[] = {12, 40, 3000000};
    host->day_ms = days_ms[fake_random_below(&host->random, 3)];
    fake_kafka_init(&world->kafka, host, fake_lane_count(host));
    world->kafka.on_commit = judge_commit;
    world->kafka.on_commit_self = world;
    fake_postgres_init(&world->postgres, host, world->kafka.lane_count);
    world->postgres.lags = fake_chance(host, 100);
    world->postgres.on_trim = judge_trim;
    world->postgres.on_trim_self = world;
    world_make_accounts(world);
    world_plan_messages(world);
    draw_pace(world);
    for (int i = 0; i < world->alive_max; i++) {
        world_start_process(world);
    }
}

const char *world_run(struct world *world, uint64_t seed, const char *without, bool trace)
{
    begin_world(world, seed, without, trace);
    struct fake_host *host = &world->host;
    while (world->ticks < world->faulty_ticks && host->violation[0] == '\0') {
        tick(world);
    }
    world_heal(world);
    run_until_still(world);
    if (host->violation[0] == '\0') {
        world_plan_probes(world);
        run_until_still(world);
    }
    if (host->violation[0] == '\0') {
        judge_world(world);
    }
    for (int i = 1; i <= world->process_count; i++) {
        if (world->processes[i].alive) {
            world_kill(world, &world->processes[i]);
        }
    }
    return host->violation[0] == '\0' ? NULL : host->violation;
}

void world_finish(struct world *world)
{
    ts_arena_finish(&world->host.memory);
    fake_kafka_finish(&world->kafka);
    fake_redis_finish(&world->redis);
    fake_postgres_finish(&world->postgres);
}
