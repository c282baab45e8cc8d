/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the ledger and the settle share: a migrated database with a rate plan, some
 * accounts and a week of usage partitions, and settlements that a test can bend. */
#ifndef TS_TESTS_POSTGRES_FIXTURE_H
#define TS_TESTS_POSTGRES_FIXTURE_H

#include "tests/unit/adapters/postgres/private_server.h"
#include "tests/unit/unit.h"

#include "adapters/postgres/ledger.h"
#include "adapters/postgres/migrate.h"
#include "base/hash.h"

#include <inttypes.h>

#define DAY_MS INT64_C(86400000)
#define MONDAY_MS INT64_C(1767571200000) /* 2026-01-05 00:00 UTC: the first leaf */
#define NOW_MS (MONDAY_MS + 3 * DAY_MS)

enum { FIXTURE_ACCOUNTS = 8, FIXTURE_LEAVES = 7, FIXTURE_BALANCE = 10000000 };

struct fixture {
    struct private_server server;
    PGconn *admin; /* sees and breaks what the adapter does */
    struct ts_postgres *postgres;
    struct ts_ledger ledger;
    struct ts_settle settle;
    struct ts_account_profile profiles[FIXTURE_ACCOUNTS];
    struct ts_arena texts; /* of the profiles */
    int64_t epoch;         /* of partition 0 */
};

/* Runs statements and returns the first value of the last one, as a number (0 when none). */
static inline int64_t fixture_sql(struct fixture *f, const char *format, ...)
{
    char sql[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    PGresult *result = PQexec(f->admin, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    }
    bool has = status == PGRES_TUPLES_OK && PQntuples(result) > 0;
    int64_t value = has ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

static inline struct ts_postgres *fixture_worker(struct fixture *f)
{
    struct ts_postgres_options options = ts_postgres_defaults();
    options.url = f->server.url;
    options.group = "group";
    options.topics[TS_INPUT_CDRS] = "cdrs";
    options.topics[TS_INPUT_CREDITS] = "credits";
    options.topics[TS_INPUT_ADJUSTMENTS] = "adjustments";
    options.claim_timeout_ms = 300;
    options.lock_timeout_ms = 3000;
    struct ts_error err = {0};
    struct ts_postgres *postgres = ts_postgres_create(&options, &err);
    assert_non_null(postgres);
    struct ts_ledger ledger = ts_postgres_ledger(postgres);
    if (!ledger.ops->connect(ledger.self, &err)) {
        fail_msg("%s", err.text);
    }
    return postgres;
}

static inline void fixture_claim(struct fixture *f)
{
    struct ts_error err = {0};
    struct ts_claim claim;
    struct ts_lane lane = {TS_INPUT_CDRS, 0};
    assert_true(f->ledger.ops->claim(f->ledger.self, lane, 100, 5, &claim, &err));
    f->epoch = claim.epoch;
}

static inline void fixture_profiles(struct fixture *f)
{
    struct ts_error err = {0};
    char ids[FIXTURE_ACCOUNTS][16];
    struct ts_profile_request requests[FIXTURE_ACCOUNTS] = {0};
    for (int i = 0; i < FIXTURE_ACCOUNTS; i++) {
        snprintf(ids[i], sizeof ids[i], "office-%d", i + 1);
        requests[i].account_id = ts_bytes_of(ids[i]);
    }
    assert_true(
        f->ledger.ops->profiles(f->ledger.self, requests, FIXTURE_ACCOUNTS, &f->texts, &err));
    for (int i = 0; i < FIXTURE_ACCOUNTS; i++) {
        assert_true(requests[i].found);
        f->profiles[i] = requests[i].profile;
    }
}

/* A fresh database for each test. */
static inline void fixture_fill(struct fixture *f)
{
    struct ts_error err = {0};
    server_make_database(&f->server);
    if (!ts_postgres_migrate(f->server.url, NULL, &err)) {
        fail_msg("%s", err.text);
    }
    f->admin = server_connect(f->server.url);
    fixture_sql(f, "SET client_min_messages = warning; SET timezone = 'UTC'");
    fixture_sql(f, "INSERT INTO rate_plan (name) VALUES ('standard')");
    fixture_sql(f,
                "INSERT INTO account (balance_micros, movements, watch_low, watch_high, plan_no,"
                " account_id, country, timezone, currency, thresholds)"
                " SELECT %d, 1, 0, 9000000000000001, 1, 'office-' || i, 'US',"
                " 'America/New_York', 'USD', '{2000000,5000000}' FROM generate_series(1, %d) i",
                FIXTURE_BALANCE,
                FIXTURE_ACCOUNTS);
    for (int i = 0; i < FIXTURE_LEAVES; i++) {
        fixture_sql(f,
                    "CREATE TABLE usage_day%d PARTITION OF usage FOR VALUES FROM ('2026-01-%02d')"
                    " TO ('2026-01-%02d')",
                    i,
                    5 + i,
                    6 + i);
    }
    f->postgres = fixture_worker(f);
    f->ledger = ts_postgres_ledger(f->postgres);
    f->settle = ts_postgres_settle(f->postgres);
    ts_arena_init(&f->texts, 65536, 1 << 20);
    fixture_claim(f);
    fixture_profiles(f);
}

static inline void fixture_empty(struct fixture *f)
{
    ts_postgres_destroy(f->postgres);
    f->postgres = NULL;
    ts_arena_finish(&f->texts);
    PQfinish(f->admin);
    f->admin = NULL;
    server_drop_database(&f->server);
}

/* --- a settlement of partition 0, all records settled unless the test says otherwise */

enum { TRIAL_RECORDS_MAX = 32 };

struct trial {
    struct ts_settlement settlement;
    struct ts_settle_lane lanes[2];
    struct ts_settle_bucket buckets[2];
    struct ts_settle_account accounts[FIXTURE_ACCOUNTS];
    struct ts_settle_state states[FIXTURE_ACCOUNTS];
    struct ts_record records[TRIAL_RECORDS_MAX];
    struct ts_record *record_list[TRIAL_RECORDS_MAX];
    const struct ts_settle_account *record_accounts[TRIAL_RECORDS_MAX];
    size_t owners[TRIAL_RECORDS_MAX]; /* the account of each, an index into accounts[] */
    char cdr_ids[TRIAL_RECORDS_MAX][16];
    struct ts_arena arena;
};

/* `serial` makes the identity. Charges 1000 * (place + 1) to account `place % FIXTURE_ACCOUNTS`. */
static inline void trial_add(struct fixture *f, struct trial *t, int serial)
{
    struct ts_settlement *s = &t->settlement;
    size_t n = s->record_count++;
    struct ts_record *record = &t->records[n];
    snprintf(t->cdr_ids[n], sizeof t->cdr_ids[n], "call-%d", serial);
    t->owners[n] = n % FIXTURE_ACCOUNTS;
    *record = (struct ts_record){
        .lane = {TS_INPUT_CDRS, 0},
        .offset = t->lanes[0].end++,
        .timestamp_ms = NOW_MS,
        .key = TS_LITERAL("office"),
        .value = TS_LITERAL("as it\0came"),
        .cdr = {.cdr_id = ts_bytes_of(t->cdr_ids[n]),
                .source = TS_LITERAL("switch-1"),
                .account_id = ts_account_profile_id(&f->profiles[n % FIXTURE_ACCOUNTS]),
                .user_name = TS_LITERAL("Ada"),
                .from_number = TS_LITERAL("+14155550100"),
                .to_number = TS_LITERAL("+442071234567"),
                .attributes = {TS_LITERAL("\2\2a\2b\0"), 1},
                .start_ms = MONDAY_MS + (serial % FIXTURE_LEAVES) * DAY_MS + serial * 1000,
                .answer_ms = MONDAY_MS + (serial % FIXTURE_LEAVES) * DAY_MS + serial * 1000 + 500,
                .end_ms = MONDAY_MS + (serial % FIXTURE_LEAVES) * DAY_MS + serial * 1000 + 61000,
                .duration_ms = 60500,
                .has_answer = true},
        .rating = {.category = TS_CATEGORY_INTERNATIONAL_OUTBOUND,
                   .region = "GB",
                   .billed = 120,
                   .charge_micros = 1000 * ((int64_t)n + 1),
                   .rate_e8 = 730000,
                   .prefix = TS_LITERAL("44207"),
                   .description = TS_LITERAL("United Kingdom - London"),
                   .deck_version = 3},
        .decoded = true,
        .outcome = TS_OUTCOME_SETTLED,
    };
    record->identity_hash = ts_hash64(record->cdr.cdr_id) ^ (uint64_t)record->cdr.start_ms;
    record->fingerprint = 7;
    t->record_list[n] = record;
    t->record_accounts[n] = &t->accounts[t->owners[n]];
}

/* Sums accounts[] and the lane's counters from the records, as the pipeline does. */
static inline void trial_sum(struct fixture *f, struct trial *t)
{
    struct ts_settlement *s = &t->settlement;
    struct ts_settle_lane *lane = &t->lanes[0];
    lane->settled = lane->duplicates = lane->dead_letters = 0;
    for (int i = 0; i < FIXTURE_ACCOUNTS; i++) {
        t->accounts[i] = (struct ts_settle_account){.profile = &f->profiles[i]};
    }
    for (size_t i = 0; i < s->record_count; i++) {
        struct ts_record *record = &t->records[i];
        struct ts_settle_account *account = &t->accounts[t->owners[i]];
        lane->settled += record->outcome == TS_OUTCOME_SETTLED;
        lane->duplicates += record->outcome == TS_OUTCOME_DUPLICATE;
        lane->dead_letters += record->outcome == TS_OUTCOME_DEAD_LETTER;
        t->record_accounts[i] = record->outcome == TS_OUTCOME_SETTLED ? account : NULL;
        if (ts_record_has_row(record)) {
            account->rows++;
            account->delta_micros += ts_record_delta(record);
        }
    }
}

static inline void trial_init(struct fixture *f, struct trial *t, int first_serial, int count)
{
    memset(t, 0, sizeof *t);
    ts_arena_init(&t->arena, 65536, 1 << 24);
    int64_t next = fixture_sql(f, "SELECT next_offset FROM stream_partition WHERE partition = 0");
    t->lanes[0] = (struct ts_settle_lane){
        .lane = {TS_INPUT_CDRS, 0}, .epoch = f->epoch, .start = next, .end = next, .tail_hash = 42};
    t->settlement = (struct ts_settlement){.lanes = t->lanes,
                                           .lane_count = 1,
                                           .buckets = t->buckets,
                                           .bucket_count = 1,
                                           .accounts = t->accounts,
                                           .account_count = FIXTURE_ACCOUNTS,
                                           .records = t->record_list,
                                           .record_accounts = t->record_accounts,
                                           .states = t->states,
                                           .arena = &t->arena,
                                           .now_ms = NOW_MS};
    for (int i = 0; i < count; i++) {
        trial_add(f, t, first_serial + i);
    }
    trial_sum(f, t);
}

static inline void trial_finish(struct trial *t)
{
    ts_arena_finish(&t->arena);
}

static inline enum ts_settle_status settle_wait(struct ts_settle settle, struct ts_error *err)
{
    enum ts_settle_status status = TS_SETTLE_PENDING;
    for (int i = 0; i < 1000 && status == TS_SETTLE_PENDING; i++) {
        status = settle.ops->poll(settle.self, 20, err);
    }
    return status;
}

/* Gives balance_after and movement, as the pipeline does at LOCKED. */
static inline void trial_number(struct trial *t)
{
    int64_t balance[FIXTURE_ACCOUNTS];
    int64_t movement[FIXTURE_ACCOUNTS];
    for (int i = 0; i < FIXTURE_ACCOUNTS; i++) {
        balance[i] = t->accounts[i].balance_micros - t->accounts[i].delta_micros;
        movement[i] = t->accounts[i].movements - t->accounts[i].rows;
    }
    for (size_t i = 0; i < t->settlement.record_count; i++) {
        struct ts_record *record = &t->records[i];
        if (ts_record_has_row(record)) {
            size_t a = t->owners[i];
            balance[a] += ts_record_delta(record);
            record->balance_after_micros = balance[a];
            record->movement = ++movement[a];
        }
    }
}

static inline enum ts_settle_status
trial_run(struct ts_settle settle, struct trial *t, struct ts_error *err)
{
    if (!settle.ops->start(settle.self, &t->settlement, err)) {
        return TS_SETTLE_FAILED;
    }
    enum ts_settle_status status = settle_wait(settle, err);
    if (status != TS_SETTLE_LOCKED) {
        return status;
    }
    trial_number(t);
    return settle.ops->write(settle.self, err) ? settle_wait(settle, err) : TS_SETTLE_FAILED;
}

#endif
