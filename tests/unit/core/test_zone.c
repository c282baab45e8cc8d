/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/tzif.h"
#include "tests/unit/unit.h"

#include "base/error.h"
#include "core/timestamp.h"
#include "core/zone.h"

#include <stdlib.h>

static struct ts_zone *zone_of(const char *rule)
{
    struct tzif file = tzif_make(0, NULL, 0, rule);
    struct ts_error err = {0};
    return ts_zone_create("Test/Zone", tzif_bytes(&file), &err);
}

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    assert_true(ts_timestamp_parse(ts_bytes_of(text), &ms));
    return ms;
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *utc, *local; /* local as if it were UTC */
    } cases[] = {
        {"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", "2026-03-08T01:59:59Z"},
        {"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", "2026-03-08T03:00:00Z"},
        {"EST5EDT,M3.2.0,M11.1.0", "2026-11-01T05:59:59Z", "2026-11-01T01:59:59Z"},
        {"EST5EDT,M3.2.0,M11.1.0", "2026-11-01T06:00:00Z", "2026-11-01T01:00:00Z"},
        {"EST5EDT,M3.2.0,M11.1.0", "2099-07-01T12:00:00Z", "2099-07-01T08:00:00Z"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
        /* the south, half an hour, and a year that begins in summer time */
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-01-01T00:00:00Z", "2026-01-01T11:00:00Z"},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-06-01T00:00:00Z", "2026-06-01T10:30:00Z"},
        {"<+0545>-5:45", "2026-06-01T00:00:00Z", "2026-06-01T05:45:00Z"},
        /* Ireland's summer is its standard */
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"},
        /* summer time all year */
        {"EST5EDT,0/0,J365/25", "2026-01-01T05:00:00Z", "2026-01-01T01:00:00Z"},
        {"EST5EDT,0/0,J365/25", "2026-12-31T23:00:00Z", "2026-12-31T19:00:00Z"},
        /* hours beyond a day, before the day */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", "2026-03-28T22:59:59Z"},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", "2026-03-29T00:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_zone *zone = zone_of(cases[i].rule);
        assert_non_null(zone);
        assert_int_equal(ts_zone_local_ms(zone, ms_of(cases[i].utc)), ms_of(cases[i].local));
        ts_zone_destroy(zone);
    }
}

static void test_table(void **state)
{
    (void)state;
    const struct tzif_change changes[] = {
        {-INT64_C(576460752303423488), 100}, /* the big bang */
        {1000, 3600},
        {2000, 3600}, /* only the name changes */
        {3000, 7200},
    };
    struct tzif file = tzif_make(50, changes, 4, "");
    struct ts_error err = {0};
    struct ts_zone *zone = ts_zone_create("Test/Zone", tzif_bytes(&file), &err);
    assert_non_null(zone);
    assert_int_equal(ts_zone_span_at(zone, 999).offset_s, 100);
    struct ts_zone_span span = ts_zone_span_at(zone, 1500);
    assert_int_equal(span.from_s, 1000);
    assert_int_equal(span.to_s, 3000);
    assert_int_equal(span.offset_s, 3600);
    span = ts_zone_span_at(zone, 1000000);
    assert_int_equal(span.offset_s, 7200);
    assert_int_equal(span.to_s, INT64_MAX);
    ts_zone_destroy(zone);
}

/* Tables that a rule follows on, far from where rules are followed. */
static void test_rule_after_odd_table(void **state)
{
    (void)state;
    static const struct {
        int64_t at_s;
        int32_t offset_in_summer_s;
    } cases[] = {
        {-INT64_C(576460752303423488), 7200}, /* the big bang */
        {INT64_MIN, 7200},
        {-INT64_C(1000000000000000), 7200},
        {INT64_C(7289654400), 3600}, /* 2201 */
        {INT64_MAX, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct tzif_change change = {cases[i].at_s, 3600};
        struct tzif file = tzif_make(0, &change, 1, "CET-1CEST,M3.5.0,M10.5.0/3");
        struct ts_error err = {0};
        struct ts_zone *zone = ts_zone_create("Test/Zone", tzif_bytes(&file), &err);
        assert_non_null(zone);
        int64_t summer_s = ms_of("2026-07-01T00:00:00Z") / 1000;
        summer_s =
            cases[i].at_s > summer_s && cases[i].at_s != INT64_MAX ? cases[i].at_s : summer_s;
        assert_int_equal(ts_zone_span_at(zone, summer_s).offset_s, cases[i].offset_in_summer_s);
        ts_zone_destroy(zone);
    }
}

static void test_unsound(void **state)
{
    (void)state;
    /* with no rule, too, no offset is a day or more */
    const struct tzif_change two_days = {0, 172800};
    struct tzif file = tzif_make(0, &two_days, 1, "");
    struct ts_error err = {0};
    assert_null(ts_zone_create("Test/Zone", tzif_bytes(&file), &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    /* a summer time that ends after the next has begun */
    assert_null(zone_of("AAA0BBB,J1/-167,J365/167"));
    /* one that ends as the next begins never ends: it is legal */
    struct ts_zone *zone = zone_of("EST5EDT,0/0,J365/25");
    assert_non_null(zone);
    assert_int_equal(ts_zone_span_at(zone, ms_of("2026-01-15T00:00:00Z") / 1000).offset_s, -14400);
    ts_zone_destroy(zone);
}

static void test_from_wall_clock(void **state)
{
    (void)state;
    struct ts_zone *zone = zone_of("EST5EDT,M3.2.0,M11.1.0");
    assert_int_equal(ts_zone_utc_ms(zone, ms_of("2026-07-01T00:00:00Z")),
                     ms_of("2026-07-01T04:00:00Z"));
    /* skipped: the moment of the jump; repeated: the first pass */
    assert_int_equal(ts_zone_utc_ms(zone, ms_of("2026-03-08T02:30:00Z")),
                     ms_of("2026-03-08T07:00:00Z"));
    assert_int_equal(ts_zone_utc_ms(zone, ms_of("2026-11-01T01:30:00Z")),
                     ms_of("2026-11-01T05:30:00Z"));
    ts_zone_destroy(zone);
    assert_int_equal(ts_zone_utc_ms(ts_zone_utc(), 12345), 12345);
    assert_string_equal(ts_zone_name(ts_zone_utc()), "UTC");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const rules[] = {"EST5EDT",
                                        "EST5EDT,M3.2.0",
                                        "EST5EDT,M13.2.0,M11.1.0",
                                        "E5",
                                        "EST",
                                        "EST5EDT,J0,J5",
                                        "EST5EDT,M3.2.0,M11.1.0x",
                                        "<+1",
                                        "EST99"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        assert_null(zone_of(rules[i]));
    }
    /* cut short anywhere, it is refused and nothing is read beyond its end */
    const struct tzif_change changes[] = {{1000, 3600}, {3000, 7200}};
    struct tzif file = tzif_make(0, changes, 2, "CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t size = 0; size < file.size; size++) {
        struct ts_error err = {0};
        char *copy = malloc(size + 1);
        memcpy(copy, file.data, size);
        assert_null(ts_zone_create("Test/Zone", (struct ts_bytes){copy, size}, &err));
        assert_int_equal(err.class, TS_ERROR_REJECT);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_rule_after_odd_table),
        cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_from_wall_clock),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
