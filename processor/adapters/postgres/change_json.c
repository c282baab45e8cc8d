/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/change_json.h"

#include "core/timestamp.h"

static const char *const subscriptions[] = {
    [TS_SUBSCRIPTION_FREE] = "free",
    [TS_SUBSCRIPTION_STANDARD] = "standard",
    [TS_SUBSCRIPTION_PRO] = "pro",
    [TS_SUBSCRIPTION_ENTERPRISE] = "enterprise",
};
static const char *const card_states[] = {
    [TS_CARD_NONE] = "none",
    [TS_CARD_UNCONFIRMED] = "unconfirmed",
    [TS_CARD_CONFIRMED] = "confirmed",
    [TS_CARD_LOCKED] = "locked",
};
static const char *const recharge_modes[] = {
    [TS_RECHARGE_FIXED] = "fixed",
    [TS_RECHARGE_TARGET] = "target",
    [TS_RECHARGE_SHORTFALL_PLUS] = "shortfall_plus",
};
static const char *const statuses[] = {
    [TS_ACCOUNT_ACTIVE] = "active",
    [TS_ACCOUNT_SUSPENDED] = "suspended",
    [TS_ACCOUNT_CLOSED] = "closed",
};

static void put_string(struct ts_buffer *out, struct ts_bytes text)
{
    ts_buffer_append_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '"' || c == '\\') {
            ts_buffer_append_char(out, '\\');
            ts_buffer_append_char(out, c);
        } else if ((unsigned char)c < 0x20) {
            ts_buffer_format(out, "\\u%04x", (unsigned char)c);
        } else {
            ts_buffer_append_char(out, c);
        }
    }
    ts_buffer_append_char(out, '"');
}

/* An object under way: puts the comma and the key of the next member. */
static void put_key(struct ts_buffer *out, const char *key)
{
    if (out->size > 0 && out->data[out->size - 1] != '{') {
        ts_buffer_append_char(out, ',');
    }
    put_string(out, ts_bytes_of(key));
    ts_buffer_append_char(out, ':');
}

static void put_text(struct ts_buffer *out, const char *key, struct ts_bytes value)
{
    put_key(out, key);
    put_string(out, value);
}

static void put_number(struct ts_buffer *out, const char *key, int64_t value)
{
    put_key(out, key);
    ts_buffer_append_i64(out, value);
}

static void put_bool(struct ts_buffer *out, const char *key, bool value)
{
    put_key(out, key);
    ts_buffer_append_text(out, value ? "true" : "false");
}

static void put_numbers(struct ts_buffer *out, const char *key, const int64_t *values, size_t count)
{
    put_key(out, key);
    ts_buffer_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        ts_buffer_append_text(out, i > 0 ? "," : "");
        ts_buffer_append_i64(out, values[i]);
    }
    ts_buffer_append_char(out, ']');
}

static struct ts_bytes or_default(struct ts_bytes text, const char *value)
{
    return text.size > 0 ? text : ts_bytes_of(value);
}

void ts_pg_allowances_json(struct ts_buffer *out,
                           const struct ts_allowance_text *allowances,
                           size_t count)
{
    ts_buffer_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        const struct ts_allowance_text *allowance = &allowances[i];
        ts_buffer_append_text(out, i > 0 ? ",{" : "{");
        put_text(out, "name", allowance->name);
        put_text(out, "category", or_default(allowance->category, "*"));
        put_text(out, "license", or_default(allowance->license, "*"));
        put_bool(out, "local_only", allowance->local_only);
        put_number(out, "units", allowance->units);
        put_text(out, "unit", or_default(allowance->unit, "second"));
        ts_buffer_append_char(out, '}');
    }
    ts_buffer_append_char(out, ']');
}

void ts_pg_units_json(struct ts_buffer *out, const struct ts_adjustment_units *units, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ts_buffer_append_text(out, i > 0 ? ",[" : "[[");
        put_string(out, units[i].allowance);
        ts_buffer_append_char(out, ',');
        ts_buffer_append_i64(out, units[i].units);
        ts_buffer_append_char(out, ']');
    }
    ts_buffer_append_text(out, count > 0 ? "]" : "[]");
}

static bool sets(const struct ts_account_change *change, enum ts_account_field field)
{
    return (change->set & ts_field_bit(field)) != 0;
}

static void put_profile(struct ts_buffer *out, const struct ts_account_change *change)
{
    if (sets(change, TS_FIELD_NAME)) {
        put_text(out, "name", change->name);
    }
    if (sets(change, TS_FIELD_COUNTRY)) {
        put_text(out, "country", change->country);
    }
    if (sets(change, TS_FIELD_TIMEZONE)) {
        put_text(out, "timezone", change->timezone);
    }
    if (sets(change, TS_FIELD_SUBSCRIPTION)) {
        put_text(out, "subscription", ts_bytes_of(subscriptions[change->subscription]));
    }
    if (sets(change, TS_FIELD_RATE_PLAN)) {
        put_text(out, "rate_plan", change->rate_plan);
    }
}

static void put_paying(struct ts_buffer *out, const struct ts_account_change *change)
{
    if (sets(change, TS_FIELD_PAYMENT_METHOD)) {
        put_text(
            out, "payment_method", ts_bytes_of(ts_payment_method_name(change->payment_method)));
    }
    if (sets(change, TS_FIELD_CARD_STATE)) {
        put_text(out, "card_state", ts_bytes_of(card_states[change->card_state]));
    }
    if (sets(change, TS_FIELD_INVOICE_DAY)) {
        put_number(out, "invoice_day", change->invoice_day);
    }
    if (sets(change, TS_FIELD_CREDIT_AMOUNTS)) {
        put_numbers(
            out, "credit_amounts_micros", change->credit_amounts, change->credit_amount_count);
    }
    if (sets(change, TS_FIELD_MONTHLY_CREDIT_CAP)) {
        put_number(out, "monthly_credit_cap_micros", change->monthly_credit_cap_micros);
    }
    if (sets(change, TS_FIELD_ALERT_THRESHOLDS)) {
        put_numbers(out, "alert_thresholds_micros", change->thresholds, change->threshold_count);
    }
    if (sets(change, TS_FIELD_ALERT_HYSTERESIS)) {
        put_number(out, "alert_hysteresis_micros", change->hysteresis_micros);
    }
}

static void put_recharge(struct ts_buffer *out, const struct ts_account_change *change)
{
    uint32_t any = ts_field_bit(TS_FIELD_RECHARGE_ON) | ts_field_bit(TS_FIELD_RECHARGE_THRESHOLD) |
                   ts_field_bit(TS_FIELD_RECHARGE_MODE) | ts_field_bit(TS_FIELD_RECHARGE_AMOUNT) |
                   ts_field_bit(TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX) |
                   ts_field_bit(TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX);
    if ((change->set & any) == 0) {
        return;
    }
    put_key(out, "auto_recharge");
    ts_buffer_append_char(out, '{');
    if (sets(change, TS_FIELD_RECHARGE_ON)) {
        put_bool(out, "on", change->recharge_on);
    }
    if (sets(change, TS_FIELD_RECHARGE_THRESHOLD)) {
        put_number(out, "threshold_micros", change->recharge_threshold_micros);
    }
    if (sets(change, TS_FIELD_RECHARGE_MODE)) {
        put_text(out, "mode", ts_bytes_of(recharge_modes[change->recharge_mode]));
    }
    if (sets(change, TS_FIELD_RECHARGE_AMOUNT)) {
        put_number(out, "amount_micros", change->recharge_amount_micros);
    }
    if (sets(change, TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX)) {
        put_number(out, "max_count_per_day", change->recharge_count_per_day_max);
    }
    if (sets(change, TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX)) {
        put_number(
            out, "max_amount_per_month_micros", change->recharge_amount_per_month_micros_max);
    }
    ts_buffer_append_char(out, '}');
}

void ts_pg_change_json(struct ts_buffer *out, const struct ts_account_change *change)
{
    ts_buffer_append_char(out, '{');
    put_profile(out, change);
    put_paying(out, change);
    put_recharge(out, change);
    if (sets(change, TS_FIELD_ALLOWANCES)) {
        put_key(out, "allowances");
        ts_pg_allowances_json(out, change->allowances, change->allowance_count);
    }
    if (sets(change, TS_FIELD_STATUS)) {
        put_text(out, "status", ts_bytes_of(statuses[change->status]));
    }
    if (sets(change, TS_FIELD_CLOSED_AT) && change->closed_ms >= TS_TIMESTAMP_MIN_MS &&
        change->closed_ms <= TS_TIMESTAMP_MAX_MS) {
        char time[TS_TIMESTAMP_TEXT_MAX];
        ts_timestamp_format(change->closed_ms, time);
        put_text(out, "closed_at", ts_bytes_of(time));
    }
    ts_buffer_append_char(out, '}');
}
