/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/decide_fixture.h"

/* --- credits */

static void test_kinds(void **state)
{
    (void)state;
    static const char *const names[] = {
        "purchase", "recharge", "promotional", "adjustment", "refund"};
    for (int kind = 0; kind < 5; kind++) {
        struct ts_account_state a = account(0);
        struct ts_command c = credit((enum ts_credit_kind)kind, 20 * UNIT);
        expect(&a, c, "credit.added balance.restored");
        assert_string_equal(events[0].body.credit.kind, names[kind]);
        assert_true(events[0].body.credit.amount_micros == 20 * UNIT);
        assert_true(ts_bytes_equal_text(events[0].body.credit.credit_id, "credit-1"));
        if (kind == TS_CREDIT_PURCHASE || kind == TS_CREDIT_RECHARGE) {
            assert_string_equal(events[0].body.credit.payment_method, "card");
        } else {
            assert_null(events[0].body.credit.payment_method);
        }
    }
    struct ts_account_state a = account(UNIT);
    expect(&a, credit(TS_CREDIT_ADJUSTMENT, -UNIT), "credit.added balance.exhausted");
}

static void test_order_of_events(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    a.threshold_count = 3;
    a.thresholds_micros[0] = 9 * UNIT;
    a.thresholds_micros[1] = 3 * UNIT;
    a.thresholds_micros[2] = 6 * UNIT;
    a.payment_method = TS_PAYMENT_INVOICE;
    ts_decide_opening(&a);
    spend(
        &a, 25 * UNIT, "balance.low balance.low balance.low balance.exhausted recharge.requested");
    expect(&a,
           success(R("1"), 12 * UNIT), /* less than was asked for: still below 10 */
           "credit.added recharge.succeeded invoice.line_added balance.restored "
           "balance.low_cleared balance.low_cleared recharge.requested");
    assert_true(events[4].body.low.threshold_micros == 3 * UNIT);
    assert_true(events[5].body.low.threshold_micros == 6 * UNIT);
    assert_string_equal(events[6].body.recharge.recharge_id, R("2"));
    assert_int_equal(events[6].body.recharge.attempt, 1);
}

/* --- refusals: an account and a credit to which all apply, made good one by one */

static void test_refusals_in_order(void **state)
{
    (void)state;
    struct ts_account_state a = account(TS_AMOUNT_MAX - UNIT);
    struct ts_command c = credit(TS_CREDIT_PURCHASE, 20 * UNIT);
    facts.recharge_credited = true;
    a.status = TS_ACCOUNT_CLOSED;
    a.subscription = TS_SUBSCRIPTION_FREE;
    a.credit_amount_count = 1;
    a.credit_amounts_micros[0] = 30 * UNIT;
    a.card_state = TS_CARD_LOCKED;
    a.monthly_credit_cap_micros = 20 * UNIT - 1;
    refused(&a, c, "account_closed");
    a.status = TS_ACCOUNT_SUSPENDED;
    refused(&a, c, "duplicate_recharge");
    facts.recharge_credited = false;
    refused(&a, c, "plan_not_eligible");
    a.subscription = TS_SUBSCRIPTION_ENTERPRISE;
    refused(&a, c, "amount_not_offered");
    a.credit_amounts_micros[a.credit_amount_count++] = 20 * UNIT;
    refused(&a, c, "card_locked");
    a.card_state = TS_CARD_UNCONFIRMED;
    refused(&a, c, "card_not_confirmed");
    a.card_state = TS_CARD_NONE;
    refused(&a, c, "card_not_confirmed");
    a.card_state = TS_CARD_CONFIRMED;
    expect(&a, c, "credit.refused cap.reached");
    assert_string_equal(events[0].body.refused.reason, "cap_reached");
    assert_string_equal(events[1].body.cap.kind, "monthly_credit");
    assert_true(events[1].body.cap.limit_micros == 20 * UNIT - 1);
    refused(&a, c, "cap_reached"); /* the cap is told once a month */
    a.monthly_credit_cap_micros++;
    refused(&a, c, "balance_limit");
    a.balance_micros = TS_AMOUNT_MAX - 20 * UNIT;
    facts.over_limit = true;
    refused(&a, c, "balance_limit");
    facts.over_limit = false;
    expect(&a, c, "credit.added");
    assert_true(a.balance_micros == TS_AMOUNT_MAX);
}

/* What is given away asks for neither card nor plan nor cap. */
static void test_gifts(void **state)
{
    (void)state;
    static const enum ts_credit_kind gifts[] = {
        TS_CREDIT_PROMOTIONAL, TS_CREDIT_ADJUSTMENT, TS_CREDIT_REFUND};
    for (int i = 0; i < 3; i++) {
        struct ts_account_state a = account(UNIT);
        a.subscription = TS_SUBSCRIPTION_FREE;
        a.card_state = TS_CARD_LOCKED;
        a.credit_amount_count = 1;
        a.credit_amounts_micros[0] = 30 * UNIT;
        expect(&a, credit(gifts[i], 300 * UNIT), "credit.added");
        a.status = TS_ACCOUNT_CLOSED;
        refused(&a, credit(gifts[i], UNIT), "account_closed");
        a.status = TS_ACCOUNT_ACTIVE;
        refused(&a, credit(gifts[i], TS_AMOUNT_MAX - 300 * UNIT), "balance_limit");
    }
    struct ts_account_state a = account(-TS_AMOUNT_MAX + UNIT);
    refused(&a, credit(TS_CREDIT_ADJUSTMENT, -UNIT - 1), "balance_limit");
    expect(&a, credit(TS_CREDIT_ADJUSTMENT, -UNIT), "credit.added");
}

static void test_cap(void **state)
{
    (void)state;
    struct ts_account_state a = account(0);
    expect(&a, credit(TS_CREDIT_PURCHASE, 200 * UNIT), "credit.added balance.restored");
    expect(&a, credit(TS_CREDIT_PURCHASE, 60 * UNIT), "credit.refused cap.reached");
    expect(&a, credit(TS_CREDIT_PURCHASE, 50 * UNIT), "credit.added"); /* exactly the cap */
    refused(&a, credit(TS_CREDIT_PURCHASE, 1), "cap_reached");
    expect(&a, credit(TS_CREDIT_PROMOTIONAL, 500 * UNIT), "credit.added");

    struct ts_command by_operator = credit(TS_CREDIT_PURCHASE, 60 * UNIT);
    by_operator.issued_by = TS_LITERAL("ann");
    expect(&a, by_operator, "credit.added");
    assert_true(a.purchases.month_micros == 250 * UNIT); /* outside it */

    struct ts_command raised = change(TS_FIELD_MONTHLY_CREDIT_CAP);
    raised.body.change.monthly_credit_cap_micros = 251 * UNIT;
    expect(&a, raised, "");
    assert_true(effect.changed);
    expect(&a, credit(TS_CREDIT_PURCHASE, UNIT), "credit.added");
    refused(&a, credit(TS_CREDIT_PURCHASE, 1), "cap_reached");

    now = at(NOON - DAY, 20251231); /* a clock set back opens no month */
    refused(&a, credit(TS_CREDIT_PURCHASE, 1), "cap_reached");
    now = at(NOON + 31 * DAY, 20260201);
    expect(&a, credit(TS_CREDIT_PURCHASE, 251 * UNIT), "credit.added");
    expect(&a, credit(TS_CREDIT_PURCHASE, 1), "credit.refused cap.reached");
}

/* One in flight included; and a request counts what was bought. */
static void test_cap_counts_recharges(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    a.recharge.amount_micros = 100 * UNIT;
    spend(&a, 15 * UNIT, "recharge.requested");
    expect(&a, credit(TS_CREDIT_PURCHASE, 151 * UNIT), "credit.refused cap.reached");
    expect(&a, credit(TS_CREDIT_PURCHASE, 100 * UNIT), "credit.added");
    expect(&a, success(R("1"), 100 * UNIT), "credit.added recharge.succeeded");
    refused(&a, credit(TS_CREDIT_PURCHASE, 50 * UNIT + 1), "cap_reached");
    spend(&a, 200 * UNIT, "recharge.suppressed cap.reached"); /* 200 of 250 are used, 100 more */
    assert_string_equal(events[0].body.suppressed.reason, "monthly_credit_cap");
    assert_true(a.timer_ms == now.next_month_ms);
    expect(&a, credit(TS_CREDIT_PURCHASE, 50 * UNIT), "credit.added");

    a = recharging(20 * UNIT); /* what failed does not count */
    a.recharge.amount_micros = 250 * UNIT;
    spend(&a, 15 * UNIT, "recharge.requested");
    expect(&a, credit(TS_CREDIT_PURCHASE, 1), "credit.refused cap.reached");
    expect(&a, failure(R("1")), "recharge.failed");
    expect(&a, credit(TS_CREDIT_PURCHASE, 250 * UNIT), "credit.added");
}

static void test_offered_amounts(void **state)
{
    (void)state;
    struct ts_account_state a = account(0);
    struct ts_command offer = change(TS_FIELD_CREDIT_AMOUNTS);
    static const int64_t amounts[] = {10 * UNIT, 20 * UNIT};
    offer.body.change.credit_amounts = amounts;
    offer.body.change.credit_amount_count = 2;
    expect(&a, offer, "");
    refused(&a, credit(TS_CREDIT_PURCHASE, 15 * UNIT), "amount_not_offered");
    expect(&a, credit(TS_CREDIT_PURCHASE, 20 * UNIT), "credit.added balance.restored");
    struct ts_command by_operator = credit(TS_CREDIT_PURCHASE, 15 * UNIT);
    by_operator.issued_by = TS_LITERAL("ann");
    expect(&a, by_operator, "credit.added");
    expect(&a, credit(TS_CREDIT_REFUND, 15 * UNIT), "credit.added");
    offer.body.change.credit_amount_count = 0;
    expect(&a, offer, ""); /* any */
    expect(&a, credit(TS_CREDIT_PURCHASE, 15 * UNIT), "credit.added");
}

/* --- invoices */

static void test_invoice_dates(void **state)
{
    (void)state;
    static const struct {
        int32_t today, invoice_day, date;
    } cases[] = {
        {20260101, 1, 20260201},
        {20260101, 2, 20260102},
        {20260131, 31, 20260228},
        {20260130, 31, 20260131},
        {20260228, 31, 20260331},
        {20260227, 30, 20260228},
        {20240228, 30, 20240229},
        {20240229, 30, 20240330},
        {20261231, 31, 20270131},
        {20261215, 15, 20270115},
        {20260430, 31, 20260531},
        {20260429, 31, 20260430},
        {21000228, 29, 21000329},
        {20000228, 29, 20000229},
        {20261201, 31, 20261231},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ts_next_invoice_date(cases[i].today, cases[i].invoice_day), cases[i].date);
    }
}

static void test_invoiced(void **state)
{
    (void)state;
    struct ts_account_state a = account(0);
    a.payment_method = TS_PAYMENT_INVOICE;
    a.card_state = TS_CARD_NONE;
    expect(&a,
           credit(TS_CREDIT_PURCHASE, 20 * UNIT),
           "credit.added invoice.line_added balance.restored");
    assert_string_equal(events[0].body.credit.payment_method, "invoice");
    assert_int_equal(events[1].body.invoice.date, 20260131);
    assert_true(events[1].body.invoice.amount_micros == 20 * UNIT);
    assert_true(effect.invoiced);
    assert_int_equal(effect.invoice_date, 20260131);
    expect(&a, credit(TS_CREDIT_PROMOTIONAL, UNIT), "credit.added");
    assert_false(effect.invoiced);

    /* By the method it was paid with, where it says one. */
    struct ts_command by_card = credit(TS_CREDIT_PURCHASE, UNIT);
    by_card.body.credit.has_payment_method = true;
    refused(&a, by_card, "card_not_confirmed");
    a = account(0);
    a.card_state = TS_CARD_LOCKED;
    by_card.body.credit.payment_method = TS_PAYMENT_INVOICE;
    refused(&a, by_card, "card_locked"); /* to call itself invoiced does not pass the check */
}

/* --- the card */

static void test_card_check(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(5 * UNIT);
    a.card_state = TS_CARD_NONE;
    refused(&a, credit(TS_CREDIT_PURCHASE, UNIT), "card_not_confirmed");
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 370000), "card.confirmation_failed");
    assert_int_equal(events[0].body.confirmation.attempts_left, 2); /* does not count */
    expect(&a, card(TS_COMMAND_CARD_CHARGED, 370000), "card.confirmation_started");
    assert_int_equal(a.card_state, TS_CARD_UNCONFIRMED);
    assert_true(effect.delta_micros == 0);
    refused(&a, credit(TS_CREDIT_PURCHASE, UNIT), "card_not_confirmed");
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 370001), "card.confirmation_failed");
    assert_int_equal(events[0].body.confirmation.attempts_left, 1);
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 370000), "card.confirmed recharge.requested");
    assert_int_equal(a.card_state, TS_CARD_CONFIRMED);
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 1), "");
    expect(&a, card(TS_COMMAND_CARD_CHARGED, 1), "");
    expect(&a, credit(TS_CREDIT_PURCHASE, UNIT), "credit.added");
}

static void test_card_locks(void **state)
{
    (void)state;
    struct ts_account_state a = account(UNIT);
    a.card_state = TS_CARD_UNCONFIRMED;
    expect(&a, card(TS_COMMAND_CARD_CHARGED, 42), "card.confirmation_started");
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 41), "card.confirmation_failed");
    /* Another charge to the same card gives no more attempts. */
    expect(&a, card(TS_COMMAND_CARD_CHARGED, 43), "card.confirmation_started");
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 42), "card.confirmation_failed card.locked");
    assert_int_equal(events[0].body.confirmation.attempts_left, 0);
    assert_int_equal(a.card_state, TS_CARD_LOCKED);
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 43), "card.confirmation_failed");
    assert_int_equal(events[0].body.confirmation.attempts_left, 0);
    expect(&a, card(TS_COMMAND_CARD_CHARGED, 44), "");
    refused(&a, credit(TS_CREDIT_PURCHASE, UNIT), "card_locked");
    refused(&a, success("elsewhere", UNIT), "card_locked"); /* calls itself a recharge */

    struct ts_command unlock = change(TS_FIELD_CARD_STATE);
    unlock.body.change.card_state = TS_CARD_UNCONFIRMED;
    struct ts_account_state unlocked = a;
    expect(&unlocked, unlock, "");
    expect(&unlocked, card(TS_COMMAND_CARD_CONFIRMATION, 1), "card.confirmation_failed");
    assert_int_equal(events[0].body.confirmation.attempts_left, 1);
    expect(&unlocked, card(TS_COMMAND_CARD_CONFIRMATION, 43), "card.confirmed");

    expect(&a, command(TS_COMMAND_CARD_REPLACED), "");
    assert_int_equal(a.card_state, TS_CARD_UNCONFIRMED);
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 43), "card.confirmation_failed");
    assert_int_equal(events[0].body.confirmation.attempts_left, 2);
    expect(&a, card(TS_COMMAND_CARD_CHARGED, 50), "card.confirmation_started");
    expect(&a, card(TS_COMMAND_CARD_CONFIRMATION, 50), "card.confirmed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_kinds, reset),
        cmocka_unit_test_setup(test_order_of_events, reset),
        cmocka_unit_test_setup(test_refusals_in_order, reset),
        cmocka_unit_test_setup(test_gifts, reset),
        cmocka_unit_test_setup(test_cap, reset),
        cmocka_unit_test_setup(test_cap_counts_recharges, reset),
        cmocka_unit_test_setup(test_offered_amounts, reset),
        cmocka_unit_test_setup(test_invoice_dates, reset),
        cmocka_unit_test_setup(test_invoiced, reset),
        cmocka_unit_test_setup(test_card_check, reset),
        cmocka_unit_test_setup(test_card_locks, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
