/* SPDX-License-Identifier: Apache-2.0 */
/* Where the pipeline says what a person should know. Numbers are not told here: they are counters
 * in struct ts_worker_stats (pipeline/stats.h) that whoever watches reads. */
#ifndef TS_PORTS_OBSERVER_H
#define TS_PORTS_OBSERVER_H

#include "base/error.h"

enum ts_level { TS_LEVEL_DEBUG, TS_LEVEL_INFO, TS_LEVEL_WARNING, TS_LEVEL_ERROR };

struct ts_observer_ops {
    /* `event` is a short constant name for machines ("lane_claimed"), the text is for a person. */
    void (*say)(void *self, enum ts_level level, const char *event, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
};

struct ts_observer {
    const struct ts_observer_ops *ops;
    void *self;
};

#endif
