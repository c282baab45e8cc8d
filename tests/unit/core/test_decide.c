/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "core/decide.h"

#include <stdio.h>
#include <string.h>

#define UNIT INT64_C(1000000)
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define NOON INT64_C(1767268800000) /* 2026-01-01T12:00:00Z */

static const struct ts_decide_settings defaults = {0};
static struct ts_event events[TS_DECIDE_EVENTS_MAX];
static struct ts_decide_time now;

static struct ts_decide_time at(int64_t ms, int32_t day)
{
    return (struct ts_decide_time){.now_ms = ms,
                                   .day = day,
                                   .month = day / 100,
                                   .next_day_ms = ms - ms % DAY + DAY,
                                   .next_month_ms = ms - ms % DAY + 31 * DAY};
}

static int reset_time(void **state)
{
    (void)state;
    now = at(NOON, 20260101);
    return 0;
}

static size_t move(struct ts_account_state *state, int64_t delta)
{
    return ts_decide_movement(
        state, &defaults, &now, TS_LITERAL("office-1"), TS_LITERAL("cdr:s/c/0/1"), delta, events);
}

/* Moves to a balance and expects these types of events, "" for none. */
static void expect(struct ts_account_state *state, int64_t balance, const char *types)
{
    char found[400] = "";
    int64_t sequence = state->sequence;
    size_t count = move(state, balance - state->balance_micros);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(found);
        snprintf(found + used,
                 sizeof found - used,
                 "%s%s",
                 i == 0 ? "" : " ",
                 ts_event_type_name(events[i].type));
        assert_true(events[i].sequence == sequence + 1 + (int64_t)i);
        assert_true(events[i].balance_micros == balance);
    }
    assert_string_equal(found, types);
    assert_true(state->balance_micros == balance);
    assert_true(state->sequence == sequence + (int64_t)count);
}

static struct ts_account_state account(int64_t opening)
{
    struct ts_account_state state = {
        .account_no = 1,
        .balance_micros = opening,
        .currency = "USD",
        .threshold_count = 3,
        .thresholds_micros = {10 * UNIT, 30 * UNIT, 20 * UNIT},
        .hysteresis_micros = 2 * UNIT,
        .subscription = TS_SUBSCRIPTION_STANDARD,
        .monthly_credit_cap_micros = 250 * UNIT,
    };
    ts_decide_opening(&state);
    return state;
}

static struct ts_account_state recharging(int64_t opening)
{
    struct ts_account_state state = account(opening);
    state.threshold_count = 0;
    state.armed = 0;
    state.card_state = TS_CARD_CONFIRMED;
    state.recharge =
        (struct ts_recharge){.on = true, .threshold_micros = 10 * UNIT, .amount_micros = 50 * UNIT};
    ts_decide_watch(&state);
    return state;
}

static void test_thresholds(void **state)
{
    (void)state;
    struct ts_account_state a = account(50 * UNIT);
    expect(&a, 30 * UNIT, ""); /* equality is not below */
    expect(&a, 30 * UNIT - 1, "balance.low");
    assert_true(events[0].body.low.threshold_micros == 30 * UNIT);
    expect(&a, 30 * UNIT, "");
    expect(&a, 30 * UNIT - 1, ""); /* oscillation by one unit */
    expect(&a, 32 * UNIT - 1, "");
    expect(&a, 32 * UNIT, "balance.low_cleared");
    expect(&a, 5 * UNIT, "balance.low balance.low balance.low");
    assert_true(events[0].body.low.threshold_micros == 30 * UNIT);
    assert_true(events[1].body.low.threshold_micros == 20 * UNIT);
    assert_true(events[2].body.low.threshold_micros == 10 * UNIT);
    expect(&a, 40 * UNIT, "balance.low_cleared balance.low_cleared balance.low_cleared");
    assert_true(events[0].body.low.threshold_micros == 10 * UNIT);
    assert_true(events[2].body.low.threshold_micros == 30 * UNIT);
}

static void test_exhausted_and_restored(void **state)
{
    (void)state;
    struct ts_account_state a = account(50 * UNIT);
    a.threshold_count = 0;
    ts_decide_opening(&a);
    expect(&a, 1, "");
    expect(&a, 0, "balance.exhausted");
    expect(&a, -1, "");
    expect(&a, 0, "");
    expect(&a, 1, "balance.restored");
    expect(&a, -5 * UNIT, "balance.exhausted");
    expect(&a, 50 * UNIT, "balance.restored");

    a = account(50 * UNIT);
    expect(&a, -UNIT, "balance.low balance.low balance.low balance.exhausted");
    expect(&a, 22 * UNIT, "balance.restored balance.low_cleared balance.low_cleared");
}

/* What was told stays told; what is to be told now falls due at once. */
static void test_repaired(void **state)
{
    (void)state;
    struct ts_account_state a = account(50 * UNIT);
    a.balance_micros = 31 * UNIT;
    ts_decide_repaired(&a, 1000);
    assert_true(a.timer_ms == 0);
    assert_int_equal(a.armed, 7);
    a.balance_micros = 15 * UNIT; /* below 30 and 20, which nobody was told */
    ts_decide_repaired(&a, 1000);
    assert_true(a.timer_ms == 1000);
    assert_int_equal(a.armed, 7);
    assert_true(a.sequence == 0);
    expect(&a, 15 * UNIT - 1, "balance.low balance.low");
    a.balance_micros = 32 * UNIT;
    ts_decide_repaired(&a, 2000);
    assert_true(a.timer_ms == 2000);
    expect(&a, 32 * UNIT + 1, "balance.low_cleared balance.low_cleared");
}

static void test_opening(void **state)
{
    (void)state;
    struct ts_account_state a = account(15 * UNIT); /* above one of three */
    expect(&a, 14 * UNIT, "");
    expect(&a, 9 * UNIT, "balance.low");
    expect(&a, 22 * UNIT, "balance.low_cleared balance.low_cleared");
    a = account(0);
    expect(&a, -UNIT, "");
    expect(&a, UNIT, "balance.restored");
}

static void test_nothing_moves(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(5 * UNIT); /* a request would be due */
    struct ts_account_state before = a;
    assert_int_equal(move(&a, 0), 0);
    assert_memory_equal(&a, &before, sizeof a);
}

/* The id depends on what PostgreSQL keeps only; the hash of "office-1" is from another
 * implementation of XXH3. */
static void test_envelope(void **state)
{
    (void)state;
    struct ts_account_state a = account(50 * UNIT);
    a.sequence = 41;
    expect(&a, 29 * UNIT, "balance.low");
    assert_string_equal(events[0].event_id, "8391b4dc598115d5-42");
    assert_true(ts_bytes_equal_text(events[0].account_id, "office-1"));
    assert_true(ts_bytes_equal_text(events[0].cause, "cdr:s/c/0/1"));
    assert_string_equal(events[0].currency, "USD");
    assert_true(events[0].time_ms == NOON);
}

static void test_recharge_is_requested_once(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    expect(&a, 10 * UNIT, "");
    expect(&a, 10 * UNIT - 1, "recharge.requested");
    assert_string_equal(events[0].body.recharge.recharge_id, "8391b4dc598115d5-r1");
    assert_true(events[0].body.recharge.amount_micros == 50 * UNIT);
    assert_string_equal(events[0].body.recharge.payment_method, "card");
    assert_int_equal(events[0].body.recharge.attempt, 1);
    assert_true(events[0].body.recharge.expires_at_ms == NOON + DAY);
    expect(&a, 5 * UNIT, ""); /* in flight */
    expect(&a, -5 * UNIT, "balance.exhausted");
    now.now_ms += DAY - 1;
    expect(&a, -6 * UNIT, "");
}

static void test_recharge_modes(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    a.recharge.mode = TS_RECHARGE_TARGET;
    expect(&a, 4 * UNIT, "recharge.requested");
    assert_true(events[0].body.recharge.amount_micros == 46 * UNIT);
    a = recharging(20 * UNIT);
    a.recharge.mode = TS_RECHARGE_SHORTFALL_PLUS;
    a.payment_method = TS_PAYMENT_INVOICE;
    a.card_state = TS_CARD_NONE;
    expect(&a, 4 * UNIT, "recharge.requested");
    assert_true(events[0].body.recharge.amount_micros == 56 * UNIT);
    assert_string_equal(events[0].body.recharge.payment_method, "invoice");
    a = recharging(20 * UNIT);
    a.recharge.mode = TS_RECHARGE_TARGET;
    a.recharge.amount_micros = 3 * UNIT; /* a target below the balance asks for nothing */
    expect(&a, 4 * UNIT, "");
    expect(&a, 2 * UNIT, "recharge.requested");
    assert_true(events[0].body.recharge.amount_micros == UNIT);
}

static void test_recharge_needs(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    a.recharge.on = false;
    expect(&a, UNIT, "");
    a = recharging(20 * UNIT);
    a.subscription = TS_SUBSCRIPTION_FREE;
    expect(&a, UNIT, "");
    static const enum ts_card_state unusable[] = {
        TS_CARD_NONE, TS_CARD_UNCONFIRMED, TS_CARD_LOCKED};
    for (int i = 0; i < 3; i++) {
        a = recharging(20 * UNIT);
        a.card_state = unusable[i];
        expect(&a, UNIT, "");
    }
    a = recharging(20 * UNIT);
    a.recharge.failures = TS_RECHARGE_FAILURES_MAX;
    expect(&a, UNIT, "");
    a = recharging(20 * UNIT);
    a.recharge.next_try_ms = NOON + 1;
    expect(&a, UNIT, "");
    now.now_ms++;
    expect(&a, UNIT - 1, "recharge.requested");
}

/* What the loop that answers requests will do on success. */
static void answered(struct ts_account_state *a)
{
    a->recharge.in_flight_id[0] = '\0';
    a->recharge.in_flight_micros = 0;
}

static void test_daily_cap(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    a.recharge.count_per_day_max = 2;
    a.recharge.amount_micros = UNIT;
    expect(&a, 5 * UNIT, "recharge.requested");
    answered(&a);
    expect(&a, 4 * UNIT, "recharge.requested");
    answered(&a);
    expect(&a, 3 * UNIT, "recharge.suppressed");
    assert_string_equal(events[0].body.suppressed.reason, "daily_count_cap");
    expect(&a, 2 * UNIT, ""); /* told once */
    now.now_ms -= DAY;
    now.day = 20251231; /* a clock set back opens nothing */
    now.month = 202512;
    expect(&a, 2 * UNIT - 1, "");
    now = at(NOON + DAY, 20260102);
    expect(&a, 2 * UNIT - 2, "recharge.requested");
    answered(&a);
    expect(&a, 2 * UNIT - 3, "recharge.requested");
    answered(&a);
    expect(&a, 2 * UNIT - 4, "recharge.suppressed");
}

static void test_monthly_caps(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    a.recharge.amount_per_month_micros_max = 99 * UNIT;
    expect(&a, 5 * UNIT, "recharge.requested");
    answered(&a);
    expect(&a, 4 * UNIT, "recharge.suppressed cap.reached"); /* whole: 49 would still fit */
    assert_string_equal(events[0].body.suppressed.reason, "monthly_amount_cap");
    assert_string_equal(events[1].body.cap.kind, "recharge_monthly_amount");
    assert_true(events[1].body.cap.limit_micros == 99 * UNIT);
    expect(&a, 3 * UNIT, "");
    now = at(NOON + 31 * DAY, 20260201);
    expect(&a, 2 * UNIT, "recharge.requested");

    a = recharging(20 * UNIT);
    a.recharge.amount_micros = 250 * UNIT; /* exactly the account's cap */
    expect(&a, 5 * UNIT, "recharge.requested");
    answered(&a);
    a.recharge.amount_micros = 1;
    expect(&a, 4 * UNIT, "recharge.suppressed cap.reached");
    assert_string_equal(events[0].body.suppressed.reason, "monthly_credit_cap");
    assert_string_equal(events[1].body.cap.kind, "monthly_credit");
    assert_true(events[1].body.cap.limit_micros == 250 * UNIT);
}

static void test_amount_limit(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    a.monthly_credit_cap_micros = INT64_MAX;
    a.recharge.amount_micros = TS_AMOUNT_MAX;
    expect(&a, 5 * UNIT, "recharge.suppressed");
    assert_string_equal(events[0].body.suppressed.reason, "amount_limit");
}

static void test_unanswered_requests(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    int64_t balance = 5 * UNIT;
    expect(&a, balance, "recharge.requested");
    now = at(NOON + DAY, 20260102);
    expect(&a, --balance, "recharge.failed");
    assert_string_equal(events[0].body.failed.recharge_id, "8391b4dc598115d5-r1");
    assert_true(ts_bytes_equal_text(events[0].body.failed.reason, "expired"));
    assert_true(events[0].body.failed.has_next_try);
    assert_true(events[0].body.failed.next_try_ms == NOON + DAY + HOUR);
    assert_true(a.recharge.month_micros == 0); /* what failed is not counted */
    now.now_ms += HOUR - 1;
    expect(&a, --balance, "");
    now.now_ms++;
    expect(&a, --balance, "recharge.requested");
    assert_int_equal(events[0].body.recharge.attempt, 2);
    assert_string_equal(events[0].body.recharge.recharge_id, "8391b4dc598115d5-r2");

    /* Found late: the wait counted from when it ran out, so the next follows at once. */
    now.now_ms += DAY + 3 * HOUR;
    expect(&a, --balance, "recharge.failed recharge.requested");
    assert_true(events[0].body.failed.next_try_ms == now.now_ms - HOUR);
    assert_int_equal(events[1].body.recharge.attempt, 3);
    now.now_ms += DAY;
    expect(&a, --balance, "recharge.failed recharge.disabled");
    assert_false(events[0].body.failed.has_next_try);
    assert_int_equal(events[1].body.disabled.failures, 3);
    now.now_ms += 30 * DAY;
    expect(&a, --balance, "");
    expect(&a, 20 * UNIT, "");
    expect(&a, balance, "");
}

static void test_backoff_is_bounded(void **state)
{
    (void)state;
    struct ts_account_state a = recharging(20 * UNIT);
    struct ts_decide_settings settings = {.recharge_expires_after_ms = 10,
                                          .recharge_backoff_first_ms = 100,
                                          .recharge_backoff_longest_ms = 150};
    for (int failures = 0; failures < 2; failures++) {
        ts_decide_movement(
            &a, &settings, &now, TS_LITERAL("o"), TS_LITERAL("c"), -15 * UNIT, events);
        int64_t expires_at = now.now_ms + 10;
        assert_true(a.recharge.expires_at_ms == expires_at);
        now.now_ms = expires_at;
        ts_decide_movement(&a, &settings, &now, TS_LITERAL("o"), TS_LITERAL("c"), -1, events);
        assert_true(a.recharge.next_try_ms == expires_at + (failures == 0 ? 100 : 150));
        now.now_ms = a.recharge.next_try_ms;
    }
}

/* --- at random --------------------------------------------------------------------------------
 * Two accounts go through the same movements. One is judged at every movement; the other only when
 * its balance leaves the watch levels, as a settlement does it. They must tell the same and stay
 * the same. And against the rules as the domain puts them: crossings from the balance before and
 * after, counted by a plain model. */

static uint64_t seed;

static int64_t pick(int64_t from, int64_t to)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return from + (int64_t)((seed >> 16) % (uint64_t)(to - from + 1));
}

static struct ts_account_state random_account(void)
{
    struct ts_account_state a = {
        .balance_micros = pick(-20, 60),
        .threshold_count = (uint8_t)pick(0, TS_THRESHOLDS_MAX),
        .hysteresis_micros = pick(0, 6),
        .payment_method = (enum ts_payment_method)pick(0, 1),
        .card_state = (enum ts_card_state)pick(1, 3),
        .subscription = (enum ts_subscription)pick(0, 3),
        .monthly_credit_cap_micros = pick(10, 300),
        .currency = "EUR",
    };
    for (int i = 0; i < a.threshold_count; i++) {
        a.thresholds_micros[i] = pick(-15, 50);
    }
    a.recharge = (struct ts_recharge){
        .on = pick(0, 3) > 0,
        .mode = (enum ts_recharge_mode)pick(0, 2),
        .threshold_micros = pick(-5, 30),
        .amount_micros = pick(1, 40),
        .count_per_day_max = (int32_t)pick(0, 3),
        .amount_per_month_micros_max = pick(0, 100),
    };
    ts_decide_opening(&a);
    return a;
}

static void pass_time(void)
{
    int64_t step = pick(0, 9) == 0 ? pick(0, 60) * HOUR : pick(0, HOUR);
    if (pick(0, 40) == 0) {
        step = -HOUR;
    }
    now.now_ms += step;
    /* A calendar of 28-day months is as good as any. */
    int64_t days = now.now_ms / DAY;
    now.month = (int32_t)(202600 + days / 28);
    now.day = (int32_t)(now.month * 100 + days % 28 + 1);
}

/* What the alerts must be, in the words of the domain. */
struct model {
    bool armed[TS_THRESHOLDS_MAX];
};

static void
check_alerts(struct model *model, const struct ts_account_state *a, size_t count, int64_t before)
{
    size_t low = 0;
    size_t cleared = 0;
    for (int i = 0; i < a->threshold_count; i++) {
        int64_t threshold = a->thresholds_micros[i];
        if (model->armed[i] && before >= threshold && a->balance_micros < threshold) {
            model->armed[i] = false;
            low++;
        } else if (!model->armed[i] && a->balance_micros >= threshold + a->hysteresis_micros) {
            model->armed[i] = true;
            cleared++;
        }
    }
    size_t exhausted = before > 0 && a->balance_micros <= 0;
    size_t restored = before <= 0 && a->balance_micros > 0;
    for (size_t i = 0; i < count; i++) {
        low -= events[i].type == TS_EVENT_BALANCE_LOW;
        cleared -= events[i].type == TS_EVENT_BALANCE_LOW_CLEARED;
        exhausted -= events[i].type == TS_EVENT_BALANCE_EXHAUSTED;
        restored -= events[i].type == TS_EVENT_BALANCE_RESTORED;
    }
    assert_int_equal(low, 0);
    assert_int_equal(cleared, 0);
    assert_int_equal(exhausted, 0);
    assert_int_equal(restored, 0);
}

static void check_recharge(const struct ts_account_state *before,
                           const struct ts_account_state *a,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (events[i].type != TS_EVENT_RECHARGE_REQUESTED) {
            continue;
        }
        assert_true(a->balance_micros < a->recharge.threshold_micros);
        assert_true(before->recharge.in_flight_id[0] == '\0' ||
                    before->recharge.expires_at_ms <= now.now_ms);
        assert_true(a->recharge.month_micros <= a->monthly_credit_cap_micros);
        assert_true(a->recharge.amount_per_month_micros_max == 0 ||
                    a->recharge.month_micros <= a->recharge.amount_per_month_micros_max);
        assert_true(a->recharge.count_per_day_max == 0 ||
                    a->recharge.day_count <= a->recharge.count_per_day_max);
        assert_true(a->subscription != TS_SUBSCRIPTION_FREE);
        assert_true(a->payment_method == TS_PAYMENT_INVOICE || a->card_state == TS_CARD_CONFIRMED);
    }
}

static void same_events(const struct ts_event *a, const struct ts_event *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a[i].type, b[i].type);
        assert_string_equal(a[i].event_id, b[i].event_id);
        assert_memory_equal(&a[i].body, &b[i].body, sizeof a[i].body);
    }
}

/* A timer that nothing waits for any more may be left to the one that looks less often. */
static void same_states(const struct ts_account_state *judged,
                        const struct ts_account_state *watched)
{
    struct ts_account_state same = *watched;
    if (judged->timer_ms == 0) {
        same.timer_ms = 0;
        same.recharge.look_again_ms = judged->recharge.look_again_ms;
    }
    assert_memory_equal(judged, &same, sizeof same);
}

/* One account's life; returns how often the watch levels spared a look. */
static int live(int movements)
{
    struct ts_account_state judged = random_account();
    struct ts_account_state watched = judged;
    struct model model = {{false}};
    int spared = 0;
    for (int i = 0; i < judged.threshold_count; i++) {
        model.armed[i] = judged.balance_micros >= judged.thresholds_micros[i];
    }
    now = at(NOON, 0);
    for (int n = 0; n < movements; n++) {
        struct ts_event again[TS_DECIDE_EVENTS_MAX];
        struct ts_account_state before = judged;
        int64_t delta = pick(0, 4) == 0 ? pick(-40, 40) : pick(-3, 2);
        pass_time();
        if (pick(0, 30) == 0) { /* the payment service answers both */
            answered(&judged);
            answered(&watched);
            judged.recharge.failures = watched.recharge.failures = 0;
            ts_decide_watch(&judged);
            ts_decide_watch(&watched);
            before = judged;
        }
        size_t count = move(&judged, delta);
        check_alerts(&model, &judged, count, before.balance_micros);
        check_recharge(&before, &judged, count);
        if (count == 0) { /* nothing told: nothing to write but the balance and the timer */
            before.balance_micros += delta;
            before.timer_ms = judged.timer_ms;
            before.recharge.look_again_ms = judged.recharge.look_again_ms;
            assert_memory_equal(&before, &judged, sizeof judged);
        }
        memcpy(again, events, sizeof again);
        int64_t after = watched.balance_micros + delta;
        if (after >= watched.watch_low && after < watched.watch_high) {
            watched.balance_micros = after;
            assert_int_equal(count, 0);
            spared++;
        } else {
            assert_int_equal(move(&watched, delta), count);
            same_events(again, events, count);
        }
        same_states(&judged, &watched);
    }
    return spared;
}

static void test_random_lives(void **state)
{
    (void)state;
    int spared = 0;
    for (seed = 1; seed <= 3000;) {
        uint64_t own = seed;
        spared += live(200);
        seed = own + 1;
    }
    assert_true(spared > 3000 * 200 / 10); /* the watch levels are worth having */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_thresholds, reset_time),
        cmocka_unit_test_setup(test_exhausted_and_restored, reset_time),
        cmocka_unit_test_setup(test_repaired, reset_time),
        cmocka_unit_test_setup(test_opening, reset_time),
        cmocka_unit_test_setup(test_nothing_moves, reset_time),
        cmocka_unit_test_setup(test_envelope, reset_time),
        cmocka_unit_test_setup(test_recharge_is_requested_once, reset_time),
        cmocka_unit_test_setup(test_recharge_modes, reset_time),
        cmocka_unit_test_setup(test_recharge_needs, reset_time),
        cmocka_unit_test_setup(test_daily_cap, reset_time),
        cmocka_unit_test_setup(test_monthly_caps, reset_time),
        cmocka_unit_test_setup(test_amount_limit, reset_time),
        cmocka_unit_test_setup(test_unanswered_requests, reset_time),
        cmocka_unit_test_setup(test_backoff_is_bounded, reset_time),
        cmocka_unit_test_setup(test_random_lives, reset_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
