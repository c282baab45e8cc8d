/* SPDX-License-Identifier: Apache-2.0 */
/* What the port promises, on a healthy server. */
#include "tests/unit/adapters/redis/balances_fixture.h"

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    const char *extra[] = {"--enable-debug-command", "local", NULL};
    return fixture_start(&fixture, extra) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static int reset(void **state)
{
    (void)state;
    fixture_reset(&fixture);
    return 0;
}

static void connect_tells_which_server_it_is(void **state)
{
    (void)state;
    struct ts_balances_identity first;
    struct ts_balances_identity second;
    assert_true(fixture.port.ops->connect(fixture.port.self, &first, &fixture.err));
    assert_true(fixture.port.ops->connect(fixture.port.self, &second, &fixture.err));
    assert_int_equal(strlen(first.run_id), 40);
    assert_int_equal(strlen(first.replication_id), 40);
    assert_string_equal(first.run_id, second.run_id);
}

static void nothing_works_before_connect(void **state)
{
    (void)state;
    struct ts_redis_options options = {.url = fixture.server.url};
    struct ts_error err = {0};
    struct ts_redis_balances *balances = ts_redis_balances_create(&options, &err);
    struct ts_balances port = ts_redis_balances_port(balances);
    uint32_t bucket = 1;
    int64_t generation = 1;
    assert_false(port.ops->create(port.self, &bucket, &generation, 1, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(err.text, "not connected"));
    ts_redis_balances_destroy(balances);
}

static void open_answers_for_each_bucket(void **state)
{
    (void)state;
    fixture_do(&fixture, "DEL {b9}");
    fixture_do(&fixture, "HSET {b10} g 1001");
    fixture_do(&fixture, "HSET {b11} g 999");
    fixture_do(&fixture, "HSET {b12} t:c3 99");
    assert_true(fixture_open(&fixture, TOKEN + 1, 100));
    for (int i = 0; i < TS_BUCKET_COUNT; i++) {
        const struct ts_bucket_answer *answer = &fixture.answers[i];
        enum ts_balances_status expected = i == 9 || i == 11 ? TS_BALANCES_LOST
                                           : i == 10         ? TS_BALANCES_STALE
                                           : i == 12         ? TS_BALANCES_FENCED
                                                             : TS_BALANCES_OK;
        assert_int_equal(answer->status, expected);
    }
    assert_int_equal(fixture.answers[9].seen_generation, 0);
    assert_int_equal(fixture.answers[10].seen_generation, 1001);
    assert_int_equal(fixture.answers[11].seen_generation, 999);
}

static void a_group_charges_all_buckets(void **state)
{
    (void)state;
    static struct ts_apply calls[TS_BUCKET_COUNT];
    static struct ts_apply_account accounts[TS_BUCKET_COUNT];
    static struct ts_buffer undo[TS_BUCKET_COUNT];
    for (uint32_t i = 0; i < TS_BUCKET_COUNT; i++) {
        assert_int_equal(fixture_load(&fixture, i, "ann", 1000), TS_BALANCES_OK);
        accounts[i] = (struct ts_apply_account){TS_LITERAL("ann"), -(int64_t)i, false};
        ts_buffer_init(&undo[i], 4096);
        calls[i] = one_charge(&undo[i], &accounts[i], i, 100 + i);
    }
    assert_int_equal(fixture_apply(&fixture, calls, TS_BUCKET_COUNT), TS_PROGRESS_DONE);
    for (uint32_t i = 0; i < TS_BUCKET_COUNT; i++) {
        assert_int_equal(calls[i].status, TS_BALANCES_OK);
        assert_int_equal(fixture_balance(&fixture, i, "ann"), 1000 - (int64_t)i);
    }
    /* The same batch again: refused whole. */
    assert_int_equal(fixture_apply(&fixture, calls, TS_BUCKET_COUNT), TS_PROGRESS_DONE);
    for (uint32_t i = 0; i < TS_BUCKET_COUNT; i++) {
        assert_int_equal(calls[i].status, TS_BALANCES_REOPEN);
    }
    /* Settled up to 150: what is above comes back, and can be charged again. */
    assert_true(fixture_open(&fixture, TOKEN + 1, 150));
    for (uint32_t i = 0; i < TS_BUCKET_COUNT; i++) {
        assert_int_equal(fixture_balance(&fixture, i, "ann"), i < 50 ? 1000 - (int64_t)i : 1000);
        calls[i].token = TOKEN + 1;
        calls[i].committed = 150;
    }
    assert_int_equal(fixture_apply(&fixture, calls, TS_BUCKET_COUNT), TS_PROGRESS_DONE);
    for (uint32_t i = 0; i < TS_BUCKET_COUNT; i++) {
        assert_int_equal(calls[i].status, i < 50 ? TS_BALANCES_REOPEN : TS_BALANCES_OK);
        assert_int_equal(fixture_balance(&fixture, i, "ann"), 1000 - (int64_t)i);
        ts_buffer_finish(&undo[i]);
    }
}

static void an_empty_group_is_done(void **state)
{
    (void)state;
    assert_int_equal(fixture_apply(&fixture, NULL, 0), TS_PROGRESS_DONE);
}

static void refusals_come_back_with_their_facts(void **state)
{
    (void)state;
    struct ts_buffer undo;
    ts_buffer_init(&undo, 4096);
    struct ts_apply_account accounts[] = {{TS_LITERAL("ann"), -1, true},
                                          {TS_LITERAL("bob"), -9000000000000000, false},
                                          {TS_LITERAL("eve"), -1, true}};
    struct ts_apply call = one_charge(&undo, accounts, 7, 100);
    call.account_count = 3;
    assert_int_equal(fixture_load(&fixture, 7, "ann", 1), TS_BALANCES_OK);
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_LOAD);
    assert_false(accounts[0].absent);
    assert_true(accounts[1].absent);
    assert_true(accounts[2].absent);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 1);

    assert_int_equal(fixture_load(&fixture, 7, "bob", -5), TS_BALANCES_OK);
    assert_int_equal(fixture_load(&fixture, 7, "eve", 0), TS_BALANCES_OK);
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_RANGE);
    assert_int_equal(call.overflow, 1);
    assert_int_equal(call.overflow_balance, -5);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 1);

    accounts[1].delta_micros = -1;
    call.generation = GENERATION + 5;
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_LOST);
    assert_int_equal(call.seen_generation, GENERATION);
    call.generation = GENERATION - 5;
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_STALE);
    assert_int_equal(call.seen_generation, GENERATION);

    call.generation = GENERATION;
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_OK);
    call.first = call.last = 101;
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_FULL);
    ts_buffer_finish(&undo);
}

static void a_zombie_is_fenced(void **state)
{
    (void)state;
    struct ts_redis_options options = {.url = fixture.server.url};
    struct fixture taker = fixture;
    taker.balances = ts_redis_balances_create(&options, &taker.err);
    taker.port = ts_redis_balances_port(taker.balances);
    enum ts_balances_status status;
    assert_int_equal(fixture_load(&fixture, 7, "ann", 100), TS_BALANCES_OK);
    assert_int_equal(fixture_charge(&fixture, TOKEN, 100, &status), TS_PROGRESS_DONE);
    assert_int_equal(status, TS_BALANCES_OK);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 90);

    assert_true(fixture_connect(&taker));
    assert_true(fixture_open(&taker, TOKEN + 1, 100));
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 100);
    assert_int_equal(fixture_charge(&fixture, TOKEN, 101, &status), TS_PROGRESS_DONE);
    assert_int_equal(status, TS_BALANCES_FENCED);
    assert_true(fixture_open(&fixture, TOKEN, 100));
    assert_int_equal(fixture.answers[7].status, TS_BALANCES_FENCED);
    assert_int_equal(fixture_charge(&taker, TOKEN + 1, 100, &status), TS_PROGRESS_DONE);
    assert_int_equal(status, TS_BALANCES_OK);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 90);
    ts_redis_balances_destroy(taker.balances);
}

/* ---- counters */

static void counters_are_loaded_believed_and_taken_back(void **state)
{
    (void)state;
    struct ts_buffer undo;
    ts_buffer_init(&undo, 4096);
    assert_int_equal(fixture_load(&fixture, 7, "ann", 100), TS_BALANCES_OK);
    struct ts_apply_account ann = {.account_id = TS_LITERAL("ann"), .delta_micros = -10};
    struct ts_apply_counter counters[] = {
        {.name = TS_LITERAL("202611:3:annfirst"), .before = 3, .after = 5},
        {.name = TS_LITERAL("202611:3:annsecond"), .before = 0, .after = 0},
    };
    struct ts_apply call = one_charge(&undo, &ann, 7, 100);
    for (size_t i = 0; i < 2; i++) {
        int64_t units = counters[i].after - counters[i].before;
        ts_undo_append(
            &undo,
            &(struct ts_undo_item){.offset = 100, .counter = counters[i].name, .units = units});
    }
    call.undo = ts_buffer_bytes(&undo);
    call.counters = counters;
    call.counter_count = 2;
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_LOAD);
    assert_false(ann.absent);
    assert_true(counters[0].absent && counters[1].absent);

    const struct ts_load_counter loaded[] = {{counters[0].name, 40}, {counters[1].name, 0}};
    struct ts_bucket_answer answer = {.status = TS_BALANCES_ERROR};
    assert_true(fixture.port.ops->load(
        fixture.port.self, 7, GENERATION, NULL, 0, loaded, 2, &answer, &fixture.err));
    assert_int_equal(answer.status, TS_BALANCES_OK);
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_ALLOWANCE);
    assert_int_equal(counters[0].used, 40);
    assert_int_equal(counters[1].used, 0);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 100);

    counters[0].before = 40;
    counters[0].after = 42;
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_OK);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 90);
    assert_true(fixture_open(&fixture, TOKEN + 1, 100));
    call.token = TOKEN + 1; /* believed as before the charge: so it is again */
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_OK);
    ts_buffer_finish(&undo);
}

static bool open_adjustments(int64_t token, int64_t next)
{
    const struct ts_lane adjustments = {TS_INPUT_ADJUSTMENTS, 3};
    int64_t generations[TS_BUCKET_COUNT];
    for (int i = 0; i < TS_BUCKET_COUNT; i++) {
        generations[i] = GENERATION;
    }
    return fixture.port.ops->open(fixture.port.self,
                                  adjustments,
                                  token,
                                  next,
                                  generations,
                                  fixture.answers,
                                  &fixture.err) &&
           fixture.answers[7].status == TS_BALANCES_OK;
}

/* Units that an adjustment gives back go below what is used; and so may what is used below 0. */
static void units_are_given_back_and_taken_back(void **state)
{
    (void)state;
    struct ts_buffer undo;
    ts_buffer_init(&undo, 4096);
    const struct ts_load_counter loaded[] = {{TS_LITERAL("202611:3:annfirst"), -4}};
    struct ts_bucket_answer answer = {.status = TS_BALANCES_ERROR};
    const struct ts_load_account account = {TS_LITERAL("ann"), 100};
    assert_true(fixture.port.ops->load(
        fixture.port.self, 7, GENERATION, &account, 1, loaded, 1, &answer, &fixture.err));
    assert_true(open_adjustments(TOKEN, 100));
    struct ts_apply_account ann = {.account_id = account.account_id, .delta_micros = 25};
    struct ts_apply_counter counter = {.name = loaded[0].name, .before = 0, .after = -60};
    struct ts_apply call = one_charge(&undo, &ann, 7, 100);
    ts_undo_append(&undo,
                   &(struct ts_undo_item){.offset = 100, .counter = counter.name, .units = -60});
    call.undo = ts_buffer_bytes(&undo);
    call.lane.input = TS_INPUT_ADJUSTMENTS;
    call.counters = &counter;
    call.counter_count = 1;
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_ALLOWANCE);
    assert_int_equal(counter.used, -4);
    counter.before = -4;
    counter.after = -64;
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_OK);
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 125);
    assert_true(fixture_open(&fixture, TOKEN + 1, 100)); /* the calls' lane has nothing of it */
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 125);
    assert_true(open_adjustments(TOKEN + 1, 100));
    assert_int_equal(fixture_balance(&fixture, 7, "ann"), 100);
    call.token = TOKEN + 1; /* believed as before: so it is again */
    assert_int_equal(fixture_apply(&fixture, &call, 1), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_OK);
    ts_buffer_finish(&undo);
}

/* ---- sizes */

enum { MANY = 2500 };

static char many_ids[MANY][TS_ACCOUNT_ID_MAX];

static void load_many(uint32_t bucket)
{
    static struct ts_load_account accounts[MANY];
    for (int i = 0; i < MANY; i++) {
        int size = snprintf(many_ids[i], sizeof many_ids[i], "account %d \xc3\xa9:;", i);
        accounts[i] = (struct ts_load_account){{many_ids[i], (size_t)size}, i};
    }
    struct ts_bucket_answer answer;
    assert_true(fixture.port.ops->load(
        fixture.port.self, bucket, GENERATION, accounts, MANY, NULL, 0, &answer, &fixture.err));
    assert_int_equal(answer.status, TS_BALANCES_OK);
}

static void calls_of_a_thousand_accounts_are_taken_back(void **state)
{
    (void)state;
    struct ts_apply calls[3];
    static struct ts_apply_account accounts[MANY];
    struct ts_buffer undo[3];
    load_many(7);
    for (size_t c = 0; c < 3; c++) {
        size_t from = c * TS_APPLY_ACCOUNTS_MAX;
        size_t count = c < 2 ? TS_APPLY_ACCOUNTS_MAX : MANY - from;
        ts_buffer_init(&undo[c], 1 << 20);
        for (size_t i = from; i < from + count; i++) {
            accounts[i] =
                (struct ts_apply_account){ts_bytes_of(many_ids[i]), -(int64_t)i * 1000, false};
            ts_undo_append(&undo[c],
                           &(struct ts_undo_item){.offset = 100 + (int64_t)i,
                                                  .delta_micros = -(int64_t)i * 1000,
                                                  .account_id = accounts[i].account_id});
        }
        calls[c] = (struct ts_apply){.bucket = 7,
                                     .generation = GENERATION,
                                     .lane = lane,
                                     .token = TOKEN,
                                     .committed = 100,
                                     .first = 100 + (int64_t)from,
                                     .last = 99 + (int64_t)(from + count),
                                     .slot = (uint32_t)c,
                                     .undo = ts_buffer_bytes(&undo[c]),
                                     .accounts = &accounts[from],
                                     .account_count = count};
    }
    assert_int_equal(fixture_apply(&fixture, calls, 3), TS_PROGRESS_DONE);
    for (size_t c = 0; c < 3; c++) {
        assert_int_equal(calls[c].status, TS_BALANCES_OK);
        ts_buffer_finish(&undo[c]);
    }
    assert_int_equal(fixture_balance(&fixture, 7, many_ids[MANY - 1]), (MANY - 1) * -999);
    assert_true(fixture_open(&fixture, TOKEN + 1, 101));
    for (int i = 0; i < MANY; i += 7) {
        assert_int_equal(fixture_balance(&fixture, 7, many_ids[i]), i);
    }
}

/* More bytes than the sockets hold, both ways: calls of 1,000 absent accounts each. */
static void a_large_pipeline_does_not_lock_up(void **state)
{
    (void)state;
    enum { CALLS = 400 };
    static struct ts_apply calls[CALLS];
    static struct ts_apply_account accounts[TS_APPLY_ACCOUNTS_MAX];
    load_many(7);
    for (int i = 0; i < TS_APPLY_ACCOUNTS_MAX; i++) {
        accounts[i] = (struct ts_apply_account){ts_bytes_of(many_ids[i]), -1, false};
    }
    for (uint32_t i = 0; i < CALLS; i++) {
        calls[i] = (struct ts_apply){.bucket = 8,
                                     .generation = GENERATION,
                                     .lane = lane,
                                     .token = TOKEN,
                                     .committed = 100,
                                     .first = 100,
                                     .last = 100,
                                     .undo = TS_LITERAL(""),
                                     .accounts = accounts,
                                     .account_count = TS_APPLY_ACCOUNTS_MAX};
    }
    assert_int_equal(fixture_apply(&fixture, calls, CALLS), TS_PROGRESS_DONE);
    for (uint32_t i = 0; i < CALLS; i++) {
        assert_int_equal(calls[i].status, TS_BALANCES_LOAD);
    }
    for (int i = 0; i < TS_APPLY_ACCOUNTS_MAX; i++) {
        assert_true(accounts[i].absent);
    }
}

static void poll_waits_no_longer_than_told(void **state)
{
    (void)state;
    struct ts_buffer undo;
    ts_buffer_init(&undo, 4096);
    struct ts_apply_account ann = {.account_id = TS_LITERAL("ann"), .delta_micros = -10};
    struct ts_apply call = one_charge(&undo, &ann, 7, 100);
    assert_int_equal(fixture_load(&fixture, 7, "ann", 100), TS_BALANCES_OK);
    redisContext *sleeper = redis_server_connect(&fixture.server);
    assert_int_equal(redisAppendCommand(sleeper, "DEBUG SLEEP 0.3"), REDIS_OK);
    int done = 0;
    while (!done) {
        assert_int_equal(redisBufferWrite(sleeper, &done), REDIS_OK);
    }
    (void)usleep(50000);
    assert_true(fixture.port.ops->apply_start(fixture.port.self, &call, 1, &fixture.err));
    assert_int_equal(fixture.port.ops->apply_poll(fixture.port.self, 0, &fixture.err),
                     TS_PROGRESS_PENDING);
    assert_int_equal(fixture.port.ops->apply_poll(fixture.port.self, 20, &fixture.err),
                     TS_PROGRESS_PENDING);
    assert_int_equal(call.status, TS_BALANCES_ERROR);
    assert_int_equal(fixture_wait(&fixture), TS_PROGRESS_DONE);
    assert_int_equal(call.status, TS_BALANCES_OK);
    redisFree(sleeper);
    ts_buffer_finish(&undo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_tells_which_server_it_is),
        cmocka_unit_test(nothing_works_before_connect),
        cmocka_unit_test_setup(open_answers_for_each_bucket, reset),
        cmocka_unit_test_setup(a_group_charges_all_buckets, reset),
        cmocka_unit_test_setup(an_empty_group_is_done, reset),
        cmocka_unit_test_setup(refusals_come_back_with_their_facts, reset),
        cmocka_unit_test_setup(a_zombie_is_fenced, reset),
        cmocka_unit_test_setup(counters_are_loaded_believed_and_taken_back, reset),
        cmocka_unit_test_setup(units_are_given_back_and_taken_back, reset),
        cmocka_unit_test_setup(calls_of_a_thousand_accounts_are_taken_back, reset),
        cmocka_unit_test_setup(a_large_pipeline_does_not_lock_up, reset),
        cmocka_unit_test_setup(poll_waits_no_longer_than_told, reset),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
