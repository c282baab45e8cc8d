/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: a contiguous run of one lane's records with all the memory they need, and the pool that
 * batches come from and go back to. The pool is made once with its limit: when it is empty, nothing
 * more is read from the source. Per batch memory, no allocation per record. */
#ifndef TS_PIPELINE_BATCH_H
#define TS_PIPELINE_BATCH_H

#include "base/arena.h"
#include "base/buffer.h"
#include "core/account.h"
#include "core/catalog.h"
#include "core/zone.h"
#include "ports/balances.h"
#include "ports/record.h"
#include "ports/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_NO_ACCOUNT = UINT32_MAX };

struct ts_batch_account {
    struct ts_account_profile profile; /* its allowances are in the batch's arena */
    const struct ts_zone *zone;        /* once it was asked for */
    bool found;
    bool cached;         /* the profile may be out of date */
    bool asked;          /* of the ledger, in this pass */
    uint32_t call;       /* scratch of the charge stage: the stamp of the call that names it, … */
    uint32_t call_index; /* … where, */
    uint32_t call_counters; /* … and one of its counters there: index + 1, 0 for none */
};

struct ts_batch_limits {
    size_t records_max;
    size_t bytes_max; /* of the messages as received */
    size_t pool_size;
};

struct ts_batch {
    struct ts_batch *next; /* in whichever queue it is */
    struct ts_lane lane;
    int64_t start; /* first offset covered, holes included */
    int64_t end;   /* last record + 1 */
    int64_t holes;
    int64_t opened_us; /* monotonic */
    int64_t charge_started_us;
    size_t bytes;
    struct ts_record *records;
    size_t record_count;
    struct ts_batch_account *accounts; /* distinct, in order of appearance */
    size_t account_count;
    uint32_t *account_slots;          /* open addressing over accounts[], index + 1 */
    const struct ts_catalog *catalog; /* held while the batch is rated and unsettled */
    bool prepared;
    bool tracked; /* its identities are in the worker's table of unsettled ones */

    struct ts_apply *calls; /* in the arena, as all they point to */
    size_t call_count;
    size_t sent_count;   /* of them are under way: the first ones */
    uint32_t call_stamp; /* of the call that is being composed */
    uint64_t charged_buckets[TS_BUCKET_COUNT / 64];

    struct ts_arena arena;
};

struct ts_batch_pool;

struct ts_batch_pool *ts_batch_pool_create(const struct ts_batch_limits *limits,
                                           struct ts_error *err);
void ts_batch_pool_destroy(struct ts_batch_pool *pool);

/* NULL when all are in use. The batch is empty and begins at `start`. */
struct ts_batch *
ts_batch_take(struct ts_batch_pool *pool, struct ts_lane lane, int64_t start, int64_t now_us);
void ts_batch_give(struct ts_batch_pool *pool, struct ts_batch *batch);
size_t ts_batch_pool_free(const struct ts_batch_pool *pool);
size_t ts_batch_pool_size(const struct ts_batch_pool *pool);
size_t ts_batch_pool_records(const struct ts_batch_pool *pool); /* in all that are in use */

/* True when another message of this size may be added. A message larger than bytes_max fits into an
 * empty batch, so that it can be told to be too large. */
bool ts_batch_fits(const struct ts_batch_pool *pool,
                   const struct ts_batch *batch,
                   const struct ts_message *message);

/* Copies the message in; the offsets it skipped count as holes. False when out of memory. */
bool ts_batch_add(struct ts_batch_pool *pool,
                  struct ts_batch *batch,
                  const struct ts_message *message);

/* The index of the account with this id among the batch's, added (found = false) when new. */
uint32_t
ts_batch_account(struct ts_batch_pool *pool, struct ts_batch *batch, struct ts_bytes account_id);

/* Hash of a record as it stands in the log, to know a lane's tail again (tail_hash). */
uint64_t ts_record_tail_hash(struct ts_bytes key, struct ts_bytes value, int64_t timestamp_ms);

/* First in, first out. */
struct ts_batch_queue {
    struct ts_batch *first;
    struct ts_batch *last;
    size_t count;
};
void ts_batch_queue_push(struct ts_batch_queue *queue, struct ts_batch *batch);
struct ts_batch *ts_batch_queue_pop(struct ts_batch_queue *queue);
/* Takes it out, wherever it is in the queue. */
void ts_batch_queue_remove(struct ts_batch_queue *queue, struct ts_batch *batch);

#endif
