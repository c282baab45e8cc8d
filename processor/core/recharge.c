/* SPDX-License-Identifier: Apache-2.0 */
/* Automatic recharge: when a request is due, for how much, and what its failures mean (domain:
 * section 6). */
#include "base/hash.h"
#include "core/decide_inner.h"
#include "core/rating.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define EXPIRES_AFTER_MS (24 * HOUR_MS)
#define BACKOFF_FIRST_MS HOUR_MS
#define BACKOFF_LONGEST_MS (24 * HOUR_MS)

static int64_t or_default(int64_t setting, int64_t value)
{
    return setting != 0 ? setting : value;
}

/* Only a record of another kind than a movement changes any of this, but for the failures. */
bool ts_can_recharge(const struct ts_account_state *state)
{
    const struct ts_recharge *recharge = &state->recharge;
    return recharge->on && state->status != TS_ACCOUNT_CLOSED &&
           state->subscription != TS_SUBSCRIPTION_FREE &&
           (state->payment_method == TS_PAYMENT_INVOICE ||
            state->card_state == TS_CARD_CONFIRMED) &&
           recharge->failures < TS_RECHARGE_FAILURES_MAX;
}

/* --- failures */

static int64_t backoff_ms(const struct ts_decide_settings *settings, int32_t failures)
{
    int64_t wait = or_default(settings->recharge_backoff_first_ms, BACKOFF_FIRST_MS);
    int64_t longest = or_default(settings->recharge_backoff_longest_ms, BACKOFF_LONGEST_MS);
    for (int32_t i = 1; i < failures && wait < longest; i++) {
        wait *= 2;
    }
    return wait < longest ? wait : longest;
}

/* The amount leaves the month it was requested in, which is the one counted, because a new month
 * begins only with a new request. */
void ts_recharge_fail(struct ts_judgement *j, struct ts_bytes reason, int64_t failed_ms)
{
    struct ts_recharge *recharge = &j->state->recharge;
    recharge->failures++;
    recharge->next_try_ms = failed_ms + backoff_ms(j->settings, recharge->failures);
    recharge->month_micros -= recharge->in_flight_micros;
    bool disabled = recharge->failures >= TS_RECHARGE_FAILURES_MAX;

    struct ts_event *event = ts_judgement_tell(j, TS_EVENT_RECHARGE_FAILED);
    memcpy(event->body.failed.recharge_id, recharge->in_flight_id, sizeof recharge->in_flight_id);
    event->body.failed.reason = reason;
    event->body.failed.has_next_try = !disabled;
    event->body.failed.next_try_ms = recharge->next_try_ms;
    if (disabled) {
        ts_judgement_tell(j, TS_EVENT_RECHARGE_DISABLED)->body.disabled.failures =
            recharge->failures;
    }
    recharge->in_flight_id[0] = '\0';
    recharge->in_flight_micros = 0;
    recharge->expires_at_ms = 0;
}

void ts_recharge_forgive(struct ts_recharge *recharge)
{
    recharge->failures = 0;
    recharge->next_try_ms = 0;
}

/* What nobody answered has failed at the time it ran out, whenever that is found. */
void ts_judge_expiry(struct ts_judgement *j)
{
    const struct ts_recharge *recharge = &j->state->recharge;
    if (recharge->in_flight_id[0] != '\0' && j->time->now_ms >= recharge->expires_at_ms) {
        ts_recharge_fail(j, TS_LITERAL("expired"), recharge->expires_at_ms);
    }
}

/* --- how much, and what limits it */

/* What to ask for; <= 0 when the settings ask for nothing at this balance. */
static int64_t amount_to_request(const struct ts_account_state *state)
{
    const struct ts_recharge *recharge = &state->recharge;
    switch (recharge->mode) {
    case TS_RECHARGE_FIXED:
        return recharge->amount_micros;
    case TS_RECHARGE_TARGET:
        return recharge->amount_micros - state->balance_micros;
    case TS_RECHARGE_SHORTFALL_PLUS:
        return recharge->threshold_micros - state->balance_micros + recharge->amount_micros;
    }
    return 0;
}

static int64_t requested_this_month(const struct ts_recharge *recharge, int32_t month)
{
    return recharge->month == ts_later_period(recharge->month, month) ? recharge->month_micros : 0;
}

int64_t ts_month_spent(const struct ts_account_state *state, const struct ts_decide_time *time)
{
    const struct ts_purchases *bought = &state->purchases;
    bool counts = bought->month == ts_later_period(bought->month, time->month);
    return requested_this_month(&state->recharge, time->month) +
           (counts ? bought->month_micros : 0);
}

/* A limit that the request would pass, and how it is told. */
struct limit {
    const char *reason;
    const char *cap; /* kind of cap.reached; NULL: it is no cap on amounts */
    int64_t cap_micros;
    bool daily; /* told once a day, not once a month */
};

static bool is_limited(const struct ts_judgement *j, int64_t amount, struct limit *out)
{
    const struct ts_account_state *state = j->state;
    const struct ts_recharge *recharge = &state->recharge;
    int32_t day = ts_later_period(recharge->day, j->time->day);
    if (amount > TS_AMOUNT_MAX || state->balance_micros + amount > TS_AMOUNT_MAX) {
        *out = (struct limit){.reason = "amount_limit"};
        return true;
    }
    if (recharge->amount_per_month_micros_max > 0 &&
        requested_this_month(recharge, j->time->month) + amount >
            recharge->amount_per_month_micros_max) {
        *out = (struct limit){.reason = "monthly_amount_cap",
                              .cap = "recharge_monthly_amount",
                              .cap_micros = recharge->amount_per_month_micros_max};
        return true;
    }
    if (ts_month_spent(state, j->time) + amount > state->monthly_credit_cap_micros) {
        *out = (struct limit){.reason = "monthly_credit_cap",
                              .cap = "monthly_credit",
                              .cap_micros = state->monthly_credit_cap_micros};
        return true;
    }
    if (recharge->count_per_day_max > 0 && recharge->day == day &&
        recharge->day_count >= recharge->count_per_day_max) {
        *out = (struct limit){.reason = "daily_count_cap", .daily = true};
        return true;
    }
    return false;
}

static void suppress(struct ts_judgement *j, const struct limit *limit)
{
    struct ts_recharge *recharge = &j->state->recharge;
    int32_t *told = limit->daily ? &recharge->suppressed_day : &recharge->suppressed_month;
    int32_t now = limit->daily ? j->time->day : j->time->month;
    recharge->look_again_ms = limit->daily ? j->time->next_day_ms : j->time->next_month_ms;
    if (*told >= now) {
        return;
    }
    *told = now;
    ts_judgement_tell(j, TS_EVENT_RECHARGE_SUPPRESSED)->body.suppressed.reason = limit->reason;
    if (limit->cap != NULL) {
        struct ts_event *event = ts_judgement_tell(j, TS_EVENT_CAP_REACHED);
        event->body.cap.kind = limit->cap;
        event->body.cap.limit_micros = limit->cap_micros;
    }
}

/* --- a request */

static void request(struct ts_judgement *j, int64_t amount)
{
    struct ts_recharge *recharge = &j->state->recharge;
    int32_t day = ts_later_period(recharge->day, j->time->day);
    int32_t month = ts_later_period(recharge->month, j->time->month);
    recharge->day_count = recharge->day == day ? recharge->day_count + 1 : 1;
    recharge->day = day;
    recharge->month_micros = requested_this_month(recharge, month) + amount;
    recharge->month = month;
    recharge->requests++;
    recharge->in_flight_micros = amount;
    recharge->expires_at_ms =
        j->time->now_ms + or_default(j->settings->recharge_expires_after_ms, EXPIRES_AFTER_MS);
    snprintf(recharge->in_flight_id,
             sizeof recharge->in_flight_id,
             "%016" PRIx64 "-r%" PRId64,
             ts_hash64(j->account_id),
             recharge->requests);

    struct ts_event *event = ts_judgement_tell(j, TS_EVENT_RECHARGE_REQUESTED);
    memcpy(event->body.recharge.recharge_id, recharge->in_flight_id, sizeof recharge->in_flight_id);
    event->body.recharge.amount_micros = amount;
    event->body.recharge.payment_method =
        j->state->payment_method == TS_PAYMENT_INVOICE ? "invoice" : "card";
    event->body.recharge.attempt = recharge->failures + 1;
    event->body.recharge.expires_at_ms = recharge->expires_at_ms;
}

void ts_judge_recharge(struct ts_judgement *j)
{
    struct ts_account_state *state = j->state;
    struct ts_recharge *recharge = &state->recharge;
    recharge->look_again_ms = 0;
    if (!ts_can_recharge(state) || state->balance_micros >= recharge->threshold_micros) {
        return;
    }
    ts_judge_expiry(j);
    if (recharge->in_flight_id[0] != '\0' || !ts_can_recharge(state) ||
        j->time->now_ms < recharge->next_try_ms) {
        return;
    }
    int64_t amount = amount_to_request(state);
    struct limit limit;
    if (amount <= 0) {
        return;
    }
    if (is_limited(j, amount, &limit)) {
        suppress(j, &limit);
    } else {
        request(j, amount);
    }
}
