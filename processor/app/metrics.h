/* SPDX-License-Identifier: Apache-2.0 */
/* What the workers count, as text in Prometheus' exposition format 0.0.4. One table (metrics.c) has
 * name, type and help of every metric; deploy/METRICS.md is made from it. Counters and histograms
 * are summed over the workers of the process; what describes one worker or one partition carries
 * its label.
 *
 * Rendering reads the workers' relaxed atomics while they run: each number is right for itself,
 * two of them may be a moment apart. */
#ifndef TS_APP_METRICS_H
#define TS_APP_METRICS_H

#include "app/timer_keeper.h"
#include "base/buffer.h"
#include "pipeline/stats.h"

#include <stddef.h>
#include <stdint.h>

struct ts_metrics {
    const struct ts_worker_stats *const *workers;
    size_t worker_count;
    const char *topics[TS_INPUT_COUNT];  /* by enum ts_input */
    const struct ts_timer_stats *timers; /* NULL: there are none */
    const char *version;
    int64_t start_ms; /* of the process, wall clock */
};

void ts_metrics_render(const struct ts_metrics *metrics, struct ts_buffer *out);

/* The table as Markdown, for deploy/METRICS.md. */
void ts_metrics_document(struct ts_buffer *out);

#endif
