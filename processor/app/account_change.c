/* SPDX-License-Identifier: Apache-2.0 */
#include "app/account_change.h"

#include "app/account_json.h"
#include "app/json_fields.h"
#include "app/json_text.h"

#include <string.h>

enum { PAIR_SIZE_MAX = 128 * 1024 };

/* ---- texts to a document
 * ------------------------------------------------------------------------------------ */

static bool is_list_of_amounts(struct ts_bytes key)
{
    return ts_bytes_equal_text(key, "credit_amounts") ||
           ts_bytes_equal_text(key, "alert_thresholds");
}

static struct ts_bytes trimmed(struct ts_bytes text)
{
    while (text.size > 0 && text.data[0] == ' ') {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

/* "25,10" as a JSON list of texts; nothing is an empty list. */
static void append_list(struct ts_buffer *out, struct ts_bytes rest)
{
    const char *lead = "[";
    while (rest.size > 0) {
        const char *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma != NULL ? (size_t)(comma - rest.data) : rest.size;
        ts_buffer_append_text(out, lead);
        ts_json_append_string(out, trimmed((struct ts_bytes){rest.data, size}));
        rest.data += comma != NULL ? size + 1 : size;
        rest.size -= comma != NULL ? size + 1 : size;
        lead = ",";
    }
    ts_buffer_append_text(out, lead[0] == '[' ? "[]" : "]");
}

static void append_pair(struct ts_buffer *out, const char *prefix, const char *pair)
{
    struct ts_bytes key = {pair, strcspn(pair, "=")};
    const char *value = pair[key.size] == '=' ? pair + key.size + 1 : NULL;
    ts_buffer_append_text(out, prefix);
    if (value == NULL || value[0] == '[' || !is_list_of_amounts(key)) {
        ts_buffer_append_text(out, pair);
        return;
    }
    ts_buffer_append_bytes(out, key);
    ts_buffer_append_char(out, '=');
    append_list(out, ts_bytes_of(value));
}

struct ts_json_document *ts_account_pairs_read(char *const *pairs,
                                               size_t count,
                                               const char *prefix,
                                               struct ts_arena *arena,
                                               struct ts_error *err)
{
    struct ts_buffer pair;
    char **texts = ts_arena_take(arena, (count + 1) * sizeof *texts);
    bool good = texts != NULL;
    ts_buffer_init(&pair, PAIR_SIZE_MAX);
    for (size_t i = 0; good && i < count; i++) {
        ts_buffer_clear(&pair);
        append_pair(&pair, prefix, pairs[i]);
        struct ts_bytes copy = ts_arena_copy(arena, ts_buffer_bytes(&pair));
        texts[i] = (char *)(uintptr_t)copy.data;
        good = !pair.failed && copy.data != NULL;
    }
    ts_buffer_finish(&pair);
    if (!good) {
        ts_error_no_memory(err);
        return NULL;
    }
    return ts_json_document_of_pairs(texts, count, err);
}

/* ---- a document to a change
 * --------------------------------------------------------------------------------- */

struct key {
    const char *name;
    enum ts_account_field field;
};

static const struct key keys[] = {
    {"name", TS_FIELD_NAME},
    {"country", TS_FIELD_COUNTRY},
    {"timezone", TS_FIELD_TIMEZONE},
    {"subscription", TS_FIELD_SUBSCRIPTION},
    {"rate_plan", TS_FIELD_RATE_PLAN},
    {"payment_method", TS_FIELD_PAYMENT_METHOD},
    {"card_state", TS_FIELD_CARD_STATE},
    {"invoice_day", TS_FIELD_INVOICE_DAY},
    {"credit_amounts", TS_FIELD_CREDIT_AMOUNTS},
    {"monthly_credit_cap", TS_FIELD_MONTHLY_CREDIT_CAP},
    {"alert_thresholds", TS_FIELD_ALERT_THRESHOLDS},
    {"alert_hysteresis", TS_FIELD_ALERT_HYSTERESIS},
    {"allowances", TS_FIELD_ALLOWANCES},
    {"status", TS_FIELD_STATUS},
    {"closed_at", TS_FIELD_CLOSED_AT},
};

static const struct key recharge_keys[] = {
    {"on", TS_FIELD_RECHARGE_ON},
    {"threshold", TS_FIELD_RECHARGE_THRESHOLD},
    {"mode", TS_FIELD_RECHARGE_MODE},
    {"amount", TS_FIELD_RECHARGE_AMOUNT},
    {"max_count_per_day", TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX},
    {"max_amount_per_month", TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX},
};

enum {
    KEYS = sizeof keys / sizeof *keys,
    RECHARGE_KEYS = sizeof recharge_keys / sizeof(struct key)
};
_Static_assert((int)KEYS + (int)RECHARGE_KEYS == TS_ACCOUNT_FIELD_COUNT, "each field has a key");

static uint32_t bits_of(const struct ts_json_value *object, const struct key *list, size_t count)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        if (ts_json_member(object, list[i].name).type != TS_JSON_ABSENT) {
            bits |= ts_field_bit(list[i].field);
        }
    }
    return bits;
}

static bool flag_of(const struct ts_json_value *object, const char *key)
{
    struct ts_json_value value = ts_json_member(object, key);
    return value.type == TS_JSON_BOOL && value.boolean;
}

static struct ts_bytes
text_of(const struct ts_json_value *object, const char *key, const char *unset)
{
    struct ts_json_value value = ts_json_member(object, key);
    return value.type == TS_JSON_TEXT ? value.text : ts_bytes_of(unset);
}

/* The items were found to be good when the fields were read. */
static bool read_allowances(const struct ts_json_value *list,
                            struct ts_arena *arena,
                            struct ts_account_change *out,
                            struct ts_error *err)
{
    struct ts_allowance_text *texts = ts_arena_take(arena, (list->count + 1) * sizeof *texts);
    if (texts == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct ts_json_value item = ts_json_item(list, i);
        struct ts_json_value number = ts_json_member(&item, "units");
        int64_t units = 0;
        if (!ts_json_field_integer("allowances.units", &number, 0, INT32_MAX, &units, err)) {
            return false;
        }
        texts[i] = (struct ts_allowance_text){
            .name = text_of(&item, "name", ""),
            .category = text_of(&item, "category", "*"),
            .license = text_of(&item, "license", "*"),
            .unit = text_of(&item, "unit", "second"),
            .units = units,
            .local_only = flag_of(&item, "local_only"),
        };
    }
    out->allowances = texts;
    out->allowance_count = list->count;
    return true;
}

static void take_settings(const struct ts_stored_account *account, struct ts_account_change *out)
{
    const struct ts_account_state *state = &account->state;
    const struct ts_recharge *recharge = &state->recharge;
    out->name = account->name;
    out->country = ts_bytes_of(account->country);
    out->timezone = ts_bytes_of(account->timezone);
    out->rate_plan = ts_bytes_of(account->rate_plan);
    out->subscription = state->subscription;
    out->payment_method = state->payment_method;
    out->card_state = state->card_state;
    out->invoice_day = state->invoice_day;
    out->credit_amounts = state->credit_amounts_micros;
    out->credit_amount_count = state->credit_amount_count;
    out->monthly_credit_cap_micros = state->monthly_credit_cap_micros;
    out->thresholds = state->thresholds_micros;
    out->threshold_count = state->threshold_count;
    out->hysteresis_micros = state->hysteresis_micros;
    out->recharge_on = recharge->on;
    out->recharge_threshold_micros = recharge->threshold_micros;
    out->recharge_mode = recharge->mode;
    out->recharge_amount_micros = recharge->amount_micros;
    out->recharge_count_per_day_max = recharge->count_per_day_max;
    out->recharge_amount_per_month_micros_max = recharge->amount_per_month_micros_max;
    out->status = state->status;
    out->closed_ms = state->closed_ms;
}

bool ts_account_change_read(const struct ts_json_value *object,
                            struct ts_arena *arena,
                            struct ts_account_change *out,
                            struct ts_error *err)
{
    struct ts_stored_account *account = ts_arena_take(arena, sizeof *account);
    if (account == NULL) {
        return ts_error_no_memory(err);
    }
    if (!ts_account_json_read_change(object, arena, account, err)) {
        return false;
    }
    struct ts_json_value recharge = ts_json_member(object, "auto_recharge");
    struct ts_json_value allowances = ts_json_member(object, "allowances");
    struct ts_account_change change = {.set = bits_of(object, keys, KEYS) |
                                              bits_of(&recharge, recharge_keys, RECHARGE_KEYS)};
    take_settings(account, &change);
    if (allowances.type == TS_JSON_LIST && !read_allowances(&allowances, arena, &change, err)) {
        return false;
    }
    *out = change;
    return true;
}
