/* SPDX-License-Identifier: Apache-2.0 */
/* The speculative balances in Redis: a sum that adds up, nothing that is told to anyone. Each
 * bucket is one hash; the four scripts check and compute everything first and then write, whole or
 * nothing (adapters/redis/scripts). A lost reply, a time-out or an unknown answer is never
 * repeated blindly: the worker reopens. */
#ifndef TS_PORTS_BALANCES_H
#define TS_PORTS_BALANCES_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/account.h"
#include "ports/lane.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which server this is. Another than the one registered for a bucket: the bucket is raised. */
struct ts_balances_identity {
    char run_id[41];
    char replication_id[41];
};

enum ts_balances_status {
    TS_BALANCES_OK,
    TS_BALANCES_LOST,      /* the bucket is missing, of an older generation, or behind the floor */
    TS_BALANCES_STALE,     /* the bucket is of a newer generation than the caller's */
    TS_BALANCES_FENCED,    /* a newer token holds this lane */
    TS_BALANCES_REOPEN,    /* this lane must be opened first */
    TS_BALANCES_LOAD,      /* accounts or counters are absent: `absent` marks them */
    TS_BALANCES_ALLOWANCE, /* a counter is not where it was believed to be: `used` is the truth */
    TS_BALANCES_RANGE,     /* a sum would leave +-9e15: `overflow` is the account's index */
    TS_BALANCES_FULL,      /* the undo slot is not settled yet: wait for a settle */
    TS_BALANCES_ERROR,     /* no answer, or one the adapter does not know: see the call's error */
};

/* "ok", "lost", …: for messages. */
const char *ts_balances_status_name(enum ts_balances_status status);

struct ts_apply_account {
    struct ts_bytes account_id;
    int64_t delta_micros; /* a charge is negative; |delta| <= 9e15 */
    bool absent;          /* answer LOAD */
};

/* What an allowance had been used before the call, as the caller believes, and will be after it.
 * Charges depend on it, so the call is refused when it is not so. */
struct ts_apply_counter {
    struct ts_bytes name; /* ports/counter.h */
    int64_t before;       /* units */
    int64_t after;        /* less than before when adjustments give more back than calls draw */
    bool absent;          /* answer LOAD */
    int64_t used;         /* answer ALLOWANCE: how it is, of every counter of the call */
};

/* One call of the script `apply`: one bucket, one lane, ascending offsets. */
struct ts_apply {
    uint32_t bucket;
    int64_t generation;
    struct ts_lane lane;
    int64_t token;     /* the lane's epoch */
    int64_t committed; /* next_offset known to be durable: the floor */
    int64_t first;     /* offsets of the first and the last record charged here */
    int64_t last;
    uint32_t slot;                     /* of the undo ring, < TS_UNDO_SLOTS */
    struct ts_bytes undo;              /* ports/undo.h: what `open` parses to take it back */
    struct ts_apply_account *accounts; /* each account once */
    size_t account_count;
    struct ts_apply_counter *counters; /* each counter once */
    size_t counter_count;
    void *caller; /* the caller's own: not touched */

    /* The answer. */
    enum ts_balances_status status;
    int64_t seen_generation;  /* STALE, LOST: the bucket's, 0 when missing */
    size_t overflow;          /* RANGE */
    int64_t overflow_balance; /* RANGE: the account's balance now */
};

/* Undo records a (bucket, lane) can have unsettled; one a call. */
enum { TS_UNDO_SLOTS = 16, TS_APPLY_ACCOUNTS_MAX = 1000, TS_APPLY_COUNTERS_MAX = 1000 };

struct ts_bucket_answer {
    enum ts_balances_status status;
    int64_t seen_generation;
};

struct ts_load_account {
    struct ts_bytes account_id;
    int64_t balance_micros;
};

struct ts_load_counter {
    struct ts_bytes name; /* ports/counter.h */
    int64_t used;
};

enum ts_progress { TS_PROGRESS_PENDING, TS_PROGRESS_DONE, TS_PROGRESS_FAILED };

struct ts_balances_ops {
    /* Connects anew (closing what was open) and tells which server answered. Fails, class RETRY,
     * when there is none, it is loading or it is a replica. No other call works before. */
    bool (*connect)(void *self, struct ts_balances_identity *out, struct ts_error *err);

    /* create: makes each bucket empty at its generation if it is missing or older. */
    bool (*create)(void *self,
                   const uint32_t *buckets,
                   const int64_t *generations,
                   size_t count,
                   struct ts_error *err);

    /* open: for every bucket: takes back what predecessors of this lane left at or above `next`,
     * and stores the token. answers[TS_BUCKET_COUNT]. */
    bool (*open)(void *self,
                 struct ts_lane lane,
                 int64_t token,
                 int64_t next,
                 const int64_t generations[TS_BUCKET_COUNT],
                 struct ts_bucket_answer answers[TS_BUCKET_COUNT],
                 struct ts_error *err);

    /* apply: sends the calls pipelined; poll reads the answers into them (waiting at most
     * `wait_ms`). FAILED (class RETRY): the connection broke and some answers may be unknown; every
     * unanswered call has status ERROR. One group of calls at a time. The calls and all they point
     * to stay the caller's and must live until poll says DONE or FAILED, or connect is called. */
    bool (*apply_start)(void *self, struct ts_apply *calls, size_t count, struct ts_error *err);
    enum ts_progress (*apply_poll)(void *self, int wait_ms, struct ts_error *err);

    /* load: adds absent accounts and counters only, if the generation is exactly this one. */
    bool (*load)(void *self,
                 uint32_t bucket,
                 int64_t generation,
                 const struct ts_load_account *accounts,
                 size_t count,
                 const struct ts_load_counter *counters,
                 size_t counter_count,
                 struct ts_bucket_answer *answer,
                 struct ts_error *err);
};

struct ts_balances {
    const struct ts_balances_ops *ops;
    void *self;
};

#endif
