/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker counts. The worker's thread writes, any thread reads: relaxed atomics, because each
 * number stands for itself. */
#ifndef TS_PIPELINE_STATS_H
#define TS_PIPELINE_STATS_H

#include "base/error.h"
#include "core/reason.h"
#include "ports/lane.h"

#include <stdatomic.h>
#include <stdint.h>

/* Buckets double from 16 us: [0,16), [16,32), … and the last takes the rest (above about 4.5 min).
 */
enum { TS_HISTOGRAM_BUCKETS = 26, TS_HISTOGRAM_FIRST_US = 16 };

struct ts_histogram {
    _Atomic uint64_t buckets[TS_HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum_us;
};

void ts_histogram_add(struct ts_histogram *histogram, int64_t us, uint64_t times);

/* Upper bound of a bucket in microseconds; INT64_MAX for the last. */
int64_t ts_histogram_bound_us(int bucket);

enum ts_stage {
    TS_STAGE_PREPARE, /* decode, validate, rate, look up: per batch */
    TS_STAGE_CHARGE,  /* sent to Redis until all answers are in: per batch */
    TS_STAGE_SETTLE,  /* started until committed: per settlement */
    TS_STAGE_PUBLISH, /* handed to the producer until acknowledged: per settlement */
    TS_STAGE_COUNT
};
const char *ts_stage_name(enum ts_stage stage);

enum ts_phase { TS_PHASE_DISCONNECTED, TS_PHASE_REOPENING, TS_PHASE_RUNNING, TS_PHASE_STOPPED };

enum { TS_LANES_MAX = 256 };

struct ts_lane_stats {
    _Atomic int32_t input; /* enum ts_input; -1: the slot is free */
    _Atomic int32_t partition;
    _Atomic int32_t stopped; /* 1: an alarm holds it */
    _Atomic int32_t stalled; /* 1: the broker has records that do not come */
    _Atomic int64_t next_offset;
    _Atomic int64_t published; /* the group's committed offset */
    _Atomic int64_t high;      /* newest high watermark seen, -1 when none */
};

struct ts_worker_stats {
    _Atomic int phase; /* enum ts_phase */
    _Atomic uint64_t consumed;
    _Atomic uint64_t settled;
    _Atomic uint64_t charged; /* settled with a charge above 0 */
    _Atomic uint64_t duplicates;
    _Atomic uint64_t dead_letters[TS_REASON_COUNT];
    _Atomic uint64_t holes;
    _Atomic uint64_t events;
    _Atomic uint64_t published;
    _Atomic uint64_t settlements;
    _Atomic uint64_t reopens;
    _Atomic uint64_t reconnects;
    _Atomic uint64_t conflicts; /* settlements refused for an identity settled already */
    _Atomic uint64_t raises;    /* buckets given a new generation */
    _Atomic uint64_t loads;     /* accounts loaded into Redis */
    _Atomic uint64_t errors[TS_ERROR_CLASS_COUNT]; /* by class; NONE: a lane or a bucket that is
                                                      another's by now, a decision that is taken
                                                      back. Refused records are dead letters */
    _Atomic int64_t batches_used;
    _Atomic int64_t batches_max;
    _Atomic int64_t unacknowledged; /* messages handed to the producer */
    _Atomic int64_t unacknowledged_max;
    _Atomic int64_t catalog_revision;
    _Atomic int64_t
        last_progress_ms; /* wall clock, of the last settlement or idle caught-up step */
    struct ts_histogram stages[TS_STAGE_COUNT];
    struct ts_histogram append_to_balance;
    struct ts_histogram append_to_settled;
    struct ts_lane_stats lanes[TS_LANES_MAX];
};

void ts_worker_stats_init(struct ts_worker_stats *stats);

static inline void ts_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void ts_gauge(_Atomic int64_t *gauge, int64_t value)
{
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

#endif
