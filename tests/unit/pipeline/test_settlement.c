/* SPDX-License-Identifier: Apache-2.0 */
/* What a settlement tells of included units. */
#include "tests/unit/unit.h"

#include "pipeline/stages.h"

#include <string.h>

enum { LIMIT = 100, ROWS_MAX = 4, MONTH = 202611 };

static int told; /* events allowance.exhausted */

static void encode_event(void *self, const struct ts_event *event, struct ts_buffer *out)
{
    (void)self;
    told += event->type == TS_EVENT_ALLOWANCE_EXHAUSTED;
    ts_buffer_append_text(out, "event");
}

/* A record that draws on the allowance, or one of a replay that moves what was drawn. */
struct row {
    bool adjusts;
    int units;
};
#define CALL(units)                                                                                \
    {                                                                                              \
        false, units                                                                               \
    }
#define ADJUSTMENT(units)                                                                          \
    {                                                                                              \
        true, units                                                                                \
    }

/* The records of one settlement, after `used` units of the month: how often it tells that the
 * allowance is exhausted. */
static int tell(int32_t month, int used, const struct row rows[ROWS_MAX])
{
    static struct ts_worker worker;
    static const struct ts_codec_ops ops = {.encode_event = encode_event};
    struct ts_settlement *settlement = &worker.settling.settlement;
    struct ts_account_profile profile = {.account_id = "office", .account_id_size = 6};
    struct ts_allowance allowance = {.units = LIMIT, .name = "talk", .name_size = 4};
    struct ts_settle_account account = {.profile = &profile};
    struct ts_settle_state state = {.state.balance_micros = 1, .time.month = MONTH};
    struct ts_settle_counter counter = {.month = month, .allowance = &allowance, .used = used};
    struct ts_record records[ROWS_MAX] = {0};
    struct ts_record *listed[ROWS_MAX];
    const struct ts_settle_account *accounts[ROWS_MAX];
    struct ts_record_command commands[ROWS_MAX] = {0};
    union {
        struct ts_included included;
        char memory[sizeof(struct ts_included) + sizeof(struct ts_draw)];
    } drawn[ROWS_MAX];
    struct ts_error err = {0};
    size_t count = 0;
    for (; count < ROWS_MAX && rows[count].units != 0; count++) {
        struct ts_included *included = &drawn[count].included;
        *included = (struct ts_included){.month = month, .count = 1};
        included->draws[0] = (struct ts_draw){.allowance = &allowance, .units = rows[count].units};
        commands[count].command.type = TS_COMMAND_ADJUSTMENT;
        commands[count].command.command_id = TS_LITERAL("replay");
        records[count].command = rows[count].adjusts ? &commands[count] : NULL;
        records[count].included = included;
        listed[count] = &records[count];
        accounts[count] = &account;
        counter.units += rows[count].units;
    }
    counter.used += counter.units;
    worker.ports.codec = (struct ts_codec){&ops, NULL};
    worker.settling = (struct ts_settling_state){.rows = NULL};
    *settlement = (struct ts_settlement){.accounts = &account,
                                         .account_count = 1,
                                         .counters = &counter,
                                         .counter_count = 1,
                                         .records = listed,
                                         .record_accounts = accounts,
                                         .record_count = count,
                                         .states = &state,
                                         .state_count = 1};
    ts_arena_init(&worker.settling.arena, 65536, 65536);
    ts_buffer_init(&worker.settling.scratch, 64);
    told = 0;
    assert_true(ts_settlement_tell(&worker, &err));
    assert_int_equal(settlement->outbox_count, told);
    ts_buffer_finish(&worker.settling.scratch);
    ts_arena_finish(&worker.settling.arena);
    return told;
}

static int tell_now(int used, const struct row rows[ROWS_MAX])
{
    return tell(MONTH, used, rows);
}

static void test_calls(void **state)
{
    (void)state;
    assert_int_equal(tell_now(80, (struct row[ROWS_MAX]){CALL(10), CALL(10)}), 1);
    assert_int_equal(tell_now(80, (struct row[ROWS_MAX]){CALL(10)}), 0);
    assert_int_equal(tell(MONTH - 1, 80, (struct row[ROWS_MAX]){CALL(20)}), 1); /* a late one */
}

/* A replay that moves units to and fro makes no news of what was told before. */
static void test_adjustments_to_and_fro(void **state)
{
    (void)state;
    assert_int_equal(tell_now(100, (struct row[ROWS_MAX]){ADJUSTMENT(-10), ADJUSTMENT(10)}), 0);
    assert_int_equal(tell_now(100, (struct row[ROWS_MAX]){ADJUSTMENT(-10), ADJUSTMENT(30)}), 0);
    assert_int_equal(tell_now(90, (struct row[ROWS_MAX]){ADJUSTMENT(10), ADJUSTMENT(-10)}), 0);
    assert_int_equal(
        tell_now(90, (struct row[ROWS_MAX]){CALL(10), ADJUSTMENT(-10), ADJUSTMENT(10)}), 1);
    /* What it gave back, a call used up. */
    assert_int_equal(tell_now(100, (struct row[ROWS_MAX]){ADJUSTMENT(-10), CALL(10)}), 1);
}

/* What it uses up itself is told, once. */
static void test_adjustments_that_cross(void **state)
{
    (void)state;
    assert_int_equal(tell_now(90, (struct row[ROWS_MAX]){ADJUSTMENT(10)}), 1);
    assert_int_equal(tell_now(90, (struct row[ROWS_MAX]){ADJUSTMENT(9)}), 0);
    assert_int_equal(
        tell_now(90, (struct row[ROWS_MAX]){ADJUSTMENT(15), ADJUSTMENT(-10), ADJUSTMENT(5)}), 1);
    assert_int_equal(tell(MONTH - 1, 90, (struct row[ROWS_MAX]){ADJUSTMENT(10)}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_adjustments_to_and_fro),
        cmocka_unit_test(test_adjustments_that_cross),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
