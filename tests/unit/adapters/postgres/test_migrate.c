/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations against a real server: order, record, refusal, and several starters at once. */
#include "tests/unit/adapters/postgres/private_server.h"
#include "tests/unit/unit.h"

#include "adapters/postgres/migrate.h"

#include <sys/wait.h>

static struct private_server server;

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
    server_make_database(&server);
    return 0;
}

static int64_t ask(const char *sql)
{
    PGconn *conn = server_connect(server.url);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    }
    int64_t value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    PQfinish(conn);
    return value;
}

static void all_are_applied_and_recorded(void **state)
{
    (void)state;
    struct ts_error err = {0};
    assert_true(ts_postgres_migrate(server.url, NULL, &err));
    assert_int_equal(ask("SELECT max(version) FROM schema_migration"),
                     ts_postgres_schema_version());
    assert_int_equal(ask("SELECT count(*) FROM schema_migration WHERE length(checksum) = 16"),
                     ts_postgres_schema_version());
    assert_int_equal(ask("SELECT count(*) FROM redis_bucket WHERE generation = 0"), 256);
    assert_true(ts_postgres_migrate(server.url, NULL, &err));
    assert_int_equal(ask("SELECT count(*) FROM schema_migration"), ts_postgres_schema_version());
}

static void a_newer_schema_is_refused(void **state)
{
    (void)state;
    struct ts_error err = {0};
    assert_true(ts_postgres_migrate(server.url, NULL, &err));
    ask("INSERT INTO schema_migration (version, name, checksum) VALUES (9000, 'later', 'x')");
    assert_false(ts_postgres_migrate(server.url, NULL, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "9000"));
}

static void a_changed_migration_is_refused(void **state)
{
    (void)state;
    struct ts_error err = {0};
    assert_true(ts_postgres_migrate(server.url, NULL, &err));
    ask("UPDATE schema_migration SET checksum = 'another' WHERE version = 2");
    assert_false(ts_postgres_migrate(server.url, NULL, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "migration 2"));
}

static void a_failing_migration_leaves_the_ones_before(void **state)
{
    (void)state;
    struct ts_error err = {0};
    ask("CREATE TABLE account (in_the_way int)");
    assert_false(ts_postgres_migrate(server.url, NULL, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "0003_accounts"));
    assert_int_equal(ask("SELECT max(version) FROM schema_migration"), 2);
    ask("DROP TABLE account");
    assert_true(ts_postgres_migrate(server.url, NULL, &err));
}

static void several_at_once_apply_each_once(void **state)
{
    (void)state;
    enum { STARTERS = 4 };
    pid_t pids[STARTERS];
    for (int i = 0; i < STARTERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            _exit(ts_postgres_migrate(server.url, NULL, NULL) ? 0 : 1);
        }
    }
    for (int i = 0; i < STARTERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(ask("SELECT count(*) FROM schema_migration"), ts_postgres_schema_version());
}

static void a_server_that_is_away_may_come_back(void **state)
{
    (void)state;
    struct ts_error err = {0};
    assert_false(ts_postgres_migrate("host=127.0.0.1 port=1", NULL, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_are_applied_and_recorded, fresh),
        cmocka_unit_test_setup(a_newer_schema_is_refused, fresh),
        cmocka_unit_test_setup(a_changed_migration_is_refused, fresh),
        cmocka_unit_test_setup(a_failing_migration_leaves_the_ones_before, fresh),
        cmocka_unit_test_setup(several_at_once_apply_each_once, fresh),
        cmocka_unit_test(a_server_that_is_away_may_come_back),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
