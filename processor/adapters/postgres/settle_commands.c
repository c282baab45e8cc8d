/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/settle_commands.h"

#include "adapters/postgres/change_json.h"
#include "adapters/postgres/settle_sql.h"
#include "adapters/postgres/worker.h"
#include "base/assert.h"
#include "core/timestamp.h"

#include <stdlib.h>

enum { TEXT_MAX = 1 << 20 };

void ts_pg_commands_init(struct ts_pg_commands *commands)
{
    *commands = (struct ts_pg_commands){0};
    ts_buffer_init(&commands->text, TEXT_MAX);
}

void ts_pg_commands_finish(struct ts_pg_commands *commands)
{
    free(commands->items);
    ts_buffer_finish(&commands->text);
    *commands = (struct ts_pg_commands){0};
}

static bool is_settled_command(const struct ts_record *record)
{
    return record->command != NULL && record->outcome == TS_OUTCOME_SETTLED;
}

static bool make_room(struct ts_pg_commands *commands, size_t count)
{
    if (count <= commands->capacity) {
        return true;
    }
    struct ts_pg_command *grown = realloc(commands->items, count * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    commands->items = grown;
    commands->capacity = count;
    return true;
}

bool ts_pg_commands_collect(struct ts_pg_commands *commands,
                            const struct ts_settlement *settlement,
                            struct ts_error *err)
{
    size_t count = 0;
    commands->count = 0;
    for (size_t i = 0; i < settlement->record_count; i++) {
        count += is_settled_command(settlement->records[i]);
    }
    if (!make_room(commands, count)) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < settlement->record_count && count > 0; i++) {
        if (is_settled_command(settlement->records[i])) {
            TS_ASSERT(settlement->record_accounts[i] != NULL);
            commands->items[commands->count++] = (struct ts_pg_command){
                .record = settlement->records[i], .account = settlement->record_accounts[i]};
        }
    }
    commands->first = 0;
    commands->end = commands->count;
    return true;
}

/* --- which of them */

static bool is_credited(const struct ts_pg_command *item)
{
    return item->record->command->command.type == TS_COMMAND_CREDIT_ADDED &&
           item->record->command->effect.delta_micros != 0;
}

/* It gets a row of the ledger. */
static bool is_entry(const struct ts_pg_command *item)
{
    return ts_record_has_row(item->record);
}

static bool is_adjustment(const struct ts_pg_command *item)
{
    return item->record->command->command.type == TS_COMMAND_ADJUSTMENT;
}

static bool is_invoiced(const struct ts_pg_command *item)
{
    return item->record->command->effect.invoiced;
}

static bool is_change(const struct ts_pg_command *item)
{
    return item->record->command->command.type == TS_COMMAND_ACCOUNT_CHANGED;
}

static bool have(const struct ts_postgres *postgres, bool (*wanted)(const struct ts_pg_command *))
{
    const struct ts_pg_commands *commands = &postgres->settle.commands;
    bool found = false;
    for (size_t i = commands->first; i < commands->end && !found; i++) {
        found = wanted(&commands->items[i]);
    }
    return found;
}

bool ts_pg_commands_need_entries(const struct ts_postgres *postgres)
{
    return have(postgres, is_entry);
}

bool ts_pg_commands_need_adjustments(const struct ts_postgres *postgres)
{
    return have(postgres, is_adjustment);
}

bool ts_pg_commands_need_invoice_lines(const struct ts_postgres *postgres)
{
    return have(postgres, is_invoiced);
}

bool ts_pg_commands_need_changes(const struct ts_postgres *postgres)
{
    return have(postgres, is_change);
}

/* --- parameters */

/* One array parameter, of an expression over `command` and `item` of those that are wanted. */
#define ADD(postgres, wanted, type, put, expression)                                               \
    do {                                                                                           \
        const struct ts_pg_commands *commands_ = &(postgres)->settle.commands;                     \
        struct ts_pg_params *params_ = &(postgres)->settle_params;                                 \
        ts_pg_array_begin(params_, type);                                                          \
        for (size_t i_ = commands_->first; i_ < commands_->end; i_++) {                            \
            const struct ts_pg_command *item = &commands_->items[i_];                              \
            const struct ts_command *command = &item->record->command->command;                    \
            (void)command;                                                                         \
            if (wanted(item)) {                                                                    \
                put(params_, expression);                                                          \
            }                                                                                      \
        }                                                                                          \
        ts_pg_array_end(params_);                                                                  \
    } while (0)

static void add_places(struct ts_postgres *postgres, bool (*wanted)(const struct ts_pg_command *))
{
    ADD(postgres,
        wanted,
        TS_PG_TEXT,
        ts_pg_array_bytes,
        ts_bytes_of(ts_pg_topic_of(postgres, item->record->lane)));
    ADD(postgres, wanted, TS_PG_INT4, ts_pg_array_i32, item->record->lane.partition);
    ADD(postgres, wanted, TS_PG_INT8, ts_pg_array_i64, item->record->offset);
}

static void add_account_nos(struct ts_postgres *postgres,
                            bool (*wanted)(const struct ts_pg_command *))
{
    ADD(postgres, wanted, TS_PG_INT8, ts_pg_array_i64, item->account->profile->account_no);
}

/* An absent text, and an empty one, is NULL. */
static struct ts_bytes given(struct ts_bytes text)
{
    return text.size > 0 ? text : (struct ts_bytes){0};
}

static struct ts_bytes present(struct ts_bytes text)
{
    return text.data != NULL ? text : TS_LITERAL("");
}

enum { COMMAND_ID, CREDIT_ID, RECHARGE_ID, SPACES }; /* column `space` */

/* A refused credit: decided on what was known of its ids before the account was locked. */
static bool is_refused(const struct ts_pg_command *item)
{
    return item->record->command->effect.refusal != TS_REFUSAL_NONE;
}

/* The id that a command uses up in one space, or, refused, expects to be free; absent: none. */
static struct ts_bytes id_of(const struct ts_pg_command *item, int space)
{
    const struct ts_command *command = &item->record->command->command;
    if (space == COMMAND_ID) {
        return command->command_id;
    }
    if ((!is_credited(item) && !is_refused(item)) ||
        (space == RECHARGE_ID && item->record->command->facts.recharge_credited)) {
        return (struct ts_bytes){0};
    }
    if (command->type != TS_COMMAND_CREDIT_ADDED) {
        return (struct ts_bytes){0};
    }
    return given(space == CREDIT_ID ? command->body.credit.credit_id
                                    : command->body.credit.recharge_id);
}

/* The same, a row for each id. */
#define ADD_IDS(postgres, type, put, expression)                                                   \
    do {                                                                                           \
        const struct ts_pg_commands *commands_ = &(postgres)->settle.commands;                     \
        struct ts_pg_params *params_ = &(postgres)->settle_params;                                 \
        ts_pg_array_begin(params_, type);                                                          \
        for (size_t i_ = SPACES * commands_->first; i_ < SPACES * commands_->end; i_++) {          \
            const struct ts_pg_command *item = &commands_->items[i_ / SPACES];                     \
            int space = (int)(i_ % SPACES);                                                        \
            struct ts_bytes id = id_of(item, space);                                               \
            if (id.data != NULL) {                                                                 \
                put(params_, expression);                                                          \
            }                                                                                      \
        }                                                                                          \
        ts_pg_array_end(params_);                                                                  \
    } while (0)

void ts_pg_add_command_ids(struct ts_postgres *postgres)
{
    ADD_IDS(postgres, TS_PG_INT2, ts_pg_array_i16, (int16_t)space);
    ADD_IDS(postgres, TS_PG_TEXT, ts_pg_array_bytes, id);
    ADD_IDS(postgres, TS_PG_INT8, ts_pg_array_i64, (int64_t)item->record->fingerprint);
    ADD_IDS(postgres, TS_PG_INT8, ts_pg_array_i64, item->account->profile->account_no);
    ADD_IDS(postgres,
            TS_PG_TEXT,
            ts_pg_array_bytes,
            ts_bytes_of(ts_pg_topic_of(postgres, item->record->lane)));
    ADD_IDS(postgres, TS_PG_INT4, ts_pg_array_i32, item->record->lane.partition);
    ADD_IDS(postgres, TS_PG_INT8, ts_pg_array_i64, item->record->offset);
    ts_pg_param_time(&postgres->settle_params, postgres->settle.settlement->now_ms);
    ADD_IDS(postgres, TS_PG_BOOL, ts_pg_array_bool, space != COMMAND_ID && is_refused(item));
}

static struct ts_bytes kind_of(const struct ts_command *command)
{
    enum ts_credit_kind kind =
        command->type == TS_COMMAND_ADJUSTMENT ? TS_CREDIT_ADJUSTMENT : command->body.credit.kind;
    return ts_bytes_of(ts_credit_kind_name(kind));
}

static struct ts_bytes reference_of(const struct ts_command *command)
{
    return command->type == TS_COMMAND_ADJUSTMENT ? command->command_id
                                                  : command->body.credit.credit_id;
}

void ts_pg_add_entries(struct ts_postgres *postgres)
{
    add_account_nos(postgres, is_entry);
    ADD(postgres, is_entry, TS_PG_INT8, ts_pg_array_i64, item->record->movement);
    ADD(postgres, is_entry, TS_PG_TEXT, ts_pg_array_bytes, kind_of(command));
    ADD(postgres,
        is_entry,
        TS_PG_INT8,
        ts_pg_array_i64,
        item->record->command->effect.delta_micros);
    ADD(postgres, is_entry, TS_PG_INT8, ts_pg_array_i64, item->record->balance_after_micros);
    ADD(postgres, is_entry, TS_PG_TEXT, ts_pg_array_bytes, reference_of(command));
    ADD(postgres, is_entry, TS_PG_TEXT, ts_pg_array_bytes, given(command->issued_by));
    ADD(postgres, is_entry, TS_PG_TEXT, ts_pg_array_bytes, given(command->note));
    add_places(postgres, is_entry);
    ts_pg_param_time(&postgres->settle_params, postgres->settle.settlement->now_ms);
}

/* JSON, NULL when it moves no units. */
static struct ts_bytes units_text(struct ts_postgres *postgres,
                                  const struct ts_adjustment *adjustment)
{
    struct ts_buffer *text = &postgres->settle.commands.text;
    if (adjustment->unit_count == 0) {
        return (struct ts_bytes){0};
    }
    ts_buffer_clear(text);
    ts_pg_units_json(text, adjustment->units, adjustment->unit_count);
    postgres->settle_params.data.failed = postgres->settle_params.data.failed || text->failed;
    return ts_buffer_bytes(text);
}

#define ADD_ADJUSTMENT(postgres, type, put, member)                                                \
    ADD(postgres, is_adjustment, type, put, command->body.adjustment.member)

void ts_pg_add_adjustments(struct ts_postgres *p)
{
    add_account_nos(p, is_adjustment);
    ADD(p, is_adjustment, TS_PG_INT8, ts_pg_array_i64, item->record->movement);
    ADD_ADJUSTMENT(p, TS_PG_INT4, ts_pg_array_i32, generation);
    ADD_ADJUSTMENT(p, TS_PG_TIMESTAMPTZ, ts_pg_array_time, start_ms);
    ADD(p,
        is_adjustment,
        TS_PG_INT8,
        ts_pg_array_i64,
        (int64_t)command->body.adjustment.identity_hash);
    ADD_ADJUSTMENT(p, TS_PG_INT8, ts_pg_array_i64, follows);
    ADD_ADJUSTMENT(p, TS_PG_INT8, ts_pg_array_i64, amount_micros);
    ADD_ADJUSTMENT(p, TS_PG_INT8, ts_pg_array_i64, charge_micros);
    ADD_ADJUSTMENT(p, TS_PG_INT8, ts_pg_array_i64, deck_version);
    ADD(p,
        is_adjustment,
        TS_PG_TEXT,
        ts_pg_array_bytes,
        present(command->body.adjustment.category));
    ADD(p, is_adjustment, TS_PG_TEXT, ts_pg_array_bytes, present(command->body.adjustment.prefix));
    ADD_ADJUSTMENT(p, TS_PG_INT4, ts_pg_array_i32, month);
    ADD(p, is_adjustment, TS_PG_TEXT, ts_pg_array_bytes, units_text(p, &command->body.adjustment));
    add_places(p, is_adjustment);
    ts_pg_param_time(&p->settle_params, p->settle.settlement->now_ms);
}

void ts_pg_add_invoice_lines(struct ts_postgres *postgres)
{
    add_account_nos(postgres, is_invoiced);
    ADD(postgres,
        is_invoiced,
        TS_PG_INT4,
        ts_pg_array_i32,
        item->record->command->effect.invoice_date);
    ADD(postgres, is_invoiced, TS_PG_TEXT, ts_pg_array_bytes, command->body.credit.credit_id);
    ADD(postgres,
        is_invoiced,
        TS_PG_INT8,
        ts_pg_array_i64,
        item->record->command->effect.delta_micros);
    add_places(postgres, is_invoiced);
    ts_pg_param_time(&postgres->settle_params, postgres->settle.settlement->now_ms);
}

/* The view lives until the next one is made: array elements are copied. */
static struct ts_bytes change_text(struct ts_postgres *postgres, const struct ts_command *command)
{
    struct ts_buffer *text = &postgres->settle.commands.text;
    ts_buffer_clear(text);
    ts_pg_change_json(text, &command->body.change);
    postgres->settle_params.data.failed = postgres->settle_params.data.failed || text->failed;
    return ts_buffer_bytes(text);
}

void ts_pg_add_changes(struct ts_postgres *postgres)
{
    add_account_nos(postgres, is_change);
    ADD(postgres, is_change, TS_PG_TEXT, ts_pg_array_bytes, command->command_id);
    ADD(postgres, is_change, TS_PG_TEXT, ts_pg_array_bytes, given(command->issued_by));
    ADD(postgres, is_change, TS_PG_TEXT, ts_pg_array_bytes, given(command->note));
    ADD(postgres, is_change, TS_PG_TEXT, ts_pg_array_bytes, change_text(postgres, command));
    add_places(postgres, is_change);
    ts_pg_param_time(&postgres->settle_params, postgres->settle.settlement->now_ms);
}

/* --- settings: a row for each account whose settings were changed */

static bool is_wanted(const struct ts_postgres *postgres, const struct ts_settle_state *state)
{
    const struct ts_pg_commands *commands = &postgres->settle.commands;
    bool wanted = commands->first == 0 && commands->end == commands->count;
    for (size_t i = commands->first; i < commands->end && !wanted; i++) {
        wanted =
            commands->items[i].account == &postgres->settle.settlement->accounts[state->account];
    }
    return wanted && state->changed;
}

bool ts_pg_commands_need_settings(const struct ts_postgres *postgres)
{
    const struct ts_settlement *s = postgres->settle.settlement;
    bool found = false;
    for (size_t i = 0; i < s->state_count && !found; i++) {
        found = is_wanted(postgres, &s->states[i]);
    }
    return found;
}

#define ADD_SETTING(postgres, type, put, expression)                                               \
    do {                                                                                           \
        const struct ts_settlement *s_ = (postgres)->settle.settlement;                            \
        struct ts_pg_params *params_ = &(postgres)->settle_params;                                 \
        ts_pg_array_begin(params_, type);                                                          \
        for (size_t i_ = 0; i_ < s_->state_count; i_++) {                                          \
            const struct ts_settle_state *item = &s_->states[i_];                                  \
            const struct ts_account_state *state = &item->state;                                   \
            (void)state;                                                                           \
            if (is_wanted(postgres, item)) {                                                       \
                put(params_, expression);                                                          \
            }                                                                                      \
        }                                                                                          \
        ts_pg_array_end(params_);                                                                  \
    } while (0)

static void put_closed(struct ts_pg_params *params, const struct ts_account_state *state)
{
    if (state->status != TS_ACCOUNT_CLOSED) {
        ts_pg_array_null(params);
        return;
    }
    int64_t ms = state->closed_ms; /* as it came: a timestamptz holds less */
    ms = ms < TS_TIMESTAMP_MIN_MS ? TS_TIMESTAMP_MIN_MS : ms;
    ts_pg_array_time(params, ms > TS_TIMESTAMP_MAX_MS ? TS_TIMESTAMP_MAX_MS : ms);
}

/* "{1,2}": an array in an array has no other form. */
static struct ts_bytes numbers_text(struct ts_postgres *postgres, const int64_t *values, size_t n)
{
    struct ts_buffer *text = &postgres->settle.commands.text;
    ts_buffer_clear(text);
    ts_buffer_append_char(text, '{');
    for (size_t i = 0; i < n; i++) {
        ts_buffer_append_text(text, i > 0 ? "," : "");
        ts_buffer_append_i64(text, values[i]);
    }
    ts_buffer_append_char(text, '}');
    postgres->settle_params.data.failed = postgres->settle_params.data.failed || text->failed;
    return ts_buffer_bytes(text);
}

static bool sets(const struct ts_settle_state *item, enum ts_account_field field)
{
    return (item->profile.set & ts_field_bit(field)) != 0;
}

/* NULL: it stays as it is. */
static void put_plan(struct ts_pg_params *params, const struct ts_settle_state *item)
{
    if (sets(item, TS_FIELD_RATE_PLAN)) {
        ts_pg_array_i32(params, item->plan_no);
    } else {
        ts_pg_array_null(params);
    }
}

static struct ts_bytes
profile_text(const struct ts_settle_state *item, enum ts_account_field field, struct ts_bytes text)
{
    if (!sets(item, field)) {
        return (struct ts_bytes){0};
    }
    return text.data != NULL ? text : TS_LITERAL("");
}

static struct ts_bytes allowances_text(struct ts_postgres *postgres,
                                       const struct ts_settle_state *item)
{
    struct ts_buffer *text = &postgres->settle.commands.text;
    if (!sets(item, TS_FIELD_ALLOWANCES)) {
        return (struct ts_bytes){0};
    }
    ts_buffer_clear(text);
    ts_pg_allowances_json(text, item->profile.allowances, item->profile.allowance_count);
    postgres->settle_params.data.failed = postgres->settle_params.data.failed || text->failed;
    return ts_buffer_bytes(text);
}

static void add_recharge(struct ts_postgres *p)
{
    ADD_SETTING(p, TS_PG_BOOL, ts_pg_array_bool, state->recharge.on);
    ADD_SETTING(p, TS_PG_INT2, ts_pg_array_i16, (int16_t)state->recharge.mode);
    ADD_SETTING(p, TS_PG_INT8, ts_pg_array_i64, state->recharge.threshold_micros);
    ADD_SETTING(p, TS_PG_INT8, ts_pg_array_i64, state->recharge.amount_micros);
    ADD_SETTING(p, TS_PG_INT4, ts_pg_array_i32, state->recharge.count_per_day_max);
    ADD_SETTING(p, TS_PG_INT8, ts_pg_array_i64, state->recharge.amount_per_month_micros_max);
}

static void add_profile(struct ts_postgres *p)
{
    ADD_SETTING(
        p, TS_PG_TEXT, ts_pg_array_bytes, profile_text(item, TS_FIELD_NAME, item->profile.name));
    ADD_SETTING(p,
                TS_PG_TEXT,
                ts_pg_array_bytes,
                profile_text(item, TS_FIELD_COUNTRY, item->profile.country));
    ADD_SETTING(p,
                TS_PG_TEXT,
                ts_pg_array_bytes,
                profile_text(item, TS_FIELD_TIMEZONE, item->profile.timezone));
    ADD_SETTING(p, TS_PG_INT4, put_plan, item);
    ADD_SETTING(p, TS_PG_TEXT, ts_pg_array_bytes, allowances_text(p, item));
}

void ts_pg_add_settings(struct ts_postgres *postgres)
{
    struct ts_postgres *p = postgres;
    ADD_SETTING(p, TS_PG_INT8, ts_pg_array_i64, state->account_no);
    ADD_SETTING(p, TS_PG_INT2, ts_pg_array_i16, (int16_t)state->status);
    ADD_SETTING(p, TS_PG_TIMESTAMPTZ, put_closed, state);
    ADD_SETTING(p, TS_PG_INT2, ts_pg_array_i16, (int16_t)state->subscription);
    ADD_SETTING(p, TS_PG_INT2, ts_pg_array_i16, (int16_t)state->payment_method);
    ADD_SETTING(p, TS_PG_INT2, ts_pg_array_i16, (int16_t)state->invoice_day);
    ADD_SETTING(p,
                TS_PG_TEXT,
                ts_pg_array_bytes,
                numbers_text(p, state->credit_amounts_micros, state->credit_amount_count));
    ADD_SETTING(p, TS_PG_INT8, ts_pg_array_i64, state->monthly_credit_cap_micros);
    ADD_SETTING(p,
                TS_PG_TEXT,
                ts_pg_array_bytes,
                numbers_text(p, state->thresholds_micros, state->threshold_count));
    ADD_SETTING(p, TS_PG_INT8, ts_pg_array_i64, state->hysteresis_micros);
    add_recharge(p);
    add_profile(p);
    ts_pg_param_time(&p->settle_params, p->settle.settlement->now_ms);
}
