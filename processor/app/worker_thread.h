/* SPDX-License-Identifier: Apache-2.0 */
/* One worker with the adapters it speaks to, on a thread of its own. Here, and in cmd_run.c, is the
 * only place that knows which adapter stands behind which port. */
#ifndef TS_APP_WORKER_THREAD_H
#define TS_APP_WORKER_THREAD_H

#include "app/config.h"
#include "base/error.h"
#include "pipeline/worker.h"
#include "ports/codec.h"
#include "ports/observer.h"
#include "ports/rates.h"
#include "ports/zones.h"

#include <stdbool.h>

struct ts_worker_thread;

/* What all workers of the process share; outlives them. */
struct ts_worker_shared {
    const struct ts_config *config;
    struct ts_codec codec;
    struct ts_rates rates;
    struct ts_zones zones;
    struct ts_observer observer;
};

/* NULL: class FATAL (a refused setting, no memory). Servers that are away are no failure: the
 * worker keeps trying. */
struct ts_worker_thread *ts_worker_thread_start(const struct ts_worker_shared *shared,
                                                struct ts_error *err);

/* Any thread. */
void ts_worker_thread_drain(struct ts_worker_thread *thread);
bool ts_worker_thread_ended(const struct ts_worker_thread *thread);
const struct ts_worker_stats *ts_worker_thread_stats(const struct ts_worker_thread *thread);

/* Waits for the thread's end and frees. True when it drained, false after a fatal error. */
bool ts_worker_thread_join(struct ts_worker_thread *thread);

#endif
