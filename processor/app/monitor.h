/* SPDX-License-Identifier: Apache-2.0 */
/* What the outside sees of a running processor: /metrics, /healthz and /readyz.
 *
 * Health is progress, not being alive: a worker that is connected and does nothing while records
 * wait is not healthy. /healthz turns to 503 when a worker ended, an alarm holds a partition, or
 * nothing was settled for TS_MONITOR_STALL_MS although there was work. /readyz also asks that every
 * worker is running, and turns sooner. The body tells why, a line each. */
#ifndef TS_APP_MONITOR_H
#define TS_APP_MONITOR_H

#include "app/metrics.h"
#include "base/error.h"
#include "ports/clock.h"

#include <stdbool.h>

enum { TS_MONITOR_STALL_MS = 60000, TS_MONITOR_UNREADY_MS = 15000 };

struct ts_monitor;

/* Copies the settings; the workers' stats and the texts outlive it. `listen` "" serves nothing.
 * Takes the clock that the workers take. NULL: class FATAL. */
struct ts_monitor *ts_monitor_start(const char *listen,
                                    const struct ts_metrics *metrics,
                                    const struct ts_clock *clock,
                                    struct ts_error *err);
void ts_monitor_stop(struct ts_monitor *monitor);

/* The judgement itself. Appends the reasons when it is false. */
bool ts_monitor_judge(const struct ts_metrics *metrics,
                      int64_t now_ms,
                      bool for_ready,
                      struct ts_buffer *reasons);

#endif
