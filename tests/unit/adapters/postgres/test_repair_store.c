/* SPDX-License-Identifier: Apache-2.0 */
/* The repair of account rows against a real server: what differs from the ledger is found, and
 * after the repair the audit finds nothing, whatever retired partitions held. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/audit_store.h"
#include "adapters/postgres/partitions.h"
#include "adapters/postgres/repair_store.h"
#include "base/buffer.h"

#include <time.h>

static struct fixture fixture;
static struct trial trial;
static struct ts_repair_store *store;

#define SQL(...) fixture_sql(&fixture, __VA_ARGS__)

static int start_server(void **state)
{
    (void)state;
    server_start(&fixture.server);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    server_stop(&fixture.server);
    return 0;
}

static void settle(int first_serial, int count)
{
    struct ts_error err = {0};
    trial_finish(&trial);
    trial_init(&fixture, &trial, first_serial, count);
    if (trial_run(fixture.settle, &trial, &err) != TS_SETTLE_DONE) {
        fail_msg("%s", err.text);
    }
}

/* 28 calls over the seven leaves; the first draws on an allowance. */
static int fill(void **state)
{
    (void)state;
    static struct ts_allowance allowance = {.units = 100, .name_size = 4, .name = "intl"};
    static struct {
        struct ts_included included;
        struct ts_draw draws[1];
    } drawn;
    struct ts_error err = {0};
    fixture_fill(&fixture);
    SQL("INSERT INTO ledger_entry (account_no, movement, kind, amount_micros,"
        " balance_after_micros, created_at) SELECT account_no, 1, 'opening', balance_micros,"
        " balance_micros, '2026-01-01Z' FROM account");
    trial_init(&fixture, &trial, 7, 28);
    drawn.included = (struct ts_included){.month = 202601, .count = 1};
    drawn.included.draws[0] = (struct ts_draw){.allowance = &allowance, .units = 60};
    trial.records[0].included = &drawn.included;
    struct ts_settle_counter counter = {
        .account = 0, .month = 202601, .allowance = &allowance, .units = 60};
    trial.settlement.counters = &counter;
    trial.settlement.counter_count = 1;
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
    trial.settlement.counter_count = 0;
    store = ts_repair_store_open(fixture.server.url, &err);
    assert_non_null(store);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    ts_repair_store_close(store);
    trial_finish(&trial);
    fixture_empty(&fixture);
    return 0;
}

/* --- the audit, but for what only whole inputs have */

static void note(void *self, const struct ts_audit_finding *finding)
{
    print_error(
        "%s: %.*s: %.*s\n", finding->check, TS_ARGS(finding->subject), TS_ARGS(finding->detail));
    ++*(int *)self;
}

static int findings(void)
{
    struct ts_error err = {0};
    struct ts_audit_totals totals;
    int found = 0;
    struct ts_audit_visitor visitor = {note, &found};
    if (!ts_audit_run(fixture.server.url, &visitor, &totals, &err)) {
        fail_msg("%s", err.text);
    }
    return found;
}

/* --- the repair */

static struct ts_repair_found found;

static void find(const char *account_id)
{
    struct ts_error err = {0};
    if (!ts_repair_store_find(store, account_id, &found, &err)) {
        fail_msg("%s", err.text);
    }
}

/* What differs, as "balance +7; …": of one account, or of all. */
static struct ts_buffer told;

static void tell(void *self, const struct ts_repair_difference *d)
{
    (void)self;
    ts_buffer_format(&told,
                     "%s%.*s %s%s%.*s %+" PRId64,
                     told.size == 0 ? "" : "; ",
                     TS_ARGS(d->account_id),
                     d->check,
                     d->allowance.size > 0 ? " " : "",
                     TS_ARGS(d->allowance),
                     d->stored - d->ledger);
}

static void expect_found(const char *expected)
{
    struct ts_error err = {0};
    struct ts_repair_visitor visitor = {tell, NULL};
    ts_buffer_init(&told, 65536);
    assert_true(ts_repair_store_visit(store, &visitor, &err));
    ts_buffer_append_char(&told, '\0');
    assert_string_equal(told.data, expected);
    ts_buffer_finish(&told);
}

static int64_t now(void)
{
    return NOW_MS;
}

static int raised;

static void take_raised(void *self, uint32_t bucket, int64_t generation)
{
    (void)self;
    raised++;
    assert_int_equal(generation,
                     SQL("SELECT generation FROM redis_bucket WHERE bucket = %u", bucket));
}

static void take_progress(void *self, int64_t accounts)
{
    (void)self;
    assert_true(accounts <= found.damaged);
}

static const struct ts_repair_order order = {.operator_name = "ada",
                                             .reason = "a test",
                                             .now_ms = now,
                                             .raised = take_raised,
                                             .progress = take_progress};

static struct ts_repair_done repair(void)
{
    struct ts_error err = {0};
    struct ts_repair_done done;
    raised = 0;
    if (!ts_repair_store_repair(store, &order, &done, &err)) {
        fail_msg("%s", err.text);
    }
    return done;
}

/* --- tests */

static void right_books_have_nothing_to_repair(void **state)
{
    (void)state;
    find(NULL);
    assert_int_equal(found.accounts, FIXTURE_ACCOUNTS);
    assert_int_equal(found.damaged, 0);
    expect_found("");
    struct ts_repair_done done = repair();
    assert_int_equal(done.accounts + done.entries + done.buckets + raised, 0);
    struct ts_error err = {0};
    assert_false(ts_repair_store_find(store, "nobody", &found, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
}

static void a_balance_and_what_was_noted_since(void **state)
{
    (void)state;
    SQL("UPDATE account SET balance_micros = balance_micros + 7 WHERE account_no = 2");
    settle(100, 16); /* two calls of each account, noted with the wrong balance */
    find("office-1");
    assert_int_equal(found.damaged, 0);
    find("office-2");
    expect_found("office-2 balance +7; office-2 balance_after +1");
    /* What is settled between the finding and the repair is no difference. */
    settle(200, 8);
    struct ts_repair_done done = repair();
    assert_int_equal(done.accounts, 1);
    assert_int_equal(done.entries, 3);
    assert_int_equal(done.buckets, 1);
    assert_int_equal(raised, 1);
    assert_int_equal(findings(), 0);
    assert_int_equal(SQL("SELECT balance_change FROM account_repair WHERE account_no = 2"
                         " AND operator = 'ada' AND reason = 'a test' AND units IS NULL"),
                     -7);
    find(NULL);
    assert_int_equal(found.damaged, 0);
}

static void numbers_that_were_passed_over(void **state)
{
    (void)state;
    SQL("UPDATE account SET movements = movements + 5 WHERE account_no = 3");
    settle(100, 16);
    find(NULL);
    expect_found("office-3 movements +5");
    settle(200, 8);
    repair();
    assert_int_equal(findings(), 0);
    settle(300, 8);
    assert_int_equal(findings(), 0);
}

static void numbers_that_were_given_twice(void **state)
{
    (void)state;
    SQL("UPDATE account SET movements = movements - 2 WHERE account_no = 4");
    settle(100, 16);
    find(NULL);
    expect_found("office-4 movements -2; office-4 numbering +2; office-4 balance_after +4");
    settle(200, 8);
    SQL("UPDATE usage SET settled_at = settled_at + \"offset\" * interval '1 ms'");
    repair();
    assert_int_equal(findings(), 0);
    /* In the order in which they were settled. */
    assert_int_equal(SQL("SELECT count(*) FROM (SELECT \"offset\" < lag(\"offset\") OVER"
                         " (ORDER BY movement) AS back FROM usage WHERE account_no = 4) x"
                         " WHERE back"),
                     0);
}

/* Credits and adjustments have unique numbers, and adjustments name the row they follow. */
static void numbers_of_other_rows_move_along(void **state)
{
    (void)state;
    SQL("UPDATE account SET movements = movements + 2, balance_micros = balance_micros + 30"
        " WHERE account_no = 5");
    SQL("INSERT INTO ledger_entry (account_no, movement, kind, amount_micros,"
        " balance_after_micros, ref_id, created_at) SELECT 5, movements + n, 'adjustment', 10,"
        " balance_micros - 30 + 10 * n, n::text, '2026-01-08Z'"
        " FROM account, generate_series(1, 3) n WHERE account_no = 5");
    SQL("UPDATE account SET movements = movements + 3 WHERE account_no = 5");
    SQL("INSERT INTO topic (name) VALUES ('adjustments') ON CONFLICT DO NOTHING");
    SQL("INSERT INTO adjustment (account_no, movement, generation, start_time, identity_hash,"
        " follows, amount_micros, charge_micros, deck_version, category, prefix, month,"
        " settled_at, topic_no, partition, \"offset\")"
        " SELECT 5, e.movement, e.ref_id::int, u.start_time, u.identity_hash,"
        " CASE e.ref_id WHEN '1' THEN u.movement ELSE e.movement - 1 END, 10, 0, 1, 'x', '', 0,"
        " '2026-01-08Z', 1, 0, e.ref_id::bigint FROM ledger_entry e,"
        " (SELECT * FROM usage WHERE account_no = 5 ORDER BY movement DESC LIMIT 1) u"
        " WHERE e.account_no = 5 AND e.kind = 'adjustment'");
    find(NULL);
    expect_found("office-5 movements +2");
    repair();
    assert_int_equal(findings(), 0);
    assert_int_equal(SQL("SELECT count(*) FROM adjustment j LEFT JOIN usage u"
                         " ON u.account_no = j.account_no AND u.movement = j.follows"
                         " LEFT JOIN adjustment o ON o.account_no = j.account_no"
                         " AND o.movement = j.follows"
                         " WHERE coalesce(u.identity_hash, o.identity_hash) = j.identity_hash"),
                     3);
}

static void units_that_nobody_drew(void **state)
{
    (void)state;
    SQL("UPDATE allowance_used SET used = used + 9");
    SQL("INSERT INTO allowance_used VALUES (2, 202512, 'intl', 4)");
    find(NULL);
    expect_found("office-1 allowance intl 202601 +9; office-2 allowance intl 202512 +4");
    repair();
    assert_int_equal(findings(), 0);
    assert_int_equal(SQL("SELECT used FROM allowance_used WHERE account_no = 1"), 60);
    assert_int_equal(SQL("SELECT units->0->>2 FROM account_repair WHERE account_no = 2"), -4);
    find(NULL);
    assert_int_equal(found.damaged, 0);
}

/* Thresholds of 2 and 5 millions: what is armed says what was told. */
static void what_it_means_falls_due(void **state)
{
    (void)state;
    SQL("UPDATE account SET balance_micros = balance_micros + 8000000, armed = 3,"
        " watch_low = 5000000, watch_high = 9000000000000001 WHERE account_no = 6");
    SQL("UPDATE account SET balance_micros = balance_micros + 1, armed = 3"
        " WHERE account_no = 7");
    SQL("UPDATE ledger_entry SET amount_micros = 3000000 WHERE account_no = 6");
    find(NULL);
    repair();
    assert_int_equal(SQL("SELECT armed FROM account WHERE account_no = 6"), 3);
    assert_int_equal(SQL("SELECT watch_low FROM account WHERE account_no = 6"), 5000000);
    assert_int_equal(SQL("SELECT extract(epoch FROM timer_at) * 1000 FROM account"
                         " WHERE account_no = 6"),
                     NOW_MS);
    assert_int_equal(SQL("SELECT count(timer_at) FROM account"), 1);
    assert_int_equal(findings(), 0);
}

/* The three oldest leaves are gone: what they held is in no row. */
static void beside_retired_partitions(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = fixture.server.url;
    options.history_days = options.retention_days = 1;
    struct ts_partitions *partitions = ts_partitions_create(&options, &err);
    bool more = true;
    for (int i = 0; i < 20 && more; i++) {
        assert_true(ts_partitions_tend(partitions, NOW_MS + DAY_MS, &more, &err));
    }
    ts_partitions_destroy(partitions);
    find(NULL);
    assert_int_equal(found.damaged, 0);
    SQL("UPDATE account SET balance_micros = balance_micros - 5, movements = movements + 3");
    SQL("UPDATE allowance_used SET used = used + 1");
    trial_finish(&trial);
    trial_init(&fixture, &trial, 38, 8); /* of the oldest leaf that is left, and later */
    trial.records[4].cdr.start_ms = MONDAY_MS + 3 * DAY_MS + 1;
    trial.records[5].cdr.start_ms = MONDAY_MS + 3 * DAY_MS + 2;
    trial.records[6].cdr.start_ms = MONDAY_MS + 3 * DAY_MS + 3;
    if (trial_run(fixture.settle, &trial, &err) != TS_SETTLE_DONE) {
        fail_msg("%s", err.text);
    }
    find(NULL);
    assert_int_equal(found.damaged, FIXTURE_ACCOUNTS);
    struct ts_repair_done done = repair();
    assert_int_equal(done.accounts, FIXTURE_ACCOUNTS);
    assert_int_equal(SQL("SELECT used FROM allowance_used"), 60);
    assert_int_equal(SQL("SELECT sum(balance_micros) FROM account"),
                     SQL("SELECT (SELECT sum(amount_micros) FROM ledger_entry)"
                         " - (SELECT sum(charge_micros) FROM usage)"
                         " - (SELECT sum(charge_micros) FROM usage_carried)"));
    assert_int_equal(findings(), 0);
}

static void a_ledger_beyond_any_balance(void **state)
{
    (void)state;
    SQL("UPDATE ledger_entry SET amount_micros = 9100000000000000 WHERE account_no = 1");
    SQL("UPDATE account SET balance_micros = balance_micros - 1 WHERE account_no = 2");
    SQL("INSERT INTO usage_carried VALUES (999, 1, 5)");
    find(NULL);
    assert_int_equal(found.damaged, 2);
    assert_int_equal(found.hopeless, 1);
    assert_int_equal(found.ownerless, 1);
    assert_int_equal(repair().accounts, 1);
    find("office-2");
    assert_int_equal(found.damaged, 0);
}

/* A settle that does not end keeps the repair waiting, not for ever. */
static void one_at_a_time(void **state)
{
    (void)state;
    struct ts_error err = {0};
    find(NULL);
    struct ts_repair_store *other = ts_repair_store_open(fixture.server.url, &err);
    assert_false(ts_repair_store_find(other, NULL, &found, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    ts_repair_store_close(other);
    uint32_t buckets[] = {3, 200};
    SQL("UPDATE redis_bucket SET generation = %" PRId64 " WHERE bucket = 3", NOW_MS + 5);
    raised = 0;
    assert_true(ts_repair_store_raise(store, buckets, 2, &order, &err));
    assert_int_equal(raised, 2);
    assert_int_equal(SQL("SELECT generation FROM redis_bucket WHERE bucket = 3"), NOW_MS + 6);
    assert_int_equal(SQL("SELECT generation FROM redis_bucket WHERE bucket = 200"), NOW_MS);
    assert_int_equal(SQL("SELECT count(*) FROM redis_bucket WHERE generation > 0"), 2);
}

/* What went wrong is told as it is: no settle is blamed for it. */
static void a_lost_session_is_told_at_once(void **state)
{
    (void)state;
    struct ts_error err = {0};
    uint32_t bucket = 3;
    SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'tollstream repair'");
    assert_false(ts_repair_store_raise(store, &bucket, 1, &order, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_null(strstr(err.text, "a settle"));
}

/* Stopped while it is alone, for longer than the server lets it. */
static int64_t stopped(void)
{
    nanosleep(&(struct timespec){.tv_sec = 6}, NULL);
    settle(500, 8);
    return NOW_MS;
}

static void one_that_stops_lets_settles_go_on(void **state)
{
    (void)state;
    struct ts_error err = {0};
    uint32_t bucket = 3;
    struct ts_repair_order slow = order;
    slow.now_ms = stopped;
    raised = 0;
    assert_false(ts_repair_store_raise(store, &bucket, 1, &slow, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_int_equal(raised, 0);
    ts_repair_store_close(store);
    store = ts_repair_store_open(fixture.server.url, &err);
    assert_non_null(store);
    assert_true(ts_repair_store_raise(store, &bucket, 1, &order, &err));
    assert_int_equal(raised, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fill, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(right_books_have_nothing_to_repair),
        TEST(a_balance_and_what_was_noted_since),
        TEST(numbers_that_were_passed_over),
        TEST(numbers_that_were_given_twice),
        TEST(numbers_of_other_rows_move_along),
        TEST(units_that_nobody_drew),
        TEST(what_it_means_falls_due),
        TEST(beside_retired_partitions),
        TEST(a_ledger_beyond_any_balance),
        TEST(one_at_a_time),
        TEST(a_lost_session_is_told_at_once),
        TEST(one_that_stops_lets_settles_go_on),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
