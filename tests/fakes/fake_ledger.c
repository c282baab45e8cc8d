/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger port of the fake PostgreSQL: statements of one session, each of which may be lost
 * before it ran, or after. */
#include "tests/fakes/fake_postgres.h"
#include "tests/fakes/fake_redis.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

/* How long a statement waits for somebody's lock before it ends that session, or gives up. */
enum { CLAIM_WAIT_US = 20000, RAISE_WAIT_US = 20000, LOOK_AGAIN_US = 500 };

static bool lose_reading(struct fake_session *session, struct ts_error *err)
{
    session->reading = false;
    return fake_away(err, "the connection to PostgreSQL is lost");
}

/* Around each statement: it may be lost before it ran, or only its answer. */
static bool begin(struct fake_session *session, struct ts_error *err)
{
    struct fake_postgres *postgres = session->postgres;
    fake_linger(postgres->host);
    if (!session->reading || session->incarnation != postgres->incarnation ||
        postgres->host->now_us < postgres->down_until_us || fake_fault(postgres->host, 3)) {
        return lose_reading(session, err);
    }
    return true;
}

static bool end(struct fake_session *session, struct ts_error *err)
{
    fake_linger(session->postgres->host);
    if (session->incarnation != session->postgres->incarnation ||
        fake_fault(session->postgres->host, 3)) {
        fake_trace(session->postgres->host, "postgres: an answer is lost");
        return lose_reading(session, err);
    }
    return true;
}

static bool ledger_connect(void *self, struct ts_error *err)
{
    struct fake_session *session = self;
    struct fake_host *host = session->postgres->host;
    fake_pause(host);
    if (host->now_us < session->postgres->down_until_us || fake_fault(host, 10)) {
        return fake_away(err, "PostgreSQL is starting up");
    }
    fake_session_abandon(session);
    session->incarnation = session->postgres->incarnation;
    session->reading = true;
    session->writing = true;
    fake_pause(host);
    return true;
}

static bool
ledger_buckets(void *self, struct ts_bucket_row rows[TS_BUCKET_COUNT], struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    memcpy(rows, session->postgres->tables.buckets, sizeof session->postgres->tables.buckets);
    return end(session, err);
}

/* The exclusive advisory lock: waits for every settle that has passed the shared one. */
static bool wait_for_settles(struct fake_session *session, struct ts_error *err)
{
    struct fake_postgres *postgres = session->postgres;
    int64_t until_us = postgres->host->now_us + RAISE_WAIT_US;
    if (fake_without(postgres->host, "generation-lock")) {
        return true;
    }
    for (;;) {
        bool held = false;
        for (int i = 0; i < FAKE_PROCESSES; i++) {
            held = held || (postgres->txns[i].open && postgres->txns[i].shared);
        }
        if (!held) {
            return true;
        }
        if (postgres->host->now_us > until_us) {
            return fake_away(err, "canceling statement due to lock timeout");
        }
        postgres->raise_waits_us = postgres->host->now_us + LOOK_AGAIN_US;
        fake_sleep(postgres->host, LOOK_AGAIN_US);
    }
}

static void raise_bucket(struct fake_postgres *postgres,
                         struct ts_raise *item,
                         const struct ts_balances_identity *identity,
                         int64_t now_ms)
{
    struct ts_bucket_row *row = &postgres->tables.buckets[item->bucket];
    item->raised = row->generation == item->generation;
    if (item->raised) {
        int64_t above = item->seen_generation + 1;
        int64_t generation = row->generation + 1;
        generation = generation > above ? generation : above;
        row->generation = generation > now_ms ? generation : now_ms;
        row->identity = *identity;
    }
    item->generation = row->generation;
}

static bool ledger_raise(void *self,
                         struct ts_raise *items,
                         size_t count,
                         const struct ts_balances_identity *identity,
                         int64_t now_ms,
                         struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err) || !wait_for_settles(session, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        raise_bucket(session->postgres, &items[i], identity, now_ms);
    }
    fake_trace(session->postgres->host,
               "postgres: %zu buckets to generation %lld for %s",
               count,
               (long long)items[0].generation,
               identity->run_id);
    return end(session, err);
}

/* --- claims */

static struct fake_partition *partition_of(struct fake_session *session, struct ts_lane lane)
{
    struct fake_postgres *postgres = session->postgres;
    return &postgres->tables.partitions[fake_lane_number(postgres->host, lane)];
}

/* An UPDATE of the row waits for a settle that holds it, and ends one that holds it for long. */
static void wait_for_row(struct fake_session *session, struct fake_partition *partition)
{
    struct fake_postgres *postgres = session->postgres;
    int64_t until_us = postgres->host->now_us + CLAIM_WAIT_US;
    while (partition->locked_by != NULL) {
        if (postgres->host->now_us > until_us) {
            fake_txn_terminate(postgres, partition->locked_by);
        } else {
            fake_sleep(postgres->host, LOOK_AGAIN_US);
        }
    }
}

static int64_t next_epoch(const struct fake_partition *partition, int64_t now_ms)
{
    return partition->epoch + 1 > now_ms ? partition->epoch + 1 : now_ms;
}

static void
raise_epoch(struct fake_session *session, struct fake_partition *partition, int64_t now_ms)
{
    partition->epoch = next_epoch(partition, now_ms);
    partition->raised_by = session->process;
    partition->raise_told = false;
}

static void mark_told(struct fake_session *session, const struct ts_claim *claim, bool told)
{
    struct fake_partition *partition = partition_of(session, claim->lane);
    if (partition->raised_by == session->process && partition->epoch == claim->epoch) {
        partition->raise_told = told;
    }
}

static void tell_claim(const struct fake_partition *partition, struct ts_claim *out)
{
    out->fenced = false;
    out->epoch = partition->epoch;
    out->next_offset = partition->next_offset;
    out->has_tail = partition->has_tail;
    out->tail_hash = partition->tail_hash;
}

static bool ledger_claim(void *self,
                         struct ts_lane lane,
                         int64_t first_offset,
                         int64_t now_ms,
                         struct ts_claim *out,
                         struct ts_error *err)
{
    struct fake_session *session = self;
    struct fake_partition *partition = partition_of(session, lane);
    if (!begin(session, err)) {
        return false;
    }
    if (!partition->exists) {
        partition->exists = true;
        partition->first_offset = first_offset;
        partition->next_offset = first_offset;
    }
    wait_for_row(session, partition);
    raise_epoch(session, partition, now_ms);
    tell_claim(partition, out);
    fake_trace(session->postgres->host,
               "postgres: claims %d, epoch %lld, next %lld",
               fake_lane_number(session->postgres->host, lane),
               (long long)out->epoch,
               (long long)out->next_offset);
    bool told = end(session, err);
    mark_told(session, out, told);
    return told;
}

static bool ledger_known(void *self, struct ts_lane lane, bool *out, struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    *out = partition_of(session, lane)->exists;
    return end(session, err);
}

static void reopen_lane(struct fake_session *session, struct ts_claim *claim, int64_t now_ms)
{
    struct fake_postgres *postgres = session->postgres;
    struct fake_partition *partition = partition_of(session, claim->lane);
    bool raises = !fake_without(postgres->host, "raise");
    if (raises) {
        wait_for_row(session, partition);
    }
    if (partition->epoch != claim->epoch) {
        claim->fenced = true;
        if (partition->raised_by == session->process && partition->raise_told &&
            !postgres->lost_commits) {
            fake_violation(postgres->host, "I6: process %d fences itself", session->process);
        }
    } else {
        if (raises) {
            raise_epoch(session, partition, now_ms);
        }
        tell_claim(partition, claim);
    }
    fake_trace(postgres->host,
               "postgres: reopens %d, epoch %lld, next %lld%s",
               fake_lane_number(postgres->host, claim->lane),
               (long long)claim->epoch,
               (long long)claim->next_offset,
               claim->fenced ? ": fenced" : "");
}

static bool ledger_reopen(void *self,
                          struct ts_claim *claims,
                          size_t count,
                          int64_t now_ms,
                          struct ts_bucket_row rows[TS_BUCKET_COUNT],
                          struct ts_error *err)
{
    struct fake_session *session = self;
    if (!ledger_buckets(session, rows, err) || !begin(session, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        reopen_lane(session, &claims[i], now_ms);
        fake_pause(session->postgres->host);
    }
    bool told = end(session, err);
    for (size_t i = 0; i < count; i++) {
        mark_told(session, &claims[i], told);
    }
    return told;
}

/* --- looking things up */

static bool ledger_profiles(void *self,
                            struct ts_profile_request *requests,
                            size_t count,
                            struct ts_arena *arena,
                            struct ts_error *err)
{
    (void)arena; /* allowances live longer */
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct fake_account *account =
            &session->postgres->tables.accounts[fake_account_number(requests[i].account_id)];
        requests[i].found = account->exists;
        if (account->exists) {
            requests[i].profile = fake_profile(account);
        }
    }
    return end(session, err);
}

static bool ledger_balances(void *self,
                            uint32_t bucket,
                            struct ts_load_account *accounts,
                            size_t count,
                            int64_t *generation,
                            struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct fake_account *account =
            &session->postgres->tables.accounts[fake_account_number(accounts[i].account_id)];
        TS_ASSERT(account->exists && ts_account_bucket(accounts[i].account_id) == bucket);
        accounts[i].balance_micros = account->state.balance_micros;
    }
    *generation = session->postgres->tables.buckets[bucket].generation;
    return end(session, err);
}

static bool ledger_counters(void *self,
                            uint32_t bucket,
                            struct ts_counter_request *requests,
                            size_t count,
                            int64_t *generation,
                            struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct fake_account *account =
            &session->postgres->tables.accounts[requests[i].account_no - 1];
        TS_ASSERT(ts_account_bucket(ts_account_profile_id(&account->profile)) == bucket);
        requests[i].used = account->used[fake_counter(requests[i].month, requests[i].allowance)];
    }
    *generation = session->postgres->tables.buckets[bucket].generation;
    return end(session, err);
}

static enum ts_identity_status look_up(const struct fake_tables *tables,
                                       const struct ts_identity *identity)
{
    for (size_t i = 0; i < tables->end_count; i++) {
        const struct fake_end *row = &tables->ends[i];
        if (row->outcome == TS_OUTCOME_SETTLED && !row->order &&
            row->identity_hash == identity->identity_hash) {
            return row->fingerprint == identity->fingerprint ? TS_IDENTITY_SAME
                                                             : TS_IDENTITY_CONFLICT;
        }
    }
    return TS_IDENTITY_ABSENT;
}

static bool
ledger_identities(void *self, struct ts_identity *identities, size_t count, struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        identities[i].status = look_up(&session->postgres->tables, &identities[i]);
    }
    return end(session, err);
}

static enum ts_identity_status
status_of(const struct fake_tables *tables, int space, struct ts_bytes text, uint64_t fingerprint)
{
    const struct fake_id *id = fake_id_find(tables, space, text);
    return id == NULL                       ? TS_IDENTITY_ABSENT
           : id->fingerprint == fingerprint ? TS_IDENTITY_SAME
                                            : TS_IDENTITY_CONFLICT;
}

/* The row that an adjustment follows: of the same call, its settlement or an adjustment. */
static void find_followed(const struct fake_tables *tables, struct ts_command_request *request)
{
    const struct ts_adjustment *adjustment = &request->command->body.adjustment;
    for (size_t i = 0; i < tables->end_count; i++) {
        const struct fake_end *row = &tables->ends[i];
        if (row->outcome != TS_OUTCOME_SETTLED || row->account != request->account_no - 1) {
            continue;
        }
        request->base_there =
            request->base_there ||
            ((!row->order || row->adjusts) && row->movement == adjustment->follows &&
             row->identity_hash == adjustment->identity_hash);
        request->base_followed =
            request->base_followed || (row->adjusts && row->follows == adjustment->follows);
    }
}

static void answer_command(const struct fake_tables *tables, struct ts_command_request *request)
{
    const struct ts_command *command = request->command;
    uint64_t fingerprint = request->fingerprint;
    request->command_id = status_of(tables, 0, command->command_id, fingerprint);
    if (command->type == TS_COMMAND_CREDIT_ADDED) {
        const struct ts_command_credit *credit = &command->body.credit;
        request->credit_id = status_of(tables, 1, credit->credit_id, fingerprint);
        request->recharge_credited =
            credit->recharge_id.size > 0 && fake_id_find(tables, 2, credit->recharge_id) != NULL;
    }
    if (command->type == TS_COMMAND_ADJUSTMENT) {
        find_followed(tables, request);
    }
    if (command->type == TS_COMMAND_ACCOUNT_CHANGED &&
        (command->body.change.set & ts_field_bit(TS_FIELD_RATE_PLAN)) != 0) {
        request->plan_no = fake_plan(command->body.change.rate_plan, request->plan_currency);
    }
}

static bool
ledger_commands(void *self, struct ts_command_request *requests, size_t count, struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        answer_command(&session->postgres->tables, &requests[i]);
    }
    return end(session, err);
}

static bool ledger_states(void *self,
                          int64_t now_ms,
                          struct ts_state_reading *readings,
                          size_t count,
                          struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct fake_account *account =
            &session->postgres->tables.accounts[readings[i].account_no - 1];
        TS_ASSERT(account->exists);
        readings[i].state = account->state;
        readings[i].time = fake_time(session->postgres->host, now_ms);
    }
    return end(session, err);
}

static bool ledger_usage_window(void *self, int64_t *from_ms, int64_t *to_ms, struct ts_error *err)
{
    struct fake_session *session = self;
    if (!begin(session, err)) {
        return false;
    }
    *from_ms = 1;
    *to_ms = session->postgres->window_to_ms;
    return end(session, err);
}

/* --- the outbox */

static int compare_places(const void *a, const void *b)
{
    const struct ts_outbox_row *left = a;
    const struct ts_outbox_row *right = b;
    if (left->offset != right->offset) {
        return left->offset < right->offset ? -1 : 1;
    }
    return (left->n > right->n) - (left->n < right->n);
}

static bool ledger_outbox(void *self,
                          struct ts_lane lane,
                          int64_t from,
                          int64_t to,
                          size_t max,
                          struct ts_arena *arena,
                          struct ts_outbox_page *out,
                          struct ts_error *err)
{
    struct fake_session *session = self;
    const struct fake_tables *tables = &session->postgres->tables;
    if (!begin(session, err)) {
        return false;
    }
    struct ts_outbox_row *rows = ts_arena_take(arena, FAKE_OUTBOX * sizeof *rows);
    TS_ASSERT(rows != NULL);
    size_t count = 0;
    for (size_t i = 0; i < tables->outbox_count; i++) {
        const struct fake_outbox_row *row = &tables->outbox[i];
        if (!row->trimmed && ts_lane_equal(row->row.lane, lane) && row->row.offset >= from &&
            row->row.offset < to) {
            rows[count++] = row->row;
        }
    }
    qsort(rows, count, sizeof *rows, compare_places);
    size_t page = max < session->postgres->page_max ? max : session->postgres->page_max;
    *out = (struct ts_outbox_page){rows, count < page ? count : page, count > page};
    return end(session, err);
}

static bool is_below(const struct ts_outbox_row *row,
                     const struct ts_outbox_mark *below,
                     size_t count,
                     struct ts_outbox_mark after)
{
    if (row->account_no < after.account_no ||
        (row->account_no == after.account_no && row->sequence <= after.sequence)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (below[i].account_no == row->account_no) {
            return row->sequence < below[i].sequence;
        }
    }
    return false;
}

static int compare_marks(const void *a, const void *b)
{
    const struct ts_outbox_row *left = a;
    const struct ts_outbox_row *right = b;
    if (left->account_no != right->account_no) {
        return left->account_no < right->account_no ? -1 : 1;
    }
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static bool ledger_outbox_older(void *self,
                                const struct ts_outbox_mark *below,
                                size_t count,
                                struct ts_outbox_mark after,
                                size_t max,
                                struct ts_arena *arena,
                                struct ts_outbox_page *out,
                                struct ts_error *err)
{
    struct fake_session *session = self;
    const struct fake_tables *tables = &session->postgres->tables;
    if (!begin(session, err)) {
        return false;
    }
    struct ts_outbox_row *rows = ts_arena_take(arena, FAKE_OUTBOX * sizeof *rows);
    TS_ASSERT(rows != NULL);
    size_t found = 0;
    for (size_t i = 0; i < tables->outbox_count; i++) {
        const struct fake_outbox_row *row = &tables->outbox[i];
        if (!row->trimmed && is_below(&row->row, below, count, after)) {
            rows[found++] = row->row;
        }
    }
    qsort(rows, found, sizeof *rows, compare_marks);
    size_t page = max < session->postgres->page_max ? max : session->postgres->page_max;
    *out = (struct ts_outbox_page){rows, found < page ? found : page, found > page};
    return end(session, err);
}

static bool ledger_outbox_trim(void *self, struct ts_lane lane, int64_t below, struct ts_error *err)
{
    struct fake_session *session = self;
    struct fake_postgres *postgres = session->postgres;
    if (!begin(session, err)) {
        return false;
    }
    for (size_t i = 0; i < postgres->tables.outbox_count; i++) {
        struct fake_outbox_row *row = &postgres->tables.outbox[i];
        if (!row->trimmed && ts_lane_equal(row->row.lane, lane) && row->row.offset < below) {
            postgres->on_trim(postgres->on_trim_self, &row->row);
            row->trimmed = true;
        }
    }
    return end(session, err);
}

struct ts_ledger fake_ledger_port(struct fake_session *session)
{
    static const struct ts_ledger_ops ops = {
        .connect = ledger_connect,
        .buckets = ledger_buckets,
        .raise = ledger_raise,
        .claim = ledger_claim,
        .known = ledger_known,
        .reopen = ledger_reopen,
        .profiles = ledger_profiles,
        .balances = ledger_balances,
        .identities = ledger_identities,
        .counters = ledger_counters,
        .commands = ledger_commands,
        .states = ledger_states,
        .usage_window = ledger_usage_window,
        .outbox = ledger_outbox,
        .outbox_older = ledger_outbox_older,
        .outbox_trim = ledger_outbox_trim,
    };
    return (struct ts_ledger){&ops, session};
}
