/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/compose.h"

#include "base/assert.h"
#include "pipeline/stages.h"
#include "ports/counter.h"
#include "ports/undo.h"

#include <string.h>

bool ts_compose_wants(const struct ts_record *record)
{
    return record->outcome == TS_OUTCOME_SETTLED &&
           (ts_record_delta(record) != 0 || record->included != NULL);
}

void ts_compose_refuse(struct ts_worker *worker, const struct ts_record *record)
{
    if (record->command != NULL) {
        ts_worker_know_limit(worker, record);
    } else {
        ts_worker_know(worker, record, TS_REASON_CHARGE_OVERFLOW);
    }
}

/* --- by bucket */

/* The batch's wanted records by bucket, each bucket's in offset order (a counting sort). */
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
        if (ts_compose_wants(&batch->records[i])) {
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
        if (ts_compose_wants(&batch->records[i])) {
            out->records[counts[bucket_of[batch->records[i].account]]++] = (uint32_t)i;
        }
    }
    return true;
}

/* --- included units */

static struct ts_composed *composed_of(const struct ts_apply *call)
{
    return call->caller;
}

static bool name_counter(struct ts_worker *worker,
                         struct ts_batch *batch,
                         const struct ts_composed_counter *counter,
                         struct ts_bytes *out)
{
    const struct ts_account_profile *profile = &batch->accounts[counter->account].profile;
    ts_buffer_clear(&worker->name);
    ts_counter_append(&worker->name,
                      &(struct ts_counter){.month = counter->month,
                                           .account_id = ts_account_profile_id(profile),
                                           .allowance = ts_allowance_name(counter->allowance)});
    *out = ts_arena_copy(&batch->arena, ts_buffer_bytes(&worker->name));
    return !worker->name.failed && out->size != SIZE_MAX;
}

/* The place of the draw's counter in the call, added when it is new. False: out of memory. */
static bool find_counter(struct ts_worker *worker,
                         struct ts_batch *batch,
                         struct ts_apply *call,
                         const struct ts_record *record,
                         struct ts_draw *draw)
{
    struct ts_batch_account *account = &batch->accounts[record->account];
    struct ts_composed_counter *counters = composed_of(call)->counters;
    struct ts_bytes allowance = ts_allowance_name(draw->allowance);
    TS_ASSERT(counters != NULL && call->counters != NULL); /* made for as many as may be drawn on */
    for (uint32_t at = account->call_counters; at != 0; at = counters[at - 1].next) {
        const struct ts_composed_counter *counter = &counters[at - 1];
        if (counter->month == record->included->month &&
            ts_bytes_equal(ts_allowance_name(counter->allowance), allowance)) {
            draw->place = at - 1;
            return true;
        }
    }
    draw->place = (uint32_t)call->counter_count++;
    counters[draw->place] = (struct ts_composed_counter){.account = record->account,
                                                         .month = record->included->month,
                                                         .allowance = draw->allowance,
                                                         .next = account->call_counters};
    account->call_counters = draw->place + 1;
    struct ts_apply_counter *added = &call->counters[draw->place];
    *added = (struct ts_apply_counter){0};
    if (!name_counter(worker, batch, &counters[draw->place], &added->name)) {
        return false;
    }
    added->before = ts_beliefs_get(worker->beliefs, added->name);
    added->after = added->before;
    return true;
}

/* What a call draws of what is left, and what is left to pay. */
static void price_call(const struct ts_batch *batch, struct ts_record *record, const int64_t used[])
{
    struct ts_included *included = record->included;
    struct ts_rating *rating = &record->rating;
    int64_t covered = ts_included_draw(included, rating->billed, used);
    rating->charge_micros = included->price_micros;
    if (covered > 0) {
        rating->charge_micros = ts_catalog_share(batch->catalog,
                                                 batch->accounts[record->account].profile.rate_plan,
                                                 included->price_micros,
                                                 rating->billed - covered,
                                                 rating->billed);
    }
}

/* Counts the units that the record moves: a call draws them, an adjustment says which. */
static bool draw_units(struct ts_worker *worker,
                       struct ts_batch *batch,
                       struct ts_apply *call,
                       struct ts_record *record)
{
    struct ts_included *included = record->included;
    int64_t used[TS_ADJUSTMENT_UNITS_MAX];
    TS_ASSERT(included->count <= TS_ADJUSTMENT_UNITS_MAX);
    for (uint32_t i = 0; i < included->count; i++) {
        struct ts_draw *draw = &included->draws[i];
        if (!composed_of(call)->again && !find_counter(worker, batch, call, record, draw)) {
            return false;
        }
        TS_ASSERT(call->counters != NULL);
        used[i] = call->counters[draw->place].after;
    }
    if (record->command == NULL) {
        price_call(batch, record, used);
    }
    for (uint32_t i = 0; i < included->count; i++) {
        TS_ASSERT(call->counters != NULL);
        call->counters[included->draws[i].place].after += included->draws[i].units;
    }
    return true;
}

static void
undo_units(struct ts_worker *worker, const struct ts_apply *call, const struct ts_record *record)
{
    for (uint32_t i = 0; i < record->included->count; i++) {
        const struct ts_draw *draw = &record->included->draws[i];
        if (draw->units != 0) {
            ts_undo_append(&worker->undo,
                           &(struct ts_undo_item){.offset = record->offset,
                                                  .counter = call->counters[draw->place].name,
                                                  .units = draw->units});
        }
    }
}

/* --- one call */

/* What is left of a bucket's memory for the next call. */
struct room {
    struct ts_apply_account *accounts;
    struct ts_apply_counter *counters;
    struct ts_composed_counter *composed_counters;
};

/* The call begins with this one of its bucket's records. NULL: out of memory. */
static struct ts_apply *begin_call(struct ts_worker *worker,
                                   struct ts_batch *batch,
                                   uint32_t bucket,
                                   const struct room *room,
                                   const uint32_t *records)
{
    struct ts_lane_state *lane = ts_worker_lane(worker, batch->lane);
    struct ts_composed *composed = ts_arena_take(&batch->arena, sizeof *composed);
    if (composed == NULL) {
        return NULL;
    }
    *composed = (struct ts_composed){.records = records, .counters = room->composed_counters};
    struct ts_apply *call = &batch->calls[batch->call_count++];
    *call = (struct ts_apply){
        .bucket = bucket,
        .generation = worker->generations[bucket],
        .lane = batch->lane,
        .token = lane->epoch,
        .first = -1,
        .slot = lane->undo_slot[bucket],
        .accounts = room->accounts,
        .counters = room->counters,
        .caller = composed,
    };
    lane->undo_slot[bucket] = (uint8_t)((lane->undo_slot[bucket] + 1) % TS_UNDO_SLOTS);
    batch->call_stamp++;
    ts_buffer_clear(&worker->undo);
    return call;
}

static struct ts_apply_account *
account_of(struct ts_batch *batch, struct ts_apply *call, const struct ts_record *record)
{
    struct ts_batch_account *account = &batch->accounts[record->account];
    if (account->call != batch->call_stamp) {
        account->call = batch->call_stamp;
        account->call_index = (uint32_t)call->account_count;
        account->call_counters = 0;
        call->accounts[call->account_count++] =
            (struct ts_apply_account){.account_id = ts_account_profile_id(&account->profile)};
    }
    return &call->accounts[account->call_index];
}

/* Adds a record to the call. */
static bool add_record(struct ts_worker *worker,
                       struct ts_batch *batch,
                       struct ts_apply *call,
                       struct ts_record *record,
                       struct ts_error *err)
{
    struct ts_apply_account *sum = account_of(batch, call, record);
    if (record->included != NULL && !draw_units(worker, batch, call, record)) {
        return ts_error_no_memory(err);
    }
    int64_t delta_micros = ts_record_delta(record);
    int64_t together = sum->delta_micros + delta_micros; /* each at most 9e15 */
    if (together > TS_AMOUNT_MAX || together < -TS_AMOUNT_MAX) {
        ts_compose_refuse(worker, record);
        return ts_error_set(err,
                            TS_ERROR_RETRY,
                            0,
                            "the movements of account %.*s in one batch pass the limit",
                            TS_ARGS(record->cdr.account_id));
    }
    sum->delta_micros = together;
    if (call->first < 0) {
        call->first = record->offset;
    }
    call->last = record->offset;
    if (delta_micros != 0) {
        ts_undo_append(&worker->undo,
                       &(struct ts_undo_item){.offset = record->offset,
                                              .delta_micros = delta_micros,
                                              .account_id = sum->account_id});
    }
    if (record->included != NULL) {
        undo_units(worker, call, record);
    }
    return true;
}

static bool end_call(struct ts_worker *worker,
                     struct ts_batch *batch,
                     struct ts_apply *call,
                     struct ts_error *err)
{
    for (size_t i = 0; i < call->counter_count; i++) {
        ts_beliefs_set(worker->beliefs, call->counters[i].name, call->counters[i].after);
    }
    struct ts_bytes undo = ts_buffer_bytes(&worker->undo);
    size_t room = composed_of(call)->undo_room;
    if (room > 0 && undo.size <= room) {
        memcpy((char *)call->undo.data, undo.data, undo.size); /* composed again */
        call->undo.size = undo.size;
    } else {
        call->undo = ts_arena_copy(&batch->arena, undo);
        composed_of(call)->undo_room = undo.size;
    }
    return (!worker->undo.failed && call->undo.size != SIZE_MAX) || ts_error_no_memory(err);
}

bool ts_compose_again(struct ts_worker *worker,
                      struct ts_batch *batch,
                      struct ts_apply *call,
                      struct ts_error *err)
{
    struct ts_composed *composed = composed_of(call);
    composed->again = true;
    batch->call_stamp++;
    ts_buffer_clear(&worker->undo);
    call->account_count = 0;
    for (size_t i = 0; i < call->counter_count; i++) {
        call->counters[i].after = call->counters[i].before;
    }
    for (uint32_t i = 0; i < composed->record_count; i++) {
        if (!add_record(worker, batch, call, &batch->records[composed->records[i]], err)) {
            return false;
        }
    }
    return end_call(worker, batch, call, err);
}

/* --- the calls of a batch */

static bool
make_room(struct ts_batch *batch, const uint32_t *records, uint32_t count, struct room *out)
{
    size_t draws = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct ts_included *included = batch->records[records[i]].included;
        draws += included == NULL ? 0 : included->count;
    }
    struct ts_arena *arena = &batch->arena;
    *out = (struct room){.accounts = ts_arena_take(arena, count * sizeof *out->accounts)};
    if (draws > 0) {
        out->counters = ts_arena_take(arena, draws * sizeof *out->counters);
        out->composed_counters = ts_arena_take(arena, draws * sizeof *out->composed_counters);
    }
    return out->accounts != NULL &&
           (draws == 0 || (out->counters != NULL && out->composed_counters != NULL));
}

static bool is_full(const struct ts_apply *call, const struct ts_record *record)
{
    size_t draws = record->included == NULL ? 0 : record->included->count;
    return call->account_count == TS_APPLY_ACCOUNTS_MAX ||
           call->counter_count + draws > TS_APPLY_COUNTERS_MAX;
}

static bool compose_bucket(struct ts_worker *worker,
                           struct ts_batch *batch,
                           uint32_t bucket,
                           const uint32_t *records,
                           uint32_t count,
                           struct ts_error *err)
{
    struct room room;
    if (!make_room(batch, records, count, &room)) {
        return ts_error_no_memory(err);
    }
    struct ts_apply *call = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct ts_record *record = &batch->records[records[i]];
        if (call != NULL && is_full(call, record)) {
            if (!end_call(worker, batch, call, err)) {
                return false;
            }
            room.accounts += call->account_count;
            room.counters += call->counter_count;
            room.composed_counters += call->counter_count;
            call = NULL;
        }
        if (call == NULL) {
            call = begin_call(worker, batch, bucket, &room, &records[i]);
            if (call == NULL) {
                return ts_error_no_memory(err);
            }
        }
        composed_of(call)->record_count++;
        if (!add_record(worker, batch, call, record, err)) {
            return false;
        }
    }
    batch->charged_buckets[bucket / 64] |= UINT64_C(1) << bucket % 64;
    return call == NULL || end_call(worker, batch, call, err);
}

/* How many calls there can be: each but a bucket's last is full of accounts or of counters. */
static size_t count_calls_max(const struct ts_batch *batch, size_t records)
{
    size_t draws = 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        draws += batch->records[i].included == NULL ? 0 : batch->records[i].included->count;
    }
    return TS_BUCKET_COUNT + records / TS_APPLY_ACCOUNTS_MAX +
           draws / (TS_APPLY_COUNTERS_MAX - TS_ADJUSTMENT_UNITS_MAX) + 1;
}

bool ts_compose_batch(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err)
{
    struct by_bucket sorted;
    if (!sort_by_bucket(batch, &sorted)) {
        return ts_error_no_memory(err);
    }
    size_t calls_max = count_calls_max(batch, sorted.first[TS_BUCKET_COUNT]);
    batch->calls = ts_arena_take(&batch->arena, calls_max * sizeof *batch->calls);
    if (batch->calls == NULL) {
        return ts_error_no_memory(err);
    }
    for (uint32_t b = 0; b < TS_BUCKET_COUNT; b++) {
        uint32_t count = sorted.first[b + 1] - sorted.first[b];
        if (count > 0 &&
            !compose_bucket(worker, batch, b, &sorted.records[sorted.first[b]], count, err)) {
            return false;
        }
    }
    return true;
}
