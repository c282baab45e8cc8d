/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/tzdata/zone_file.h"
#include "core/timestamp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Our reading of a zone's file agrees with the C library's, hour by hour. */
static void test_against_the_library(void **state)
{
    (void)state;
    static const char *const names[] = {"America/New_York",
                                        "Europe/Berlin",
                                        "Europe/Dublin",
                                        "Australia/Lord_Howe",
                                        "Africa/Casablanca",
                                        "America/Sao_Paulo",
                                        "Asia/Kathmandu",
                                        "Pacific/Apia",
                                        "America/Nuuk",
                                        "UTC"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ts_error err = {0};
        struct ts_zone *zone = ts_zone_file_load(names[i], &err);
        assert_non_null(zone);
        assert_string_equal(ts_zone_name(zone), names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        /* 2000 to 2100 in steps that are no whole number of days */
        for (int64_t utc = 946684800; utc < 4102444800; utc += 7001) {
            time_t moment = (time_t)utc;
            struct tm local;
            localtime_r(&moment, &local);
            assert_int_equal(ts_zone_span_at(zone, utc).offset_s, local.tm_gmtoff);
        }
        ts_zone_destroy(zone);
    }
    unsetenv("TZ");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "Mars/Olympus",
                                        "../../etc/passwd",
                                        "/etc/passwd",
                                        "Europe",
                                        "America/New York",
                                        "zone.tab",
                                        "Europe/Berlin\n",
                                        "A/name/that/is/far/longer/than/any/zone/has/ever/been"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ts_error err = {0};
        assert_null(ts_zone_file_load(names[i], &err));
        assert_int_equal(err.class, TS_ERROR_REJECT);
    }
}

static void test_port(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_zones zones = ts_zone_files();
    struct ts_zone *zone = zones.load(zones.self, "Europe/Berlin", &err);
    assert_non_null(zone);
    ts_zone_destroy(zone);
}

/* No file can be opened just now: that says nothing of the zone. */
static void test_not_now(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    struct ts_error err = {0};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct ts_zone *zone = ts_zone_file_load("Europe/Berlin", &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_null(zone);
    assert_int_equal(err.class, TS_ERROR_RETRY);
    zone = ts_zone_file_load("Europe/Berlin", &err);
    assert_non_null(zone);
    ts_zone_destroy(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_library),
        cmocka_unit_test(test_not_now),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
