/* SPDX-License-Identifier: Apache-2.0 */
/* The state of an account as its row has it: the columns and how they are read, for the settle, for
 * the guess made before it, and for what an operator is shown. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_ACCOUNT_STATE_H
#define TS_ADAPTERS_POSTGRES_ACCOUNT_STATE_H

#include "adapters/postgres/params.h"
#include "core/decide.h"

/* Of table account as `a`, in the order in which ts_pg_read_account_state takes them. */
#define TS_PG_STATE_COLUMNS                                                                        \
    "a.account_no, a.balance_micros, a.sequence, a.currency, a.armed, a.exhausted, a.thresholds,"  \
    " a.hysteresis, a.payment_method, a.card_state, a.subscription, a.status, a.closed_at,"        \
    " a.invoice_day, a.credit_amounts, a.card_charge_micros, a.card_wrong, a.monthly_credit_cap,"  \
    " a.purchases_month, a.purchases_month_micros, a.purchases_capped_month, a.timer_at,"          \
    " a.watch_low, a.watch_high,"                                                                  \
    " a.recharge_on, a.recharge_mode, a.recharge_threshold, a.recharge_amount,"                    \
    " a.recharge_count_per_day_max, a.recharge_amount_per_month_max, a.recharge_in_flight_id,"     \
    " a.recharge_in_flight_micros, a.recharge_expires_at, a.recharge_failures,"                    \
    " a.recharge_next_try, a.recharge_day, a.recharge_day_count, a.recharge_month,"                \
    " a.recharge_month_micros, a.recharge_suppressed_day, a.recharge_suppressed_month,"            \
    " a.recharge_look_again, a.recharge_requests"

enum { TS_PG_STATE_COLUMN_COUNT = 43 };

/* The date of a moment by the account's clocks, and when the next day and the next month begin
 * there. A midnight that a zone skips is the moment after the gap. */
#define TS_PG_TIME_COLUMNS(now)                                                                    \
    "to_char(" now " AT TIME ZONE a.timezone, 'YYYYMMDD')::int,"                                   \
    " to_char(" now " AT TIME ZONE a.timezone, 'YYYYMM')::int,"                                    \
    " (date_trunc('day', " now " AT TIME ZONE a.timezone) + interval '1 day')"                     \
    " AT TIME ZONE a.timezone,"                                                                    \
    " (date_trunc('month', " now " AT TIME ZONE a.timezone) + interval '1 month')"                 \
    " AT TIME ZONE a.timezone"

/* A whole statement: n, the state and the time of the accounts of $1 (bigint[]) at $2. */
#define TS_PG_SELECT_STATES                                                                        \
    "SELECT v.n, " TS_PG_STATE_COLUMNS ", " TS_PG_TIME_COLUMNS(                                    \
        "$2::timestamptz") " FROM unnest($1::bigint[]) WITH ORDINALITY AS v(account_no, n)"        \
                           " JOIN account a ON a.account_no = v.account_no"

/* Where the parts of its rows begin. */
enum { TS_PG_STATES_STATE = 1, TS_PG_STATES_TIME = TS_PG_STATES_STATE + TS_PG_STATE_COLUMN_COUNT };

/* `column` is the first of them. */
void ts_pg_read_account_state(const PGresult *rows,
                              int row,
                              int column,
                              struct ts_account_state *out);
void ts_pg_read_decide_time(
    const PGresult *rows, int row, int column, int64_t now_ms, struct ts_decide_time *out);

#endif
