/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at balances without touching them: for the audit and for operators' commands. Connects when
 * it is first needed, and again after a failure: reading twice does no harm. Used by one thread. */
#ifndef TS_ADAPTERS_REDIS_READER_H
#define TS_ADAPTERS_REDIS_READER_H

#include "adapters/redis/options.h"
#include "base/bytes.h"
#include "base/error.h"
#include "ports/lane.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_redis_reader;

/* Does not connect. Fails, class FATAL, on a faulty url. */
struct ts_redis_reader *ts_redis_reader_create(const struct ts_redis_options *options,
                                               struct ts_error *err);
void ts_redis_reader_destroy(struct ts_redis_reader *reader);

struct ts_redis_balance {
    int64_t generation; /* of the account's bucket; 0: there is no such bucket */
    bool present;       /* false: not loaded since the last rebuild; PostgreSQL has the balance */
    int64_t balance_micros; /* live: settled and unsettled charges */
};

bool ts_redis_reader_balance(struct ts_redis_reader *reader,
                             struct ts_bytes account_id,
                             struct ts_redis_balance *out,
                             struct ts_error *err);

/* One lane's state in a bucket. */
struct ts_redis_lane_state {
    struct ts_lane lane;
    int64_t token;
    int64_t applied; /* highest applied offset */
    int64_t floor;
};

/* What a bucket holds, told one by one; any of the functions may be NULL. `undo` is told of every
 * part that is still kept: those at or above the lane's next_offset are not settled, and the live
 * balance less their deltas is PostgreSQL's. The views live until the function returns. */
struct ts_redis_bucket_visitor {
    void (*account)(void *context, struct ts_bytes account_id, int64_t balance_micros);
    void (*counter)(void *context, struct ts_bytes name, int64_t used); /* ports/counter.h */
    void (*lane)(void *context, const struct ts_redis_lane_state *state);
    void (*undo)(void *context,
                 struct ts_lane lane,
                 int64_t offset,
                 struct ts_bytes account_id,
                 int64_t delta_micros);
    void (*undo_counter)(
        void *context, struct ts_lane lane, int64_t offset, struct ts_bytes name, int64_t units);
    void *context;
};

/* One look at the whole bucket, so that what it tells belongs together. *generation is 0, and
 * nothing is told, when the bucket is missing. Fails, class REJECT, on content that is not ours. */
bool ts_redis_reader_bucket(struct ts_redis_reader *reader,
                            uint32_t bucket,
                            const struct ts_redis_bucket_visitor *visitor,
                            int64_t *generation,
                            struct ts_error *err);

#endif
