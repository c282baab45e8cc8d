/* SPDX-License-Identifier: Apache-2.0 */
/* Redis is a fold of PostgreSQL plus what is not settled yet: checked bucket by bucket, on the live
 * system. A bucket is looked at between two looks at PostgreSQL; if nothing of the group was
 * settled between them, then live balance - unsettled charges = balance in the books, to the
 * micro-unit, for every account in the bucket, and the same for the units used of allowances. If
 * something was, it is looked at again. */
#ifndef TS_APP_AUDIT_BALANCES_H
#define TS_APP_AUDIT_BALANCES_H

#include "adapters/postgres/audit_live.h"
#include "adapters/postgres/audit_store.h"
#include "adapters/redis/reader.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* A balance or a counter that is not what it should be. The view lives until the function returns.
 */
struct ts_audit_difference {
    uint32_t bucket;
    bool counts;        /* units, not money */
    struct ts_bytes id; /* of the account, or the name of the counter (ports/counter.h) */
    int64_t live;       /* less what is not settled */
    bool known;         /* PostgreSQL has the account: */
    int64_t books;
};

struct ts_audit_balances {
    struct ts_audit_live *live;
    struct ts_redis_reader *reader;
    int64_t timeout_ms; /* for looking again while traffic flows, all buckets together */
    struct ts_audit_visitor visitor;
    struct ts_bytes account_id; /* only this one's; absent: all */
    /* Is told of differences instead of the visitor; NULL: the visitor is. */
    void (*differ)(void *self, const struct ts_audit_difference *difference);
    void *self;

    /* Out. */
    int64_t compared;          /* accounts */
    int64_t unsettled_micros;  /* sum of the charges that are not settled yet, as deltas */
    int64_t difference_micros; /* sum of the absolute differences */
    int64_t findings;
    int64_t rebuilding;   /* buckets that Redis does not have in the books' generation: they are
                             rebuilt when their accounts are charged, and hold nothing that counts */
    int64_t not_compared; /* buckets that never stood still: a finding each */
};

/* False with err when it could not be done. */
bool ts_audit_balances_run(struct ts_audit_balances *audit, struct ts_error *err);

#endif
