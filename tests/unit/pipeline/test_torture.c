/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/tzif.h"
#include "tests/unit/torture.h"

#include "pipeline/account_cache.h"
#include "pipeline/batch.h"
#include "pipeline/beliefs.h"
#include "pipeline/identities.h"
#include "pipeline/zone_cache.h"

#include <stdio.h>
#include <string.h>

static bool make_cache(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_account_profile profile = {.account_id = "office", .account_id_size = 6};
    struct ts_account_cache *cache = ts_account_cache_create(1000, err);
    if (cache == NULL) {
        return false;
    }
    assert_null(ts_account_cache_get(cache, TS_LITERAL("office")));
    ts_account_cache_put(cache, &profile);
    assert_non_null(ts_account_cache_get(cache, TS_LITERAL("office")));
    ts_account_cache_destroy(cache);
    return true;
}

static void test_account_cache(void **state)
{
    (void)state;
    assert_int_equal(torture(make_cache, NULL, TS_ERROR_FATAL), 2);
}

static bool make_identities(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_record record = {.identity_hash = 7};
    struct ts_identities *identities = ts_identities_create(100, 1000, err);
    if (identities == NULL) {
        return false;
    }
    ts_identities_add(identities, &record);
    assert_ptr_equal(ts_identities_unsettled(identities, 7), &record);
    ts_identities_remove(identities, &record);
    ts_identities_destroy(identities);
    return true;
}

static void test_identities(void **state)
{
    (void)state;
    assert_int_equal(torture(make_identities, NULL, TS_ERROR_FATAL), 4);
}

static bool make_beliefs(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_beliefs *beliefs = ts_beliefs_create(100, err);
    if (beliefs == NULL) {
        return false;
    }
    ts_beliefs_set(beliefs, TS_LITERAL("202611:1:afax"), 7);
    assert_int_equal(ts_beliefs_get(beliefs, TS_LITERAL("202611:1:afax")), 7);
    ts_beliefs_destroy(beliefs);
    return true;
}

static void test_beliefs(void **state)
{
    (void)state;
    assert_in_range(torture(make_beliefs, NULL, TS_ERROR_FATAL), 1, 4);
}

static struct ts_zone *load_zone(void *self, const char *name, struct ts_error *err)
{
    struct tzif file = tzif_make(3600, NULL, 0, "");
    (void)self;
    return ts_zone_create(name, tzif_bytes(&file), err);
}

/* A zone that can't be had for want of memory can be had later: class retry. */
static bool use_zones(void *context, struct ts_error *err)
{
    struct ts_zones zones = {.load = load_zone, .self = context};
    struct ts_zone_cache *cache = ts_zone_cache_create(zones, err);
    if (cache == NULL) {
        return false;
    }
    bool good = true;
    for (int i = 0; i < 40 && good; i++) {
        char name[16];
        snprintf(name, sizeof name, "Zone/%d", i);
        const struct ts_zone *zone = ts_zone_cache_get(cache, name, err);
        good = zone != NULL;
        assert_true(!good || ts_zone_cache_get(cache, name, err) == zone);
    }
    assert_true(good || err->class == TS_ERROR_RETRY);
    ts_zone_cache_destroy(cache);
    return good || ts_error_no_memory(err);
}

static void test_zone_cache(void **state)
{
    (void)state;
    assert_in_range(torture(use_zones, NULL, TS_ERROR_FATAL), 40, 200);
}

/* Adds messages until one does not fit into memory: it is as if it had not been added. */
static bool fill_batch(struct ts_batch_pool *pool, struct ts_batch *batch)
{
    static char value[100 * 1024];
    bool good = true;
    for (int64_t offset = 10; offset < 20 && good; offset++) {
        struct ts_message message = {
            .offset = offset, .key = TS_LITERAL("office"), .value = {value, sizeof value}};
        size_t count = batch->record_count;
        int64_t end = batch->end;
        size_t bytes = batch->bytes;
        if (!ts_batch_fits(pool, batch, &message)) {
            break;
        }
        good = ts_batch_add(pool, batch, &message);
        assert_int_equal(batch->record_count, count + good);
        assert_true(good || (batch->end == end && batch->bytes == bytes));
    }
    return good;
}

static bool use_pool(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_batch_limits limits = {.records_max = 50, .bytes_max = 1024 * 1024, .pool_size = 3};
    struct ts_batch_pool *pool = ts_batch_pool_create(&limits, err);
    if (pool == NULL) {
        return false;
    }
    struct ts_batch *batch = ts_batch_take(pool, (struct ts_lane){0}, 10, 0);
    bool good = fill_batch(pool, batch);
    ts_batch_give(pool, batch);
    assert_int_equal(ts_batch_pool_free(pool), 3);
    ts_batch_pool_destroy(pool);
    return good || ts_error_no_memory(err);
}

static void test_batch_pool(void **state)
{
    (void)state;
    assert_in_range(torture(use_pool, NULL, TS_ERROR_FATAL), 12, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_account_cache),
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_beliefs),
        cmocka_unit_test(test_zone_cache),
        cmocka_unit_test(test_batch_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
