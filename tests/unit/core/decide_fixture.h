/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, commands, and what is told of them, for the tests of decisions. */
#ifndef TS_TESTS_UNIT_CORE_DECIDE_FIXTURE_H
#define TS_TESTS_UNIT_CORE_DECIDE_FIXTURE_H

#include "tests/unit/unit.h"

#include "core/decide_command.h"
#include "core/rating.h"

#include <stdio.h>
#include <string.h>

#define UNIT INT64_C(1000000)
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define NOON INT64_C(1767268800000)           /* 2026-01-01T12:00:00Z */
#define R(number) "8391b4dc598115d5-r" number /* the recharge_ids of office-1 */

static const struct ts_decide_settings defaults = {0};
static struct ts_event events[TS_DECIDE_COMMAND_EVENTS_MAX];
static struct ts_command_effect effect;
static struct ts_command_facts facts;
static struct ts_decide_time now;

static inline struct ts_decide_time at(int64_t ms, int32_t day)
{
    return (struct ts_decide_time){.now_ms = ms,
                                   .day = day,
                                   .month = day / 100,
                                   .next_day_ms = ms - ms % DAY + DAY,
                                   .next_month_ms = NOON + 31 * DAY - DAY / 2};
}

static inline int reset(void **state)
{
    (void)state;
    now = at(NOON, 20260101);
    facts = (struct ts_command_facts){0};
    return 0;
}

/* --- accounts */

static inline struct ts_account_state account(int64_t opening)
{
    struct ts_account_state state = {
        .balance_micros = opening,
        .currency = "USD",
        .subscription = TS_SUBSCRIPTION_STANDARD,
        .card_state = TS_CARD_CONFIRMED,
        .invoice_day = 31,
        .monthly_credit_cap_micros = 250 * UNIT,
    };
    ts_decide_opening(&state);
    return state;
}

/* Below 10: 50. */
static inline struct ts_account_state recharging(int64_t opening)
{
    struct ts_account_state state = account(opening);
    state.recharge =
        (struct ts_recharge){.on = true, .threshold_micros = 10 * UNIT, .amount_micros = 50 * UNIT};
    ts_decide_watch(&state);
    return state;
}

/* --- commands */

static inline struct ts_command command(enum ts_command_type type)
{
    return (struct ts_command){
        .type = type, .command_id = TS_LITERAL("c-1"), .account_id = TS_LITERAL("office-1")};
}

static inline struct ts_command credit(enum ts_credit_kind kind, int64_t amount)
{
    struct ts_command c = command(TS_COMMAND_CREDIT_ADDED);
    c.body.credit = (struct ts_command_credit){
        .credit_id = TS_LITERAL("credit-1"), .amount_micros = amount, .kind = kind};
    return c;
}

static inline struct ts_command success(const char *recharge_id, int64_t amount)
{
    struct ts_command c = credit(TS_CREDIT_RECHARGE, amount);
    c.body.credit.recharge_id = ts_bytes_of(recharge_id);
    return c;
}

static inline struct ts_command failure(const char *recharge_id)
{
    struct ts_command c = command(TS_COMMAND_RECHARGE_FAILED);
    c.body.failed.recharge_id = ts_bytes_of(recharge_id);
    c.body.failed.reason = TS_LITERAL("declined");
    return c;
}

static inline struct ts_command card(enum ts_command_type type, int64_t amount)
{
    struct ts_command c = command(type);
    c.body.card.amount_micros = amount;
    return c;
}

static inline struct ts_command timer(const struct ts_account_state *a, enum ts_timer kind)
{
    static char subject[TS_RECHARGE_ID_MAX];
    memcpy(subject, a->recharge.in_flight_id, sizeof subject);
    struct ts_command c = command(TS_COMMAND_TIMER_DUE);
    c.body.timer.timer = kind;
    c.body.timer.due_ms = a->timer_ms;
    c.body.timer.subject = ts_bytes_of(subject);
    return c;
}

static inline struct ts_command change(enum ts_account_field field)
{
    struct ts_command c = command(TS_COMMAND_ACCOUNT_CHANGED);
    c.body.change.set = ts_field_bit(field);
    return c;
}

/* --- what comes of it */

static inline void expect_told(size_t count, int64_t first, const char *types)
{
    char found[600] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(found);
        snprintf(found + used,
                 sizeof found - used,
                 "%s%s",
                 i == 0 ? "" : " ",
                 ts_event_type_name(events[i].type));
        assert_true(events[i].sequence == first + (int64_t)i);
    }
    assert_string_equal(found, types);
}

static inline void expect(struct ts_account_state *a, struct ts_command c, const char *types)
{
    struct ts_account_state before = *a;
    size_t count = ts_decide_command(a,
                                     &defaults,
                                     &now,
                                     TS_LITERAL("office-1"),
                                     TS_LITERAL("command:c-1"),
                                     &c,
                                     &facts,
                                     &effect,
                                     events);
    expect_told(count, before.sequence + 1, types);
    assert_true(a->sequence == before.sequence + (int64_t)count);
    assert_true(a->balance_micros == before.balance_micros + effect.delta_micros);
    for (size_t i = 0; i < count; i++) {
        assert_true(events[i].balance_micros == a->balance_micros);
        assert_true(ts_bytes_equal_text(events[i].cause, "command:c-1"));
    }
}

static inline void spend(struct ts_account_state *a, int64_t amount, const char *types)
{
    int64_t first = a->sequence + 1;
    struct ts_event told[TS_DECIDE_EVENTS_MAX];
    size_t count = ts_decide_movement(
        a, &defaults, &now, TS_LITERAL("office-1"), TS_LITERAL("cdr"), -amount, told);
    memcpy(events, told, count * sizeof told[0]);
    expect_told(count, first, types);
}

static inline void refused(struct ts_account_state *a, struct ts_command c, const char *reason)
{
    expect(a, c, "credit.refused");
    assert_string_equal(events[0].body.refused.reason, reason);
    assert_true(effect.delta_micros == 0);
    assert_false(effect.invoiced);
}

#endif
