/* SPDX-License-Identifier: Apache-2.0 */
/* Time, as the pipeline takes it: a simulation hands in its own. */
#ifndef TS_PORTS_CLOCK_H
#define TS_PORTS_CLOCK_H

#include <stdint.h>

struct ts_clock_ops {
    int64_t (*wall_ms)(void *self); /* since the epoch; may step */
    int64_t (*mono_us)(void *self); /* never goes back; for durations */
};

struct ts_clock {
    const struct ts_clock_ops *ops;
    void *self;
};

#endif
