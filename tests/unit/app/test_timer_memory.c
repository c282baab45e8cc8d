/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/timer_memory.h"

enum { MAX = 8 };

static struct ts_timer_memory memory;

static int set_up(void **state)
{
    (void)state;
    return ts_timer_memory_init(&memory, MAX) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ts_timer_memory_finish(&memory);
    return 0;
}

/* A look that finds one timer. */
static bool look(uint64_t hash, int64_t now_ms)
{
    bool told = ts_timer_memory_due(&memory, hash, now_ms);
    ts_timer_memory_end(&memory);
    return told;
}

static void test_waits_a_minute_and_then_twice_as_long(void **state)
{
    (void)state;
    int64_t now_ms = 5000;
    int64_t wait_ms = TS_TIMER_WAIT_FIRST_MS;
    assert_true(look(1, now_ms));
    for (int i = 0; i < 10; i++) {
        assert_false(look(1, now_ms + wait_ms - 1));
        now_ms += wait_ms;
        assert_true(look(1, now_ms));
        wait_ms = 2 * wait_ms < TS_TIMER_WAIT_LONGEST_MS ? 2 * wait_ms : TS_TIMER_WAIT_LONGEST_MS;
    }
    assert_int_equal(wait_ms, TS_TIMER_WAIT_LONGEST_MS);
}

static void test_what_is_not_due_any_more_is_forgotten(void **state)
{
    (void)state;
    assert_true(look(1, 0));
    assert_true(look(2, 1));
    assert_true(look(1, 2));
}

static void test_many_in_one_look(void **state)
{
    (void)state;
    static const uint64_t hashes[MAX] = {7, 3, UINT64_MAX, 0, 9, 1, 5, 2};
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < MAX; i++) {
            assert_int_equal(ts_timer_memory_due(&memory, hashes[i], turn), turn == 0);
        }
        ts_timer_memory_end(&memory);
    }
}

static void test_forget(void **state)
{
    (void)state;
    assert_true(look(1, 0));
    ts_timer_memory_forget(&memory);
    assert_true(look(1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_waits_a_minute_and_then_twice_as_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_what_is_not_due_any_more_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_in_one_look, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
