/* SPDX-License-Identifier: Apache-2.0 */
/* Random schedules of the four scripts against a model that keeps every charge by itself and so
 * needs no undo records. */
#include "tests/unit/adapters/redis/script_runner.h"

enum { LANES = 2, ACCOUNTS = 5, OFFSETS = 4000, STEPS = 20000 };

struct model {
    int64_t generation;
    bool opened[LANES];
    int64_t token[LANES], applied[LANES], floor[LANES];
    bool present[ACCOUNTS];
    int64_t settled[ACCOUNTS];
    int64_t delta[LANES][OFFSETS]; /* charged and not taken back */
    uint8_t account[LANES][OFFSETS];
};

static const char *const model_accounts[ACCOUNTS] = {"ann", "bob c", "c:1", "d", "\xc3\xa9ve"};
static const char *const model_lanes[LANES] = {"c1", "c12"};

static int64_t model_balance(const struct model *model, int account)
{
    int64_t sum = model->settled[account];
    for (int lane = 0; lane < LANES; lane++) {
        for (int i = 0; i < OFFSETS; i++) {
            sum += model->account[lane][i] == account ? model->delta[lane][i] : 0;
        }
    }
    return sum;
}

static void check_model(const struct model *model)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        redisReply *reply = redisCommand(redis, "HGET {b7} a:%s", model_accounts[i]);
        if (model->present[i]) {
            assert_string_equal(reply->str, number(model_balance(model, i)));
        } else {
            assert_int_equal(reply->type, REDIS_REPLY_NIL);
        }
        freeReplyObject(reply);
    }
}

static void model_open(struct model *model, int lane)
{
    int64_t token = model->token[lane] + rand() % 4 - 1;
    int64_t next = model->floor[lane] + rand() % 30 - 2;
    next = next < 0 ? 0 : next;
    next = next > model->applied[lane] + 1 ? model->applied[lane] + 1 : next;
    const char *expected = "OK";
    if (model->opened[lane] && token < model->token[lane]) {
        expected = "FENCED";
    } else if (model->opened[lane] && next < model->floor[lane]) {
        expected = "LOST";
    }
    const char *answer = open_lane(model->generation, model_lanes[lane], token, next);
    assert_memory_equal(answer, expected, strlen(expected));
    if (strcmp(expected, "OK") == 0) {
        for (int64_t i = next; i < OFFSETS; i++) {
            model->delta[lane][i] = 0;
        }
        model->opened[lane] = true;
        model->token[lane] = token;
        model->floor[lane] = next;
        model->applied[lane] = next - 1;
    }
}

static void model_apply(struct model *model, int lane, uint32_t slot)
{
    struct item items[6];
    size_t count = 1 + (size_t)(rand() % 6);
    int64_t first = model->applied[lane] + 1 + rand() % 3 - (rand() % 10 == 0 ? 2 : 0);
    first = first < 0 ? 0 : first;
    bool absent = false;
    for (size_t i = 0; i < count; i++) {
        int account = rand() % ACCOUNTS;
        absent = absent || !model->present[account];
        items[i] =
            (struct item){first + (int64_t)i, model_accounts[account], rand() % 200000 - 150000};
    }
    int64_t token = model->token[lane] + (rand() % 10 == 0 ? rand() % 3 - 1 : 0);
    int64_t committed = model->applied[lane] + 1 - rand() % 10;
    committed = committed < 0 ? 0 : committed;
    const char *answer = apply(&(struct charge){model->generation,
                                                token,
                                                committed,
                                                model_lanes[lane],
                                                slot,
                                                .items = items,
                                                .count = count});
    const char *expected = "OK";
    if (model->opened[lane] && token < model->token[lane]) {
        expected = "FENCED";
    } else if (!model->opened[lane] || token > model->token[lane] ||
               first <= model->applied[lane]) {
        expected = "REOPEN";
    } else if (absent) {
        expected = "LOAD";
    }
    if (strcmp(answer, "FULL") == 0) {
        return; /* its own test tells when */
    }
    assert_memory_equal(answer, expected, strlen(expected));
    if (strcmp(expected, "OK") == 0) {
        for (size_t i = 0; i < count; i++) {
            int account = 0;
            while (items[i].account != model_accounts[account]) {
                account++;
            }
            model->delta[lane][items[i].offset] = items[i].delta;
            model->account[lane][items[i].offset] = (uint8_t)account;
        }
        model->applied[lane] = items[count - 1].offset;
        model->floor[lane] = committed > model->floor[lane] ? committed : model->floor[lane];
    }
}

static void model_load(struct model *model)
{
    int account = rand() % ACCOUNTS;
    const char *balance = number(rand() % 1000000);
    const char *pairs[] = {model_accounts[account], balance, NULL};
    assert_string_equal(load(model->generation, pairs), "OK");
    if (!model->present[account]) {
        model->present[account] = true;
        model->settled[account] = strtoll(balance, NULL, 10);
    }
}

static void model_create(struct model *model)
{
    int64_t generation = model->generation + 1;
    assert_string_equal(create(generation), "OK");
    memset(model, 0, sizeof *model);
    model->generation = generation;
    for (int lane = 0; lane < LANES; lane++) {
        model->applied[lane] = -1;
        assert_string_equal(open_lane(generation, model_lanes[lane], 0, 0), "OK");
        model->opened[lane] = true;
    }
}

static void random_schedules_agree_with_the_model(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof *model);
    srand(20261122);
    model->generation = 1;
    model_create(model);
    for (int step = 0; step < STEPS; step++) {
        int lane = rand() % LANES;
        int kind = rand() % 100;
        if (model->applied[lane] > OFFSETS - 20 || kind == 0) {
            model_create(model);
        } else if (kind < 8) {
            model_open(model, lane);
        } else if (kind < 20) {
            model_load(model);
        } else {
            model_apply(model, lane, (uint32_t)(step % TS_UNDO_SLOTS));
        }
        if (step % 20 == 0) {
            check_model(model);
        }
    }
    check_model(model);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_schedules_agree_with_the_model, empty_server),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
