/* SPDX-License-Identifier: Apache-2.0 */
/* A lane is one partition of one input topic: the unit of order, of claiming and of progress. */
#ifndef TS_PORTS_LANE_H
#define TS_PORTS_LANE_H

#include <stdbool.h>
#include <stdint.h>

enum ts_input { TS_INPUT_CDRS, TS_INPUT_CREDITS, TS_INPUT_ADJUSTMENTS, TS_INPUT_COUNT };

struct ts_lane {
    enum ts_input input;
    int32_t partition;
};

/* Its records are commands: all but calls. */
static inline bool ts_lane_has_commands(struct ts_lane lane)
{
    return lane.input != TS_INPUT_CDRS;
}

static inline bool ts_lane_equal(struct ts_lane a, struct ts_lane b)
{
    return a.input == b.input && a.partition == b.partition;
}

#endif
