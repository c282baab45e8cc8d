/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/varint.h"

static void round_trip(int64_t value)
{
    char bytes[TS_VARINT_MAX];
    size_t size = ts_varint_put(bytes, value);
    assert_in_range(size, 1, TS_VARINT_MAX);
    int64_t found = ~value;
    assert_ptr_equal(ts_varint_get(bytes, bytes + size, &found), bytes + size);
    assert_true(found == value);
    for (size_t cut = 0; cut < size; cut++) {
        assert_null(ts_varint_get(bytes, bytes + cut, &found));
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 63; shift++) {
        int64_t power = INT64_C(1) << shift;
        for (int64_t near = -2; near <= 2; near++) {
            round_trip(power + near);
            round_trip(-power + near);
        }
    }
    round_trip(INT64_MIN);
    round_trip(INT64_MAX);
}

/* The examples of the Avro specification. */
static void test_form(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *bytes;
        size_t size;
    } cases[] = {{0, "\x00", 1},
                 {-1, "\x01", 1},
                 {1, "\x02", 1},
                 {-64, "\x7f", 1},
                 {64, "\x80\x01", 2},
                 {INT64_MIN, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[TS_VARINT_MAX];
        assert_int_equal(ts_varint_put(bytes, cases[i].value), cases[i].size);
        assert_memory_equal(bytes, cases[i].bytes, cases[i].size);
    }
}

static void test_overflow(void **state)
{
    (void)state;
    int64_t value;
    static const char eleven[] = "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00";
    static const char high[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
    assert_null(ts_varint_get(eleven, eleven + sizeof eleven - 1, &value));
    assert_null(ts_varint_get(high, high + sizeof high - 1, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
