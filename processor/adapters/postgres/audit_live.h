/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL says of one bucket's accounts at one moment, for the comparison with Redis while
 * traffic flows: where the group's input partitions stand, the bucket's generation, and balances,
 * all of one snapshot. A connection of its own, made when it is needed and again after it broke;
 * used by one thread. */
#ifndef TS_ADAPTERS_POSTGRES_AUDIT_LIVE_H
#define TS_ADAPTERS_POSTGRES_AUDIT_LIVE_H

#include "base/bytes.h"
#include "base/error.h"
#include "ports/lane.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_audit_live;

/* Copies its texts. */
struct ts_audit_live *ts_audit_live_create(const char *url,
                                           const char *group,
                                           const char *const topics[TS_INPUT_COUNT],
                                           struct ts_error *err);
void ts_audit_live_destroy(struct ts_audit_live *live);

struct ts_audit_lane {
    struct ts_lane lane;
    int64_t next_offset; /* everything below is settled */
};

enum { TS_AUDIT_LANES_MAX = 16384 };

/* By (input, partition). */
struct ts_audit_lanes {
    size_t count;
    struct ts_audit_lane items[TS_AUDIT_LANES_MAX];
};

/* The balance of an account, or what it used of an allowance in a month. */
struct ts_audit_balance {
    struct ts_bytes account_id;
    int32_t month; /* yyyymm; 0: the balance */
    struct ts_bytes allowance;
    bool found;    /* out: the account is there */
    int64_t value; /* out, when found: micro-units, or units */
};

/* Where the partitions stand now. */
bool ts_audit_live_lanes(struct ts_audit_live *live,
                         struct ts_audit_lanes *lanes,
                         struct ts_error *err);

/* All three of one snapshot. */
bool ts_audit_live_bucket(struct ts_audit_live *live,
                          uint32_t bucket,
                          struct ts_audit_lanes *lanes,
                          int64_t *generation,
                          struct ts_audit_balance *balances,
                          size_t count,
                          struct ts_error *err);

/* Of one snapshot: each account that has told events, with the number of its last one; and each
 * event that waits in the outbox (it may have been told already). The views live during the call.
 * A function that returns false stops it. */
struct ts_audit_events_visitor {
    bool (*account)(void *self, struct ts_bytes account_id, int64_t sequence);
    bool (*waiting)(void *self, struct ts_bytes account_id, int64_t sequence);
    void *self;
};
bool ts_audit_live_events(struct ts_audit_live *live,
                          const struct ts_audit_events_visitor *visitor,
                          struct ts_error *err);

/* What became of the group's inputs, by its own counters. */
struct ts_audit_inputs {
    int64_t consumed; /* offsets that held a record */
    int64_t settled;
    int64_t duplicates;
    int64_t dead_letters;
};
bool ts_audit_live_inputs(struct ts_audit_live *live,
                          struct ts_audit_inputs *inputs,
                          struct ts_error *err);

#endif
