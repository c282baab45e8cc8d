/* SPDX-License-Identifier: Apache-2.0 */
/* The truth in PostgreSQL, as one worker needs it: which worker owns a lane and up to where it is
 * settled, the generation of each bucket, accounts, and what was settled. The settle transaction
 * has a header of its own, ports/settle.h.
 *
 * All calls here are short statements on the worker's reading connection and wait for their answer
 * (bounded by the adapter's statement time-out); they may be made while a settle is under way on
 * the writing connection. All fail with class RETRY when the server is away: then connect again. */
#ifndef TS_PORTS_LEDGER_H
#define TS_PORTS_LEDGER_H

#include "base/arena.h"
#include "base/error.h"
#include "core/account.h"
#include "ports/balances.h"
#include "ports/lane.h"
#include "ports/lookup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_claim {
    struct ts_lane lane;
    bool fenced;         /* reopen: somebody else claimed it; the other fields are not set */
    int64_t epoch;       /* ours from now on */
    int64_t next_offset; /* everything below is settled */
    bool has_tail;       /* a record was settled before: */
    uint64_t tail_hash;  /* ts_record_tail_hash of the record at next_offset - 1 */
};

struct ts_bucket_row {
    int64_t generation; /* 0: never registered */
    struct ts_balances_identity identity;
};

struct ts_raise {
    uint32_t bucket;
    int64_t generation;      /* in: the one read, compared and set; out: the one in force now */
    int64_t seen_generation; /* in: what Redis was seen to have, 0 if nothing */
    bool raised;             /* out: false: the race was lost, adopt `generation` */
};

struct ts_profile_request {
    struct ts_bytes account_id;
    bool found;                        /* out */
    struct ts_account_profile profile; /* out, when found; its allowances are in the arena */
};

/* How much of an allowance was used, as far as it is settled. */
struct ts_counter_request {
    int64_t account_no;
    int32_t month; /* yyyymm */
    struct ts_bytes allowance;
    int64_t used; /* out */
};

/* A row of the outbox: a message that is to be told and perhaps was not yet. */
struct ts_outbox_row {
    struct ts_lane lane;
    int64_t offset;     /* of the input that caused it */
    int32_t n;          /* its place among the messages of that input */
    int output;         /* enum ts_output */
    int64_t account_no; /* 0 for dead letters */
    int64_t sequence;   /* of the account; 0 for dead letters */
    struct ts_bytes key;
    struct ts_bytes payload;
};

/* A place in an account's order. */
struct ts_outbox_mark {
    int64_t account_no;
    int64_t sequence;
};

struct ts_outbox_page {
    struct ts_outbox_row *rows; /* in the arena handed in */
    size_t count;
    bool more; /* rows were left out for the page's limit */
};

struct ts_ledger_ops {
    /* Connects both connections anew; a settle under way is given up (its COMMIT may or may not
     * have happened: only a reopen tells). Refuses (FATAL) a schema newer or older than ours. */
    bool (*connect)(void *self, struct ts_error *err);

    /* rows[TS_BUCKET_COUNT] */
    bool (*buckets)(void *self, struct ts_bucket_row rows[TS_BUCKET_COUNT], struct ts_error *err);

    /* For each item, under the exclusive advisory lock and in one transaction: where the generation
     * is still the one read, generation = greatest(+1, seen + 1, now_ms) and the identity is this
     * one; where it is not, tells the one in force. */
    bool (*raise)(void *self,
                  struct ts_raise *items,
                  size_t count,
                  const struct ts_balances_identity *identity,
                  int64_t now_ms,
                  struct ts_error *err);

    /* Claims a lane whoever had it: epoch = greatest(epoch + 1, now_ms). A lane never seen before
     * begins at `first_offset`. Waits for a settle of the former owner that is still running, and
     * ends a session of our own role that blocks it for longer than the claim time-out. */
    bool (*claim)(void *self,
                  struct ts_lane lane,
                  int64_t first_offset,
                  int64_t now_ms,
                  struct ts_claim *out,
                  struct ts_error *err);

    /* Whether the lane has a row yet (a claim needs to know where a new one begins). */
    bool (*known)(void *self, struct ts_lane lane, bool *out, struct ts_error *err);

    /* Reads the bucket rows, then raises the epoch of each lane where it is still `epoch` (in and
     * out of claims[]; fenced where it is not), as two statements in this order. */
    bool (*reopen)(void *self,
                   struct ts_claim *claims,
                   size_t count,
                   int64_t now_ms,
                   struct ts_bucket_row rows[TS_BUCKET_COUNT],
                   struct ts_error *err);

    bool (*profiles)(void *self,
                     struct ts_profile_request *requests,
                     size_t count,
                     struct ts_arena *arena,
                     struct ts_error *err);

    /* Balances for a load, by one statement that also reads the bucket's generation. The ids are
     * those in accounts[], the balances are set; an id that is not found fails with FATAL. */
    bool (*balances)(void *self,
                     uint32_t bucket,
                     struct ts_load_account *accounts,
                     size_t count,
                     int64_t *generation,
                     struct ts_error *err);

    /* The same for counters; what was never used is 0. */
    bool (*counters)(void *self,
                     uint32_t bucket,
                     struct ts_counter_request *requests,
                     size_t count,
                     int64_t *generation,
                     struct ts_error *err);

    bool (*identities)(void *self,
                       struct ts_identity *identities,
                       size_t count,
                       struct ts_error *err);

    bool (*commands)(void *self,
                     struct ts_command_request *requests,
                     size_t count,
                     struct ts_error *err);

    /* Rows as they are now, unlocked: what is decided on them is a guess. An account_no that is not
     * found fails with FATAL. */
    bool (*states)(void *self,
                   int64_t now_ms,
                   struct ts_state_reading *readings,
                   size_t count,
                   struct ts_error *err);

    /* Start times that can be settled now: from the oldest attached leaf to the newest made. */
    bool (*usage_window)(void *self, int64_t *from_ms, int64_t *to_ms, struct ts_error *err);

    /* Outbox rows of the lane with offset in [from, to), by (offset, n), at most `max`. */
    bool (*outbox)(void *self,
                   struct ts_lane lane,
                   int64_t from,
                   int64_t to,
                   size_t max,
                   struct ts_arena *arena,
                   struct ts_outbox_page *out,
                   struct ts_error *err);

    /* Outbox rows of any lane that must be told before others of the same account: for each account
     * of below[] (each once) those with a lower sequence, by (account_no, sequence), only those
     * after `after` in this order, at most `max`. */
    bool (*outbox_older)(void *self,
                         const struct ts_outbox_mark *below,
                         size_t count,
                         struct ts_outbox_mark after,
                         size_t max,
                         struct ts_arena *arena,
                         struct ts_outbox_page *out,
                         struct ts_error *err);

    /* Deletes the lane's outbox rows below the offset: they are told and committed. */
    bool (*outbox_trim)(void *self, struct ts_lane lane, int64_t below, struct ts_error *err);
};

struct ts_ledger {
    const struct ts_ledger_ops *ops;
    void *self;
};

#endif
