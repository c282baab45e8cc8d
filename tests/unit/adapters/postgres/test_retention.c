/* SPDX-License-Identifier: Apache-2.0 */
/* Usage partitions that are taken away, against a real server: the books go on adding up, and
 * nothing is settled into that time again. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/audit_store.h"
#include "adapters/postgres/partitions.h"

static struct fixture fixture;
static struct trial trial;

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

static void settle_to(enum ts_settle_status expected)
{
    struct ts_error err = {0};
    enum ts_settle_status status = trial_run(fixture.settle, &trial, &err);
    if (status != expected) {
        fail_msg("status %d instead of %d: %s", status, expected, err.text);
    }
}

/* 28 calls over the seven leaves; one of the oldest leaf draws on an allowance. */
static int fill(void **state)
{
    (void)state;
    static struct ts_allowance allowance = {.units = 100, .name_size = 4, .name = "intl"};
    static struct {
        struct ts_included included;
        struct ts_draw draws[1];
    } drawn;
    fixture_fill(&fixture);
    SQL("INSERT INTO ledger_entry (account_no, movement, kind, amount_micros,"
        " balance_after_micros, created_at) SELECT account_no, 1, 'opening', balance_micros,"
        " balance_micros, '2026-01-01Z' FROM account");
    SQL("UPDATE account SET created_at = '2026-01-01Z'");
    trial_init(&fixture, &trial, 7, 28);
    drawn.included = (struct ts_included){.month = 202601, .count = 1};
    drawn.included.draws[0] = (struct ts_draw){.allowance = &allowance, .units = 60};
    trial.records[0].included = &drawn.included;
    struct ts_settle_counter counter = {
        .account = 0, .month = 202601, .allowance = &allowance, .units = 60};
    trial.settlement.counters = &counter;
    trial.settlement.counter_count = 1;
    settle_to(TS_SETTLE_DONE);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    trial_finish(&trial);
    fixture_empty(&fixture);
    return 0;
}

static struct ts_partitions *keeper(int32_t days, enum ts_retention_action action)
{
    struct ts_error err = {0};
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = fixture.server.url;
    options.history_days = 1;
    options.retention_days = days;
    options.retention_action = action;
    struct ts_partitions *partitions = ts_partitions_create(&options, &err);
    assert_non_null(partitions);
    return partitions;
}

/* Passes until nothing is due any more; closing comes first. */
static void tend(struct ts_partitions *partitions, int64_t now_ms)
{
    bool more = true;
    for (int i = 0; i < 20 && more; i++) {
        struct ts_error err = {0};
        if (!ts_partitions_tend(partitions, now_ms, &more, &err)) {
            fail_msg("%s", err.text);
        }
    }
    assert_false(more);
}

static void find(void *self, const struct ts_audit_finding *finding)
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
    struct ts_audit_visitor visitor = {find, &found};
    if (!ts_audit_run(fixture.server.url, &visitor, &totals, &err)) {
        fail_msg("%s", err.text);
    }
    return found;
}

/* On 2026-01-08 with 1 day kept, the three first leaves are over. */
static void the_books_add_up_without_them(void **state)
{
    (void)state;
    struct ts_partitions *partitions = keeper(1, TS_RETENTION_DETACH);
    assert_int_equal(findings(), 0);
    tend(partitions, NOW_MS + DAY_MS);
    assert_int_equal(SQL("SELECT count(*) FROM usage_leaf"), FIXTURE_LEAVES - 3);
    assert_int_equal(SQL("SELECT count(*) FROM usage_day0"), 4);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 28 - 12);
    assert_int_equal(SQL("SELECT sum(row_count) FROM usage_carried"), 12);
    assert_int_equal(SQL("SELECT settled FROM usage_carried_lane"), 12);
    assert_int_equal(SQL("SELECT units FROM usage_carried_units WHERE name = 'intl'"), 60);
    assert_int_equal(SQL("SELECT count(*) FROM usage_retired WHERE NOT dropped"
                         " AND leaf = 'usage_day2' AND to_time = '2026-01-08Z'"),
                     1);
    assert_int_equal(findings(), 0);
    /* The last month shown closes with the balance. */
    assert_int_equal(SQL("SELECT count(*) FROM (SELECT DISTINCT ON (account_no) account_no,"
                         " closing_balance FROM usage_summary ORDER BY account_no, month DESC) s"
                         " JOIN account a USING (account_no)"
                         " WHERE s.closing_balance * 1000000 = a.balance_micros"),
                     FIXTURE_ACCOUNTS);
    trial_finish(&trial);
    trial_init(
        &fixture, &trial, 38, 8); /* 38 % 7 = 3: the first is of the oldest leaf that is left */
    trial.records[5].cdr.start_ms = MONDAY_MS + 2 * DAY_MS;
    trial.records[6].cdr.start_ms = MONDAY_MS + 3 * DAY_MS;
    trial.records[4].cdr.start_ms = MONDAY_MS + 3 * DAY_MS + 1;
    settle_to(TS_SETTLE_FAILED); /* by the leaves it knew */
    settle_to(TS_SETTLE_BAD_ROWS);
    assert_int_equal(trial.records[5].reason, TS_REASON_TOO_OLD);
    for (size_t i = 0; i < 8; i++) {
        trial.records[i].outcome =
            trial.records[i].reason == TS_REASON_NONE ? TS_OUTCOME_SETTLED : TS_OUTCOME_DEAD_LETTER;
    }
    trial_sum(&fixture, &trial);
    settle_to(TS_SETTLE_DONE);
    assert_int_equal(findings(), 0);
    ts_partitions_destroy(partitions);
}

static void damage_is_found_all_the_same(void **state)
{
    (void)state;
    struct ts_partitions *partitions = keeper(1, TS_RETENTION_DETACH);
    tend(partitions, NOW_MS + DAY_MS);
    SQL("DELETE FROM usage WHERE (account_no, movement) IN"
        " (SELECT account_no, movement FROM usage ORDER BY 1, 2 LIMIT 1)");
    assert_true(findings() >= 3);
    ts_partitions_destroy(partitions);
}

static void dropped_ones_are_gone(void **state)
{
    (void)state;
    struct ts_partitions *partitions = keeper(1, TS_RETENTION_DROP);
    tend(partitions, NOW_MS + DAY_MS);
    assert_int_equal(SQL("SELECT count(*) FROM pg_class WHERE relname LIKE 'usage\\_day_'"),
                     FIXTURE_LEAVES - 3);
    assert_int_equal(SQL("SELECT count(*) FROM usage_retired WHERE dropped"), 3);
    assert_int_equal(findings(), 0);
    ts_partitions_destroy(partitions);
}

/* Also by a keeper that would reach back further. */
static void their_time_is_not_made_again(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_partitions *partitions = keeper(1, TS_RETENTION_DETACH);
    tend(partitions, NOW_MS + DAY_MS);
    ts_partitions_destroy(partitions);
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = fixture.server.url;
    partitions = ts_partitions_create(&options, &err);
    assert_true(ts_partitions_ensure(partitions, NOW_MS + DAY_MS, &err));
    assert_int_equal(SQL("SELECT count(*) FROM usage_leaf WHERE from_time < '2026-01-08Z'"), 0);
    assert_int_equal(SQL("SELECT count(*) FROM usage_leaf"), FIXTURE_LEAVES - 3);
    ts_partitions_destroy(partitions);
}

/* A long report: the leaf stays, and a settle is not kept waiting either. */
static void a_reader_is_waited_for_another_time(void **state)
{
    (void)state;
    struct ts_partitions *partitions = keeper(1, TS_RETENTION_DETACH);
    SQL("BEGIN; SELECT count(*) FROM usage");
    tend(partitions, NOW_MS + DAY_MS);
    assert_int_equal(SQL("SELECT count(*) FROM usage_leaf"), FIXTURE_LEAVES);
    assert_int_equal(SQL("SELECT count(*) FROM usage_carried"), 0);
    SQL("COMMIT");
    tend(partitions, NOW_MS + DAY_MS);
    assert_int_equal(SQL("SELECT count(*) FROM usage_leaf"), FIXTURE_LEAVES - 3);
    assert_int_equal(findings(), 0);
    ts_partitions_destroy(partitions);
}

static void a_writer_is_waited_for_another_time(void **state)
{
    (void)state;
    struct ts_partitions *closing = keeper(0, TS_RETENTION_DETACH);
    struct ts_partitions *partitions = keeper(1, TS_RETENTION_DETACH);
    tend(closing, NOW_MS + DAY_MS);
    SQL("BEGIN; LOCK TABLE usage_day0 IN ROW EXCLUSIVE MODE");
    tend(partitions, NOW_MS + DAY_MS);
    assert_int_equal(SQL("SELECT count(*) FROM usage_leaf"), FIXTURE_LEAVES);
    SQL("COMMIT");
    tend(partitions, NOW_MS + DAY_MS);
    assert_int_equal(SQL("SELECT count(*) FROM usage_leaf"), FIXTURE_LEAVES - 3);
    ts_partitions_destroy(closing);
    ts_partitions_destroy(partitions);
}

static void a_retention_below_the_history_is_refused(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = fixture.server.url;
    options.retention_days = options.history_days - 1;
    assert_null(ts_partitions_create(&options, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    assert_non_null(strstr(err.text, "retention_days"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)
    const struct CMUnitTest tests[] = {
        TEST(the_books_add_up_without_them),
        TEST(damage_is_found_all_the_same),
        TEST(dropped_ones_are_gone),
        TEST(their_time_is_not_made_again),
        TEST(a_reader_is_waited_for_another_time),
        TEST(a_writer_is_waited_for_another_time),
        TEST(a_retention_below_the_history_is_refused),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
