/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "pipeline/account_cache.h"

#include <stdio.h>
#include <string.h>

static struct ts_account_profile profile_of(int number)
{
    struct ts_account_profile profile = {.account_no = number};
    snprintf(profile.account_id, sizeof profile.account_id, "office-%d", number);
    profile.account_id_size = (uint8_t)strlen(profile.account_id);
    return profile;
}

static struct ts_account_cache *create(size_t entries)
{
    struct ts_error err;
    struct ts_account_cache *cache = ts_account_cache_create(entries, &err);
    assert_non_null(cache);
    return cache;
}

static void test_put_and_forget(void **state)
{
    (void)state;
    struct ts_account_cache *cache = create(100);
    struct ts_account_profile one = profile_of(1);
    struct ts_account_profile two = profile_of(2);
    assert_null(ts_account_cache_get(cache, TS_LITERAL("office-1")));
    ts_account_cache_put(cache, &one);
    ts_account_cache_put(cache, &two);
    one.revision = 7;
    ts_account_cache_put(cache, &one); /* replaces */
    assert_int_equal(ts_account_cache_get(cache, TS_LITERAL("office-1"))->revision, 7);
    assert_int_equal(ts_account_cache_get(cache, TS_LITERAL("office-2"))->account_no, 2);
    ts_account_cache_forget(cache, TS_LITERAL("office-1"));
    ts_account_cache_forget(cache, TS_LITERAL("office-3")); /* was not there */
    assert_null(ts_account_cache_get(cache, TS_LITERAL("office-1")));
    assert_non_null(ts_account_cache_get(cache, TS_LITERAL("office-2")));
    ts_account_cache_clear(cache);
    assert_null(ts_account_cache_get(cache, TS_LITERAL("office-2")));
    ts_account_cache_destroy(cache);
}

/* However many come: it holds at most its entries, always has the last one, and never gives one
 * for another. */
static void test_many(void **state)
{
    (void)state;
    enum { ENTRIES = 64, MANY = 5000 };
    struct ts_account_cache *cache = create(ENTRIES);
    for (int i = 0; i < MANY; i++) {
        struct ts_account_profile profile = profile_of(i);
        ts_account_cache_put(cache, &profile);
        assert_int_equal(ts_account_cache_get(cache, ts_account_profile_id(&profile))->account_no,
                         i);
    }
    size_t held = 0;
    for (int i = 0; i < MANY; i++) {
        struct ts_account_profile profile = profile_of(i);
        const struct ts_account_profile *found =
            ts_account_cache_get(cache, ts_account_profile_id(&profile));
        held += found != NULL;
        assert_true(found == NULL || found->account_no == i);
    }
    assert_in_range(held, 1, ENTRIES);
    ts_account_cache_destroy(cache);
}

/* The same account put again and again keeps its one place: others are not pushed out. */
static void test_again(void **state)
{
    (void)state;
    struct ts_account_cache *cache = create(1); /* one set of four */
    for (int i = 0; i < 4; i++) {
        struct ts_account_profile profile = profile_of(i);
        ts_account_cache_put(cache, &profile);
    }
    for (int i = 0; i < 100; i++) {
        struct ts_account_profile profile = profile_of(2);
        ts_account_cache_put(cache, &profile);
    }
    for (int i = 0; i < 4; i++) {
        struct ts_account_profile profile = profile_of(i);
        assert_non_null(ts_account_cache_get(cache, ts_account_profile_id(&profile)));
    }
    ts_account_cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_forget),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
