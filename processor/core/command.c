/* SPDX-License-Identifier: Apache-2.0 */
#include "core/command.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "core/rating.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { QUOTE_MAX = 100 };

const char *ts_command_type_name(enum ts_command_type type)
{
    static const char *const names[] = {
        [TS_COMMAND_CREDIT_ADDED] = "CreditAdded",
        [TS_COMMAND_RECHARGE_FAILED] = "RechargeFailed",
        [TS_COMMAND_CARD_CHARGED] = "CardCharged",
        [TS_COMMAND_CARD_CONFIRMATION] = "CardConfirmation",
        [TS_COMMAND_CARD_REPLACED] = "CardReplaced",
        [TS_COMMAND_ACCOUNT_CHANGED] = "AccountChanged",
        [TS_COMMAND_TIMER_DUE] = "TimerDue",
        [TS_COMMAND_ADJUSTMENT] = "Adjustment",
    };
    return names[type];
}

const char *ts_credit_kind_name(enum ts_credit_kind kind)
{
    static const char *const names[] = {
        [TS_CREDIT_PURCHASE] = "purchase",
        [TS_CREDIT_RECHARGE] = "recharge",
        [TS_CREDIT_PROMOTIONAL] = "promotional",
        [TS_CREDIT_ADJUSTMENT] = "adjustment",
        [TS_CREDIT_REFUND] = "refund",
    };
    return names[kind];
}

const char *ts_payment_method_name(enum ts_payment_method method)
{
    return method == TS_PAYMENT_INVOICE ? "invoice" : "card";
}

/* --- validation */

/* The texts of a command by the name of their field. */
struct text {
    const char *name;
    struct ts_bytes value;
    size_t size_max;
    bool required;
};
enum { TEXTS_MAX = 12 };

static size_t texts_of(const struct ts_command *command, struct text texts[TEXTS_MAX])
{
    size_t count = 0;
    texts[count++] = (struct text){"command_id", command->command_id, TS_COMMAND_ID_MAX, true};
    texts[count++] = (struct text){"account_id", command->account_id, TS_ACCOUNT_ID_MAX, true};
    texts[count++] = (struct text){"issued_by", command->issued_by, TS_COMMAND_TEXT_MAX, false};
    texts[count++] = (struct text){"note", command->note, TS_COMMAND_TEXT_MAX, false};
    const struct ts_command_credit *credit = &command->body.credit;
    const struct ts_account_change *change = &command->body.change;
    switch (command->type) {
    case TS_COMMAND_CREDIT_ADDED:
        texts[count++] = (struct text){"credit_id", credit->credit_id, TS_COMMAND_ID_MAX, true};
        texts[count++] = (struct text){"recharge_id",
                                       credit->recharge_id,
                                       TS_COMMAND_ID_MAX,
                                       credit->kind == TS_CREDIT_RECHARGE};
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        texts[count++] =
            (struct text){"recharge_id", command->body.failed.recharge_id, TS_COMMAND_ID_MAX, true};
        texts[count++] =
            (struct text){"reason", command->body.failed.reason, TS_COMMAND_TEXT_MAX, false};
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        texts[count++] = (struct text){"name", change->name, TS_COMMAND_TEXT_MAX, false};
        texts[count++] = (struct text){"country", change->country, TS_COUNTRY_MAX - 1, false};
        texts[count++] = (struct text){"timezone", change->timezone, TS_ZONE_NAME_MAX - 1, false};
        texts[count++] = (struct text){"rate_plan", change->rate_plan, TS_COMMAND_TEXT_MAX, false};
        break;
    case TS_COMMAND_ADJUSTMENT:
        texts[count++] = (struct text){
            "category", command->body.adjustment.category, TS_COMMAND_TEXT_MAX, false};
        texts[count++] =
            (struct text){"prefix", command->body.adjustment.prefix, TS_COMMAND_TEXT_MAX, false};
        break;
    case TS_COMMAND_TIMER_DUE:
        texts[count++] =
            (struct text){"subject", command->body.timer.subject, TS_COMMAND_ID_MAX, false};
        break;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
    case TS_COMMAND_CARD_REPLACED:
        break;
    }
    return count;
}

static enum ts_reason judge_texts(const struct ts_command *command, char *message)
{
    struct text texts[TEXTS_MAX];
    size_t count = texts_of(command, texts);
    char quoted[QUOTE_MAX];
    for (size_t i = 0; i < count; i++) {
        if (texts[i].required && texts[i].value.size == 0) {
            snprintf(message, TS_COMMAND_MESSAGE_MAX, "%s is missing", texts[i].name);
            return TS_REASON_MISSING_FIELD;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (texts[i].value.size > texts[i].size_max) {
            snprintf(message,
                     TS_COMMAND_MESSAGE_MAX,
                     "%s has %zu bytes, more than %zu",
                     texts[i].name,
                     texts[i].value.size,
                     texts[i].size_max);
            return TS_REASON_FIELD_TOO_LONG;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!ts_utf8_is_text(texts[i].value)) {
            snprintf(message,
                     TS_COMMAND_MESSAGE_MAX,
                     "%s %s is not UTF-8 text without control characters",
                     texts[i].name,
                     ts_utf8_quote(texts[i].value, quoted, sizeof quoted));
            return TS_REASON_INVALID_TEXT;
        }
    }
    return TS_REASON_NONE;
}

__attribute__((format(printf, 2, 3))) static enum ts_reason
invalid(char *message, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, TS_COMMAND_MESSAGE_MAX, format, args);
    va_end(args);
    return TS_REASON_INVALID_COMMAND;
}

static bool is_amount(int64_t micros)
{
    return micros >= -TS_AMOUNT_MAX && micros <= TS_AMOUNT_MAX;
}

static enum ts_reason judge_credit(const struct ts_command_credit *credit, char *message)
{
    int64_t amount = credit->amount_micros;
    if (!is_amount(amount)) {
        return invalid(message, "amount_micros %" PRId64 " is beyond +-9e15", amount);
    }
    if (amount == 0 || (amount < 0 && credit->kind != TS_CREDIT_ADJUSTMENT)) {
        return invalid(message,
                       "amount_micros %" PRId64 " is not above 0 (only an adjustment may be below)",
                       amount);
    }
    return TS_REASON_NONE;
}

/* An amount of the settings that is not below 0. */
struct amount {
    enum ts_account_field field;
    const char *name;
    int64_t micros;
};

static enum ts_reason judge_amounts(const struct ts_account_change *change, char *message)
{
    const struct amount amounts[] = {
        {TS_FIELD_MONTHLY_CREDIT_CAP,
         "monthly_credit_cap_micros",
         change->monthly_credit_cap_micros},
        {TS_FIELD_ALERT_HYSTERESIS, "alert_hysteresis_micros", change->hysteresis_micros},
        {TS_FIELD_RECHARGE_AMOUNT, "auto_recharge.amount_micros", change->recharge_amount_micros},
        {TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX,
         "auto_recharge.max_count_per_day",
         change->recharge_count_per_day_max},
        {TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX,
         "auto_recharge.max_amount_per_month_micros",
         change->recharge_amount_per_month_micros_max},
    };
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        if ((change->set & ts_field_bit(amounts[i].field)) != 0 &&
            (amounts[i].micros < 0 || amounts[i].micros > TS_AMOUNT_MAX)) {
            return invalid(message,
                           "%s %" PRId64 " is not from 0 to 9e15",
                           amounts[i].name,
                           amounts[i].micros);
        }
    }
    /* Balances go below zero. */
    if ((change->set & ts_field_bit(TS_FIELD_RECHARGE_THRESHOLD)) != 0 &&
        !is_amount(change->recharge_threshold_micros)) {
        return invalid(message,
                       "auto_recharge.threshold_micros %" PRId64 " is beyond +-9e15",
                       change->recharge_threshold_micros);
    }
    for (size_t i = 0; i < change->credit_amount_count; i++) {
        if (change->credit_amounts[i] <= 0 || change->credit_amounts[i] > TS_AMOUNT_MAX) {
            return invalid(message,
                           "credit_amounts_micros %" PRId64 " is not above 0 and at most 9e15",
                           change->credit_amounts[i]);
        }
    }
    for (size_t i = 0; i < change->threshold_count; i++) {
        if (!is_amount(change->thresholds[i])) {
            return invalid(message,
                           "alert_thresholds_micros %" PRId64 " is beyond +-9e15",
                           change->thresholds[i]);
        }
        for (size_t j = 0; j < i; j++) {
            if (change->thresholds[i] == change->thresholds[j]) {
                return invalid(message,
                               "alert_thresholds_micros %" PRId64 " comes twice",
                               change->thresholds[i]);
            }
        }
    }
    return TS_REASON_NONE;
}

static enum ts_reason judge_allowances(const struct ts_account_change *change, char *message)
{
    if (change->allowance_count > TS_ALLOWANCES_MAX) {
        return invalid(message, "allowances are more than %d", TS_ALLOWANCES_MAX);
    }
    for (size_t i = 0; i < change->allowance_count; i++) {
        struct ts_allowance read;
        struct ts_error err = {0};
        if (!ts_allowance_read(&change->allowances[i], &read, &err)) {
            return invalid(message, "allowances: %s", err.text);
        }
        for (size_t j = 0; j < i; j++) {
            if (ts_bytes_equal(change->allowances[i].name, change->allowances[j].name)) {
                return invalid(message,
                               "allowances: the name \"%.*s\" comes twice",
                               TS_ARGS(change->allowances[i].name));
            }
        }
    }
    return TS_REASON_NONE;
}

static bool is_country(struct ts_bytes text)
{
    return text.size == 2 && text.data[0] >= 'A' && text.data[0] <= 'Z' && text.data[1] >= 'A' &&
           text.data[1] <= 'Z';
}

static enum ts_reason judge_change(const struct ts_account_change *change, char *message)
{
    if ((change->set & ts_field_bit(TS_FIELD_COUNTRY)) != 0 && !is_country(change->country)) {
        return invalid(message,
                       "country \"%.*s\" is not two capital letters of ISO 3166",
                       TS_ARGS(change->country));
    }
    if ((change->set & ts_field_bit(TS_FIELD_INVOICE_DAY)) != 0 &&
        (change->invoice_day < 1 || change->invoice_day > 31)) {
        return invalid(message, "invoice_day %d is not from 1 to 31", change->invoice_day);
    }
    if (change->threshold_count > TS_THRESHOLDS_MAX) {
        return invalid(message, "alert_thresholds_micros are more than %d", TS_THRESHOLDS_MAX);
    }
    if (change->credit_amount_count > TS_CREDIT_AMOUNTS_MAX) {
        return invalid(message, "credit_amounts_micros are more than %d", TS_CREDIT_AMOUNTS_MAX);
    }
    enum ts_reason reason = judge_amounts(change, message);
    return reason != TS_REASON_NONE ? reason : judge_allowances(change, message);
}

#define TIME_MAX_MS INT64_C(4102444800000) /* 2100-01-01T00:00:00Z */

/* A call has no more units than an int32_t holds: sums of them stay far from where counters end. */
static enum ts_reason judge_units(const struct ts_adjustment *adjustment, char *message)
{
    int32_t month = adjustment->month;
    if (adjustment->unit_count > TS_ADJUSTMENT_UNITS_MAX) {
        return invalid(message, "units are of more than %d allowances", TS_ADJUSTMENT_UNITS_MAX);
    }
    if (adjustment->unit_count > 0 &&
        (month < 197001 || month > 999912 || month % 100 < 1 || month % 100 > 12)) {
        return invalid(message, "month %d is no month, as 202611 is", month);
    }
    for (size_t i = 0; i < adjustment->unit_count; i++) {
        const struct ts_adjustment_units *units = &adjustment->units[i];
        if (units->allowance.size == 0 || units->allowance.size > TS_ALLOWANCE_NAME_MAX ||
            !ts_utf8_is_text(units->allowance)) {
            return invalid(message, "units: no name of an allowance");
        }
        if (units->units < -INT32_MAX || units->units > INT32_MAX) {
            return invalid(message, "units: %" PRId64 " are more than a call has", units->units);
        }
    }
    return TS_REASON_NONE;
}

static enum ts_reason judge_adjustment(const struct ts_adjustment *adjustment, char *message)
{
    if (adjustment->generation < 1 || adjustment->follows < 1) {
        return invalid(message,
                       "generation %d and follows %" PRId64 " are not above 0",
                       adjustment->generation,
                       adjustment->follows);
    }
    if (adjustment->start_ms < 0 || adjustment->start_ms > TIME_MAX_MS) {
        return invalid(message, "start_time %" PRId64 " is no time", adjustment->start_ms);
    }
    if (!is_amount(adjustment->amount_micros) || !is_amount(adjustment->charge_micros)) {
        return invalid(message,
                       "amount_micros %" PRId64 " or charge_micros %" PRId64 " is beyond +-9e15",
                       adjustment->amount_micros,
                       adjustment->charge_micros);
    }
    return judge_units(adjustment, message);
}

enum ts_reason ts_command_validate(const struct ts_command *command, char *message)
{
    enum ts_reason reason = judge_texts(command, message);
    if (reason != TS_REASON_NONE) {
        return reason;
    }
    switch (command->type) {
    case TS_COMMAND_CREDIT_ADDED:
        return judge_credit(&command->body.credit, message);
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        return command->body.card.amount_micros > 0 && is_amount(command->body.card.amount_micros)
                   ? TS_REASON_NONE
                   : invalid(message,
                             "amount_micros %" PRId64 " is not above 0 and at most 9e15",
                             command->body.card.amount_micros);
    case TS_COMMAND_ACCOUNT_CHANGED:
        return judge_change(&command->body.change, message);
    case TS_COMMAND_ADJUSTMENT:
        return judge_adjustment(&command->body.adjustment, message);
    case TS_COMMAND_RECHARGE_FAILED:
    case TS_COMMAND_CARD_REPLACED:
    case TS_COMMAND_TIMER_DUE:
        break;
    }
    return TS_REASON_NONE;
}

/* --- identity and fingerprint */

/* A hash of hashes: each part changes what follows. Stored for ever: the order of the parts and the
 * numbers of the enums can't change. */
static void fold(uint64_t *sum, uint64_t value)
{
    char bytes[16];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (char)(unsigned char)(*sum >> 8 * i);
        bytes[8 + i] = (char)(unsigned char)(value >> 8 * i);
    }
    *sum = ts_hash64((struct ts_bytes){bytes, sizeof bytes});
}

static void fold_text(uint64_t *sum, struct ts_bytes text)
{
    fold(sum, text.data == NULL ? UINT64_MAX : text.size);
    fold(sum, text.size == 0 ? 0 : ts_hash64(text));
}

static void fold_list(uint64_t *sum, const int64_t *values, size_t count)
{
    fold(sum, count);
    for (size_t i = 0; i < count; i++) {
        fold(sum, (uint64_t)values[i]);
    }
}

static void fold_change(uint64_t *sum, const struct ts_account_change *change)
{
    fold(sum, change->set);
    fold_text(sum, change->name);
    fold_text(sum, change->country);
    fold_text(sum, change->timezone);
    fold_text(sum, change->rate_plan);
    fold(sum, change->subscription);
    fold(sum, change->payment_method);
    fold(sum, change->card_state);
    fold(sum, (uint64_t)change->invoice_day);
    fold_list(sum, change->credit_amounts, change->credit_amount_count);
    fold(sum, (uint64_t)change->monthly_credit_cap_micros);
    fold_list(sum, change->thresholds, change->threshold_count);
    fold(sum, (uint64_t)change->hysteresis_micros);
    fold(sum, change->recharge_on);
    fold(sum, (uint64_t)change->recharge_threshold_micros);
    fold(sum, change->recharge_mode);
    fold(sum, (uint64_t)change->recharge_amount_micros);
    fold(sum, (uint64_t)change->recharge_count_per_day_max);
    fold(sum, (uint64_t)change->recharge_amount_per_month_micros_max);
    for (size_t i = 0; i < change->allowance_count; i++) {
        const struct ts_allowance_text *allowance = &change->allowances[i];
        fold_text(sum, allowance->name);
        fold_text(sum, allowance->category);
        fold_text(sum, allowance->license);
        fold_text(sum, allowance->unit);
        fold(sum, (uint64_t)allowance->units);
        fold(sum, allowance->local_only);
    }
    fold(sum, change->status);
    fold(sum, (uint64_t)change->closed_ms);
}

static void fold_credit(uint64_t *sum, const struct ts_command_credit *credit)
{
    fold_text(sum, credit->credit_id);
    fold(sum, (uint64_t)credit->amount_micros);
    fold(sum, credit->kind);
    fold(sum, credit->has_payment_method ? (uint64_t)credit->payment_method + 1 : 0);
    fold_text(sum, credit->recharge_id);
}

/* The rest of an adjustment says how it came about. */
static void fold_adjustment(uint64_t *sum, const struct ts_adjustment *adjustment)
{
    fold(sum, (uint64_t)adjustment->generation);
    fold(sum, adjustment->identity_hash);
    fold(sum, (uint64_t)adjustment->start_ms);
    fold(sum, (uint64_t)adjustment->follows);
    fold(sum, (uint64_t)adjustment->amount_micros);
    for (size_t i = 0; i < adjustment->unit_count; i++) {
        fold_text(sum, adjustment->units[i].allowance);
        fold(sum, (uint64_t)adjustment->units[i].units);
    }
}

uint64_t ts_command_identity_hash(const struct ts_command *command)
{
    uint64_t hash = ts_hash64(TS_LITERAL("command"));
    fold_text(&hash, command->command_id);
    return hash != 0 ? hash : 1;
}

uint64_t ts_command_fingerprint(const struct ts_command *command)
{
    uint64_t sum = command->type;
    fold_text(&sum, command->account_id);
    switch (command->type) {
    case TS_COMMAND_CREDIT_ADDED:
        fold_credit(&sum, &command->body.credit);
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        fold_text(&sum, command->body.failed.recharge_id);
        fold_text(&sum, command->body.failed.reason);
        break;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        fold(&sum, (uint64_t)command->body.card.amount_micros);
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        fold_change(&sum, &command->body.change);
        break;
    case TS_COMMAND_TIMER_DUE:
        fold(&sum, command->body.timer.timer);
        fold(&sum, (uint64_t)command->body.timer.due_ms);
        fold_text(&sum, command->body.timer.subject);
        break;
    case TS_COMMAND_ADJUSTMENT:
        fold_adjustment(&sum, &command->body.adjustment);
        break;
    case TS_COMMAND_CARD_REPLACED:
        break;
    }
    return sum;
}
