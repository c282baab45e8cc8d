/* SPDX-License-Identifier: Apache-2.0 */
/* What calls were settled at, by their places in the topic, where reading a usage partition as a
 * whole is cheaper than looking its calls up one by one (a fifth of the cost a row). Which
 * partitions those are shows while the replay reads: each is loaded when enough of what is left to
 * read is expected there. Calls that were adjusted are left out; so whoever is not found here is
 * looked up. Memory is 24 bytes a record of the ranges, which a replay beyond TS_REPLAY_BULK_MAX
 * records does without. One thread. */
#ifndef TS_ADAPTERS_POSTGRES_REPLAY_BULK_H
#define TS_ADAPTERS_POSTGRES_REPLAY_BULK_H

#include "adapters/postgres/replay_store.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_REPLAY_BULK_MAX = 16 * 1000 * 1000 };

struct ts_replay_bulk_row {
    int64_t charge_micros;
    int32_t billed;
    int32_t covered; /* by included units */
    int8_t category; /* enum ts_category */
    int8_t unit;     /* enum ts_unit */
};

struct ts_replay_bulk;

/* Of ranges[].next to ranges[].to; the ranges stay where they are. */
struct ts_replay_bulk *ts_replay_bulk_open(const char *url,
                                           const char *topic,
                                           const struct ts_replay_range *ranges,
                                           size_t count,
                                           struct ts_error *err);
void ts_replay_bulk_close(struct ts_replay_bulk *bulk);

/* The row of the call that began at `start_ms` and was settled from this place of ranges[range];
 * NULL when that is not known here. May load a partition. False with err set. */
bool ts_replay_bulk_find(struct ts_replay_bulk *bulk,
                         size_t range,
                         int64_t offset,
                         int64_t start_ms,
                         const struct ts_replay_bulk_row **out,
                         struct ts_error *err);

#endif
