/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/bytes.h"

static const struct ts_bytes absent = {NULL, 0};

static void test_equal(void **state)
{
    (void)state;
    assert_true(ts_bytes_equal(TS_LITERAL("ab"), ts_bytes_of("ab")));
    assert_false(ts_bytes_equal(TS_LITERAL("ab"), TS_LITERAL("abc")));
    assert_false(ts_bytes_equal(TS_LITERAL("ab"), TS_LITERAL("aB")));
    assert_true(ts_bytes_equal(absent, TS_LITERAL("")));
    assert_true(ts_bytes_equal_text(TS_LITERAL("x"), "x"));
    assert_true(ts_bytes_equal(TS_LITERAL("a\0b"), TS_LITERAL("a\0b")));
    assert_false(ts_bytes_equal(TS_LITERAL("a\0b"), TS_LITERAL("a\0c")));
    assert_int_equal(ts_bytes_of(NULL).size, 0);
}

static void test_compare(void **state)
{
    (void)state;
    static const struct ts_bytes ascending[] = {
        {"", 0}, {"\0", 1}, {"a", 1}, {"ab", 2}, {"b", 1}, {"\x80", 1}, {"\xff", 1}};
    size_t count = sizeof ascending / sizeof *ascending;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = ts_bytes_compare(ascending[i], ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    assert_int_equal(ts_bytes_compare(absent, TS_LITERAL("")), 0);
    assert_true(ts_bytes_compare(absent, TS_LITERAL("a")) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
