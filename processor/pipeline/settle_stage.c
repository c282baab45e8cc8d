/* SPDX-License-Identifier: Apache-2.0 */
/* Settle: drives one settlement at a time through its transaction, and does what its end asks for.
 * The account rows are locked between LOCKED and the COMMIT, so everything here is quick. */
#include "base/fault.h"
#include "base/without.h"
#include "pipeline/stages.h"

enum { END_WAIT_MS = 50 };

static void discard_batches(struct ts_worker *worker)
{
    struct ts_batch *batch;
    while ((batch = ts_batch_queue_pop(&worker->settling.batches)) != NULL) {
        ts_worker_discard(worker, batch);
    }
}

static void count_batch(struct ts_worker *worker, const struct ts_batch *batch)
{
    struct ts_worker_stats *stats = &worker->stats;
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct ts_record *record = &batch->records[i];
        switch (record->outcome) {
        case TS_OUTCOME_SETTLED:
            ts_count(&stats->settled, 1);
            ts_count(&stats->charged, record->rating.charge_micros != 0);
            if (record->command == NULL) {
                ts_identities_settled(worker->identities, record->identity_hash);
            }
            break;
        case TS_OUTCOME_DUPLICATE:
            ts_count(&stats->duplicates, 1);
            break;
        case TS_OUTCOME_DEAD_LETTER:
            ts_count(&stats->dead_letters[record->reason], 1);
            break;
        }
    }
    ts_count(&stats->holes, (uint64_t)batch->holes);
    const struct ts_record *last = &batch->records[batch->record_count - 1];
    if (last->timestamp_ms > 0) {
        ts_histogram_add(&stats->append_to_settled,
                         (ts_worker_now_ms(worker) - last->timestamp_ms) * 1000,
                         batch->record_count);
    }
}

static void move_lane(struct ts_worker *worker, const struct ts_settle_lane *settled)
{
    struct ts_lane_state *lane = ts_worker_lane(worker, settled->lane);
    if (lane == NULL || lane->epoch != settled->epoch) {
        return; /* revoked, or claimed anew since */
    }
    lane->next_offset = settled->end;
    lane->has_tail = true;
    lane->tail_hash = settled->tail_hash;
    ts_gauge(&lane->stats->next_offset, lane->next_offset);
    ts_worker_forget_known(worker, lane->id, lane->next_offset);
}

/* A settlement that PostgreSQL does not carry out within its time-outs would not be the next time
 * either: so the next is smaller. */
static void settle_less(struct ts_worker *worker)
{
    struct ts_settling_state *settling = &worker->settling;
    size_t half = settling->settlement.record_count / 2;
    settling->records_limit = half > 0 ? half : 1;
}

static void settle_more(struct ts_worker *worker)
{
    size_t *limit = &worker->settling.records_limit;
    *limit += *limit / 4 + 1;
    if (*limit > worker->options.settle_records_max) {
        *limit = worker->options.settle_records_max;
    }
}

/* What is rated from now on is rated by the changed profiles. */
static void forget_changed(struct ts_worker *worker)
{
    const struct ts_settlement *settlement = &worker->settling.settlement;
    for (size_t i = 0; i < settlement->state_count; i++) {
        const struct ts_settle_state *state = &settlement->states[i];
        if (state->changed) {
            ts_account_cache_forget(
                worker->accounts,
                ts_account_profile_id(settlement->accounts[state->account].profile));
        }
    }
}

static void settled(struct ts_worker *worker)
{
    struct ts_settling_state *settling = &worker->settling;
    ts_fault_point("after_commit");
    settling->phase = TS_SETTLING_NOTHING;
    for (size_t i = 0; i < settling->settlement.lane_count; i++) {
        move_lane(worker, &settling->settlement.lanes[i]);
    }
    for (struct ts_batch *batch = settling->batches.first; batch != NULL; batch = batch->next) {
        count_batch(worker, batch);
    }
    forget_changed(worker);
    int64_t now_us = ts_worker_now_us(worker);
    ts_histogram_add(&worker->stats.stages[TS_STAGE_SETTLE], now_us - settling->started_us, 1);
    ts_count(&worker->stats.settlements, 1);
    ts_gauge(&worker->stats.last_progress_ms, ts_worker_now_ms(worker));
    worker->troubles = 0;
    settle_more(worker);
    ts_publish_settled(worker);
    discard_batches(worker);
}

/* --- what each end means */

static void look_everything_up(struct ts_worker *worker)
{
    ts_count(&worker->stats.conflicts, 1);
    for (size_t i = 0; i < worker->settling.settlement.lane_count; i++) {
        const struct ts_settle_lane *settle_lane = &worker->settling.settlement.lanes[i];
        struct ts_lane_state *lane = ts_worker_lane(worker, settle_lane->lane);
        if (lane != NULL && lane->lookup_until < settle_lane->end &&
            !ts_without("lookup-of-conflicts")) {
            lane->lookup_until = settle_lane->end;
        }
    }
}

static void note_refused_lanes(struct ts_worker *worker)
{
    for (size_t i = 0; i < worker->settling.settlement.lane_count; i++) {
        if (worker->settling.settlement.lanes[i].refused) {
            TS_SAY(worker,
                   TS_LEVEL_WARNING,
                   "settle_refused",
                   "partition %d is not where this worker left it: somebody else claimed it",
                   worker->settling.settlement.lanes[i].lane.partition);
        }
    }
}

static void note_bad_rows(struct ts_worker *worker)
{
    const struct ts_settlement *settlement = &worker->settling.settlement;
    for (size_t i = 0; i < settlement->record_count; i++) {
        if (settlement->record_accounts[i] != NULL &&
            settlement->records[i]->outcome == TS_OUTCOME_DEAD_LETTER) {
            const struct ts_record *record = settlement->records[i];
            if (record->command != NULL && record->reason == TS_REASON_CHARGE_OVERFLOW) {
                ts_worker_know_limit(worker, record); /* refused, with an event */
            } else {
                ts_worker_know(worker, record, record->reason);
            }
        }
    }
}

/* The transaction is rolled back; what it covered is decided again. */
static void
not_settled(struct ts_worker *worker, enum ts_settle_status status, const struct ts_error *err)
{
    struct ts_error why = {0};
    enum ts_phase next = TS_PHASE_REOPENING;
    switch (status) {
    case TS_SETTLE_REFUSED:
        note_refused_lanes(worker);
        ts_error_set(&why, TS_ERROR_NONE, 0, "a settle was refused: a lane has another owner");
        break;
    case TS_SETTLE_STALE:
        ts_error_set(&why, TS_ERROR_NONE, 0, "a settle was refused: a bucket was raised");
        break;
    case TS_SETTLE_CONFLICT:
        look_everything_up(worker);
        ts_error_set(&why, TS_ERROR_NONE, 0, "a settle met an identity that is settled already");
        break;
    case TS_SETTLE_BAD_ROWS:
        note_bad_rows(worker);
        ts_error_set(&why, TS_ERROR_NONE, 0, "PostgreSQL refused rows: they become dead letters");
        break;
    case TS_SETTLE_FAILED:
    case TS_SETTLE_PENDING:
    case TS_SETTLE_LOCKED:
    case TS_SETTLE_STATES:
    case TS_SETTLE_DONE:
        settle_less(worker);
        next = TS_PHASE_DISCONNECTED;
        why = *err;
        break;
    }
    if (next == TS_PHASE_REOPENING) {
        worker->settling.phase = TS_SETTLING_NOTHING;
        discard_batches(worker);
    }
    ts_worker_trouble(worker, next, &why);
}

/* A profile that changed since it was cached: rated by the wrong plan, perhaps. */
static bool profiles_hold(struct ts_worker *worker)
{
    const struct ts_settlement *settlement = &worker->settling.settlement;
    bool hold = true;
    for (size_t i = 0; i < settlement->account_count; i++) {
        const struct ts_settle_account *account = &settlement->accounts[i];
        if (account->revision != account->profile->revision) {
            ts_account_cache_forget(worker->accounts, ts_account_profile_id(account->profile));
            hold = false;
        }
    }
    return hold;
}

static bool write(struct ts_worker *worker, struct ts_error *err)
{
    const struct ts_settle *settle = &worker->ports.settle;
    if (!ts_settlement_tell(worker, err)) {
        return false;
    }
    worker->settling.phase = TS_SETTLING_WRITING;
    return settle->ops->write(settle->self, err);
}

static bool decide(struct ts_worker *worker, struct ts_error *err)
{
    const struct ts_settle *settle = &worker->ports.settle;
    if (!profiles_hold(worker)) {
        return ts_error_set(err, TS_ERROR_NONE, 0, "an account's profile changed while rated");
    }
    if (!ts_settlement_number(worker, err)) {
        return false;
    }
    if (worker->settling.settlement.state_count > 0) {
        worker->settling.phase = TS_SETTLING_READING;
        return settle->ops->states(settle->self, err);
    }
    return write(worker, err);
}

/* Returns true when the status was an end or asked for something. */
static bool act_on(struct ts_worker *worker, enum ts_settle_status status, struct ts_error *err)
{
    bool ok = true;
    switch (status) {
    case TS_SETTLE_PENDING:
        return false;
    case TS_SETTLE_DONE:
        settled(worker);
        return true;
    case TS_SETTLE_LOCKED:
        ok = decide(worker, err);
        break;
    case TS_SETTLE_STATES:
        ok = write(worker, err);
        break;
    case TS_SETTLE_REFUSED:
    case TS_SETTLE_STALE:
    case TS_SETTLE_CONFLICT:
    case TS_SETTLE_BAD_ROWS:
    case TS_SETTLE_FAILED:
        not_settled(worker, status, err);
        return true;
    }
    if (!ok) {
        ts_worker_trouble(
            worker, err->class == TS_ERROR_NONE ? TS_PHASE_REOPENING : TS_PHASE_DISCONNECTED, err);
    }
    return true;
}

static bool start(struct ts_worker *worker)
{
    struct ts_settling_state *settling = &worker->settling;
    if (worker->charged.count == 0 || !ts_publish_ready(worker)) {
        return false;
    }
    struct ts_error err = {0};
    const struct ts_settle *settle = &worker->ports.settle;
    settling->phase = TS_SETTLING_LOCKING;
    settling->started_us = ts_worker_now_us(worker);
    if (!ts_settlement_build(worker, &err) ||
        !settle->ops->start(settle->self, &settling->settlement, &err)) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
    }
    return true;
}

bool ts_worker_settle(struct ts_worker *worker, int wait_ms)
{
    if (worker->settling.phase == TS_SETTLING_NOTHING) {
        return start(worker);
    }
    struct ts_error err = {0};
    const struct ts_settle *settle = &worker->ports.settle;
    enum ts_settle_status status = settle->ops->poll(settle->self, wait_ms, &err);
    if (status == TS_SETTLE_PENDING && ts_worker_now_us(worker) - worker->settling.started_us >
                                           worker->options.settle_timeout_ms * 1000) {
        settle_less(worker);
        ts_error_set(&err, TS_ERROR_RETRY, 0, "a settle got no answer in time");
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return true;
    }
    return act_on(worker, status, &err);
}

bool ts_worker_settle_end(struct ts_worker *worker)
{
    struct ts_settling_state *settling = &worker->settling;
    const struct ts_settle *settle = &worker->ports.settle;
    if (settling->phase == TS_SETTLING_NOTHING) {
        return true;
    }
    if (settling->phase != TS_SETTLING_WRITING) {
        settle->ops->abandon(settle->self);
        settling->phase = TS_SETTLING_NOTHING;
        discard_batches(worker);
        return true;
    }
    int64_t until_us = ts_worker_now_us(worker) + worker->options.settle_timeout_ms * 1000;
    struct ts_error err = {0};
    enum ts_settle_status status;
    do {
        status = settle->ops->poll(settle->self, END_WAIT_MS, &err);
    } while (status == TS_SETTLE_PENDING && ts_worker_now_us(worker) < until_us);
    if (status == TS_SETTLE_DONE) {
        settled(worker);
        return true;
    }
    if (status == TS_SETTLE_PENDING || status == TS_SETTLE_FAILED) {
        settle_less(worker);
        return false;
    }
    if (status == TS_SETTLE_CONFLICT) {
        look_everything_up(worker);
    } else if (status == TS_SETTLE_BAD_ROWS) {
        note_bad_rows(worker);
    }
    settling->phase = TS_SETTLING_NOTHING;
    discard_batches(worker);
    return true;
}

void ts_worker_settle_forget(struct ts_worker *worker)
{
    struct ts_settling_state *settling = &worker->settling;
    if (settling->phase == TS_SETTLING_WRITING && !ts_without("replay-of-unknown-commits")) {
        /* Perhaps it is committed, and then its rows were told to nobody. */
        for (size_t i = 0; i < settling->settlement.lane_count; i++) {
            const struct ts_settle_lane *unknown = &settling->settlement.lanes[i];
            struct ts_lane_state *lane = ts_worker_lane(worker, unknown->lane);
            if (lane != NULL && !lane->replay_outbox) {
                lane->replay_outbox = true;
                lane->outbox_from = unknown->start;
            }
        }
    }
    settling->phase = TS_SETTLING_NOTHING;
    discard_batches(worker);
}
