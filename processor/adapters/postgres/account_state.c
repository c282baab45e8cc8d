/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/account_state.h"

#include "base/assert.h"

/* The columns of TS_PG_STATE_COLUMNS. */
enum {
    ACCOUNT_NO,
    BALANCE,
    SEQUENCE,
    CURRENCY,
    ARMED,
    EXHAUSTED,
    THRESHOLDS,
    HYSTERESIS,
    PAYMENT_METHOD,
    CARD_STATE,
    SUBSCRIPTION,
    STATUS,
    CLOSED_AT,
    INVOICE_DAY,
    CREDIT_AMOUNTS,
    CARD_CHARGE,
    CARD_WRONG,
    MONTHLY_CREDIT_CAP,
    PURCHASES_MONTH,
    PURCHASES_MONTH_MICROS,
    PURCHASES_CAPPED_MONTH,
    TIMER_AT,
    WATCH_LOW,
    WATCH_HIGH,
    RECHARGE_ON,
    RECHARGE_MODE,
    RECHARGE_THRESHOLD,
    RECHARGE_AMOUNT,
    RECHARGE_DAY_MAX,
    RECHARGE_MONTH_MAX,
    RECHARGE_IN_FLIGHT_ID,
    RECHARGE_IN_FLIGHT,
    RECHARGE_EXPIRES_AT,
    RECHARGE_FAILURES,
    RECHARGE_NEXT_TRY,
    RECHARGE_DAY,
    RECHARGE_DAY_COUNT,
    RECHARGE_MONTH,
    RECHARGE_MONTH_MICROS,
    RECHARGE_SUPPRESSED_DAY,
    RECHARGE_SUPPRESSED_MONTH,
    RECHARGE_LOOK_AGAIN,
    RECHARGE_REQUESTS,
    COLUMN_COUNT,
};
_Static_assert((int)COLUMN_COUNT == (int)TS_PG_STATE_COLUMN_COUNT, "one name a column");

static void read_recharge(const PGresult *rows, int row, int at, struct ts_recharge *out)
{
    out->on = ts_pg_bool(rows, row, at + RECHARGE_ON);
    out->mode = (enum ts_recharge_mode)ts_pg_i16(rows, row, at + RECHARGE_MODE);
    out->threshold_micros = ts_pg_i64(rows, row, at + RECHARGE_THRESHOLD);
    out->amount_micros = ts_pg_i64(rows, row, at + RECHARGE_AMOUNT);
    out->count_per_day_max = ts_pg_i32(rows, row, at + RECHARGE_DAY_MAX);
    out->amount_per_month_micros_max = ts_pg_i64(rows, row, at + RECHARGE_MONTH_MAX);
    ts_pg_text(rows, row, at + RECHARGE_IN_FLIGHT_ID, out->in_flight_id, sizeof out->in_flight_id);
    out->in_flight_micros = ts_pg_i64(rows, row, at + RECHARGE_IN_FLIGHT);
    out->expires_at_ms = ts_pg_time_ms(rows, row, at + RECHARGE_EXPIRES_AT);
    out->failures = ts_pg_i32(rows, row, at + RECHARGE_FAILURES);
    out->next_try_ms = ts_pg_time_ms(rows, row, at + RECHARGE_NEXT_TRY);
    out->day = ts_pg_i32(rows, row, at + RECHARGE_DAY);
    out->day_count = ts_pg_i32(rows, row, at + RECHARGE_DAY_COUNT);
    out->month = ts_pg_i32(rows, row, at + RECHARGE_MONTH);
    out->month_micros = ts_pg_i64(rows, row, at + RECHARGE_MONTH_MICROS);
    out->suppressed_day = ts_pg_i32(rows, row, at + RECHARGE_SUPPRESSED_DAY);
    out->suppressed_month = ts_pg_i32(rows, row, at + RECHARGE_SUPPRESSED_MONTH);
    out->look_again_ms = ts_pg_time_ms(rows, row, at + RECHARGE_LOOK_AGAIN);
    out->requests = ts_pg_i64(rows, row, at + RECHARGE_REQUESTS);
}

static void read_paying(const PGresult *rows, int row, int at, struct ts_account_state *out)
{
    out->payment_method = (enum ts_payment_method)ts_pg_i16(rows, row, at + PAYMENT_METHOD);
    out->card_state = (enum ts_card_state)ts_pg_i16(rows, row, at + CARD_STATE);
    out->subscription = (enum ts_subscription)ts_pg_i16(rows, row, at + SUBSCRIPTION);
    out->invoice_day = ts_pg_i16(rows, row, at + INVOICE_DAY);
    out->credit_amount_count = (uint8_t)ts_pg_i64_array(
        rows, row, at + CREDIT_AMOUNTS, out->credit_amounts_micros, TS_CREDIT_AMOUNTS_MAX);
    out->card.charged = !ts_pg_is_null(rows, row, at + CARD_CHARGE);
    out->card.charge_micros = ts_pg_i64(rows, row, at + CARD_CHARGE);
    out->card.wrong = ts_pg_i32(rows, row, at + CARD_WRONG);
    out->monthly_credit_cap_micros = ts_pg_i64(rows, row, at + MONTHLY_CREDIT_CAP);
    out->purchases.month = ts_pg_i32(rows, row, at + PURCHASES_MONTH);
    out->purchases.month_micros = ts_pg_i64(rows, row, at + PURCHASES_MONTH_MICROS);
    out->purchases.capped_month = ts_pg_i32(rows, row, at + PURCHASES_CAPPED_MONTH);
}

void ts_pg_read_account_state(const PGresult *rows,
                              int row,
                              int column,
                              struct ts_account_state *out)
{
    int at = column;
    TS_ASSERT(PQnfields(rows) >= at + TS_PG_STATE_COLUMN_COUNT);
    *out = (struct ts_account_state){.account_no = ts_pg_i64(rows, row, at + ACCOUNT_NO)};
    out->balance_micros = ts_pg_i64(rows, row, at + BALANCE);
    out->sequence = ts_pg_i64(rows, row, at + SEQUENCE);
    ts_pg_text(rows, row, at + CURRENCY, out->currency, sizeof out->currency);
    out->armed = (uint8_t)ts_pg_i16(rows, row, at + ARMED);
    out->exhausted = ts_pg_bool(rows, row, at + EXHAUSTED);
    out->threshold_count = (uint8_t)ts_pg_i64_array(
        rows, row, at + THRESHOLDS, out->thresholds_micros, TS_THRESHOLDS_MAX);
    out->hysteresis_micros = ts_pg_i64(rows, row, at + HYSTERESIS);
    out->status = (enum ts_account_status)ts_pg_i16(rows, row, at + STATUS);
    out->closed_ms = ts_pg_time_ms(rows, row, at + CLOSED_AT);
    out->timer_ms = ts_pg_time_ms(rows, row, at + TIMER_AT);
    out->watch_low = ts_pg_i64(rows, row, at + WATCH_LOW);
    out->watch_high = ts_pg_i64(rows, row, at + WATCH_HIGH);
    read_paying(rows, row, at, out);
    read_recharge(rows, row, at, &out->recharge);
}

void ts_pg_read_decide_time(
    const PGresult *rows, int row, int column, int64_t now_ms, struct ts_decide_time *out)
{
    *out = (struct ts_decide_time){.now_ms = now_ms,
                                   .day = ts_pg_i32(rows, row, column),
                                   .month = ts_pg_i32(rows, row, column + 1),
                                   .next_day_ms = ts_pg_time_ms(rows, row, column + 2),
                                   .next_month_ms = ts_pg_time_ms(rows, row, column + 3)};
}
