/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/adapters/avro/newer_commands.h"
#include "tests/unit/adapters/avro/newer_writer.h"
#include "tests/unit/torture.h"

#include "adapters/avro/cdr_encode.h"
#include "adapters/avro/codec.h"
#include "adapters/avro/command_encode.h"

/* A codec that also knows schemas with types to skip. A schema that did not fit into memory is not
 * one that is refused: the operator would look for a fault in it. */
static bool make_codec(void *context, struct ts_error *err)
{
    (void)context;
    static const struct ts_avro_schema newer[] = {
        {"newer.avsc", {newer_avsc, sizeof newer_avsc - 1}},
        {"newer_commands.avsc", {newer_commands_avsc, sizeof newer_commands_avsc - 1}},
    };
    struct ts_avro_codec *codec = ts_avro_codec_create(newer, 2, err);
    ts_avro_codec_destroy(codec);
    return codec != NULL;
}

static void test_codec(void **state)
{
    (void)state;
    assert_in_range(torture(make_codec, NULL, TS_ERROR_FATAL), 20, 200);
}

static bool make_encoder(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_avro_cdr_encoder encoder;
    return ts_avro_cdr_encoder_init(&encoder, err);
}

static void test_encoder(void **state)
{
    (void)state;
    assert_in_range(torture(make_encoder, NULL, TS_ERROR_FATAL), 2, 50);
}

/* A message that did not fit is known by the buffer, never sent short. */
static bool write_messages(void *context, struct ts_error *err)
{
    struct ts_cdr cdr = newer_cdr();
    struct ts_command command = {.type = TS_COMMAND_CARD_REPLACED, .command_id = TS_LITERAL("c-1")};
    struct ts_buffer out;
    ts_buffer_init(&out, 1024 * 1024);
    for (int i = 0; i < 20; i++) {
        ts_avro_cdr_encode(context, TS_AVRO_CDR_VERSION_CURRENT, &cdr, &out);
        ts_avro_command_encode(&command, &out);
    }
    bool failed = out.failed;
    assert_int_equal(failed, torture_has_struck());
    ts_buffer_finish(&out);
    return !failed || ts_error_no_memory(err);
}

static void test_messages(void **state)
{
    (void)state;
    struct ts_error err;
    struct ts_avro_cdr_encoder encoder;
    assert_true(ts_avro_cdr_encoder_init(&encoder, &err));
    assert_in_range(torture(write_messages, &encoder, TS_ERROR_FATAL), 2, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec),
        cmocka_unit_test(test_encoder),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
