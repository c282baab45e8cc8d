/* SPDX-License-Identifier: Apache-2.0 */
#include "app/json_fields.h"

#include "base/utf8.h"
#include "core/money.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTED_MAX = 80 };

bool ts_json_field_refuse(struct ts_error *err,
                          const char *field,
                          const struct ts_json_value *value,
                          const char *expected)
{
    char quoted[QUOTED_MAX];
    const char *shown = ts_json_type_name(value->type);
    if (value->type == TS_JSON_TEXT) {
        shown = ts_utf8_quote(value->text, quoted, sizeof quoted);
    } else if (value->type == TS_JSON_INTEGER) {
        snprintf(quoted, sizeof quoted, "%" PRId64, value->integer);
        shown = quoted;
    }
    return ts_error_set(err, TS_ERROR_REJECT, 0, "%s: %s should be %s", field, shown, expected);
}

bool ts_json_field_amount(const char *field,
                          const struct ts_json_value *value,
                          int64_t *out,
                          struct ts_error *err)
{
    char digits[TS_MONEY_TEXT_MAX];
    struct ts_bytes text = value->text;
    if (value->type == TS_JSON_INTEGER) {
        snprintf(digits, sizeof digits, "%" PRId64, value->integer);
        text = ts_bytes_of(digits);
    }
    bool amount = value->type == TS_JSON_INTEGER || value->type == TS_JSON_TEXT;
    return (amount && ts_money_parse_micros(text, out)) ||
           ts_json_field_refuse(
               err, field, value, "an amount, as \"12.50\": at most 9e9, with at most 6 decimals");
}

bool ts_json_field_positive(const char *field,
                            const struct ts_json_value *value,
                            int64_t *out,
                            struct ts_error *err)
{
    int64_t amount = 0;
    if (!ts_json_field_amount(field, value, &amount, err)) {
        return false;
    }
    if (amount < 0) {
        return ts_json_field_refuse(err, field, value, "an amount that is not negative");
    }
    *out = amount;
    return true;
}

/* A text of digits will do: on a command line every number is one. */
static bool integer_of(const struct ts_json_value *value, int64_t *out)
{
    char text[24];
    *out = value->integer;
    if (value->type != TS_JSON_TEXT || value->text.size == 0 || value->text.size >= sizeof text) {
        return value->type == TS_JSON_INTEGER;
    }
    char *end = NULL;
    memcpy(text, value->text.data, value->text.size);
    text[value->text.size] = '\0';
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

bool ts_json_field_integer(const char *field,
                           const struct ts_json_value *value,
                           int64_t min,
                           int64_t max,
                           int64_t *out,
                           struct ts_error *err)
{
    int64_t integer = 0;
    if (integer_of(value, &integer) && integer >= min && integer <= max) {
        *out = integer;
        return true;
    }
    char expected[80];
    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, min, max);
    return ts_json_field_refuse(err, field, value, expected);
}

bool ts_json_field_bool(const char *field,
                        const struct ts_json_value *value,
                        bool *out,
                        struct ts_error *err)
{
    if (value->type == TS_JSON_BOOL) {
        *out = value->boolean;
        return true;
    }
    return ts_json_field_refuse(err, field, value, "true or false");
}

/* The index of the value among the names. */
bool ts_json_field_choice(const char *field,
                          const struct ts_json_value *value,
                          const char *const *names,
                          int *out,
                          struct ts_error *err)
{
    char expected[160] = "one of";
    for (int i = 0; names[i] != NULL; i++) {
        if (value->type == TS_JSON_TEXT && ts_bytes_equal_text(value->text, names[i])) {
            *out = i;
            return true;
        }
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s %s", i > 0 ? "," : "", names[i]);
    }
    return ts_json_field_refuse(err, field, value, expected);
}

/* A text of min to max bytes without control characters, NUL-terminated into `out`. */
bool ts_json_field_text(const char *field,
                        const struct ts_json_value *value,
                        size_t min,
                        size_t max,
                        char *out,
                        struct ts_error *err)
{
    if (value->type == TS_JSON_TEXT && value->text.size >= min && value->text.size <= max &&
        ts_utf8_is_text(value->text)) {
        memcpy(out, value->text.data, value->text.size);
        out[value->text.size] = '\0';
        return true;
    }
    char expected[80];
    snprintf(expected,
             sizeof expected,
             "a text of %zu to %zu bytes without control characters",
             min,
             max);
    return ts_json_field_refuse(err, field, value, expected);
}

bool ts_json_field_amounts(const char *field,
                           const struct ts_json_value *list,
                           size_t max,
                           int64_t *out,
                           uint8_t *count,
                           struct ts_error *err)
{
    char expected[64];
    if (list->type != TS_JSON_LIST || list->count > max) {
        snprintf(expected, sizeof expected, "a list of at most %zu amounts", max);
        return ts_json_field_refuse(err, field, list, expected);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct ts_json_value item = ts_json_item(list, i);
        if (!ts_json_field_amount(field, &item, &out[i], err)) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (out[j] == out[i]) {
                return ts_json_field_refuse(err, field, &item, "there only once");
            }
        }
    }
    *count = (uint8_t)list->count;
    return true;
}
