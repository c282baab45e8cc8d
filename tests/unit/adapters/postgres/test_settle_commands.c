/* SPDX-License-Identifier: Apache-2.0 */
/* What a settle writes of commands, against a real server: ids that are used up for ever, ledger
 * rows of credits, invoice lines, changed settings; and that a refusal leaves nothing. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/audit_store.h"
#include "core/command.h"

#include <pthread.h>

static struct fixture fixture;
static struct trial trial;
static struct ts_record_command commands[TRIAL_RECORDS_MAX];
static int64_t credits_epoch;

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
    struct ts_error err = {0};
    struct ts_claim claim;
    fixture_fill(&fixture);
    SQL("INSERT INTO ledger_entry (account_no, movement, kind, amount_micros,"
        " balance_after_micros, created_at) SELECT account_no, 1, 'opening', balance_micros,"
        " balance_micros, now() FROM account");
    assert_true(CALL(claim, ((struct ts_lane){TS_INPUT_CREDITS, 0}), 7, 5, &claim, &err));
    credits_epoch = claim.epoch;
    return 0;
}

static int empty(void **state)
{
    (void)state;
    trial_finish(&trial);
    fixture_empty(&fixture);
    return 0;
}

/* --- a settlement of the credits lane */

static void begin(void)
{
    trial_finish(&trial);
    trial_init(&fixture, &trial, 1, 0);
    int64_t next = SQL("SELECT next_offset FROM stream_partition WHERE topic = 'credits'");
    trial.lanes[0].lane.input = TS_INPUT_CREDITS;
    trial.lanes[0].epoch = credits_epoch;
    trial.lanes[0].start = trial.lanes[0].end = next;
}

static struct ts_command *add(enum ts_command_type type, const char *command_id, size_t owner)
{
    size_t n = trial.settlement.record_count;
    struct ts_record_command *command = &commands[n];
    trial_add(&fixture, &trial, (int)n);
    trial.owners[n] = owner;
    *command = (struct ts_record_command){
        .command = {.type = type,
                    .command_id = ts_bytes_of(command_id),
                    .account_id = ts_account_profile_id(&fixture.profiles[owner])}};
    struct ts_record *record = &trial.records[n];
    record->lane.input = TS_INPUT_CREDITS;
    record->command = command;
    record->cdr = (struct ts_cdr){.account_id = command->command.account_id};
    record->rating = (struct ts_rating){0};
    record->identity_hash = ts_command_identity_hash(&command->command);
    return &command->command;
}

static struct ts_command_effect *
credit(const char *command_id, size_t owner, const char *credit_id, int64_t amount_micros)
{
    struct ts_command *command = add(TS_COMMAND_CREDIT_ADDED, command_id, owner);
    command->body.credit = (struct ts_command_credit){.credit_id = ts_bytes_of(credit_id),
                                                      .amount_micros = amount_micros,
                                                      .kind = TS_CREDIT_PURCHASE};
    struct ts_command_effect *effect = &commands[trial.settlement.record_count - 1].effect;
    effect->delta_micros = amount_micros;
    return effect;
}

static struct ts_command *last(void)
{
    return &commands[trial.settlement.record_count - 1].command;
}

static void sum(void)
{
    for (size_t i = 0; i < trial.settlement.record_count; i++) {
        trial.records[i].fingerprint = ts_command_fingerprint(&commands[i].command);
    }
    trial_sum(&fixture, &trial);
}

static void run_to(enum ts_settle_status expected)
{
    struct ts_error err = {0};
    sum();
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

static void assert_clean(void)
{
    struct ts_error err = {0};
    struct ts_audit_totals totals;
    int found = 0;
    struct ts_audit_visitor visitor = {find, &found};
    assert_true(ts_audit_run(fixture.server.url, &visitor, &totals, &err));
    assert_int_equal(found, 0);
}

static void credits_are_rows_of_the_ledger(void **state)
{
    (void)state;
    begin();
    credit("c-1", 0, "credit-1", 5000000);
    last()->body.credit.recharge_id = TS_LITERAL("recharge-1");
    last()->body.credit.kind = TS_CREDIT_RECHARGE;
    credit("c-2", 0, "credit-2", -250000);
    last()->body.credit.kind = TS_CREDIT_ADJUSTMENT;
    last()->issued_by = TS_LITERAL("ada");
    last()->note = TS_LITERAL("a \"mistake\"");
    credit("c-3", 1, "credit-3", 0); /* refused */
    add(TS_COMMAND_CARD_REPLACED, "c-4", 2);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT balance_micros FROM account WHERE account_no = 1"),
                     FIXTURE_BALANCE + 4750000);
    assert_int_equal(SQL("SELECT sum(movements) FROM account"), FIXTURE_ACCOUNTS + 2);
    assert_int_equal(SQL("SELECT count(*) FROM ledger_entry WHERE topic IS NOT NULL"), 2);
    assert_int_equal(SQL("SELECT count(*) FROM ledger WHERE account_id = 'office-1' AND kind ="
                         " 'recharge' AND movement = 2 AND amount = 5 AND balance_after = 15"
                         " AND ref_id = 'credit-1' AND issued_by IS NULL AND note IS NULL"
                         " AND applied_at = '2026-01-08Z'"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM ledger WHERE account_id = 'office-1' AND kind ="
                         " 'adjustment' AND movement = 3 AND amount = -0.25"
                         " AND balance_after = 14.75 AND issued_by = 'ada'"
                         " AND note = 'a \"mistake\"'"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM command_id WHERE space = 0"), 4);
    assert_int_equal(SQL("SELECT count(*) FROM command_id WHERE space = 1"), 2);
    assert_int_equal(SQL("SELECT count(*) FROM command_id WHERE space = 2 AND account_no = 1"
                         " AND command_id = 'recharge-1' AND topic = 'credits'"
                         " AND \"offset\" = 7 AND applied_at = '2026-01-08Z'"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM usage"), 0);
    assert_int_equal(SQL("SELECT (credits_added * 1000000 - adjustments * 1000)::bigint"
                         " FROM usage_summary WHERE account_id = 'office-1'"
                         " AND month = '2026-01'"),
                     5000000 + 250);
    assert_clean();
}

/* In any of the three spaces: nothing is written, and the lookup tells which. */
static void a_used_id_is_a_conflict(void **state)
{
    (void)state;
    struct ts_error err = {0};
    begin();
    credit("c-1", 0, "credit-1", 5000000);
    last()->body.credit.recharge_id = TS_LITERAL("recharge-1");
    run_to(TS_SETTLE_DONE);
    static const struct {
        const char *command_id;
        const char *credit_id;
        const char *recharge_id;
        enum ts_identity_status command;
        enum ts_identity_status credit;
        bool recharge;
    } cases[] = {
        {"c-1", "credit-1", "recharge-1", TS_IDENTITY_SAME, TS_IDENTITY_SAME, true},
        {"c-1", "credit-2", NULL, TS_IDENTITY_CONFLICT, TS_IDENTITY_ABSENT, false},
        {"c-2", "credit-1", "recharge-1", TS_IDENTITY_ABSENT, TS_IDENTITY_SAME, true},
        {"c-2", "credit-1", NULL, TS_IDENTITY_ABSENT, TS_IDENTITY_CONFLICT, false},
        {"c-2", "credit-2", "recharge-1", TS_IDENTITY_ABSENT, TS_IDENTITY_ABSENT, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        credit(cases[i].command_id, 0, cases[i].credit_id, 5000000);
        if (cases[i].recharge_id != NULL) {
            last()->body.credit.recharge_id = ts_bytes_of(cases[i].recharge_id);
        }
        run_to(TS_SETTLE_CONFLICT);
        assert_int_equal(SQL("SELECT count(*) FROM ledger_entry WHERE topic IS NOT NULL"), 1);
        struct ts_command_request request = {.command = last(),
                                             .fingerprint = ts_command_fingerprint(last())};
        assert_true(CALL(commands, &request, 1, &err));
        assert_int_equal(request.command_id, cases[i].command);
        assert_int_equal(request.credit_id, cases[i].credit);
        assert_int_equal(request.recharge_credited, cases[i].recharge);
    }
    /* One that does not credit uses up its command_id only. */
    begin();
    credit("c-3", 0, "credit-1", 0);
    last()->body.credit.recharge_id = TS_LITERAL("recharge-1");
    run_to(TS_SETTLE_DONE);
    begin();
    credit("c-4", 0, "credit-4", 1);
    trial.records[0].outcome = TS_OUTCOME_DUPLICATE;
    add(TS_COMMAND_CARD_REPLACED, "c-5", 1);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM duplicate WHERE topic = 'credits'"
                         " AND start_time IS NULL AND identity_hash <> 0"),
                     1);
    assert_clean();
}

static struct ts_record_command *
refused(const char *command_id, const char *credit_id, const char *recharge_id)
{
    credit(command_id, 0, credit_id, 0)->refusal = TS_REFUSAL_CARD_LOCKED;
    last()->body.credit.amount_micros = 5000000;
    last()->body.credit.recharge_id = ts_bytes_of(recharge_id);
    return &commands[trial.settlement.record_count - 1];
}

/* It was refused by what was known of its ids before the account was locked. */
static void refusals_rest_on_ids_that_are_free(void **state)
{
    (void)state;
    begin();
    credit("c-1", 0, "credit-1", 5000000);
    last()->body.credit.recharge_id = TS_LITERAL("recharge-1");
    run_to(TS_SETTLE_DONE);
    begin();
    refused("c-2", "credit-1", "recharge-2");
    run_to(TS_SETTLE_CONFLICT);
    begin();
    refused("c-2", "credit-2", "recharge-1");
    run_to(TS_SETTLE_CONFLICT);
    begin();
    refused("c-2", "credit-2", "recharge-1")->facts.recharge_credited = true;
    refused("c-3", "credit-3", "recharge-3");
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM command_id WHERE space <> 0"), 2);
    assert_int_equal(SQL("SELECT count(*) FROM command_id"), 5);
    begin();
    credit("c-4", 0, "credit-3", 5000000);
    run_to(TS_SETTLE_DONE);
    assert_clean();
}

static void invoiced_credits_have_a_line(void **state)
{
    (void)state;
    begin();
    struct ts_command_effect *effect = credit("c-1", 2, "credit-1", 5000000);
    effect->invoiced = true;
    effect->invoice_date = 20260228;
    credit("c-2", 2, "credit-2", 1000000);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM invoice_line"), 1);
    assert_int_equal(SQL("SELECT count(*) FROM invoice_line WHERE account_no = 3"
                         " AND invoice_date = '2026-02-28' AND credit_id = 'credit-1'"
                         " AND amount_micros = 5000000 AND currency = 'USD'"
                         " AND created_at = '2026-01-08Z' AND billed_at IS NULL"
                         " AND topic = 'credits' AND \"offset\" = 7"),
                     1);
    assert_clean();
    SQL("UPDATE invoice_line SET amount_micros = 1");
    int found = 0;
    struct ts_error err = {0};
    struct ts_audit_totals totals;
    struct ts_audit_visitor visitor = {find, &found};
    assert_true(ts_audit_run(fixture.server.url, &visitor, &totals, &err));
    assert_int_equal(found, 1);
}

/* --- changed settings */

/* To STATES, with the state of the account of the only record. */
static struct ts_settle_state *to_states(void)
{
    struct ts_error err = {0};
    sum();
    assert_true(fixture.settle.ops->start(fixture.settle.self, &trial.settlement, &err));
    assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_LOCKED);
    trial_number(&trial);
    trial.settlement.state_count = 1;
    trial.states[0].account = (uint32_t)trial.owners[0];
    assert_true(fixture.settle.ops->states(fixture.settle.self, &err));
    assert_int_equal(settle_wait(fixture.settle, &err), TS_SETTLE_STATES);
    return &trial.states[0];
}

static void write_to(enum ts_settle_status expected)
{
    struct ts_error err = {0};
    assert_true(fixture.settle.ops->write(fixture.settle.self, &err));
    enum ts_settle_status status = settle_wait(fixture.settle, &err);
    if (status != expected) {
        fail_msg("status %d instead of %d: %s", status, expected, err.text);
    }
}

static struct ts_account_change whole_change(void)
{
    static const int64_t amounts[] = {10000000, 20000000};
    static const int64_t thresholds[] = {-5, 7};
    static const struct ts_allowance_text allowances[] = {
        {.name = TS_LITERAL("intl \"A\""),
         .category = TS_LITERAL("international_outbound"),
         .license = TS_LITERAL("talk"),
         .unit = TS_LITERAL("second"),
         .units = 600,
         .local_only = true},
        {.name = TS_LITERAL("wide"), .category = TS_LITERAL("*"), .units = 60},
    };
    return (struct ts_account_change){
        .set = ts_field_bit(TS_ACCOUNT_FIELD_COUNT) - 1,
        .name = TS_LITERAL("Ünï \\Office"),
        .country = TS_LITERAL("DE"),
        .timezone = TS_LITERAL("Europe/Berlin"),
        .rate_plan = TS_LITERAL("other"),
        .subscription = TS_SUBSCRIPTION_PRO,
        .payment_method = TS_PAYMENT_INVOICE,
        .card_state = TS_CARD_UNCONFIRMED,
        .invoice_day = 31,
        .credit_amounts = amounts,
        .credit_amount_count = 2,
        .monthly_credit_cap_micros = 1,
        .thresholds = thresholds,
        .threshold_count = 2,
        .hysteresis_micros = 2,
        .recharge_on = true,
        .recharge_threshold_micros = 3,
        .recharge_mode = TS_RECHARGE_TARGET,
        .recharge_amount_micros = 4,
        .recharge_count_per_day_max = 5,
        .recharge_amount_per_month_micros_max = 6,
        .allowances = allowances,
        .allowance_count = 2,
        .status = TS_ACCOUNT_CLOSED,
        .closed_ms = NOW_MS + 1000,
    };
}

/* Decides the change on the locked row, as the pipeline does, and sets what only other commands
 * would. */
static struct ts_account_state settle_whole_change(const struct ts_command *command,
                                                   int32_t plan_no)
{
    struct ts_decide_settings defaults = {0};
    struct ts_command_facts facts = {0};
    struct ts_event events[TS_DECIDE_COMMAND_EVENTS_MAX];
    struct ts_settle_state *changed = to_states();
    ts_decide_command(&changed->state,
                      &defaults,
                      &changed->time,
                      command->account_id,
                      TS_LITERAL("command:c-1"),
                      command,
                      &facts,
                      &commands[0].effect,
                      events);
    changed->changed = true;
    changed->profile = command->body.change;
    changed->plan_no = plan_no;
    changed->state.card = (struct ts_card){.charged = true, .charge_micros = 17, .wrong = 1};
    changed->state.purchases = (struct ts_purchases){202601, 18, 202512};
    changed->state.recharge.look_again_ms = NOW_MS + 5;
    changed->state.timer_ms = NOW_MS + 6;
    struct ts_account_state wanted = changed->state;
    write_to(TS_SETTLE_DONE);
    return wanted;
}

static void assert_state(const struct ts_account_state *read, const struct ts_account_state *wanted)
{
    assert_int_equal(read->status, TS_ACCOUNT_CLOSED);
    assert_int_equal(read->closed_ms, NOW_MS + 1000);
    assert_int_equal(read->invoice_day, 31);
    assert_int_equal(read->credit_amount_count, 2);
    assert_int_equal(read->credit_amounts_micros[1], 20000000);
    assert_int_equal(read->threshold_count, 2);
    assert_int_equal(read->thresholds_micros[0], -5);
    assert_int_equal(read->recharge.amount_per_month_micros_max, 6);
    assert_int_equal(read->recharge.look_again_ms, NOW_MS + 5);
    assert_int_equal(read->timer_ms, NOW_MS + 6);
    assert_true(read->card.charged);
    assert_int_equal(read->card.charge_micros, 17);
    assert_int_equal(read->card.wrong, 1);
    assert_int_equal(read->purchases.month_micros, 18);
    assert_int_equal(read->purchases.capped_month, 202512);
    assert_int_equal(read->armed, wanted->armed);
    assert_int_equal(read->subscription, wanted->subscription);
    assert_int_equal(read->payment_method, wanted->payment_method);
    assert_int_equal(read->card_state, wanted->card_state);
}

static void assert_profile(const struct ts_command *command, int64_t plan_no)
{
    struct ts_error err = {0};
    struct ts_profile_request request = {.account_id = command->account_id};
    assert_true(CALL(profiles, &request, 1, &fixture.texts, &err));
    assert_int_equal(request.profile.revision, fixture.profiles[4].revision + 1);
    assert_string_equal(request.profile.timezone, "Europe/Berlin");
    assert_string_equal(request.profile.country, "DE");
    assert_int_equal(request.profile.rate_plan, plan_no);
    assert_int_equal(request.profile.allowances->count, 2);
}

static void settings_are_changed_with_who_and_why(void **state)
{
    (void)state;
    struct ts_error err = {0};
    int64_t plan_no = SQL("INSERT INTO rate_plan (name) VALUES ('other') RETURNING plan_no");
    begin();
    struct ts_command *command = add(TS_COMMAND_ACCOUNT_CHANGED, "c-1", 4);
    command->body.change = whole_change();
    command->issued_by = TS_LITERAL("ada");
    command->note = TS_LITERAL("moved");
    struct ts_command_request request = {.command = command};
    assert_true(CALL(commands, &request, 1, &err));
    assert_int_equal(request.plan_no, plan_no);
    assert_string_equal(request.plan_currency, "USD");
    struct ts_account_state wanted = settle_whole_change(command, request.plan_no);

    struct ts_state_reading reading = {.account_no = 5};
    assert_true(CALL(states, NOW_MS, &reading, 1, &err));
    assert_state(&reading.state, &wanted);
    assert_int_equal(reading.time.day, 20260108); /* in Berlin */
    assert_profile(command, plan_no);
    assert_int_equal(SQL("SELECT count(*) FROM account WHERE account_no = 5"
                         " AND name = 'Ünï \\Office' AND monthly_credit_cap = 1"
                         " AND hysteresis = 2 AND recharge_on AND recharge_mode = 1"
                         " AND recharge_threshold = 3 AND recharge_amount = 4"
                         " AND recharge_count_per_day_max = 5"),
                     1);
    assert_int_equal(
        SQL("SELECT count(*) FROM account_change WHERE account_no = 5 AND issued_by = 'ada'"
            " AND note = 'moved' AND command_id = 'c-1' AND changed_at = '2026-01-08Z'"
            " AND topic = 'credits' AND \"offset\" = 7"
            " AND change->>'name' = 'Ünï \\Office' AND change->>'rate_plan' = 'other'"
            " AND change->'alert_thresholds_micros' = '[-5, 7]'"
            " AND change->'auto_recharge'->>'mode' = 'target'"
            " AND change->'allowances'->0->>'name' = 'intl \"A\"'"
            " AND change->>'closed_at' = '2026-01-08T00:00:01Z'"
            " AND change->>'card_state' = 'unconfirmed'"
            " AND (SELECT count(*) FROM jsonb_object_keys(change)) = 16"),
        1);
    assert_clean();
}

/* What a change does not name stays, and so does what other accounts have. */
static void a_small_change_leaves_the_rest(void **state)
{
    (void)state;
    begin();
    struct ts_command *command = add(TS_COMMAND_ACCOUNT_CHANGED, "c-1", 4);
    command->body.change = (struct ts_account_change){.set = ts_field_bit(TS_FIELD_NAME)};
    SQL("UPDATE account SET name = 'before', allowances = '[]', closed_at = now()");
    int64_t before = SQL("SELECT sum(hashtext((a.*)::text)::bigint) FROM account a"
                         " WHERE account_no <> 5");
    struct ts_settle_state *changed = to_states();
    changed->changed = true;
    changed->profile = command->body.change;
    write_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM account WHERE account_no = 5 AND name = ''"
                         " AND revision = 2 AND timezone = 'America/New_York' AND country = 'US'"
                         " AND plan_no = 1 AND allowances = '[]' AND closed_at IS NULL"
                         " AND thresholds = '{2000000,5000000}'"),
                     1);
    assert_int_equal(SQL("SELECT count(*) FROM account_change WHERE change = '{\"name\": \"\"}'"
                         " AND issued_by IS NULL"),
                     1);
    /* the sum covers rows that were locked and updated by nothing */
    assert_int_equal(SQL("SELECT sum(hashtext((a.*)::text)::bigint) FROM account a"
                         " WHERE account_no <> 5"),
                     before);
}

/* --- what PostgreSQL refuses */

static void a_refused_command_is_found_and_the_others_settle(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < 6; i++) {
        static const char *const ids[] = {"c-0", "c-1", "c-2", "c-3", "c-4", "c-5"};
        credit(ids[i], i, ids[i], 1000);
    }
    commands[3].command.note = (struct ts_bytes){"\xc3\x28", 2};
    run_to(TS_SETTLE_BAD_ROWS);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(trial.records[i].reason, i == 3 ? TS_REASON_ROW_REFUSED : TS_REASON_NONE);
    }
    assert_int_equal(SQL("SELECT count(*) FROM command_id"), 0);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM ledger_entry WHERE topic IS NOT NULL"), 5);
    assert_int_equal(SQL("SELECT count(*) FROM dead_letter WHERE reason = 'row_refused'"
                         " AND account_id = 'office-4' AND topic = 'credits'"),
                     1);
    assert_clean();
}

static void an_unknown_time_zone_is_refused(void **state)
{
    (void)state;
    begin();
    struct ts_command *command = add(TS_COMMAND_ACCOUNT_CHANGED, "c-1", 4);
    command->body.change = (struct ts_account_change){.set = ts_field_bit(TS_FIELD_TIMEZONE),
                                                      .timezone = TS_LITERAL("Mars/Olympus")};
    add(TS_COMMAND_CARD_REPLACED, "c-2", 4);
    struct ts_settle_state *changed = to_states();
    changed->changed = true;
    changed->profile = command->body.change;
    write_to(TS_SETTLE_BAD_ROWS);
    assert_int_equal(trial.records[0].outcome, TS_OUTCOME_DEAD_LETTER);
    assert_int_equal(trial.records[0].reason, TS_REASON_ROW_REFUSED);
    assert_int_equal(trial.records[1].outcome, TS_OUTCOME_SETTLED);
    trial.settlement.state_count = 0;
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT count(*) FROM account WHERE timezone = 'America/New_York'"),
                     FIXTURE_ACCOUNTS);
}

/* Beyond the limit upwards, the credits are to blame, not the charges. */
static void a_credit_beyond_the_limit_is_a_bad_row(void **state)
{
    (void)state;
    begin();
    SQL("UPDATE account SET balance_micros = 8999999999999500 WHERE account_no = 1");
    credit("c-1", 0, "credit-1", 1000);
    credit("c-2", 0, "credit-2", -100);
    credit("c-3", 1, "credit-3", 1000);
    run_to(TS_SETTLE_BAD_ROWS);
    assert_int_equal(trial.records[0].reason, TS_REASON_CHARGE_OVERFLOW);
    assert_int_equal(trial.records[1].outcome, TS_OUTCOME_SETTLED);
    assert_int_equal(trial.records[2].outcome, TS_OUTCOME_SETTLED);
    run_to(TS_SETTLE_DONE);
    assert_int_equal(SQL("SELECT balance_micros - 8999999999999400 FROM account"
                         " WHERE account_no = 1"),
                     0);
}

/* --- two workers */

struct second {
    struct fixture *fixture;
    struct ts_settle settle;
    struct trial *trial;
    enum ts_settle_status status;
};

static void *settle_second(void *arg)
{
    struct second *second = arg;
    struct ts_error err = {0};
    second->status = trial_run(second->settle, second->trial, &err);
    return NULL;
}

/* Another partition brings the same ids while the first is about to commit: it waits, and is told
 * that they are used up. */
static void of_two_workers_one_uses_up_the_ids(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_claim claim;
    struct ts_postgres *other = fixture_worker(&fixture);
    struct ts_ledger other_ledger = ts_postgres_ledger(other);
    struct ts_lane lane = {TS_INPUT_CREDITS, 1};
    assert_true(other_ledger.ops->claim(other_ledger.self, lane, 0, 5, &claim, &err));
    begin();
    credit("c-b", 0, "credit-1", 1000);
    credit("c-a", 0, "credit-2", 1000);
    sum();

    static struct trial copy;
    static struct ts_record_command copied[2];
    copy = trial;
    copy.lanes[0] = (struct ts_settle_lane){
        .lane = lane, .epoch = claim.epoch, .start = 0, .end = 2, .settled = 2};
    copy.settlement.lanes = copy.lanes;
    copy.settlement.buckets = copy.buckets;
    copy.settlement.accounts = copy.accounts;
    copy.settlement.records = copy.record_list;
    copy.settlement.record_accounts = copy.record_accounts;
    for (size_t i = 0; i < 2; i++) { /* the same ids, for another account, the other way round */
        copied[i] = commands[1 - i];
        copy.records[i].command = &copied[i];
        copy.records[i].lane = lane;
        copy.records[i].offset = (int64_t)i;
        copy.owners[i] = 1;
        copy.record_list[i] = &copy.records[i];
    }
    trial_sum(&fixture, &copy);

    /* The first one's ids are written and not committed. */
    SQL("BEGIN; INSERT INTO command_id (space, command_id, fingerprint, account_no, topic,"
        " partition, \"offset\", applied_at) VALUES (0, 'c-a', 1, 1, 'credits', 9, 1, now())");
    struct second second = {&fixture, ts_postgres_settle(other), &copy, TS_SETTLE_PENDING};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, settle_second, &second), 0);
    while (SQL("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'") == 0) {
        usleep(10000);
    }
    SQL("COMMIT");
    pthread_join(thread, NULL);
    assert_int_equal(second.status, TS_SETTLE_CONFLICT);
    SQL("DELETE FROM command_id");
    run_to(TS_SETTLE_DONE);
    assert_int_equal(trial_run(second.settle, &copy, &err), TS_SETTLE_CONFLICT);
    assert_int_equal(SQL("SELECT count(*) FROM ledger_entry WHERE topic IS NOT NULL"), 2);
    assert_int_equal(SQL("SELECT next_offset FROM stream_partition WHERE topic = 'credits'"
                         " AND partition = 1"),
                     0);
    ts_postgres_destroy(other);
    assert_clean();
}

/* --- the time of an account */

/* Days and months begin by its clocks, also where they are changed. */
static void the_next_day_and_month_are_the_accounts(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *now;
        int32_t day;
        const char *next_day;
        const char *next_month;
    } cases[] = {
        {"America/New_York",
         "2026-03-08 04:59Z",
         20260307,
         "2026-03-08 05:00Z",
         "2026-04-01 04:00Z"},
        {"America/New_York",
         "2026-03-08 05:00Z",
         20260308,
         "2026-03-09 04:00Z",
         "2026-04-01 04:00Z"},
        {"America/New_York",
         "2026-11-01 12:00Z",
         20261101,
         "2026-11-02 05:00Z",
         "2026-12-01 05:00Z"},
        {"Europe/Berlin", "2026-12-31 22:59Z", 20261231, "2026-12-31 23:00Z", "2026-12-31 23:00Z"},
        {"UTC", "2028-02-28 12:00Z", 20280228, "2028-02-29 00:00Z", "2028-03-01 00:00Z"},
        /* midnight of the 24th does not exist: the day begins at 01:00 */
        {"Africa/Cairo", "2026-04-23 12:00Z", 20260423, "2026-04-23 22:00Z", "2026-04-30 21:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_error err = {0};
        struct ts_state_reading reading = {.account_no = 1};
        SQL("UPDATE account SET timezone = '%s' WHERE account_no = 1", cases[i].zone);
        int64_t now =
            SQL("SELECT (extract(epoch FROM '%s'::timestamptz) * 1000)::bigint", cases[i].now);
        assert_true(CALL(states, now, &reading, 1, &err));
        assert_int_equal(reading.time.now_ms, now);
        assert_int_equal(reading.time.day, cases[i].day);
        assert_int_equal(reading.time.month, cases[i].day / 100);
        assert_int_equal(reading.time.next_day_ms,
                         SQL("SELECT (extract(epoch FROM '%s'::timestamptz) * 1000)::bigint",
                             cases[i].next_day));
        assert_int_equal(reading.time.next_month_ms,
                         SQL("SELECT (extract(epoch FROM '%s'::timestamptz) * 1000)::bigint",
                             cases[i].next_month));
    }
}

static void the_state_of_a_missing_account_is_fatal(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_state_reading readings[] = {{.account_no = 1}, {.account_no = 99}};
    assert_false(CALL(states, NOW_MS, readings, 2, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
    assert_int_equal(readings[0].state.balance_micros, FIXTURE_BALANCE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)
    const struct CMUnitTest tests[] = {
        TEST(credits_are_rows_of_the_ledger),
        TEST(a_used_id_is_a_conflict),
        TEST(refusals_rest_on_ids_that_are_free),
        TEST(invoiced_credits_have_a_line),
        TEST(settings_are_changed_with_who_and_why),
        TEST(a_small_change_leaves_the_rest),
        TEST(a_refused_command_is_found_and_the_others_settle),
        TEST(an_unknown_time_zone_is_refused),
        TEST(a_credit_beyond_the_limit_is_a_bad_row),
        TEST(of_two_workers_one_uses_up_the_ids),
        TEST(the_next_day_and_month_are_the_accounts),
        TEST(the_state_of_a_missing_account_is_fatal),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
