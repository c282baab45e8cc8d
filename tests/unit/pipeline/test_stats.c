/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "pipeline/stats.h"

static int bucket_of(int64_t us)
{
    static struct ts_histogram histogram;
    histogram = (struct ts_histogram){0};
    ts_histogram_add(&histogram, us, 3);
    int found = -1;
    for (int i = 0; i < TS_HISTOGRAM_BUCKETS; i++) {
        if (histogram.buckets[i] != 0) {
            assert_int_equal(found, -1);
            assert_int_equal(histogram.buckets[i], 3);
            found = i;
        }
    }
    assert_true(histogram.sum_us == 3 * (uint64_t)(us < 0 ? 0 : us));
    return found;
}

/* A value lies below its bucket's bound, and not below the one before. */
static void test_buckets(void **state)
{
    (void)state;
    static const int64_t values[] = {
        -5, 0, 1, 15, 16, 31, 32, 33, 1000, 1024, 1000000, 268435455, 268435456, INT64_C(1) << 50};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        int bucket = bucket_of(values[i]);
        assert_true(values[i] < ts_histogram_bound_us(bucket));
        assert_true(bucket == 0 || values[i] >= ts_histogram_bound_us(bucket - 1));
    }
    assert_int_equal(ts_histogram_bound_us(0), 16);
    assert_int_equal(ts_histogram_bound_us(1), 32);
    assert_true(ts_histogram_bound_us(TS_HISTOGRAM_BUCKETS - 1) == INT64_MAX);
}

static void test_init(void **state)
{
    (void)state;
    static struct ts_worker_stats stats;
    ts_worker_stats_init(&stats);
    for (int i = 0; i < TS_LANES_MAX; i++) {
        assert_int_equal(stats.lanes[i].input, -1);
        assert_int_equal(stats.lanes[i].high, -1);
    }
    ts_count(&stats.settled, 5);
    ts_count(&stats.settled, 2);
    assert_int_equal(stats.settled, 7);
    for (int i = 0; i < TS_STAGE_COUNT; i++) {
        assert_non_null(ts_stage_name((enum ts_stage)i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
