/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/judge.h"

#include <stdio.h>
#include <string.h>

/* --- what was told */

static bool is_told_by(const struct ts_outbox_row *row, const struct fake_told *told)
{
    return (int)told->output == row->output && ts_bytes_equal(told->payload, row->payload) &&
           ts_bytes_equal(told->key, row->key);
}

/* Brings the flags of the outbox rows up to date. */
static void match_told(struct world *world)
{
    struct fake_tables *tables = &world->postgres.tables;
    for (; world->told_matched < world->kafka.told_count; world->told_matched++) {
        const struct fake_told *told = &world->kafka.told[world->told_matched];
        bool found = false;
        for (size_t i = 0; i < tables->outbox_count; i++) {
            if (is_told_by(&tables->outbox[i].row, told)) {
                tables->outbox[i].told = true;
                found = true;
            }
        }
        if (!found && !world->postgres.lost_commits) {
            fake_violation(&world->host, "I5: something was told that is in no outbox row");
        }
    }
}

void judge_commit(void *self, int partition, int64_t offset)
{
    struct world *world = self;
    const struct fake_tables *tables = &world->postgres.tables;
    match_told(world);
    if (world->postgres.lost_commits) {
        return;
    }
    if (offset > tables->partitions[partition].next_offset) {
        fake_violation(&world->host, "the watermark of %d is beyond next_offset", partition);
    }
    for (size_t i = 0; i < tables->outbox_count; i++) {
        const struct fake_outbox_row *row = &tables->outbox[i];
        if (row->row.lane.partition == partition && row->row.offset < offset && !row->told) {
            fake_violation(&world->host,
                           "I5: the watermark of %d is at %lld, a message of %lld was not told",
                           partition,
                           (long long)offset,
                           (long long)row->row.offset);
        }
    }
}

void judge_trim(void *self, const struct ts_outbox_row *row)
{
    struct world *world = self;
    match_told(world);
    for (size_t i = 0; i < world->postgres.tables.outbox_count; i++) {
        const struct fake_outbox_row *kept = &world->postgres.tables.outbox[i];
        if (&kept->row == row && !kept->told) {
            fake_violation(&world->host,
                           "I5: a message of %d/%lld is deleted and was not told",
                           row->lane.partition,
                           (long long)row->offset);
        }
    }
}

/* --- I2 and I3: how each input ended */

static const struct fake_end *settled_as(const struct world *world, int32_t number)
{
    const struct fake_tables *tables = &world->postgres.tables;
    for (size_t i = 0; i < tables->end_count; i++) {
        if (tables->ends[i].outcome == TS_OUTCOME_SETTLED && tables->ends[i].number == number) {
            return &tables->ends[i];
        }
    }
    return NULL;
}

static bool any_revision_refuses(const struct world *world, const struct fake_call *call)
{
    for (int64_t revision = 1; revision <= world->rates.revision; revision++) {
        int64_t charge;
        if (!fake_price(call->number, call->content, revision, &charge)) {
            return true;
        }
    }
    return false;
}

/* Whether a dead letter's reason can be true. */
static bool
is_plausible(const struct world *world, const struct fake_call *call, enum ts_reason reason)
{
    int account = fake_account_number(ts_bytes_of(call->account_id));
    const struct made_account *made = &world->accounts[account];
    const struct fake_end *first = settled_as(world, call->number);
    switch (call->flaw) {
    case FAKE_FLAW_BYTES:
    case FAKE_FLAW_ABSENT:
        return reason == TS_REASON_DECODE_ERROR;
    case FAKE_FLAW_ORDER:
        return reason == TS_REASON_TIME_ORDER;
    default:
        break;
    }
    switch (reason) {
    case TS_REASON_IDENTITY_CONFLICT:
        return first != NULL && (first->content != call->content || first->account != account);
    case TS_REASON_UNKNOWN_ACCOUNT:
        return made->absent_at_first;
    case TS_REASON_ACCOUNT_CLOSED:
        return fake_call_start_ms(call->number) >= made->closed_ms;
    case TS_REASON_NO_RATE:
        return any_revision_refuses(world, call);
    case TS_REASON_CHARGE_OVERFLOW:
        return made->at_limit;
    case TS_REASON_ROW_REFUSED:
        return call->flaw == FAKE_FLAW_REFUSED;
    default:
        return false;
    }
}

static void judge_row(struct world *world, const struct fake_end *row, const struct fake_call *call)
{
    int64_t charge = -1;
    bool priced = fake_price(call->number, call->content, row->deck_version, &charge);
    int64_t left = FAKE_BILLED;
    for (int i = 0; i < FAKE_ALLOWANCES; i++) {
        left -= row->units[i];
    }
    charge = (2 * charge * left + FAKE_BILLED) / (2 * FAKE_BILLED); /* half up */
    int account = fake_account_number(ts_bytes_of(call->account_id));
    if (!priced || charge != row->charge_micros || row->number != call->number ||
        row->account != account || row->flaw != FAKE_FLAW_NONE) {
        fake_violation(&world->host,
                       "I1: %d/%lld is settled at another price or account than its own",
                       row->lane.partition,
                       (long long)row->offset);
    }
    if (settled_as(world, call->number) != row) {
        fake_violation(&world->host, "I3: call %d is settled twice", call->number);
    }
}

static void judge_input(struct world *world, int partition, int64_t offset)
{
    const struct fake_tables *tables = &world->postgres.tables;
    const struct fake_message *message = &world->kafka.logs[partition].messages[offset];
    const struct fake_end *end = NULL;
    int count = 0;
    for (size_t i = 0; i < tables->end_count; i++) {
        if (tables->ends[i].lane.partition == partition && tables->ends[i].offset == offset) {
            end = &tables->ends[i];
            count++;
        }
    }
    if (count != (message->hole ? 0 : 1)) {
        fake_violation(
            &world->host, "I2: %d/%lld ended %d times", partition, (long long)offset, count);
        return;
    }
    if (message->hole) {
        return;
    }
    const struct fake_end *first = settled_as(world, message->call.number);
    switch (end->outcome) {
    case TS_OUTCOME_SETTLED:
        judge_row(world, end, &message->call);
        break;
    case TS_OUTCOME_DUPLICATE:
        if (first == NULL || first->content != message->call.content) {
            fake_violation(&world->host,
                           "I2: %d/%lld is called a duplicate of nothing",
                           partition,
                           (long long)offset);
        }
        break;
    case TS_OUTCOME_DEAD_LETTER:
        if (!is_plausible(world, &message->call, end->reason)) {
            fake_violation(&world->host,
                           "I2: %d/%lld is a dead letter for %s, which is not true",
                           partition,
                           (long long)offset,
                           ts_reason_name(end->reason));
        }
        break;
    }
}

static void judge_inputs(struct world *world)
{
    for (int p = 0; p < world->kafka.lane_count; p++) {
        const struct fake_partition *partition = &world->postgres.tables.partitions[p];
        for (int64_t offset = 0; offset < world->kafka.logs[p].high; offset++) {
            judge_input(world, p, offset);
        }
        int64_t sum =
            partition->settled + partition->duplicates + partition->dead_letters + partition->holes;
        if (sum != partition->next_offset - partition->first_offset) {
            fake_violation(&world->host, "I2: the counters of %d do not add up", p);
        }
    }
}

/* --- I1, I4 and I5: each account, along its ledger rows */

struct expected_event {
    enum ts_event_type type;
    int64_t threshold_micros;
    int64_t balance_micros;
    const struct fake_end *cause;
};

enum { EXPECTED_MAX = TS_THRESHOLDS_MAX + 1 + FAKE_COUNTERS };

struct expectation {
    struct expected_event events[EXPECTED_MAX]; /* each can happen once: nothing goes up here */
    size_t count;
    int64_t balance;
    int64_t used[FAKE_COUNTERS];
    bool single_lane; /* all calls of the account came by one */
};

static const struct fake_end *row_at(const struct world *world, int account, int64_t movement)
{
    const struct fake_tables *tables = &world->postgres.tables;
    const struct fake_end *found = NULL;
    for (size_t i = 0; i < tables->end_count; i++) {
        const struct fake_end *end = &tables->ends[i];
        if (end->outcome == TS_OUTCOME_SETTLED && end->account == account &&
            end->movement == movement) {
            if (found != NULL) {
                return NULL;
            }
            found = end;
        }
    }
    return found;
}

static void expect_crossings(const struct made_account *made,
                             const struct fake_end *row,
                             int64_t after,
                             struct expectation *expected)
{
    int64_t before = expected->balance;
    for (int i = 0; i < made->threshold_count; i++) {
        int64_t threshold = made->thresholds_micros[i];
        if (threshold <= made->opening_micros && before >= threshold && after < threshold) {
            expected->events[expected->count++] =
                (struct expected_event){TS_EVENT_BALANCE_LOW, threshold, after, row};
        }
    }
    if (before > 0 && after <= 0) {
        expected->events[expected->count++] =
            (struct expected_event){TS_EVENT_BALANCE_EXHAUSTED, 0, after, row};
    }
}

static bool is_of_one_lane(const struct world *world, int account)
{
    int lanes = 0;
    for (int p = 0; p < world->kafka.lane_count; p++) {
        const struct fake_log *log = &world->kafka.logs[p];
        bool found = false;
        for (int64_t offset = 0; offset < log->high && !found; offset++) {
            const struct fake_message *message = &log->messages[offset];
            found =
                !message->hole && strcmp(message->call.account_id, world_account_id(account)) == 0;
        }
        lanes += found;
    }
    return lanes == 1;
}

/* What the call drew must have been left, and where one lane serves the account, in the order of
 * its calls, all that was left must have been drawn before money was charged. */
static void draw_units(struct world *world,
                       int account,
                       const struct fake_end *row,
                       struct expectation *expected)
{
    const struct made_account *made = &world->accounts[account];
    int64_t open = FAKE_BILLED;
    for (int i = 0; i < FAKE_ALLOWANCES; i++) {
        int counter = fake_counter_of_call(row->number, i);
        int64_t left = made->units[i] < 0 ? 0 : made->units[i] - expected->used[counter];
        int64_t most = left < open ? left : open;
        if (row->units[i] < 0 || row->units[i] > most ||
            (expected->single_lane && row->units[i] != most)) {
            fake_violation(&world->host,
                           "account %d: call %d draws %lld units where %lld are left",
                           account,
                           row->number,
                           (long long)row->units[i],
                           (long long)left);
        }
        open -= row->units[i];
        expected->used[counter] += row->units[i];
        if (row->units[i] > 0 && expected->used[counter] == made->units[i]) {
            expected->events[expected->count++] = (struct expected_event){
                TS_EVENT_ALLOWANCE_EXHAUSTED, FAKE_TOLD_COUNTER + counter, expected->balance, row};
        }
    }
}

static void walk_ledger(struct world *world, int account, struct expectation *expected)
{
    const struct fake_account *stored = &world->postgres.tables.accounts[account];
    *expected = (struct expectation){.balance = stored->opening_micros,
                                     .single_lane = is_of_one_lane(world, account)};
    for (int64_t movement = 1; movement <= stored->movements; movement++) {
        const struct fake_end *row = row_at(world, account, movement);
        if (row == NULL) {
            fake_violation(&world->host,
                           "I1: account %d has not exactly one row of movement %lld",
                           account,
                           (long long)movement);
            return;
        }
        int64_t after = expected->balance - row->charge_micros;
        if (row->balance_after_micros != after) {
            fake_violation(&world->host,
                           "I1: the balance after movement %lld of account %d is not the sum",
                           (long long)movement,
                           account);
        }
        expect_crossings(&world->accounts[account], row, after, expected);
        expected->balance = after;
        draw_units(world, account, row, expected);
    }
}

static void judge_balances(struct world *world, int account, const struct expectation *expected)
{
    const struct fake_account *stored = &world->postgres.tables.accounts[account];
    uint32_t bucket = ts_account_bucket(ts_account_profile_id(&stored->profile));
    const struct fake_redis_data *data = &world->redis.servers[world->redis.current].data;
    const struct fake_redis_accounts *hot = &data->hot[world->redis.hot_of[bucket]];
    if (stored->state.balance_micros != expected->balance) {
        fake_violation(&world->host,
                       "I1: account %d has %lld in PostgreSQL, its ledger says %lld",
                       account,
                       (long long)stored->state.balance_micros,
                       (long long)expected->balance);
    }
    const struct ts_bucket_row *row = &world->postgres.tables.buckets[bucket];
    const char *run_id = world->redis.servers[world->redis.current].identity.run_id;
    if (strcmp(row->identity.run_id, run_id) == 0 &&
        data->buckets[bucket].generation == row->generation && hot->there[account] &&
        hot->balance[account] != expected->balance) {
        fake_violation(&world->host,
                       "I4: account %d has %lld in Redis and %lld in PostgreSQL",
                       account,
                       (long long)hot->balance[account],
                       (long long)expected->balance);
    }
    bool comparable = strcmp(row->identity.run_id, run_id) == 0 &&
                      data->buckets[bucket].generation == row->generation;
    for (int i = 0; i < FAKE_COUNTERS; i++) {
        if (stored->used[i] != expected->used[i]) {
            fake_violation(&world->host,
                           "account %d used %lld units in PostgreSQL, its calls drew %lld",
                           account,
                           (long long)stored->used[i],
                           (long long)expected->used[i]);
        }
        if (comparable && hot->counters[account][i].there &&
            hot->counters[account][i].used != expected->used[i]) {
            fake_violation(&world->host,
                           "I4: account %d used %lld units in Redis and %lld in PostgreSQL",
                           account,
                           (long long)hot->counters[account][i].used,
                           (long long)expected->used[i]);
        }
    }
}

/* Of the same movement the order is free: the sequence says which was first. */
static bool is_expected(const struct expectation *expected, const struct fake_told_event *event)
{
    for (size_t i = 0; i < expected->count; i++) {
        const struct expected_event *one = &expected->events[i];
        char cause[64];
        snprintf(cause,
                 sizeof cause,
                 "cdr:switch/call-%d/0/%lld",
                 one->cause->number,
                 (long long)fake_call_start_ms(one->cause->number));
        if ((int)one->type == event->type && one->threshold_micros == event->threshold_micros) {
            return one->balance_micros == event->balance_micros && strcmp(cause, event->cause) == 0;
        }
    }
    return false;
}

/* In the order of their sequence the events follow the ledger, and no two tell the same. */
static void judge_order(struct world *world, int account, const struct fake_told_event **seen)
{
    int64_t balance = INT64_MAX;
    for (size_t i = 1; seen[i] != NULL; i++) {
        for (size_t j = 1; j < i; j++) {
            if (seen[i]->type == seen[j]->type &&
                seen[i]->threshold_micros == seen[j]->threshold_micros) {
                fake_violation(&world->host, "I5: account %d: a crossing is told twice", account);
            }
        }
        if (seen[i]->balance_micros > balance) {
            fake_violation(&world->host, "I5: account %d: sequence is not the order", account);
        }
        balance = seen[i]->balance_micros;
    }
}

static bool is_same(const struct fake_told_event *a, const struct fake_told_event *b)
{
    return a->type == b->type && a->sequence == b->sequence &&
           a->balance_micros == b->balance_micros && a->threshold_micros == b->threshold_micros &&
           strcmp(a->event_id, b->event_id) == 0 && strcmp(a->account_id, b->account_id) == 0 &&
           strcmp(a->cause, b->cause) == 0;
}

static void judge_events(struct world *world, int account, const struct expectation *expected)
{
    const struct fake_told_event *seen[EXPECTED_MAX + 2] = {NULL}; /* by sequence */
    int64_t last = 0;
    for (size_t i = 0; i < world->kafka.told_count; i++) {
        const struct fake_told *told = &world->kafka.told[i];
        const struct fake_told_event *event = (const void *)told->payload.data;
        if (told->output != TS_OUTPUT_EVENTS ||
            strcmp(event->account_id, world_account_id(account)) != 0) {
            continue;
        }
        if (event->sequence < 1 || event->sequence > (int64_t)expected->count ||
            !is_expected(expected, event)) {
            fake_violation(&world->host,
                           "I5: account %d: event %lld is not a crossing of its ledger",
                           account,
                           (long long)event->sequence);
            return;
        }
        if (seen[event->sequence] == NULL) {
            seen[event->sequence] = event;
        } else if (!is_same(seen[event->sequence], event)) {
            fake_violation(&world->host, "I5: account %d: told again, but otherwise", account);
        }
        if (event->sequence > last + 1) {
            fake_violation(&world->host,
                           "I5: account %d: a reader meets event %lld after %lld",
                           account,
                           (long long)event->sequence,
                           (long long)last);
        }
        last = event->sequence > last ? event->sequence : last;
    }
    if (last != (int64_t)expected->count) {
        fake_violation(&world->host,
                       "I5: account %d: %lld of %zu events were told",
                       account,
                       (long long)last,
                       expected->count);
    }
    judge_order(world, account, seen);
}

static void judge_dead_letters(struct world *world)
{
    const struct fake_tables *tables = &world->postgres.tables;
    for (size_t i = 0; i < tables->end_count; i++) {
        const struct fake_end *end = &tables->ends[i];
        bool told = end->outcome != TS_OUTCOME_DEAD_LETTER;
        for (size_t j = 0; j < world->kafka.told_count && !told; j++) {
            const struct fake_told *message = &world->kafka.told[j];
            const struct fake_told_dead_letter *letter = (const void *)message->payload.data;
            told = message->output == TS_OUTPUT_DEAD_LETTERS &&
                   letter->partition == end->lane.partition && letter->offset == end->offset &&
                   letter->reason == (int32_t)end->reason;
        }
        if (!told) {
            fake_violation(&world->host,
                           "I5: the dead letter %d/%lld was not told",
                           end->lane.partition,
                           (long long)end->offset);
        }
    }
}

void judge_world(struct world *world)
{
    match_told(world);
    judge_inputs(world);
    judge_dead_letters(world);
    for (int account = 0; account < world->account_count; account++) {
        struct expectation expected;
        walk_ledger(world, account, &expected);
        judge_balances(world, account, &expected);
        if (!world->postgres.lost_commits) { /* then some were told that nobody settled */
            judge_events(world, account, &expected);
        }
        if (world->postgres.tables.accounts[account].state.sequence != (int64_t)expected.count) {
            fake_violation(
                &world->host, "I5: account %d: sequence is not its events' number", account);
        }
    }
}
