/* SPDX-License-Identifier: Apache-2.0 */
/* What a movement of the balance means for the account: alerts, exhausted and restored, automatic
 * recharge. Decided only on the account row that the settle transaction has locked, in the order of
 * the account's ledger rows. Pure: the clock's reading is handed in.
 *
 * Most movements mean nothing. So that a settle need not read whole rows to find that out, each row
 * keeps the two watch levels that its last decision left: while the balance stays in
 * [watch_low, watch_high) no movement can tell anything, and the state is not read at all. */
#ifndef TS_CORE_DECIDE_H
#define TS_CORE_DECIDE_H

#include "base/bytes.h"
#include "core/account.h"
#include "core/allowance.h"
#include "core/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_THRESHOLDS_MAX = 8, TS_CREDIT_AMOUNTS_MAX = 32 };

enum ts_recharge_mode { TS_RECHARGE_FIXED, TS_RECHARGE_TARGET, TS_RECHARGE_SHORTFALL_PLUS };
enum ts_payment_method { TS_PAYMENT_CARD, TS_PAYMENT_INVOICE };
enum ts_card_state { TS_CARD_NONE, TS_CARD_UNCONFIRMED, TS_CARD_CONFIRMED, TS_CARD_LOCKED };
enum ts_subscription {
    TS_SUBSCRIPTION_FREE,
    TS_SUBSCRIPTION_STANDARD,
    TS_SUBSCRIPTION_PRO,
    TS_SUBSCRIPTION_ENTERPRISE
};

/* domain.md section 6: settings, and what was requested in the present periods. */
struct ts_recharge {
    bool on;
    enum ts_recharge_mode mode;
    int64_t threshold_micros;
    int64_t amount_micros;
    int32_t count_per_day_max;             /* 0: no cap */
    int64_t amount_per_month_micros_max;   /* 0: no cap */
    char in_flight_id[TS_RECHARGE_ID_MAX]; /* "" when nothing is in flight */
    int64_t in_flight_micros;
    int64_t expires_at_ms;
    int32_t failures;    /* in a row; 3 opens the breaker */
    int64_t next_try_ms; /* back-off: not before */
    int32_t day;         /* yyyymmdd in the account's zone that `day_count` counts in */
    int32_t day_count;
    int32_t month;            /* yyyymm that `month_micros` counts in */
    int64_t month_micros;     /* requested and not failed */
    int32_t suppressed_day;   /* yyyymmdd when a daily suppression was last told */
    int32_t suppressed_month; /* yyyymm when a monthly one was last told */
    int64_t look_again_ms;    /* the last judgement was suppressed until then; 0: it was not */
    int64_t requests;         /* ever: makes the next recharge_id */
};

/* The check of a new card: a small charge is posted to it, and the admin enters how much it was. */
struct ts_card {
    bool charged; /* the confirmation charge was posted: */
    int64_t charge_micros;
    int32_t wrong; /* amounts entered since */
};

/* What was bought by the account's own doing, in the month that it counts in. Recharges are counted
 * in struct ts_recharge; both count towards the month's cap. */
struct ts_purchases {
    int32_t month; /* yyyymm */
    int64_t month_micros;
    int32_t capped_month; /* yyyymm when the cap was last told */
};

/* The part of an account's row that only a settle on the locked row may read and write. */
struct ts_account_state {
    int64_t account_no;
    int64_t balance_micros;
    int64_t sequence;
    char currency[4];
    uint8_t threshold_count;
    uint8_t armed;  /* bit i: thresholds_micros[i] is armed */
    bool exhausted; /* told, and not restored since */
    int64_t thresholds_micros[TS_THRESHOLDS_MAX];
    int64_t hysteresis_micros;
    enum ts_payment_method payment_method;
    enum ts_card_state card_state;
    enum ts_subscription subscription;
    enum ts_account_status status;
    int64_t closed_ms; /* when closed */
    int32_t invoice_day;
    uint8_t credit_amount_count; /* 0: any amount can be bought */
    int64_t credit_amounts_micros[TS_CREDIT_AMOUNTS_MAX];
    struct ts_card card;
    int64_t monthly_credit_cap_micros;
    struct ts_purchases purchases;
    struct ts_recharge recharge;
    int64_t timer_ms;   /* when something falls due by time; 0: nothing does */
    int64_t watch_low;  /* below it a movement may tell something */
    int64_t watch_high; /* at or above it a movement may tell something */
};

/* Date of the decision in the account's zone. */
struct ts_decide_time {
    int64_t now_ms;
    int32_t day;           /* yyyymmdd */
    int32_t month;         /* yyyymm */
    int64_t next_day_ms;   /* when the next day begins there, … */
    int64_t next_month_ms; /* … and the next month */
};

/* In each, 0 stands for the default. */
struct ts_decide_settings {
    int64_t recharge_expires_after_ms; /* 24 h: a request unanswered for so long has failed */
    int64_t recharge_backoff_first_ms; /* 1 h: the wait after the first failure in a row; doubles */
    int64_t recharge_backoff_longest_ms; /* 24 h */
};

/* So many failures in a row open the breaker: no request until a success, a new card, or an
 * operator. */
enum { TS_RECHARGE_FAILURES_MAX = 3 };

enum { TS_DECIDE_EVENTS_MAX = 2 * TS_THRESHOLDS_MAX + 4 }; /* one movement's, at most */

/* Applies one movement: adds `delta_micros` to state->balance_micros, judges, and updates state
 * (its watch levels too). Writes the events in the order they are to be told, numbered from
 * state->sequence + 1 and each with its event_id; their account_id and cause are the views given.
 * Returns how many. A delta of 0 tells nothing.
 *
 * The order: going down, `balance.low` from the highest threshold to the lowest, then
 * `balance.exhausted`; going up, `balance.restored`, then `balance.low_cleared` from the lowest to
 * the highest; then the recharge's. A request that nobody answered in time fails here when the
 * balance is below the recharge threshold; otherwise when its timer falls due. */
size_t ts_decide_movement(struct ts_account_state *state,
                          const struct ts_decide_settings *settings,
                          const struct ts_decide_time *time,
                          struct ts_bytes account_id,
                          struct ts_bytes cause,
                          int64_t delta_micros,
                          struct ts_event events[TS_DECIDE_EVENTS_MAX]);

/* The last unit of an allowance was used: `allowance.exhausted`, told after what the same call's
 * charge means. Which call it was is the caller's to know: it counts the units. */
void ts_decide_allowance(struct ts_account_state *state,
                         const struct ts_decide_time *time,
                         struct ts_bytes account_id,
                         struct ts_bytes cause,
                         const struct ts_allowance *allowance,
                         int32_t month,
                         struct ts_event *event);

/* The state of a new account: thresholds above the opening balance start disarmed, nothing is told,
 * an opening balance <= 0 counts as told. Sets armed, exhausted and the watch levels from the rest.
 */
void ts_decide_opening(struct ts_account_state *state);

/* Recomputes the watch levels, after settings were changed. */
void ts_decide_watch(struct ts_account_state *state);

/* After an operator's repair set the balance: recomputes the watch levels and the timer. What was
 * told stays told, and nothing is told here. What the balance means now is due at once: the account
 * is judged by the timer's record, or by an earlier one of its own. */
void ts_decide_repaired(struct ts_account_state *state, int64_t now_ms);

/* Sets timer_ms: when the request in flight runs out; else, below the recharge threshold, when a
 * wait or a period ends that keeps it from being requested. */
void ts_decide_timer(struct ts_account_state *state, int64_t now_ms);

#endif
