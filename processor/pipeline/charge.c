/* SPDX-License-Identifier: Apache-2.0 */
/* Charge: one call of the script `apply` for each bucket that a batch touches, all sent at once.
 * Only what moves money or may draw on an allowance goes to Redis: any other call is settled in
 * PostgreSQL alone. One batch is in Redis at a time; the one before it may be settling meanwhile.
 *
 * What is left to pay of a call is computed before it is sent, from what is believed to be used of
 * the allowances. A wrong belief is answered with how it is, and that script call goes again with
 * other charges. */
#include "base/assert.h"
#include "base/fault.h"
#include "pipeline/compose.h"
#include "pipeline/stages.h"

#include <string.h>

enum { CALLS_WAIT_MS = 0 };

/* --- sending the calls */

/* Puts the first call of each bucket to the front and counts them: only those are sent. A later
 * one of the same bucket must not be applied where an earlier one was refused. */
static size_t choose_calls(struct ts_batch *batch)
{
    uint64_t seen[TS_BUCKET_COUNT / 64] = {0};
    size_t chosen = 0;
    for (size_t i = 0; i < batch->call_count; i++) {
        struct ts_apply call = batch->calls[i];
        uint64_t bit = UINT64_C(1) << call.bucket % 64;
        if ((seen[call.bucket / 64] & bit) == 0) {
            seen[call.bucket / 64] |= bit;
            memmove(&batch->calls[chosen + 1],
                    &batch->calls[chosen],
                    (i - chosen) * sizeof *batch->calls);
            batch->calls[chosen++] = call;
        }
    }
    return chosen;
}

static void send_calls(struct ts_worker *worker, struct ts_batch *batch)
{
    const struct ts_balances *balances = &worker->ports.balances;
    struct ts_lane_state *lane = ts_worker_lane(worker, batch->lane);
    struct ts_error err = {0};
    batch->sent_count = choose_calls(batch);
    for (size_t i = 0; i < batch->sent_count; i++) {
        batch->calls[i].committed = lane->next_offset;
    }
    if (!balances->ops->apply_start(balances->self, batch->calls, batch->sent_count, &err)) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
        return;
    }
    worker->calls_in_flight = true;
    ts_fault_point("mid_charge");
}

/* --- reading the answers */

/* What is absent of a call, on its way from PostgreSQL into the bucket. */
struct loading {
    struct ts_load_account *accounts;
    size_t account_count;
    struct ts_counter_request *requests; /* the counters, as the ledger knows them … */
    struct ts_load_counter *counters;    /* … and as Redis does */
    size_t *places;                      /* of the counters in the call */
    size_t counter_count;
};

static bool collect_absent(struct ts_batch *batch, const struct ts_apply *call, struct loading *out)
{
    struct ts_arena *arena = &batch->arena;
    const struct ts_composed *composed = call->caller;
    *out = (struct loading){
        .accounts = ts_arena_take(arena, (call->account_count + 1) * sizeof *out->accounts),
        .requests = ts_arena_take(arena, (call->counter_count + 1) * sizeof *out->requests),
        .counters = ts_arena_take(arena, (call->counter_count + 1) * sizeof *out->counters),
        .places = ts_arena_take(arena, (call->counter_count + 1) * sizeof *out->places),
    };
    if (out->accounts == NULL || out->requests == NULL || out->counters == NULL ||
        out->places == NULL) {
        return false;
    }
    for (size_t i = 0; i < call->account_count; i++) {
        if (call->accounts[i].absent) {
            out->accounts[out->account_count++].account_id = call->accounts[i].account_id;
        }
    }
    for (size_t i = 0; i < call->counter_count; i++) {
        if (call->counters[i].absent) {
            const struct ts_composed_counter *counter = &composed->counters[i];
            out->counters[out->counter_count].name = call->counters[i].name;
            out->places[out->counter_count] = i;
            out->requests[out->counter_count++] = (struct ts_counter_request){
                .account_no = batch->accounts[counter->account].profile.account_no,
                .month = counter->month,
                .allowance = ts_allowance_name(counter->allowance)};
        }
    }
    return true;
}

/* Each of the two reads tells the generation that it belongs to. */
static bool read_absent(struct ts_worker *worker,
                        const struct ts_apply *call,
                        struct loading *loading,
                        struct ts_error *err)
{
    const struct ts_ledger *ledger = &worker->ports.ledger;
    int64_t generation = call->generation;
    int64_t counters_generation = call->generation;
    if (loading->account_count > 0 && !ledger->ops->balances(ledger->self,
                                                             call->bucket,
                                                             loading->accounts,
                                                             loading->account_count,
                                                             &generation,
                                                             err)) {
        return false;
    }
    if (loading->counter_count > 0 && !ledger->ops->counters(ledger->self,
                                                             call->bucket,
                                                             loading->requests,
                                                             loading->counter_count,
                                                             &counters_generation,
                                                             err)) {
        return false;
    }
    for (size_t i = 0; i < loading->counter_count; i++) {
        loading->counters[i].used = loading->requests[i].used;
    }
    return (generation == call->generation && counters_generation == call->generation) ||
           ts_error_set(err, TS_ERROR_NONE, 0, "bucket %u was raised", call->bucket);
}

/* The absent accounts and counters of a call, from PostgreSQL into the bucket. */
static bool load_absent(struct ts_worker *worker,
                        struct ts_batch *batch,
                        struct ts_apply *call,
                        struct ts_error *err)
{
    const struct ts_balances *balances = &worker->ports.balances;
    struct ts_bucket_answer answer = {0};
    struct loading loading;
    if (!collect_absent(batch, call, &loading)) {
        return ts_error_no_memory(err);
    }
    if (!read_absent(worker, call, &loading, err) || !balances->ops->load(balances->self,
                                                                          call->bucket,
                                                                          call->generation,
                                                                          loading.accounts,
                                                                          loading.account_count,
                                                                          loading.counters,
                                                                          loading.counter_count,
                                                                          &answer,
                                                                          err)) {
        return false;
    }
    if (answer.status != TS_BALANCES_OK) {
        return ts_error_set(err, TS_ERROR_NONE, 0, "bucket %u was raised", call->bucket);
    }
    ts_count(&worker->stats.loads, loading.account_count);
    for (size_t i = 0; i < loading.counter_count; i++) {
        call->counters[loading.places[i]].before = loading.counters[i].used;
    }
    return loading.counter_count == 0 || ts_compose_again(worker, batch, call, err);
}

static bool correct_beliefs(struct ts_worker *worker,
                            struct ts_batch *batch,
                            struct ts_apply *call,
                            struct ts_error *err)
{
    for (size_t i = 0; i < call->counter_count; i++) {
        call->counters[i].before = call->counters[i].used;
    }
    return ts_compose_again(worker, batch, call, err);
}

/* A sum would pass +-9e15: the last movements of that account in the call that make it so are
 * refused, when the batch is decided again. */
static void
refuse_overflow(struct ts_worker *worker, struct ts_batch *batch, const struct ts_apply *call)
{
    const struct ts_apply_account *account = &call->accounts[call->overflow];
    int64_t sum = account->delta_micros;
    bool above = sum > 0;
    for (size_t i = batch->record_count; i-- > 0;) {
        const struct ts_record *record = &batch->records[i];
        if (!ts_compose_wants(record) || record->offset < call->first ||
            record->offset > call->last || (ts_record_delta(record) > 0) != above ||
            !ts_bytes_equal(record->cdr.account_id, account->account_id)) {
            continue;
        }
        if (above ? sum <= TS_AMOUNT_MAX - call->overflow_balance
                  : sum >= -TS_AMOUNT_MAX - call->overflow_balance) {
            break;
        }
        sum -= ts_record_delta(record);
        ts_compose_refuse(worker, record);
    }
}

/* What the answers ask for. Calls that go again are moved to the front, before those that were not
 * sent yet; `wait` when only a settle can let them through. */
static bool
read_answers(struct ts_worker *worker, struct ts_batch *batch, bool *wait, struct ts_error *err)
{
    size_t again = 0;
    *wait = true;
    for (size_t i = 0; i < batch->sent_count; i++) {
        struct ts_apply *call = &batch->calls[i];
        switch (call->status) {
        case TS_BALANCES_OK:
            *wait = *wait && batch->sent_count == batch->call_count;
            continue;
        case TS_BALANCES_LOAD:
            if (!load_absent(worker, batch, call, err)) {
                return false;
            }
            *wait = false;
            break;
        case TS_BALANCES_ALLOWANCE:
            if (!correct_beliefs(worker, batch, call, err)) {
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
    for (size_t i = batch->sent_count; i < batch->call_count; i++) {
        batch->calls[again++] = batch->calls[i];
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

/* The oldest batch that can be prepared now. One that has to wait holds up its own lane and no
 * other. NULL: there is none, or there was trouble. */
static struct ts_batch *choose_batch(struct ts_worker *worker)
{
    for (size_t i = 0; i < worker->lane_count; i++) {
        worker->lanes[i]->waits = false;
    }
    for (struct ts_batch *batch = worker->ready.first; batch != NULL; batch = batch->next) {
        struct ts_lane_state *lane = ts_worker_lane(worker, batch->lane);
        if (lane->waits) {
            continue;
        }
        switch (batch->prepared ? TS_PREPARED : ts_worker_prepare(worker, batch)) {
        case TS_PREPARED:
            return batch;
        case TS_PREPARE_LATER:
            lane->waits = true;
            break;
        case TS_PREPARE_TROUBLE:
            return NULL;
        }
    }
    return NULL;
}

static bool next_batch(struct ts_worker *worker)
{
    struct ts_batch *batch =
        worker->ready.first == NULL || worker->draining ? NULL : choose_batch(worker);
    if (batch == NULL) {
        return false;
    }
    ts_batch_queue_remove(&worker->ready, batch);
    worker->charging = batch;
    batch->charge_started_us = ts_worker_now_us(worker);
    struct ts_error err = {0};
    if (!ts_compose_batch(worker, batch, &err)) {
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
