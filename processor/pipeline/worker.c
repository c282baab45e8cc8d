/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/worker.h"

#include "base/without.h"
#include "pipeline/stages.h"

#include <stdlib.h>

enum {
    SETTLE_ARENA_BLOCK = 1024 * 1024,
    SETTLE_ARENA_MAX = 96 * 1024 * 1024,
    SETTLE_ARENA_PER_RECORD = 4096,
    SCRATCH_MAX = 1024 * 1024,
    UNDO_MAX = 8 * 1024 * 1024,
    NAME_MAX = 1024,
    BUSY_WAIT_MS = 1, /* while a server works for us */
};

void ts_worker_options_default(struct ts_worker_options *options)
{
    *options = (struct ts_worker_options){
        .batch = {.records_max = 5000, .bytes_max = 4 * 1024 * 1024, .pool_size = 16},
        .linger_ms = 20,
        .settle_records_max = 20000,
        .account_cache_entries = 262144,
        .belief_entries = 65536,
        .recent_identities = 2000000,
        .unacknowledged_max = 65536,
        .retry_first_ms = 50,
        .retry_max_ms = 5000,
        .lookups_after_claim = 20000,
        .fenced_retry_ms = 10000,
        .idle_probe_ms = 5000,
        .hold_back_after_ms = 1000,
        .lane_check_ms = 10000,
        .settle_timeout_ms = 30000,
        .duration_tolerance_ms = 2000,
        .decide = {.recharge_expires_after_ms = INT64_C(24) * 3600 * 1000},
    };
}

struct ts_worker *ts_worker_create(const struct ts_worker_ports *ports,
                                   const struct ts_worker_options *options,
                                   struct ts_error *err)
{
    struct ts_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    worker->ports = *ports;
    worker->options = *options;
    worker->phase = TS_PHASE_DISCONNECTED;
    ts_worker_stats_init(&worker->stats);
    ts_gauge(&worker->stats.batches_max, (int64_t)options->batch.pool_size);
    worker->source_answers = true;
    worker->settling.records_limit = options->settle_records_max;
    ts_arena_init(&worker->settling.arena,
                  SETTLE_ARENA_BLOCK,
                  SETTLE_ARENA_MAX + options->settle_records_max * SETTLE_ARENA_PER_RECORD);
    ts_buffer_init(&worker->settling.scratch, SCRATCH_MAX);
    ts_buffer_init(&worker->undo, UNDO_MAX);
    ts_buffer_init(&worker->name, NAME_MAX);
    size_t unsettled_max = options->batch.pool_size * options->batch.records_max;
    if ((worker->pool = ts_batch_pool_create(&options->batch, err)) == NULL ||
        (worker->accounts = ts_account_cache_create(options->account_cache_entries, err)) == NULL ||
        (worker->beliefs = ts_beliefs_create(options->belief_entries, err)) == NULL ||
        (worker->zones = ts_zone_cache_create(ports->zones, err)) == NULL ||
        (worker->identities =
             ts_identities_create(unsettled_max, options->recent_identities, err)) == NULL ||
        !ts_publish_init(worker, err)) {
        ts_worker_destroy(worker);
        return NULL;
    }
    return worker;
}

static void release_catalog(struct ts_worker *worker, const struct ts_batch_queue *queue)
{
    for (struct ts_batch *batch = queue->first; batch != NULL; batch = batch->next) {
        if (batch->catalog != NULL) {
            worker->ports.rates.ops->release(worker->ports.rates.self, batch->catalog);
        }
    }
}

void ts_worker_destroy(struct ts_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    release_catalog(worker, &worker->ready);
    release_catalog(worker, &worker->charged);
    release_catalog(worker, &worker->settling.batches);
    if (worker->charging != NULL) {
        release_catalog(worker, &(struct ts_batch_queue){.first = worker->charging});
    }
    for (size_t i = 0; i < worker->lane_count; i++) {
        free(worker->lanes[i]);
    }
    ts_publish_finish(worker);
    ts_identities_destroy(worker->identities);
    ts_account_cache_destroy(worker->accounts);
    ts_beliefs_destroy(worker->beliefs);
    ts_zone_cache_destroy(worker->zones);
    ts_batch_pool_destroy(worker->pool);
    ts_buffer_finish(&worker->undo);
    ts_buffer_finish(&worker->name);
    ts_buffer_finish(&worker->settling.scratch);
    ts_arena_finish(&worker->settling.arena);
    free(worker);
}

/* Keeps the membership of the group while the servers are away. Messages are not taken: the lanes
 * are started again when they are opened. */
static void wait_outside(struct ts_worker *worker, int wait_ms)
{
    int64_t rest_ms = (worker->retry_at_us - ts_worker_now_us(worker) + 999) / 1000;
    int wait = rest_ms < wait_ms ? (int)rest_ms : wait_ms;
    struct ts_source_event event;
    worker->ports.source.ops->poll(worker->ports.source.self, wait > 0 ? wait : 0, &event);
    ts_worker_source_event(worker, &event);
}

/* A lane that somebody else claimed but that the group still gives to us: the other is gone, or the
 * group was wrong about it. To claim it again is always safe, and never to do so would stop it. And
 * one whose broker did not answer: the others are not disturbed before it does. */
static void retry_lanes(struct ts_worker *worker)
{
    int64_t now_us = ts_worker_now_us(worker);
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        bool fenced = lane->phase == TS_LANE_FENCED &&
                      now_us - lane->fenced_us > worker->options.fenced_retry_ms * 1000;
        bool due = lane->phase == TS_LANE_ASSIGNED && now_us >= lane->claim_at_us;
        if (fenced || (due && ts_lane_answers(worker, lane))) {
            lane->phase = TS_LANE_ASSIGNED;
            ts_worker_trouble(worker, TS_PHASE_REOPENING, NULL);
        }
        if (due) {
            return; /* one question a turn: it may take its time-out */
        }
    }
}

static bool idle(const struct ts_worker *worker)
{
    return worker->charging == NULL && worker->ready.count == 0 && worker->charged.count == 0 &&
           worker->settling.phase == TS_SETTLING_NOTHING && ts_publish_idle(worker);
}

/* A worker with nothing to do would not notice that PostgreSQL failed over and lost commits, which
 * are to be replayed, or that it is away, and would call itself healthy. */
static void probe(struct ts_worker *worker)
{
    int64_t now_us = ts_worker_now_us(worker);
    if (now_us < worker->probe_at_us) {
        return;
    }
    worker->probe_at_us = now_us + worker->options.idle_probe_ms * 1000;
    const struct ts_ledger *ledger = &worker->ports.ledger;
    struct ts_bucket_row rows[TS_BUCKET_COUNT];
    struct ts_error err = {0};
    if (!ledger->ops->buckets(ledger->self, rows, &err)) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return;
    }
    for (uint32_t b = 0; b < TS_BUCKET_COUNT; b++) {
        if (rows[b].generation != worker->generations[b]) {
            ts_error_set(&err, TS_ERROR_NONE, 0, "bucket %u was raised", b);
            ts_worker_trouble(worker, TS_PHASE_REOPENING, &err);
            return;
        }
    }
}

/* The loop's phases, in order: take in, charge, settle, tell. Whatever of them meets trouble leaves
 * the rest of the turn to the next one. */
static void run(struct ts_worker *worker, int wait_ms)
{
    bool (*const stages[])(struct ts_worker *) = {ts_worker_charge, ts_worker_publish};
    bool done = ts_worker_ingest(worker, 0);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        done = (worker->phase == TS_PHASE_RUNNING && stages[i](worker)) || done;
    }
    if (worker->phase == TS_PHASE_RUNNING) {
        bool waits = !done && worker->settling.phase != TS_SETTLING_NOTHING && wait_ms > 0;
        done = ts_worker_settle(worker, waits ? BUSY_WAIT_MS : 0) || done || waits;
    }
    if (worker->phase == TS_PHASE_RUNNING) {
        retry_lanes(worker);
    }
    if (worker->phase == TS_PHASE_RUNNING) {
        ts_worker_check_lanes(worker);
    }
    bool busy = done || !idle(worker);
    if (!busy && worker->phase == TS_PHASE_RUNNING && !ts_without("idle-probe")) {
        probe(worker);
    }
    if (!done && worker->phase == TS_PHASE_RUNNING && wait_ms > 0) {
        if (!busy && worker->source_answers) {
            ts_gauge(&worker->stats.last_progress_ms, ts_worker_now_ms(worker));
        }
        ts_worker_ingest(worker, busy ? BUSY_WAIT_MS : wait_ms);
    }
}

static void update_gauges(struct ts_worker *worker)
{
    worker->stats.phase = worker->phase;
    ts_gauge(&worker->stats.batches_used,
             (int64_t)(ts_batch_pool_size(worker->pool) - ts_batch_pool_free(worker->pool)));
    for (size_t i = 0; i < worker->lane_count; i++) {
        const struct ts_source *source = &worker->ports.source;
        ts_gauge(&worker->lanes[i]->stats->high,
                 source->ops->high_seen(source->self, worker->lanes[i]->id));
    }
}

bool ts_worker_step(struct ts_worker *worker, int wait_ms)
{
    switch (worker->phase) {
    case TS_PHASE_RUNNING:
        run(worker, wait_ms);
        break;
    case TS_PHASE_DISCONNECTED:
    case TS_PHASE_REOPENING:
        if (ts_worker_now_us(worker) < worker->retry_at_us) {
            wait_outside(worker, wait_ms);
        } else if (worker->phase == TS_PHASE_DISCONNECTED) {
            ts_worker_connect(worker);
        } else {
            ts_worker_reopen(worker);
        }
        break;
    case TS_PHASE_STOPPED:
        break;
    }
    if (worker->fatal.class != TS_ERROR_NONE && worker->phase != TS_PHASE_STOPPED) {
        TS_SAY(worker, TS_LEVEL_ERROR, "fatal", "%s", worker->fatal.text);
        worker->phase = TS_PHASE_STOPPED;
    }
    update_gauges(worker);
    return worker->phase != TS_PHASE_STOPPED;
}

void ts_worker_drain(struct ts_worker *worker)
{
    worker->draining = true;
}

bool ts_worker_drained(const struct ts_worker *worker)
{
    if (!worker->draining || worker->charging != NULL || worker->charged.count > 0 ||
        worker->settling.phase != TS_SETTLING_NOTHING) {
        return false;
    }
    /* After trouble, charges are in Redis that were dropped here, and messages may not be told:
     * to reopen takes the ones back and finds the others. */
    return worker->phase == TS_PHASE_RUNNING ? ts_publish_idle(worker) : !worker->worked;
}

const struct ts_worker_stats *ts_worker_stats(const struct ts_worker *worker)
{
    return &worker->stats;
}
