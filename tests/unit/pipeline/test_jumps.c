/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "pipeline/jumps.h"

static void a_jump_is_believed_when_it_is_met_again(void **state)
{
    (void)state;
    struct ts_jumps jumps = {0};
    assert_false(ts_jumps_met(&jumps, 10, 12));
    ts_jumps_look(&jumps, 10, 12, 1000);
    assert_true(jumps.looking);
    assert_true(ts_jumps_note(&jumps, 13));
    assert_true(ts_jumps_note(&jumps, 15));
    assert_true(ts_jumps_note(&jumps, 11)); /* from before */
    assert_true(ts_jumps_note(&jumps, 16));
    assert_false(ts_jumps_looked(&jumps, 20999));
    assert_true(ts_jumps_looked(&jumps, 21000));
    ts_jumps_take(&jumps);
    assert_false(ts_jumps_looked(&jumps, 99999));
    assert_true(ts_jumps_met(&jumps, 10, 12));
    assert_true(ts_jumps_met(&jumps, 14, 15));
    assert_false(ts_jumps_met(&jumps, 17, 19));
}

static void a_message_that_was_lost_once_is_not_a_jump(void **state)
{
    (void)state;
    struct ts_jumps jumps = {0};
    ts_jumps_look(&jumps, 10, 12, 0); /* 10 and 11 were lost */
    assert_true(ts_jumps_note(&jumps, 14));
    ts_jumps_take(&jumps);
    assert_false(ts_jumps_met(&jumps, 10, 11)); /* 10 as well: another jump than before */
    assert_false(ts_jumps_met(&jumps, 12, 14));
    assert_true(ts_jumps_met(&jumps, 13, 14));
}

static void it_looks_no_further_than_it_can_note(void **state)
{
    (void)state;
    struct ts_jumps jumps = {0};
    ts_jumps_look(&jumps, 0, 1, 0);
    int64_t offset = 3;
    for (; ts_jumps_note(&jumps, offset); offset += 2) {
        assert_true(jumps.count < TS_JUMPS_MAX);
    }
    assert_int_equal(jumps.count, TS_JUMPS_MAX);
    ts_jumps_take(&jumps);
    for (int64_t from = 0; from <= offset - 1; from += 2) {
        assert_true(ts_jumps_met(&jumps, from, from + 1));
    }
    ts_jumps_clear(&jumps);
    assert_false(ts_jumps_met(&jumps, 0, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jump_is_believed_when_it_is_met_again),
        cmocka_unit_test(a_message_that_was_lost_once_is_not_a_jump),
        cmocka_unit_test(it_looks_no_further_than_it_can_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
