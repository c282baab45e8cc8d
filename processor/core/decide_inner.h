/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the decisions share, and nobody else: one account being judged, and the events
 * that come of it. */
#ifndef TS_CORE_DECIDE_INNER_H
#define TS_CORE_DECIDE_INNER_H

#include "core/decide.h"

struct ts_judgement {
    struct ts_account_state *state;
    const struct ts_decide_settings *settings;
    const struct ts_decide_time *time;
    struct ts_bytes account_id;
    struct ts_bytes cause;
    struct ts_event *events;
    size_t count;
    size_t max;
};

/* The next event, numbered; its body is the caller's to fill. */
struct ts_event *ts_judgement_tell(struct ts_judgement *j, enum ts_event_type type);

/* Exhausted, restored, thresholds: by what was told before and the balance now. */
void ts_judge_alerts(struct ts_judgement *j);

/* --- recharge.c */

/* Settings, subscription, card and breaker allow requests. */
bool ts_can_recharge(const struct ts_account_state *state);

/* What is in flight has run out: it failed, wherever the balance is. */
void ts_judge_expiry(struct ts_judgement *j);

/* Requests, when the balance is below the threshold and everything allows it. */
void ts_judge_recharge(struct ts_judgement *j);

/* The request in flight failed: counted, told, waited for, or the breaker opens. The wait counts
 * from `failed_ms`. */
void ts_recharge_fail(struct ts_judgement *j, struct ts_bytes reason, int64_t failed_ms);

/* The breaker closes and no wait is left. */
void ts_recharge_forgive(struct ts_recharge *recharge);

/* What was bought and requested in the month that counts now. */
int64_t ts_month_spent(const struct ts_account_state *state, const struct ts_decide_time *time);

/* `counted`, or the later `now`: a clock that was set back does not open a period again. */
static inline int32_t ts_later_period(int32_t counted, int32_t now)
{
    return counted > now ? counted : now;
}

#endif
