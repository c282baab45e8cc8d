/* SPDX-License-Identifier: Apache-2.0 */
/* Charge: one call of the script `apply` for each bucket that a batch touches, all sent at once.
 * Only sums that move money go to Redis: a free call is settled in PostgreSQL alone. One batch is
 * in Redis at a time; the one before it may be settling meanwhile. */
#include "base/assert.h"
#include "base/fault.h"
#include "pipeline/worker_state.h"
#include "ports/undo.h"

#include <string.h>

enum { CALLS_WAIT_MS = 0 };

static bool moves_money(const struct ts_record *record)
{
    return record->outcome == TS_OUTCOME_SETTLED && record->rating.charge_micros != 0;
}

/* --- building the calls */

/* The batch's money-moving records by bucket, each bucket's in offset order (a counting sort). */
struct by_bucket {
    uint32_t *records;
    uint32_t first[TS_BUCKET_COUNT + 1];
};

static bool sort_by_bucket(struct ts_batch *batch, struct by_bucket *out)
{
    uint8_t *bucket_of = ts_arena_take(&batch->arena, batch->account_count + 1);
    out->records = ts_arena_take(&batch->arena, (batch->record_count + 1) * sizeof(uint32_t));
    if (bucket_of == NULL || out->records == NULL) {
        return false;
    }
    _Static_assert(TS_BUCKET_COUNT <= UINT8_MAX + 1, "a bucket's number fits a byte");
    for (size_t i = 0; i < batch->account_count; i++) {
        bucket_of[i] =
            (uint8_t)ts_account_bucket(ts_account_profile_id(&batch->accounts[i].profile));
    }
    uint32_t counts[TS_BUCKET_COUNT] = {0};
    for (size_t i = 0; i < batch->record_count; i++) {
        if (moves_money(&batch->records[i])) {
            counts[bucket_of[batch->records[i].account]]++;
        }
    }
    uint32_t sum = 0;
    for (size_t b = 0; b < TS_BUCKET_COUNT; b++) {
        out->first[b] = sum;
        sum += counts[b];
        counts[b] = out->first[b];
    }
    out->first[TS_BUCKET_COUNT] = sum;
    for (size_t i = 0; i < batch->record_count; i++) {
        if (moves_money(&batch->records[i])) {
            out->records[counts[bucket_of[batch->records[i].account]]++] = (uint32_t)i;
        }
    }
    return true;
}

static struct ts_apply *begin_call(struct ts_worker *worker,
                                   struct ts_batch *batch,
                                   struct ts_lane_state *lane,
                                   uint32_t bucket,
                                   struct ts_apply_account *accounts)
{
    struct ts_apply *call = &batch->calls[batch->call_count++];
    *call = (struct ts_apply){
        .bucket = bucket,
        .generation = worker->generations[bucket],
        .lane = batch->lane,
        .token = lane->epoch,
        .first = -1,
        .slot = lane->undo_slot[bucket],
        .accounts = accounts,
    };
    lane->undo_slot[bucket] = (uint8_t)((lane->undo_slot[bucket] + 1) % TS_UNDO_SLOTS);
    ts_buffer_clear(&worker->undo);
    return call;
}

/* Adds a record's charge to the call. False when the account's sum would be beyond every limit. */
static bool add_charge(struct ts_worker *worker,
                       struct ts_batch *batch,
                       struct ts_apply *call,
                       const struct ts_record *record)
{
    struct ts_batch_account *account = &batch->accounts[record->account];
    uint32_t number = (uint32_t)(call - batch->calls);
    if (account->call != number) {
        account->call = number;
        account->call_index = (uint32_t)call->account_count;
        call->accounts[call->account_count++] =
            (struct ts_apply_account){.account_id = ts_account_profile_id(&account->profile)};
    }
    struct ts_apply_account *sum = &call->accounts[account->call_index];
    if (record->rating.charge_micros > TS_AMOUNT_MAX + sum->delta_micros) {
        return false;
    }
    sum->delta_micros -= record->rating.charge_micros;
    if (call->first < 0) {
        call->first = record->offset;
    }
    call->last = record->offset;
    ts_undo_append(&worker->undo,
                   &(struct ts_undo_item){.offset = record->offset,
                                          .delta_micros = -record->rating.charge_micros,
                                          .account_id = sum->account_id});
    return true;
}

static bool end_call(struct ts_worker *worker, struct ts_batch *batch, struct ts_apply *call)
{
    call->undo = ts_arena_copy(&batch->arena, ts_buffer_bytes(&worker->undo));
    return !worker->undo.failed && call->undo.size != SIZE_MAX;
}

static bool build_bucket(struct ts_worker *worker,
                         struct ts_batch *batch,
                         const struct by_bucket *sorted,
                         uint32_t bucket,
                         struct ts_error *err)
{
    struct ts_lane_state *lane = ts_worker_lane(worker, batch->lane);
    uint32_t count = sorted->first[bucket + 1] - sorted->first[bucket];
    struct ts_apply_account *accounts =
        ts_arena_take(&batch->arena, count * sizeof(struct ts_apply_account));
    if (accounts == NULL) {
        return ts_error_no_memory(err);
    }
    struct ts_apply *call = NULL;
    for (uint32_t i = sorted->first[bucket]; i < sorted->first[bucket + 1]; i++) {
        const struct ts_record *record = &batch->records[sorted->records[i]];
        if (call != NULL && call->account_count == TS_APPLY_ACCOUNTS_MAX) {
            if (!end_call(worker, batch, call)) {
                return ts_error_no_memory(err);
            }
            accounts += call->account_count;
            call = NULL;
        }
        if (call == NULL) {
            call = begin_call(worker, batch, lane, bucket, accounts);
        }
        if (!add_charge(worker, batch, call, record)) {
            ts_worker_know(worker, record, TS_REASON_CHARGE_OVERFLOW);
            return ts_error_set(err,
                                TS_ERROR_RETRY,
                                0,
                                "the charges of account %.*s in one batch pass the limit",
                                TS_ARGS(record->cdr.account_id));
        }
    }
    batch->charged_buckets[bucket / 64] |= UINT64_C(1) << bucket % 64;
    return (call == NULL || end_call(worker, batch, call)) || ts_error_no_memory(err);
}

static bool build_calls(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err)
{
    struct by_bucket sorted;
    if (!sort_by_bucket(batch, &sorted)) {
        return ts_error_no_memory(err);
    }
    size_t calls_max = TS_BUCKET_COUNT + sorted.first[TS_BUCKET_COUNT] / TS_APPLY_ACCOUNTS_MAX + 1;
    batch->calls = ts_arena_take(&batch->arena, calls_max * sizeof *batch->calls);
    if (batch->calls == NULL) {
        return ts_error_no_memory(err);
    }
    for (uint32_t b = 0; b < TS_BUCKET_COUNT; b++) {
        if (sorted.first[b + 1] > sorted.first[b] &&
            !build_bucket(worker, batch, &sorted, b, err)) {
            return false;
        }
    }
    return true;
}

/* --- sending them and reading the answers */

static void send_calls(struct ts_worker *worker, struct ts_batch *batch)
{
    const struct ts_balances *balances = &worker->ports.balances;
    struct ts_lane_state *lane = ts_worker_lane(worker, batch->lane);
    struct ts_error err = {0};
    for (size_t i = 0; i < batch->call_count; i++) {
        batch->calls[i].committed = lane->next_offset;
    }
    if (!balances->ops->apply_start(balances->self, batch->calls, batch->call_count, &err)) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return;
    }
    worker->calls_in_flight = true;
    ts_fault_point("mid_charge");
}

/* The absent accounts of a call, from PostgreSQL into the bucket. */
static bool load_accounts(struct ts_worker *worker, struct ts_apply *call, struct ts_error *err)
{
    struct ts_load_account accounts[TS_APPLY_ACCOUNTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < call->account_count; i++) {
        if (call->accounts[i].absent) {
            call->accounts[i].absent = false;
            accounts[count++].account_id = call->accounts[i].account_id;
        }
    }
    const struct ts_ledger *ledger = &worker->ports.ledger;
    const struct ts_balances *balances = &worker->ports.balances;
    int64_t generation = 0;
    struct ts_bucket_answer answer = {0};
    if (!ledger->ops->balances(ledger->self, call->bucket, accounts, count, &generation, err)) {
        return false;
    }
    if (generation != call->generation) {
        return ts_error_set(err, TS_ERROR_NONE, 0, "bucket %u was raised", call->bucket);
    }
    if (!balances->ops->load(
            balances->self, call->bucket, generation, accounts, count, NULL, 0, &answer, err)) {
        return false;
    }
    ts_count(&worker->stats.loads, count);
    return answer.status == TS_BALANCES_OK ||
           ts_error_set(err, TS_ERROR_NONE, 0, "bucket %u was raised", call->bucket);
}

/* A sum would pass +-9e15: the last charges of that account in the call that make it so become dead
 * letters, when the batch is decided again. */
static void
refuse_overflow(struct ts_worker *worker, struct ts_batch *batch, const struct ts_apply *call)
{
    const struct ts_apply_account *account = &call->accounts[call->overflow];
    int64_t sum = account->delta_micros;
    for (size_t i = batch->record_count; i-- > 0;) {
        const struct ts_record *record = &batch->records[i];
        if (!moves_money(record) || record->offset < call->first || record->offset > call->last ||
            !ts_bytes_equal(record->cdr.account_id, account->account_id)) {
            continue;
        }
        if (sum >= -TS_AMOUNT_MAX - call->overflow_balance) {
            break;
        }
        sum += record->rating.charge_micros;
        ts_worker_know(worker, record, TS_REASON_CHARGE_OVERFLOW);
    }
}

/* What the answers ask for. Calls that go again are moved to the front; `wait` when only a settle
 * can let them through. */
static bool
read_answers(struct ts_worker *worker, struct ts_batch *batch, bool *wait, struct ts_error *err)
{
    size_t again = 0;
    *wait = true;
    for (size_t i = 0; i < batch->call_count; i++) {
        struct ts_apply *call = &batch->calls[i];
        switch (call->status) {
        case TS_BALANCES_OK:
            continue;
        case TS_BALANCES_LOAD:
            if (!load_accounts(worker, call, err)) {
                return false;
            }
            *wait = false;
            break;
        case TS_BALANCES_FULL:
            break; /* a settle will free the slot */
        case TS_BALANCES_RANGE:
            refuse_overflow(worker, batch, call);
            return ts_error_set(err,
                                TS_ERROR_NONE,
                                0,
                                "the balance of account %.*s would pass the limit",
                                TS_ARGS(call->accounts[call->overflow].account_id));
        case TS_BALANCES_ALLOWANCE:
        case TS_BALANCES_LOST:
        case TS_BALANCES_STALE:
        case TS_BALANCES_FENCED:
        case TS_BALANCES_REOPEN:
        case TS_BALANCES_ERROR:
            return ts_error_set(err,
                                TS_ERROR_NONE,
                                0,
                                "bucket %u answered %s to a charge of partition %d",
                                call->bucket,
                                ts_balances_status_name(call->status),
                                call->lane.partition);
        }
        batch->calls[again++] = *call;
    }
    batch->call_count = again;
    return true;
}

static void finish_charge(struct ts_worker *worker, struct ts_batch *batch)
{
    int64_t now_us = ts_worker_now_us(worker);
    ts_histogram_add(&worker->stats.stages[TS_STAGE_CHARGE], now_us - batch->charge_started_us, 1);
    int64_t now_ms = ts_worker_now_ms(worker);
    const struct ts_record *last = &batch->records[batch->record_count - 1];
    if (last->timestamp_ms > 0) {
        ts_histogram_add(&worker->stats.append_to_balance,
                         (now_ms - last->timestamp_ms) * 1000,
                         batch->record_count);
    }
    worker->charging = NULL;
    ts_batch_queue_push(&worker->charged, batch);
    ts_fault_point("after_charge");
}

static bool poll_charge(struct ts_worker *worker)
{
    const struct ts_balances *balances = &worker->ports.balances;
    struct ts_batch *batch = worker->charging;
    struct ts_error err = {0};
    switch (balances->ops->apply_poll(balances->self, CALLS_WAIT_MS, &err)) {
    case TS_PROGRESS_PENDING:
        return false;
    case TS_PROGRESS_FAILED:
        worker->calls_in_flight = false;
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return true;
    case TS_PROGRESS_DONE:
        break;
    }
    worker->calls_in_flight = false;
    bool wait = false;
    if (!read_answers(worker, batch, &wait, &err)) {
        ts_worker_trouble(
            worker, err.class == TS_ERROR_NONE ? TS_PHASE_REOPENING : TS_PHASE_DISCONNECTED, &err);
    } else if (batch->call_count == 0) {
        finish_charge(worker, batch);
    } else if (!wait) {
        send_calls(worker, batch);
    }
    return true;
}

/* Calls that found their undo slots full go again when the lane has settled more. */
static bool try_again(struct ts_worker *worker)
{
    struct ts_batch *batch = worker->charging;
    if (batch->calls[0].committed >= ts_worker_lane(worker, batch->lane)->next_offset) {
        return false;
    }
    send_calls(worker, batch);
    return true;
}

static bool next_batch(struct ts_worker *worker)
{
    struct ts_batch *batch = worker->ready.first;
    if (batch == NULL || worker->draining) {
        return false;
    }
    if (!batch->prepared && ts_worker_prepare(worker, batch) != TS_PREPARED) {
        return false;
    }
    ts_batch_queue_pop(&worker->ready);
    worker->charging = batch;
    batch->charge_started_us = ts_worker_now_us(worker);
    struct ts_error err = {0};
    if (!build_calls(worker, batch, &err)) {
        ts_worker_trouble(worker, TS_PHASE_REOPENING, &err);
    } else if (batch->call_count == 0) {
        finish_charge(worker, batch);
    } else {
        send_calls(worker, batch);
    }
    return true;
}

bool ts_worker_charge(struct ts_worker *worker)
{
    if (worker->calls_in_flight) {
        return poll_charge(worker);
    }
    return worker->charging != NULL ? try_again(worker) : next_batch(worker);
}

void ts_worker_discard(struct ts_worker *worker, struct ts_batch *batch)
{
    ts_batch_untrack(worker, batch);
    if (batch->catalog != NULL) {
        worker->ports.rates.ops->release(worker->ports.rates.self, batch->catalog);
        batch->catalog = NULL;
    }
    ts_batch_give(worker->pool, batch);
}
