/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/command_fields.h"

#include <string.h>

_Static_assert(sizeof(enum ts_credit_kind) == sizeof(uint32_t) &&
                   sizeof(enum ts_timer) == sizeof(uint32_t) &&
                   sizeof(enum ts_payment_method) == sizeof(uint32_t) &&
                   sizeof(enum ts_subscription) == sizeof(uint32_t) &&
                   sizeof(enum ts_card_state) == sizeof(uint32_t) &&
                   sizeof(enum ts_recharge_mode) == sizeof(uint32_t) &&
                   sizeof(enum ts_account_status) == sizeof(uint32_t),
               "enums are stored as 32 bits");
_Static_assert(sizeof((struct ts_adjustment *)0)->identity_hash == sizeof(int64_t),
               "the hash is a long on the wire, and that long's bits here");
_Static_assert(TS_ACCOUNT_FIELD_COUNT <= 32, "a bit each in struct ts_account_change");

static const char *const credit_kinds[] = {
    [TS_CREDIT_PURCHASE] = "purchase",
    [TS_CREDIT_RECHARGE] = "recharge",
    [TS_CREDIT_PROMOTIONAL] = "promotional",
    [TS_CREDIT_ADJUSTMENT] = "adjustment",
    [TS_CREDIT_REFUND] = "refund",
    NULL,
};

static const char *const payment_methods[] = {
    [TS_PAYMENT_CARD] = "card",
    [TS_PAYMENT_INVOICE] = "invoice",
    NULL,
};

static const char *const subscriptions[] = {
    [TS_SUBSCRIPTION_FREE] = "free",
    [TS_SUBSCRIPTION_STANDARD] = "standard",
    [TS_SUBSCRIPTION_PRO] = "pro",
    [TS_SUBSCRIPTION_ENTERPRISE] = "enterprise",
    NULL,
};

static const char *const card_states[] = {
    [TS_CARD_NONE] = "none",
    [TS_CARD_UNCONFIRMED] = "unconfirmed",
    [TS_CARD_CONFIRMED] = "confirmed",
    [TS_CARD_LOCKED] = "locked",
    NULL,
};

static const char *const recharge_modes[] = {
    [TS_RECHARGE_FIXED] = "fixed",
    [TS_RECHARGE_TARGET] = "target",
    [TS_RECHARGE_SHORTFALL_PLUS] = "shortfall_plus",
    NULL,
};

static const char *const statuses[] = {
    [TS_ACCOUNT_ACTIVE] = "active",
    [TS_ACCOUNT_SUSPENDED] = "suspended",
    [TS_ACCOUNT_CLOSED] = "closed",
    NULL,
};

static const char *const timers[] = {
    [TS_TIMER_RECHARGE_RETRY] = "recharge_retry",
    [TS_TIMER_RECHARGE_EXPIRY] = "recharge_expiry",
    [TS_TIMER_INVOICE] = "invoice",
    NULL,
};

static const char *const allowance_units[] = {"second", "page", NULL};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NO_MARK .flag = TS_AVRO_NO_MARK, .setting = TS_AVRO_NO_MARK
#define NAMED(field) .name = field, .path = field
#define IN_COMMAND(member) .offset = offsetof(struct ts_command, member)
#define IN_CHANGE(member) IN_COMMAND(body.change.member)
#define SETS(symbol) .flag = TS_AVRO_NO_MARK, .setting = TS_FIELD_##symbol

#define TEXT(field, member, must)                                                                  \
    {                                                                                              \
        NAMED(field), IN_COMMAND(member), NO_MARK, .want = TS_AVRO_WANT_TEXT, .required = (must)   \
    }
#define LONG(field, member)                                                                        \
    {                                                                                              \
        NAMED(field), IN_COMMAND(member), NO_MARK, .want = TS_AVRO_WANT_LONG, .required = true     \
    }

/* What every command has. */
#define COMMON TEXT("command_id", command_id, true), TEXT("account_id", account_id, false)

static const struct ts_avro_command_field credit_added[] = {
    COMMON,
    TEXT("credit_id", body.credit.credit_id, true),
    LONG("amount_micros", body.credit.amount_micros),
    {NAMED("kind"),
     IN_COMMAND(body.credit.kind),
     NO_MARK,
     .want = TS_AVRO_WANT_SYMBOL,
     .required = true,
     .symbols = credit_kinds},
    {NAMED("payment_method"),
     IN_COMMAND(body.credit.payment_method),
     .flag = offsetof(struct ts_command, body.credit.has_payment_method),
     .setting = TS_AVRO_NO_MARK,
     .want = TS_AVRO_WANT_SYMBOL,
     .symbols = payment_methods},
    TEXT("recharge_id", body.credit.recharge_id, false),
    TEXT("issued_by", issued_by, false),
    TEXT("note", note, false),
};

static const struct ts_avro_command_field recharge_failed[] = {
    COMMON,
    TEXT("recharge_id", body.failed.recharge_id, true),
    TEXT("reason", body.failed.reason, true),
};

/* CardCharged and CardConfirmation */
static const struct ts_avro_command_field card_amount[] = {
    COMMON,
    LONG("amount_micros", body.card.amount_micros),
};

static const struct ts_avro_command_field card_replaced[] = {
    COMMON,
};

static const struct ts_avro_command_field timer_due[] = {
    COMMON,
    {NAMED("timer"),
     IN_COMMAND(body.timer.timer),
     NO_MARK,
     .want = TS_AVRO_WANT_SYMBOL,
     .required = true,
     .symbols = timers},
    LONG("due_at", body.timer.due_ms),
    TEXT("subject", body.timer.subject, false),
};

/* --- AccountChanged: each field that is there is a setting that changes ----------------------- */

#define SETTING(field, member, symbol, type)                                                       \
    {                                                                                              \
        NAMED(field), IN_CHANGE(member), SETS(symbol), .want = TS_AVRO_WANT_##type                 \
    }
#define SETTING_SYMBOL(field, member, symbol, table)                                               \
    {                                                                                              \
        NAMED(field), IN_CHANGE(member), SETS(symbol), .want = TS_AVRO_WANT_SYMBOL,                \
                                                       .symbols = (table)                          \
    }
#define SETTING_LIST(field, member, counter, max, symbol, type)                                    \
    {                                                                                              \
        NAMED(field), IN_CHANGE(member), SETS(symbol),                                             \
            .want = TS_AVRO_WANT_##type,                                                           \
            .count_offset = offsetof(struct ts_command, body.change.counter), .count_max = (max)   \
    }
#define RECHARGE(field, member, symbol, type)                                                      \
    {                                                                                              \
        .name = field, .path = "auto_recharge." field, IN_CHANGE(member), SETS(symbol),            \
        .want = TS_AVRO_WANT_##type                                                                \
    }

static const struct ts_avro_command_field auto_recharge[] = {
    RECHARGE("on", recharge_on, RECHARGE_ON, BOOLEAN),
    RECHARGE("threshold_micros", recharge_threshold_micros, RECHARGE_THRESHOLD, LONG),
    {.name = "mode",
     .path = "auto_recharge.mode",
     IN_CHANGE(recharge_mode),
     SETS(RECHARGE_MODE),
     .want = TS_AVRO_WANT_SYMBOL,
     .symbols = recharge_modes},
    RECHARGE("amount_micros", recharge_amount_micros, RECHARGE_AMOUNT, LONG),
    RECHARGE("max_count_per_day", recharge_count_per_day_max, RECHARGE_COUNT_PER_DAY_MAX, INT),
    RECHARGE("max_amount_per_month_micros",
             recharge_amount_per_month_micros_max,
             RECHARGE_AMOUNT_PER_MONTH_MAX,
             LONG),
};

static const struct ts_avro_shape auto_recharge_shape = {
    .name = "AutoRecharge",
    .count = COUNT(auto_recharge),
    .fields = auto_recharge,
};

#define ALLOWANCE(field, member, type, must)                                                       \
    {                                                                                              \
        .name = field, .path = "allowances." field,                                                \
        .offset = offsetof(struct ts_allowance_text, member), NO_MARK,                             \
        .want = TS_AVRO_WANT_##type, .required = (must)                                            \
    }

static const struct ts_avro_command_field allowance[] = {
    ALLOWANCE("name", name, TEXT, true),
    ALLOWANCE("category", category, TEXT, true),
    ALLOWANCE("license", license, TEXT, false),
    ALLOWANCE("local_only", local_only, BOOLEAN, false),
    ALLOWANCE("units_per_month", units, LONG, true),
    {.name = "unit",
     .path = "allowances.unit",
     .offset = offsetof(struct ts_allowance_text, unit),
     NO_MARK,
     .want = TS_AVRO_WANT_SYMBOL_TEXT,
     .required = true,
     .symbols = allowance_units},
};

static const struct ts_avro_shape allowance_shape = {
    .name = "Allowance",
    .size = sizeof(struct ts_allowance_text),
    .count = COUNT(allowance),
    .fields = allowance,
};

static const struct ts_avro_command_field account_changed[] = {
    COMMON,
    TEXT("issued_by", issued_by, false),
    TEXT("note", note, false),
    SETTING("name", name, NAME, TEXT),
    SETTING("country", country, COUNTRY, TEXT),
    SETTING("timezone", timezone, TIMEZONE, TEXT),
    SETTING_SYMBOL("subscription", subscription, SUBSCRIPTION, subscriptions),
    SETTING("rate_plan", rate_plan, RATE_PLAN, TEXT),
    SETTING_SYMBOL("payment_method", payment_method, PAYMENT_METHOD, payment_methods),
    SETTING_SYMBOL("card_state", card_state, CARD_STATE, card_states),
    SETTING("invoice_day", invoice_day, INVOICE_DAY, INT),
    SETTING_LIST("credit_amounts_micros",
                 credit_amounts,
                 credit_amount_count,
                 TS_CREDIT_AMOUNTS_MAX,
                 CREDIT_AMOUNTS,
                 LONGS),
    SETTING("monthly_credit_cap_micros", monthly_credit_cap_micros, MONTHLY_CREDIT_CAP, LONG),
    SETTING_LIST("alert_thresholds_micros",
                 thresholds,
                 threshold_count,
                 TS_THRESHOLDS_MAX,
                 ALERT_THRESHOLDS,
                 LONGS),
    SETTING("alert_hysteresis_micros", hysteresis_micros, ALERT_HYSTERESIS, LONG),
    {NAMED("auto_recharge"), NO_MARK, .want = TS_AVRO_WANT_RECORD, .shape = &auto_recharge_shape},
    {NAMED("allowances"),
     IN_CHANGE(allowances),
     SETS(ALLOWANCES),
     .want = TS_AVRO_WANT_RECORDS,
     .count_offset = offsetof(struct ts_command, body.change.allowance_count),
     .count_max = TS_ALLOWANCES_MAX,
     .shape = &allowance_shape},
    SETTING_SYMBOL("status", status, STATUS, statuses),
    SETTING("closed_at", closed_ms, CLOSED_AT, LONG),
};

/* --- Adjustment: of a topic of its own, so its fields are named for its readers --------------- */

#define OF_ADJUSTMENT(field, member, type)                                                         \
    {                                                                                              \
        NAMED(field), IN_COMMAND(body.adjustment.member), NO_MARK, .want = TS_AVRO_WANT_##type,    \
                                                                   .required = true                \
    }
#define UNITS(field, type)                                                                         \
    {                                                                                              \
        .name = #field, .path = "units." #field,                                                   \
        .offset = offsetof(struct ts_adjustment_units, field), NO_MARK,                            \
        .want = TS_AVRO_WANT_##type, .required = true                                              \
    }

static const struct ts_avro_command_field adjustment_units[] = {
    UNITS(allowance, TEXT),
    UNITS(units, LONG),
};

static const struct ts_avro_shape adjustment_units_shape = {
    .name = "AllowanceUnits",
    .size = sizeof(struct ts_adjustment_units),
    .count = COUNT(adjustment_units),
    .fields = adjustment_units,
};

static const struct ts_avro_command_field adjustment[] = {
    TEXT("adjustment_id", command_id, true),
    TEXT("account_id", account_id, true),
    OF_ADJUSTMENT("generation", generation, INT),
    OF_ADJUSTMENT("identity_hash", identity_hash, LONG),
    OF_ADJUSTMENT("start_time", start_ms, LONG),
    OF_ADJUSTMENT("follows", follows, LONG),
    OF_ADJUSTMENT("amount_micros", amount_micros, LONG),
    OF_ADJUSTMENT("charge_micros", charge_micros, LONG),
    OF_ADJUSTMENT("deck_version", deck_version, LONG),
    OF_ADJUSTMENT("category", category, TEXT),
    OF_ADJUSTMENT("prefix", prefix, TEXT),
    {NAMED("month"), IN_COMMAND(body.adjustment.month), NO_MARK, .want = TS_AVRO_WANT_INT},
    {NAMED("units"),
     IN_COMMAND(body.adjustment.units),
     NO_MARK,
     .want = TS_AVRO_WANT_RECORDS,
     .count_offset = offsetof(struct ts_command, body.adjustment.unit_count),
     .count_max = TS_ADJUSTMENT_UNITS_MAX,
     .shape = &adjustment_units_shape},
    TEXT("operator", issued_by, true),
    TEXT("reason", note, true),
};

_Static_assert(COUNT(account_changed) <= TS_AVRO_COMMAND_FIELDS_MAX, "the longest of them");

#define SHAPE(record, command, list)                                                               \
    {                                                                                              \
        .name = record, .type = TS_COMMAND_##command, .size = sizeof(struct ts_command),           \
        .count = COUNT(list), .fields = (list)                                                     \
    }

static const struct ts_avro_shape commands[] = {
    SHAPE("CreditAdded", CREDIT_ADDED, credit_added),
    SHAPE("RechargeFailed", RECHARGE_FAILED, recharge_failed),
    SHAPE("CardCharged", CARD_CHARGED, card_amount),
    SHAPE("CardConfirmation", CARD_CONFIRMATION, card_amount),
    SHAPE("CardReplaced", CARD_REPLACED, card_replaced),
    SHAPE("AccountChanged", ACCOUNT_CHANGED, account_changed),
    SHAPE("TimerDue", TIMER_DUE, timer_due),
    SHAPE("Adjustment", ADJUSTMENT, adjustment),
};

const struct ts_avro_shape *ts_avro_command_shape(const char *name)
{
    for (size_t i = 0; i < COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}
