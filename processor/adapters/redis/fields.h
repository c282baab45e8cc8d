/* SPDX-License-Identifier: Apache-2.0 */
/* The names in Redis. A bucket is the hash `{b17}` (the braces make the number its cluster slot):
 *
 *     g              generation
 *     about          a line for whoever finds the key
 *     a:<account>    balance in micro-units
 *     n:<counter>    units of an allowance used in a month (ports/counter.h)
 *     t:<lane>       fence token: the epoch of the lane's owner
 *     o:<lane>       highest applied offset
 *     f:<lane>       floor: the highest committed next_offset it was told
 *     u:<lane>:<n>   undo record in slot n: "<first offset> <last offset> <text of ports/undo.h>"
 *
 * <lane> is the input's letter and the partition: c3 is partition 3 of the CDRs. */
#ifndef TS_ADAPTERS_REDIS_FIELDS_H
#define TS_ADAPTERS_REDIS_FIELDS_H

#include "base/bytes.h"
#include "ports/lane.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_REDIS_NAME_MAX = 24 };

/* A short text made here: a key, a lane's tag, a field of a lane. */
struct ts_redis_name {
    char text[TS_REDIS_NAME_MAX];
    size_t size;
};

static inline struct ts_bytes ts_redis_name_bytes(const struct ts_redis_name *name)
{
    return (struct ts_bytes){name->text, name->size};
}

struct ts_redis_name ts_redis_bucket_key(uint32_t bucket);
struct ts_redis_name ts_redis_lane_tag(struct ts_lane lane);

/* t:, o: or f: of a lane, by `letter`. */
struct ts_redis_name ts_redis_lane_field(char letter, struct ts_lane lane);
struct ts_redis_name ts_redis_undo_field(struct ts_lane lane, uint32_t slot);

/* The lane at the front of `text`, which must end there or go on with ':'. */
bool ts_redis_lane_parse(struct ts_bytes text, struct ts_lane *lane);

#endif
