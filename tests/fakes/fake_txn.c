/* SPDX-License-Identifier: Apache-2.0 */
/* The settle transaction of the fake PostgreSQL, a statement at a time. */
#include "tests/fakes/fake_postgres.h"
#include "tests/fakes/fake_redis.h"

#include "base/assert.h"

#include <string.h>

enum { LOCK_TIMEOUT_US = 20000, IDLE_TIMEOUT_US = 30000 };

/* --- ends */

static void unlock(struct fake_postgres *postgres, struct fake_txn *txn)
{
    for (int i = 0; i < FAKE_LANES; i++) {
        if (postgres->tables.partitions[i].locked_by == txn) {
            postgres->tables.partitions[i].locked_by = NULL;
        }
    }
    for (int i = 0; i < FAKE_ACCOUNTS; i++) {
        if (postgres->tables.accounts[i].locked_by == txn) {
            postgres->tables.accounts[i].locked_by = NULL;
        }
    }
    txn->open = false;
    txn->shared = false;
}

void fake_txn_roll_back(struct fake_postgres *postgres, struct fake_txn *txn, const char *why)
{
    fake_trace(
        postgres->host, "postgres: settle of process %d is rolled back: %s", txn->process, why);
    unlock(postgres, txn);
}

static struct fake_partition *partition_of(struct fake_postgres *postgres,
                                           const struct ts_settle_lane *lane)
{
    return &postgres->tables.partitions[fake_lane_number(postgres->host, lane->lane)];
}

static void commit_lanes(struct fake_postgres *postgres, struct fake_txn *txn)
{
    for (size_t i = 0; i < txn->lane_count; i++) {
        const struct ts_settle_lane *lane = &txn->lanes[i];
        struct fake_partition *partition = partition_of(postgres, lane);
        partition->next_offset = lane->end;
        partition->has_tail = true;
        partition->tail_hash = lane->tail_hash;
        partition->settled += lane->settled;
        partition->duplicates += lane->duplicates;
        partition->dead_letters += lane->dead_letters;
        partition->holes += lane->holes;
        fake_trace(postgres->host,
                   "postgres: COMMIT of process %d: %d [%lld, %lld)",
                   txn->process,
                   fake_lane_number(postgres->host, lane->lane),
                   (long long)lane->start,
                   (long long)lane->end);
    }
}

static void trace_end(struct fake_host *host, const struct fake_end *end)
{
    if (end->outcome != TS_OUTCOME_SETTLED) {
        fake_trace(host,
                   "  %d/%lld %s",
                   end->lane,
                   (long long)end->offset,
                   end->outcome == TS_OUTCOME_DUPLICATE ? "duplicate"
                                                        : ts_reason_name(end->reason));
    } else if (end->order) {
        fake_trace(host,
                   "  %d/%lld settled: an order, account %d, %s %lld, balance %lld",
                   end->lane,
                   (long long)end->offset,
                   end->account,
                   end->effect.refusal == TS_REFUSAL_NONE ? "adds"
                                                          : ts_refusal_name(end->effect.refusal),
                   (long long)end->effect.delta_micros,
                   (long long)end->balance_after_micros);
    } else {
        fake_trace(host,
                   "  %d/%lld settled: call %d, account %d, charge %lld, balance %lld",
                   end->lane,
                   (long long)end->offset,
                   end->number,
                   end->account,
                   (long long)end->charge_micros,
                   (long long)end->balance_after_micros);
    }
}

/* The row's state, and what a change says of its profile. */
static void commit_state(const struct fake_host *host,
                         struct fake_tables *tables,
                         const struct fake_txn_state *written)
{
    struct fake_account *account = &tables->accounts[written->state.account_no - 1];
    int64_t balance = account->state.balance_micros;
    account->state = written->state;
    account->state.balance_micros = balance;
    if (!written->changed) {
        return;
    }
    account->profile.revision += !fake_without(host, "revision");
    if ((written->set & ts_field_bit(TS_FIELD_RATE_PLAN)) != 0) {
        account->profile.rate_plan = written->plan_no;
    }
    if ((written->set & ts_field_bit(TS_FIELD_ALLOWANCES)) != 0) {
        account->profile.allowances = written->allowances;
    }
}

static void commit(struct fake_postgres *postgres, struct fake_txn *txn)
{
    struct fake_tables *tables = &postgres->tables;
    commit_lanes(postgres, txn);
    for (size_t i = 0; i < txn->sum_count; i++) {
        struct fake_account *account = &tables->accounts[txn->sums[i].account];
        account->state.balance_micros += txn->sums[i].delta;
        account->movements += txn->sums[i].rows;
    }
    for (size_t i = 0; i < txn->counting_count; i++) {
        struct fake_account *account = &tables->accounts[txn->countings[i].account];
        account->used[txn->countings[i].counter] += txn->countings[i].units;
    }
    for (size_t i = 0; i < txn->state_count; i++) {
        commit_state(postgres->host, tables, &txn->states[i]);
    }
    TS_ASSERT(tables->id_count + txn->id_count <= FAKE_IDS);
    for (size_t i = 0; i < txn->id_count; i++) {
        if (!txn->ids[i].expected_free) {
            tables->ids[tables->id_count++] = txn->ids[i];
        }
    }
    TS_ASSERT(tables->end_count + txn->end_count <= FAKE_ENDS);
    for (size_t i = 0; i < txn->end_count; i++) {
        tables->ends[tables->end_count++] = txn->ends[i];
        trace_end(postgres->host, &txn->ends[i]);
    }
    TS_ASSERT(tables->outbox_count + txn->outbox_count <= FAKE_OUTBOX);
    for (size_t i = 0; i < txn->outbox_count; i++) {
        tables->outbox[tables->outbox_count++] = (struct fake_outbox_row){.row = txn->outbox[i]};
    }
    unlock(postgres, txn);
}

/* --- statements. Each returns PENDING to go on, or how the settlement ends. */

static bool blocked(struct fake_postgres *postgres, struct fake_txn *txn, const struct fake_txn *by)
{
    if (by == NULL || by == txn) {
        txn->blocked_us = 0;
        return false;
    }
    if (txn->blocked_us == 0) {
        txn->blocked_us = postgres->host->now_us;
    }
    return true;
}

static enum ts_settle_status lock_lanes(struct fake_postgres *postgres, struct fake_txn *txn)
{
    bool refused = false;
    for (size_t i = 0; i < txn->lane_count; i++) {
        struct ts_settle_lane *lane = &txn->lanes[i];
        struct fake_partition *partition = partition_of(postgres, lane);
        if (blocked(postgres, txn, partition->locked_by)) {
            return TS_SETTLE_PENDING;
        }
        bool mine = partition->epoch == lane->epoch || fake_without(postgres->host, "epoch-check");
        if (mine && partition->next_offset == lane->start) {
            partition->locked_by = txn;
        } else {
            refused = true;
            txn->settlement->lanes[i].refused = true;
        }
    }
    txn->step = FAKE_STEP_BUCKETS;
    return refused ? TS_SETTLE_REFUSED : TS_SETTLE_PENDING;
}

static enum ts_settle_status check_buckets(struct fake_postgres *postgres, struct fake_txn *txn)
{
    txn->step = FAKE_STEP_ACCOUNTS;
    for (size_t i = 0; i < txn->bucket_count; i++) {
        const struct ts_settle_bucket *bucket = &txn->buckets[i];
        if (postgres->tables.buckets[bucket->bucket].generation != bucket->generation &&
            !fake_without(postgres->host, "generation-check")) {
            return TS_SETTLE_STALE;
        }
    }
    return TS_SETTLE_PENDING;
}

static void refuse_overflow(struct ts_settlement *settlement,
                            const struct ts_settle_account *account,
                            bool above)
{
    for (size_t i = 0; i < settlement->record_count; i++) {
        struct ts_record *record = settlement->records[i];
        if (settlement->record_accounts[i] == account && record->outcome == TS_OUTCOME_SETTLED &&
            (above ? ts_record_delta(record) > 0 : ts_record_delta(record) < 0)) {
            record->outcome = TS_OUTCOME_DEAD_LETTER;
            record->reason = TS_REASON_CHARGE_OVERFLOW;
            record->message = TS_LITERAL("beyond the limit");
        }
    }
}

static enum ts_settle_status lock_accounts(struct fake_postgres *postgres, struct fake_txn *txn)
{
    struct ts_settlement *settlement = txn->settlement;
    enum ts_settle_status status = TS_SETTLE_LOCKED;
    TS_ASSERT(settlement != NULL);
    for (size_t i = 0; i < settlement->account_count; i++) {
        struct ts_settle_account *out = &settlement->accounts[i];
        struct fake_account *account = &postgres->tables.accounts[out->profile->account_no - 1];
        if (blocked(postgres, txn, account->locked_by)) {
            return TS_SETTLE_PENDING;
        }
        account->locked_by = txn;
    }
    for (size_t i = 0; i < settlement->account_count; i++) {
        struct ts_settle_account *out = &settlement->accounts[i];
        const struct fake_account *account =
            &postgres->tables.accounts[out->profile->account_no - 1];
        out->balance_micros = account->state.balance_micros + out->delta_micros;
        out->movements = account->movements + out->rows;
        out->sequence = account->state.sequence;
        out->revision = account->profile.revision;
        out->watch_low = account->state.watch_low;
        out->watch_high = account->state.watch_high;
        if (out->balance_micros < -TS_AMOUNT_MAX || out->balance_micros > TS_AMOUNT_MAX) {
            refuse_overflow(settlement, out, out->balance_micros > 0);
            status = TS_SETTLE_BAD_ROWS;
        }
    }
    for (size_t i = 0; i < settlement->counter_count; i++) {
        struct ts_settle_counter *out = &settlement->counters[i];
        int64_t account_no = settlement->accounts[out->account].profile->account_no;
        const struct fake_account *account = &postgres->tables.accounts[account_no - 1];
        out->used =
            account->used[fake_counter(out->month, ts_allowance_name(out->allowance))] + out->units;
    }
    txn->step = FAKE_STEP_LOCKED;
    return status;
}

static enum ts_settle_status read_states(struct fake_postgres *postgres, struct fake_txn *txn)
{
    struct ts_settlement *settlement = txn->settlement;
    TS_ASSERT(settlement != NULL);
    for (size_t i = 0; i < settlement->state_count; i++) {
        struct ts_settle_state *state = &settlement->states[i];
        const struct ts_settle_account *account = &settlement->accounts[state->account];
        state->state = postgres->tables.accounts[account->profile->account_no - 1].state;
        state->time = fake_time(postgres->host, settlement->now_ms);
    }
    txn->step = FAKE_STEP_LOCKED;
    return TS_SETTLE_STATES;
}

static bool is_settled(const struct fake_tables *tables, uint64_t identity_hash)
{
    for (size_t i = 0; i < tables->end_count; i++) {
        if (tables->ends[i].outcome == TS_OUTCOME_SETTLED && !tables->ends[i].order &&
            tables->ends[i].identity_hash == identity_hash) {
            return true;
        }
    }
    return false;
}

/* Rows that break a constraint. */
static bool refuse_rows(struct fake_txn *txn)
{
    bool bad = false;
    for (size_t i = 0; i < txn->end_count; i++) {
        if (txn->ends[i].outcome != TS_OUTCOME_SETTLED || txn->ends[i].flaw != FAKE_FLAW_REFUSED) {
            continue;
        }
        bad = true;
        if (!txn->orphan) {
            struct ts_record *record = txn->settlement->records[i];
            record->outcome = TS_OUTCOME_DEAD_LETTER;
            record->reason = TS_REASON_ROW_REFUSED;
            record->message = TS_LITERAL("refused");
        }
    }
    return bad;
}

static bool ids_are_taken(const struct fake_postgres *postgres, const struct fake_txn *txn)
{
    bool taken = false;
    for (size_t i = 0; i < txn->id_count; i++) {
        const struct fake_id *id = &txn->ids[i];
        if ((id->expected_free && fake_without(postgres->host, "refused-ids")) ||
            (id->space == 3 && fake_without(postgres->host, "one-follows"))) {
            continue;
        }
        taken = taken || fake_id_find(&postgres->tables, id->space, ts_bytes_of(id->text)) != NULL;
        for (size_t j = 0; j < i && !id->expected_free; j++) {
            taken = taken || (txn->ids[j].space == id->space && !txn->ids[j].expected_free &&
                              strcmp(txn->ids[j].text, id->text) == 0);
        }
    }
    return taken && !fake_without(postgres->host, "command-ids");
}

static enum ts_settle_status insert_rows(struct fake_postgres *postgres, struct fake_txn *txn)
{
    for (size_t i = 0; i < txn->end_count; i++) {
        const struct fake_end *row = &txn->ends[i];
        if (row->outcome != TS_OUTCOME_SETTLED || row->order) {
            continue;
        }
        bool taken = is_settled(&postgres->tables, row->identity_hash);
        for (size_t j = 0; j < i && !taken; j++) {
            taken = txn->ends[j].outcome == TS_OUTCOME_SETTLED && !txn->ends[j].order &&
                    txn->ends[j].identity_hash == row->identity_hash;
        }
        if (taken && !fake_without(postgres->host, "unique-key")) {
            return TS_SETTLE_CONFLICT;
        }
    }
    if (ids_are_taken(postgres, txn)) {
        return TS_SETTLE_CONFLICT;
    }
    return refuse_rows(txn) ? TS_SETTLE_BAD_ROWS : TS_SETTLE_PENDING;
}

static int compare_sequences(const struct ts_outbox_row *a, const struct ts_outbox_row *b)
{
    if (a->account_no != b->account_no) {
        return a->account_no < b->account_no ? -1 : 1;
    }
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static bool is_older(const struct fake_txn *txn, const struct ts_outbox_row *row)
{
    for (size_t i = 0; row->account_no != 0 && i < txn->outbox_count; i++) {
        if (txn->outbox[i].account_no == row->account_no &&
            txn->outbox[i].sequence > row->sequence) {
            return true;
        }
    }
    return false;
}

static void find_older(struct fake_postgres *postgres, struct fake_txn *txn)
{
    const struct fake_tables *tables = &postgres->tables;
    struct ts_settlement *settlement = txn->settlement;
    struct ts_outbox_row *rows =
        ts_arena_take(settlement->arena, (tables->outbox_count + 1) * sizeof *rows);
    TS_ASSERT(rows != NULL);
    size_t count = 0;
    for (size_t i = 0; i < tables->outbox_count; i++) {
        const struct fake_outbox_row *row = &tables->outbox[i];
        if (row->trimmed || !is_older(txn, &row->row)) {
            continue;
        }
        size_t place = count++;
        for (; place > 0 && compare_sequences(&row->row, &rows[place - 1]) < 0; place--) {
            rows[place] = rows[place - 1];
        }
        rows[place] = row->row;
    }
    size_t page = postgres->page_max;
    settlement->older = (struct ts_outbox_page){rows, count < page ? count : page, count > page};
}

/* In one go: a unique key that somebody else has inserted and not committed would be waited for. */
static enum ts_settle_status write_all(struct fake_postgres *postgres, struct fake_txn *txn)
{
    enum ts_settle_status status = insert_rows(postgres, txn);
    if (status != TS_SETTLE_PENDING) {
        return status;
    }
    if (!txn->orphan) {
        find_older(postgres, txn);
    }
    commit(postgres, txn);
    return TS_SETTLE_DONE;
}

enum ts_settle_status fake_txn_statement(struct fake_postgres *postgres, struct fake_txn *txn)
{
    switch ((enum fake_step)txn->step) {
    case FAKE_STEP_SHARED:
        if (postgres->raise_waits_us < postgres->host->now_us) {
            txn->shared = true;
            txn->step = FAKE_STEP_LANES;
        }
        return TS_SETTLE_PENDING;
    case FAKE_STEP_LANES:
        return lock_lanes(postgres, txn);
    case FAKE_STEP_BUCKETS:
        return check_buckets(postgres, txn);
    case FAKE_STEP_ACCOUNTS:
        return lock_accounts(postgres, txn);
    case FAKE_STEP_LOCKED:
        break;
    case FAKE_STEP_STATES:
        return read_states(postgres, txn);
    case FAKE_STEP_WRITE:
        return write_all(postgres, txn);
    }
    return TS_SETTLE_PENDING;
}

/* --- a server on its own */

/* A settle that was sent whole goes on without its client. */
static void finish_alone(struct fake_postgres *postgres, struct fake_txn *txn)
{
    while (txn->open) {
        enum ts_settle_status status = fake_txn_statement(postgres, txn);
        if (status != TS_SETTLE_PENDING && status != TS_SETTLE_DONE) {
            fake_txn_roll_back(postgres, txn, "refused");
        }
    }
}

void fake_txn_orphan(struct fake_postgres *postgres, struct fake_txn *txn)
{
    fake_trace(postgres->host,
               "postgres: the settle of process %d has no client any more%s",
               txn->process,
               txn->written ? ", but was sent whole" : "");
    txn->orphan = true;
    txn->settlement = NULL;
}

void fake_txn_terminate(struct fake_postgres *postgres, struct fake_txn *txn)
{
    fake_txn_orphan(postgres, txn);
    if (txn->written && fake_chance(postgres->host, 400)) {
        finish_alone(postgres, txn);
    } else {
        fake_txn_roll_back(postgres, txn, "terminated");
    }
}

void fake_txn_tick(struct fake_postgres *postgres, struct fake_txn *txn)
{
    struct fake_host *host = postgres->host;
    if (txn->orphan) {
        if (txn->written && fake_chance(host, 30)) {
            finish_alone(postgres, txn);
        } else if (fake_chance(host, txn->written ? 10 : 60)) {
            fake_txn_roll_back(postgres, txn, "its connection is gone");
        }
        return;
    }
    bool idle = !txn->written && host->now_us - txn->active_us > IDLE_TIMEOUT_US;
    if (idle || (txn->blocked_us != 0 && host->now_us - txn->blocked_us > LOCK_TIMEOUT_US)) {
        fake_txn_terminate(postgres, txn);
    }
}
