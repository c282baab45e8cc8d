/* SPDX-License-Identifier: Apache-2.0 */
/* Publish: outbox rows to the output topics, and then the watermark: the group's committed offset
 * says that everything below it is settled *and* told. Rows are handed over in order, behind all
 * older ones of their accounts, whoever settled those: a reader who goes by the account's sequence
 * misses nothing. The next settlement waits until all of the last one's are. A delivery that fails
 * makes the producer anew and replays the outbox from the watermark: a reader meets some events
 * twice, with the same id. */
#include "base/assert.h"
#include "base/fault.h"
#include "base/without.h"
#include "pipeline/stages.h"

#include <stdlib.h>
#include <string.h>

enum { REPLAY_BLOCK = 256 * 1024, REPLAY_BYTES_MAX = 48 * 1024 * 1024 };
enum { TRIM_EVERY_US = 1000000, CALM_US = 30000000 };

bool ts_publish_init(struct ts_worker *worker, struct ts_error *err)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    for (publishing->ring_size = 64; publishing->ring_size < worker->options.unacknowledged_max;) {
        publishing->ring_size *= 2;
    }
    publishing->acked = calloc(publishing->ring_size, 1);
    publishing->fences = calloc(TS_FENCES_MAX, sizeof *publishing->fences);
    ts_arena_init(&publishing->replay.arena, REPLAY_BLOCK, REPLAY_BYTES_MAX);
    ts_arena_init(&publishing->replay.older_arena, REPLAY_BLOCK, REPLAY_BYTES_MAX);
    ts_gauge(&worker->stats.unacknowledged_max, (int64_t)publishing->ring_size);
    return (publishing->acked != NULL && publishing->fences != NULL) || ts_error_no_memory(err);
}

void ts_publish_finish(struct ts_worker *worker)
{
    free(worker->publishing.acked);
    free(worker->publishing.fences);
    ts_arena_finish(&worker->publishing.replay.arena);
    ts_arena_finish(&worker->publishing.replay.older_arena);
}

bool ts_publish_ready(const struct ts_worker *worker)
{
    const struct ts_publishing_state *publishing = &worker->publishing;
    return publishing->rows == NULL && publishing->older == NULL && !publishing->fences_due &&
           publishing->fence_count + worker->lane_count <= TS_FENCES_MAX &&
           !ts_replay_due(worker) && !publishing->broken;
}

bool ts_publish_idle(const struct ts_worker *worker)
{
    return ts_publish_ready(worker) && worker->publishing.fence_count == 0;
}

void ts_publish_settled(struct ts_worker *worker)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    const struct ts_settlement *settlement = &worker->settling.settlement;
    TS_ASSERT(publishing->rows == NULL && publishing->older == NULL);
    publishing->rows = settlement->outbox_count > 0 ? settlement->outbox : NULL;
    publishing->row_count = settlement->outbox_count;
    publishing->row_next = 0;
    publishing->older = settlement->older.count > 0 ? settlement->older.rows : NULL;
    publishing->older_count = settlement->older.count;
    publishing->older_next = 0;
    publishing->fences_due = true;
}

/* --- trouble with the producer */

/* A message that is refused again and again (no such topic, no right to write) must not make
 * producers as fast as they can be made. */
static void put_off_mending(struct ts_worker *worker)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    int64_t now_us = ts_worker_now_us(worker);
    if (now_us - publishing->failed_us > CALM_US) {
        publishing->failures = 0;
    }
    int64_t wait_ms = 0;
    if (publishing->failures > 0) {
        int doublings = publishing->failures < 16 ? publishing->failures - 1 : 15;
        wait_ms = (int64_t)worker->options.retry_first_ms << doublings;
    }
    if (wait_ms > worker->options.retry_max_ms) {
        wait_ms = worker->options.retry_max_ms;
    }
    publishing->failures++;
    publishing->failed_us = now_us;
    publishing->mend_at_us = now_us + wait_ms * 1000;
}

static void begin_anew(struct ts_worker *worker, const struct ts_error *why)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    ts_count(&worker->stats.errors[TS_ERROR_RETRY], 1);
    TS_SAY(worker, TS_LEVEL_WARNING, "publish_failed", "%s", why->text);
    publishing->broken = true;
    put_off_mending(worker);
    for (size_t i = 0; i < worker->lane_count; i++) {
        worker->lanes[i]->replay_outbox = true;
        worker->lanes[i]->outbox_from = worker->lanes[i]->published;
    }
    publishing->rows = NULL;
    publishing->older = NULL;
    publishing->fences_due = false;
    publishing->fence_count = 0;
    ts_replay_forget(worker);
    publishing->ticket_acked = publishing->ticket_next;
    memset(publishing->acked, 0, publishing->ring_size);
}

/* False while there is no producer. */
static bool mend(struct ts_worker *worker)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    struct ts_error err = {0};
    if (publishing->broken && ts_worker_now_us(worker) >= publishing->mend_at_us) {
        if (worker->ports.publisher.ops->reset(worker->ports.publisher.self, &err)) {
            publishing->broken = false;
        } else if (err.class == TS_ERROR_FATAL) {
            worker->fatal = err;
        } else {
            put_off_mending(worker);
        }
    }
    return !publishing->broken;
}

/* --- handing over */

bool ts_publish_hand_over(struct ts_worker *worker, const struct ts_outbox_row *row)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    const struct ts_publisher *publisher = &worker->ports.publisher;
    if (publishing->ticket_next - publishing->ticket_acked >= publishing->ring_size) {
        return false;
    }
    struct ts_error err = {0};
    switch (publisher->ops->send(publisher->self,
                                 (enum ts_output)row->output,
                                 row->key,
                                 row->payload,
                                 publishing->ticket_next,
                                 &err)) {
    case TS_SEND_OK:
        publishing->ticket_next++;
        return true;
    case TS_SEND_FULL:
        return false;
    case TS_SEND_FAILED:
        begin_anew(worker, &err);
        return false;
    }
    return false;
}

void ts_publish_add_fence(struct ts_worker *worker, struct ts_lane lane, int64_t end)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    TS_ASSERT(publishing->fence_count < TS_FENCES_MAX);
    size_t at = (publishing->fence_first + publishing->fence_count++) % TS_FENCES_MAX;
    publishing->fences[at] = (struct ts_fence){.lane = lane,
                                               .end = end,
                                               .tickets = publishing->ticket_next,
                                               .handed_us = ts_worker_now_us(worker)};
}

/* Handed over before means: to this producer, so it arrives before; or acknowledged long ago. */
static bool is_handed_over(const struct ts_worker *worker, const struct ts_outbox_row *row)
{
    const struct ts_lane_state *lane = ts_worker_lane((struct ts_worker *)worker, row->lane);
    if (lane == NULL || (lane->phase != TS_LANE_OPEN && lane->phase != TS_LANE_STOPPED)) {
        return false;
    }
    /* Beyond next_offset it was settled by somebody who claimed the lane without our knowing. */
    return row->offset < (lane->replay_outbox ? lane->outbox_from : lane->next_offset);
}

bool ts_publish_hand_over_older(struct ts_worker *worker, const struct ts_outbox_row *row)
{
    return is_handed_over(worker, row) || ts_without("older-first") ||
           ts_publish_hand_over(worker, row);
}

static bool hand_over_older(struct ts_worker *worker)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    while (publishing->older_next < publishing->older_count) {
        if (!ts_publish_hand_over_older(worker, &publishing->older[publishing->older_next])) {
            return false;
        }
        publishing->older_next++;
    }
    publishing->older = NULL;
    return true;
}

/* True when the last settlement's rows can't be told before others: a lane's outbox is to be told
 * again from an earlier row on, or not all of the older rows came along. A lane that was fenced
 * meanwhile is told by its new owner. */
static bool must_wait(const struct ts_worker *worker)
{
    const struct ts_publishing_state *publishing = &worker->publishing;
    const struct ts_settlement *settlement = &worker->settling.settlement;
    bool wait = ts_replay_due(worker) || (publishing->older != NULL && settlement->older.more);
    for (size_t i = 0; i < settlement->lane_count && !wait; i++) {
        const struct ts_lane_state *lane =
            ts_worker_lane((struct ts_worker *)worker, settlement->lanes[i].lane);
        wait = lane != NULL && lane->replay_outbox;
    }
    return wait;
}

/* Leaves the last settlement's rows to a replay, which tells them behind all older ones. */
static void replay_instead(struct ts_worker *worker)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    const struct ts_settlement *settlement = &worker->settling.settlement;
    for (size_t i = 0; i < settlement->lane_count; i++) {
        struct ts_lane_state *lane = ts_worker_lane(worker, settlement->lanes[i].lane);
        if (lane != NULL && !lane->replay_outbox) {
            lane->replay_outbox = true;
            lane->outbox_from = settlement->lanes[i].start;
        }
    }
    publishing->rows = NULL;
    publishing->older = NULL;
    publishing->fences_due = false;
}

static bool hand_over_rows(struct ts_worker *worker)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    if (!publishing->fences_due) {
        return false;
    }
    size_t before = publishing->row_next + publishing->older_next;
    if (publishing->older != NULL && !hand_over_older(worker)) {
        return publishing->row_next + publishing->older_next != before;
    }
    while (publishing->rows != NULL && publishing->row_next < publishing->row_count) {
        if (!ts_publish_hand_over(worker, &publishing->rows[publishing->row_next])) {
            return publishing->row_next != before;
        }
        publishing->row_next++;
    }
    publishing->rows = NULL;
    publishing->fences_due = false;
    for (size_t i = 0; i < worker->settling.settlement.lane_count; i++) {
        const struct ts_settle_lane *lane = &worker->settling.settlement.lanes[i];
        /* Of a lane that went away we may not have told all: should it come back, then only what
         * is told since counts. */
        if (ts_worker_lane(worker, lane->lane) != NULL) {
            ts_publish_add_fence(worker, lane->lane, lane->end);
        }
    }
    return true;
}

/* --- acknowledgements, the watermark, and rows no longer needed */

static bool take_acknowledgements(struct ts_worker *worker)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    const struct ts_publisher *publisher = &worker->ports.publisher;
    struct ts_delivery delivery;
    bool done = false;
    while (publisher->ops->poll(publisher->self, &delivery)) {
        done = true;
        if (!delivery.delivered) {
            begin_anew(worker, &delivery.error);
            return true;
        }
        if (delivery.ticket >= publishing->ticket_acked &&
            delivery.ticket < publishing->ticket_next) {
            publishing->acked[delivery.ticket & (publishing->ring_size - 1)] = 1;
            ts_count(&worker->stats.published, 1);
        }
    }
    uint8_t *ring = publishing->acked;
    size_t mask = publishing->ring_size - 1;
    while (publishing->ticket_acked < publishing->ticket_next &&
           ring[publishing->ticket_acked & mask] != 0) {
        ring[publishing->ticket_acked & mask] = 0;
        publishing->ticket_acked++;
    }
    ts_gauge(&worker->stats.unacknowledged,
             (int64_t)(publishing->ticket_next - publishing->ticket_acked));
    return done;
}

static bool pass_fences(struct ts_worker *worker)
{
    struct ts_publishing_state *publishing = &worker->publishing;
    bool done = false;
    while (publishing->fence_count > 0) {
        const struct ts_fence *fence = &publishing->fences[publishing->fence_first];
        if (fence->tickets > publishing->ticket_acked && !ts_without("acknowledgements")) {
            break;
        }
        ts_fault_point("after_publish");
        struct ts_lane_state *lane = ts_worker_lane(worker, fence->lane);
        if (lane != NULL && lane->published < fence->end) {
            ts_fault_point("before_kafka_commit");
            lane->published = fence->end;
            ts_gauge(&lane->stats->published, fence->end);
            worker->ports.source.ops->commit(worker->ports.source.self, lane->id, fence->end);
        }
        ts_histogram_add(&worker->stats.stages[TS_STAGE_PUBLISH],
                         ts_worker_now_us(worker) - fence->handed_us,
                         1);
        publishing->fence_first = (publishing->fence_first + 1) % TS_FENCES_MAX;
        publishing->fence_count--;
        done = true;
    }
    return done;
}

static void trim(struct ts_worker *worker)
{
    int64_t now_us = ts_worker_now_us(worker);
    if (now_us < worker->publishing.trim_at_us) {
        return;
    }
    worker->publishing.trim_at_us = now_us + TRIM_EVERY_US;
    const struct ts_ledger *ledger = &worker->ports.ledger;
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        struct ts_error err = {0};
        if (lane->phase != TS_LANE_OPEN || lane->trimmed == lane->published) {
            continue;
        }
        if (!ledger->ops->outbox_trim(ledger->self, lane->id, lane->published, &err)) {
            ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
            return;
        }
        lane->trimmed = lane->published;
    }
}

bool ts_worker_publish(struct ts_worker *worker)
{
    if (!mend(worker)) {
        return false;
    }
    bool done = take_acknowledgements(worker);
    struct ts_publishing_state *publishing = &worker->publishing;
    if (publishing->fences_due && must_wait(worker) && !ts_without("replay-first")) {
        replay_instead(worker);
    }
    if (!publishing->broken) {
        bool first =
            ts_replay_due(worker) && !(publishing->fences_due && ts_without("replay-first"));
        done = (first ? ts_worker_replay(worker) : hand_over_rows(worker)) || done;
    }
    done = pass_fences(worker) || done;
    if (worker->phase == TS_PHASE_RUNNING) {
        trim(worker);
    }
    return done;
}
