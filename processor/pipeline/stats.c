/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/stats.h"

#include <string.h>

void ts_histogram_add(struct ts_histogram *histogram, int64_t us, uint64_t times)
{
    int bucket = 0;
    uint64_t value = us < 0 ? 0 : (uint64_t)us;
    for (uint64_t rest = value / TS_HISTOGRAM_FIRST_US;
         rest != 0 && bucket < TS_HISTOGRAM_BUCKETS - 1;
         rest /= 2) {
        bucket++;
    }
    atomic_fetch_add_explicit(&histogram->buckets[bucket], times, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, value * times, memory_order_relaxed);
}

int64_t ts_histogram_bound_us(int bucket)
{
    if (bucket >= TS_HISTOGRAM_BUCKETS - 1) {
        return INT64_MAX;
    }
    return (int64_t)TS_HISTOGRAM_FIRST_US << bucket;
}

const char *ts_stage_name(enum ts_stage stage)
{
    static const char *const names[TS_STAGE_COUNT] = {
        [TS_STAGE_PREPARE] = "prepare",
        [TS_STAGE_CHARGE] = "charge",
        [TS_STAGE_SETTLE] = "settle",
        [TS_STAGE_PUBLISH] = "publish",
    };
    return names[stage];
}

void ts_worker_stats_init(struct ts_worker_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    for (int i = 0; i < TS_LANES_MAX; i++) {
        stats->lanes[i].input = -1;
        stats->lanes[i].high = -1;
    }
}
