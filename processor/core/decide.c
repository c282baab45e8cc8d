/* SPDX-License-Identifier: Apache-2.0 */
/* Each judgement asks the state what was told before, never which way the balance went, so that it
 * comes to the same result however many movements were passed over in between: those that stayed
 * within the watch levels. */
#include "core/decide.h"

#include "base/assert.h"
#include "base/hash.h"
#include "core/decide_inner.h"

#include <inttypes.h>
#include <stdio.h>

/* --- what is told ---------------------------------------------------------------------------- */

struct ts_event *ts_judgement_tell(struct ts_judgement *j, enum ts_event_type type)
{
    TS_ASSERT(j->count < j->max);
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

static void judge_thresholds(struct ts_judgement *j, bool armed)
{
    struct ts_account_state *state = j->state;
    enum ts_event_type type = armed ? TS_EVENT_BALANCE_LOW : TS_EVENT_BALANCE_LOW_CLEARED;
    uint8_t turned = 0;
    for (int i; (i = next_crossed(state, armed)) >= 0;) {
        ts_judgement_tell(j, type)->body.low.threshold_micros = state->thresholds_micros[i];
        TS_ASSERT((turned >> i & 1) == 0);
        turned = (uint8_t)(turned | 1u << i);
        state->armed = (uint8_t)(state->armed ^ 1u << i);
    }
}

void ts_judge_alerts(struct ts_judgement *j)
{
    struct ts_account_state *state = j->state;
    bool restored = state->exhausted && state->balance_micros > 0;
    bool exhausted = !state->exhausted && state->balance_micros <= 0;
    if (restored) {
        state->exhausted = false;
        ts_judgement_tell(j, TS_EVENT_BALANCE_RESTORED);
    }
    judge_thresholds(j, false);
    judge_thresholds(j, true);
    if (exhausted) {
        state->exhausted = true;
        ts_judgement_tell(j, TS_EVENT_BALANCE_EXHAUSTED);
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
    struct ts_judgement judgement = {.state = state,
                                     .settings = settings,
                                     .time = time,
                                     .account_id = account_id,
                                     .cause = cause,
                                     .events = events,
                                     .max = TS_DECIDE_EVENTS_MAX};
    ts_judge_alerts(&judgement);
    ts_judge_recharge(&judgement);
    ts_decide_watch(state);
    ts_decide_timer(state, time->now_ms);
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
    struct ts_judgement j = {.state = state,
                             .time = time,
                             .account_id = account_id,
                             .cause = cause,
                             .events = event,
                             .max = 1};
    ts_judgement_tell(&j, TS_EVENT_ALLOWANCE_EXHAUSTED);
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
    if (ts_can_recharge(state) && low < state->recharge.threshold_micros) {
        low = state->recharge.threshold_micros;
    }
    state->watch_low = low;
    state->watch_high = high;
}

void ts_decide_timer(struct ts_account_state *state, int64_t now_ms)
{
    const struct ts_recharge *recharge = &state->recharge;
    state->timer_ms = 0;
    if (recharge->in_flight_id[0] != '\0') {
        state->timer_ms = recharge->expires_at_ms;
    } else if (ts_can_recharge(state) && state->balance_micros < recharge->threshold_micros) {
        int64_t due_ms = recharge->next_try_ms > recharge->look_again_ms ? recharge->next_try_ms
                                                                         : recharge->look_again_ms;
        state->timer_ms = due_ms > now_ms ? due_ms : 0;
    }
}

void ts_decide_repaired(struct ts_account_state *state, int64_t now_ms)
{
    ts_decide_watch(state);
    ts_decide_timer(state, now_ms);
    if (state->balance_micros < state->watch_low || state->balance_micros >= state->watch_high) {
        state->timer_ms = now_ms;
    }
}
