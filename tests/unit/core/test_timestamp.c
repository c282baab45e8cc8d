/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "core/timestamp.h"

#include <string.h>

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-01T09:30:00.250+01:00", 1793521800250},
        {"2026-11-01t08:30:00.25z", 1793521800250},
        {"2026-11-01 08:30:00.2509Z", 1793521800250},
        {"2024-02-29T23:59:60Z", 1709251200000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2100-01-01T00:00:00-00:00", 4102444800000},
        {"2000-03-01T00:00:00-05:30", 951888600000},
        {"0000-01-01T00:00:00Z", TS_TIMESTAMP_MIN_MS},
        {"9999-12-31T23:59:59.999Z", TS_TIMESTAMP_MAX_MS},
        {"9999-12-31T23:59:59.9999+00:01", TS_TIMESTAMP_MAX_MS - 60000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -7;
        assert_true(ts_timestamp_parse(ts_bytes_of(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026-11-01",
        "2026-11-01T09:30:00",
        "2026-11-01T09:30Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-01T24:00:00Z",
        "2026-11-01T09:60:00Z",
        "2026-11-01T09:30:61Z",
        "2026-11-01T09:30:00.Z",
        "2026-11-01T09:30:00+1:00",
        "2026-11-01T09:30:00+0100",
        "2026-11-01T09:30:00Zjunk",
        "26-11-01T09:30:00Z",
        "1793521800250",
        "tomorrow",
        "0000-01-01T00:00:00+00:01", /* of the year before 0 */
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -7;
        assert_false(ts_timestamp_parse(ts_bytes_of(cases[i]), &ms));
        assert_int_equal(ms, -7);
    }
}

static void test_format(void **state)
{
    (void)state;
    char text[TS_TIMESTAMP_TEXT_MAX];
    assert_int_equal(ts_timestamp_format(1793521800250, text), 24);
    assert_string_equal(text, "2026-11-01T08:30:00.250Z");
    assert_int_equal(ts_timestamp_format(-1000, text), 20);
    assert_string_equal(text, "1969-12-31T23:59:59Z");
    ts_timestamp_format(TS_TIMESTAMP_MIN_MS, text);
    assert_string_equal(text, "0000-01-01T00:00:00Z");
    ts_timestamp_format(TS_TIMESTAMP_MAX_MS, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void test_calendar(void **state)
{
    (void)state;
    int64_t days = ts_days_of_civil((struct ts_civil){1899, 12, 31});
    for (int32_t year = 1900; year <= 2200; year++) {
        for (int32_t month = 1; month <= 12; month++) {
            for (int32_t day = 1; day <= ts_days_in_month(year, month); day++) {
                days++;
                struct ts_civil date = ts_civil_of_days(days);
                assert_int_equal(date.year, year);
                assert_int_equal(date.month, month);
                assert_int_equal(date.day, day);
                assert_int_equal(ts_days_of_civil(date), days);
            }
        }
    }
    assert_int_equal(ts_weekday_of_days(0), 3); /* a Thursday */
    assert_int_equal(ts_weekday_of_days(-4), 6);
    assert_int_equal(ts_floor_div(-1, 1000), -1);
    assert_int_equal(ts_floor_div(-1000, 1000), -1);
    assert_int_equal(ts_floor_div(999, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
