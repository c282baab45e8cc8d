/* SPDX-License-Identifier: Apache-2.0 */
/* A call of an account whose rate plan is newer than the snapshot that is loaded. */
#include "tests/unit/core/rating_fixture.h"
#include "tests/unit/unit.h"

#include "pipeline/stages.h"

#include <stdarg.h>
#include <string.h>

enum { SECOND_US = 1000000, PLAN = 1, OTHER_PLAN = 2 };

static const char deck[] = "prefix,rate\n*,0.6";

static int64_t now_us;
static const struct ts_catalog *loaded;
static int held;  /* of the catalogs handed out */
static int asked; /* profiles */

static int64_t wall_ms(void *self)
{
    (void)self;
    return fixture_ms("2026-01-03T00:00:00Z");
}

static int64_t mono_us(void *self)
{
    (void)self;
    return now_us;
}

static const struct ts_catalog *acquire(void *self)
{
    (void)self;
    held++;
    return loaded;
}

static void release(void *self, const struct ts_catalog *catalog)
{
    (void)self;
    (void)catalog;
    held--;
}

static bool decode_cdr(void *self, struct ts_bytes value, struct ts_cdr *out, struct ts_error *err)
{
    (void)self;
    (void)err;
    *out = fixture_call(60);
    out->cdr_id = value;
    out->disposition = TS_DISPOSITION_ANSWERED;
    return true;
}

static bool profiles(void *self,
                     struct ts_profile_request *requests,
                     size_t count,
                     struct ts_arena *arena,
                     struct ts_error *err)
{
    (void)self;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        struct ts_allowances *allowances = ts_arena_take(arena, ts_allowances_size(1));
        allowances->count = 0;
        requests[i].found = true;
        requests[i].profile = (struct ts_account_profile){.account_no = 1,
                                                          .account_id = "a",
                                                          .account_id_size = 1,
                                                          .country = "US",
                                                          .timezone = "UTC",
                                                          .rate_plan = PLAN,
                                                          .allowances = allowances};
        asked++;
    }
    return true;
}

static bool identities(void *self, struct ts_identity *items, size_t count, struct ts_error *err)
{
    (void)self;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        items[i].status = TS_IDENTITY_ABSENT;
    }
    return true;
}

static bool usage_window(void *self, int64_t *from_ms, int64_t *to_ms, struct ts_error *err)
{
    (void)self;
    (void)err;
    *from_ms = 0;
    *to_ms = INT64_MAX;
    return true;
}

static void say(void *self, enum ts_level level, const char *event, const char *format, ...)
{
    (void)self;
    (void)level;
    (void)event;
    (void)format;
}

static struct ts_worker worker;
static struct ts_lane_state lane = {.id = {TS_INPUT_CDRS, 0}};
static struct fixture before; /* without the plan */
static struct fixture after;

static int set_up(void **state)
{
    static const struct ts_clock_ops clock = {.wall_ms = wall_ms, .mono_us = mono_us};
    static const struct ts_rates_ops rates = {.acquire = acquire, .release = release};
    static const struct ts_codec_ops codec = {.decode_cdr = decode_cdr};
    static const struct ts_ledger_ops ledger = {
        .profiles = profiles, .identities = identities, .usage_window = usage_window};
    static const struct ts_observer_ops observer = {.say = say};
    struct ts_error err = {0};
    (void)state;
    fixture_init(&before, NULL);
    assert_true(fixture_plan(&before, OTHER_PLAN, "other", ""));
    assert_true(fixture_build(&before));
    fixture_simple(&after, NULL, "", deck);
    worker.ports.clock.ops = &clock;
    worker.ports.rates.ops = &rates;
    worker.ports.codec.ops = &codec;
    worker.ports.ledger.ops = &ledger;
    worker.ports.observer.ops = &observer;
    worker.options.duration_tolerance_ms = 2000;
    worker.lanes[0] = &lane;
    worker.lane_count = 1;
    worker.pool = ts_batch_pool_create(
        &(struct ts_batch_limits){.records_max = 10, .bytes_max = 1000, .pool_size = 1}, &err);
    worker.accounts = ts_account_cache_create(16, &err);
    worker.identities = ts_identities_create(100, 100, &err);
    return worker.pool == NULL || worker.accounts == NULL || worker.identities == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    ts_identities_destroy(worker.identities);
    ts_account_cache_destroy(worker.accounts);
    ts_batch_pool_destroy(worker.pool);
    fixture_finish(&before);
    fixture_finish(&after);
    return 0;
}

static struct ts_batch *two_calls(void)
{
    struct ts_batch *batch = ts_batch_take(worker.pool, lane.id, 0, 0);
    const struct ts_message messages[] = {
        {.lane = lane.id, .offset = 0, .value = TS_LITERAL("call-1")},
        {.lane = lane.id, .offset = 1, .value = TS_LITERAL("call-2")}};
    assert_true(ts_batch_add(worker.pool, batch, &messages[0]));
    assert_true(ts_batch_add(worker.pool, batch, &messages[1]));
    return batch;
}

/* Its batch waits for the next snapshot, and takes no memory for that; nothing else is held up. */
static void test_plan_that_is_not_loaded(void **state)
{
    (void)state;
    struct ts_batch *batch = two_calls();
    loaded = before.catalog;
    now_us = SECOND_US;
    assert_int_equal(ts_worker_prepare(&worker, batch), TS_PREPARE_LATER);
    size_t taken = batch->arena.size;
    for (int i = 0; i < 500; i++) {
        now_us += SECOND_US / 10;
        assert_int_equal(ts_worker_prepare(&worker, batch), TS_PREPARE_LATER);
        assert_int_equal(batch->arena.size, taken);
        assert_int_equal(held, 0); /* the next one may be another */
        assert_null(batch->catalog);
        assert_int_equal(asked, 1);
    }
    loaded = after.catalog;
    assert_int_equal(ts_worker_prepare(&worker, batch),
                     TS_PREPARE_LATER); /* not before it is due */
    now_us += SECOND_US / 10;
    assert_int_equal(ts_worker_prepare(&worker, batch), TS_PREPARED);
    assert_int_equal(asked, 2); /* the row may have changed meanwhile */
    assert_true(batch->prepared && held == 1);
    for (size_t i = 0; i < batch->record_count; i++) {
        assert_int_equal(batch->records[i].outcome, TS_OUTCOME_SETTLED);
        assert_int_equal(batch->records[i].rating.charge_micros, 600000);
    }
    assert_int_equal(lane.plan_wait_us, 0);
    ts_worker_discard(&worker, batch);
    assert_int_equal(held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plan_that_is_not_loaded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
