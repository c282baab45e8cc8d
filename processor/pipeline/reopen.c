/* SPDX-License-Identifier: Apache-2.0 */
/* Connect, claim, reopen: the one way to begin, after a start, a rebalance, or any trouble. The
 * order of its statements is the protocol (a model check found each swap of two of them wrong):
 * generations are read before the epochs are raised; the epochs are raised before anything is taken
 * back in Redis, because only that bars a settle of ours, or of a predecessor, that is still on its
 * way. */
#include "base/assert.h"
#include "base/without.h"
#include "pipeline/stages.h"

#include <string.h>

enum { CHARGE_END_MS = 2000 };

/* Lanes in one pass whose brokers do not answer, and how much longer than a fenced lane they wait.
 */
enum { UNANSWERED_MAX = 2, UNANSWERED_RETRIES = 3 };

/* --- giving up what is in flight */

static void discard_queue(struct ts_worker *worker, struct ts_batch_queue *queue)
{
    struct ts_batch *batch;
    while ((batch = ts_batch_queue_pop(queue)) != NULL) {
        ts_worker_discard(worker, batch);
    }
}

/* Nothing that a port still writes into may be given back: the caller ended or cut that before. */
static void drop_in_flight(struct ts_worker *worker)
{
    TS_ASSERT(!worker->calls_in_flight);
    ts_beliefs_clear(worker->beliefs); /* what was charged is taken back */
    if (worker->charging != NULL) {
        ts_worker_discard(worker, worker->charging);
        worker->charging = NULL;
    }
    discard_queue(worker, &worker->charged);
    discard_queue(worker, &worker->ready);
    for (size_t i = 0; i < worker->lane_count; i++) {
        if (worker->lanes[i]->filling != NULL) {
            ts_worker_discard(worker, worker->lanes[i]->filling);
            worker->lanes[i]->filling = NULL;
        }
    }
}

void ts_worker_trouble(struct ts_worker *worker, enum ts_phase phase, const struct ts_error *err)
{
    if (worker->phase == TS_PHASE_RUNNING) {
        ts_worker_pause(worker, true);
    }
    ts_replay_forget(worker); /* its lane may go */
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        if (lane->phase == TS_LANE_OPEN) {
            lane->phase = TS_LANE_CLAIMED;
        }
        if (lane->filling != NULL) { /* the lane may go before the batch is discarded */
            ts_worker_discard(worker, lane->filling);
            lane->filling = NULL;
        }
    }
    if (worker->phase != TS_PHASE_DISCONNECTED) {
        worker->phase = phase;
    }
    if (err == NULL) {
        return;
    }
    ts_count(&worker->stats.reopens, 1);
    ts_count(&worker->stats.errors[err->class], 1);
    if (err->class == TS_ERROR_FATAL) {
        worker->fatal = *err;
    }
    TS_SAY(worker, TS_LEVEL_WARNING, "begin_anew", "%s", err->text);
    int64_t wait_ms = 0;
    if (worker->troubles > 0) {
        int doublings = worker->troubles < 16 ? worker->troubles - 1 : 15;
        wait_ms = (int64_t)worker->options.retry_first_ms << doublings;
        if (wait_ms > worker->options.retry_max_ms) {
            wait_ms = worker->options.retry_max_ms;
        }
    }
    worker->troubles++;
    worker->retry_at_us = ts_worker_now_us(worker) + wait_ms * 1000;
}

/* --- connect */

/* Raises the buckets named, then makes them in Redis at the generation in force. */
static bool
raise_buckets(struct ts_worker *worker, struct ts_raise *raises, size_t count, struct ts_error *err)
{
    const struct ts_ledger *ledger = &worker->ports.ledger;
    const struct ts_balances *balances = &worker->ports.balances;
    uint32_t buckets[TS_BUCKET_COUNT];
    int64_t generations[TS_BUCKET_COUNT];
    if (count == 0) {
        return true;
    }
    if (!ledger->ops->raise(
            ledger->self, raises, count, &worker->identity, ts_worker_now_ms(worker), err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        buckets[i] = raises[i].bucket;
        generations[i] = raises[i].generation;
        ts_count(&worker->stats.raises, raises[i].raised);
    }
    TS_SAY(worker, TS_LEVEL_INFO, "raised", "%zu buckets begin a new generation", count);
    return balances->ops->create(balances->self, buckets, generations, count, err);
}

static bool same_server(const struct ts_balances_identity *a, const struct ts_balances_identity *b)
{
    return strcmp(a->run_id, b->run_id) == 0 && strcmp(a->replication_id, b->replication_id) == 0;
}

static bool connect_servers(struct ts_worker *worker, struct ts_error *err)
{
    const struct ts_ledger *ledger = &worker->ports.ledger;
    const struct ts_balances *balances = &worker->ports.balances;
    struct ts_bucket_row rows[TS_BUCKET_COUNT];
    struct ts_raise raises[TS_BUCKET_COUNT];
    size_t count = 0;
    if (!ledger->ops->connect(ledger->self, err)) {
        return false;
    }
    ts_worker_settle_forget(worker);
    if (!balances->ops->connect(balances->self, &worker->identity, err)) {
        return false;
    }
    worker->calls_in_flight = false;
    if (!ledger->ops->buckets(ledger->self, rows, err)) {
        return false;
    }
    for (uint32_t b = 0; b < TS_BUCKET_COUNT; b++) {
        if (rows[b].generation == 0 || !same_server(&rows[b].identity, &worker->identity)) {
            raises[count++] = (struct ts_raise){.bucket = b, .generation = rows[b].generation};
        }
    }
    return raise_buckets(worker, raises, count, err);
}

void ts_worker_connect(struct ts_worker *worker)
{
    struct ts_error err = {0};
    if (!connect_servers(worker, &err)) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return;
    }
    ts_count(&worker->stats.reconnects, 1);
    drop_in_flight(worker);
    /* A server that lost commits may give a revision to other settings than it did before. */
    if (!ts_without("accounts-forgotten")) {
        ts_account_cache_clear(worker->accounts);
    }
    worker->usage_to_ms = 0;
    worker->phase = TS_PHASE_REOPENING;
}

/* --- claim */

static bool
check_range(struct ts_worker *worker, struct ts_lane_state *lane, int64_t low, int64_t high)
{
    if (low > lane->next_offset) {
        ts_lane_stop(worker,
                     lane,
                     "retention removed records that were not settled yet. What is missing must be "
                     "fed again; then move next_offset forward by hand");
        return false;
    }
    if (high < lane->next_offset) {
        ts_lane_stop(worker,
                     lane,
                     "the topic ends before what was settled: it was recreated or truncated. "
                     "Restore it, or give it a new name");
        return false;
    }
    return true;
}

/* False with an error when that can't be asked, without one when the lane is stopped. */
static bool may_begin(struct ts_worker *worker, struct ts_lane_state *lane, struct ts_error *err)
{
    const struct ts_ledger *ledger = &worker->ports.ledger;
    bool known = true;
    if (worker->options.stop_unknown_lanes &&
        !ledger->ops->known(ledger->self, lane->id, &known, err)) {
        return false;
    }
    if (!known) {
        ts_lane_stop(
            worker,
            lane,
            "it was never settled before, and start_from is \"stop\". If its position was "
            "lost (another database, another kafka.group), restore that. To begin with its "
            "earliest record, start once with start_from \"earliest\" "
            "(TOLLSTREAM_START_FROM)");
    }
    return known;
}

static void
tell_what_is_gone(struct ts_worker *worker, const struct ts_lane_state *lane, int64_t low)
{
    if (low > 0 && !lane->has_tail && lane->next_offset == low) {
        TS_SAY(worker,
               TS_LEVEL_WARNING,
               "begins_late",
               "partition %d was never settled before and begins at offset %lld: retention removed "
               "what was before it, and that is not charged",
               lane->id.partition,
               (long long)low);
    }
}

/* What Kafka says of a lane. */
struct placed {
    int64_t low;
    int64_t high;
    int64_t committed;
};

static bool place(struct ts_worker *worker,
                  const struct ts_lane_state *lane,
                  struct placed *out,
                  struct ts_error *err)
{
    const struct ts_source *source = &worker->ports.source;
    out->committed = -1;
    return source->ops->range(source->self, lane->id, &out->low, &out->high, err) &&
           source->ops->committed(source->self, lane->id, &out->committed, err);
}

static bool claim_lane(struct ts_worker *worker,
                       struct ts_lane_state *lane,
                       const struct placed *placed,
                       struct ts_error *err)
{
    const struct ts_source *source = &worker->ports.source;
    const struct ts_ledger *ledger = &worker->ports.ledger;
    if (!may_begin(worker, lane, err)) {
        return lane->phase == TS_LANE_STOPPED;
    }
    int64_t low = placed->low;
    int64_t high = placed->high;
    int64_t committed = placed->committed;
    struct ts_claim claim = {.lane = lane->id};
    if (!ledger->ops->claim(ledger->self, lane->id, low, ts_worker_now_ms(worker), &claim, err)) {
        return false;
    }
    /* The former owner may have settled records newer than the end that was read before. */
    if (high < claim.next_offset && !source->ops->range(source->self, lane->id, &low, &high, err)) {
        return false;
    }
    lane->phase = TS_LANE_CLAIMED;
    lane->stats->stopped = 0;
    lane->stats->stalled = 0;
    lane->epoch = claim.epoch;
    lane->next_offset = claim.next_offset;
    lane->has_tail = claim.has_tail;
    lane->tail_hash = claim.tail_hash;
    lane->expect_tail = claim.has_tail && low < claim.next_offset;
    lane->published = committed < 0 ? 0 : committed;
    lane->trimmed = lane->published;
    lane->replay_outbox = true;
    lane->outbox_from = lane->published;
    lane->lookup_until =
        claim.has_tail ? claim.next_offset + worker->options.lookups_after_claim : 0;
    ts_gauge(&lane->stats->next_offset, lane->next_offset);
    ts_gauge(&lane->stats->published, lane->published);
    tell_what_is_gone(worker, lane, low);
    if (check_range(worker, lane, low, high)) {
        TS_SAY(worker,
               TS_LEVEL_INFO,
               "claimed",
               "partition %d claimed at offset %lld",
               lane->id.partition,
               (long long)lane->next_offset);
    }
    return true;
}

/* Its broker does not answer: the other lanes go on without it. */
static void put_off(struct ts_worker *worker, struct ts_lane_state *lane)
{
    lane->claim_at_us =
        ts_worker_now_us(worker) + UNANSWERED_RETRIES * worker->options.fenced_retry_ms * 1000;
    lane->stats->stalled = 1;
}

bool ts_lane_answers(struct ts_worker *worker, struct ts_lane_state *lane)
{
    struct placed placed;
    struct ts_error err = {0};
    if (place(worker, lane, &placed, &err)) {
        lane->claim_at_us = 0;
        return true;
    }
    put_off(worker, lane);
    return false;
}

/* False, too, when no lane could be claimed for want of answers. */
static bool claim_lanes(struct ts_worker *worker, struct ts_error *err)
{
    int unanswered = 0;
    size_t claimed = 0;
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        struct placed placed;
        if (lane->phase != TS_LANE_ASSIGNED) {
            claimed++;
        } else if (ts_worker_now_us(worker) < lane->claim_at_us) {
            continue;
        } else if (unanswered < UNANSWERED_MAX && !place(worker, lane, &placed, err)) {
            TS_SAY(worker, TS_LEVEL_WARNING, "not_claimed", "%s", err->text);
            unanswered++;
            put_off(worker, lane);
        } else if (unanswered == UNANSWERED_MAX) {
            put_off(worker, lane); /* each question takes its time-out: not all of them now */
        } else if (claim_lane(worker, lane, &placed, err)) {
            claimed++;
        } else {
            return false;
        }
    }
    for (size_t i = 0; i < worker->lane_count && claimed == 0 && unanswered > 0; i++) {
        worker->lanes[i]->claim_at_us = 0;
    }
    return claimed > 0 || unanswered == 0;
}

/* --- reopen */

/* A stopped lane too, if it was claimed: what it had charged and not settled is to be taken back.
 */
static bool is_ours(const struct ts_lane_state *lane)
{
    return lane->phase == TS_LANE_CLAIMED || (lane->phase == TS_LANE_STOPPED && lane->epoch != 0);
}

/* PostgreSQL lost commits whose messages were told: what is settled in their place is to be told
 * too, although it is below the group's offset. */
static void take_watermark_back(struct ts_worker *worker, struct ts_lane_state *lane)
{
    TS_SAY(worker,
           TS_LEVEL_WARNING,
           "watermark_ahead",
           "partition %d was told up to %lld and is settled up to %lld only: PostgreSQL lost "
           "commits, some events are told again",
           lane->id.partition,
           (long long)lane->published,
           (long long)lane->next_offset);
    lane->published = lane->next_offset;
    lane->trimmed = lane->next_offset;
    lane->replay_outbox = true;
    lane->outbox_from = 0;
    worker->ports.source.ops->commit(worker->ports.source.self, lane->id, lane->published);
}

static void
apply_claim(struct ts_worker *worker, struct ts_lane_state *lane, const struct ts_claim *claim)
{
    if (claim->fenced) {
        TS_SAY(worker,
               TS_LEVEL_WARNING,
               "fenced",
               "partition %d was claimed by somebody else%s",
               lane->id.partition,
               lane->epoch_unsure ? ", or by us with the answer lost: claiming it again" : "");
        lane->phase = TS_LANE_FENCED;
        lane->fenced_us = lane->epoch_unsure ? INT64_MIN / 2 : ts_worker_now_us(worker);
        lane->epoch_unsure = false;
        lane->fenced_opens = 0;
        return;
    }
    lane->epoch_unsure = false;
    if (claim->next_offset != lane->next_offset) {
        lane->expect_tail = false; /* the tail that was to be compared is another one now */
    }
    lane->epoch = claim->epoch;
    lane->next_offset = claim->next_offset;
    lane->position = claim->next_offset;
    ts_jumps_clear(&lane->jumps);
    lane->checked_position = -1;
    memset(lane->undo_slot, 0, sizeof lane->undo_slot);
    if (lane->published > lane->next_offset && !ts_without("watermark-taken-back")) {
        take_watermark_back(worker, lane);
    }
    ts_gauge(&lane->stats->next_offset, lane->next_offset);
}

static bool raise_epochs(struct ts_worker *worker, struct ts_error *err)
{
    const struct ts_ledger *ledger = &worker->ports.ledger;
    struct ts_claim claims[TS_LANES_MAX];
    struct ts_lane_state *lanes[TS_LANES_MAX];
    struct ts_bucket_row rows[TS_BUCKET_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < worker->lane_count; i++) {
        if (is_ours(worker->lanes[i])) {
            lanes[count] = worker->lanes[i];
            claims[count++] =
                (struct ts_claim){.lane = worker->lanes[i]->id, .epoch = worker->lanes[i]->epoch};
        }
    }
    if (!ledger->ops->reopen(ledger->self, claims, count, ts_worker_now_ms(worker), rows, err)) {
        for (size_t i = 0; i < count; i++) {
            lanes[i]->epoch_unsure = true;
        }
        return false;
    }
    for (size_t i = 0; i < count; i++) { /* before anything else: the epochs are raised */
        apply_claim(worker, lanes[i], &claims[i]);
    }
    for (uint32_t b = 0; b < TS_BUCKET_COUNT; b++) {
        if (!same_server(&rows[b].identity, &worker->identity)) {
            return ts_error_set(err,
                                TS_ERROR_RETRY,
                                0,
                                "another Redis (run_id %s) is registered for bucket %u: "
                                "connecting again",
                                rows[b].identity.run_id,
                                b);
        }
        worker->generations[b] = rows[b].generation;
    }
    return true;
}

enum opened { OPENED, OPEN_AGAIN, OPEN_FAILED };

/* Buckets that Redis lost, or has of another generation. And those that are fenced once more after
 * a reopen in which PostgreSQL said that the lane is ours: their token is of a claim that
 * PostgreSQL has lost. */
static bool must_be_raised(const struct ts_lane_state *lane, enum ts_balances_status status)
{
    return status == TS_BALANCES_LOST || status == TS_BALANCES_STALE ||
           (status == TS_BALANCES_FENCED && lane->fenced_opens > 0 &&
            !ts_without("raise-of-lost-claims"));
}

/* Opens every bucket for the lane. Where some had to be raised, everything is to be opened again.
 */
static enum opened
open_lane(struct ts_worker *worker, struct ts_lane_state *lane, struct ts_error *err)
{
    const struct ts_balances *balances = &worker->ports.balances;
    struct ts_bucket_answer answers[TS_BUCKET_COUNT];
    struct ts_raise raises[TS_BUCKET_COUNT];
    size_t count = 0;
    if (!balances->ops->open(balances->self,
                             lane->id,
                             lane->epoch,
                             lane->next_offset,
                             worker->generations,
                             answers,
                             err)) {
        return OPEN_FAILED;
    }
    for (uint32_t b = 0; b < TS_BUCKET_COUNT; b++) {
        if (must_be_raised(lane, answers[b].status)) {
            raises[count++] = (struct ts_raise){.bucket = b,
                                                .generation = worker->generations[b],
                                                .seen_generation = answers[b].seen_generation};
        } else if (answers[b].status != TS_BALANCES_OK) {
            lane->fenced_opens += answers[b].status == TS_BALANCES_FENCED;
            ts_error_set(err,
                         TS_ERROR_NONE,
                         0,
                         "bucket %u answered %s when partition %d was opened",
                         b,
                         ts_balances_status_name(answers[b].status),
                         lane->id.partition);
            return OPEN_AGAIN;
        }
    }
    lane->fenced_opens = 0;
    if (count == 0) {
        return OPENED;
    }
    if (!raise_buckets(worker, raises, count, err)) {
        return OPEN_FAILED;
    }
    ts_error_set(err, TS_ERROR_NONE, 0, "%zu buckets were lost in Redis", count);
    return OPEN_AGAIN;
}

static bool start_lane(struct ts_worker *worker, struct ts_lane_state *lane, struct ts_error *err)
{
    int64_t from = lane->expect_tail ? lane->position - 1 : lane->position;
    lane->phase = TS_LANE_OPEN;
    return worker->ports.source.ops->start(worker->ports.source.self, lane->id, from, err);
}

/* Waits for answers that are still to come, so that their memory is free. */
static bool end_charge(struct ts_worker *worker, struct ts_error *err)
{
    const struct ts_balances *balances = &worker->ports.balances;
    int64_t until_us = ts_worker_now_us(worker) + CHARGE_END_MS * INT64_C(1000);
    while (worker->calls_in_flight) {
        enum ts_progress progress = balances->ops->apply_poll(balances->self, 10, err);
        if (progress == TS_PROGRESS_DONE) {
            worker->calls_in_flight = false;
        } else if (progress == TS_PROGRESS_FAILED) {
            return false;
        } else if (ts_worker_now_us(worker) > until_us) {
            return ts_error_set(err, TS_ERROR_RETRY, 0, "Redis does not answer");
        }
    }
    return true;
}

static enum opened open_lanes(struct ts_worker *worker, struct ts_error *err)
{
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        if (is_ours(lane)) {
            enum opened opened = open_lane(worker, lane, err);
            if (opened != OPENED) {
                return opened;
            }
        }
    }
    for (size_t i = 0; i < worker->lane_count; i++) {
        if (worker->lanes[i]->phase == TS_LANE_CLAIMED &&
            !start_lane(worker, worker->lanes[i], err)) {
            return OPEN_AGAIN;
        }
    }
    return OPENED;
}

void ts_worker_reopen(struct ts_worker *worker)
{
    struct ts_error err = {0};
    if (!ts_worker_settle_end(worker)) {
        ts_error_set(&err, TS_ERROR_RETRY, 0, "the outcome of a COMMIT is not known");
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return;
    }
    if (!end_charge(worker, &err)) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return;
    }
    drop_in_flight(worker);
    if (!claim_lanes(worker, &err) || !raise_epochs(worker, &err)) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return;
    }
    switch (open_lanes(worker, &err)) {
    case OPENED:
        worker->worked = worker->worked || worker->lane_count > 0;
        worker->paused = false;
        worker->blocked_us = 0;
        worker->phase = TS_PHASE_RUNNING;
        break;
    case OPEN_AGAIN:
        ts_worker_trouble(worker, TS_PHASE_REOPENING, &err);
        break;
    case OPEN_FAILED:
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        break;
    }
}
