/* SPDX-License-Identifier: Apache-2.0 */
/* Each judgement asks the state what was told before, never which way the balance went, so that it
 * comes to the same result however many movements were passed over in between: those that stayed
 * within the watch levels. */
#include "core/decide.h"

#include "base/assert.h"
#include "base/hash.h"
#include "core/rating.h"

#include <inttypes.h>
#include <stdio.h>

#define HOUR_MS INT64_C(3600000)
#define EXPIRES_AFTER_MS (24 * HOUR_MS)
#define BACKOFF_FIRST_MS HOUR_MS
#define BACKOFF_LONGEST_MS (24 * HOUR_MS)

/* One movement being judged. */
struct judgement {
    struct ts_account_state *state;
    const struct ts_decide_settings *settings;
    const struct ts_decide_time *time;
    struct ts_bytes account_id;
    struct ts_bytes cause;
    struct ts_event *events;
    size_t count;
};

static int64_t or_default(int64_t setting, int64_t value)
{
    return setting != 0 ? setting : value;
}

/* --- what is told ---------------------------------------------------------------------------- */

static struct ts_event *tell(struct judgement *j, enum ts_event_type type)
{
    TS_ASSERT(j->count < TS_DECIDE_EVENTS_MAX);
    struct ts_event *event = &j->events[j->count++];
    *event = (struct ts_event){.type = type,
                               .account_id = j->account_id,
                               .sequence = ++j->state->sequence,
                               .time_ms = j->time->now_ms,
                               .cause = j->cause,
                               .balance_micros = j->state->balance_micros};
    memcpy(event->currency, j->state->currency, sizeof event->currency);
    snprintf(event->event_id,
             sizeof event->event_id,
             "%016" PRIx64 "-%" PRId64,
             ts_hash64(j->account_id),
             event->sequence);
    return event;
}

/* --- alerts ---------------------------------------------------------------------------------- */

static bool is_armed(const struct ts_account_state *state, int i)
{
    return (state->armed >> i & 1) != 0;
}

/* The balance from which threshold i is armed again. */
static int64_t clears_at(const struct ts_account_state *state, int i)
{
    return state->thresholds_micros[i] + state->hysteresis_micros;
}

static bool crosses(const struct ts_account_state *state, int i)
{
    return is_armed(state, i) ? state->balance_micros < state->thresholds_micros[i]
                              : state->balance_micros >= clears_at(state, i);
}

/* Thresholds are kept in the order they were set: the next to tell is looked for, at most 8. */
static int next_crossed(const struct ts_account_state *state, bool armed)
{
    int next = -1;
    for (int i = 0; i < state->threshold_count; i++) {
        if (is_armed(state, i) == armed && crosses(state, i) &&
            (next < 0 || (state->thresholds_micros[i] > state->thresholds_micros[next]) == armed)) {
            next = i;
        }
    }
    return next;
}

static void judge_thresholds(struct judgement *j, bool armed)
{
    struct ts_account_state *state = j->state;
    enum ts_event_type type = armed ? TS_EVENT_BALANCE_LOW : TS_EVENT_BALANCE_LOW_CLEARED;
    uint8_t turned = 0;
    for (int i; (i = next_crossed(state, armed)) >= 0;) {
        tell(j, type)->body.low.threshold_micros = state->thresholds_micros[i];
        TS_ASSERT((turned >> i & 1) == 0);
        turned = (uint8_t)(turned | 1u << i);
        state->armed = (uint8_t)(state->armed ^ 1u << i);
    }
}

static void judge_alerts(struct judgement *j)
{
    struct ts_account_state *state = j->state;
    bool restored = state->exhausted && state->balance_micros > 0;
    bool exhausted = !state->exhausted && state->balance_micros <= 0;
    if (restored) {
        state->exhausted = false;
        tell(j, TS_EVENT_BALANCE_RESTORED);
    }
    judge_thresholds(j, false);
    judge_thresholds(j, true);
    if (exhausted) {
        state->exhausted = true;
        tell(j, TS_EVENT_BALANCE_EXHAUSTED);
    }
}

/* --- automatic recharge ---------------------------------------------------------------------- */

/* Only a record of another kind than a movement changes any of this, but for the failures. */
static bool can_recharge(const struct ts_account_state *state)
{
    const struct ts_recharge *recharge = &state->recharge;
    return recharge->on && state->subscription != TS_SUBSCRIPTION_FREE &&
           (state->payment_method == TS_PAYMENT_INVOICE ||
            state->card_state == TS_CARD_CONFIRMED) &&
           recharge->failures < TS_RECHARGE_FAILURES_MAX;
}

static int64_t backoff_ms(const struct ts_decide_settings *settings, int32_t failures)
{
    int64_t wait = or_default(settings->recharge_backoff_first_ms, BACKOFF_FIRST_MS);
    int64_t longest = or_default(settings->recharge_backoff_longest_ms, BACKOFF_LONGEST_MS);
    for (int32_t i = 1; i < failures && wait < longest; i++) {
        wait *= 2;
    }
    return wait < longest ? wait : longest;
}

/* What nobody answered has failed, at the time it ran out: the wait counts from there, whenever it
 * is found. Its amount leaves the month it was requested in, which is the one counted, because a
 * new month begins only with a new request. */
static void expire(struct judgement *j)
{
    struct ts_recharge *recharge = &j->state->recharge;
    recharge->failures++;
    recharge->next_try_ms = recharge->expires_at_ms + backoff_ms(j->settings, recharge->failures);
    recharge->month_micros -= recharge->in_flight_micros;
    bool disabled = recharge->failures >= TS_RECHARGE_FAILURES_MAX;

    struct ts_event *event = tell(j, TS_EVENT_RECHARGE_FAILED);
    memcpy(event->body.failed.recharge_id, recharge->in_flight_id, sizeof recharge->in_flight_id);
    event->body.failed.reason = "expired";
    event->body.failed.has_next_try = !disabled;
    event->body.failed.next_try_ms = recharge->next_try_ms;
    if (disabled) {
        tell(j, TS_EVENT_RECHARGE_DISABLED)->body.disabled.failures = recharge->failures;
    }
    recharge->in_flight_id[0] = '\0';
    recharge->in_flight_micros = 0;
    recharge->expires_at_ms = 0;
}

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

/* A clock that was set back does not open a period again: the later of the two counts. */
static int32_t later(int32_t counted, int32_t now)
{
    return counted > now ? counted : now;
}

static int64_t requested_this_month(const struct ts_recharge *recharge, int32_t month)
{
    return recharge->month == month ? recharge->month_micros : 0;
}

/* A limit that the request would pass, and how it is told. */
struct limit {
    const char *reason;
    const char *cap; /* kind of cap.reached; NULL: it is no cap on amounts */
    int64_t cap_micros;
    bool daily; /* told once a day, not once a month */
};

static bool is_limited(const struct judgement *j, int64_t amount, struct limit *out)
{
    const struct ts_account_state *state = j->state;
    const struct ts_recharge *recharge = &state->recharge;
    int32_t day = later(recharge->day, j->time->day);
    int64_t month_micros =
        requested_this_month(recharge, later(recharge->month, j->time->month)) + amount;
    if (amount > TS_AMOUNT_MAX || state->balance_micros + amount > TS_AMOUNT_MAX) {
        *out = (struct limit){.reason = "amount_limit"};
        return true;
    }
    if (recharge->amount_per_month_micros_max > 0 &&
        month_micros > recharge->amount_per_month_micros_max) {
        *out = (struct limit){.reason = "monthly_amount_cap",
                              .cap = "recharge_monthly_amount",
                              .cap_micros = recharge->amount_per_month_micros_max};
        return true;
    }
    if (month_micros > state->monthly_credit_cap_micros) {
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

static void suppress(struct judgement *j, const struct limit *limit)
{
    struct ts_recharge *recharge = &j->state->recharge;
    int32_t *told = limit->daily ? &recharge->suppressed_day : &recharge->suppressed_month;
    int32_t now = limit->daily ? j->time->day : j->time->month;
    if (*told >= now) {
        return;
    }
    *told = now;
    tell(j, TS_EVENT_RECHARGE_SUPPRESSED)->body.suppressed.reason = limit->reason;
    if (limit->cap != NULL) {
        struct ts_event *event = tell(j, TS_EVENT_CAP_REACHED);
        event->body.cap.kind = limit->cap;
        event->body.cap.limit_micros = limit->cap_micros;
    }
}

static void request(struct judgement *j, int64_t amount)
{
    struct ts_recharge *recharge = &j->state->recharge;
    int32_t day = later(recharge->day, j->time->day);
    int32_t month = later(recharge->month, j->time->month);
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

    struct ts_event *event = tell(j, TS_EVENT_RECHARGE_REQUESTED);
    memcpy(event->body.recharge.recharge_id, recharge->in_flight_id, sizeof recharge->in_flight_id);
    event->body.recharge.amount_micros = amount;
    event->body.recharge.payment_method =
        j->state->payment_method == TS_PAYMENT_INVOICE ? "invoice" : "card";
    event->body.recharge.attempt = recharge->failures + 1;
    event->body.recharge.expires_at_ms = recharge->expires_at_ms;
}

static void judge_recharge(struct judgement *j)
{
    struct ts_account_state *state = j->state;
    struct ts_recharge *recharge = &state->recharge;
    if (!can_recharge(state) || state->balance_micros >= recharge->threshold_micros) {
        return;
    }
    if (recharge->in_flight_id[0] != '\0') {
        if (j->time->now_ms < recharge->expires_at_ms) {
            return;
        }
        expire(j);
    }
    if (!can_recharge(state) || j->time->now_ms < recharge->next_try_ms) {
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

/* --- the interface --------------------------------------------------------------------------- */

size_t ts_decide_movement(struct ts_account_state *state,
                          const struct ts_decide_settings *settings,
                          const struct ts_decide_time *time,
                          struct ts_bytes account_id,
                          struct ts_bytes cause,
                          int64_t delta_micros,
                          struct ts_event events[TS_DECIDE_EVENTS_MAX])
{
    TS_ASSERT(state->threshold_count <= TS_THRESHOLDS_MAX);
    if (delta_micros == 0) {
        return 0;
    }
    bool overflow =
        __builtin_add_overflow(state->balance_micros, delta_micros, &state->balance_micros);
    TS_ASSERT(!overflow);
    struct judgement judgement = {.state = state,
                                  .settings = settings,
                                  .time = time,
                                  .account_id = account_id,
                                  .cause = cause,
                                  .events = events};
    judge_alerts(&judgement);
    judge_recharge(&judgement);
    ts_decide_watch(state);
    return judgement.count;
}

void ts_decide_allowance(struct ts_account_state *state,
                         const struct ts_decide_time *time,
                         struct ts_bytes account_id,
                         struct ts_bytes cause,
                         const struct ts_allowance *allowance,
                         int32_t month,
                         struct ts_event *event)
{
    struct judgement j = {
        .state = state, .time = time, .account_id = account_id, .cause = cause, .events = event};
    tell(&j, TS_EVENT_ALLOWANCE_EXHAUSTED);
    event->body.allowance.name = ts_allowance_name(allowance);
    ts_allowance_month_text(month, event->body.allowance.month);
}

void ts_decide_opening(struct ts_account_state *state)
{
    TS_ASSERT(state->threshold_count <= TS_THRESHOLDS_MAX);
    state->armed = 0;
    for (int i = 0; i < state->threshold_count; i++) {
        if (state->balance_micros >= state->thresholds_micros[i]) {
            state->armed = (uint8_t)(state->armed | 1u << i);
        }
    }
    state->exhausted = state->balance_micros <= 0;
    ts_decide_watch(state);
}

/* Below the recharge threshold every movement is looked at as long as recharging is possible at
 * all: a request runs out, a wait ends, a day begins without a movement of its own. */
void ts_decide_watch(struct ts_account_state *state)
{
    int64_t low = state->exhausted ? INT64_MIN : 1;
    int64_t high = state->exhausted ? 1 : INT64_MAX;
    for (int i = 0; i < state->threshold_count; i++) {
        if (is_armed(state, i)) {
            low = low > state->thresholds_micros[i] ? low : state->thresholds_micros[i];
        } else {
            high = high < clears_at(state, i) ? high : clears_at(state, i);
        }
    }
    if (can_recharge(state) && low < state->recharge.threshold_micros) {
        low = state->recharge.threshold_micros;
    }
    state->watch_low = low;
    state->watch_high = high;
}
