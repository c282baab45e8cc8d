/* SPDX-License-Identifier: Apache-2.0 */
/* Settles whose session is killed, stopped, raced or blocked: afterwards the books hold, and the
 * truth is what next_offset says. */
#include "tests/unit/adapters/postgres/fixture.h"

#include <pthread.h>
#include <sys/wait.h>

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

static int fill(void **state)
{
    (void)state;
    fixture_fill(&fixture);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    trial_finish(&trial);
    fixture_empty(&fixture);
    return 0;
}

static void kill_settles(void)
{
    SQL("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ="
        " 'tollstream settle'");
}

static int64_t next_offset(void)
{
    return SQL("SELECT next_offset FROM stream_partition WHERE partition = 0");
}

static void assert_unsettled(void)
{
    assert_int_equal(next_offset(), 100);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 0);
    assert_int_equal(SQL("SELECT sum(balance_micros) FROM account"),
                     FIXTURE_ACCOUNTS * FIXTURE_BALANCE);
}

static void assert_settled(int64_t rows)
{
    assert_int_equal(next_offset(), 100 + rows);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), rows);
    assert_int_equal(SQL("SELECT (SELECT coalesce(sum(charge_micros), 0) FROM usage)"
                         " + sum(balance_micros)"
                         " FROM account"),
                     FIXTURE_ACCOUNTS * FIXTURE_BALANCE);
}

static void reconnect(void)
{
    struct ts_error err = {0};
    if (!fixture.ledger.ops->connect(fixture.ledger.self, &err)) {
        fail_msg("%s", err.text);
    }
}

static void start_to_locked(void)
{
    struct ts_error err = {0};
    assert_true(fixture.settle.ops->start(fixture.settle.self, &trial.settlement, &err));
    assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_LOCKED);
    trial_number(&trial);
}

static void killed_when_locked_nothing_is_settled(void **state)
{
    (void)state;
    struct ts_error err = {0};
    trial_init(&fixture, &trial, 1, 20);
    start_to_locked();
    kill_settles();
    if (fixture.settle.ops->write(fixture.settle.self, &err)) {
        assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_FAILED);
    }
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_unsettled();
    reconnect();
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
    assert_settled(20);
}

/* At every number of polls into the write: then it is settled whole or not at all, and a status of
 * DONE is never wrong. */
static void killed_while_writing_it_is_whole_or_nothing(void **state)
{
    (void)state;
    int done = 0;
    for (int polls = 0; polls < 12; polls++) {
        struct ts_error err = {0};
        trial_init(&fixture, &trial, 1 + polls * 20, 20);
        int64_t start = next_offset();
        start_to_locked();
        enum ts_settle_status status = TS_SETTLE_PENDING;
        assert_true(fixture.settle.ops->write(fixture.settle.self, &err));
        for (int i = 0; i < polls && status == TS_SETTLE_PENDING; i++) {
            status = fixture.settle.ops->poll(fixture.settle.self, 0, &err);
            usleep(300);
        }
        kill_settles();
        if (status == TS_SETTLE_PENDING) {
            status = settle_wait(fixture.settle, &err);
        }
        bool moved = next_offset() == start + 20;
        assert_true(moved || next_offset() == start);
        assert_true(moved || status != TS_SETTLE_DONE);
        done += moved;
        assert_settled(done * 20);
        trial_finish(&trial);
        reconnect();
    }
    trial_init(&fixture, &trial, 1000, 1);
}

static void a_forgotten_settle_cannot_commit_after_a_reopen(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_bucket_row buckets[TS_BUCKET_COUNT];
    struct ts_claim claim = {.lane = {TS_INPUT_CDRS, 0}, .epoch = fixture.epoch};
    struct ts_postgres *other = fixture_worker(&fixture);
    struct ts_ledger ledger = ts_postgres_ledger(other);
    trial_init(&fixture, &trial, 1, 5);
    assert_true(ledger.ops->reopen(ledger.self, &claim, 1, 10, buckets, &err));
    assert_false(claim.fenced);
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_REFUSED);
    assert_unsettled();
    ts_postgres_destroy(other);
}

/* The owner stops between LOCKED and write; the next one claims the lane. */
static void a_claim_ends_a_session_that_blocks_it(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_claim claim;
    struct ts_lane lane = {TS_INPUT_CDRS, 0};
    struct ts_postgres *other = fixture_worker(&fixture);
    struct ts_ledger ledger = ts_postgres_ledger(other);
    trial_init(&fixture, &trial, 1, 5);
    start_to_locked();
    assert_true(ledger.ops->claim(ledger.self, lane, 0, 10, &claim, &err));
    assert_int_equal(claim.next_offset, 100);
    assert_true(claim.epoch > fixture.epoch);
    if (fixture.settle.ops->write(fixture.settle.self, &err)) {
        assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_FAILED);
    }
    assert_unsettled();
    ts_postgres_destroy(other);
}

/* The same when the owner's process is stopped inside COPY, where no time-out of the server
 * reaches it. */
static void a_claim_ends_a_session_stopped_inside_copy(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_claim claim;
    struct ts_lane lane = {TS_INPUT_CDRS, 0};
    SQL("BEGIN; UPDATE stream_partition SET epoch = epoch");
    PGresult *copy = PQexec(fixture.admin, "COPY duplicate FROM STDIN");
    assert_int_equal(PQresultStatus(copy), PGRES_COPY_IN);
    PQclear(copy);
    assert_true(fixture.ledger.ops->claim(fixture.ledger.self, lane, 0, 10, &claim, &err));
    PQreset(fixture.admin);
    trial_init(&fixture, &trial, 1, 1);
    assert_unsettled();
}

static void a_row_lock_held_too_long_is_retried_later(void **state)
{
    (void)state;
    struct ts_error err = {0};
    trial_init(&fixture, &trial, 1, 5);
    SQL("BEGIN; UPDATE account SET name = '' WHERE account_no = 2");
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_FAILED);
    assert_int_equal(err.class, TS_ERROR_RETRY);
    SQL("ROLLBACK");
    assert_unsettled();
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
    assert_settled(5);
}

static void an_abandoned_settle_that_waits_is_cancelled(void **state)
{
    (void)state;
    struct ts_error err = {0};
    trial_init(&fixture, &trial, 1, 5);
    SQL("BEGIN; UPDATE account SET name = '' WHERE account_no = 2");
    assert_true(fixture.settle.ops->start(fixture.settle.self, &trial.settlement, &err));
    assert_int_equal(fixture.settle.ops->poll(fixture.settle.self, 100, &err), TS_SETTLE_PENDING);
    fixture.settle.ops->abandon(fixture.settle.self);
    assert_int_equal(SQL("SELECT count(*) FROM pg_stat_activity WHERE application_name ="
                         " 'tollstream settle' AND state = 'idle'"),
                     1);
    SQL("ROLLBACK");
    assert_unsettled();
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
}

static void a_deadlock_is_retried(void **state)
{
    (void)state;
    struct ts_error err = {0};
    trial_init(&fixture, &trial, 1, 5);
    SQL("BEGIN; UPDATE account SET name = '' WHERE account_no = 2");
    assert_true(fixture.settle.ops->start(fixture.settle.self, &trial.settlement, &err));
    assert_int_equal(fixture.settle.ops->poll(fixture.settle.self, 100, &err), TS_SETTLE_PENDING);
    /* account 1 is locked by the settle, which waits for account 2 */
    assert_int_equal(
        PQsendQuery(fixture.admin, "UPDATE account SET name = '' WHERE account_no = 1"), 1);
    enum ts_settle_status status = settle_wait(fixture.settle, &err);
    bool other_failed = false;
    for (PGresult *r = PQgetResult(fixture.admin); r != NULL; r = PQgetResult(fixture.admin)) {
        other_failed |= PQresultStatus(r) == PGRES_FATAL_ERROR;
        PQclear(r);
    }
    assert_true(other_failed ? status == TS_SETTLE_LOCKED
                             : status == TS_SETTLE_FAILED && err.class == TS_ERROR_RETRY);
    SQL("ROLLBACK");
    if (other_failed) {
        fixture.settle.ops->abandon(fixture.settle.self);
    }
    assert_unsettled();
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
}

/* --- two workers on the same accounts, in two processes' worth of sessions */

struct racer {
    struct fixture own; /* its own ledger and settle, the shared profiles */
    int32_t partition;
    int done;
};

static void *settle_often(void *argument)
{
    struct racer *racer = argument;
    struct ts_error err = {0};
    struct ts_claim claim;
    struct ts_lane lane = {TS_INPUT_CDRS, racer->partition};
    struct ts_ledger ledger = ts_postgres_ledger(racer->own.postgres);
    if (!ledger.ops->claim(ledger.self, lane, 0, 1, &claim, &err)) {
        return NULL;
    }
    struct trial *t = calloc(1, sizeof *t);
    for (int i = 0; i < 30; i++) {
        t->settlement = (struct ts_settlement){0};
        t->lanes[0] = (struct ts_settle_lane){
            .lane = lane, .epoch = claim.epoch, .start = i * 16, .end = i * 16};
        t->settlement = (struct ts_settlement){.lanes = t->lanes,
                                               .lane_count = 1,
                                               .accounts = t->accounts,
                                               .account_count = FIXTURE_ACCOUNTS,
                                               .records = t->record_list,
                                               .record_accounts = t->record_accounts,
                                               .now_ms = NOW_MS};
        for (int k = 0; k < 16; k++) {
            trial_add(&racer->own, t, racer->partition * 10000 + i * 16 + k);
            t->records[k].lane = lane;
        }
        trial_sum(&racer->own, t);
        racer->done += trial_run(racer->own.settle, t, &err) == TS_SETTLE_DONE;
    }
    free(t);
    return NULL;
}

static void settles_of_several_workers_on_the_same_accounts_do_not_deadlock(void **state)
{
    (void)state;
    enum { RACERS = 3 };
    static struct racer racers[RACERS];
    pthread_t threads[RACERS];
    trial_init(&fixture, &trial, 1, 1);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.own = fixture, .partition = i + 1};
        racers[i].own.postgres = fixture_worker(&fixture);
        racers[i].own.settle = ts_postgres_settle(racers[i].own.postgres);
        assert_int_equal(pthread_create(&threads[i], NULL, settle_often, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(racers[i].done, 30);
        ts_postgres_destroy(racers[i].own.postgres);
    }
    assert_int_equal(SQL("SELECT count(*) FROM usage"), RACERS * 30 * 16);
    assert_int_equal(SQL("SELECT count(*) FROM (SELECT movement, balance_after_micros,"
                         " lag(movement, 1, 1::bigint) OVER w AS m,"
                         " lag(balance_after_micros, 1, %d::bigint) OVER w AS b, charge_micros"
                         " FROM usage WINDOW w AS (PARTITION BY account_no ORDER BY movement)) x"
                         " WHERE movement <> m + 1 OR balance_after_micros <> b - charge_micros",
                         FIXTURE_BALANCE),
                     0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)
    const struct CMUnitTest tests[] = {
        TEST(killed_when_locked_nothing_is_settled),
        TEST(killed_while_writing_it_is_whole_or_nothing),
        TEST(a_forgotten_settle_cannot_commit_after_a_reopen),
        TEST(a_claim_ends_a_session_that_blocks_it),
        TEST(a_claim_ends_a_session_stopped_inside_copy),
        TEST(a_row_lock_held_too_long_is_retried_later),
        TEST(an_abandoned_settle_that_waits_is_cancelled),
        TEST(a_deadlock_is_retried),
        TEST(settles_of_several_workers_on_the_same_accounts_do_not_deadlock),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
