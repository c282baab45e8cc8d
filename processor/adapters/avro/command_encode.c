/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/command_encode.h"

#include "adapters/avro/write.h"

/* Of the schemas that the functions below write by, field by field: whoever changes one changes the
 * other (a unit test compares them with schemas/avro/credit.avsc and adjustment.avsc). */
#define CREDIT_FINGERPRINT UINT64_C(0xdb26fdaa17aa7aee)
#define ADJUSTMENT_FINGERPRINT UINT64_C(0x8658577ec36c0407)

static void write_optional_long(struct ts_buffer *out, bool there, int64_t value)
{
    ts_avro_write_long(out, there);
    if (there) {
        ts_avro_write_long(out, value);
    }
}

static void write_boolean(struct ts_buffer *out, bool value)
{
    ts_buffer_append_char(out, value ? 1 : 0);
}

static void write_credit(struct ts_buffer *out, const struct ts_command *command)
{
    const struct ts_command_credit *credit = &command->body.credit;
    ts_avro_write_bytes(out, credit->credit_id);
    ts_avro_write_long(out, credit->amount_micros);
    ts_avro_write_long(out, credit->kind);
    write_optional_long(out, credit->has_payment_method, credit->payment_method);
    ts_avro_write_optional(out, credit->recharge_id);
    ts_avro_write_optional(out, command->issued_by);
    ts_avro_write_optional(out, command->note);
}

/* --- AccountChanged */

static bool is_set(const struct ts_account_change *change, enum ts_account_field field)
{
    return (change->set & ts_field_bit(field)) != 0;
}

static void write_text(struct ts_buffer *out,
                       const struct ts_account_change *change,
                       enum ts_account_field field,
                       struct ts_bytes text)
{
    bool there = is_set(change, field);
    ts_avro_write_long(out, there);
    if (there) {
        ts_avro_write_bytes(out, text);
    }
}

/* A number, or a symbol by its number */
static void write_number(struct ts_buffer *out,
                         const struct ts_account_change *change,
                         enum ts_account_field field,
                         int64_t number)
{
    write_optional_long(out, is_set(change, field), number);
}

static void write_amounts(struct ts_buffer *out,
                          const struct ts_account_change *change,
                          enum ts_account_field field,
                          const int64_t *amounts,
                          size_t count)
{
    bool there = is_set(change, field);
    ts_avro_write_long(out, there);
    if (!there) {
        return;
    }
    if (count > 0) {
        ts_avro_write_long(out, (int64_t)count);
    }
    for (size_t i = 0; i < count; i++) {
        ts_avro_write_long(out, amounts[i]);
    }
    ts_avro_write_long(out, 0);
}

static void write_auto_recharge(struct ts_buffer *out, const struct ts_account_change *change)
{
    static const uint32_t any =
        UINT32_C(1) << TS_FIELD_RECHARGE_ON | UINT32_C(1) << TS_FIELD_RECHARGE_THRESHOLD |
        UINT32_C(1) << TS_FIELD_RECHARGE_MODE | UINT32_C(1) << TS_FIELD_RECHARGE_AMOUNT |
        UINT32_C(1) << TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX |
        UINT32_C(1) << TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX;
    bool there = (change->set & any) != 0;
    ts_avro_write_long(out, there);
    if (!there) {
        return;
    }
    bool switched = is_set(change, TS_FIELD_RECHARGE_ON);
    ts_avro_write_long(out, switched);
    if (switched) {
        write_boolean(out, change->recharge_on);
    }
    write_number(out, change, TS_FIELD_RECHARGE_THRESHOLD, change->recharge_threshold_micros);
    write_number(out, change, TS_FIELD_RECHARGE_MODE, change->recharge_mode);
    write_number(out, change, TS_FIELD_RECHARGE_AMOUNT, change->recharge_amount_micros);
    write_number(
        out, change, TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX, change->recharge_count_per_day_max);
    write_number(out,
                 change,
                 TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX,
                 change->recharge_amount_per_month_micros_max);
}

/* The symbol's number; for a text that is none, one that no reader takes for a symbol. */
static int64_t unit_symbol(struct ts_bytes unit)
{
    if (unit.data == NULL || ts_bytes_equal_text(unit, "second")) {
        return 0;
    }
    return ts_bytes_equal_text(unit, "page") ? 1 : -1;
}

static void write_allowances(struct ts_buffer *out, const struct ts_account_change *change)
{
    bool there = is_set(change, TS_FIELD_ALLOWANCES);
    ts_avro_write_long(out, there);
    if (!there) {
        return;
    }
    if (change->allowance_count > 0) {
        ts_avro_write_long(out, (int64_t)change->allowance_count);
    }
    for (size_t i = 0; i < change->allowance_count; i++) {
        const struct ts_allowance_text *allowance = &change->allowances[i];
        struct ts_bytes license = allowance->license;
        ts_avro_write_bytes(out, allowance->name);
        ts_avro_write_bytes(out, allowance->category);
        ts_avro_write_bytes(out, license.data != NULL ? license : TS_LITERAL("*"));
        write_boolean(out, allowance->local_only);
        ts_avro_write_long(out, allowance->units);
        ts_avro_write_long(out, unit_symbol(allowance->unit));
    }
    ts_avro_write_long(out, 0);
}

static void write_change(struct ts_buffer *out, const struct ts_command *command)
{
    const struct ts_account_change *change = &command->body.change;
    ts_avro_write_optional(out, command->issued_by);
    ts_avro_write_optional(out, command->note);
    write_text(out, change, TS_FIELD_NAME, change->name);
    write_text(out, change, TS_FIELD_COUNTRY, change->country);
    write_text(out, change, TS_FIELD_TIMEZONE, change->timezone);
    write_number(out, change, TS_FIELD_SUBSCRIPTION, change->subscription);
    write_text(out, change, TS_FIELD_RATE_PLAN, change->rate_plan);
    write_number(out, change, TS_FIELD_PAYMENT_METHOD, change->payment_method);
    write_number(out, change, TS_FIELD_CARD_STATE, change->card_state);
    write_number(out, change, TS_FIELD_INVOICE_DAY, change->invoice_day);
    write_amounts(
        out, change, TS_FIELD_CREDIT_AMOUNTS, change->credit_amounts, change->credit_amount_count);
    write_number(out, change, TS_FIELD_MONTHLY_CREDIT_CAP, change->monthly_credit_cap_micros);
    write_amounts(
        out, change, TS_FIELD_ALERT_THRESHOLDS, change->thresholds, change->threshold_count);
    write_number(out, change, TS_FIELD_ALERT_HYSTERESIS, change->hysteresis_micros);
    write_auto_recharge(out, change);
    write_allowances(out, change);
    write_number(out, change, TS_FIELD_STATUS, change->status);
    write_number(out, change, TS_FIELD_CLOSED_AT, change->closed_ms);
}

/* --- */

static void write_adjustment(struct ts_buffer *out, const struct ts_command *command)
{
    const struct ts_adjustment *adjustment = &command->body.adjustment;
    ts_avro_write_header(out, ADJUSTMENT_FINGERPRINT);
    ts_avro_write_bytes(out, command->command_id);
    ts_avro_write_bytes(out, command->account_id);
    ts_avro_write_long(out, adjustment->generation);
    ts_avro_write_long(out, (int64_t)adjustment->identity_hash);
    ts_avro_write_long(out, adjustment->start_ms);
    ts_avro_write_long(out, adjustment->follows);
    ts_avro_write_long(out, adjustment->amount_micros);
    ts_avro_write_long(out, adjustment->charge_micros);
    ts_avro_write_long(out, adjustment->deck_version);
    ts_avro_write_bytes(out, adjustment->category);
    ts_avro_write_bytes(out, adjustment->prefix);
    ts_avro_write_long(out, adjustment->month);
    if (adjustment->unit_count > 0) {
        ts_avro_write_long(out, (int64_t)adjustment->unit_count);
    }
    for (size_t i = 0; i < adjustment->unit_count; i++) {
        ts_avro_write_bytes(out, adjustment->units[i].allowance);
        ts_avro_write_long(out, adjustment->units[i].units);
    }
    ts_avro_write_long(out, 0);
    ts_avro_write_bytes(out, command->issued_by);
    ts_avro_write_bytes(out, command->note);
}

/* A command of the credits topic */
static void write_of_union(struct ts_buffer *out, const struct ts_command *command)
{
    ts_avro_write_header(out, CREDIT_FINGERPRINT);
    ts_avro_write_long(out, command->type); /* the union's branches are in the enum's order */
    ts_avro_write_bytes(out, command->command_id);
    ts_avro_write_optional(out, command->account_id);
    switch (command->type) {
    case TS_COMMAND_CREDIT_ADDED:
        write_credit(out, command);
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        ts_avro_write_bytes(out, command->body.failed.recharge_id);
        ts_avro_write_bytes(out, command->body.failed.reason);
        break;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        ts_avro_write_long(out, command->body.card.amount_micros);
        break;
    case TS_COMMAND_CARD_REPLACED:
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        write_change(out, command);
        break;
    case TS_COMMAND_TIMER_DUE:
        ts_avro_write_long(out, command->body.timer.timer);
        ts_avro_write_long(out, command->body.timer.due_ms);
        ts_avro_write_optional(out, command->body.timer.subject);
        break;
    case TS_COMMAND_ADJUSTMENT: /* is none */
        break;
    }
}

void ts_avro_command_encode(const struct ts_command *command, struct ts_buffer *out)
{
    if (command->type == TS_COMMAND_ADJUSTMENT) {
        write_adjustment(out, command);
    } else {
        write_of_union(out, command);
    }
}
