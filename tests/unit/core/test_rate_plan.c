/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/buffer.h"
#include "base/error.h"
#include "core/rate_plan.h"

#include <string.h>

static bool set(struct ts_rate_plan *plan, const char *key, const char *value)
{
    struct ts_error err = {0};
    bool done = ts_rate_plan_set(plan, ts_bytes_of(key), ts_bytes_of(value), &err);
    assert_int_equal(err.class, done ? TS_ERROR_NONE : TS_ERROR_REJECT);
    return done;
}

static void assert_value(const struct ts_rate_plan *plan, const char *key, const char *expected)
{
    struct ts_buffer text;
    ts_buffer_init(&text, 4096);
    for (size_t i = 0; i < ts_rate_plan_key_count(); i++) {
        if (strcmp(ts_rate_plan_key(i), key) == 0) {
            ts_rate_plan_get(plan, i, &text);
        }
    }
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(ts_buffer_bytes(&text).data, expected, text.size);
    ts_buffer_finish(&text);
}

static void test_defaults(void **state)
{
    (void)state;
    struct ts_rate_plan plan;
    ts_rate_plan_init(&plan, "standard");
    assert_string_equal(plan.name, "standard");
    assert_value(&plan, "currency", "USD");
    assert_value(&plan, "timezone", "UTC");
    assert_value(&plan, "rounding", "half_up");
    assert_value(&plan, "decimals", "6");
    assert_value(&plan, "local_zones", "CA,US");
    assert_value(&plan, "base_plan", "");
    assert_value(&plan, "emergency_numbers", "112,911,999");
    assert_null(ts_rate_plan_key(ts_rate_plan_key_count()));
}

static void test_set(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *shown; /* NULL: refused */
    } cases[] = {
        {"currency", "JPY", "JPY"},
        {"currency", "usd", NULL},
        {"currency", "US", NULL},
        {"currency", "", "USD"},
        {"timezone", "Europe/Berlin", "Europe/Berlin"},
        {"timezone", "A/name/that/is/far/longer/than/any/zone/has", NULL},
        {"rounding", "half_even", "half_even"},
        {"rounding", "bankers", NULL},
        {"decimals", "0", "0"},
        {"decimals", "7", NULL},
        {"decimals", "06", NULL},
        {"local_zones", "US,CA;gb,IM,JE", "CA,US;GB,IM,JE"},
        {"local_zones", "US,CA;CA", NULL},
        {"local_zones", "US;;CA", NULL},
        {"local_zones", "USA", NULL},
        {"local_zones", "ZZ", NULL},
        {"base_plan", "wholesale", "wholesale"},
        {"base_plan", "standard", NULL},
        {"emergency_numbers", "110,112,000", "112,911,999,110,000"},
        {"emergency_numbers", "11a", NULL},
        {"emergency_numbers", "1,,2", NULL},
        {"emergency_numbers", "", "112,911,999"},
        {"colour", "red", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_rate_plan plan;
        ts_rate_plan_init(&plan, "standard");
        struct ts_rate_plan before = plan;
        assert_int_equal(set(&plan, cases[i].key, cases[i].value), cases[i].shown != NULL);
        if (cases[i].shown != NULL) {
            assert_value(&plan, cases[i].key, cases[i].shown);
        } else {
            assert_memory_equal(&plan, &before, sizeof plan);
        }
    }
}

static void test_local_zones(void **state)
{
    (void)state;
    struct ts_rate_plan plan;
    ts_rate_plan_init(&plan, "standard");
    assert_true(ts_rate_plan_is_local(&plan, "US", "CA"));
    assert_false(ts_rate_plan_is_local(&plan, "US", "PR"));
    assert_true(ts_rate_plan_is_local(&plan, "GB", "GB"));
    assert_false(ts_rate_plan_is_local(&plan, "GB", "IM"));
    assert_false(ts_rate_plan_is_local(&plan, "US", "001"));
    assert_false(ts_rate_plan_is_local(&plan, "US", "ZZ"));
    assert_true(set(&plan, "local_zones", "GB,IM;PR,US"));
    assert_true(ts_rate_plan_is_local(&plan, "IM", "GB"));
    assert_true(ts_rate_plan_is_local(&plan, "US", "PR"));
    assert_false(ts_rate_plan_is_local(&plan, "US", "CA"));
    assert_false(ts_rate_plan_is_local(&plan, "US", "GB"));
    plan.one_local_zone = true;
    assert_true(ts_rate_plan_is_local(&plan, "US", "GB"));
    assert_false(ts_rate_plan_is_local(&plan, "US", "US"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_local_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
