/* SPDX-License-Identifier: Apache-2.0 */
/* How a command ended, told by its place on the topic: each of the four ways, and whose it is. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/command_store.h"

static struct fixture fixture;
static struct ts_command_store *store;

static int start(void **state)
{
    (void)state;
    server_start(&fixture.server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_stop(&fixture.server);
    return 0;
}

/* Everything below offset 10 of credits/1 is settled, by the group. */
static int fresh(void **state)
{
    (void)state;
    struct ts_error err = {0};
    server_make_database(&fixture.server);
    assert_true(ts_postgres_migrate(fixture.server.url, NULL, &err));
    fixture.admin = server_connect(fixture.server.url);
    fixture_sql(&fixture, "INSERT INTO rate_plan (name, settings) VALUES ('standard', '{}')");
    fixture_sql(&fixture,
                "INSERT INTO account (account_no, account_id, plan_no, country, timezone, currency,"
                " watch_low, watch_high, balance_micros, sequence)"
                " SELECT 1, 'a', plan_no, 'US', 'UTC', 'USD', 0, 0, 7000000, 4 FROM rate_plan");
    fixture_sql(&fixture,
                "INSERT INTO stream_partition (group_name, topic, partition, epoch, next_offset,"
                " first_offset) VALUES ('group', 'credits', 1, 1, 10, 0)");
    store = ts_command_store_create(fixture.server.url, &err);
    assert_non_null(store);
    return 0;
}

static int over(void **state)
{
    (void)state;
    ts_command_store_destroy(store);
    PQfinish(fixture.admin);
    return 0;
}

static struct ts_command_outcome outcome_at(const char *group, int32_t partition, int64_t offset)
{
    struct ts_command_place place = {.group = group,
                                     .topic = "credits",
                                     .partition = partition,
                                     .offset = offset,
                                     .account_id = "a"};
    struct ts_command_outcome outcome;
    struct ts_error err = {0};
    if (!ts_command_store_outcome(store, &place, &outcome, &err)) {
        fail_msg("%s", err.text);
    }
    return outcome;
}

static void test_pending_until_the_group_is_past_it(void **state)
{
    (void)state;
    assert_int_equal(outcome_at("group", 1, 10).end, TS_COMMAND_END_PENDING);
    assert_int_equal(outcome_at("group", 2, 9).end, TS_COMMAND_END_PENDING);
    assert_int_equal(outcome_at("other", 1, 9).end, TS_COMMAND_END_PENDING);
    assert_int_equal(outcome_at("group", 1, 9).end, TS_COMMAND_END_APPLIED);
}

static void test_applied_with_and_without_a_movement(void **state)
{
    (void)state;
    fixture_sql(&fixture,
                "INSERT INTO ledger_entry (account_no, movement, kind, amount_micros,"
                " balance_after_micros, topic, partition, \"offset\", created_at) VALUES"
                " (1, 1, 'opening', 2000000, 2000000, NULL, NULL, NULL, now()),"
                " (1, 2, 'refund', 5000000, 7000000, 'credits', 1, 8, now())");
    struct ts_command_outcome outcome = outcome_at("group", 1, 8);
    assert_int_equal(outcome.end, TS_COMMAND_END_APPLIED);
    assert_true(outcome.moved);
    assert_int_equal(outcome.amount_micros, 5000000);
    assert_int_equal(outcome.balance_after_micros, 7000000);
    assert_int_equal(outcome.sequence, 4);
    outcome = outcome_at("group", 1, 7);
    assert_int_equal(outcome.end, TS_COMMAND_END_APPLIED);
    assert_false(outcome.moved);
    assert_int_equal(outcome.balance_micros, 7000000);
}

static void test_duplicate(void **state)
{
    (void)state;
    fixture_sql(&fixture,
                "INSERT INTO duplicate (topic, partition, \"offset\", start_time, identity_hash,"
                " settled_at) VALUES ('credits', 1, 6, now(), 1, now())");
    assert_int_equal(outcome_at("group", 1, 6).end, TS_COMMAND_END_DUPLICATE);
}

static void test_dead_letter(void **state)
{
    (void)state;
    fixture_sql(&fixture,
                "INSERT INTO dead_letter (topic, partition, \"offset\", reason, message,"
                " created_at) VALUES ('credits', 1, 5, 'identity_conflict', 'why', now())");
    struct ts_command_outcome outcome = outcome_at("group", 1, 5);
    assert_int_equal(outcome.end, TS_COMMAND_END_DEAD_LETTER);
    assert_string_equal(outcome.reason, "identity_conflict");
    assert_string_equal(outcome.message, "why");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pending_until_the_group_is_past_it, fresh, over),
        cmocka_unit_test_setup_teardown(test_applied_with_and_without_a_movement, fresh, over),
        cmocka_unit_test_setup_teardown(test_duplicate, fresh, over),
        cmocka_unit_test_setup_teardown(test_dead_letter, fresh, over),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
