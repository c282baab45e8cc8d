/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "pipeline/stages.h"

#include <string.h>

static const struct ts_lane lane = {TS_INPUT_CREDITS, 0};

/* A codec that lacks the writer's schema for a while. */
struct codec {
    size_t absences; /* left */
};

static bool decode_command(void *self,
                           struct ts_bytes value,
                           struct ts_arena *arena,
                           struct ts_command *out,
                           struct ts_error *err)
{
    struct codec *codec = self;
    (void)value;
    (void)arena;
    out->command_id = TS_LITERAL("half read"); /* it may be partly filled then */
    out->account_id = TS_LITERAL("half read");
    if (codec->absences > 0) {
        codec->absences--;
        return ts_error_set(err, TS_ERROR_RETRY, 0, "the schema registry does not answer");
    }
    *out = (struct ts_command){.type = TS_COMMAND_CARD_REPLACED, .command_id = TS_LITERAL("c-1")};
    return true;
}

/* A batch may wait for a schema for days, looking again ten times a second. */
static void test_waiting_takes_no_memory(void **state)
{
    (void)state;
    enum { TRIES = 1000000 };
    static const struct ts_codec_ops ops = {.decode_command = decode_command};
    static struct ts_worker worker;
    struct codec codec = {.absences = TRIES};
    struct ts_error err = {0};
    worker.ports.codec = (struct ts_codec){&ops, &codec};
    worker.pool = ts_batch_pool_create(
        &(struct ts_batch_limits){.records_max = 10, .bytes_max = 1000, .pool_size = 1}, &err);
    assert_non_null(worker.pool);
    struct ts_batch *batch = ts_batch_take(worker.pool, lane, 0, 0);
    struct ts_message message = {
        .lane = lane, .key = TS_LITERAL("account"), .value = TS_LITERAL("bytes")};
    assert_true(ts_batch_add(worker.pool, batch, &message));
    struct ts_record *record = &batch->records[0];
    size_t taken = batch->arena.size;
    for (int i = 0; i < TRIES; i++) {
        assert_false(ts_worker_decode_command(&worker, batch, record, &err));
        assert_int_equal(err.class, TS_ERROR_RETRY);
        assert_int_equal(batch->arena.size, taken);
    }
    assert_true(ts_worker_decode_command(&worker, batch, record, &err));
    assert_true(record->decoded);
    assert_non_null(record->command);
    assert_true(ts_bytes_equal_text(record->command->command.command_id, "c-1"));
    assert_true(ts_bytes_equal_text(record->command->command.account_id, "account"));
    ts_batch_give(worker.pool, batch);
    ts_batch_pool_destroy(worker.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
