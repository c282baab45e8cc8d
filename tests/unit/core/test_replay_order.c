/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "core/replay_order.h"

static bool
aside(struct ts_replay_order *order, int64_t account_no, int32_t partition, bool differs)
{
    struct ts_error err = {0};
    bool out = false;
    assert_true(ts_replay_order_call(order, account_no, partition, differs, &out, &err));
    return out;
}

static void test_from_the_first_that_differs_on(void **state)
{
    (void)state;
    struct ts_replay_order order;
    ts_replay_order_init(&order);
    assert_false(aside(&order, 1, 0, false));
    assert_false(aside(&order, 2, 0, false));
    assert_true(aside(&order, 1, 0, true));
    assert_true(aside(&order, 1, 0, false));
    assert_false(aside(&order, 2, 0, false));
    assert_false(order.mixed);
    ts_replay_order_finish(&order);
}

static void test_several_partitions(void **state)
{
    (void)state;
    struct ts_replay_order order;
    ts_replay_order_init(&order);
    assert_false(aside(&order, 1, 0, false));
    assert_false(aside(&order, 1, 5, false)); /* nothing differs: the order does not matter */
    assert_true(aside(&order, 2, 5, true));
    assert_false(order.mixed);
    assert_true(aside(&order, 1, 0, true));
    assert_true(order.mixed);
    ts_replay_order_finish(&order);
    ts_replay_order_init(&order);
    assert_true(aside(&order, 3, 1, true));
    assert_false(order.mixed);
    assert_true(aside(&order, 3, 2, false)); /* an earlier one may have been passed over */
    assert_true(order.mixed);
    ts_replay_order_finish(&order);
}

static void test_many_accounts(void **state)
{
    (void)state;
    struct ts_replay_order order;
    ts_replay_order_init(&order);
    for (int64_t i = 1; i <= 20000; i++) {
        assert_int_equal(aside(&order, i, 0, i % 3 == 0), i % 3 == 0);
    }
    for (int64_t i = 1; i <= 20000; i++) {
        assert_int_equal(aside(&order, i, 0, false), i % 3 == 0);
    }
    assert_int_equal(order.count, 20000);
    assert_false(order.mixed);
    ts_replay_order_finish(&order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_the_first_that_differs_on),
        cmocka_unit_test(test_several_partitions),
        cmocka_unit_test(test_many_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
