/* SPDX-License-Identifier: Apache-2.0 */
#include "app/account_json.h"

#include "app/json_fields.h"
#include "app/suggest.h"
#include "base/utf8.h"
#include "core/allowance.h"
#include "core/cdr.h"
#include "core/timestamp.h"

#include <stdio.h>
#include <string.h>

enum { ALLOWANCES_SIZE_MAX = 64 * 1024 };

static const char *const statuses[] = {"active", "suspended", "closed", NULL};
static const char *const subscriptions[] = {"free", "standard", "pro", "enterprise", NULL};
static const char *const payment_methods[] = {"card", "invoice", NULL};
static const char *const card_states[] = {"none", "unconfirmed", "confirmed", "locked", NULL};
static const char *const recharge_modes[] = {"fixed", "target", "shortfall_plus", NULL};

const char *ts_account_status_text(enum ts_account_status status)
{
    return statuses[status];
}

const char *ts_account_subscription_text(enum ts_subscription subscription)
{
    return subscriptions[subscription];
}

const char *ts_account_payment_text(enum ts_payment_method method)
{
    return payment_methods[method];
}

const char *ts_account_card_text(enum ts_card_state state)
{
    return card_states[state];
}

const char *ts_account_recharge_mode_text(enum ts_recharge_mode mode)
{
    return recharge_modes[mode];
}

static bool is_capitals(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(text);
}

/* ---- fields
 * ---------------------------------------------------------------------------------------- */

/* What is being read, beside the field. */
struct reading {
    struct ts_arena *arena;
    bool change; /* of an account that exists: fields that are not there stay as they are */
};

/* One field that is present. */
typedef bool field_fn(struct ts_stored_account *account,
                      const char *field,
                      const struct ts_json_value *value,
                      const struct reading *reading,
                      struct ts_error *err);

#define FIELD(name)                                                                                \
    static bool name(struct ts_stored_account *account,                                            \
                     const char *field,                                                            \
                     const struct ts_json_value *value,                                            \
                     const struct reading *reading,                                                \
                     struct ts_error *err)

FIELD(field_account_id)
{
    (void)reading;
    return ts_json_field_text(field, value, 1, TS_ACCOUNT_ID_MAX, account->account_id, err);
}

FIELD(field_name)
{
    (void)reading;
    char name[TS_ACCOUNT_NAME_MAX + 1];
    account->name = value->text;
    return ts_json_field_text(field, value, 0, TS_ACCOUNT_NAME_MAX, name, err);
}

FIELD(field_country)
{
    (void)reading;
    return (ts_json_field_text(field, value, 2, 2, account->country, err) &&
            is_capitals(account->country)) ||
           ts_json_field_refuse(err, field, value, "two letters of ISO 3166, as US");
}

FIELD(field_timezone)
{
    (void)reading;
    return ts_json_field_text(field, value, 1, TS_ZONE_NAME_MAX - 1, account->timezone, err);
}

FIELD(field_currency)
{
    (void)reading;
    return (ts_json_field_text(field, value, 3, 3, account->state.currency, err) &&
            is_capitals(account->state.currency)) ||
           ts_json_field_refuse(err, field, value, "three letters of ISO 4217, as USD");
}

FIELD(field_rate_plan)
{
    (void)reading;
    return ts_json_field_text(field, value, 1, TS_PLAN_NAME_MAX, account->rate_plan, err);
}

FIELD(field_subscription)
{
    (void)reading;
    int choice = 0;
    bool good = ts_json_field_choice(field, value, subscriptions, &choice, err);
    account->state.subscription = (enum ts_subscription)choice;
    return good;
}

FIELD(field_payment_method)
{
    (void)reading;
    int choice = 0;
    bool good = ts_json_field_choice(field, value, payment_methods, &choice, err);
    account->state.payment_method = (enum ts_payment_method)choice;
    return good;
}

FIELD(field_card_state)
{
    (void)reading;
    int choice = 0;
    bool good = ts_json_field_choice(field, value, card_states, &choice, err);
    account->state.card_state = (enum ts_card_state)choice;
    return good;
}

FIELD(field_invoice_day)
{
    (void)reading;
    int64_t day = 1;
    bool good = ts_json_field_integer(field, value, 1, 31, &day, err);
    account->state.invoice_day = (int32_t)day;
    return good;
}

FIELD(field_credit_amounts)
{
    (void)reading;
    return ts_json_field_amounts(field,
                                 value,
                                 TS_CREDIT_AMOUNTS_MAX,
                                 account->state.credit_amounts_micros,
                                 &account->state.credit_amount_count,
                                 err);
}

FIELD(field_monthly_credit_cap)
{
    (void)reading;
    return ts_json_field_positive(field, value, &account->state.monthly_credit_cap_micros, err);
}

FIELD(field_alert_thresholds)
{
    (void)reading;
    return ts_json_field_amounts(field,
                                 value,
                                 TS_THRESHOLDS_MAX,
                                 account->state.thresholds_micros,
                                 &account->state.threshold_count,
                                 err);
}

FIELD(field_alert_hysteresis)
{
    (void)reading;
    return ts_json_field_positive(field, value, &account->state.hysteresis_micros, err);
}

FIELD(field_opening_balance)
{
    (void)reading;
    return ts_json_field_amount(field, value, &account->state.balance_micros, err);
}

FIELD(field_status)
{
    (void)reading;
    int choice = 0;
    bool good = ts_json_field_choice(field, value, statuses, &choice, err);
    account->state.status = (enum ts_account_status)choice;
    return good;
}

FIELD(field_closed_at)
{
    (void)reading;
    return (value->type == TS_JSON_TEXT &&
            ts_timestamp_parse(value->text, &account->state.closed_ms)) ||
           ts_json_field_refuse(
               err, field, value, "a time with its offset, as 2026-12-01T00:00:00Z");
}

FIELD(field_recharge_on)
{
    (void)reading;
    return ts_json_field_bool(field, value, &account->state.recharge.on, err);
}

FIELD(field_recharge_mode)
{
    (void)reading;
    int choice = 0;
    bool good = ts_json_field_choice(field, value, recharge_modes, &choice, err);
    account->state.recharge.mode = (enum ts_recharge_mode)choice;
    return good;
}

FIELD(field_recharge_threshold)
{
    (void)reading;
    return ts_json_field_amount(field, value, &account->state.recharge.threshold_micros, err);
}

FIELD(field_recharge_amount)
{
    (void)reading;
    return ts_json_field_positive(field, value, &account->state.recharge.amount_micros, err);
}

FIELD(field_recharge_count)
{
    (void)reading;
    int64_t count = 0;
    bool good = ts_json_field_integer(field, value, 0, INT32_MAX, &count, err);
    account->state.recharge.count_per_day_max = (int32_t)count;
    return good;
}

FIELD(field_recharge_month)
{
    (void)reading;
    return ts_json_field_positive(
        field, value, &account->state.recharge.amount_per_month_micros_max, err);
}

enum rule {
    OPTIONAL,
    REQUIRED, /* of a new account */
    FIXED,    /* required too, and never changed */
    ONCE,     /* never changed */
};

struct field {
    const char *name;
    field_fn *read;
    enum rule rule;
};

enum { FIELDS_MAX = 24, QUOTED_MAX = 80 };

/* A key that somebody wrote, with where it stands, fit to be shown. Returns `out`. */
static const char *quoted_key(const char *prefix, const char *key, char out[QUOTED_MAX])
{
    char name[2 * QUOTED_MAX];
    snprintf(name, sizeof name, "%s%s", prefix, key);
    return ts_utf8_quote(ts_bytes_of(name), out, QUOTED_MAX);
}

static bool refuse_unknown(const char *prefix,
                           const char *unknown,
                           const char *const *known,
                           struct ts_error *err)
{
    char quoted[QUOTED_MAX];
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, unknown);
    for (; *known != NULL; known++) {
        ts_suggest_offer(&suggest, *known);
    }
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "there is no field %s%s%s%s",
                        quoted_key(prefix, unknown, quoted),
                        suggest.best != NULL ? ": did you mean " : "",
                        suggest.best != NULL ? suggest.best : "",
                        suggest.best != NULL ? "?" : "");
}

static bool read_field(const struct field *field,
                       const char *prefix,
                       const struct ts_json_value *object,
                       struct ts_stored_account *account,
                       const struct reading *reading,
                       struct ts_error *err)
{
    char name[64];
    struct ts_json_value value = ts_json_member(object, field->name);
    snprintf(name, sizeof name, "%s%s", prefix, field->name);
    if (value.type == TS_JSON_ABSENT) {
        bool needed = !reading->change && (field->rule == REQUIRED || field->rule == FIXED);
        return !needed || ts_error_set(err, TS_ERROR_REJECT, 0, "%s is missing", name);
    }
    if (reading->change && (field->rule == FIXED || field->rule == ONCE)) {
        return ts_error_set(
            err, TS_ERROR_REJECT, 0, "%s of an account can't be changed", field->name);
    }
    return field->read(account, name, &value, reading, err);
}

static bool read_fields(const struct field *fields,
                        const char *prefix,
                        const struct ts_json_value *object,
                        struct ts_stored_account *account,
                        const struct reading *reading,
                        struct ts_error *err)
{
    const char *known[FIELDS_MAX + 1];
    size_t count = 0;
    for (; fields[count].name != NULL; count++) {
        known[count] = fields[count].name;
    }
    known[count] = NULL;
    const char *unknown = ts_json_unknown_key(object, known);
    if (unknown != NULL) {
        return refuse_unknown(prefix, unknown, known, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_field(&fields[i], prefix, object, account, reading, err)) {
            return false;
        }
    }
    return true;
}

static const struct field recharge_fields[] = {
    {"on", field_recharge_on, REQUIRED},
    {"threshold", field_recharge_threshold, OPTIONAL},
    {"mode", field_recharge_mode, OPTIONAL},
    {"amount", field_recharge_amount, OPTIONAL},
    {"max_count_per_day", field_recharge_count, OPTIONAL},
    {"max_amount_per_month", field_recharge_month, OPTIONAL},
    {NULL, NULL, OPTIONAL},
};

FIELD(field_auto_recharge)
{
    if (value->type != TS_JSON_OBJECT) {
        return ts_json_field_refuse(err, field, value, "an object");
    }
    if (!read_fields(recharge_fields, "auto_recharge.", value, account, reading, err)) {
        return false;
    }
    const struct ts_recharge *recharge = &account->state.recharge;
    return reading->change || !recharge->on || recharge->amount_micros > 0 ||
           ts_error_set(
               err, TS_ERROR_REJECT, 0, "auto_recharge.amount should be above 0 where it is on");
}

/* ---- allowances
 * --------------------------------------------------------------------------------------- */

/* What is stored is the JSON itself; here it is only found to be what it should. */
static bool check_allowance(const struct ts_json_value *allowance, struct ts_error *err)
{
    static const char *const keys[] = {
        "name", "category", "license", "local_only", "units", "unit", NULL};
    static const char *const licenses[] = {"*", "talk", "contact_center", "sell", NULL};
    static const char *const units[] = {"second", "page", NULL};
    const char *categories[TS_CATEGORY_COUNT + 2] = {"*"};
    for (int i = 0; i < TS_CATEGORY_COUNT; i++) {
        categories[i + 1] = ts_category_name((enum ts_category)i);
    }
    if (allowance->type != TS_JSON_OBJECT) {
        return ts_json_field_refuse(err, "allowances", allowance, "an object in a list");
    }
    const char *unknown = ts_json_unknown_key(allowance, keys);
    if (unknown != NULL) {
        char quoted[QUOTED_MAX];
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "there is no field %s",
                            quoted_key("allowances.", unknown, quoted));
    }
    char name[TS_ALLOWANCE_NAME_MAX + 1];
    int choice = 0;
    int64_t number = 0;
    bool local_only = false;
    struct ts_json_value v[6];
    for (size_t i = 0; keys[i] != NULL; i++) {
        v[i] = ts_json_member(allowance, keys[i]);
    }
    return ts_json_field_text("allowances.name", &v[0], 1, sizeof name - 1, name, err) &&
           ts_json_field_choice("allowances.category", &v[1], categories, &choice, err) &&
           (v[2].type == TS_JSON_ABSENT ||
            ts_json_field_choice("allowances.license", &v[2], licenses, &choice, err)) &&
           (v[3].type == TS_JSON_ABSENT ||
            ts_json_field_bool("allowances.local_only", &v[3], &local_only, err)) &&
           ts_json_field_integer("allowances.units", &v[4], 0, INT32_MAX, &number, err) &&
           (v[5].type == TS_JSON_ABSENT ||
            ts_json_field_choice("allowances.unit", &v[5], units, &choice, err));
}

/* What was used is counted by name. */
static bool is_named_before(const struct ts_json_value *list, size_t index)
{
    struct ts_json_value item = ts_json_item(list, index);
    struct ts_json_value name = ts_json_member(&item, "name");
    for (size_t i = 0; i < index; i++) {
        struct ts_json_value other = ts_json_item(list, i);
        if (ts_bytes_equal(ts_json_member(&other, "name").text, name.text)) {
            return true;
        }
    }
    return false;
}

FIELD(field_allowances)
{
    if (value->type != TS_JSON_LIST || value->count > TS_ALLOWANCES_MAX) {
        return ts_json_field_refuse(err, field, value, "a list of at most 8 objects");
    }
    _Static_assert((int)TS_ALLOWANCES_MAX == 8, "the text says 8");
    for (size_t i = 0; i < value->count; i++) {
        struct ts_json_value item = ts_json_item(value, i);
        if (!check_allowance(&item, err)) {
            return false;
        }
        if (is_named_before(value, i)) {
            return ts_error_set(
                err, TS_ERROR_REJECT, 0, "allowances.name: two allowances have the same name");
        }
    }
    if (value->count == 0) {
        return true;
    }
    struct ts_buffer text;
    ts_buffer_init(&text, ALLOWANCES_SIZE_MAX);
    ts_json_append(value, &text);
    account->allowances = ts_arena_copy(reading->arena, ts_buffer_bytes(&text));
    bool failed = text.failed || account->allowances.data == NULL;
    ts_buffer_finish(&text);
    return !failed || ts_error_no_memory(err);
}

static const struct field account_fields[] = {
    {"account_id", field_account_id, FIXED},
    {"name", field_name, OPTIONAL},
    {"country", field_country, REQUIRED},
    {"timezone", field_timezone, OPTIONAL},
    {"currency", field_currency, ONCE},
    {"subscription", field_subscription, OPTIONAL},
    {"rate_plan", field_rate_plan, REQUIRED},
    {"payment_method", field_payment_method, OPTIONAL},
    {"card_state", field_card_state, OPTIONAL},
    {"invoice_day", field_invoice_day, OPTIONAL},
    {"credit_amounts", field_credit_amounts, OPTIONAL},
    {"monthly_credit_cap", field_monthly_credit_cap, OPTIONAL},
    {"alert_thresholds", field_alert_thresholds, OPTIONAL},
    {"alert_hysteresis", field_alert_hysteresis, OPTIONAL},
    {"auto_recharge", field_auto_recharge, OPTIONAL},
    {"allowances", field_allowances, OPTIONAL},
    {"status", field_status, OPTIONAL},
    {"closed_at", field_closed_at, OPTIONAL},
    {"opening_balance", field_opening_balance, ONCE},
    {NULL, NULL, OPTIONAL},
};
_Static_assert(sizeof account_fields / sizeof *account_fields <= FIELDS_MAX, "raise FIELDS_MAX");

bool ts_account_json_read(const struct ts_json_value *object,
                          struct ts_arena *arena,
                          int64_t now_ms,
                          struct ts_stored_account *out,
                          struct ts_error *err)
{
    *out = (struct ts_stored_account){
        .timezone = "UTC",
        .name = TS_LITERAL(""),
        .state = {.subscription = TS_SUBSCRIPTION_STANDARD,
                  .closed_ms = now_ms,
                  .invoice_day = 1,
                  .monthly_credit_cap_micros = INT64_C(250000000)},
    };
    if (object->type != TS_JSON_OBJECT) {
        return ts_json_field_refuse(err, "the account", object, "an object");
    }
    const struct reading reading = {.arena = arena};
    if (!read_fields(account_fields, "", object, out, &reading, err)) {
        return false;
    }
    if (out->state.status != TS_ACCOUNT_CLOSED &&
        ts_json_member(object, "closed_at").type != TS_JSON_ABSENT) {
        return ts_error_set(err, TS_ERROR_REJECT, 0, "closed_at: the account is not closed");
    }
    ts_decide_opening(&out->state);
    return true;
}

bool ts_account_json_read_change(const struct ts_json_value *object,
                                 struct ts_arena *arena,
                                 struct ts_stored_account *out,
                                 struct ts_error *err)
{
    const struct reading reading = {.arena = arena, .change = true};
    *out = (struct ts_stored_account){.name = TS_LITERAL("")};
    return object->type == TS_JSON_OBJECT
               ? read_fields(account_fields, "", object, out, &reading, err)
               : ts_json_field_refuse(err, "the change", object, "an object");
}
