/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/tzdata/zone_file.h"
#include "app/usage_month.h"
#include "core/timestamp.h"

#include <string.h>

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    assert_true(ts_timestamp_parse(ts_bytes_of(text), &ms));
    return ms;
}

static struct ts_zone *load(const char *name)
{
    struct ts_error err = {0};
    struct ts_zone *zone = ts_zone_file_load(name, &err);
    if (zone == NULL) {
        fail_msg("%s", err.text);
    }
    return zone;
}

/* The months in which clocks change are an hour longer or shorter, and years end in December. */
static void test_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *month;
        const char *from;
        const char *to;
    } cases[] = {
        {"UTC", "2026-11", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
        {"UTC", "2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
        {"America/New_York", "2026-11", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"},
        {"America/New_York", "2026-03", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"},
        {"Asia/Kolkata", "2026-12", "2026-11-30T18:30:00Z", "2026-12-31T18:30:00Z"},
        /* no midnight: the first of the month began at one o'clock */
        {"Asia/Amman", "2016-04", "2016-03-31T22:00:00Z", "2016-04-30T21:00:00Z"},
        {"America/Asuncion", "2017-10", "2017-10-01T04:00:00Z", "2017-11-01T03:00:00Z"},
        /* midnight twice: the month begins with the first */
        {"America/Havana", "2020-11", "2020-11-01T04:00:00Z", "2020-12-01T05:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_zone *zone = load(cases[i].zone);
        struct ts_usage_month month;
        assert_true(ts_usage_month_parse(cases[i].month, zone, &month));
        assert_true(month.from_ms == ms_of(cases[i].from));
        assert_true(month.to_ms == ms_of(cases[i].to));
        char text[TS_USAGE_MONTH_TEXT_MAX];
        ts_usage_month_format(&month, text);
        assert_string_equal(text, cases[i].month);
        struct ts_usage_month first = ts_usage_month_at(month.from_ms, zone);
        struct ts_usage_month last = ts_usage_month_at(month.to_ms - 1, zone);
        struct ts_usage_month next = ts_usage_month_at(month.to_ms, zone);
        assert_true(first.from_ms == month.from_ms && last.from_ms == month.from_ms);
        assert_true(next.from_ms == month.to_ms);
        ts_zone_destroy(zone);
    }
}

static void test_what_is_no_month(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-1",
                                      "2026-00",
                                      "2026-13",
                                      "1999-12",
                                      "2200-01",
                                      "2026/11",
                                      "26-11",
                                      "2026-11-01",
                                      " 2026-11",
                                      "2026-11 ",
                                      "+026-11",
                                      "2026- 1"};
    struct ts_usage_month month = {.year = 7};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ts_usage_month_parse(bad[i], ts_zone_utc(), &month));
    }
    assert_int_equal(month.year, 7);
}

static void test_local_time(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *moment;
        const char *local;
    } cases[] = {
        {"UTC", "2026-11-01T05:30:00Z", "2026-11-01T05:30:00+00:00"},
        {"America/New_York", "2026-11-01T05:30:00Z", "2026-11-01T01:30:00-04:00"},
        {"America/New_York", "2026-11-01T06:30:00.250Z", "2026-11-01T01:30:00.250-05:00"},
        {"America/St_Johns", "2026-01-01T00:00:00Z", "2025-12-31T20:30:00-03:30"},
        {"Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T05:30:00+05:30"},
    };
    char text[TS_LOCAL_TIME_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_zone *zone = load(cases[i].zone);
        ts_local_time_format(ms_of(cases[i].moment), zone, text);
        assert_string_equal(text, cases[i].local);
        ts_zone_destroy(zone);
    }
    ts_local_time_format(TS_TIMESTAMP_MAX_MS + 1, ts_zone_utc(), text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_what_is_no_month),
        cmocka_unit_test(test_local_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
