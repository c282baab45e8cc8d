/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "pipeline/batch.h"

#include <stdio.h>
#include <string.h>

static const struct ts_lane lane = {TS_INPUT_CDRS, 3};

static struct ts_batch_pool *create(size_t records_max, size_t bytes_max, size_t pool_size)
{
    struct ts_error err;
    struct ts_batch_pool *pool = ts_batch_pool_create(
        &(struct ts_batch_limits){
            .records_max = records_max, .bytes_max = bytes_max, .pool_size = pool_size},
        &err);
    assert_non_null(pool);
    return pool;
}

static struct ts_message message_at(int64_t offset, struct ts_bytes value)
{
    return (struct ts_message){.lane = lane,
                               .offset = offset,
                               .timestamp_ms = 1000 + offset,
                               .key = TS_LITERAL("key"),
                               .value = value};
}

static void test_pool(void **state)
{
    (void)state;
    struct ts_batch_pool *pool = create(10, 1000, 3);
    struct ts_batch *batches[3];
    assert_int_equal(ts_batch_pool_size(pool), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ts_batch_pool_free(pool), 3 - i);
        batches[i] = ts_batch_take(pool, lane, 100, 5);
        assert_non_null(batches[i]);
        assert_int_equal(batches[i]->record_count, 0);
    }
    assert_null(ts_batch_take(pool, lane, 100, 5));
    ts_batch_give(pool, batches[1]);
    assert_ptr_equal(ts_batch_take(pool, lane, 200, 6), batches[1]);
    assert_int_equal(batches[1]->start, 200);
    ts_batch_pool_destroy(pool);
}

/* It covers every offset from its start to its last record; what was skipped counts as holes. */
static void test_add(void **state)
{
    (void)state;
    struct ts_batch_pool *pool = create(10, 1000, 1);
    struct ts_batch *batch = ts_batch_take(pool, lane, 100, 0);
    char value[] = "value";
    struct ts_message first = message_at(102, ts_bytes_of(value));
    struct ts_message second = message_at(103, (struct ts_bytes){NULL, 0});
    struct ts_message third = message_at(110, TS_LITERAL(""));
    assert_true(ts_batch_add(pool, batch, &first));
    assert_true(ts_batch_add(pool, batch, &second));
    assert_true(ts_batch_add(pool, batch, &third));
    memset(value, 'x', sizeof value); /* the message is gone after the next poll */
    assert_int_equal(batch->start, 100);
    assert_int_equal(batch->end, 111);
    assert_int_equal(batch->holes, 2 + 6);
    assert_int_equal(batch->record_count, 3);
    assert_int_equal(batch->bytes, 3 * 3 + 5);
    assert_true(ts_bytes_equal_text(batch->records[0].value, "value"));
    assert_true(ts_bytes_equal_text(batch->records[0].key, "key"));
    assert_int_equal(batch->records[0].timestamp_ms, 1102);
    assert_null(batch->records[1].value.data); /* a tombstone is not an empty value */
    assert_non_null(batch->records[2].value.data);
    assert_true(batch->records[2].account == TS_NO_ACCOUNT);
    ts_batch_pool_destroy(pool);
}

static void test_limits(void **state)
{
    (void)state;
    static char large[2000];
    struct ts_batch_pool *pool = create(2, 100, 1);
    struct ts_batch *batch = ts_batch_take(pool, lane, 0, 0);
    struct ts_message beyond = message_at(0, (struct ts_bytes){large, sizeof large});
    struct ts_message fits = message_at(0, (struct ts_bytes){large, 97});
    struct ts_message small = message_at(1, TS_LITERAL(""));
    assert_true(ts_batch_fits(pool, batch, &beyond)); /* or it could never be told */
    assert_true(ts_batch_add(pool, batch, &beyond));
    assert_false(ts_batch_fits(pool, batch, &small));
    ts_batch_give(pool, batch);
    batch = ts_batch_take(pool, lane, 0, 0);
    assert_true(ts_batch_add(pool, batch, &fits)); /* 100 bytes with its key */
    assert_false(ts_batch_fits(pool, batch, &small));
    ts_batch_give(pool, batch);
    batch = ts_batch_take(pool, lane, 0, 0);
    fits = message_at(0, (struct ts_bytes){large, 90});
    assert_true(ts_batch_add(pool, batch, &fits));
    assert_true(ts_batch_fits(pool, batch, &small));
    assert_true(ts_batch_add(pool, batch, &small));
    small.offset = 2;
    small.key = TS_LITERAL("");
    assert_false(ts_batch_fits(pool, batch, &small)); /* two records */
    ts_batch_pool_destroy(pool);
}

/* Each account once, in order of appearance; and none of them is left for the next batch. */
static void test_accounts(void **state)
{
    (void)state;
    enum { ACCOUNTS = 50 };
    struct ts_batch_pool *pool = create(ACCOUNTS, 1000, 1);
    for (int round = 0; round < 3; round++) {
        struct ts_batch *batch = ts_batch_take(pool, lane, 0, 0);
        for (int i = 0; i < 4 * ACCOUNTS; i++) {
            char id[16];
            snprintf(id, sizeof id, "%d-%d", round, i % ACCOUNTS);
            uint32_t index = ts_batch_account(pool, batch, ts_bytes_of(id));
            assert_int_equal(index, i % ACCOUNTS);
            assert_true(
                ts_bytes_equal_text(ts_account_profile_id(&batch->accounts[index].profile), id));
            assert_false(batch->accounts[index].found);
        }
        assert_int_equal(batch->account_count, ACCOUNTS);
        ts_batch_give(pool, batch);
    }
    ts_batch_pool_destroy(pool);
}

/* Of key, value and time each by itself, not of all their bytes in a row. */
static void test_tail_hash(void **state)
{
    (void)state;
    struct ts_bytes key = TS_LITERAL("k");
    struct ts_bytes value = TS_LITERAL("v");
    uint64_t hash = ts_record_tail_hash(key, value, 7);
    assert_true(hash == ts_record_tail_hash(TS_LITERAL("k"), TS_LITERAL("v"), 7));
    assert_false(hash == ts_record_tail_hash(key, value, 8));
    assert_false(hash == ts_record_tail_hash(value, key, 7));
    assert_false(hash == ts_record_tail_hash(TS_LITERAL("kv"), TS_LITERAL(""), 7));
}

static void test_queue(void **state)
{
    (void)state;
    struct ts_batch batches[3] = {0};
    struct ts_batch_queue queue = {0};
    assert_null(ts_batch_queue_pop(&queue));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            ts_batch_queue_push(&queue, &batches[i]);
        }
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(queue.count, 3 - i);
            assert_ptr_equal(ts_batch_queue_pop(&queue), &batches[i]);
            assert_null(batches[i].next);
        }
        assert_null(ts_batch_queue_pop(&queue));
        assert_null(queue.first);
        assert_null(queue.last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_tail_hash),
        cmocka_unit_test(test_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
