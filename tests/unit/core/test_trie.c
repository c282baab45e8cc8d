/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/error.h"
#include "core/trie.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void insert(struct ts_trie *trie, const char *prefix, uint32_t value)
{
    struct ts_error err = {0};
    assert_true(ts_trie_insert(trie, prefix, strlen(prefix), value, &err));
}

static uint32_t longest(const struct ts_trie *trie, const char *number)
{
    return ts_trie_longest(trie, number, strlen(number));
}

static void test_empty(void **state)
{
    (void)state;
    struct ts_trie *trie = ts_trie_create(NULL);
    uint32_t values[1];
    assert_int_equal(longest(trie, "44"), TS_TRIE_NONE);
    assert_int_equal(longest(trie, ""), TS_TRIE_NONE);
    assert_int_equal(ts_trie_find(trie, "", 0), TS_TRIE_NONE);
    assert_int_equal(ts_trie_matches(trie, "44", 2, values, 1), 0);
    ts_trie_destroy(trie);
    ts_trie_destroy(NULL);
}

static void test_longest_prefix_wins(void **state)
{
    (void)state;
    struct ts_trie *trie = ts_trie_create(NULL);
    insert(trie, "4420", 3);
    insert(trie, "44", 1);
    insert(trie, "442", 2);
    insert(trie, "1", 4);
    assert_int_equal(longest(trie, "442079460958"), 3);
    assert_int_equal(longest(trie, "442179460958"), 2);
    assert_int_equal(longest(trie, "44"), 1);
    assert_int_equal(longest(trie, "4"), TS_TRIE_NONE);
    assert_int_equal(longest(trie, "12125551234"), 4);
    assert_int_equal(longest(trie, "9"), TS_TRIE_NONE);
    ts_trie_destroy(trie);
}

static void test_matches_from_longest_to_shortest(void **state)
{
    (void)state;
    struct ts_trie *trie = ts_trie_create(NULL);
    insert(trie, "", 9);
    insert(trie, "44", 1);
    insert(trie, "4420", 3);
    insert(trie, "44207", 4);
    uint32_t values[TS_TRIE_MATCHES_MAX];
    const uint32_t all[] = {4, 3, 1, 9};
    assert_int_equal(ts_trie_matches(trie, "442079", 6, values, TS_TRIE_MATCHES_MAX), 4);
    assert_memory_equal(values, all, sizeof all);
    assert_int_equal(ts_trie_matches(trie, "442079", 6, values, 2), 2);
    assert_memory_equal(values, all, 2 * sizeof all[0]);
    assert_int_equal(ts_trie_matches(trie, "442079", 6, values, 0), 0);
    assert_int_equal(ts_trie_matches(trie, "", 0, values, TS_TRIE_MATCHES_MAX), 1);
    assert_int_equal(values[0], 9);
    ts_trie_destroy(trie);
}

static void test_reading_stops_at_what_is_no_digit(void **state)
{
    (void)state;
    struct ts_trie *trie = ts_trie_create(NULL);
    insert(trie, "1", 1);
    insert(trie, "12", 2);
    assert_int_equal(longest(trie, "1*2"), 1);
    assert_int_equal(longest(trie, "+12"), TS_TRIE_NONE);
    assert_int_equal(longest(trie, "1\xff"), 1);
    assert_int_equal(ts_trie_longest(trie, "12", 1), 1);
    assert_int_equal(ts_trie_find(trie, "1\xff", 2), TS_TRIE_NONE);
    ts_trie_destroy(trie);
}

static void test_find_is_exact(void **state)
{
    (void)state;
    struct ts_trie *trie = ts_trie_create(NULL);
    insert(trie, "123", 0);
    assert_int_equal(ts_trie_find(trie, "123", 3), 0);
    assert_int_equal(ts_trie_find(trie, "12", 2), TS_TRIE_NONE);
    assert_int_equal(ts_trie_find(trie, "1234", 4), TS_TRIE_NONE);
    ts_trie_destroy(trie);
}

static void test_refusals(void **state)
{
    (void)state;
    struct ts_trie *trie = ts_trie_create(NULL);
    struct ts_error err = {0};
    insert(trie, "12", 1);
    assert_false(ts_trie_insert(trie, "12", 2, 2, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    assert_non_null(strstr(err.text, "12"));
    assert_int_equal(longest(trie, "123"), 1);
    assert_false(ts_trie_insert(trie, "1x", 2, 2, &err));
    assert_int_equal(longest(trie, "1"), TS_TRIE_NONE);

    char digits[TS_TRIE_DIGITS_MAX + 1];
    memset(digits, '7', sizeof digits);
    assert_false(ts_trie_insert(trie, digits, sizeof digits, 3, &err));
    assert_true(ts_trie_insert(trie, digits, TS_TRIE_DIGITS_MAX, 3, &err));
    assert_int_equal(ts_trie_longest(trie, digits, sizeof digits), 3);
    ts_trie_destroy(trie);
}

/* Every prefix of the longest key set: the most matches that one number can have. */
static void test_most_matches(void **state)
{
    (void)state;
    struct ts_trie *trie = ts_trie_create(NULL);
    char digits[TS_TRIE_DIGITS_MAX + 5];
    memset(digits, '9', sizeof digits);
    for (uint32_t n = 0; n <= TS_TRIE_DIGITS_MAX; n++) {
        assert_true(ts_trie_insert(trie, digits, n, n, NULL));
    }
    uint32_t values[TS_TRIE_MATCHES_MAX];
    size_t count = ts_trie_matches(trie, digits, sizeof digits, values, TS_TRIE_MATCHES_MAX);
    assert_int_equal(count, TS_TRIE_MATCHES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(values[i], TS_TRIE_DIGITS_MAX - i);
    }
    ts_trie_destroy(trie);
}

enum { KEYS = 5000, KEY_DIGITS_MAX = 5, LOOKUPS = 20000 };

static size_t random_digits(char *digits, size_t min, size_t max)
{
    size_t n = min + (size_t)rand() % (max - min + 1);
    for (size_t i = 0; i < n; i++) {
        digits[i] = (char)('0' + rand() % 10);
    }
    return n;
}

/* Against the definition: a table of all keys, searched by exact length from the longest. */
static void test_agrees_with_a_search_of_all_keys(void **state)
{
    (void)state;
    static uint32_t table[KEY_DIGITS_MAX + 1][100000]; /* by length and value of the digits */
    struct ts_trie *trie = ts_trie_create(NULL);
    char digits[16];
    srand(1);
    for (uint32_t key = 1; key <= KEYS; key++) {
        size_t n = random_digits(digits, 0, KEY_DIGITS_MAX);
        digits[n] = '\0';
        uint32_t *cell = &table[n][strtoul(digits, NULL, 10)];
        assert_int_equal(ts_trie_insert(trie, digits, n, key, NULL), *cell == 0);
        *cell = *cell == 0 ? key : *cell;
    }
    for (int i = 0; i < LOOKUPS; i++) {
        size_t n = random_digits(digits, 0, 12);
        uint32_t expected[KEY_DIGITS_MAX + 1];
        size_t count = 0;
        for (size_t k = n < KEY_DIGITS_MAX ? n : KEY_DIGITS_MAX; k <= KEY_DIGITS_MAX; k--) {
            char prefix[16] = {0};
            memcpy(prefix, digits, k);
            uint32_t key = table[k][strtoul(prefix, NULL, 10)];
            if (key != 0) {
                expected[count++] = key;
            }
        }
        uint32_t values[TS_TRIE_MATCHES_MAX];
        assert_int_equal(ts_trie_matches(trie, digits, n, values, TS_TRIE_MATCHES_MAX), count);
        assert_memory_equal(values, expected, count * sizeof values[0]);
        assert_int_equal(ts_trie_longest(trie, digits, n), count == 0 ? TS_TRIE_NONE : expected[0]);
    }
    ts_trie_destroy(trie);
}

static void test_memory_is_bounded_by_the_prefixes(void **state)
{
    (void)state;
    struct ts_trie *trie = ts_trie_create(NULL);
    char digits[8];
    for (int key = 0; key < 50000; key++) {
        int n = snprintf(digits, sizeof digits, "%05d", key);
        assert_true(ts_trie_insert(trie, digits, (size_t)n, (uint32_t)key, NULL));
    }
    assert_true(ts_trie_memory_bytes(trie) < 4U << 20);
    ts_trie_destroy(trie);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_longest_prefix_wins),
        cmocka_unit_test(test_matches_from_longest_to_shortest),
        cmocka_unit_test(test_reading_stops_at_what_is_no_digit),
        cmocka_unit_test(test_find_is_exact),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_most_matches),
        cmocka_unit_test(test_agrees_with_a_search_of_all_keys),
        cmocka_unit_test(test_memory_is_bounded_by_the_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
