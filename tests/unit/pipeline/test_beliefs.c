/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "pipeline/beliefs.h"

#include <stdio.h>

/* A belief may be lost, but is never another counter's. */
static void test_beliefs(void **state)
{
    (void)state;
    enum { ENTRIES = 64, MANY = 1000 };
    struct ts_error err;
    struct ts_beliefs *beliefs = ts_beliefs_create(ENTRIES, &err);
    assert_non_null(beliefs);
    assert_int_equal(ts_beliefs_get(beliefs, TS_LITERAL("nobody")), 0);
    char name[32];
    for (int i = 1; i <= MANY; i++) {
        snprintf(name, sizeof name, "counter-%d", i);
        ts_beliefs_set(beliefs, ts_bytes_of(name), i);
        assert_int_equal(ts_beliefs_get(beliefs, ts_bytes_of(name)), i);
    }
    size_t kept = 0;
    for (int i = 1; i <= MANY; i++) {
        snprintf(name, sizeof name, "counter-%d", i);
        int64_t used = ts_beliefs_get(beliefs, ts_bytes_of(name));
        assert_true(used == 0 || used == i);
        kept += used != 0;
    }
    assert_in_range(kept, 1, ENTRIES);
    ts_beliefs_clear(beliefs);
    assert_int_equal(ts_beliefs_get(beliefs, ts_bytes_of(name)), 0);
    ts_beliefs_destroy(beliefs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beliefs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
