/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts with very many calls, against a real server: which ones the keeper has summed up by the
 * hour, that settles keep the sums from then on, and that reports say the same with and without. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/partitions.h"
#include "adapters/postgres/usage_store.h"

static struct fixture fixture;
static struct trial trial;

#define SQL(...) fixture_sql(&fixture, __VA_ARGS__)
#define HOUR_MS (DAY_MS / 24)

enum { HEAVY = 2, ORDINARY = 3, CALLS = 6000 };

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

/* `count` calls of an account on a day of the fixture's week, all round the clock. */
static void add_calls(int64_t account_no, int day, int count)
{
    static int64_t hash = 1000;
    hash += 1000000;
    SQL("INSERT INTO usage_day%d (start_time, identity_hash, account_no, fingerprint,"
        " balance_after_micros, movement, charge_micros, rate_e8, connect_fee_e8, deck_version,"
        " billed, end_time, settled_at, \"offset\", partition, duration_ms, pages, leg, generation,"
        " topic_no, license, service, direction, disposition, category, unit, source, cdr_id,"
        " from_number, to_number, region, prefix, description, allowance_names, allowance_units)"
        " SELECT '2026-01-%02d Z'::timestamptz + i * 86400000.0 / %d * interval '1 ms',"
        " %" PRId64 " + i, %" PRId64 ", 1, 0, i, i %% 3, 1, 0, 1, 60, now(), now(), 1, 0,"
        " 1000 + i, i %% 2, 0, 0, 1, 0, 0, 0, 0, (ARRAY[8,9,3,5,7])[1 + i %% 5], 0, 's', 'c', '+1',"
        " '+44', 'GB', '44', 'Kingdom', CASE WHEN i %% 6 = 0 THEN ARRAY['a'] END,"
        " CASE WHEN i %% 6 = 0 THEN ARRAY[1] END FROM generate_series(0, %d) i",
        day,
        5 + day,
        count,
        hash,
        account_no,
        count - 1);
}

static void pass(void)
{
    struct ts_error err = {0};
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = fixture.server.url;
    options.history_days = 1;
    options.close_after_hours = 1000;
    struct ts_partitions *partitions = ts_partitions_create(&options, &err);
    bool more = true;
    for (int i = 0; i < 20 && more; i++) {
        if (!ts_partitions_tend(partitions, NOW_MS, &more, &err)) {
            fail_msg("%s", err.text);
        }
    }
    assert_false(more);
    ts_partitions_destroy(partitions);
}

static int fill(void **state)
{
    (void)state;
    fixture_fill(&fixture);
    trial_init(&fixture, &trial, 7, 1);
    for (int day = 0; day < 3; day++) {
        add_calls(HEAVY, day, CALLS);
        add_calls(ORDINARY, day, 40);
        add_calls(ORDINARY + 1, day, 3000);
    }
    return 0;
}

static int empty(void **state)
{
    (void)state;
    trial_finish(&trial);
    fixture_empty(&fixture);
    return 0;
}

/* What differs between the sums and the calls, of all that is summed up. */
static int64_t wrong_hours(void)
{
    return SQL("SELECT count(*) FROM (SELECT u.account_no,"
               " date_bin('1 hour', u.start_time, '2000-01-01Z') AS hour, category,"
               " charge_micros = 0 AND allowance_names IS NULL AS free, count(*) AS calls,"
               " sum(duration_ms) AS ms, sum(pages) AS pages, sum(charge_micros) AS charge"
               " FROM usage u JOIN usage_summed k ON k.account_no = u.account_no AND k.complete"
               " AND u.start_time >= k.from_time AND u.start_time < k.to_time"
               " GROUP BY 1, 2, 3, 4) u FULL JOIN usage_hour h"
               " USING (account_no, hour, category, free)"
               " WHERE (u.calls, u.ms, u.pages, u.charge) IS DISTINCT FROM"
               " (h.calls, h.duration_ms, h.pages, h.charge_micros)");
}

static struct ts_usage_sums sums_of(const char *account_id, int64_t from_ms, int64_t to_ms)
{
    struct ts_error err = {0};
    struct ts_usage_account account;
    struct ts_usage_sums sums;
    struct ts_usage_store *store =
        ts_usage_store_begin(fixture.server.url, account_id, &account, &err);
    assert_non_null(store);
    struct ts_usage_stretch stretch = {account.account_no, from_ms, to_ms};
    if (!ts_usage_store_sums(store, &stretch, &sums, &err)) {
        fail_msg("%s", err.text);
    }
    ts_usage_store_destroy(store);
    return sums;
}

/* The same of every account and of stretches that begin and end anywhere. */
static void expect_same_reports(void)
{
    static const int64_t bounds[] = {-3 * HOUR_MS,
                                     0,
                                     1,
                                     5 * HOUR_MS,
                                     5 * HOUR_MS + HOUR_MS / 2,
                                     6 * HOUR_MS - 1,
                                     DAY_MS,
                                     2 * DAY_MS + 7 * HOUR_MS / 4,
                                     7 * DAY_MS};
    enum { BOUNDS = sizeof bounds / sizeof *bounds };
    struct ts_usage_sums by_hour[BOUNDS][BOUNDS];
    for (int i = 0; i < BOUNDS; i++) {
        for (int j = i; j < BOUNDS; j++) {
            by_hour[i][j] = sums_of("office-2", MONDAY_MS + bounds[i], MONDAY_MS + bounds[j]);
        }
    }
    SQL("UPDATE usage_summed SET complete = false");
    for (int i = 0; i < BOUNDS; i++) {
        for (int j = i; j < BOUNDS; j++) {
            struct ts_usage_sums by_call =
                sums_of("office-2", MONDAY_MS + bounds[i], MONDAY_MS + bounds[j]);
            assert_memory_equal(&by_hour[i][j], &by_call, sizeof by_call);
        }
    }
    SQL("UPDATE usage_summed SET complete = true");
}

static void those_with_many_calls_are_summed_up(void **state)
{
    (void)state;
    pass();
    assert_int_equal(SQL("SELECT count(*) FROM usage_summed WHERE complete"), 6);
    assert_int_equal(SQL("SELECT count(*) FROM usage_summed WHERE account_no = %d", ORDINARY), 0);
    assert_int_equal(SQL("SELECT count(*) FROM account WHERE summed"), 2);
    assert_int_equal(SQL("SELECT sum(calls) FROM usage_hour WHERE account_no = %d", HEAVY),
                     3 * CALLS);
    assert_int_equal(wrong_hours(), 0);
    expect_same_reports();
    /* Nothing grew: nothing is done. */
    SQL("DELETE FROM usage_hour");
    pass();
    assert_int_equal(SQL("SELECT count(*) FROM usage_hour"), 0);
}

static void settles_keep_the_sums(void **state)
{
    (void)state;
    struct ts_error err = {0};
    pass();
    for (int i = 0; i < 4; i++) { /* each account, each day: late ones too */
        trial_finish(&trial);
        trial_init(&fixture, &trial, 100 + 32 * i, TRIAL_RECORDS_MAX);
        trial.records[1].rating.charge_micros = 0;
        trial.records[9].rating.category = TS_CATEGORY_LOCAL_OUTBOUND;
        trial_sum(&fixture, &trial);
        assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
    }
    int64_t settled = SQL("SELECT count(*) FROM usage WHERE account_no = %d", HEAVY) - 3 * CALLS;
    assert_int_equal(settled, 16);
    assert_true(SQL("SELECT sum(calls) FROM usage_hour WHERE account_no = %d", HEAVY) > 3 * CALLS);
    assert_int_equal(wrong_hours(), 0);
    expect_same_reports();
}

/* A keeper that died in the middle left a mark, and settles have added to it. */
static void a_broken_pass_is_made_anew(void **state)
{
    (void)state;
    struct ts_error err = {0};
    SQL("INSERT INTO usage_summed SELECT %d, from_time, to_time, false FROM usage_leaf", HEAVY);
    SQL("UPDATE account SET summed = true WHERE account_no = %d", HEAVY);
    trial_finish(&trial);
    trial_init(&fixture, &trial, 100, TRIAL_RECORDS_MAX);
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT sum(calls) FROM usage_hour"), 4);
    expect_same_reports();
    SQL("UPDATE usage_summed SET complete = false");
    pass();
    assert_int_equal(SQL("SELECT sum(calls) FROM usage_hour h JOIN usage_summed k"
                         " USING (account_no) WHERE k.complete AND hour >= from_time"
                         " AND hour < to_time AND account_no = %d",
                         HEAVY),
                     SQL("SELECT count(*) FROM usage WHERE account_no = %d"
                         " AND start_time < '2026-01-08Z'",
                         HEAVY));
}

/* One that was stopped, say. */
static void a_settle_that_does_not_end_is_waited_for_another_time(void **state)
{
    (void)state;
    SQL("BEGIN; SELECT pg_advisory_xact_lock_shared(1953459308, 1734700645)");
    pass();
    assert_int_equal(SQL("SELECT count(*) FROM usage_summed"), 0);
    SQL("COMMIT");
    pass();
    assert_int_equal(SQL("SELECT count(*) FROM usage_summed WHERE complete"), 6);
}

static void retired_partitions_take_their_sums_along(void **state)
{
    (void)state;
    struct ts_error err = {0};
    pass();
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = fixture.server.url;
    options.history_days = options.retention_days = 1;
    struct ts_partitions *partitions = ts_partitions_create(&options, &err);
    bool more = true;
    for (int i = 0; i < 20 && more; i++) {
        assert_true(ts_partitions_tend(partitions, MONDAY_MS + 3 * DAY_MS, &more, &err));
    }
    ts_partitions_destroy(partitions);
    assert_int_equal(SQL("SELECT count(*) FROM usage_leaf WHERE from_time < '2026-01-07Z'"), 0);
    assert_int_equal(SQL("SELECT count(*) FROM usage_summed"), 2);
    assert_int_equal(SQL("SELECT sum(calls) FROM usage_hour WHERE account_no = %d", HEAVY), CALLS);
    assert_int_equal(wrong_hours(), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fill, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(those_with_many_calls_are_summed_up),
        TEST(settles_keep_the_sums),
        TEST(a_broken_pass_is_made_anew),
        TEST(a_settle_that_does_not_end_is_waited_for_another_time),
        TEST(retired_partitions_take_their_sums_along),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
