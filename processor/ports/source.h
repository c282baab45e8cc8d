/* SPDX-License-Identifier: Apache-2.0 */
/* The input topics, read as a member of a consumer group with manual positions. The adapter only
 * reports what the group decides; the pipeline claims a lane before it is started, and gives it up
 * before a revoke is confirmed. Positions live in PostgreSQL: the group's committed offset is only
 * the publish watermark. */
#ifndef TS_PORTS_SOURCE_H
#define TS_PORTS_SOURCE_H

#include "base/bytes.h"
#include "base/error.h"
#include "ports/lane.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_message {
    struct ts_lane lane;
    int64_t offset;
    int64_t timestamp_ms; /* of the append, as the broker says; -1 when unknown */
    struct ts_bytes key;
    struct ts_bytes value;   /* data NULL: a tombstone */
    struct ts_bytes headers; /* ports/headers.h; size 0 when there are none */
};

enum ts_source_event_type {
    TS_SOURCE_IDLE, /* nothing within the time given */
    TS_SOURCE_MESSAGE,
    TS_SOURCE_ASSIGNED,   /* lanes[]: new ones; not fetched until start() */
    TS_SOURCE_REVOKED,    /* lanes[]: give them up, then release() */
    TS_SOURCE_LOST,       /* lanes[]: somebody else may own them already; then release() */
    TS_SOURCE_LANE_ERROR, /* lanes[0]: its position is out of range, the topic was deleted, … */
    TS_SOURCE_ERROR,      /* `error`: RETRY passes by itself, FATAL does not */
};

struct ts_source_event {
    enum ts_source_event_type type;
    struct ts_message message;   /* views valid until the next poll */
    const struct ts_lane *lanes; /* valid until the next poll */
    size_t lane_count;
    struct ts_error error;
};

struct ts_source_ops {
    /* The next event; waits up to `wait_ms` (0: returns at once). Must be called often enough to
     * stay a member of the group, also while every lane is paused. */
    void (*poll)(void *self, int wait_ms, struct ts_source_event *out);

    /* Fetches an assigned lane from `offset` on: after a claim, and again after a reopen. Messages
     * of the lane polled after this call begin at `offset` or later, never before. Unpauses. */
    bool (*start)(void *self, struct ts_lane lane, int64_t offset, struct ts_error *err);

    /* Holds a started lane's messages back / lets them flow again from the message after the last
     * that poll handed out. Calling one twice is harmless: the adapter keeps its own flag. */
    void (*pause)(void *self, struct ts_lane lane);
    void (*resume)(void *self, struct ts_lane lane);

    /* Confirms a REVOKED or LOST event: these lanes are no longer worked on. */
    void (*release)(void *self, const struct ts_lane *lanes, size_t count);

    /* First offset kept and the offset after the last, asked of the broker: may take until a
     * time-out (class RETRY). */
    bool (*range)(
        void *self, struct ts_lane lane, int64_t *low, int64_t *high, struct ts_error *err);

    /* The newest high watermark seen while fetching, -1 when none yet. Never blocks. */
    int64_t (*high_seen)(void *self, struct ts_lane lane);

    /* The group's committed offset, -1 when none. May take until a time-out. */
    bool (*committed)(void *self, struct ts_lane lane, int64_t *offset, struct ts_error *err);

    /* Commits the publish watermark, without waiting; a later call supersedes an earlier. */
    void (*commit)(void *self, struct ts_lane lane, int64_t offset);
};

struct ts_source {
    const struct ts_source_ops *ops;
    void *self;
};

#endif
