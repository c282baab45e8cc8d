/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of writers of the future: fields that we don't know, unions the other way round, ints
 * for longs, bytes for strings, required fields nullable and nullable ones required, symbols and an
 * order of symbols of their own, some fields left out, and a record that is new. */
#ifndef TS_TESTS_UNIT_ADAPTERS_AVRO_NEWER_COMMANDS_H
#define TS_TESTS_UNIT_ADAPTERS_AVRO_NEWER_COMMANDS_H

#include "tests/unit/adapters/avro/command_oracle.h"

/* Complete in itself: a service that changes accounts and does nothing else registers it alone. */
#define NEWER_ACCOUNT_CHANGED                                                                      \
    "{\"type\":\"record\",\"name\":\"AccountChanged\",\"namespace\":\"tollstream\",\"fields\":["   \
    "{\"name\":\"x_news\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"double\","            \
    "{\"type\":\"map\",\"values\":\"long\"}]}},"                                                   \
    "{\"name\":\"account_id\",\"type\":[\"string\",\"null\"]},"                                    \
    "{\"name\":\"command_id\",\"type\":\"bytes\"},"                                                \
    "{\"name\":\"auto_recharge\",\"type\":[{\"type\":\"record\",\"name\":\"AutoRecharge\","        \
    "\"fields\":[{\"name\":\"mode\",\"type\":[{\"type\":\"enum\",\"name\":\"RechargeMode\","       \
    "\"symbols\":[\"target\",\"weekly\",\"shortfall_plus\",\"fixed\"]},\"null\"]},"                \
    "{\"name\":\"amount_micros\",\"type\":[\"null\",\"long\"]},"                                   \
    "{\"name\":\"x_days\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"                       \
    "{\"name\":\"on\",\"type\":[\"null\",\"boolean\"]}]},\"null\"]},"                              \
    "{\"name\":\"allowances\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","        \
    "\"name\":\"Allowance\",\"fields\":["                                                          \
    "{\"name\":\"category\",\"type\":[\"null\",\"string\"]},"                                      \
    "{\"name\":\"name\",\"type\":\"string\"},"                                                     \
    "{\"name\":\"unit\",\"type\":{\"type\":\"enum\",\"name\":\"AllowanceUnit\",\"symbols\":["      \
    "\"hour\",\"page\",\"second\"]}},"                                                             \
    "{\"name\":\"x_carried\",\"type\":\"boolean\"},"                                               \
    "{\"name\":\"units_per_month\",\"type\":\"int\"}]}}},"                                         \
    "{\"name\":\"invoice_day\",\"type\":\"int\"},"                                                 \
    "{\"name\":\"alert_thresholds_micros\",\"type\":[{\"type\":\"array\",\"items\":\"int\"},"      \
    "\"null\"]},"                                                                                  \
    "{\"name\":\"payment_method\",\"type\":[{\"type\":\"enum\",\"name\":\"PaymentMethod\","        \
    "\"symbols\":[\"invoice\",\"wire\",\"card\"]},\"null\"]},"                                     \
    "{\"name\":\"rate_plan\",\"type\":[\"null\",\"string\"]}]}"

static const char newer_account_changed_avsc[] = NEWER_ACCOUNT_CHANGED;

static const char newer_commands_avsc[] =
    "[\"null\"," NEWER_ACCOUNT_CHANGED
    ",{\"type\":\"record\",\"name\":\"CardExpired\",\"namespace\":\"tollstream\",\"fields\":["
    "{\"name\":\"command_id\",\"type\":\"string\"},"
    "{\"name\":\"on\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}}]},"
    "{\"type\":\"record\",\"name\":\"CreditAdded\",\"namespace\":\"tollstream\",\"fields\":["
    "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"CreditKind\",\"symbols\":[\"gift\","
    "\"refund\",\"adjustment\",\"promotional\",\"recharge\",\"purchase\"]}},"
    "{\"name\":\"command_id\",\"type\":\"string\"},"
    "{\"name\":\"credit_id\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"x_tax\",\"type\":{\"type\":\"record\",\"name\":\"Tax\",\"fields\":["
    "{\"name\":\"rate\",\"type\":\"double\"},{\"name\":\"of\",\"type\":[\"null\",\"Tax\"]}]}},"
    "{\"name\":\"amount_micros\",\"type\":\"int\"},"
    "{\"name\":\"payment_method\",\"type\":[\"PaymentMethod\",\"null\"]},"
    "{\"name\":\"recharge_id\",\"type\":[\"bytes\",\"null\"]},"
    "{\"name\":\"note\",\"type\":\"string\"}]}]";

/* What such a writer can say of a command: what it must write is there, what it lacks is not. */
static inline struct ts_command newer_command(struct ts_command command)
{
    static int64_t thresholds[TS_THRESHOLDS_MAX];
    static struct ts_allowance_text allowances[TS_ALLOWANCES_MAX];
    command.issued_by = (struct ts_bytes){NULL, 0};
    if (command.type == TS_COMMAND_CREDIT_ADDED) {
        command.account_id = (struct ts_bytes){NULL, 0};
        command.note = command.note.data == NULL ? TS_LITERAL("") : command.note;
        command.body.credit.amount_micros = (int32_t)command.body.credit.amount_micros;
        return command;
    }
    struct ts_account_change *change = &command.body.change;
    command.note = (struct ts_bytes){NULL, 0};
    change->set &= ts_field_bit(TS_FIELD_RECHARGE_MODE) | ts_field_bit(TS_FIELD_RECHARGE_AMOUNT) |
                   ts_field_bit(TS_FIELD_RECHARGE_ON) | ts_field_bit(TS_FIELD_ALERT_THRESHOLDS) |
                   ts_field_bit(TS_FIELD_PAYMENT_METHOD) | ts_field_bit(TS_FIELD_RATE_PLAN);
    change->set |= ts_field_bit(TS_FIELD_ALLOWANCES) | ts_field_bit(TS_FIELD_INVOICE_DAY);
    for (size_t i = 0; i < change->threshold_count; i++) {
        thresholds[i] = (int32_t)change->thresholds[i];
    }
    change->thresholds = thresholds;
    for (size_t i = 0; i < change->allowance_count; i++) {
        allowances[i] = change->allowances[i];
        allowances[i].license = (struct ts_bytes){NULL, 0};
        allowances[i].local_only = false;
        allowances[i].units = (int32_t)allowances[i].units;
    }
    change->allowances = allowances;
    return command;
}

static inline void put_x_news(const avro_value_t *record)
{
    avro_value_t list = oracle_field(record, "x_news");
    for (int branch = 0; branch < 3; branch++) {
        avro_value_t item;
        avro_value_t entry;
        assert_int_equal(avro_value_append(&list, &item, NULL), 0);
        item = oracle_branch(item, branch);
        if (branch == 0) {
            assert_int_equal(avro_value_set_null(&item), 0);
        } else if (branch == 1) {
            assert_int_equal(avro_value_set_double(&item, 3.14), 0);
        } else {
            assert_int_equal(avro_value_add(&item, "one", &entry, NULL, NULL), 0);
            assert_int_equal(avro_value_set_long(&entry, INT64_MIN), 0);
        }
    }
}

static inline void put_x_tax(const avro_value_t *record)
{
    avro_value_t tax = oracle_field(record, "x_tax");
    for (int depth = 0;; depth++) {
        avro_value_t rate = oracle_field(&tax, "rate");
        assert_int_equal(avro_value_set_double(&rate, 0.19), 0);
        avro_value_t of = oracle_branch(oracle_field(&tax, "of"), depth < 3);
        if (depth == 3) {
            assert_int_equal(avro_value_set_null(&of), 0);
            return;
        }
        tax = of;
    }
}

/* What is new in the record that the oracle's value holds. */
static inline void put_news(struct oracle *oracle)
{
    avro_value_t record =
        is_avro_union(oracle->schema) ? oracle_current(oracle->value) : oracle->value;
    avro_value_t field;
    if (avro_value_get_by_name(&record, "x_news", &field, NULL) == 0) {
        put_x_news(&record);
    } else {
        put_x_tax(&record);
    }
}

#endif
