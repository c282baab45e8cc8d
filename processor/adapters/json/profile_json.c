/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/json/profile_json.h"

#include "adapters/json/json_problem.h"
#include "base/buffer.h"

#include <jansson.h>

#include <stdio.h>

enum { LIST_SIZE_MAX = 16 * 1024 };

static bool refuse(struct ts_error *err, const char *key, const char *wanted)
{
    return ts_error_set(err, TS_ERROR_REJECT, 0, "%s: not %s", key, wanted);
}

/* NULL for an absent or null key. */
static const json_t *value_of(const json_t *account, const char *key)
{
    const json_t *value = json_object_get(account, key);
    return value == NULL || json_is_null(value) ? NULL : value;
}

static bool
read_country(const json_t *account, struct ts_account_profile *profile, struct ts_error *err)
{
    const json_t *value = value_of(account, "country");
    struct ts_country_set set = {.bits = {0}};
    if (value == NULL) {
        return true;
    }
    if (!json_is_string(value) ||
        !ts_country_set_add(
            &set, (struct ts_bytes){json_string_value(value), json_string_length(value)})) {
        return refuse(err, "country", "an ISO country of two letters");
    }
    for (int i = 0; i < 2; i++) {
        profile->country[i] = (char)(json_string_value(value)[i] & ~0x20); /* to a capital */
    }
    return true;
}

static bool
read_timezone(const json_t *account, struct ts_account_profile *profile, struct ts_error *err)
{
    const json_t *value = value_of(account, "timezone");
    if (value == NULL) {
        return true;
    }
    if (!json_is_string(value) || json_string_length(value) >= sizeof profile->timezone) {
        return refuse(err, "timezone", "the name of a time zone");
    }
    snprintf(profile->timezone, sizeof profile->timezone, "%s", json_string_value(value));
    return true;
}

/* A list of strings, as the comma-separated value of a rate plan's key. */
static bool read_list(const json_t *account,
                      const char *key,
                      const char *plan_key,
                      struct ts_rate_plan *plan,
                      bool *given,
                      struct ts_error *err)
{
    const json_t *list = value_of(account, key);
    struct ts_buffer text;
    size_t i = 0;
    json_t *item = NULL;
    *given = false;
    if (list == NULL) {
        return true;
    }
    if (!json_is_array(list)) {
        return refuse(err, key, "a list");
    }
    ts_buffer_init(&text, LIST_SIZE_MAX);
    bool good = true;
    json_array_foreach(list, i, item)
    {
        good = good && json_is_string(item) && json_string_length(item) > 0 &&
               strpbrk(json_string_value(item), ",;") == NULL;
        ts_buffer_append_text(&text, i == 0 ? "" : ",");
        ts_buffer_append_text(&text, json_is_string(item) ? json_string_value(item) : "");
    }
    *given = text.size > 0;
    if (!good || text.failed) {
        refuse(err, key, "a list of strings");
        good = false;
    } else if (*given &&
               !ts_rate_plan_set(plan, ts_bytes_of(plan_key), ts_buffer_bytes(&text), err)) {
        ts_error_prefix(err, "%s", key);
        good = false;
    }
    ts_buffer_finish(&text);
    return good;
}

static bool read_account(const json_t *account,
                         struct ts_account_profile *profile,
                         struct ts_rate_plan *plan,
                         struct ts_error *err)
{
    bool has_zone = false;
    bool has_numbers = false;
    if (!json_is_object(account)) {
        return refuse(err, "the account", "a JSON object");
    }
    if (!read_country(account, profile, err) || !read_timezone(account, profile, err) ||
        !read_list(account, "local_zone", "local_zones", plan, &has_zone, err) ||
        !read_list(account, "emergency_numbers", "emergency_numbers", plan, &has_numbers, err)) {
        return false;
    }
    plan->one_local_zone = has_zone;
    return true;
}

bool ts_json_profile_read(struct ts_bytes text,
                          struct ts_account_profile *profile,
                          struct ts_rate_plan *plan,
                          struct ts_error *err)
{
    json_error_t error;
    json_t *account = json_loadb(text.data, text.size, 0, &error);
    if (account == NULL) {
        char problem[TS_JSON_PROBLEM_MAX];
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "not JSON: line %d: %s",
                            error.line,
                            ts_json_problem(&error, problem));
    }
    bool good = read_account(account, profile, plan, err);
    json_decref(account);
    return good;
}
