/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger port against a real server: claims, generations, lookups, the outbox. */
#include "tests/unit/adapters/postgres/fixture.h"

#include <pthread.h>

static struct fixture fixture;

#define SQL(...) fixture_sql(&fixture, __VA_ARGS__)
#define CALL(name, ...) fixture.ledger.ops->name(fixture.ledger.self, __VA_ARGS__)

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
    fixture_empty(&fixture);
    return 0;
}

static struct ts_lane lane(int32_t partition)
{
    return (struct ts_lane){TS_INPUT_CDRS, partition};
}

static void a_claim_begins_and_then_continues(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_claim claim;
    bool known = true;
    assert_true(CALL(known, lane(3), &known, &err));
    assert_false(known);
    assert_true(CALL(claim, lane(3), 50, 1000, &claim, &err));
    assert_int_equal(claim.epoch, 1000);
    assert_int_equal(claim.next_offset, 50);
    assert_false(claim.has_tail);
    assert_true(CALL(known, lane(3), &known, &err));
    assert_true(known);
    SQL("UPDATE stream_partition SET next_offset = 60, has_tail = true, tail_hash = -2"
        " WHERE partition = 3");
    assert_true(CALL(claim, lane(3), 0, 999, &claim, &err)); /* a clock that went back */
    assert_int_equal(claim.epoch, 1001);
    assert_int_equal(claim.next_offset, 60);
    assert_true(claim.has_tail);
    assert_true(claim.tail_hash == UINT64_MAX - 1);
    assert_false(claim.fenced);
}

static void a_reopen_raises_ours_and_tells_of_others(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_claim claims[3];
    struct ts_bucket_row buckets[TS_BUCKET_COUNT];
    for (int i = 0; i < 3; i++) {
        assert_true(CALL(claim, lane(9 - i), i, 1000, &claims[i], &err));
    }
    SQL("UPDATE stream_partition SET epoch = 5000 WHERE partition = 8");
    SQL("UPDATE redis_bucket SET generation = 77, run_id = 'r', replication_id = 'm'"
        " WHERE bucket = 255");
    assert_true(CALL(reopen, claims, 3, 2000, buckets, &err));
    assert_false(claims[0].fenced);
    assert_int_equal(claims[0].epoch, 2000);
    assert_int_equal(claims[0].next_offset, 0);
    assert_true(claims[1].fenced);
    assert_false(claims[2].fenced);
    assert_int_equal(claims[2].next_offset, 2);
    assert_int_equal(SQL("SELECT epoch FROM stream_partition WHERE partition = 8"), 5000);
    assert_int_equal(buckets[255].generation, 77);
    assert_string_equal(buckets[255].identity.run_id, "r");
    assert_string_equal(buckets[255].identity.replication_id, "m");
    assert_int_equal(buckets[0].generation, 0);
}

static void a_raise_compares_and_sets(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_balances_identity identity = {"run-1", "repl-1"};
    SQL("UPDATE redis_bucket SET generation = 40 WHERE bucket = 2");
    struct ts_raise items[] = {
        {.bucket = 0},
        {.bucket = 1, .seen_generation = 9000},
        {.bucket = 2, .generation = 39},
    };
    assert_true(CALL(raise, items, 3, &identity, 500, &err));
    assert_true(items[0].raised);
    assert_int_equal(items[0].generation, 500);
    assert_true(items[1].raised);
    assert_int_equal(items[1].generation, 9001);
    assert_false(items[2].raised);
    assert_int_equal(items[2].generation, 40);
    struct ts_bucket_row rows[TS_BUCKET_COUNT];
    assert_true(CALL(buckets, rows, &err));
    assert_string_equal(rows[1].identity.run_id, "run-1");
    assert_string_equal(rows[2].identity.run_id, "");
    items[0].generation = 500;
    assert_true(CALL(raise, items, 1, &identity, 400, &err));
    assert_int_equal(items[0].generation, 501);
}

static void a_raise_waits_for_settles(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_balances_identity identity = {"run-1", "repl-1"};
    struct ts_raise item = {.bucket = 0};
    SQL("BEGIN");
    SQL("SELECT pg_advisory_xact_lock_shared(1953459308, 1734700645)");
    int64_t before = SQL("SELECT extract(epoch FROM clock_timestamp()) * 1000");
    assert_true(CALL(raise, &item, 1, &identity, 400, &err)); /* by ending that session */
    assert_true(item.raised);
    PQreset(fixture.admin);
    assert_true(SQL("SELECT extract(epoch FROM clock_timestamp()) * 1000") - before >= 300);
}

static void profiles_are_found_or_not(void **state)
{
    (void)state;
    struct ts_error err = {0};
    char too_long[100];
    memset(too_long, 'x', sizeof too_long);
    SQL("UPDATE account SET status = 2, closed_at = '2026-01-05Z', revision = 9"
        " WHERE account_id = 'office-3'");
    struct ts_profile_request requests[] = {
        {.account_id = TS_LITERAL("nobody"), .found = true},
        {.account_id = TS_LITERAL("office-3")},
        {.account_id = {too_long, sizeof too_long}, .found = true},
        {.account_id = TS_LITERAL("office-3")},
    };
    assert_true(CALL(profiles, requests, 4, &fixture.texts, &err));
    assert_false(requests[0].found);
    assert_false(requests[2].found);
    assert_true(requests[3].found);
    const struct ts_account_profile *profile = &requests[1].profile;
    assert_true(requests[1].found);
    assert_int_equal(profile->account_no, 3);
    assert_string_equal(profile->account_id, "office-3");
    assert_int_equal(profile->account_id_size, 8);
    assert_string_equal(profile->country, "US");
    assert_string_equal(profile->timezone, "America/New_York");
    assert_int_equal(profile->rate_plan, 1);
    assert_int_equal(profile->revision, 9);
    assert_int_equal(profile->status, TS_ACCOUNT_CLOSED);
    assert_int_equal(profile->closed_ms, MONDAY_MS);
    assert_null(profile->allowances);
}

static void profiles_bring_their_allowances(void **state)
{
    (void)state;
    struct ts_error err = {0};
    SQL("UPDATE account SET allowances = '[{\"name\": \"wide\", \"category\": \"*\", \"units\": 7,"
        " \"unit\": \"page\"}, {\"name\": \"intl\", \"category\": \"international_outbound\","
        " \"license\": \"sell\", \"local_only\": true, \"units\": 6000}]'"
        " WHERE account_id = 'office-3'");
    SQL("UPDATE account SET allowances = '[]' WHERE account_id = 'office-4'");
    struct ts_profile_request requests[] = {
        {.account_id = TS_LITERAL("office-3")},
        {.account_id = TS_LITERAL("office-4")},
        {.account_id = TS_LITERAL("office-5")},
        {.account_id = TS_LITERAL("office-3")},
    };
    assert_true(CALL(profiles, requests, 4, &fixture.texts, &err));
    for (size_t i = 0; i < 4; i += 3) {
        const struct ts_allowances *set = requests[i].profile.allowances;
        assert_non_null(set);
        assert_int_equal(set->count, 2);
        assert_true(ts_bytes_equal_text(ts_allowance_name(&set->items[0]), "intl"));
        assert_int_equal(set->items[0].category, TS_CATEGORY_INTERNATIONAL_OUTBOUND);
        assert_int_equal(set->items[0].license, TS_LICENSE_SELL);
        assert_true(set->items[0].local_only);
        assert_int_equal(set->items[0].units, 6000);
        assert_int_equal(set->items[0].unit, TS_UNIT_SECOND);
        assert_int_equal(set->items[1].category, TS_ALLOWANCE_ANY);
        assert_int_equal(set->items[1].license, TS_ALLOWANCE_ANY);
        assert_int_equal(set->items[1].unit, TS_UNIT_PAGE);
    }
    assert_true(requests[1].found && requests[2].found);
    assert_null(requests[1].profile.allowances);
    assert_null(requests[2].profile.allowances);

    SQL("UPDATE account SET allowances = '[{\"name\": \"n\", \"category\": \"calls\"}]'"
        " WHERE account_id = 'office-3'");
    assert_false(CALL(profiles, requests, 1, &fixture.texts, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(err.text, "office-3"));
    assert_non_null(strstr(err.text, "calls"));
}

static void counters_come_with_their_generation(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_balances_identity identity = {"r", "p"};
    struct ts_raise raise = {.bucket = 7};
    assert_true(CALL(raise, &raise, 1, &identity, 50, &err));
    SQL("INSERT INTO allowance_used VALUES (2, 202611, 'intl', 41), (2, 202612, 'intl', 1)");
    struct ts_counter_request requests[] = {
        {.account_no = 2, .month = 202611, .allowance = TS_LITERAL("intl")},
        {.account_no = 2, .month = 202611, .allowance = TS_LITERAL("other"), .used = 9},
        {.account_no = 3, .month = 202611, .allowance = TS_LITERAL("intl"), .used = 9},
    };
    int64_t generation = 0;
    assert_true(CALL(counters, 7, requests, 3, &generation, &err));
    assert_int_equal(generation, 50);
    assert_int_equal(requests[0].used, 41);
    assert_int_equal(requests[1].used, 0);
    assert_int_equal(requests[2].used, 0);
}

static void balances_come_with_their_generation(void **state)
{
    (void)state;
    struct ts_error err = {0};
    int64_t generation = -1;
    SQL("UPDATE redis_bucket SET generation = 12 WHERE bucket = 7");
    SQL("UPDATE account SET balance_micros = -5 WHERE account_id = 'office-2'");
    struct ts_load_account accounts[] = {{.account_id = TS_LITERAL("office-2")},
                                         {.account_id = TS_LITERAL("office-1")}};
    assert_true(CALL(balances, 7, accounts, 2, &generation, &err));
    assert_int_equal(generation, 12);
    assert_int_equal(accounts[0].balance_micros, -5);
    assert_int_equal(accounts[1].balance_micros, FIXTURE_BALANCE);
    accounts[1].account_id = TS_LITERAL("nobody");
    assert_false(CALL(balances, 7, accounts, 2, &generation, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "nobody"));
}

static void identities_are_told_apart(void **state)
{
    (void)state;
    struct ts_error err = {0};
    static struct trial trial;
    trial_init(&fixture, &trial, 1, 2);
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_DONE);
    const struct ts_record *settled = &trial.records[0];
    struct ts_cdr other = settled->cdr;
    other.cdr_id = TS_LITERAL("another");
    struct ts_cdr elsewhen = settled->cdr;
    elsewhen.start_ms++;
    struct ts_cdr ancient = settled->cdr;
    ancient.start_ms = 0;
    struct ts_identity identities[] = {
        {&settled->cdr, settled->identity_hash, settled->fingerprint, TS_IDENTITY_ABSENT},
        {&settled->cdr, settled->identity_hash, settled->fingerprint + 1, TS_IDENTITY_ABSENT},
        {&other, settled->identity_hash, settled->fingerprint, TS_IDENTITY_ABSENT},
        {&elsewhen, settled->identity_hash, settled->fingerprint, TS_IDENTITY_SAME},
        {&ancient, settled->identity_hash, settled->fingerprint, TS_IDENTITY_SAME},
        {&settled->cdr, settled->identity_hash + 1, settled->fingerprint, TS_IDENTITY_SAME},
    };
    assert_true(CALL(identities, identities, 6, &err));
    assert_int_equal(identities[0].status, TS_IDENTITY_SAME);
    assert_int_equal(identities[1].status, TS_IDENTITY_CONFLICT);
    assert_int_equal(identities[2].status, TS_IDENTITY_COLLISION);
    assert_int_equal(identities[3].status, TS_IDENTITY_ABSENT);
    assert_int_equal(identities[4].status, TS_IDENTITY_ABSENT);
    assert_int_equal(identities[5].status, TS_IDENTITY_ABSENT);
    trial_finish(&trial);
}

static void the_window_follows_the_leaves(void **state)
{
    (void)state;
    struct ts_error err = {0};
    int64_t from = 0;
    int64_t to = 0;
    assert_true(CALL(usage_window, &from, &to, &err));
    assert_int_equal(from, MONDAY_MS);
    assert_int_equal(to, MONDAY_MS + FIXTURE_LEAVES * DAY_MS);
    SQL("DROP TABLE usage_day0");
    assert_true(CALL(usage_window, &from, &to, &err));
    assert_int_equal(from, MONDAY_MS + DAY_MS);
}

static void the_outbox_is_read_in_pages_and_trimmed(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_arena arena;
    struct ts_outbox_page page;
    ts_arena_init(&arena, 4096, 1 << 20);
    SQL("INSERT INTO outbox SELECT 'cdrs', 4, i / 2, i %% 2, 1, 0, 0, NULL, 'x'"
        " FROM generate_series(20, 29) i");
    SQL("INSERT INTO outbox VALUES ('other', 4, 11, 0, 0, 1, 1, 'k', 'x')");
    assert_true(CALL(outbox, lane(4), 11, 15, 3, &arena, &page, &err));
    assert_int_equal(page.count, 3);
    assert_true(page.more);
    assert_int_equal(page.rows[0].offset, 11);
    assert_int_equal(page.rows[0].n, 0);
    assert_int_equal(page.rows[1].n, 1);
    assert_int_equal(page.rows[2].offset, 12);
    assert_int_equal(page.rows[2].output, 1);
    assert_null(page.rows[2].key.data);
    assert_true(CALL(outbox_trim, lane(4), 12, &err));
    assert_true(CALL(outbox, lane(4), 0, 14, 10, &arena, &page, &err));
    assert_int_equal(page.count, 4);
    assert_false(page.more);
    assert_int_equal(page.rows[0].offset, 12);
    assert_int_equal(SQL("SELECT count(*) FROM outbox"), 7);
    ts_arena_finish(&arena);
}

static void a_page_of_the_outbox_ends_with_its_memory_too(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_arena arena;
    struct ts_outbox_page page;
    ts_arena_init(&arena, 4096, 20 << 20);
    SQL("INSERT INTO outbox SELECT 'cdrs', 4, i, 0, 1, 0, 0, NULL,"
        " decode(repeat('00', 1 << 20), 'hex') FROM generate_series(20, 49) i");
    assert_true(CALL(outbox, lane(4), 0, 100, 500, &arena, &page, &err));
    assert_int_equal(page.count, 16);
    assert_true(page.more);
    ts_arena_reset(&arena);
    assert_true(CALL(outbox, lane(4), 36, 100, 500, &arena, &page, &err));
    assert_int_equal(page.count, 14);
    assert_int_equal(page.rows[0].offset, 36);
    assert_false(page.more);
    ts_arena_finish(&arena);
}

static void older_rows_of_an_account_are_found_in_every_lane(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_arena arena;
    struct ts_outbox_page page;
    static const struct ts_outbox_mark below[] = {{801, 3}, {802, 5}};
    ts_arena_init(&arena, 65536, 1024 * 1024);
    SQL("INSERT INTO outbox SELECT 'cdrs', i, 900, 0, 0, 802, i, 'k', 'x'"
        " FROM generate_series(1, 6) i");
    SQL("INSERT INTO outbox SELECT 'cdrs', i, 901, 0, 0, 801, i, 'k', 'x'"
        " FROM generate_series(1, 6) i");
    SQL("INSERT INTO outbox VALUES ('cdrs', 1, 902, 0, 0, 803, 1, 'k', 'x')");
    assert_true(CALL(outbox_older, below, 2, ((struct ts_outbox_mark){0}), 4, &arena, &page, &err));
    assert_int_equal(page.count, 4);
    assert_true(page.more);
    assert_int_equal(page.rows[0].account_no, 801);
    assert_int_equal(page.rows[0].sequence, 1);
    assert_int_equal(page.rows[1].sequence, 2);
    assert_int_equal(page.rows[2].account_no, 802);
    assert_int_equal(page.rows[3].sequence, 2);
    assert_int_equal(page.rows[3].lane.partition, 2);
    assert_true(
        CALL(outbox_older, below, 2, ((struct ts_outbox_mark){802, 2}), 4, &arena, &page, &err));
    assert_int_equal(page.count, 2);
    assert_false(page.more);
    assert_int_equal(page.rows[0].sequence, 3);
    assert_int_equal(page.rows[1].sequence, 4);
    ts_arena_finish(&arena);
}

static void another_schema_is_refused(void **state)
{
    (void)state;
    struct ts_error err = {0};
    SQL("INSERT INTO schema_migration (version, name, checksum) VALUES (9000, 'later', 'x')");
    assert_false(CALL(connect, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    SQL("DELETE FROM schema_migration WHERE version IN (9000, %d)", ts_postgres_schema_version());
    assert_false(CALL(connect, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_non_null(strstr(err.text, "tollstream migrate"));
}

static void every_call_fails_with_retry_when_the_server_is_away(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_claim claim;
    bool known;
    SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE"
        " 'tollstream%%'");
    assert_false(CALL(claim, lane(0), 0, 1, &claim, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    err = (struct ts_error){0};
    assert_false(CALL(known, lane(0), &known, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_true(CALL(connect, &err));
    assert_true(CALL(known, lane(0), &known, &err));
}

/* --- two owners of one lane */

struct contender {
    struct ts_postgres *postgres;
    int64_t claims;
};

static void *claim_often(void *argument)
{
    struct contender *contender = argument;
    struct ts_ledger ledger = ts_postgres_ledger(contender->postgres);
    struct ts_error err;
    struct ts_claim claim;
    int64_t last = 0;
    for (int i = 0; i < 100; i++) {
        if (ledger.ops->claim(ledger.self, lane(5), 0, 1, &claim, &err) && claim.epoch > last) {
            last = claim.epoch;
            contender->claims++;
        }
    }
    return NULL;
}

static void no_epoch_is_given_twice(void **state)
{
    (void)state;
    struct contender contenders[2] = {{fixture_worker(&fixture), 0}, {fixture_worker(&fixture), 0}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, claim_often, &contenders[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(contenders[i].claims, 100);
        ts_postgres_destroy(contenders[i].postgres);
    }
    assert_int_equal(SQL("SELECT epoch FROM stream_partition WHERE partition = 5"), 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)
    const struct CMUnitTest tests[] = {
        TEST(a_claim_begins_and_then_continues),
        TEST(a_reopen_raises_ours_and_tells_of_others),
        TEST(a_raise_compares_and_sets),
        TEST(a_raise_waits_for_settles),
        TEST(profiles_are_found_or_not),
        TEST(profiles_bring_their_allowances),
        TEST(counters_come_with_their_generation),
        TEST(balances_come_with_their_generation),
        TEST(identities_are_told_apart),
        TEST(the_window_follows_the_leaves),
        TEST(the_outbox_is_read_in_pages_and_trimmed),
        TEST(a_page_of_the_outbox_ends_with_its_memory_too),
        TEST(older_rows_of_an_account_are_found_in_every_lane),
        TEST(another_schema_is_refused),
        TEST(every_call_fails_with_retry_when_the_server_is_away),
        TEST(no_epoch_is_given_twice),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
