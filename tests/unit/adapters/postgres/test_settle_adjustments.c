/* SPDX-License-Identifier: Apache-2.0 */
/* Adjustments of settled calls, against a real server: rows of the ledger that follow the call's
 * row, one after each, and units of allowances that are given back. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/audit_store.h"

static struct fixture fixture;
static struct trial calls;
static struct trial trial;
static struct ts_record_command commands[TRIAL_RECORDS_MAX];
static int64_t adjustments_epoch;

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

/* Three calls are settled: of 1000, 2000 and 3000 micro-units, one of each account. */
static int fill(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_claim claim;
    fixture_fill(&fixture);
    SQL("INSERT INTO ledger_entry (account_no, movement, kind, amount_micros,"
        " balance_after_micros, created_at) SELECT account_no, 1, 'opening', balance_micros,"
        " balance_micros, now() FROM account");
    assert_true(CALL(claim, ((struct ts_lane){TS_INPUT_ADJUSTMENTS, 0}), 0, 5, &claim, &err));
    adjustments_epoch = claim.epoch;
    trial_init(&fixture, &calls, 1, 3);
    assert_int_equal(trial_run(fixture.settle, &calls, &err), TS_SETTLE_DONE);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    trial_finish(&trial);
    trial_finish(&calls);
    fixture_empty(&fixture);
    return 0;
}

static void begin(void)
{
    trial_finish(&trial);
    trial_init(&fixture, &trial, 1, 0);
    int64_t next = SQL("SELECT next_offset FROM stream_partition WHERE topic = 'adjustments'");
    trial.lanes[0].lane.input = TS_INPUT_ADJUSTMENTS;
    trial.lanes[0].epoch = adjustments_epoch;
    trial.lanes[0].start = trial.lanes[0].end = next;
}

/* Of the account's call. */
static struct ts_adjustment *
adjust(const char *id, size_t owner, int32_t generation, int64_t follows, int64_t amount_micros)
{
    size_t n = trial.settlement.record_count;
    struct ts_record_command *command = &commands[n];
    trial_add(&fixture, &trial, (int)n);
    trial.owners[n] = owner;
    *command = (struct ts_record_command){
        .command = {.type = TS_COMMAND_ADJUSTMENT,
                    .command_id = ts_bytes_of(id),
                    .account_id = ts_account_profile_id(&fixture.profiles[owner]),
                    .issued_by = TS_LITERAL("ada"),
                    .note = TS_LITERAL("a wrong deck")},
        .effect = {.delta_micros = amount_micros}};
    command->command.body.adjustment =
        (struct ts_adjustment){.generation = generation,
                               .identity_hash = calls.records[owner].identity_hash,
                               .start_ms = calls.records[owner].cdr.start_ms,
                               .follows = follows,
                               .amount_micros = amount_micros,
                               .charge_micros = 1000 * ((int64_t)owner + 1) - amount_micros,
                               .deck_version = 9,
                               .category = TS_LITERAL("international_outbound"),
                               .prefix = TS_LITERAL("44")};
    struct ts_record *record = &trial.records[n];
    record->lane.input = TS_INPUT_ADJUSTMENTS;
    record->command = command;
    record->cdr = (struct ts_cdr){.account_id = command->command.account_id};
    record->rating = (struct ts_rating){0};
    record->fingerprint = ts_command_fingerprint(&command->command);
    return &command->command.body.adjustment;
}

static void run_to(enum ts_settle_status expected)
{
    struct ts_error err = {0};
    trial_sum(&fixture, &trial);
    enum ts_settle_status status = trial_run(fixture.settle, &trial, &err);
    if (status != expected) {
        fail_msg("status %d instead of %d: %s", status, expected, err.text);
    }
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
    assert_true(ts_audit_run(fixture.server.url, &visitor, &totals, &err));
    return found;
}

static void an_adjustment_is_a_row_that_follows_the_call(void **state)
{
    (void)state;
    begin();
    adjust("g/1", 0, 1, 2, 400);
    adjust("g/2", 1, 1, 2, -500);
    adjust("g/3", 2, 1, 2, 0); /* only its rating changed */
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT balance_micros FROM account WHERE account_no = 1"),
                     FIXTURE_BALANCE - 1000 + 400);
    assert_int_equal(SQL("SELECT sum(movements) FROM account"), 3 * 3 + FIXTURE_ACCOUNTS - 3);
    assert_int_equal(SQL("SELECT count(*) FROM adjustment WHERE account_no = 2 AND movement = 3"
                         " AND follows = 2 AND generation = 1 AND amount_micros = -500"
                         " AND charge_micros = 2500 AND deck_version = 9 AND prefix = '44'"
                         " AND unit_names IS NULL AND unit_counts IS NULL AND \"offset\" = 1"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM ledger WHERE account_id = 'office-2'"
                         " AND kind = 'adjustment' AND amount = -0.0005 AND ref_id = 'g/2'"
                         " AND issued_by = 'ada' AND note = 'a wrong deck'"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM adjustment_detail WHERE account_id = 'office-2'"
                         " AND amount = -0.0005 AND source = 'switch-1' AND cdr_id = 'call-2'"
                         " AND leg = 0"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM adjustment_detail"), 3);
    assert_int_equal(SQL("SELECT count(*) FROM command_id WHERE space = 0"), 3);
    assert_int_equal(findings(), 0);
    SQL("UPDATE adjustment SET amount_micros = 401 WHERE account_no = 1");
    assert_int_equal(findings(), 1);
}

static void ask(int64_t follows, const struct ts_record *call, bool there, bool followed)
{
    struct ts_error err = {0};
    struct ts_command command = {.type = TS_COMMAND_ADJUSTMENT, .command_id = TS_LITERAL("new")};
    command.body.adjustment = (struct ts_adjustment){
        .follows = follows, .start_ms = call->cdr.start_ms, .identity_hash = call->identity_hash};
    struct ts_command_request request = {.command = &command, .account_no = 1};
    assert_true(CALL(commands, &request, 1, &err));
    assert_int_equal(request.base_there, there);
    assert_int_equal(request.base_followed, followed);
}

static void only_one_follows_a_row(void **state)
{
    (void)state;
    ask(2, &calls.records[0], true, false);
    ask(1, &calls.records[0], false, false); /* the opening */
    ask(2, &calls.records[1], false, false); /* another account's call */
    begin();
    adjust("g/1", 0, 1, 2, 400);
    run_to(TS_SETTLE_DONE);
    ask(2, &calls.records[0], true, true);
    ask(3, &calls.records[0], true, false);
    begin();
    adjust("h/1", 0, 2, 2, 300);
    run_to(TS_SETTLE_CONFLICT);
    begin();
    adjust("h/1", 0, 2, 3, -100);
    run_to(TS_SETTLE_DONE);
    begin();
    adjust("h/1", 0, 2, 4, -100); /* the same again */
    run_to(TS_SETTLE_CONFLICT);
    assert_int_equal(SQL("SELECT sum(amount_micros) FROM adjustment"), 300);
    assert_int_equal(SQL("SELECT balance_micros FROM account WHERE account_no = 1"),
                     FIXTURE_BALANCE - 1000 + 300);
    assert_int_equal(findings(), 0);
}

static void units_go_both_ways(void **state)
{
    (void)state;
    static const struct ts_adjustment_units units[] = {{TS_LITERAL("free \"minutes\""), 40},
                                                       {TS_LITERAL("more"), -7}};
    static const struct ts_allowance allowances[] = {
        {.units = 100, .name = "free \"minutes\"", .name_size = 14},
        {.units = 100, .name = "more", .name_size = 4}};
    begin();
    struct ts_adjustment *adjustment = adjust("g/1", 0, 1, 2, 1000);
    adjustment->month = 202601;
    adjustment->units = units;
    adjustment->unit_count = 2;
    struct ts_settle_counter counters[] = {
        {.account = 0, .month = 202601, .allowance = &allowances[0], .units = 40},
        {.account = 0, .month = 202601, .allowance = &allowances[1], .units = -7}};
    trial.settlement.counters = counters;
    trial.settlement.counter_count = 2;
    run_to(TS_SETTLE_DONE);
    assert_int_equal(counters[0].used, 40);
    assert_int_equal(counters[1].used, -7);
    assert_int_equal(SQL("SELECT count(*) FROM adjustment WHERE month = 202601"
                         " AND unit_names = ARRAY['free \"minutes\"', 'more']"
                         " AND unit_counts = ARRAY[40, -7]::bigint[]"),
                     1);
    assert_int_equal(findings(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)
    const struct CMUnitTest tests[] = {
        TEST(an_adjustment_is_a_row_that_follows_the_call),
        TEST(only_one_follows_a_row),
        TEST(units_go_both_ways),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
