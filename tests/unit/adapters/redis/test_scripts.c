/* SPDX-License-Identifier: Apache-2.0 */
/* The four scripts on a real server, each rule by itself. */
#include "tests/unit/adapters/redis/script_runner.h"

enum { GENERATION = 1000, TOKEN = 50 };

static const int64_t limit = 9000000000000000;

#define APPLY_AS(lane_, token_, slot_, committed_, ...)                                            \
    apply(&(struct charge){.generation = GENERATION,                                               \
                           .token = (token_),                                                      \
                           .committed = (committed_),                                              \
                           .lane = (lane_),                                                        \
                           .slot = (slot_),                                                        \
                           ITEMS(__VA_ARGS__)})

#define APPLY(slot_, committed_, ...) APPLY_AS("c3", TOKEN, slot_, committed_, __VA_ARGS__)

/* Everything in the bucket, to see that a refusal changed nothing. DUMP would do, but the order of
 * a hash may change: a digest of the key's value does not depend on it. */
static char *digest(void)
{
    redisReply *reply = redisCommand(redis, "DEBUG DIGEST-VALUE {b7}");
    if (reply->type == REDIS_REPLY_ERROR) {
        fail_msg("%s", reply->str);
    }
    char *text = strdup(reply->element[0]->str);
    freeReplyObject(reply);
    return text;
}

static int open_bucket(void **state)
{
    (void)empty_server(state);
    const char *pairs[] = {"ann", "1000", "bob", "500", "eve", "-7", NULL};
    return strcmp(create(GENERATION), "OK") == 0 && strcmp(load(GENERATION, pairs), "OK") == 0 &&
                   strcmp(open_lane(GENERATION, "c3", TOKEN, 100), "OK") == 0
               ? 0
               : -1;
}

/* ---- create */

static void create_makes_what_is_missing_or_older(void **state)
{
    (void)state;
    assert_string_equal(create(5), "OK");
    assert_string_equal(field("g"), "5");
    assert_true(strlen(field("about")) > 64);
    set_field("a:ann", "1");
    assert_string_equal(create(5), "OK");
    assert_string_equal(create(4), "OK");
    assert_string_equal(field("a:ann"), "1");
    assert_string_equal(create(6), "OK");
    assert_string_equal(field("g"), "6");
    assert_string_equal(field("a:ann"), "");
}

static void a_small_bucket_is_no_listpack(void **state)
{
    (void)state;
    (void)create(5);
    redisReply *reply = redisCommand(redis, "OBJECT ENCODING {b7}");
    assert_string_equal(reply->str, "hashtable");
    freeReplyObject(reply);
}

/* ---- load */

static void load_adds_absent_accounts_only(void **state)
{
    (void)state;
    const char *pairs[] = {"ann", "77", "new", "-12", "two words", "9000000000000000", NULL};
    assert_string_equal(load(GENERATION, pairs), "OK");
    assert_string_equal(load(GENERATION, pairs), "OK");
    assert_string_equal(field("a:ann"), "1000");
    assert_string_equal(field("a:new"), "-12");
    redisReply *reply = redisCommand(redis, "HGET {b7} %s", "a:two words");
    assert_string_equal(reply->str, "9000000000000000");
    freeReplyObject(reply);
}

static void load_wants_exactly_this_generation(void **state)
{
    (void)state;
    const char *pairs[] = {"new", "1", NULL};
    assert_string_equal(load(GENERATION + 1, pairs), "LOST 1000");
    assert_string_equal(load(GENERATION - 1, pairs), "STALE 1000");
    assert_string_equal(field("a:new"), "");
    (void)empty_server(state);
    assert_string_equal(load(GENERATION, pairs), "LOST 0");
}

/* ---- apply */

static void apply_charges(void **state)
{
    (void)state;
    assert_string_equal(APPLY(2, 100, {100, "ann", -10}, {103, "bob", -600}, {107, "ann", -5}),
                        "OK");
    assert_string_equal(field("a:ann"), "985");
    assert_string_equal(field("a:bob"), "-100");
    assert_string_equal(field("a:eve"), "-7");
    assert_string_equal(field("o:c3"), "107");
    assert_string_equal(field("f:c3"), "100");
    assert_string_equal(field("u:c3:2"), "100 107 100 -10 3 ann\n103 -600 3 bob\n107 -5 3 ann\n");
}

/* Items that charge nothing, with countings: the money is tested above. */
#define COUNT_AS(slot_, offset_, ...)                                                              \
    apply(&(struct charge){.generation = GENERATION,                                               \
                           .token = TOKEN,                                                         \
                           .lane = "c3",                                                           \
                           .slot = (slot_),                                                        \
                           ITEMS({(offset_), "ann", -1}, {(offset_) + 1, "bob", 0}),               \
                           COUNTINGS(__VA_ARGS__)})

static void apply_counts_units(void **state)
{
    (void)state;
    const char *pairs[] = {"n:202611:3:annintl", "40", "n:202611:3:bob%", "0", NULL};
    assert_string_equal(load(GENERATION, pairs), "OK");
    assert_string_equal(
        COUNT_AS(0, 100, {"202611:3:annintl", 100, 40, 100}, {"202611:3:bob%", 101, 0, 7}), "OK");
    assert_string_equal(field("a:ann"), "999");
    assert_string_equal(field("n:202611:3:annintl"), "100");
    assert_string_equal(field("n:202611:3:bob%"), "7");
    assert_string_equal(field("u:c3:0"),
                        "100 101 100 -1 3 ann\n101 0 3 bob\n"
                        "100 60 n16 202611:3:annintl\n101 7 n13 202611:3:bob%\n");
    /* 100 was settled, 101 was not. */
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN, 101), "OK");
    assert_string_equal(field("n:202611:3:annintl"), "100");
    assert_string_equal(field("n:202611:3:bob%"), "0");
    assert_string_equal(field("a:ann"), "999");
}

static void apply_refuses_a_wrong_belief(void **state)
{
    (void)state;
    const char *pairs[] = {"n:202611:3:annx", "40", "n:202611:3:bobx", "5", NULL};
    (void)load(GENERATION, pairs);
    char *before = digest();
    assert_string_equal(
        COUNT_AS(0, 100, {"202611:3:annx", 100, 39, 41}, {"202611:3:bobx", 101, 5, 7}),
        "ALLOWANCE 40 5");
    /* One that is only looked at must be right, too. */
    assert_string_equal(COUNT_AS(0, 100, {"202611:3:annx", 100, 60, 60}), "ALLOWANCE 40");
    assert_string_equal(
        COUNT_AS(0, 100, {"202612:3:annx", 100, 0, 1}, {"202611:3:bobx", 101, 6, 7}), "LOAD 2");
    struct charge both = {.generation = GENERATION,
                          .token = TOKEN,
                          .lane = "c3",
                          ITEMS({100, "new", -1}),
                          COUNTINGS({"202612:3:newx", 100, 0, 1})};
    assert_string_equal(apply(&both), "LOAD 0 1");
    struct charge beyond = {.generation = GENERATION,
                            .token = TOKEN,
                            .lane = "c3",
                            ITEMS({100, "eve", -9000000000000000}),
                            COUNTINGS({"202611:3:annx", 100, 0, 1})};
    assert_string_equal(apply(&beyond), "ALLOWANCE 40");
    char *after = digest();
    assert_string_equal(after, before);
    free(after);
    free(before);
    set_field("n:202611:3:annx", "oops");
    assert_string_equal(COUNT_AS(0, 100, {"202611:3:annx", 100, 40, 41}), "LOST 1000");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN, 100), "OK");
}

/* As adjustments do, on a lane of theirs: of two, the second is not settled and is taken back,
 * while a call of the other lane that drew on the same allowance stays. */
static void units_are_given_back(void **state)
{
    (void)state;
    const char *pairs[] = {"n:202611:3:annx", "100", NULL};
    assert_string_equal(load(GENERATION, pairs), "OK");
    assert_string_equal(open_lane(GENERATION, "j2", TOKEN, 10), "OK");
    struct charge first = {.generation = GENERATION,
                           .token = TOKEN,
                           .committed = 10,
                           .lane = "j2",
                           ITEMS({10, "ann", 250}),
                           COUNTINGS({"202611:3:annx", 10, 100, 40})};
    struct charge second = {.generation = GENERATION,
                            .token = TOKEN,
                            .committed = 10,
                            .lane = "j2",
                            .slot = 1,
                            ITEMS({12, "ann", -50}),
                            COUNTINGS({"202611:3:annx", 12, 47, -3})};
    assert_string_equal(apply(&first), "OK");
    assert_string_equal(COUNT_AS(0, 100, {"202611:3:annx", 100, 40, 47}), "OK");
    assert_string_equal(apply(&second), "OK");
    assert_string_equal(field("a:ann"), "1199");
    assert_string_equal(field("n:202611:3:annx"), "-3");
    assert_string_equal(field("u:j2:0"), "10 10 10 250 3 ann\n10 -60 n13 202611:3:annx\n");
    assert_string_equal(field("u:j2:1"), "12 12 12 -50 3 ann\n12 -50 n13 202611:3:annx\n");
    assert_string_equal(open_lane(GENERATION, "j2", TOKEN + 1, 11), "OK");
    assert_string_equal(field("a:ann"), "1249");
    assert_string_equal(field("n:202611:3:annx"), "47");
    assert_string_equal(open_lane(GENERATION, "j2", TOKEN + 1, 11), "OK");
    assert_string_equal(field("n:202611:3:annx"), "47");
}

/* What is below 0 is a number like others: it is told, believed, and taken back from. */
static void a_counter_may_fall_below_zero(void **state)
{
    (void)state;
    const char *pairs[] = {"n:202611:3:annx", "-5", NULL};
    assert_string_equal(load(GENERATION, pairs), "OK");
    assert_string_equal(COUNT_AS(0, 100, {"202611:3:annx", 100, 0, 9}), "ALLOWANCE -5");
    assert_string_equal(COUNT_AS(0, 100, {"202611:3:annx", 100, -5, 4}), "OK");
    set_field("n:202611:3:annx", "3");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN, 100), "OK");
    assert_string_equal(field("n:202611:3:annx"), "-6");
}

static void apply_refuses_and_changes_nothing(void **state)
{
    (void)state;
    assert_string_equal(APPLY(5, 0, {110, "ann", -1}), "OK");
    char *before = digest();
    const struct {
        struct charge charge;
        const char *answer;
    } cases[] = {
        {{GENERATION + 1, TOKEN, 0, "c3", 0, ITEMS({120, "ann", -1})}, "LOST 1000"},
        {{GENERATION - 1, TOKEN, 0, "c3", 0, ITEMS({120, "ann", -1})}, "STALE 1000"},
        {{GENERATION, TOKEN - 1, 0, "c3", 0, ITEMS({120, "ann", -1})}, "FENCED"},
        {{GENERATION, TOKEN + 1, 0, "c3", 0, ITEMS({120, "ann", -1})}, "REOPEN"},
        {{GENERATION, TOKEN, 0, "c4", 0, ITEMS({120, "ann", -1})}, "REOPEN"},
        {{GENERATION, TOKEN, 0, "c3", 0, ITEMS({110, "ann", -1})}, "REOPEN"},
        {{GENERATION, TOKEN, 0, "c3", 0, ITEMS({90, "ann", -1}, {120, "ann", -1})}, "REOPEN"},
        {{GENERATION, TOKEN, 110, "c3", 5, ITEMS({120, "ann", -1})}, "FULL"},
        {{GENERATION, TOKEN, 0, "c3", 0, ITEMS({120, "x", -1}, {121, "ann", -1}, {122, "y", -1})},
         "LOAD 0 2"},
        {{GENERATION, TOKEN, 0, "c3", 0, ITEMS({120, "x", -1}, {121, "ann", 9000000000000000})},
         "LOAD 0"},
        {{GENERATION, TOKEN, 0, "c3", 0, ITEMS({120, "bob", -1}, {121, "eve", -9000000000000000})},
         "RANGE 1 -7"},
        /* The order of the refusals. */
        {{GENERATION + 1, TOKEN - 1, 0, "c3", 5, ITEMS({1, "x", -1})}, "LOST 1000"},
        {{GENERATION, TOKEN - 1, 0, "c3", 5, ITEMS({1, "x", -1})}, "FENCED"},
        {{GENERATION, TOKEN, 0, "c3", 5, ITEMS({1, "x", -1})}, "REOPEN"},
        {{GENERATION, TOKEN, 0, "c3", 5, ITEMS({120, "x", -1})}, "FULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(apply(&cases[i].charge), cases[i].answer);
        char *after = digest();
        assert_string_equal(after, before);
        free(after);
    }
    free(before);
}

static void apply_without_a_bucket(void **state)
{
    (void)empty_server(state);
    assert_string_equal(APPLY(0, 0, {100, "ann", -1}), "LOST 0");
    redisReply *reply = redisCommand(redis, "DBSIZE");
    assert_int_equal(reply->integer, 0);
    freeReplyObject(reply);
}

static void sums_are_exact_up_to_the_limit(void **state)
{
    (void)state;
    const char *pairs[] = {"max", "8999999999999998", "min", "-8999999999999998", NULL};
    (void)load(GENERATION, pairs);
    assert_string_equal(APPLY(0, 0, {100, "max", 1}, {101, "min", -1}), "OK");
    assert_string_equal(field("a:max"), "8999999999999999");
    assert_string_equal(field("a:min"), "-8999999999999999");
    assert_string_equal(APPLY(1, 0, {102, "max", 1}, {103, "min", -1}), "OK");
    assert_string_equal(field("a:max"), "9000000000000000");
    assert_string_equal(field("a:min"), "-9000000000000000");
    assert_string_equal(APPLY(2, 0, {104, "max", 1}), "RANGE 0 9000000000000000");
    assert_string_equal(APPLY(2, 0, {104, "min", -1}), "RANGE 0 -9000000000000000");
    assert_string_equal(APPLY(2, 0, {104, "max", limit}), "RANGE 0 9000000000000000");
    assert_string_equal(APPLY(2, 0, {104, "max", -limit}, {105, "min", limit}), "OK");
    assert_string_equal(field("a:max"), "0");
    assert_string_equal(field("a:min"), "0");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN + 1, 101), "OK");
    assert_string_equal(field("a:max"), "8999999999999999");
    assert_string_equal(field("a:min"), "-8999999999999998");
}

static void the_undo_ring_is_overwritten_only_when_settled(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TS_UNDO_SLOTS; i++) {
        assert_string_equal(APPLY(i, 0, {100 + i, "ann", -1}), "OK");
    }
    assert_string_equal(APPLY(0, 0, {116, "ann", -1}), "FULL");
    assert_string_equal(APPLY(0, 100, {116, "ann", -1}), "FULL");
    assert_string_equal(APPLY(0, 101, {116, "ann", -1}), "OK");
    assert_string_equal(field("f:c3"), "101");
    assert_string_equal(APPLY(1, 101, {117, "ann", -1}), "FULL");
    assert_string_equal(APPLY(1, 103, {117, "ann", -1}), "OK");
    /* The floor never goes down, and a slot it has passed is free whatever the caller knows. */
    assert_string_equal(APPLY(3, 50, {118, "ann", -1}), "FULL");
    assert_string_equal(APPLY(2, 50, {118, "ann", -1}), "OK");
    assert_string_equal(field("f:c3"), "103");
    assert_string_equal(field("a:ann"), "981");
}

static void a_damaged_balance_rebuilds_the_bucket(void **state)
{
    (void)state;
    set_field("a:ann", "oops");
    assert_string_equal(APPLY(0, 0, {100, "ann", -1}), "LOST 1000");
    set_field("a:ann", "1000");
    assert_string_equal(APPLY(0, 0, {100, "ann", -1}), "OK");
    set_field("a:ann", "oops");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN, 100), "LOST 1000");
}

/* ---- open */

static void open_takes_back_from_next_on(void **state)
{
    (void)state;
    assert_string_equal(APPLY(0, 0, {100, "ann", -10}, {101, "bob", -20}, {102, "ann", -30}), "OK");
    assert_string_equal(APPLY(1, 0, {103, "ann", -40}, {104, "eve", 7}), "OK");
    /* 100 and 101 were settled, in the middle of the first call. */
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN + 1, 102), "OK");
    assert_string_equal(field("a:ann"), "990");
    assert_string_equal(field("a:bob"), "480");
    assert_string_equal(field("a:eve"), "-7");
    assert_string_equal(field("o:c3"), "101");
    assert_string_equal(field("f:c3"), "102");
    assert_string_equal(field("t:c3"), "51");
    assert_string_equal(field("u:c3:0"), "");
    assert_string_equal(field("u:c3:1"), "");
    char *before = digest();
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN + 1, 102), "OK");
    char *after = digest();
    assert_string_equal(after, before);
    free(before);
    free(after);
    /* The same records again, decided otherwise. */
    assert_string_equal(APPLY_AS("c3", TOKEN + 1, 0, 102, {102, "bob", -1}, {103, "ann", -1}),
                        "OK");
    assert_string_equal(field("a:ann"), "989");
    assert_string_equal(field("a:bob"), "479");
}

static void open_leaves_other_lanes_alone(void **state)
{
    (void)state;
    assert_string_equal(open_lane(GENERATION, "c31", 9, 5), "OK");
    assert_string_equal(APPLY_AS("c31", 9, 0, 0, {5, "ann", -100}), "OK");
    assert_string_equal(APPLY(0, 0, {100, "ann", -10}), "OK");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN + 1, 100), "OK");
    assert_string_equal(field("a:ann"), "900");
    assert_string_equal(field("o:c31"), "5");
    assert_string_equal(open_lane(GENERATION, "c31", 10, 5), "OK");
    assert_string_equal(field("a:ann"), "1000");
}

static void open_refuses_and_changes_nothing(void **state)
{
    (void)state;
    assert_string_equal(APPLY(0, 100, {100, "ann", -10}), "OK");
    char *before = digest();
    assert_string_equal(open_lane(GENERATION + 1, "c3", TOKEN, 100), "LOST 1000");
    assert_string_equal(open_lane(GENERATION - 1, "c3", TOKEN, 100), "STALE 1000");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN - 1, 100), "FENCED");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN + 1, 99), "LOST 1000");
    char *after = digest();
    assert_string_equal(after, before);
    free(before);
    free(after);
    (void)empty_server(state);
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN, 100), "LOST 0");
}

static void a_zombie_is_fenced(void **state)
{
    (void)state;
    assert_string_equal(APPLY(0, 0, {100, "ann", -10}), "OK");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN + 7, 100), "OK");
    assert_string_equal(APPLY(1, 0, {101, "ann", -10}), "FENCED");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN, 100), "FENCED");
    assert_string_equal(field("a:ann"), "1000");
}

static void odd_account_ids_come_back(void **state)
{
    (void)state;
    const char *odd[] = {" ", "a b 3 c", "x:y;z", "100 -5 3 ann", "\xc3\xa9\xe2\x82\xac%d", "-"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        const char *pairs[] = {odd[i], "10", NULL};
        assert_string_equal(load(GENERATION, pairs), "OK");
    }
    assert_string_equal(APPLY(0,
                              0,
                              {100, odd[0], -1},
                              {101, odd[1], -2},
                              {102, odd[2], -3},
                              {103, odd[3], -4},
                              {104, odd[4], -5},
                              {105, odd[5], -6}),
                        "OK");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN + 1, 103), "OK");
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "a:%s", odd[i]);
        assert_string_equal(field(name), i < 3 ? number(9 - (int64_t)i) : "10");
    }
}

static void what_open_cannot_take_back_rebuilds_the_bucket(void **state)
{
    (void)state;
    const char *bad[] = {"junk",
                         "100 101",
                         "100 101 100 -5 9 ann\n",
                         "100 101 100 -5 3 ann\nx",
                         "100 101 100 5 ann\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set_field("u:c3:4", bad[i]);
        assert_string_equal(open_lane(GENERATION, "c3", TOKEN, 100), "LOST 1000");
    }
    set_field("u:c3:4", "100 101 100 -9000000000000000 3 ann\n");
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN, 100), "LOST 1000");
    assert_string_equal(field("a:ann"), "1000");
}

static void an_account_gone_from_the_bucket_is_not_made_by_open(void **state)
{
    (void)state;
    assert_string_equal(APPLY(0, 0, {100, "ann", -10}, {101, "bob", -10}), "OK");
    freeReplyObject(redisCommand(redis, "HDEL {b7} a:ann"));
    assert_string_equal(open_lane(GENERATION, "c3", TOKEN + 1, 100), "OK");
    assert_string_equal(field("a:ann"), "");
    assert_string_equal(field("a:bob"), "500");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(create_makes_what_is_missing_or_older, empty_server),
        cmocka_unit_test_setup(a_small_bucket_is_no_listpack, empty_server),
        cmocka_unit_test_setup(load_adds_absent_accounts_only, open_bucket),
        cmocka_unit_test_setup(load_wants_exactly_this_generation, open_bucket),
        cmocka_unit_test_setup(apply_charges, open_bucket),
        cmocka_unit_test_setup(apply_counts_units, open_bucket),
        cmocka_unit_test_setup(apply_refuses_a_wrong_belief, open_bucket),
        cmocka_unit_test_setup(units_are_given_back, open_bucket),
        cmocka_unit_test_setup(a_counter_may_fall_below_zero, open_bucket),
        cmocka_unit_test_setup(apply_refuses_and_changes_nothing, open_bucket),
        cmocka_unit_test_setup(apply_without_a_bucket, open_bucket),
        cmocka_unit_test_setup(sums_are_exact_up_to_the_limit, open_bucket),
        cmocka_unit_test_setup(the_undo_ring_is_overwritten_only_when_settled, open_bucket),
        cmocka_unit_test_setup(a_damaged_balance_rebuilds_the_bucket, open_bucket),
        cmocka_unit_test_setup(open_takes_back_from_next_on, open_bucket),
        cmocka_unit_test_setup(open_leaves_other_lanes_alone, open_bucket),
        cmocka_unit_test_setup(open_refuses_and_changes_nothing, open_bucket),
        cmocka_unit_test_setup(a_zombie_is_fenced, open_bucket),
        cmocka_unit_test_setup(odd_account_ids_come_back, open_bucket),
        cmocka_unit_test_setup(what_open_cannot_take_back_rebuilds_the_bucket, open_bucket),
        cmocka_unit_test_setup(an_account_gone_from_the_bucket_is_not_made_by_open, open_bucket),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
