/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit and the commands read, and the deck cache. */
#include "tests/unit/adapters/redis/balances_fixture.h"

#include "adapters/redis/deck_cache.h"
#include "adapters/redis/reader.h"
#include "base/hash.h"

static struct fixture fixture;
static struct ts_redis_reader *reader;

static int start(void **state)
{
    (void)state;
    if (!fixture_start(&fixture, NULL)) {
        return -1;
    }
    struct ts_redis_options options = {.url = fixture.server.url};
    reader = ts_redis_reader_create(&options, &fixture.err);
    return reader == NULL ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    ts_redis_reader_destroy(reader);
    fixture_stop(&fixture);
    return 0;
}

static int reset(void **state)
{
    (void)state;
    fixture_reset(&fixture);
    return 0;
}

static void one_balance(void **state)
{
    (void)state;
    struct ts_bytes id = TS_LITERAL("office 7");
    struct ts_redis_balance balance;
    uint32_t bucket = ts_account_bucket(id);
    assert_true(ts_redis_reader_balance(reader, id, &balance, &fixture.err));
    assert_int_equal(balance.generation, GENERATION);
    assert_false(balance.present);
    assert_int_equal(fixture_load(&fixture, bucket, "office 7", -9000000000000000), TS_BALANCES_OK);
    assert_true(ts_redis_reader_balance(reader, id, &balance, &fixture.err));
    assert_true(balance.present);
    assert_int_equal(balance.balance_micros, -9000000000000000);

    freeReplyObject(redisCommand(fixture.redis, "HSET {b%u} %s %s", bucket, "a:office 7", "12x"));
    assert_false(ts_redis_reader_balance(reader, id, &balance, &fixture.err));
    assert_int_equal(fixture.err.class, TS_ERROR_REJECT);

    fixture_do(&fixture, "FLUSHALL");
    assert_true(ts_redis_reader_balance(reader, id, &balance, &fixture.err));
    assert_int_equal(balance.generation, 0);
    assert_false(balance.present);
}

struct seen {
    int accounts;
    int lanes;
    int64_t balance;
    int64_t unsettled; /* of offsets from 101 on */
    int64_t used;
    int64_t unsettled_units;
    struct ts_redis_lane_state state;
};

static void see_account(void *context, struct ts_bytes account_id, int64_t balance_micros)
{
    struct seen *seen = context;
    seen->accounts++;
    if (ts_bytes_equal_text(account_id, "ann")) {
        seen->balance = balance_micros;
    }
}

static void see_lane(void *context, const struct ts_redis_lane_state *state)
{
    struct seen *seen = context;
    seen->lanes++;
    seen->state = *state;
}

static void see_undo(void *context,
                     struct ts_lane of,
                     int64_t offset,
                     struct ts_bytes account_id,
                     int64_t delta_micros)
{
    struct seen *seen = context;
    assert_true(ts_lane_equal(of, lane));
    assert_true(ts_bytes_equal_text(account_id, "ann"));
    seen->unsettled += offset >= 101 ? delta_micros : 0;
}

static void see_counter(void *context, struct ts_bytes name, int64_t used)
{
    struct seen *seen = context;
    assert_true(ts_bytes_equal_text(name, "202611:3:annfree minutes"));
    seen->used = used;
}

static void see_undo_counter(
    void *context, struct ts_lane of, int64_t offset, struct ts_bytes name, int64_t units)
{
    struct seen *seen = context;
    assert_true(ts_lane_equal(of, lane));
    assert_true(ts_bytes_equal_text(name, "202611:3:annfree minutes"));
    seen->unsettled_units += offset >= 101 ? units : 0;
}

static void a_whole_bucket(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct ts_redis_bucket_visitor visitor = {.account = see_account,
                                              .counter = see_counter,
                                              .lane = see_lane,
                                              .undo = see_undo,
                                              .undo_counter = see_undo_counter,
                                              .context = &seen};
    enum ts_balances_status status;
    int64_t generation = 0;
    assert_int_equal(fixture_load(&fixture, 7, "ann", 100), TS_BALANCES_OK);
    assert_int_equal(fixture_load(&fixture, 7, "bob", 1), TS_BALANCES_OK);
    for (int64_t offset = 100; offset < 103; offset++) {
        assert_int_equal(fixture_charge(&fixture, TOKEN, offset, &status), TS_PROGRESS_DONE);
        assert_int_equal(status, TS_BALANCES_OK);
    }
    assert_true(ts_redis_reader_bucket(reader, 7, &visitor, &generation, &fixture.err));
    assert_int_equal(generation, GENERATION);
    assert_int_equal(seen.accounts, 2);
    assert_int_equal(seen.balance, 70);
    assert_int_equal(seen.unsettled, -20);
    assert_int_equal(seen.lanes, 1);
    assert_true(ts_lane_equal(seen.state.lane, lane));
    assert_int_equal(seen.state.token, TOKEN);
    assert_int_equal(seen.state.applied, 102);
    assert_int_equal(seen.state.floor, 100);

    const char *undo = "100 101 100 60 n24 202611:3:annfree minutes\n"
                       "101 9 n24 202611:3:annfree minutes\n";
    const char *field = "n:202611:3:annfree minutes";
    freeReplyObject(redisCommand(fixture.redis, "HSET {b7} %s 69 u:c3:8 %s", field, undo));
    assert_true(ts_redis_reader_bucket(reader, 7, &visitor, &generation, &fixture.err));
    assert_int_equal(seen.used, 69);
    assert_int_equal(seen.unsettled_units, 9);

    const char *back = "101 102 101 -12 n24 202611:3:annfree minutes\n";
    freeReplyObject(redisCommand(fixture.redis, "HSET {b7} %s -3 u:c3:8 %s", field, back));
    seen.unsettled_units = 0;
    assert_true(ts_redis_reader_bucket(reader, 7, &visitor, &generation, &fixture.err));
    assert_int_equal(seen.used, -3);
    assert_int_equal(seen.unsettled_units, -12);

    fixture_do(&fixture, "HSET {b7} u:c3:9 junk");
    assert_false(ts_redis_reader_bucket(reader, 7, &visitor, &generation, &fixture.err));
    assert_int_equal(fixture.err.class, TS_ERROR_REJECT);
    assert_non_null(strstr(fixture.err.text, "u:c3:9"));

    seen = (struct seen){0};
    fixture_do(&fixture, "DEL {b7}");
    assert_true(ts_redis_reader_bucket(reader, 7, &visitor, &generation, &fixture.err));
    assert_int_equal(generation, 0);
    assert_int_equal(seen.accounts + seen.lanes, 0);
}

static void the_reader_connects_again(void **state)
{
    (void)state;
    struct ts_redis_balance balance;
    struct ts_bytes id = TS_LITERAL("ann");
    assert_true(ts_redis_reader_balance(reader, id, &balance, &fixture.err));
    fixture_do(&fixture, "CLIENT KILL TYPE normal SKIPME yes");
    assert_false(ts_redis_reader_balance(reader, id, &balance, &fixture.err));
    assert_int_equal(fixture.err.class, TS_ERROR_RETRY);
    assert_true(ts_redis_reader_balance(reader, id, &balance, &fixture.err));
}

static void decks_are_checked_by_their_hash(void **state)
{
    (void)state;
    struct ts_redis_options options = {.url = fixture.server.url};
    struct ts_redis_deck_cache *cache = ts_redis_deck_cache_create(&options, &fixture.err);
    struct ts_bytes deck = TS_LITERAL("prefix,rate\r\n*,0.01\r\n");
    struct ts_buffer content;
    bool found = true;
    ts_buffer_init(&content, 1024);
    assert_true(ts_redis_deck_cache_get(cache, 5, ts_hash64(deck), &content, &found, &fixture.err));
    assert_false(found);
    assert_true(ts_redis_deck_cache_put(cache, 5, deck, &fixture.err));
    assert_true(ts_redis_deck_cache_get(cache, 5, ts_hash64(deck), &content, &found, &fixture.err));
    assert_true(found);
    assert_true(ts_bytes_equal(ts_buffer_bytes(&content), deck));
    ts_buffer_clear(&content);
    assert_true(
        ts_redis_deck_cache_get(cache, 5, ts_hash64(deck) + 1, &content, &found, &fixture.err));
    assert_false(found);
    fixture_do(&fixture, "SETRANGE deck:5 3 X"); /* torn */
    assert_true(ts_redis_deck_cache_get(cache, 5, ts_hash64(deck), &content, &found, &fixture.err));
    assert_false(found);
    assert_int_equal(content.size, 0);
    ts_buffer_finish(&content);
    ts_redis_deck_cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_balance, reset),
        cmocka_unit_test_setup(a_whole_bucket, reset),
        cmocka_unit_test_setup(the_reader_connects_again, reset),
        cmocka_unit_test_setup(decks_are_checked_by_their_hash, reset),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
