/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_value.h"

#include "app/suggest.h"
#include "base/assert.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t size;
};

/* The largest first, so that formatting takes the first that divides. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {
    {"GiB", INT64_C(1) << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};

enum { RANGE_TEXT_MAX = 256, TOPIC_MAX = 249 };

struct units {
    const struct unit *list;
    size_t count;
};

static struct units units_of(const struct ts_config_key *key)
{
    switch (key->type) {
    case TS_CONFIG_DURATION:
    case TS_CONFIG_DURATIONS:
        return (struct units){durations, sizeof durations / sizeof *durations};
    case TS_CONFIG_SIZE:
        return (struct units){sizes, sizeof sizes / sizeof *sizes};
    default:
        return (struct units){NULL, 0};
    }
}

/* A bare number of a size is bytes; of a duration it is allowed where the key tells the unit. */
static bool bare_number_allowed(const struct ts_config_key *key)
{
    size_t size = strlen(key->path);
    bool duration = key->type == TS_CONFIG_DURATION || key->type == TS_CONFIG_DURATIONS;
    return !duration || (size > 3 && strcmp(key->path + size - 3, "_ms") == 0);
}

static bool unit_size(const struct ts_config_key *key, const char *unit, int64_t *out)
{
    if (*unit == '\0') {
        *out = 1;
        return bare_number_allowed(key);
    }
    struct units units = units_of(key);
    for (size_t i = 0; i < units.count; i++) {
        if (strcmp(units.list[i].name, unit) == 0) {
            *out = units.list[i].size;
            return true;
        }
    }
    return false;
}

void ts_config_value_format(const struct ts_config_key *key, int64_t value, struct ts_buffer *out)
{
    if (key->type == TS_CONFIG_CHOICE) {
        ts_buffer_append_text(out, key->choices[value]);
        return;
    }
    struct units units = units_of(key);
    for (size_t i = 0; i < units.count; i++) {
        bool last = i + 1 == units.count;
        if (last || (value != 0 && value % units.list[i].size == 0)) {
            ts_buffer_append_i64(out, value / units.list[i].size);
            ts_buffer_append_text(out, units.list[i].name);
            return;
        }
    }
    ts_buffer_append_i64(out, value);
}

void ts_config_range_format(const struct ts_config_key *key, struct ts_buffer *out)
{
    if (key->type == TS_CONFIG_CHOICE) {
        for (const char *const *choice = key->choices; *choice != NULL; choice++) {
            const char *between = choice[1] == NULL ? " or " : ", ";
            ts_buffer_append_text(out, choice == key->choices ? "" : between);
            ts_buffer_append_text(out, *choice);
        }
    } else if (key->max > key->min) {
        ts_buffer_append_text(out, "from ");
        ts_config_value_format(key, key->min, out);
        ts_buffer_append_text(out, " to ");
        ts_config_value_format(key, key->max, out);
    }
}

static bool refuse(const struct ts_config_key *key, const char *text, struct ts_error *err)
{
    static const char *const kinds[] = {
        [TS_CONFIG_CHOICE] = "one of",
        [TS_CONFIG_NUMBER] = "a whole number",
        [TS_CONFIG_SIZE] = "a size such as 512KiB or 16MiB,",
        [TS_CONFIG_DURATION] = "a time such as 500ms, 15s, 10m, 24h or 7d,",
        [TS_CONFIG_DURATIONS] = "a time such as 500ms, 15s, 10m, 24h or 7d,",
    };
    struct ts_buffer range;
    ts_buffer_init(&range, RANGE_TEXT_MAX);
    ts_config_range_format(key, &range);
    ts_error_set(err,
                 TS_ERROR_FATAL,
                 0,
                 "\"%.40s\" should be %s %.*s",
                 text,
                 kinds[key->type],
                 TS_ARGS(ts_buffer_bytes(&range)));
    ts_buffer_finish(&range);
    return false;
}

static bool
parse_choice(const struct ts_config_key *key, const char *text, int64_t *out, struct ts_error *err)
{
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, text);
    for (int64_t i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(key->choices[i], text) == 0) {
            *out = i;
            return true;
        }
        ts_suggest_offer(&suggest, key->choices[i]);
    }
    refuse(key, text, err);
    if (suggest.best != NULL && err != NULL) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": did you mean %s?", suggest.best);
    }
    return false;
}

bool ts_config_value_parse(const struct ts_config_key *key,
                           const char *text,
                           int64_t *out,
                           struct ts_error *err)
{
    if (key->type == TS_CONFIG_CHOICE) {
        return parse_choice(key, text, out, err);
    }
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (!isdigit((unsigned char)digits[0])) {
        return refuse(key, text, err);
    }
    char *unit = NULL;
    errno = 0;
    long long number = strtoll(text, &unit, 10);
    int64_t size = 0;
    int64_t value = 0;
    if (errno != 0 || !unit_size(key, unit, &size) ||
        __builtin_mul_overflow((int64_t)number, size, &value) || value < key->min ||
        value > key->max) {
        return refuse(key, text, err);
    }
    *out = value;
    return true;
}

static bool check_topic(const char *text, struct ts_error *err)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(text);
    if (size > TOPIC_MAX || strspn(text, legal) != size || strcmp(text, ".") == 0 ||
        strcmp(text, "..") == 0) {
        return ts_error_set(err,
                            TS_ERROR_FATAL,
                            0,
                            "\"%.40s\" is no topic name: 1 to %d letters, digits, '.', '_' and '-'",
                            text,
                            TOPIC_MAX);
    }
    return true;
}

bool ts_config_text_check(const struct ts_config_key *key, const char *text, struct ts_error *err)
{
    if (text[0] == '\0') {
        return !key->required || ts_error_set(err, TS_ERROR_FATAL, 0, "may not be empty");
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (iscntrl((unsigned char)*c)) {
            return ts_error_set(err, TS_ERROR_FATAL, 0, "holds a control character");
        }
    }
    return key->type != TS_CONFIG_TOPIC || check_topic(text, err);
}
