/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/duty.h"

#include <time.h>

static atomic_int turns;
static int wait_s;

static int turn(void *self)
{
    (void)self;
    atomic_fetch_add(&turns, 1);
    return wait_s;
}

static void wait_ms(int ms)
{
    const struct timespec wait = {.tv_nsec = ms * 1000000L};
    nanosleep(&wait, NULL);
}

static bool happens(bool (*condition)(const struct ts_duty *duty), const struct ts_duty *duty)
{
    for (int i = 0; i < 2000 && !condition(duty); i++) {
        wait_ms(5);
    }
    return condition(duty);
}

static bool some_turns(const struct ts_duty *duty)
{
    (void)duty;
    return atomic_load(&turns) >= 3;
}

static bool one_turn(const struct ts_duty *duty)
{
    (void)duty;
    return atomic_load(&turns) == 1;
}

static int set_up(void **state)
{
    (void)state;
    atomic_store(&turns, 0);
    wait_s = 0;
    return 0;
}

static void test_turns_until_drained(void **state)
{
    (void)state;
    struct ts_duty duty;
    struct ts_error err = {0};
    ts_duty_init(&duty, turn, NULL);
    assert_true(ts_duty_start(&duty, &err));
    assert_true(happens(some_turns, &duty));
    assert_false(ts_duty_ended(&duty));
    ts_duty_drain(&duty);
    assert_true(happens(ts_duty_ended, &duty));
    int last = atomic_load(&turns);
    wait_ms(20);
    assert_int_equal(atomic_load(&turns), last);
    ts_duty_finish(&duty);
}

/* Sleeping for an hour is no reason to wait. */
static void test_drained_while_it_waits(void **state)
{
    (void)state;
    struct ts_duty duty;
    struct ts_error err = {0};
    wait_s = 3600;
    ts_duty_init(&duty, turn, NULL);
    assert_true(ts_duty_start(&duty, &err));
    assert_true(happens(one_turn, &duty));
    ts_duty_finish(&duty);
    assert_int_equal(atomic_load(&turns), 1);
}

static void test_never_started(void **state)
{
    (void)state;
    struct ts_duty duty;
    ts_duty_init(&duty, turn, NULL);
    assert_true(ts_duty_ended(&duty));
    ts_duty_drain(&duty);
    ts_duty_finish(&duty);
    assert_int_equal(atomic_load(&turns), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_turns_until_drained, set_up),
        cmocka_unit_test_setup(test_drained_while_it_waits, set_up),
        cmocka_unit_test_setup(test_never_started, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
