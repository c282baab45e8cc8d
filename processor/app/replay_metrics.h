/* SPDX-License-Identifier: Apache-2.0 */
/* How a replay goes, as Prometheus text, for as long as it runs. Gauges all: a replay that compares
 * again begins to count again. */
#ifndef TS_APP_REPLAY_METRICS_H
#define TS_APP_REPLAY_METRICS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdatomic.h>
#include <stdint.h>

/* Written by the replay, read by the thread that serves them: each is right for itself. */
struct ts_replay_stats {
    _Atomic int64_t total; /* records of the range */
    _Atomic int64_t read;
    _Atomic int64_t compared;
    _Atomic int64_t up;
    _Atomic int64_t down;
    _Atomic int64_t difference_micros;
    _Atomic int64_t sent;
    _Atomic int64_t unsettled;
    _Atomic int64_t requeued;
    _Atomic int64_t lag;
};

static inline void ts_replay_stat_set(_Atomic int64_t *stat, int64_t value)
{
    atomic_store_explicit(stat, value, memory_order_relaxed);
}

struct ts_replay_metrics;

/* Serves /metrics at "address:port" until it is stopped; the stats outlive it. NULL: class FATAL.
 */
struct ts_replay_metrics *ts_replay_metrics_start(const char *listen,
                                                  const struct ts_replay_stats *stats,
                                                  struct ts_error *err);
void ts_replay_metrics_stop(struct ts_replay_metrics *metrics); /* NULL is fine */

void ts_replay_metrics_render(const struct ts_replay_stats *stats, struct ts_buffer *out);

/* The table as Markdown, for deploy/METRICS.md. */
void ts_replay_metrics_document(struct ts_buffer *out);

#endif
