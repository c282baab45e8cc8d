/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper against a real server: which leaves it makes, and what closing one does. */
#include "tests/unit/adapters/postgres/private_server.h"
#include "tests/unit/unit.h"

#include "adapters/postgres/migrate.h"
#include "adapters/postgres/partitions.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define MONDAY_MS INT64_C(1767571200000) /* 2026-01-05 00:00 UTC */

static struct private_server server;
static PGconn *admin;

static int start(void **state)
{
    (void)state;
    server_start(&server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    struct ts_error err = {0};
    server_make_database(&server);
    assert_true(ts_postgres_migrate(server.url, NULL, &err));
    admin = server_connect(server.url);
    return 0;
}

static int over(void **state)
{
    (void)state;
    PQfinish(admin);
    return 0;
}

static int64_t sql(const char *text)
{
    PGresult *result = PQexec(admin, text);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", text, PQresultErrorMessage(result));
    }
    int64_t value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

static struct ts_partitions *make(int32_t leaf_hours, int32_t history_days)
{
    struct ts_error err = {0};
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = server.url;
    options.close_after_hours = 48;
    options.leaf_hours = leaf_hours;
    options.history_days = history_days;
    struct ts_partitions *partitions = ts_partitions_create(&options, &err);
    assert_non_null(partitions);
    return partitions;
}

static void ensure(struct ts_partitions *partitions, int64_t now_ms)
{
    struct ts_error err = {0};
    if (!ts_partitions_ensure(partitions, now_ms, &err)) {
        fail_msg("%s", err.text);
    }
}

/* No gap and no overlap from the oldest to the newest. */
static void assert_contiguous(int64_t from_ms, int64_t to_ms)
{
    assert_int_equal(sql("SELECT count(*) FROM (SELECT from_time, lag(to_time) OVER"
                         " (ORDER BY from_time) AS before FROM usage_leaf) x"
                         " WHERE from_time <> before"),
                     0);
    assert_int_equal(sql("SELECT extract(epoch FROM min(from_time)) * 1000 FROM usage_leaf"),
                     from_ms);
    assert_int_equal(sql("SELECT extract(epoch FROM max(to_time)) * 1000 FROM usage_leaf"), to_ms);
}

static void the_window_is_covered_and_moves_on(void **state)
{
    (void)state;
    struct ts_partitions *partitions = make(24, 10);
    ensure(partitions, MONDAY_MS + 5 * HOUR_MS);
    assert_contiguous(MONDAY_MS - 10 * DAY_MS, MONDAY_MS + 4 * DAY_MS);
    assert_int_equal(sql("SELECT count(*) FROM usage_leaf"), 14);
    ensure(partitions, MONDAY_MS + 5 * HOUR_MS);
    assert_int_equal(sql("SELECT count(*) FROM usage_leaf"), 14);
    ensure(partitions, MONDAY_MS + 2 * DAY_MS);
    assert_contiguous(MONDAY_MS - 10 * DAY_MS, MONDAY_MS + 5 * DAY_MS);
    ts_partitions_destroy(partitions);
}

static void leaves_of_another_size_fit_in(void **state)
{
    (void)state;
    struct ts_partitions *partitions = make(6, 1);
    ensure(partitions, MONDAY_MS);
    ts_partitions_destroy(partitions);
    partitions = make(24, 3);
    ensure(partitions, MONDAY_MS + 1);
    assert_contiguous(MONDAY_MS - 3 * DAY_MS, MONDAY_MS + 4 * DAY_MS);
    ts_partitions_destroy(partitions);
    partitions = make(1, 1);
    ensure(partitions, MONDAY_MS + 2 * DAY_MS);
    assert_contiguous(MONDAY_MS - 3 * DAY_MS, MONDAY_MS + 5 * DAY_MS);
    ts_partitions_destroy(partitions);
}

static void hot_and_closed_leaves_have_their_indexes(void **state)
{
    (void)state;
    struct ts_error err = {0};
    bool more = true;
    struct ts_partitions *partitions = make(24, 5);
    ensure(partitions, MONDAY_MS);
    /* Older than two days: made closed. */
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'usage%\\_account'"), 3);
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'usage%\\_hot'"), 5);
    sql("INSERT INTO usage(start_time,identity_hash,account_no,fingerprint,balance_after_micros,"
        "movement,charge_micros,rate_e8,connect_fee_e8,deck_version,billed,end_time,settled_at,"
        "\"offset\",partition,duration_ms,pages,leg,generation,topic_no,license,service,direction,"
        "disposition,category,unit,source,cdr_id,from_number,to_number,region,prefix,description)"
        " SELECT '2026-01-03 10:00Z',i,i % 100,i,1,3,1,1,0,1,1,now(),now(),1,0,1,0,0,0,1,0,0,0,0,"
        "8,0,'s','c','+1','+44','GB','44207','London' FROM generate_series(1,20000) i");
    assert_true(ts_partitions_tend(partitions, MONDAY_MS, &more, &err));
    assert_false(more);
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'usage%\\_hot'"), 5);
    /* Two days on, two leaves are due, one a pass. */
    assert_true(ts_partitions_tend(partitions, MONDAY_MS + 2 * DAY_MS, &more, &err));
    assert_true(more);
    assert_true(ts_partitions_tend(partitions, MONDAY_MS + 2 * DAY_MS, &more, &err));
    assert_false(more);
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'usage%\\_account'"), 5);
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'usage%\\_hot'"), 3);
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname = 'usage_20260103_0000'"
                         " AND relallvisible = relpages AND relpages > 0 AND reloptions IS NULL"),
                     1);
    ts_partitions_destroy(partitions);
}

static void a_broken_close_is_begun_again(void **state)
{
    (void)state;
    struct ts_error err = {0};
    bool more = true;
    struct ts_partitions *partitions = make(24, 1);
    ensure(partitions, MONDAY_MS);
    sql("CREATE INDEX usage_20260104_0000_account ON usage_20260104_0000 (account_no, start_time)");
    sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid ="
        " 'usage_20260104_0000_account'::regclass");
    assert_true(ts_partitions_tend(partitions, MONDAY_MS + 2 * DAY_MS, &more, &err));
    assert_int_equal(sql("SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid ="
                         " 'usage_20260104_0000_account'::regclass"),
                     1);
    ts_partitions_destroy(partitions);
}

static void only_one_works_at_a_time(void **state)
{
    (void)state;
    struct ts_error err = {0};
    bool more = true;
    struct ts_partitions *partitions = make(24, 1);
    ensure(partitions, MONDAY_MS);
    sql("SELECT pg_advisory_lock(1953459308, 1818583398)");
    assert_true(ts_partitions_tend(partitions, MONDAY_MS + 10 * DAY_MS, &more, &err));
    assert_false(more);
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'usage%\\_account'"), 0);
    sql("SELECT pg_advisory_unlock(1953459308, 1818583398)");
    assert_true(ts_partitions_tend(partitions, MONDAY_MS + 10 * DAY_MS, &more, &err));
    assert_true(more);
    ts_partitions_destroy(partitions);
}

static void a_lost_connection_is_made_anew(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_partitions *partitions = make(24, 1);
    ensure(partitions, MONDAY_MS);
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
        " 'tollstream partitions'");
    assert_false(ts_partitions_ensure(partitions, MONDAY_MS, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    ensure(partitions, MONDAY_MS);
    ts_partitions_destroy(partitions);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = server.url;
    options.leaf_hours = 5;
    assert_null(ts_partitions_create(&options, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, over)
    const struct CMUnitTest tests[] = {
        TEST(the_window_is_covered_and_moves_on),
        TEST(leaves_of_another_size_fit_in),
        TEST(hot_and_closed_leaves_have_their_indexes),
        TEST(a_broken_close_is_begun_again),
        TEST(only_one_works_at_a_time),
        TEST(a_lost_connection_is_made_anew),
        TEST(numbers_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
