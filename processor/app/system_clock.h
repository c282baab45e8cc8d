/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's clock, behind the clock port.
 *
 * What falls due by time takes hours and days, which a test can't wait for. So in builds with the
 * option TOLLSTREAM_FAULT_POINTS, and only there, the environment variable
 * TOLLSTREAM_TEST_CLOCK_FILE may name a file that holds a number of milliseconds: the wall clock
 * goes ahead by so many, and again when the file is written anew. Durations are not touched. */
#ifndef TS_APP_SYSTEM_CLOCK_H
#define TS_APP_SYSTEM_CLOCK_H

#include "ports/clock.h"

/* Any thread. */
extern const struct ts_clock ts_system_clock;

static inline int64_t ts_system_now_ms(void)
{
    return ts_system_clock.ops->wall_ms(ts_system_clock.self);
}

#endif
