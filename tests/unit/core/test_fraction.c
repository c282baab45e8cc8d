/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "core/fraction.h"

static struct ts_fraction_sum sum(size_t count, const struct ts_fraction_term *terms)
{
    struct ts_fraction_term copy[TS_FRACTION_TERMS_MAX];
    for (size_t i = 0; i < count; i++) {
        copy[i] = terms[i];
    }
    return ts_fraction_add(copy, count);
}

static void
assert_sum(size_t count, const struct ts_fraction_term *terms, uint64_t whole, bool more)
{
    struct ts_fraction_sum found = sum(count, terms);
    assert_int_equal(found.whole, whole);
    assert_int_equal(found.more, more);
}

static void test_small_sums(void **state)
{
    (void)state;
    assert_sum(0, NULL, 0, false);
    assert_sum(1, (struct ts_fraction_term[]){{0, 7}}, 0, false);
    assert_sum(1, (struct ts_fraction_term[]){{6, 7}}, 0, true);
    assert_sum(2, (struct ts_fraction_term[]){{1, 2}, {1, 2}}, 1, false);
    assert_sum(2, (struct ts_fraction_term[]){{1, 2}, {2, 3}}, 1, true);
    assert_sum(3, (struct ts_fraction_term[]){{1, 2}, {1, 3}, {1, 6}}, 1, false);
    assert_sum(3, (struct ts_fraction_term[]){{1, 2}, {1, 3}, {1, 7}}, 0, true);
    assert_sum(4, (struct ts_fraction_term[]){{1, 3}, {2, 3}, {5, 7}, {2, 7}}, 2, false);
    assert_sum(2, (struct ts_fraction_term[]){{1, 999983}, {999982, 999983}}, 1, false);
}

/* By the Chinese remainder theorem this is 6 and one part in the product of the twelve divisors,
 * about 2^-239: the least that such a sum can be away from a whole number. */
static const struct ts_fraction_term just_above_6[] = {
    {88244, 999983},
    {792065, 999979},
    {204989, 999961},
    {621102, 999959},
    {991413, 999953},
    {902605, 999931},
    {738655, 999917},
    {55125, 999907},
    {110677, 999883},
    {168594, 999863},
    {665508, 999853},
    {660536, 999809},
};

enum { CLOSE_TERMS = sizeof just_above_6 / sizeof just_above_6[0] };

static void test_nearly_whole(void **state)
{
    (void)state;
    struct ts_fraction_term terms[2 * CLOSE_TERMS];
    assert_sum(CLOSE_TERMS, just_above_6, 6, true);
    for (size_t i = 0; i < CLOSE_TERMS; i++) { /* 12 less the above: just below 6 */
        struct ts_fraction_term term = just_above_6[i];
        terms[i] = (struct ts_fraction_term){term.divisor - term.rest, term.divisor};
        terms[CLOSE_TERMS + i] = term;
    }
    assert_sum(CLOSE_TERMS, terms, 5, true);
    assert_sum(2 * CLOSE_TERMS, terms, 12, false);
}

/* Against a plain common denominator, where that is possible. */
static void test_against_common_denominator(void **state)
{
    (void)state;
    uint64_t seed = 12345;
    for (int round = 0; round < 200000; round++) {
        struct ts_fraction_term terms[4];
        unsigned __int128 numerator = 0;
        unsigned __int128 denominator = 1;
        for (size_t i = 0; i < 4; i++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            uint32_t divisor = (uint32_t)(seed >> 33) % (round % 2 == 0 ? 12 : 1000000) + 1;
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            terms[i] = (struct ts_fraction_term){(uint32_t)(seed >> 33) % divisor, divisor};
            numerator = numerator * divisor + terms[i].rest * denominator;
            denominator *= divisor;
        }
        assert_sum(4, terms, (uint64_t)(numerator / denominator), numerator % denominator != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_sums),
        cmocka_unit_test(test_nearly_whole),
        cmocka_unit_test(test_against_common_denominator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
