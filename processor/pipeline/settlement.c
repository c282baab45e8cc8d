/* SPDX-License-Identifier: Apache-2.0 */
/* A settlement: charged batches become one transaction's worth of rows. Several batches, of several
 * lanes, go into one because a commit costs the same for one row as for thousands. */
#include "base/assert.h"
#include "base/without.h"
#include "pipeline/stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages as received, in one settlement: bounds the memory of its dead letters. */
enum { SETTLE_BYTES_MAX = 8 * 1024 * 1024 };

/* A dead letter is told whole while producer and broker take it by default (1,000,000 bytes). Of a
 * larger one the topic gets the beginning; PostgreSQL has it whole in any case. */
enum { TOLD_WHOLE_MAX = 900000, TOLD_VALUE_MAX = 524288, TOLD_KEY_MAX = 65536 };
enum { CUT_MESSAGE_MAX = 512 };

static void *take(struct ts_worker *worker, size_t count, size_t size)
{
    void *memory = ts_arena_take(&worker->settling.arena, count * size + 1);
    if (memory != NULL) {
        memset(memory, 0, count * size);
    }
    return memory;
}

/* --- choosing the batches */

static void choose_batches(struct ts_worker *worker, size_t *records, size_t *accounts)
{
    struct ts_settling_state *settling = &worker->settling;
    size_t bytes = 0;
    *records = 0;
    *accounts = 0;
    while (worker->charged.first != NULL) {
        const struct ts_batch *next = worker->charged.first;
        if (settling->batches.count > 0 &&
            (*records + next->record_count > settling->records_limit ||
             bytes + next->bytes > SETTLE_BYTES_MAX)) {
            break;
        }
        *records += next->record_count;
        *accounts += next->account_count;
        bytes += next->bytes;
        ts_batch_queue_push(&settling->batches, ts_batch_queue_pop(&worker->charged));
    }
}

/* --- lanes and buckets */

static struct ts_settle_lane *settle_lane(struct ts_worker *worker, const struct ts_batch *batch)
{
    struct ts_settlement *settlement = &worker->settling.settlement;
    for (size_t i = 0; i < settlement->lane_count; i++) {
        if (ts_lane_equal(settlement->lanes[i].lane, batch->lane)) {
            return &settlement->lanes[i];
        }
    }
    const struct ts_lane_state *state = ts_worker_lane(worker, batch->lane);
    struct ts_settle_lane *lane = &settlement->lanes[settlement->lane_count++];
    *lane = (struct ts_settle_lane){
        .lane = batch->lane, .epoch = state->epoch, .start = batch->start, .end = batch->start};
    TS_ASSERT(batch->start == state->next_offset);
    return lane;
}

static void add_to_lane(struct ts_worker *worker, const struct ts_batch *batch)
{
    struct ts_settle_lane *lane = settle_lane(worker, batch);
    const struct ts_record *last = &batch->records[batch->record_count - 1];
    TS_ASSERT(lane->end == batch->start);
    lane->end = batch->end;
    lane->holes += batch->holes;
    lane->tail_hash = ts_record_tail_hash(last->key, last->value, last->timestamp_ms);
    for (size_t i = 0; i < batch->record_count; i++) {
        switch (batch->records[i].outcome) {
        case TS_OUTCOME_SETTLED:
            lane->settled++;
            break;
        case TS_OUTCOME_DUPLICATE:
            lane->duplicates++;
            break;
        case TS_OUTCOME_DEAD_LETTER:
            lane->dead_letters++;
            break;
        }
    }
}

static bool add_buckets(struct ts_worker *worker)
{
    struct ts_settlement *settlement = &worker->settling.settlement;
    struct ts_settle_bucket *buckets = take(worker, TS_BUCKET_COUNT, sizeof *buckets);
    for (uint32_t b = 0; buckets != NULL && b < TS_BUCKET_COUNT; b++) {
        for (struct ts_batch *batch = worker->settling.batches.first; batch != NULL;
             batch = batch->next) {
            if ((batch->charged_buckets[b / 64] >> b % 64 & 1) != 0) {
                buckets[settlement->bucket_count++] =
                    (struct ts_settle_bucket){b, worker->generations[b]};
                break;
            }
        }
    }
    settlement->buckets = buckets;
    return buckets != NULL;
}

/* --- accounts and records */

/* Accounts by account_no, found by open addressing while they are collected. */
struct collector {
    struct ts_settle_account *accounts; /* in order of appearance */
    size_t count;
    uint32_t *slots; /* index + 1 */
    size_t slot_count;
};

static uint32_t collect(struct collector *collector, const struct ts_account_profile *profile)
{
    size_t mask = collector->slot_count - 1;
    uint64_t mixed = (uint64_t)profile->account_no * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(mixed >> 32) & mask;
    for (; collector->slots[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t index = collector->slots[slot] - 1;
        if (collector->accounts[index].profile->account_no == profile->account_no) {
            return index;
        }
    }
    uint32_t index = (uint32_t)collector->count++;
    collector->accounts[index] = (struct ts_settle_account){.profile = profile};
    collector->slots[slot] = index + 1;
    return index;
}

struct order {
    int64_t account_no;
    uint32_t index;
};

static int compare_order(const void *a, const void *b)
{
    int64_t left = ((const struct order *)a)->account_no;
    int64_t right = ((const struct order *)b)->account_no;
    return (left > right) - (left < right);
}

/* Puts the collected accounts in order of account_no (the order in which rows are locked) and
 * turns each record's index into a pointer. */
static bool order_accounts(struct ts_worker *worker,
                           const struct collector *collector,
                           const uint32_t *index_of_record)
{
    struct ts_settlement *settlement = &worker->settling.settlement;
    struct order *orders = take(worker, collector->count, sizeof *orders);
    uint32_t *place = take(worker, collector->count, sizeof *place);
    settlement->accounts = take(worker, collector->count, sizeof *settlement->accounts);
    if (orders == NULL || place == NULL || settlement->accounts == NULL) {
        return false;
    }
    for (size_t i = 0; i < collector->count; i++) {
        orders[i] = (struct order){collector->accounts[i].profile->account_no, (uint32_t)i};
    }
    qsort(orders, collector->count, sizeof *orders, compare_order);
    for (size_t i = 0; i < collector->count; i++) {
        settlement->accounts[i] = collector->accounts[orders[i].index];
        place[orders[i].index] = (uint32_t)i;
    }
    settlement->account_count = collector->count;
    for (size_t i = 0; i < settlement->record_count; i++) {
        settlement->record_accounts[i] = index_of_record[i] == UINT32_MAX
                                             ? NULL
                                             : &settlement->accounts[place[index_of_record[i]]];
    }
    return true;
}

static bool add_records(struct ts_worker *worker, size_t record_count, size_t account_max)
{
    struct ts_settlement *settlement = &worker->settling.settlement;
    struct collector collector = {.slot_count = 16};
    while (collector.slot_count < 2 * account_max) {
        collector.slot_count *= 2;
    }
    uint32_t *index_of_record = take(worker, record_count, sizeof *index_of_record);
    collector.accounts = take(worker, account_max, sizeof *collector.accounts);
    collector.slots = take(worker, collector.slot_count, sizeof *collector.slots);
    settlement->records = take(worker, record_count, sizeof(struct ts_record *));
    settlement->record_accounts =
        take(worker, record_count, sizeof(const struct ts_settle_account *));
    if (index_of_record == NULL || collector.accounts == NULL || collector.slots == NULL ||
        settlement->records == NULL || settlement->record_accounts == NULL) {
        return false;
    }
    for (struct ts_batch *batch = worker->settling.batches.first; batch != NULL;
         batch = batch->next) {
        for (size_t i = 0; i < batch->record_count; i++) {
            struct ts_record *record = &batch->records[i];
            size_t n = settlement->record_count++;
            settlement->records[n] = record;
            index_of_record[n] = UINT32_MAX;
            if (record->outcome == TS_OUTCOME_SETTLED) {
                uint32_t index = collect(&collector, &batch->accounts[record->account].profile);
                index_of_record[n] = index;
                collector.accounts[index].rows += ts_record_has_row(record);
                collector.accounts[index].delta_micros += ts_record_delta(record);
            }
        }
    }
    return order_accounts(worker, &collector, index_of_record);
}

bool ts_settlement_build(struct ts_worker *worker, struct ts_error *err)
{
    struct ts_settling_state *settling = &worker->settling;
    struct ts_settlement *settlement = &settling->settlement;
    ts_arena_reset(&settling->arena);
    *settlement =
        (struct ts_settlement){.now_ms = ts_worker_now_ms(worker), .arena = &settling->arena};
    settling->rows = NULL;
    settling->row_count = 0;
    settling->row_capacity = 0;
    size_t records = 0;
    size_t accounts = 0;
    choose_batches(worker, &records, &accounts);
    settlement->lanes = take(worker, worker->lane_count, sizeof *settlement->lanes);
    if (settlement->lanes == NULL) {
        return ts_error_no_memory(err);
    }
    for (struct ts_batch *batch = settling->batches.first; batch != NULL; batch = batch->next) {
        add_to_lane(worker, batch);
    }
    return (add_buckets(worker) && add_records(worker, records, accounts) &&
            ts_settle_counters_add(worker)) ||
           ts_error_no_memory(err);
}

/* --- on the locked rows */

/* The account's state is to be read. */
static void watch(struct ts_settlement *settlement, uint8_t *watched, uint32_t account)
{
    if (watched[account] == 0) {
        watched[account] = 1;
        settlement->states[settlement->state_count++].account = account;
    }
}

bool ts_settlement_number(struct ts_worker *worker, struct ts_error *err)
{
    struct ts_settlement *settlement = &worker->settling.settlement;
    size_t count = settlement->account_count;
    int64_t *balance = take(worker, count, sizeof *balance);
    int64_t *movement = take(worker, count, sizeof *movement);
    uint8_t *watched = take(worker, count, sizeof *watched);
    settlement->states = take(worker, count, sizeof *settlement->states);
    if (balance == NULL || movement == NULL || watched == NULL || settlement->states == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct ts_settle_account *account = &settlement->accounts[i];
        balance[i] = account->balance_micros - account->delta_micros;
        movement[i] = account->movements - account->rows;
    }
    for (size_t i = 0; i < settlement->record_count; i++) {
        const struct ts_settle_account *account = settlement->record_accounts[i];
        if (account == NULL) {
            continue;
        }
        struct ts_record *record = settlement->records[i];
        size_t a = (size_t)(account - settlement->accounts);
        balance[a] += ts_record_delta(record);
        record->balance_after_micros = balance[a];
        movement[a] += ts_record_has_row(record);
        record->movement = movement[a];
        if (record->command != NULL ||
            (ts_record_delta(record) != 0 &&
             (balance[a] < account->watch_low || balance[a] >= account->watch_high))) {
            watch(settlement, watched, (uint32_t)a);
        }
    }
    bool hold = true;
    if (!ts_settle_counters_hold(worker, &hold)) {
        return ts_error_no_memory(err);
    }
    if (!hold && !ts_without("units-check")) {
        return ts_error_set(err, TS_ERROR_NONE, 0, "included units were drawn that are not left");
    }
    for (size_t i = 0; i < settlement->counter_count; i++) {
        if (ts_settle_counter_exhausted(&settlement->counters[i])) {
            watch(settlement, watched, settlement->counters[i].account);
        }
    }
    return true;
}

static bool add_row(struct ts_worker *worker, const struct ts_outbox_row *row)
{
    struct ts_settling_state *settling = &worker->settling;
    if (settling->row_count == settling->row_capacity) {
        size_t capacity = settling->row_capacity == 0 ? 64 : 2 * settling->row_capacity;
        struct ts_outbox_row *rows = take(worker, capacity, sizeof *rows);
        if (rows == NULL) {
            return false;
        }
        if (settling->row_count > 0) {
            memcpy(rows, settling->rows, settling->row_count * sizeof *rows);
        }
        settling->rows = rows;
        settling->row_capacity = capacity;
    }
    settling->rows[settling->row_count] = *row;
    /* Rows outlive the batches that caused them, until they are handed over: nothing in them may
     * point into one. */
    struct ts_outbox_row *added = &settling->rows[settling->row_count++];
    added->key = ts_arena_copy(&settling->arena, row->key);
    added->payload = ts_arena_copy(&settling->arena, ts_buffer_bytes(&settling->scratch));
    return !settling->scratch.failed && added->payload.size != SIZE_MAX &&
           added->key.size != SIZE_MAX;
}

/* One of the settlement's counters, on the way along its records. */
struct usage {
    int64_t used; /* before the next record */
    bool told;
};

/* A replay tells nothing of a month that is over, and nothing because it moves units to and fro:
 * only what all the settlement's records together use up. */
static bool may_tell(const struct ts_record *record,
                     const struct ts_settle_state *state,
                     const struct ts_settle_counter *counter)
{
    return record->command == NULL ||
           (counter->month == state->time.month && ts_settle_counter_exhausted(counter));
}

/* The allowances whose last unit the record used. `usages` are moved on. Returns how many events:
 * one for each of its draws at most.
 */
static size_t tell_allowances(struct ts_worker *worker,
                              const struct ts_record *record,
                              struct ts_settle_state *state,
                              struct ts_bytes cause,
                              struct usage *usages,
                              struct ts_event events[])
{
    const struct ts_settlement *settlement = &worker->settling.settlement;
    const struct ts_included *included = record->included;
    size_t count = 0;
    for (uint32_t i = 0; included != NULL && i < included->count; i++) {
        const struct ts_draw *draw = &included->draws[i];
        if (draw->units == 0) {
            continue;
        }
        const struct ts_settle_counter *counter = &settlement->counters[draw->place];
        int64_t limit = counter->allowance->units;
        struct usage *usage = &usages[draw->place];
        bool left = usage->used < limit;
        usage->used += draw->units;
        if (left && usage->used >= limit && !usage->told && may_tell(record, state, counter)) {
            const struct ts_account_profile *profile = settlement->accounts[state->account].profile;
            usage->told = true;
            ts_decide_allowance(&state->state,
                                &state->time,
                                ts_account_profile_id(profile),
                                cause,
                                counter->allowance,
                                counter->month,
                                &events[count++]);
        }
    }
    return count;
}

bool ts_settlement_add_events(struct ts_worker *worker,
                              const struct ts_record *record,
                              const struct ts_settle_state *state,
                              const struct ts_event *events,
                              size_t count)
{
    const struct ts_account_profile *profile =
        worker->settling.settlement.accounts[state->account].profile;
    for (size_t i = 0; i < count; i++) {
        ts_buffer_clear(&worker->settling.scratch);
        worker->ports.codec.ops->encode_event(
            worker->ports.codec.self, &events[i], &worker->settling.scratch);
        struct ts_outbox_row row = {.lane = record->lane,
                                    .offset = record->offset,
                                    .n = (int32_t)i,
                                    .output = TS_OUTPUT_EVENTS,
                                    .account_no = profile->account_no,
                                    .sequence = events[i].sequence,
                                    .key = ts_account_profile_id(profile)};
        if (!add_row(worker, &row)) {
            return false;
        }
    }
    ts_count(&worker->stats.events, count);
    return true;
}

/* What a call means: its charge, then its included units. */
static bool tell_call(struct ts_worker *worker,
                      const struct ts_record *record,
                      struct ts_settle_state *state,
                      struct usage *usages)
{
    const struct ts_settle_account *account = &worker->settling.settlement.accounts[state->account];
    char cause[TS_CAUSE_MAX];
    snprintf(cause,
             sizeof cause,
             "cdr:%.*s/%.*s/%d/%lld",
             TS_ARGS(record->cdr.source),
             TS_ARGS(record->cdr.cdr_id),
             record->cdr.leg,
             (long long)record->cdr.start_ms);
    struct ts_event events[TS_DECIDE_EVENTS_MAX + TS_ALLOWANCES_MAX];
    size_t count = ts_decide_movement(&state->state,
                                      &worker->options.decide,
                                      &state->time,
                                      ts_account_profile_id(account->profile),
                                      ts_bytes_of(cause),
                                      -record->rating.charge_micros,
                                      events);
    count += tell_allowances(worker, record, state, ts_bytes_of(cause), usages, &events[count]);
    return ts_settlement_add_events(worker, record, state, events, count);
}

static bool tell_command(struct ts_worker *worker,
                         struct ts_record *record,
                         struct ts_settle_state *state,
                         struct usage *usages,
                         bool *as_guessed)
{
    char text[TS_CAUSE_MAX];
    struct ts_bytes cause = ts_command_cause(&record->command->command, text);
    struct ts_event events[TS_DECIDE_COMMAND_EVENTS_MAX + TS_ADJUSTMENT_UNITS_MAX];
    size_t count = ts_settlement_decide_command(worker, record, state, cause, as_guessed, events);
    count += tell_allowances(worker, record, state, cause, usages, &events[count]);
    return ts_settlement_add_events(worker, record, state, events, count);
}

/* The key is there twice: in the message and as its key. */
static size_t told_size(const struct ts_record *record)
{
    return 2 * record->key.size + record->value.size + record->headers.size;
}

/* What is told of a record that is too large to be told: without its headers, the rest cut. */
static struct ts_record cut(const struct ts_record *record, char message[CUT_MESSAGE_MAX])
{
    struct ts_record told = *record;
    told.key.size = record->key.size < TOLD_KEY_MAX ? record->key.size : TOLD_KEY_MAX;
    told.value.size = record->value.size < TOLD_VALUE_MAX ? record->value.size : TOLD_VALUE_MAX;
    told.headers = (struct ts_bytes){0};
    snprintf(message,
             CUT_MESSAGE_MAX,
             "%.*s (cut for this topic, headers left out: the value has %zu bytes)",
             TS_ARGS(record->message),
             record->value.size);
    told.message = ts_bytes_of(message);
    return told;
}

static bool tell_dead_letter(struct ts_worker *worker, const struct ts_record *record)
{
    char message[CUT_MESSAGE_MAX];
    struct ts_record told = told_size(record) > TOLD_WHOLE_MAX ? cut(record, message) : *record;
    ts_buffer_clear(&worker->settling.scratch);
    worker->ports.codec.ops->encode_dead_letter(worker->ports.codec.self,
                                                &told,
                                                worker->options.topics[record->lane.input],
                                                worker->settling.settlement.now_ms,
                                                &worker->settling.scratch);
    struct ts_outbox_row row = {.lane = record->lane,
                                .offset = record->offset,
                                .output = TS_OUTPUT_DEAD_LETTERS,
                                .key = told.key};
    return add_row(worker, &row);
}

bool ts_settlement_tell(struct ts_worker *worker, struct ts_error *err)
{
    struct ts_settlement *settlement = &worker->settling.settlement;
    struct ts_settle_state **state_of =
        take(worker, settlement->account_count, sizeof(struct ts_settle_state *));
    struct usage *usages = take(worker, settlement->counter_count, sizeof *usages);
    if (state_of == NULL || usages == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < settlement->state_count; i++) {
        state_of[settlement->states[i].account] = &settlement->states[i];
    }
    for (size_t i = 0; i < settlement->counter_count; i++) {
        usages[i].used = settlement->counters[i].used - settlement->counters[i].units;
    }
    bool as_guessed = true;
    for (size_t i = 0; i < settlement->record_count; i++) {
        struct ts_record *record = settlement->records[i];
        const struct ts_settle_account *account = settlement->record_accounts[i];
        bool ok = true;
        if (record->outcome == TS_OUTCOME_DEAD_LETTER) {
            ok = tell_dead_letter(worker, record);
        } else if (account != NULL && record->command != NULL) {
            ok = tell_command(
                worker, record, state_of[account - settlement->accounts], usages, &as_guessed);
        } else if (account != NULL &&
                   (record->rating.charge_micros != 0 || record->included != NULL)) {
            struct ts_settle_state *state = state_of[account - settlement->accounts];
            ok = state == NULL || tell_call(worker, record, state, usages);
        }
        if (!ok) {
            return ts_error_no_memory(err);
        }
    }
    settlement->outbox = worker->settling.rows;
    settlement->outbox_count = worker->settling.row_count;
    return as_guessed || ts_without("guess-check") ||
           ts_error_set(err, TS_ERROR_NONE, 0, "a command was decided otherwise than guessed");
}
