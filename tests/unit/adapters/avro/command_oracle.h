/* SPDX-License-Identifier: Apache-2.0 */
/* Commands put into Avro C's generic values, by name and whatever the order of fields, symbols and
 * branches: any schema that could have written them will do. What a schema lacks is left out. */
#ifndef TS_TESTS_UNIT_ADAPTERS_AVRO_COMMAND_ORACLE_H
#define TS_TESTS_UNIT_ADAPTERS_AVRO_COMMAND_ORACLE_H

#include "tests/unit/adapters/avro/oracle.h"

#include "core/command.h"

#include <stdio.h>

/* Where the value of a field goes, if the field and the value are there: into the field, or the
 * first branch of its union that is not null. A value that is not there is the null. */
static inline bool
place_of(const avro_value_t *record, const char *name, bool there, avro_value_t *out)
{
    avro_value_t value;
    if (avro_value_get_by_name(record, name, &value, NULL) != 0) {
        return false;
    }
    if (avro_value_get_type(&value) == AVRO_UNION) {
        avro_schema_t schema = avro_value_get_schema(&value);
        int branch = 0;
        while (is_avro_null(avro_schema_union_branch(schema, branch)) == there) {
            branch++;
        }
        value = oracle_branch(value, branch);
        if (!there) {
            assert_int_equal(avro_value_set_null(&value), 0);
        }
    }
    *out = value;
    return there;
}

static inline void put_text(const avro_value_t *record, const char *name, struct ts_bytes text)
{
    avro_value_t value;
    if (!place_of(record, name, text.data != NULL, &value)) {
        return;
    }
    if (avro_value_get_type(&value) == AVRO_BYTES) {
        assert_int_equal(avro_value_set_bytes(&value, (void *)(uintptr_t)text.data, text.size), 0);
    } else {
        char copy[512];
        (void)snprintf(copy, sizeof copy, "%.*s", TS_ARGS(text));
        assert_int_equal(avro_value_set_string_len(&value, copy, text.size + 1), 0);
    }
}

static inline void put_plain_long(avro_value_t *value, int64_t number)
{
    if (avro_value_get_type(value) == AVRO_INT32) {
        assert_int_equal(avro_value_set_int(value, (int32_t)number), 0);
    } else {
        assert_int_equal(avro_value_set_long(value, number), 0);
    }
}

static inline void
put_long(const avro_value_t *record, const char *name, bool there, int64_t number)
{
    avro_value_t value;
    if (place_of(record, name, there, &value)) {
        put_plain_long(&value, number);
    }
}

static inline void put_boolean(const avro_value_t *record, const char *name, bool there, bool on)
{
    avro_value_t value;
    if (place_of(record, name, there, &value)) {
        assert_int_equal(avro_value_set_boolean(&value, on), 0);
    }
}

static inline void put_symbol(const avro_value_t *record, const char *name, const char *symbol)
{
    avro_value_t value;
    if (place_of(record, name, symbol != NULL, &value)) {
        int number = avro_schema_enum_get_by_name(avro_value_get_schema(&value), symbol);
        if (number < 0) {
            fail_msg("%s has no symbol %s", name, symbol);
        }
        assert_int_equal(avro_value_set_enum(&value, number), 0);
    }
}

static inline void put_longs(
    const avro_value_t *record, const char *name, bool there, const int64_t *numbers, size_t count)
{
    avro_value_t value;
    bool placed = place_of(record, name, there, &value);
    for (size_t i = 0; placed && i < count; i++) {
        avro_value_t item;
        assert_int_equal(avro_value_append(&value, &item, NULL), 0);
        put_plain_long(&item, numbers[i]);
    }
}

static const char *const subscription_names[] = {"free", "standard", "pro", "enterprise"};
static const char *const method_names[] = {"card", "invoice"};
static const char *const card_names[] = {"none", "unconfirmed", "confirmed", "locked"};
static const char *const mode_names[] = {"fixed", "target", "shortfall_plus"};
static const char *const status_names[] = {"active", "suspended", "closed"};
static const char *const kind_names[] = {
    "purchase", "recharge", "promotional", "adjustment", "refund"};
static const char *const timer_names[] = {"recharge_retry", "recharge_expiry", "invoice"};
static const char *const command_names[] = {"CreditAdded",
                                            "RechargeFailed",
                                            "CardCharged",
                                            "CardConfirmation",
                                            "CardReplaced",
                                            "AccountChanged",
                                            "TimerDue",
                                            "Adjustment"};

static inline bool has(const struct ts_account_change *change, enum ts_account_field field)
{
    return (change->set & ts_field_bit(field)) != 0;
}

static inline struct ts_bytes
text_if(const struct ts_account_change *change, enum ts_account_field field, struct ts_bytes text)
{
    return has(change, field) ? text : (struct ts_bytes){NULL, 0};
}

static inline const char *
symbol_if(const struct ts_account_change *change, enum ts_account_field field, const char *symbol)
{
    return has(change, field) ? symbol : NULL;
}

static inline void put_auto_recharge(const avro_value_t *record, const struct ts_account_change *c)
{
    bool any = has(c, TS_FIELD_RECHARGE_ON) || has(c, TS_FIELD_RECHARGE_THRESHOLD) ||
               has(c, TS_FIELD_RECHARGE_MODE) || has(c, TS_FIELD_RECHARGE_AMOUNT) ||
               has(c, TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX) ||
               has(c, TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX);
    avro_value_t value;
    if (!place_of(record, "auto_recharge", any, &value)) {
        return;
    }
    put_boolean(&value, "on", has(c, TS_FIELD_RECHARGE_ON), c->recharge_on);
    put_long(&value,
             "threshold_micros",
             has(c, TS_FIELD_RECHARGE_THRESHOLD),
             c->recharge_threshold_micros);
    put_symbol(&value, "mode", symbol_if(c, TS_FIELD_RECHARGE_MODE, mode_names[c->recharge_mode]));
    put_long(&value, "amount_micros", has(c, TS_FIELD_RECHARGE_AMOUNT), c->recharge_amount_micros);
    put_long(&value,
             "max_count_per_day",
             has(c, TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX),
             c->recharge_count_per_day_max);
    put_long(&value,
             "max_amount_per_month_micros",
             has(c, TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX),
             c->recharge_amount_per_month_micros_max);
}

static inline void put_allowances(const avro_value_t *record, const struct ts_account_change *c)
{
    avro_value_t value;
    bool placed = place_of(record, "allowances", has(c, TS_FIELD_ALLOWANCES), &value);
    for (size_t i = 0; placed && i < c->allowance_count; i++) {
        const struct ts_allowance_text *allowance = &c->allowances[i];
        avro_value_t item;
        assert_int_equal(avro_value_append(&value, &item, NULL), 0);
        put_text(&item, "name", allowance->name);
        put_text(&item, "category", allowance->category);
        put_text(&item, "license", allowance->license);
        put_boolean(&item, "local_only", true, allowance->local_only);
        put_long(&item, "units_per_month", true, allowance->units);
        put_symbol(&item, "unit", allowance->unit.data);
    }
}

static inline void put_change(const avro_value_t *record, const struct ts_account_change *c)
{
    put_text(record, "name", text_if(c, TS_FIELD_NAME, c->name));
    put_text(record, "country", text_if(c, TS_FIELD_COUNTRY, c->country));
    put_text(record, "timezone", text_if(c, TS_FIELD_TIMEZONE, c->timezone));
    put_symbol(record,
               "subscription",
               symbol_if(c, TS_FIELD_SUBSCRIPTION, subscription_names[c->subscription]));
    put_text(record, "rate_plan", text_if(c, TS_FIELD_RATE_PLAN, c->rate_plan));
    put_symbol(record,
               "payment_method",
               symbol_if(c, TS_FIELD_PAYMENT_METHOD, method_names[c->payment_method]));
    put_symbol(record, "card_state", symbol_if(c, TS_FIELD_CARD_STATE, card_names[c->card_state]));
    put_long(record, "invoice_day", has(c, TS_FIELD_INVOICE_DAY), c->invoice_day);
    put_longs(record,
              "credit_amounts_micros",
              has(c, TS_FIELD_CREDIT_AMOUNTS),
              c->credit_amounts,
              c->credit_amount_count);
    put_long(record,
             "monthly_credit_cap_micros",
             has(c, TS_FIELD_MONTHLY_CREDIT_CAP),
             c->monthly_credit_cap_micros);
    put_longs(record,
              "alert_thresholds_micros",
              has(c, TS_FIELD_ALERT_THRESHOLDS),
              c->thresholds,
              c->threshold_count);
    put_long(
        record, "alert_hysteresis_micros", has(c, TS_FIELD_ALERT_HYSTERESIS), c->hysteresis_micros);
    put_auto_recharge(record, c);
    put_allowances(record, c);
    put_symbol(record, "status", symbol_if(c, TS_FIELD_STATUS, status_names[c->status]));
    put_long(record, "closed_at", has(c, TS_FIELD_CLOSED_AT), c->closed_ms);
}

static inline void put_adjustment(const avro_value_t *record, const struct ts_command *command)
{
    const struct ts_adjustment *adjustment = &command->body.adjustment;
    avro_value_t units;
    put_text(record, "adjustment_id", command->command_id);
    put_long(record, "generation", true, adjustment->generation);
    put_long(record, "identity_hash", true, (int64_t)adjustment->identity_hash);
    put_long(record, "start_time", true, adjustment->start_ms);
    put_long(record, "follows", true, adjustment->follows);
    put_long(record, "amount_micros", true, adjustment->amount_micros);
    put_long(record, "charge_micros", true, adjustment->charge_micros);
    put_long(record, "deck_version", true, adjustment->deck_version);
    put_text(record, "category", adjustment->category);
    put_text(record, "prefix", adjustment->prefix);
    put_long(record, "month", true, adjustment->month);
    bool placed = place_of(record, "units", true, &units);
    for (size_t i = 0; placed && i < adjustment->unit_count; i++) {
        avro_value_t item;
        assert_int_equal(avro_value_append(&units, &item, NULL), 0);
        put_text(&item, "allowance", adjustment->units[i].allowance);
        put_long(&item, "units", true, adjustment->units[i].units);
    }
    put_text(record, "operator", command->issued_by);
    put_text(record, "reason", command->note);
}

/* Makes the oracle's value, of a union or of a record, the command. */
static inline void put_command(struct oracle *oracle, const struct ts_command *command)
{
    avro_value_t record = oracle->value;
    assert_int_equal(avro_value_reset(&record), 0);
    if (is_avro_union(oracle->schema)) {
        int branch;
        assert_non_null(avro_schema_union_branch_by_name(
            oracle->schema, &branch, command_names[command->type]));
        record = oracle_branch(record, branch);
    }
    put_text(&record, "command_id", command->command_id);
    put_text(&record, "account_id", command->account_id);
    switch (command->type) {
    case TS_COMMAND_CREDIT_ADDED:
        put_text(&record, "credit_id", command->body.credit.credit_id);
        put_long(&record, "amount_micros", true, command->body.credit.amount_micros);
        put_symbol(&record, "kind", kind_names[command->body.credit.kind]);
        put_symbol(&record,
                   "payment_method",
                   command->body.credit.has_payment_method
                       ? method_names[command->body.credit.payment_method]
                       : NULL);
        put_text(&record, "recharge_id", command->body.credit.recharge_id);
        put_text(&record, "issued_by", command->issued_by);
        put_text(&record, "note", command->note);
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        put_text(&record, "recharge_id", command->body.failed.recharge_id);
        put_text(&record, "reason", command->body.failed.reason);
        break;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        put_long(&record, "amount_micros", true, command->body.card.amount_micros);
        break;
    case TS_COMMAND_CARD_REPLACED:
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        put_text(&record, "issued_by", command->issued_by);
        put_text(&record, "note", command->note);
        put_change(&record, &command->body.change);
        break;
    case TS_COMMAND_TIMER_DUE:
        put_symbol(&record, "timer", timer_names[command->body.timer.timer]);
        put_long(&record, "due_at", true, command->body.timer.due_ms);
        put_text(&record, "subject", command->body.timer.subject);
        break;
    case TS_COMMAND_ADJUSTMENT:
        put_adjustment(&record, command);
        break;
    }
}

#endif
