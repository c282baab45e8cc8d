/* SPDX-License-Identifier: Apache-2.0 */
#include "app/account_export.h"

#include "app/account_json.h"
#include "app/json_text.h"
#include "core/money.h"
#include "core/timestamp.h"

static void put_key(struct ts_buffer *out, const char *key)
{
    if (out->size > 0 && out->data[out->size - 1] != '{') {
        ts_buffer_append_char(out, ',');
    }
    ts_buffer_format(out, "\"%s\":", key);
}

static void put_bytes(struct ts_buffer *out, const char *key, struct ts_bytes value)
{
    put_key(out, key);
    ts_json_append_string(out, value);
}

static void put_text(struct ts_buffer *out, const char *key, const char *value)
{
    put_bytes(out, key, ts_bytes_of(value));
}

static void put_number(struct ts_buffer *out, const char *key, int64_t value)
{
    put_key(out, key);
    ts_buffer_append_i64(out, value);
}

static void append_amount(struct ts_buffer *out, int64_t micros)
{
    char text[TS_MONEY_TEXT_MAX];
    ts_money_format_micros(micros, text);
    ts_buffer_format(out, "\"%s\"", text);
}

static void put_amount(struct ts_buffer *out, const char *key, int64_t micros)
{
    put_key(out, key);
    append_amount(out, micros);
}

static void put_amounts(struct ts_buffer *out, const char *key, const int64_t *micros, size_t count)
{
    put_key(out, key);
    ts_buffer_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        ts_buffer_append_text(out, i > 0 ? "," : "");
        append_amount(out, micros[i]);
    }
    ts_buffer_append_char(out, ']');
}

static void put_recharge(struct ts_buffer *out, const struct ts_recharge *recharge)
{
    put_key(out, "auto_recharge");
    ts_buffer_append_char(out, '{');
    put_key(out, "on");
    ts_buffer_append_text(out, recharge->on ? "true" : "false");
    put_amount(out, "threshold", recharge->threshold_micros);
    put_text(out, "mode", ts_account_recharge_mode_text(recharge->mode));
    put_amount(out, "amount", recharge->amount_micros);
    put_number(out, "max_count_per_day", recharge->count_per_day_max);
    put_amount(out, "max_amount_per_month", recharge->amount_per_month_micros_max);
    ts_buffer_append_char(out, '}');
}

static void put_closing(struct ts_buffer *out, const struct ts_stored_account *account)
{
    char time[TS_TIMESTAMP_TEXT_MAX];
    put_text(out, "status", ts_account_status_text(account->state.status));
    if (account->state.status == TS_ACCOUNT_CLOSED) {
        ts_timestamp_format(account->state.closed_ms, time);
        put_text(out, "closed_at", time);
    }
}

void ts_account_export_line(const struct ts_stored_account *account, struct ts_buffer *out)
{
    const struct ts_account_state *state = &account->state;
    ts_buffer_append_char(out, '{');
    put_text(out, "account_id", account->account_id);
    put_bytes(out, "name", account->name);
    put_text(out, "country", account->country);
    put_text(out, "timezone", account->timezone);
    put_text(out, "currency", state->currency);
    put_text(out, "subscription", ts_account_subscription_text(state->subscription));
    put_text(out, "rate_plan", account->rate_plan);
    put_text(out, "payment_method", ts_account_payment_text(state->payment_method));
    put_text(out, "card_state", ts_account_card_text(state->card_state));
    put_number(out, "invoice_day", account->state.invoice_day);
    put_amounts(out,
                "credit_amounts",
                account->state.credit_amounts_micros,
                account->state.credit_amount_count);
    put_amount(out, "monthly_credit_cap", state->monthly_credit_cap_micros);
    put_amounts(out, "alert_thresholds", state->thresholds_micros, state->threshold_count);
    put_amount(out, "alert_hysteresis", state->hysteresis_micros);
    put_recharge(out, &state->recharge);
    put_key(out, "allowances");
    ts_buffer_append_bytes(out,
                           account->allowances.size > 0 ? account->allowances : TS_LITERAL("[]"));
    put_closing(out, account);
    put_amount(out, "opening_balance", account->opening_micros);
    put_amount(out, "balance", state->balance_micros);
    ts_buffer_append_text(out, "}\n");
}
