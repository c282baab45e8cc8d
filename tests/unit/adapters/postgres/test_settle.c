/* SPDX-License-Identifier: Apache-2.0 */
/* Every end of a settle, against a real server: what is committed, and that nothing is otherwise.
 */
#include "tests/unit/adapters/postgres/fixture.h"

static struct fixture fixture;
static struct trial trial;

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

#define SQL(...) fixture_sql(&fixture, __VA_ARGS__)

static void run_to(enum ts_settle_status expected)
{
    struct ts_error err = {0};
    enum ts_settle_status status = trial_run(fixture.settle, &trial, &err);
    if (status != expected) {
        fail_msg("status %d instead of %d: %s", status, expected, err.text);
    }
}

/* Nothing but the fixture's own rows is there. */
static void assert_untouched(void)
{
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 0);
    assert_int_equal(SQL("SELECT sum(balance_micros) FROM account"),
                     FIXTURE_ACCOUNTS * FIXTURE_BALANCE);
    assert_int_equal(SQL("SELECT sum(movements) FROM account"), FIXTURE_ACCOUNTS);
    assert_int_equal(SQL("SELECT next_offset FROM stream_partition"), 100);
    assert_int_equal(SQL("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in %%'"), 0);
}

/* Per account and over all: what design.md calls I1 and the counters of I2. */
static void assert_books(void)
{
    assert_int_equal(SQL("SELECT count(*) FROM account a WHERE balance_micros <> %d -"
                         " coalesce((SELECT sum(charge_micros) FROM usage u"
                         " WHERE u.account_no = a.account_no), 0)",
                         FIXTURE_BALANCE),
                     0);
    assert_int_equal(SQL("SELECT count(*) FROM stream_partition WHERE next_offset - first_offset"
                         " <> settled + duplicates + dead_letters + holes"),
                     0);
    assert_int_equal(SQL("SELECT settled FROM stream_partition"),
                     SQL("SELECT count(*) FROM usage"));
    assert_int_equal(SQL("SELECT count(*) FROM (SELECT movement, balance_after_micros,"
                         " lag(movement, 1, 1::bigint) OVER w AS m,"
                         " lag(balance_after_micros, 1, %d::bigint) OVER w AS b, charge_micros"
                         " FROM usage WINDOW w AS (PARTITION BY account_no ORDER BY movement)) x"
                         " WHERE movement <> m + 1 OR balance_after_micros <> b - charge_micros",
                         FIXTURE_BALANCE),
                     0);
}

static void rows_and_balances_are_written(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 20);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 20);
    assert_int_equal(SQL("SELECT count(DISTINCT tableoid) FROM usage"), FIXTURE_LEAVES);
    assert_int_equal(SQL("SELECT next_offset FROM stream_partition"), 120);
    assert_int_equal(SQL("SELECT tail_hash FROM stream_partition"), 42);
    assert_books();
    trial_finish(&trial);
    trial_init(&fixture, &trial, 21, 20);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 40);
    assert_books();
}

/* Two records of two accounts that draw units, and one counter that was used before. */
static void units_are_counted(void **state)
{
    (void)state;
    static struct ts_allowance allowances[] = {
        {.units = 100, .name_size = 4, .name = "intl"},
        {.units = 50, .name_size = 5, .name = "wide%"},
    };
    static struct {
        struct ts_included included;
        struct ts_draw draws[3];
    } drawn[2];
    trial_init(&fixture, &trial, 1, 10);
    SQL("INSERT INTO allowance_used VALUES (2, 202601, 'intl', 40)");
    drawn[0].included = (struct ts_included){.month = 202601, .count = 2};
    drawn[0].included.draws[0] = (struct ts_draw){.allowance = &allowances[0], .units = 60};
    drawn[0].included.draws[1] = (struct ts_draw){.allowance = &allowances[1], .units = 7};
    drawn[1].included = (struct ts_included){.month = 202601, .count = 1};
    drawn[1].included.draws[0] = (struct ts_draw){.allowance = &allowances[0]};
    trial.records[1].included = &drawn[0].included;
    trial.records[2].included = &drawn[1].included;
    struct ts_settle_counter counters[] = {
        {.account = 1, .month = 202601, .allowance = &allowances[0], .units = 60},
        {.account = 1, .month = 202601, .allowance = &allowances[1], .units = 7},
        {.account = 2, .month = 202512, .allowance = &allowances[0], .units = 1},
    };
    trial.settlement.counters = counters;
    trial.settlement.counter_count = 3;
    run_to(TS_SETTLE_DONE);
    assert_int_equal(counters[0].used, 100);
    assert_int_equal(counters[1].used, 7);
    assert_int_equal(counters[2].used, 1);
    assert_int_equal(SQL("SELECT used FROM allowance_used WHERE account_no = 2 AND name = 'intl'"),
                     100);
    assert_int_equal(SQL("SELECT count(*) FROM allowance_used"), 3);
    assert_int_equal(SQL("SELECT count(*) FROM usage WHERE allowance_names = '{intl,wide%%}'"
                         " AND allowance_units = '{60,7}' AND account_no = 2"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM usage WHERE allowance_names IS NULL"
                         " AND allowance_units IS NULL"),
                     9);
    assert_int_equal(SQL("SELECT sum(allowance_units) FROM usage_detail"), 67);
    assert_books();
}

static void every_column_arrives(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 1);
    struct ts_record *record = &trial.records[0];
    record->cdr.leg = 2;
    record->cdr.pages = 3;
    record->cdr.has_hangup_cause = true;
    record->cdr.hangup_cause = 16;
    record->cdr.license = TS_LICENSE_SELL;
    record->cdr.service = TS_SERVICE_FAX;
    record->cdr.direction = TS_DIRECTION_INBOUND;
    record->cdr.disposition = TS_DISPOSITION_FAILED;
    record->cdr.origin_country = TS_LITERAL("GB");
    record->cdr.call_id = TS_LITERAL("the call");
    record->cdr.user_id = TS_LITERAL("u-1");
    record->cdr.department = TS_LITERAL("Ünïts");
    record->rating.unit = TS_UNIT_PAGE;
    record->rating.connect_fee_e8 = 5;
    run_to(TS_SETTLE_DONE);
    assert_int_equal(
        SQL("SELECT count(*) FROM usage_detail WHERE account_id = 'office-1'"
            " AND start_time = '2026-01-06 00:00:01Z' AND local_time = '2026-01-05 19:00:01'"
            " AND answer_time = '2026-01-06 00:00:01.5Z' AND end_time = '2026-01-06 00:01:02Z'"
            " AND license = 'SELL' AND service = 'FAX' AND direction = 'INBOUND'"
            " AND disposition = 'FAILED' AND category = 'international_outbound'"
            " AND unit = 'page' AND leg = 2 AND pages = 3 AND hangup_cause = 16"
            " AND duration_ms = 60500 AND billed = 120 AND call_id = 'the call'"
            " AND user_id = 'u-1' AND user_name = 'Ada' AND department = 'Ünïts'"
            " AND own_number = '+442071234567' AND other_number = '+14155550100'"
            " AND country = 'GB' AND destination = 'United Kingdom - London'"
            " AND prefix = '44207' AND rate = 0.0073 AND connect_fee = 0.00000005"
            " AND cost = 0.001 AND balance_after = 9.999 AND currency = 'USD'"
            " AND source = 'switch-1' AND cdr_id = 'call-1' AND deck_version = 3"
            " AND generation = 0 AND movement = 2 AND topic = 'cdrs' AND partition = 0"
            " AND \"offset\" = 100 AND month = '2026-01' AND settled_at = '2026-01-08Z'"),
        1);
    assert_int_equal(SQL("SELECT count(*) FROM usage WHERE origin_country = 'GB'"
                         " AND fingerprint = 7 AND attributes = '\\x020261026200'::bytea"),
                     1);
}

static void the_code_names_are_those_of_the_program(void **state)
{
    (void)state;
#define CHECK_NAMES(kind, count, name_of)                                                          \
    for (int i = 0; i < (count); i++) {                                                            \
        assert_int_equal(                                                                          \
            SQL("SELECT (usage_" kind "_name(%d::smallint) = '%s')::int", i, name_of), 1);         \
    }                                                                                              \
    assert_int_equal(SQL("SELECT (usage_" kind "_name(%d::smallint) IS NULL)::int", count), 1)
    CHECK_NAMES("license", TS_LICENSE_COUNT, ts_license_name((enum ts_license)i));
    CHECK_NAMES("service", TS_SERVICE_COUNT, ts_service_name((enum ts_service)i));
    CHECK_NAMES("direction", TS_DIRECTION_COUNT, ts_direction_name((enum ts_direction)i));
    CHECK_NAMES("disposition", TS_DISPOSITION_COUNT, ts_disposition_name((enum ts_disposition)i));
    CHECK_NAMES("category", TS_CATEGORY_COUNT, ts_category_name((enum ts_category)i));
    CHECK_NAMES("unit", 2, ts_unit_name((enum ts_unit)i));
#undef CHECK_NAMES
}

static void only_refusals_settle_too(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 3);
    trial.records[0].outcome = TS_OUTCOME_DUPLICATE;
    trial.records[1].outcome = TS_OUTCOME_DEAD_LETTER;
    trial.records[1].reason = TS_REASON_NO_RATE;
    trial.records[1].message = (struct ts_bytes){"bad \xff\xc3 and \0 byte", 17};
    trial.records[2].outcome = TS_OUTCOME_DEAD_LETTER;
    trial.records[2].reason = TS_REASON_DECODE_ERROR;
    trial.records[2].decoded = false;
    trial.records[2].key = (struct ts_bytes){NULL, 0};
    trial.records[2].timestamp_ms = INT64_MAX;
    trial_sum(&fixture, &trial);
    trial.settlement.account_count = 0;
    trial.settlement.bucket_count = 0;
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM duplicate WHERE \"offset\" = 100"), 1);
    assert_int_equal(SQL("SELECT count(*) FROM dead_letter WHERE \"offset\" = 101 AND reason ="
                         " 'no_rate' AND message = 'bad ?? and ? byte' AND account_id = 'office-2'"
                         " AND octet_length(value) = 10 AND status = 'open'"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM dead_letter WHERE \"offset\" = 102 AND key IS NULL"
                         " AND record_time IS NULL AND account_id IS NULL AND message = ''"),
                     1);
    assert_books();
}

static void a_lane_of_another_epoch_is_refused(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 5);
    SQL("UPDATE stream_partition SET epoch = epoch + 1");
    run_to(TS_SETTLE_REFUSED);
    assert_true(trial.lanes[0].refused);
    assert_untouched();
}

static void a_lane_at_another_offset_is_refused(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 5);
    trial.lanes[0].start = 99;
    run_to(TS_SETTLE_REFUSED);
    assert_true(trial.lanes[0].refused);
    assert_untouched();
}

static void of_two_lanes_the_refused_one_is_named(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_claim claim;
    struct ts_lane second = {TS_INPUT_CDRS, 1};
    assert_true(fixture.ledger.ops->claim(fixture.ledger.self, second, 7, 5, &claim, &err));
    trial_init(&fixture, &trial, 1, 5);
    trial.lanes[1] = trial.lanes[0];
    trial.lanes[0] = (struct ts_settle_lane){
        .lane = second, .epoch = claim.epoch - 1, .start = 7, .end = 8, .holes = 1};
    trial.settlement.lane_count = 2;
    run_to(TS_SETTLE_REFUSED);
    assert_true(trial.lanes[0].refused);
    assert_false(trial.lanes[1].refused);
    trial.lanes[0].epoch = claim.epoch;
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT next_offset FROM stream_partition WHERE partition = 1"), 8);
    assert_int_equal(SQL("SELECT next_offset FROM stream_partition WHERE partition = 0"), 105);
}

static void a_raised_bucket_is_stale(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 5);
    SQL("UPDATE redis_bucket SET generation = 1 WHERE bucket = 0");
    run_to(TS_SETTLE_STALE);
    assert_untouched();
    trial.buckets[0].generation = 1;
    run_to(TS_SETTLE_DONE);
}

static void a_settled_identity_is_a_conflict(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 5);
    run_to(TS_SETTLE_DONE);
    trial_finish(&trial);
    trial_init(&fixture, &trial, 5, 5);
    run_to(TS_SETTLE_CONFLICT);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 5);
    assert_books();
    trial.records[0].outcome = TS_OUTCOME_DUPLICATE;
    trial_sum(&fixture, &trial);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 9);
    assert_books();
}

/* Makes the records settle without those that were refused, as the pipeline does. */
static void settle_the_others(void)
{
    trial_sum(&fixture, &trial);
    run_to(TS_SETTLE_DONE);
    assert_books();
}

static void refused_rows_are_found_and_the_others_settle(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 30);
    trial.records[3].cdr.user_name = (struct ts_bytes){"A\0da", 4};
    trial.records[17].cdr.from_number = (struct ts_bytes){"\xc3\x28", 2};
    run_to(TS_SETTLE_BAD_ROWS);
    int refused = 0;
    for (int attempt = 0; attempt < 3 && refused < 2; attempt++) {
        refused = 0;
        for (size_t i = 0; i < 30; i++) {
            refused += trial.records[i].outcome == TS_OUTCOME_DEAD_LETTER;
        }
        if (refused < 2) { /* in another leaf: found by the next attempt */
            trial_sum(&fixture, &trial);
            run_to(TS_SETTLE_BAD_ROWS);
        }
    }
    assert_int_equal(refused, 2);
    assert_int_equal(trial.records[3].reason, TS_REASON_ROW_REFUSED);
    assert_int_equal(trial.records[17].reason, TS_REASON_ROW_REFUSED);
    assert_untouched();
    settle_the_others();
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 28);
    assert_int_equal(SQL("SELECT count(*) FROM dead_letter WHERE reason = 'row_refused'"), 2);
}

static void a_violated_constraint_is_a_refused_row(void **state)
{
    (void)state;
    SQL("ALTER TABLE usage ADD CONSTRAINT no_call_4 CHECK (cdr_id <> 'call-4')");
    trial_init(&fixture, &trial, 1, 10);
    run_to(TS_SETTLE_BAD_ROWS);
    assert_int_equal(trial.records[3].outcome, TS_OUTCOME_DEAD_LETTER);
    assert_untouched();
    settle_the_others();
}

/* The server tells the row's values in its error; none of them is taken for the error's code. */
static void a_refused_row_may_hold_any_text(void **state)
{
    (void)state;
    SQL("ALTER TABLE usage ADD CONSTRAINT no_call_4 CHECK (cdr_id <> 'call-4')");
    trial_init(&fixture, &trial, 1, 10);
    trial.records[3].cdr.source = TS_LITERAL("23505");
    run_to(TS_SETTLE_BAD_ROWS);
    assert_int_equal(trial.records[3].outcome, TS_OUTCOME_DEAD_LETTER);
    assert_untouched();
    settle_the_others();
}

static void an_overflowing_account_loses_its_charges_only(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 10);
    SQL("UPDATE account SET balance_micros = -8999999999999500 WHERE account_id = 'office-2'");
    run_to(TS_SETTLE_BAD_ROWS);
    for (size_t i = 0; i < 10; i++) {
        bool of_office_2 = i % FIXTURE_ACCOUNTS == 1;
        assert_int_equal(trial.records[i].outcome == TS_OUTCOME_DEAD_LETTER, of_office_2);
        assert_int_equal(trial.records[i].reason,
                         of_office_2 ? TS_REASON_CHARGE_OVERFLOW : TS_REASON_NONE);
    }
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 0);
    trial_sum(&fixture, &trial);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 8);
}

static void a_call_before_the_oldest_leaf_is_too_old(void **state)
{
    (void)state;
    trial_init(&fixture, &trial, 1, 5);
    trial.records[2].cdr.start_ms = MONDAY_MS - 1;
    run_to(TS_SETTLE_BAD_ROWS);
    assert_int_equal(trial.records[2].reason, TS_REASON_TOO_OLD);
    assert_untouched();
    settle_the_others();
}

static void a_leaf_made_meanwhile_is_found(void **state)
{
    (void)state;
    struct ts_error err = {0};
    trial_init(&fixture, &trial, 1, 2);
    trial.records[0].cdr.start_ms = MONDAY_MS + FIXTURE_LEAVES * DAY_MS;
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_FAILED);
    assert_int_equal(err.class, TS_ERROR_RETRY);
    SQL("CREATE TABLE usage_next PARTITION OF usage FOR VALUES FROM ('2026-01-12') TO"
        " ('2026-01-13')");
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM usage_next"), 1);
}

static void a_detached_leaf_takes_no_rows(void **state)
{
    (void)state;
    struct ts_error err = {0};
    trial_init(&fixture, &trial, 1, 1);
    SQL("ALTER TABLE usage DETACH PARTITION usage_day1");
    assert_int_equal(trial_run(fixture.settle, &trial, &err), TS_SETTLE_FAILED);
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_int_equal(SQL("SELECT count(*) FROM usage_day1"), 0);
    SQL("DROP TABLE usage_day1");
    SQL("CREATE TABLE another_name PARTITION OF usage FOR VALUES FROM ('2026-01-06') TO"
        " ('2026-01-07')");
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM another_name"), 1);
}

/* --- states and outbox */

static struct ts_outbox_row outbox_row(int64_t offset, int64_t sequence, int64_t account_no)
{
    return (struct ts_outbox_row){.lane = {TS_INPUT_CDRS, 0},
                                  .offset = offset,
                                  .output = 0,
                                  .account_no = account_no,
                                  .sequence = sequence,
                                  .key = TS_LITERAL("office-1"),
                                  .payload = TS_LITERAL("event\0!")};
}

/* Settles one record of office-1 with one event, number `sequence`. */
static void settle_event(int serial, int64_t sequence)
{
    struct ts_error err = {0};
    trial_init(&fixture, &trial, serial, 1);
    trial.settlement.account_count = 1;
    assert_true(fixture.settle.ops->start(fixture.settle.self, &trial.settlement, &err));
    assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_LOCKED);
    trial_number(&trial);
    trial.settlement.state_count = 1;
    trial.states[0].account = 0;
    assert_true(fixture.settle.ops->states(fixture.settle.self, &err));
    assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_STATES);
    struct ts_account_state *account = &trial.states[0].state;
    assert_int_equal(account->sequence, sequence - 1);
    account->balance_micros -= trial.records[0].rating.charge_micros;
    account->sequence = sequence;
    account->armed = 3;
    account->exhausted = true;
    account->watch_low = 11;
    account->watch_high = 12;
    account->recharge.failures = 2;
    account->recharge.next_try_ms = NOW_MS + 1;
    snprintf(account->recharge.in_flight_id, TS_RECHARGE_ID_MAX, "recharge-%d", serial);
    struct ts_outbox_row row = outbox_row(trial.records[0].offset, sequence, account->account_no);
    trial.settlement.outbox = &row;
    trial.settlement.outbox_count = 1;
    assert_true(fixture.settle.ops->write(fixture.settle.self, &err));
    assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_DONE);
}

static void states_are_read_and_written_whole(void **state)
{
    (void)state;
    SQL("UPDATE account SET recharge_on = true, recharge_mode = 2, recharge_threshold = 5,"
        " recharge_amount = 6, recharge_count_per_day_max = 7, recharge_amount_per_month_max = 8,"
        " recharge_requests = 9, recharge_day = 20260107, hysteresis = 10,"
        " monthly_credit_cap = 13, subscription = 2, payment_method = 1, card_state = 3"
        " WHERE account_no = 1");
    settle_event(1, 1);
    const struct ts_account_state *read = &trial.states[0].state;
    assert_true(read->recharge.on);
    assert_int_equal(read->recharge.mode, TS_RECHARGE_SHORTFALL_PLUS);
    assert_int_equal(read->recharge.threshold_micros, 5);
    assert_int_equal(read->recharge.amount_micros, 6);
    assert_int_equal(read->recharge.count_per_day_max, 7);
    assert_int_equal(read->recharge.amount_per_month_micros_max, 8);
    assert_int_equal(read->recharge.requests, 9);
    assert_int_equal(read->recharge.day, 20260107);
    assert_int_equal(read->hysteresis_micros, 10);
    assert_int_equal(read->monthly_credit_cap_micros, 13);
    assert_int_equal(read->subscription, TS_SUBSCRIPTION_PRO);
    assert_int_equal(read->payment_method, TS_PAYMENT_INVOICE);
    assert_int_equal(read->card_state, TS_CARD_LOCKED);
    assert_int_equal(read->threshold_count, 2);
    assert_int_equal(read->thresholds_micros[1], 5000000);
    assert_string_equal(read->currency, "USD");
    /* 2026-01-08 00:00 UTC is the evening before in New York. */
    assert_int_equal(trial.states[0].time.day, 20260107);
    assert_int_equal(trial.states[0].time.month, 202601);
    assert_int_equal(SQL("SELECT count(*) FROM account WHERE account_no = 1 AND sequence = 1"
                         " AND armed = 3 AND exhausted AND watch_low = 11 AND watch_high = 12"
                         " AND recharge_failures = 2 AND recharge_in_flight_id = 'recharge-1'"
                         " AND recharge_next_try = '2026-01-08 00:00:00.001Z'"
                         " AND recharge_expires_at IS NULL AND recharge_requests = 9"
                         " AND recharge_on AND card_state = 3"),
                     1);
}

static void older_rows_of_the_account_come_back(void **state)
{
    (void)state;
    settle_event(1, 1);
    assert_int_equal(trial.settlement.older.count, 0);
    trial_finish(&trial);
    SQL("UPDATE outbox SET partition = 5"); /* as if another lane's owner had written it */
    settle_event(2, 2);
    const struct ts_outbox_page *older = &trial.settlement.older;
    assert_int_equal(older->count, 1);
    assert_false(older->more);
    assert_int_equal(older->rows[0].lane.partition, 5);
    assert_int_equal(older->rows[0].sequence, 1);
    assert_int_equal(older->rows[0].account_no, 1);
    assert_true(ts_bytes_equal(older->rows[0].payload, TS_LITERAL("event\0!")));
    assert_int_equal(SQL("SELECT count(*) FROM outbox"), 2);
}

static void an_abandoned_settle_leaves_nothing(void **state)
{
    (void)state;
    struct ts_error err = {0};
    trial_init(&fixture, &trial, 1, 5);
    assert_true(fixture.settle.ops->start(fixture.settle.self, &trial.settlement, &err));
    assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_LOCKED);
    fixture.settle.ops->abandon(fixture.settle.self);
    assert_untouched();
    assert_true(fixture.settle.ops->start(fixture.settle.self, &trial.settlement, &err));
    fixture.settle.ops->abandon(fixture.settle.self); /* before it is LOCKED */
    assert_untouched();
    run_to(TS_SETTLE_DONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)
    const struct CMUnitTest tests[] = {
        TEST(rows_and_balances_are_written),
        TEST(units_are_counted),
        TEST(every_column_arrives),
        TEST(the_code_names_are_those_of_the_program),
        TEST(only_refusals_settle_too),
        TEST(a_lane_of_another_epoch_is_refused),
        TEST(a_lane_at_another_offset_is_refused),
        TEST(of_two_lanes_the_refused_one_is_named),
        TEST(a_raised_bucket_is_stale),
        TEST(a_settled_identity_is_a_conflict),
        TEST(refused_rows_are_found_and_the_others_settle),
        TEST(a_violated_constraint_is_a_refused_row),
        TEST(a_refused_row_may_hold_any_text),
        TEST(an_overflowing_account_loses_its_charges_only),
        TEST(a_call_before_the_oldest_leaf_is_too_old),
        TEST(a_leaf_made_meanwhile_is_found),
        TEST(a_detached_leaf_takes_no_rows),
        TEST(states_are_read_and_written_whole),
        TEST(older_rows_of_the_account_come_back),
        TEST(an_abandoned_settle_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
