/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/system_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char file[] = "/tmp/tollstream-test-clock";

static int64_t machine_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Tells the file, and waits until it has been looked at again. */
static void shift(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    const struct timespec wait = {.tv_nsec = 150 * 1000 * 1000};
    nanosleep(&wait, NULL);
}

static void expect_ahead_by(int64_t ms)
{
    int64_t before_ms = machine_ms();
    int64_t shown_ms = ts_system_now_ms();
    int64_t after_ms = machine_ms();
    assert_true(shown_ms >= before_ms + ms && shown_ms <= after_ms + ms);
}

/* In a build for fault tests the file shifts the clock, in any other nothing does. */
static void test_shifted_by_a_file(void **state)
{
    (void)state;
#ifdef TS_FAULT_POINTS
    const int64_t unit = 1;
#else
    const int64_t unit = 0;
#endif
    char name[64];
    snprintf(name, sizeof name, "%s-%d", file, (int)getpid());
    expect_ahead_by(0);
    setenv("TOLLSTREAM_TEST_CLOCK_FILE", name, 1);
    expect_ahead_by(0);
    shift(name, "90000000\n");
    expect_ahead_by(unit * 90000000);
    shift(name, "-3600000");
    expect_ahead_by(unit * -3600000);
    shift(name, "");
    expect_ahead_by(0);
    remove(name);
    unsetenv("TOLLSTREAM_TEST_CLOCK_FILE");
}

static void test_durations_are_those_of_the_machine(void **state)
{
    (void)state;
    int64_t first_us = ts_system_clock.ops->mono_us(ts_system_clock.self);
    int64_t second_us = ts_system_clock.ops->mono_us(ts_system_clock.self);
    assert_true(second_us >= first_us && second_us - first_us < 60 * INT64_C(1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shifted_by_a_file),
        cmocka_unit_test(test_durations_are_those_of_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
