/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/hash.h"

#include <string.h>

/* The vectors of Kafka's own UtilsTest: keys must go to the partition that Java's producer picks.
 */
static void test_murmur2(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ts_murmur2(ts_bytes_of(cases[i].text)),
                         (uint32_t)cases[i].hash & 0x7fffffff);
    }
}

/* Reads bytes, not words: where they begin in memory does not matter, nor does what follows. */
static void test_murmur2_place(void **state)
{
    (void)state;
    char text[40] = "0123456789abcdef0123456789abcdef";
    for (size_t size = 0; size < 20; size++) {
        char copy[64];
        for (size_t shift = 1; shift < 8; shift++) {
            memset(copy, 0xff, sizeof copy);
            memcpy(copy + shift, text, size);
            assert_int_equal(ts_murmur2((struct ts_bytes){copy + shift, size}),
                             ts_murmur2((struct ts_bytes){text, size}));
        }
    }
}

/* XXH3 with seed 0: stored in unique keys for years, so it can never be another. */
static void test_hash64(void **state)
{
    (void)state;
    assert_true(ts_hash64(TS_LITERAL("")) == UINT64_C(0x2d06800538d394c2));
    assert_true(ts_hash64((struct ts_bytes){NULL, 0}) == UINT64_C(0x2d06800538d394c2));
    assert_true(ts_hash64(TS_LITERAL("a")) == UINT64_C(0xe6c632b61e964e1f));
    assert_true(ts_hash64(TS_LITERAL("abc")) == UINT64_C(0x78af5f94892f3950));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_murmur2),
        cmocka_unit_test(test_murmur2_place),
        cmocka_unit_test(test_hash64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
