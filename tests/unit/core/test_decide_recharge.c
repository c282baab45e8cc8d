/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of automatic recharge, settings changed under way, and everything at random. */
#include "tests/unit/core/decide_fixture.h"

static struct ts_command turned(bool on)
{
    struct ts_command c = change(TS_FIELD_RECHARGE_ON);
    c.body.change.recharge_on = on;
    return c;
}

/* --- answers */

static void test_success(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(5100000);
    a.threshold_count = 1;
    a.thresholds_micros[0] = 5 * UNIT;
    a.recharge.threshold_micros = 5 * UNIT;
    a.recharge.amount_micros = 20 * UNIT;
    ts_decide_opening(&a);
    spend(&a, 140000, "balance.low recharge.requested");
    assert_true(a.timer_ms == NOON + DAY);
    expect(&a, success(R("1"), 20 * UNIT), "credit.added recharge.succeeded balance.low_cleared");
    assert_true(a.balance_micros == 24960000);
    assert_true(ts_bytes_equal_text(events[1].body.succeeded.recharge_id, R("1")));
    assert_true(a.timer_ms == 0);
    assert_true(a.recharge.month_micros == 20 * UNIT);
}

static void test_failures(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    spend(&a, 15 * UNIT, "recharge.requested");
    expect(&a, failure(R("1")), "recharge.failed");
    assert_true(ts_bytes_equal_text(events[0].body.failed.reason, "declined"));
    assert_true(events[0].body.failed.next_try_ms == NOON + HOUR);
    assert_true(a.timer_ms == NOON + HOUR);
    expect(&a, failure(R("1")), ""); /* told again under another command_id */
    spend(&a, 1, "");
    now.now_ms += HOUR;
    expect(&a, timer(&a, TS_TIMER_RECHARGE_RETRY), "recharge.requested");
    assert_int_equal(events[0].body.recharge.attempt, 2);
    expect(&a, failure(R("2")), "recharge.failed");
    assert_true(a.timer_ms == NOON + 3 * HOUR); /* doubled */
    now.now_ms += 2 * HOUR;
    spend(&a, 1, "recharge.requested");
    struct ts_command nameless = failure(R("3"));
    nameless.body.failed.reason = (struct ts_bytes){NULL, 0};
    expect(&a, nameless, "recharge.failed recharge.disabled");
    assert_true(ts_bytes_equal_text(events[0].body.failed.reason, "unknown"));
    assert_false(events[0].body.failed.has_next_try);
    assert_int_equal(events[1].body.disabled.failures, 3);
    assert_true(a.timer_ms == 0);
    for (int i = 0; i < 100; i++) {
        now.now_ms += DAY;
        spend(&a, 1, "");
    }
    assert_true(a.recharge.month_micros == 0);
}

static void test_strange_answers(void **state)
{
    (void)state;
    static const char *const strange[] = {
        R("2"), R("0"), R("01"), R(""), R("1 "), R("99999999999999999999"), "r1"};
    struct ts_account_state a = recharging(20 * UNIT);
    spend(&a, 15 * UNIT, "recharge.requested");
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        struct ts_account_state other = a;
        expect(&other, failure(strange[i]), "");
        expect(&other, success(strange[i], UNIT), "credit.added"); /* money, but no answer */
        assert_string_equal(other.recharge.in_flight_id, R("1"));
    }
    expect(&a, success(R("1"), 50 * UNIT), "credit.added recharge.succeeded");
    expect(&a, failure(R("1")), "");
    facts.recharge_credited = true;
    refused(&a, success(R("1"), 50 * UNIT), "duplicate_recharge");
}

/* A success is credited whatever became of the account meanwhile: the money was taken. */
static void test_success_is_always_credited(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    spend(&a, 15 * UNIT, "recharge.requested");
    a.card_state = TS_CARD_LOCKED;
    a.subscription = TS_SUBSCRIPTION_FREE;
    a.status = TS_ACCOUNT_CLOSED;
    a.monthly_credit_cap_micros = 0;
    a.recharge.on = false;
    expect(&a, success(R("1"), 50 * UNIT), "credit.added recharge.succeeded");
}

static void test_late_success(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    spend(&a, 15 * UNIT, "recharge.requested");
    now = at(NOON + DAY, 20260102);
    expect(&a, timer(&a, TS_TIMER_RECHARGE_EXPIRY), "recharge.failed");
    assert_true(ts_bytes_equal_text(events[0].body.failed.reason, "expired"));
    assert_true(a.recharge.month_micros == 0);
    expect(&a, success(R("1"), 50 * UNIT), "credit.added recharge.succeeded");
    assert_int_equal(a.recharge.failures, 0);
    assert_true(a.recharge.next_try_ms == 0 && a.timer_ms == 0);
    assert_true(a.recharge.month_micros == 50 * UNIT);
    spend(&a, 50 * UNIT, "recharge.requested"); /* no wait is left */

    /* While the next is in flight: that stays so, and leaves the month it is counted in. */
    a = recharging(20 * UNIT);
    now = at(NOON, 20260130);
    spend(&a, 15 * UNIT, "recharge.requested");
    now = at(NOON + DAY, 20260131);
    expect(&a, timer(&a, TS_TIMER_RECHARGE_EXPIRY), "recharge.failed");
    now.now_ms += HOUR;
    a.recharge.amount_micros = 30 * UNIT;
    spend(&a, UNIT, "recharge.requested");
    now = at(NOON + DAY + 2 * HOUR, 20260201);
    expect(&a, success(R("1"), 50 * UNIT), "credit.added recharge.succeeded");
    assert_string_equal(a.recharge.in_flight_id, R("2"));
    expect(&a, failure(R("2")), "recharge.failed");
    assert_true(a.recharge.month_micros == 50 * UNIT);
    assert_int_equal(a.recharge.failures, 1);
}

/* --- time */

static void test_expiry_wherever_the_balance_is(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    spend(&a, 15 * UNIT, "recharge.requested");
    expect(&a, credit(TS_CREDIT_PROMOTIONAL, 50 * UNIT), "credit.added");
    assert_true(a.timer_ms == NOON + DAY);
    struct ts_command due = timer(&a, TS_TIMER_RECHARGE_EXPIRY);
    now = at(NOON + DAY, 20260102);
    expect(&a, due, "recharge.failed");
    assert_true(a.timer_ms == 0);
    expect(&a, due, ""); /* told twice */

    a = recharging(20 * UNIT); /* of a request that was answered */
    spend(&a, 15 * UNIT, "recharge.requested");
    due = timer(&a, TS_TIMER_RECHARGE_EXPIRY);
    now.now_ms++;
    expect(&a, success(R("1"), UNIT), "credit.added recharge.succeeded recharge.requested");
    now.now_ms += DAY - 1;
    expect(&a, due, "");
}

/* Whoever told the timer has a clock ahead of ours. */
static void test_clocks_apart(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    spend(&a, 15 * UNIT, "recharge.requested");
    now.now_ms = NOON + DAY - 500;
    expect(&a, timer(&a, TS_TIMER_RECHARGE_EXPIRY), "recharge.failed");
    assert_true(events[0].time_ms == NOON + DAY);
    now.now_ms = a.timer_ms - 500;
    expect(&a, timer(&a, TS_TIMER_RECHARGE_RETRY), "recharge.requested");

    /* A period that has not ended here yet: asked again when it has. */
    a = recharging(20 * UNIT);
    now = at(NOON, 20260101);
    a.recharge.count_per_day_max = 1;
    a.recharge.amount_micros = UNIT;
    spend(&a, 15 * UNIT, "recharge.requested");
    expect(&a, success(R("1"), UNIT), "credit.added recharge.succeeded recharge.suppressed");
    assert_true(a.timer_ms == now.next_day_ms);
    now.now_ms = a.timer_ms - 500;
    expect(&a, timer(&a, TS_TIMER_RECHARGE_RETRY), "");
    assert_true(a.timer_ms == now.next_day_ms);
    now = at(a.timer_ms, 20260102);
    expect(&a, timer(&a, TS_TIMER_RECHARGE_RETRY), "recharge.requested");
}

/* --- breaker */

static struct ts_account_state broken(void)
{
    struct ts_account_state a = recharging(5 * UNIT);
    a.recharge.failures = TS_RECHARGE_FAILURES_MAX;
    a.recharge.next_try_ms = NOON + DAY;
    a.recharge.requests = 3;
    return a;
}

static void test_breaker_closes(void **state)
{
    (void)state;
    struct ts_account_state a = broken();
    expect(&a, credit(TS_CREDIT_PROMOTIONAL, UNIT), "credit.added");
    struct ts_command other = change(TS_FIELD_RECHARGE_AMOUNT);
    other.body.change.recharge_amount_micros = 30 * UNIT;
    expect(&a, other, "");
    expect(&a, turned(true), ""); /* it was on: not by a service that says so again */
    struct ts_command by_operator = turned(true);
    by_operator.issued_by = TS_LITERAL("ann");
    struct ts_account_state closed = a;
    expect(&closed, by_operator, "recharge.requested");
    closed = a;
    expect(&closed, turned(false), "");
    expect(&closed, turned(true), ""); /* nor by one that turns it off and on */
    assert_int_equal(closed.recharge.failures, TS_RECHARGE_FAILURES_MAX);
    assert_true(closed.recharge.next_try_ms == NOON + DAY);
    expect(&closed, turned(false), "");
    expect(&closed, by_operator, "recharge.requested");
    assert_int_equal(events[0].body.recharge.attempt, 1);
    closed = a;
    expect(&closed, success(R("3"), UNIT), "credit.added recharge.succeeded recharge.requested");
    closed = a;
    expect(&closed, command(TS_COMMAND_CARD_REPLACED), "");
    expect(&closed, card(TS_COMMAND_CARD_CHARGED, 7), "card.confirmation_started");
    expect(&closed, card(TS_COMMAND_CARD_CONFIRMATION, 7), "card.confirmed recharge.requested");
}

/* --- settings */

static void test_thresholds_change(void **state)
{
    (void)state;
    static const int64_t first[] = {20 * UNIT, 5 * UNIT};
    static const int64_t second[] = {5 * UNIT, 20 * UNIT, 10 * UNIT + 1, 10 * UNIT};
    struct ts_account_state a = account(10 * UNIT);
    struct ts_command c = change(TS_FIELD_ALERT_THRESHOLDS);
    c.body.change.thresholds = first;
    c.body.change.threshold_count = 2;
    expect(&a, c, "balance.low"); /* above the balance: told at once */
    assert_true(events[0].body.low.threshold_micros == 20 * UNIT);
    c.body.change.thresholds = second;
    c.body.change.threshold_count = 4;
    expect(&a, c, "balance.low"); /* 20 is not told again, 10 is not above */
    assert_true(events[0].body.low.threshold_micros == 10 * UNIT + 1);
    spend(&a, 6 * UNIT, "balance.low balance.low");
    struct ts_command wider = change(TS_FIELD_ALERT_HYSTERESIS);
    wider.body.change.hysteresis_micros = 2 * UNIT;
    expect(&a, wider, "");
    expect(&a, credit(TS_CREDIT_PROMOTIONAL, 3 * UNIT - 1), "credit.added");
    expect(&a, credit(TS_CREDIT_PROMOTIONAL, 1), "credit.added balance.low_cleared");
    c.body.change.threshold_count = 0;
    expect(&a, c, "");
    spend(&a, 6 * UNIT, "");
}

static void test_settings_ask_at_once(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(15 * UNIT);
    struct ts_command higher = change(TS_FIELD_RECHARGE_THRESHOLD);
    higher.body.change.recharge_threshold_micros = 15 * UNIT;
    expect(&a, higher, "");
    higher.body.change.recharge_threshold_micros++;
    expect(&a, higher, "recharge.requested");
    assert_true(effect.changed);

    a = recharging(5 * UNIT); /* a cap raised */
    a.recharge.amount_per_month_micros_max = 49 * UNIT;
    spend(&a, 1, "recharge.suppressed cap.reached");
    struct ts_command raised = change(TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX);
    raised.body.change.recharge_amount_per_month_micros_max = 50 * UNIT;
    expect(&a, raised, "recharge.requested");

    a = recharging(5 * UNIT);
    a.subscription = TS_SUBSCRIPTION_FREE;
    struct ts_command sold = change(TS_FIELD_SUBSCRIPTION);
    sold.body.change.subscription = TS_SUBSCRIPTION_STANDARD;
    expect(&a, sold, "recharge.requested");
}

/* An office with a credit line recharges somewhere below zero. */
static void test_threshold_below_zero(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(0);
    a.recharge.threshold_micros = -5 * UNIT;
    spend(&a, 5 * UNIT, "");
    spend(&a, 1, "recharge.requested");
}

/* A wait after a failure is not cut short by whoever turns it off and on. */
static void test_turned_off_and_on(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(5 * UNIT);
    a.recharge.failures = 1;
    a.recharge.next_try_ms = NOON + HOUR;
    expect(&a, turned(false), "");
    expect(&a, turned(true), "");
    assert_true(a.timer_ms == NOON + HOUR);
}

static void test_closing(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(5 * UNIT);
    struct ts_command closed = change(TS_FIELD_STATUS);
    closed.body.change.status = TS_ACCOUNT_CLOSED;
    expect(&a, closed, "");
    assert_true(a.status == TS_ACCOUNT_CLOSED && a.closed_ms == NOON);
    spend(&a, UNIT, ""); /* a call that began before: no recharge for it */
    closed.body.change.set |= ts_field_bit(TS_FIELD_CLOSED_AT);
    closed.body.change.closed_ms = NOON - DAY;
    expect(&a, closed, "");
    assert_true(a.closed_ms == NOON - DAY);
    closed = change(TS_FIELD_STATUS);
    expect(&a, closed, "recharge.requested"); /* active again */
}

/* Said again, it stays closed from when it was. */
static void test_closed_twice(void **state)
{
    (void)state;
    struct ts_account_state a = account(5 * UNIT);
    struct ts_command closed = change(TS_FIELD_STATUS);
    closed.body.change.status = TS_ACCOUNT_CLOSED;
    expect(&a, closed, "");
    now.now_ms = NOON + DAY;
    expect(&a, closed, "");
    assert_true(a.closed_ms == NOON);
    closed.body.change.set |= ts_field_bit(TS_FIELD_CLOSED_AT);
    closed.body.change.closed_ms = NOON + HOUR;
    expect(&a, closed, "");
    assert_true(a.closed_ms == NOON + HOUR);
    closed = change(TS_FIELD_STATUS); /* active again, and closed anew */
    expect(&a, closed, "");
    closed.body.change.status = TS_ACCOUNT_CLOSED;
    expect(&a, closed, "");
    assert_true(a.closed_ms == NOON + DAY);
}

/* --- at random: no sequence of calls and commands breaks what must always hold */

static uint64_t seed;

static int64_t pick(int64_t from, int64_t to)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return from + (int64_t)((seed >> 16) % (uint64_t)(to - from + 1));
}

static void pass_time(void)
{
    int64_t ms = now.now_ms + (pick(0, 3) == 0 ? pick(0, 60) * HOUR : pick(0, HOUR));
    int64_t days = ms / DAY; /* a calendar of 28-day months is as good as any */
    int32_t month = (int32_t)(200000 + days / 28 / 12 * 100 + days / 28 % 12 + 1);
    now = at(ms, (int32_t)(month * 100 + days % 28 + 1));
    now.next_month_ms = (days / 28 + 1) * 28 * DAY;
}

static struct ts_command random_change(void)
{
    struct ts_command c = command(TS_COMMAND_ACCOUNT_CHANGED);
    struct ts_account_change *changed = &c.body.change;
    changed->set = UINT32_C(1) << pick(0, TS_FIELD_STATUS - 1);
    static int64_t thresholds[TS_THRESHOLDS_MAX];
    changed->threshold_count = (size_t)pick(0, TS_THRESHOLDS_MAX);
    for (size_t i = 0; i < changed->threshold_count; i++) {
        thresholds[i] = pick(0, 5) * 10 + (int64_t)i;
    }
    changed->thresholds = thresholds;
    changed->subscription = (enum ts_subscription)(pick(0, 9) == 0 ? 0 : pick(1, 3));
    changed->payment_method = (enum ts_payment_method)pick(0, 1);
    changed->card_state = TS_CARD_CONFIRMED;
    changed->invoice_day = (int32_t)pick(1, 31);
    changed->monthly_credit_cap_micros = pick(100, 900);
    changed->hysteresis_micros = pick(0, 6);
    changed->recharge_on = pick(0, 9) > 0;
    changed->recharge_threshold_micros = pick(5, 40);
    changed->recharge_mode = (enum ts_recharge_mode)pick(0, 2);
    changed->recharge_amount_micros = pick(1, 40);
    changed->recharge_count_per_day_max = (int32_t)pick(0, 3);
    changed->recharge_amount_per_month_micros_max = pick(0, 300);
    return c;
}

static struct ts_command random_command(const struct ts_account_state *a, char *id, size_t size)
{
    int64_t back = pick(0, 2) == 0 ? pick(0, 3) : 0;
    snprintf(id, size, R("%lld"), (long long)(a->recharge.requests - back));
    switch (pick(0, 11)) {
    case 0:
        return credit(TS_CREDIT_PURCHASE, pick(1, 20));
    case 1:
        return credit(TS_CREDIT_ADJUSTMENT, pick(-30, 30) | 1);
    case 2:
    case 3:
    case 4:
        return success(id, pick(1, 10));
    case 5:
        return failure(id);
    case 6:
        return card(TS_COMMAND_CARD_CHARGED, pick(1, 2));
    case 7:
    case 8:
        return card(TS_COMMAND_CARD_CONFIRMATION, pick(1, 2));
    case 9:
        return pick(0, 20) == 0 ? command(TS_COMMAND_CARD_REPLACED)
                                : timer(a, (enum ts_timer)pick(0, 2));
    default:
        return random_change();
    }
}

static void check_request(const struct ts_account_state *a, const char *in_flight)
{
    const struct ts_recharge *recharge = &a->recharge;
    assert_string_equal(in_flight, ""); /* the one before was told to have ended */
    assert_true(a->balance_micros < recharge->threshold_micros);
    assert_true(recharge->failures < TS_RECHARGE_FAILURES_MAX);
    assert_true(recharge->amount_per_month_micros_max == 0 ||
                recharge->month_micros <= recharge->amount_per_month_micros_max);
    int64_t bought = a->purchases.month == recharge->month ? a->purchases.month_micros : 0;
    assert_true(recharge->month_micros + bought <= a->monthly_credit_cap_micros);
    assert_true(recharge->count_per_day_max == 0 ||
                recharge->day_count <= recharge->count_per_day_max);
    assert_true(a->payment_method == TS_PAYMENT_INVOICE || a->card_state == TS_CARD_CONFIRMED);
    assert_true(a->subscription != TS_SUBSCRIPTION_FREE && a->status != TS_ACCOUNT_CLOSED);
}

/* One account's life. Returns the requests. */
static int64_t live(int steps)
{
    struct ts_account_state a = recharging(pick(-10, 60));
    char in_flight[TS_RECHARGE_ID_MAX] = "";
    char id[TS_RECHARGE_ID_MAX];
    a.recharge.threshold_micros = 20;
    a.recharge.amount_micros = 30;
    now = at(NOON, 20260101);
    for (int n = 0; n < steps; n++) {
        pass_time();
        int64_t balance = a.balance_micros;
        int64_t sequence = a.sequence;
        int64_t delta = -pick(1, 8);
        size_t count;
        if (pick(0, 1) == 0) {
            struct ts_event told[TS_DECIDE_EVENTS_MAX];
            count = ts_decide_movement(
                &a, &defaults, &now, TS_LITERAL("office-1"), TS_LITERAL("c"), delta, told);
            memcpy(events, told, count * sizeof told[0]);
        } else {
            struct ts_command c = random_command(&a, id, sizeof id);
            count = ts_decide_command(&a,
                                      &defaults,
                                      &now,
                                      TS_LITERAL("office-1"),
                                      TS_LITERAL("c"),
                                      &c,
                                      &facts,
                                      &effect,
                                      events);
            delta = effect.delta_micros;
            assert_true(delta == 0 || effect.refusal == TS_REFUSAL_NONE);
        }
        assert_true(a.balance_micros == balance + delta);
        for (size_t i = 0; i < count; i++) {
            assert_true(events[i].sequence == sequence + 1 + (int64_t)i);
            if (events[i].type == TS_EVENT_RECHARGE_SUCCEEDED &&
                ts_bytes_equal_text(events[i].body.succeeded.recharge_id, in_flight)) {
                in_flight[0] = '\0';
            } else if (events[i].type == TS_EVENT_RECHARGE_FAILED) {
                assert_string_equal(events[i].body.failed.recharge_id, in_flight);
                in_flight[0] = '\0';
            } else if (events[i].type == TS_EVENT_RECHARGE_REQUESTED) {
                check_request(&a, in_flight);
                snprintf(in_flight, sizeof in_flight, "%s", a.recharge.in_flight_id);
            }
        }
        assert_string_equal(in_flight, a.recharge.in_flight_id);
        assert_true(a.recharge.month_micros >= 0);
        assert_true(in_flight[0] == '\0' || a.timer_ms == a.recharge.expires_at_ms);
    }
    return a.recharge.requests;
}

static void test_random_lives(void **state)
{
    (void)state;
    int64_t requests = 0;
    for (seed = 1; seed <= 3000;) {
        uint64_t own = seed;
        requests += live(200);
        seed = own + 1;
    }
    assert_true(requests > 3000 * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_success, reset),
        cmocka_unit_test_setup(test_failures, reset),
        cmocka_unit_test_setup(test_strange_answers, reset),
        cmocka_unit_test_setup(test_success_is_always_credited, reset),
        cmocka_unit_test_setup(test_late_success, reset),
        cmocka_unit_test_setup(test_expiry_wherever_the_balance_is, reset),
        cmocka_unit_test_setup(test_clocks_apart, reset),
        cmocka_unit_test_setup(test_breaker_closes, reset),
        cmocka_unit_test_setup(test_thresholds_change, reset),
        cmocka_unit_test_setup(test_settings_ask_at_once, reset),
        cmocka_unit_test_setup(test_threshold_below_zero, reset),
        cmocka_unit_test_setup(test_turned_off_and_on, reset),
        cmocka_unit_test_setup(test_closing, reset),
        cmocka_unit_test_setup(test_closed_twice, reset),
        cmocka_unit_test_setup(test_random_lives, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
