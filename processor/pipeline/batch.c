/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/batch.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/poison.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 256 * 1024 };

/* What a batch's arena may hold beyond its messages: calls, undo texts, refusal texts. */
enum { ARENA_EXTRA_PER_RECORD = 4096, ARENA_EXTRA = 4 * 1024 * 1024 };

struct ts_batch_pool {
    struct ts_batch_limits limits;
    size_t slot_count; /* of each batch's account table: a power of two */
    struct ts_batch *batches;
    struct ts_batch *free;
    size_t free_count;
    size_t record_count;
};

static bool make_batch(struct ts_batch_pool *pool, struct ts_batch *batch)
{
    const struct ts_batch_limits *limits = &pool->limits;
    batch->records = calloc(limits->records_max, sizeof *batch->records);
    batch->accounts = calloc(limits->records_max, sizeof *batch->accounts);
    batch->account_slots = calloc(pool->slot_count, sizeof *batch->account_slots);
    ts_arena_init(&batch->arena,
                  ARENA_BLOCK,
                  2 * limits->bytes_max + limits->records_max * ARENA_EXTRA_PER_RECORD +
                      ARENA_EXTRA);
    return batch->records != NULL && batch->accounts != NULL && batch->account_slots != NULL;
}

struct ts_batch_pool *ts_batch_pool_create(const struct ts_batch_limits *limits,
                                           struct ts_error *err)
{
    struct ts_batch_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    pool->limits = *limits;
    for (pool->slot_count = 16; pool->slot_count < 2 * limits->records_max;) {
        pool->slot_count *= 2;
    }
    pool->batches = calloc(limits->pool_size, sizeof *pool->batches);
    for (size_t i = 0; pool->batches != NULL && i < limits->pool_size; i++) {
        if (!make_batch(pool, &pool->batches[i])) {
            ts_batch_pool_destroy(pool);
            ts_error_no_memory(err);
            return NULL;
        }
        pool->batches[i].next = pool->free;
        pool->free = &pool->batches[i];
        pool->free_count++;
    }
    if (pool->batches == NULL) {
        free(pool);
        ts_error_no_memory(err);
        return NULL;
    }
    return pool;
}

void ts_batch_pool_destroy(struct ts_batch_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (size_t i = 0; pool->batches != NULL && i < pool->limits.pool_size; i++) {
        struct ts_batch *batch = &pool->batches[i];
        free(batch->records);
        free(batch->accounts);
        free(batch->account_slots);
        ts_arena_finish(&batch->arena);
    }
    free(pool->batches);
    free(pool);
}

static void empty(struct ts_batch_pool *pool, struct ts_batch *batch)
{
    TS_ASSERT(batch->catalog == NULL);
    ts_arena_reset(&batch->arena);
    if (batch->account_count > 0) {
        memset(batch->account_slots, 0, pool->slot_count * sizeof *batch->account_slots);
    }
    batch->bytes = 0;
    batch->holes = 0;
    batch->record_count = 0;
    batch->account_count = 0;
    batch->prepared = false;
    batch->calls = NULL;
    batch->call_count = 0;
    batch->sent_count = 0;
    batch->call_stamp = 0;
    memset(batch->charged_buckets, 0, sizeof batch->charged_buckets);
}

struct ts_batch *
ts_batch_take(struct ts_batch_pool *pool, struct ts_lane lane, int64_t start, int64_t now_us)
{
    struct ts_batch *batch = pool->free;
    if (batch == NULL) {
        return NULL;
    }
    pool->free = batch->next;
    pool->free_count--;
    batch->next = NULL;
    ts_unpoison(batch->records, pool->limits.records_max * sizeof *batch->records);
    ts_unpoison(batch->accounts, pool->limits.records_max * sizeof *batch->accounts);
    batch->lane = lane;
    batch->start = start;
    batch->end = start;
    batch->opened_us = now_us;
    return batch;
}

void ts_batch_give(struct ts_batch_pool *pool, struct ts_batch *batch)
{
    TS_ASSERT(!batch->tracked && pool->record_count >= batch->record_count);
    pool->record_count -= batch->record_count;
    empty(pool, batch);
    ts_poison(batch->records, pool->limits.records_max * sizeof *batch->records);
    ts_poison(batch->accounts, pool->limits.records_max * sizeof *batch->accounts);
    batch->next = pool->free;
    pool->free = batch;
    pool->free_count++;
}

size_t ts_batch_pool_free(const struct ts_batch_pool *pool)
{
    return pool->free_count;
}

size_t ts_batch_pool_size(const struct ts_batch_pool *pool)
{
    return pool->limits.pool_size;
}

size_t ts_batch_pool_records(const struct ts_batch_pool *pool)
{
    return pool->record_count;
}

static size_t message_size(const struct ts_message *message)
{
    return message->key.size + message->value.size + message->headers.size;
}

bool ts_batch_fits(const struct ts_batch_pool *pool,
                   const struct ts_batch *batch,
                   const struct ts_message *message)
{
    if (batch->record_count == 0) {
        return true;
    }
    return batch->record_count < pool->limits.records_max &&
           batch->bytes + message_size(message) <= pool->limits.bytes_max;
}

bool ts_batch_add(struct ts_batch_pool *pool,
                  struct ts_batch *batch,
                  const struct ts_message *message)
{
    TS_ASSERT(message->offset >= batch->end);
    struct ts_record *record = &batch->records[batch->record_count];
    *record = (struct ts_record){
        .lane = message->lane,
        .offset = message->offset,
        .timestamp_ms = message->timestamp_ms,
        .account = TS_NO_ACCOUNT,
    };
    record->key = ts_arena_copy(&batch->arena, message->key);
    record->value = ts_arena_copy(&batch->arena, message->value);
    record->headers = ts_arena_copy(&batch->arena, message->headers);
    if (record->key.size == SIZE_MAX || record->value.size == SIZE_MAX ||
        record->headers.size == SIZE_MAX) {
        return false;
    }
    batch->holes += message->offset - batch->end;
    batch->end = message->offset + 1;
    batch->bytes += message_size(message);
    batch->record_count++;
    pool->record_count++;
    return true;
}

uint32_t
ts_batch_account(struct ts_batch_pool *pool, struct ts_batch *batch, struct ts_bytes account_id)
{
    TS_ASSERT(account_id.size > 0 && account_id.size <= TS_ACCOUNT_ID_MAX);
    size_t mask = pool->slot_count - 1;
    size_t slot = (size_t)ts_hash64(account_id) & mask;
    for (; batch->account_slots[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t index = batch->account_slots[slot] - 1;
        if (ts_bytes_equal(ts_account_profile_id(&batch->accounts[index].profile), account_id)) {
            return index;
        }
    }
    uint32_t index = (uint32_t)batch->account_count++;
    struct ts_batch_account *account = &batch->accounts[index];
    *account = (struct ts_batch_account){.call = UINT32_MAX};
    memcpy(account->profile.account_id, account_id.data, account_id.size);
    account->profile.account_id_size = (uint8_t)account_id.size;
    batch->account_slots[slot] = index + 1;
    return index;
}

uint64_t ts_record_tail_hash(struct ts_bytes key, struct ts_bytes value, int64_t timestamp_ms)
{
    uint64_t parts[3] = {ts_hash64(key), ts_hash64(value), (uint64_t)timestamp_ms};
    return ts_hash64((struct ts_bytes){(const char *)parts, sizeof parts});
}

void ts_batch_queue_push(struct ts_batch_queue *queue, struct ts_batch *batch)
{
    batch->next = NULL;
    if (queue->last != NULL) {
        queue->last->next = batch;
    } else {
        queue->first = batch;
    }
    queue->last = batch;
    queue->count++;
}

struct ts_batch *ts_batch_queue_pop(struct ts_batch_queue *queue)
{
    struct ts_batch *batch = queue->first;
    if (batch != NULL) {
        queue->first = batch->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
        batch->next = NULL;
        queue->count--;
    }
    return batch;
}

void ts_batch_queue_remove(struct ts_batch_queue *queue, struct ts_batch *batch)
{
    struct ts_batch *before = NULL;
    for (struct ts_batch *at = queue->first; at != batch; at = at->next) {
        before = at;
    }
    if (before == NULL) {
        queue->first = batch->next;
    } else {
        before->next = batch->next;
    }
    if (queue->last == batch) {
        queue->last = before;
    }
    batch->next = NULL;
    queue->count--;
}
