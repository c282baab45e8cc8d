/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest: messages become records of a lane's filling batch. No message is taken unless there is a
 * place for it: an empty pool is the back-pressure of the whole worker. */
#include "base/fault.h"
#include "base/without.h"
#include "pipeline/stages.h"

/* Messages taken in one step, so that the other stages get their turn. */
enum { MESSAGES_PER_STEP = 512 };

static void make_ready(struct ts_worker *worker, struct ts_lane_state *lane)
{
    ts_batch_queue_push(&worker->ready, lane->filling);
    lane->filling = NULL;
}

/* The settled record at next_offset - 1 must be the one we settled: otherwise this is another topic
 * of the same name, or one that was cut and written again. */
static void
check_tail(struct ts_worker *worker, struct ts_lane_state *lane, const struct ts_message *message)
{
    lane->expect_tail = false;
    if (message->offset < lane->position) {
        uint64_t hash = ts_record_tail_hash(message->key, message->value, message->timestamp_ms);
        if (message->offset == lane->position - 1 && hash != lane->tail_hash) {
            ts_lane_stop(worker,
                         lane,
                         "the record before it is not the one that was settled: the topic was "
                         "recreated or truncated. Restore it, or give it a new name");
        }
    } else {
        TS_SAY(worker,
               TS_LEVEL_WARNING,
               "tail_missing",
               "partition %d: the settled record at offset %lld is no longer there to compare",
               lane->id.partition,
               (long long)(lane->position - 1));
    }
}

/* The lane again from where it is, for messages to be taken. */
static void look_again(struct ts_worker *worker, struct ts_lane_state *lane)
{
    struct ts_error err = {0};
    ts_jumps_take(&lane->jumps);
    if (!worker->ports.source.ops->start(
            worker->ports.source.self, lane->id, lane->position, &err)) {
        ts_worker_trouble(worker, TS_PHASE_REOPENING, &err);
    }
}

static void end_looking(struct ts_worker *worker)
{
    int64_t now_us = ts_worker_now_us(worker);
    for (size_t i = 0; i < worker->lane_count && worker->phase == TS_PHASE_RUNNING; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        if (lane->phase == TS_LANE_OPEN && !worker->paused &&
            ts_jumps_looked(&lane->jumps, now_us)) {
            look_again(worker, lane);
        }
    }
}

/* Whether the message is the lane's next; else it was looked at at most. */
static bool is_next(struct ts_worker *worker, struct ts_lane_state *lane, int64_t offset)
{
    if (lane->jumps.looking) {
        if (!ts_jumps_note(&lane->jumps, offset)) {
            look_again(worker, lane);
        }
        return false;
    }
    if (offset <= lane->position || ts_jumps_met(&lane->jumps, lane->position, offset) ||
        ts_without("second-look-at-holes")) {
        return offset >= lane->position;
    }
    ts_jumps_look(&lane->jumps, lane->position, offset, ts_worker_now_us(worker));
    return false;
}

static void take_message(struct ts_worker *worker, const struct ts_message *message)
{
    struct ts_lane_state *lane = ts_worker_lane(worker, message->lane);
    if (lane == NULL || lane->phase != TS_LANE_OPEN) {
        return;
    }
    if (lane->expect_tail) {
        check_tail(worker, lane, message);
        if (lane->phase != TS_LANE_OPEN) {
            return;
        }
    }
    if (!is_next(worker, lane, message->offset)) {
        return;
    }
    if (lane->filling != NULL && !ts_batch_fits(worker->pool, lane->filling, message)) {
        make_ready(worker, lane);
    }
    if (lane->filling == NULL) {
        lane->filling =
            ts_batch_take(worker->pool, lane->id, lane->position, ts_worker_now_us(worker));
    }
    if (lane->filling == NULL || !ts_batch_add(worker->pool, lane->filling, message)) {
        ts_error_no_memory(&worker->fatal);
        return;
    }
    lane->position = message->offset + 1;
    ts_count(&worker->stats.consumed, 1);
}

bool ts_worker_has_place(const struct ts_worker *worker)
{
    return ts_batch_pool_free(worker->pool) > 0 &&
           ts_batch_pool_records(worker->pool) < 2 * worker->options.settle_records_max;
}

/* Whether a batch of the lane waits to be charged. */
static bool has_ready(const struct ts_worker *worker, struct ts_lane lane)
{
    const struct ts_batch *batch = worker->ready.first;
    while (batch != NULL && !ts_lane_equal(batch->lane, lane)) {
        batch = batch->next;
    }
    return batch != NULL;
}

/* Batches that waited long enough. One whose predecessor is not being charged yet goes on filling:
 * a worker that falls behind has larger batches then, and not more of them. The oldest at once when
 * no further message can be taken. */
static bool end_lingering(struct ts_worker *worker)
{
    int64_t now_us = ts_worker_now_us(worker);
    bool hurry = !ts_worker_has_place(worker) && worker->ready.count == 0;
    struct ts_lane_state *oldest = NULL;
    bool done = false;
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        if (lane->filling == NULL) {
            continue;
        }
        if (now_us - lane->filling->opened_us >= worker->options.linger_ms * INT64_C(1000) &&
            !has_ready(worker, lane->id)) {
            make_ready(worker, lane);
            done = true;
        } else if (oldest == NULL || lane->filling->opened_us < oldest->filling->opened_us) {
            oldest = lane;
        }
    }
    if (hurry && !done && oldest != NULL) {
        make_ready(worker, oldest);
        done = true;
    }
    return done;
}

/* True when messages may be polled. */
static bool room(struct ts_worker *worker)
{
    if (ts_worker_has_place(worker) && !worker->draining) {
        worker->blocked_us = 0;
        if (worker->paused) {
            ts_worker_pause(worker, false);
        }
        return true;
    }
    int64_t now_us = ts_worker_now_us(worker);
    if (worker->blocked_us == 0) {
        worker->blocked_us = now_us;
    }
    if (!worker->paused &&
        (now_us - worker->blocked_us > worker->options.hold_back_after_ms * 1000 ||
         worker->draining)) {
        ts_worker_pause(worker, true);
    }
    return false;
}

bool ts_worker_ingest(struct ts_worker *worker, int wait_ms)
{
    bool done = false;
    for (int i = 0; i < MESSAGES_PER_STEP && worker->phase == TS_PHASE_RUNNING; i++) {
        if (!room(worker) && !worker->paused) {
            break;
        }
        struct ts_source_event event;
        worker->ports.source.ops->poll(worker->ports.source.self, i == 0 ? wait_ms : 0, &event);
        if (event.type == TS_SOURCE_IDLE) {
            break;
        }
        done = true;
        if (event.type == TS_SOURCE_MESSAGE) {
            ts_fault_point("after_poll");
            if (!worker->paused) {
                take_message(worker, &event.message);
            }
        } else {
            ts_worker_source_event(worker, &event);
        }
    }
    end_looking(worker);
    return end_lingering(worker) || done;
}
