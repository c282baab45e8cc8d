/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the Confluent wire format, with a registry that is a table. */
#include "tests/unit/adapters/avro/command_test.h"

#include "adapters/avro/embedded.h"
#include "adapters/avro/write.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    PRESENT = 1,
    MANY = 1 << 24,
    FIRST = 8193,
    NEWER = 3,
    OTHER_NAME = 4,
    LACKING = 5,
    NO_SCHEMA = 6,
    COMMANDS = 7,
    ONE_COMMAND = 8,
    COMMAND_LACKING = 9,
};

#define CARD_REPLACED                                                                              \
    "{\"type\":\"record\",\"name\":\"CardReplaced\",\"fields\":["                                  \
    "{\"name\":\"command_id\",\"type\":\"string\"}]}"

static atomic_int fetches;
static atomic_bool down;

static bool fetch(void *self, uint32_t id, struct ts_buffer *out, struct ts_error *err)
{
    (void)self;
    atomic_fetch_add(&fetches, 1);
    if (atomic_load(&down)) {
        return ts_error_set(err, TS_ERROR_RETRY, 0, "the registry is down");
    }
    switch (id >= MANY ? PRESENT : id) {
    case PRESENT:
        ts_buffer_append_bytes(out, ts_avro_embedded_text(TS_AVRO_CDR));
        return true;
    case FIRST:
        ts_buffer_append_bytes(out, ts_avro_embedded_text(TS_AVRO_CDR_1));
        return true;
    case NEWER:
        ts_buffer_append(out, newer_avsc, sizeof newer_avsc - 1);
        return true;
    case OTHER_NAME:
        ts_buffer_append_bytes(out, ts_avro_embedded_text(TS_AVRO_EVENT));
        return true;
    case LACKING:
        ts_buffer_append_text(out,
                              "{\"type\":\"record\",\"name\":\"CallDetailRecord\",\"fields\":["
                              "{\"name\":\"cdr_id\",\"type\":\"string\"}]}");
        return true;
    case COMMANDS:
        ts_buffer_append_bytes(out, ts_avro_embedded_text(TS_AVRO_CREDIT));
        return true;
    case ONE_COMMAND:
        ts_buffer_append_text(out, CARD_REPLACED);
        return true;
    case COMMAND_LACKING:
        ts_buffer_append_text(out, "{\"type\":\"record\",\"name\":\"CardReplaced\",\"fields\":[]}");
        return true;
    case NO_SCHEMA:
        ts_buffer_append_text(out, "{\"type\":\"rec");
        return true;
    default:
        return ts_error_set(
            err, TS_ERROR_REJECT, TS_REASON_UNKNOWN_SCHEMA, "schema id %u: none", (unsigned)id);
    }
}

static const struct ts_schemas_ops registry = {.fetch = fetch};

static int open_with_registry(void **state)
{
    struct ts_error err = {0};
    atomic_store(&fetches, 0);
    atomic_store(&down, false);
    return open_commands(state) == 0 &&
                   ts_avro_codec_use_registry(codec, (struct ts_schemas){&registry, NULL}, &err)
               ? 0
               : -1;
}

/* The record of newer_cdr by a version that is known, behind the header of the wire format. */
static struct ts_bytes encode(uint32_t id, enum ts_avro_cdr_version version)
{
    static char message[MESSAGE_MAX];
    struct ts_cdr cdr = newer_cdr();
    struct ts_buffer out;
    ts_buffer_init(&out, MESSAGE_MAX);
    ts_avro_cdr_encode(&encoder, version, &cdr, &out);
    size_t size = out.size - TS_AVRO_HEADER_SIZE;
    for (int i = 0; i < 5; i++) {
        message[i] = (char)(i == 0 ? 0 : id >> (8 * (4 - i)));
    }
    memcpy(message + 5, out.data + TS_AVRO_HEADER_SIZE, size);
    ts_buffer_finish(&out);
    return (struct ts_bytes){message, size + 5};
}

static void expect_class(uint32_t id, enum ts_error_class class, const char *text)
{
    struct ts_cdr cdr;
    struct ts_error err = {0};
    struct ts_bytes value = encode(id, TS_AVRO_CDR_VERSION_CURRENT);
    assert_false(decode(value.data, value.size, &cdr, &err));
    if (err.class != class || strstr(err.text, text) == NULL ||
        (class == TS_ERROR_REJECT && err.code != TS_REASON_UNKNOWN_SCHEMA)) {
        fail_msg("%s: %s", ts_error_class_name(err.class), err.text);
    }
}

static void test_versions(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        enum ts_avro_cdr_version version;
    } cases[] = {
        {PRESENT, TS_AVRO_CDR_VERSION_CURRENT},
        {FIRST, TS_AVRO_CDR_VERSION_1},
        {PRESENT, TS_AVRO_CDR_VERSION_CURRENT},
        {FIRST, TS_AVRO_CDR_VERSION_1},
    };
    struct ts_cdr expected = newer_cdr();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_cdr cdr;
        struct ts_bytes value = encode(cases[i].id, cases[i].version);
        decode_or_fail(value.data, value.size, &cdr);
        assert_true(ts_cdr_same_identity(&cdr, &expected));
        assert_int_equal(ts_cdr_fingerprint(&cdr), ts_cdr_fingerprint(&expected));
    }
    assert_int_equal(atomic_load(&fetches), 2);
}

static void test_a_writer_of_the_future(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    struct oracle oracle;
    struct ts_cdr expected = newer_cdr();
    struct ts_cdr cdr;
    oracle_open(&oracle, ts_bytes_of(newer_avsc));
    fill_newer(&oracle, &expected);
    size_t size = oracle_write(&oracle, message, sizeof message) - 5;
    memcpy(message + 5, "\0\0\0\0\3", 5); /* over the end of the other header */
    decode_or_fail(message + 5, size, &cdr);
    assert_true(ts_cdr_same_identity(&cdr, &expected));
    oracle_close(&oracle);
}

/* --- commands */

static void test_commands(void **state)
{
    (void)state;
    char message[MESSAGE_MAX] = "\0\0\0\0\7";
    struct ts_buffer out;
    struct ts_command found;
    struct ts_error err = {0};
    ts_buffer_init(&out, MESSAGE_MAX);
    struct ts_command command = {.type = TS_COMMAND_CARD_CONFIRMATION,
                                 .command_id = TS_LITERAL("c-7"),
                                 .body.card.amount_micros = 1230000};
    ts_avro_command_encode(&command, &out);
    size_t size = out.size - TS_AVRO_HEADER_SIZE;
    memcpy(message + 5, out.data + TS_AVRO_HEADER_SIZE, size);
    ts_buffer_finish(&out);

    atomic_store(&down, true);
    assert_false(decode_command(message, size + 5, &found, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    atomic_store(&down, false);
    for (int i = 0; i < 3; i++) {
        decode_command_or_fail(message, size + 5, &found);
        assert_int_equal(found.type, TS_COMMAND_CARD_CONFIRMATION);
        assert_true(ts_bytes_equal_text(found.command_id, "c-7"));
        assert_true(found.body.card.amount_micros == 1230000);
    }
    assert_int_equal(atomic_load(&fetches), 2);

    decode_command_or_fail("\0\0\0\0\10\6c-8", 9, &found); /* one record alone */
    assert_int_equal(found.type, TS_COMMAND_CARD_REPLACED);
    assert_true(ts_bytes_equal_text(found.command_id, "c-8"));
}

static void test_commands_that_cannot_be_read(void **state)
{
    (void)state;
    enum ts_reason reason = TS_REASON_UNKNOWN_SCHEMA;
    for (int i = 0; i < 2; i++) {
        expect_command_refused("\0\0\0\0\4x", 6, reason, "schema id 4: it is of the record Event");
        expect_command_refused("\0\0\0\0\6x", 6, reason, "schema id 6: ");
        expect_command_refused(
            "\0\0\0\0\11x", 6, reason, "schema id 9: CardReplaced: the schema's field command_id");
        expect_command_refused("\0\0\0\0\1x", 6, reason, "on the cdrs topic");
        expect_refused("\0\0\0\0\7x", 6, reason, "on the credits or the");
    }
    assert_int_equal(atomic_load(&fetches), 5);
}

/* --- what the registry answers */

static void test_a_registry_that_is_down(void **state)
{
    (void)state;
    struct ts_cdr cdr;
    struct ts_bytes value = encode(PRESENT, TS_AVRO_CDR_VERSION_CURRENT);
    atomic_store(&down, true);
    for (int i = 1; i <= 3; i++) {
        expect_class(PRESENT, TS_ERROR_RETRY, "down");
        assert_int_equal(atomic_load(&fetches), i);
    }
    atomic_store(&down, false);
    decode_or_fail(value.data, value.size, &cdr);
    atomic_store(&down, true);
    decode_or_fail(value.data, value.size, &cdr); /* it is known by now */
    assert_int_equal(atomic_load(&fetches), 4);
}

static void test_an_id_that_is_not_there_is_asked_for_again(void **state)
{
    (void)state;
    expect_class(99, TS_ERROR_REJECT, "schema id 99: none");
    expect_class(99, TS_ERROR_REJECT, "schema id 99: none");
    assert_int_equal(atomic_load(&fetches), 2);
}

static void test_schemas_that_cannot_be_read(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        expect_class(OTHER_NAME, TS_ERROR_REJECT, "schema id 4: it is of the record");
        expect_class(LACKING, TS_ERROR_REJECT, "schema id 5: the schema's field source is missing");
        expect_class(NO_SCHEMA, TS_ERROR_REJECT, "schema id 6: ");
    }
    assert_int_equal(atomic_load(&fetches), 3);
}

static void test_malformed(void **state)
{
    (void)state;
    struct ts_bytes value = encode(PRESENT, TS_AVRO_CDR_VERSION_CURRENT);
    for (size_t size = 5; size < value.size; size++) {
        expect_refused(value.data, size, TS_REASON_DECODE_ERROR, "malformed");
    }
    expect_refused("\0\0\0\0", 4, TS_REASON_DECODE_ERROR, "too few");
    expect_refused("\1\0\0\0\1aaaaaaaaa", 14, TS_REASON_DECODE_ERROR, "01 00");
}

static void test_both_encodings_side_by_side(void **state)
{
    (void)state;
    struct ts_cdr expected = newer_cdr();
    struct ts_cdr cdr;
    struct ts_buffer out;
    ts_buffer_init(&out, MESSAGE_MAX);
    ts_avro_cdr_encode(&encoder, TS_AVRO_CDR_VERSION_CURRENT, &expected, &out);
    atomic_store(&down, true);
    decode_or_fail(out.data, out.size, &cdr);
    assert_int_equal(atomic_load(&fetches), 0);
    ts_buffer_finish(&out);
}

static void test_without_a_registry(void **state)
{
    (void)state;
    expect_class(PRESENT, TS_ERROR_REJECT, "schema_registry.url");
}

/* So that a writer of nonsense can't fill the memory. What is known stays readable. */
static void test_more_ids_than_are_kept(void **state)
{
    (void)state;
    struct ts_cdr cdr;
    uint32_t ids = 0;
    struct ts_error err = {0};
    for (bool ok = true; ok; ids++) {
        struct ts_bytes value = encode(MANY + ids * 7919, TS_AVRO_CDR_VERSION_CURRENT);
        ok = decode(value.data, value.size, &cdr, &err);
    }
    assert_int_equal(ids, 4096 + 1);
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_non_null(strstr(err.text, "more than 4096 ids"));
    for (ids = 0; ids < 4096; ids++) {
        struct ts_bytes value = encode(MANY + ids * 7919, TS_AVRO_CDR_VERSION_CURRENT);
        decode_or_fail(value.data, value.size, &cdr);
    }
}

/* --- threads */

static void *decode_many(void *arg)
{
    const struct ts_bytes *values = arg;
    for (int i = 0; i < 2000; i++) {
        struct ts_cdr cdr;
        struct ts_error err = {0};
        while (!decode(values[i % 2].data, values[i % 2].size, &cdr, &err)) {
            assert_int_equal(err.class, TS_ERROR_RETRY);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    char copies[2][MESSAGE_MAX];
    struct ts_bytes values[2];
    for (int i = 0; i < 2; i++) {
        struct ts_bytes value = i == 0 ? encode(PRESENT, TS_AVRO_CDR_VERSION_CURRENT)
                                       : encode(FIRST, TS_AVRO_CDR_VERSION_1);
        memcpy(copies[i], value.data, value.size);
        values[i] = (struct ts_bytes){copies[i], value.size};
    }
    pthread_t threads[4];
    atomic_store(&down, true);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, decode_many, values), 0);
    }
    atomic_store(&down, false);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_with_registry, close_commands)
    const struct CMUnitTest tests[] = {
        TEST(test_versions),
        TEST(test_a_writer_of_the_future),
        TEST(test_commands),
        TEST(test_commands_that_cannot_be_read),
        TEST(test_a_registry_that_is_down),
        TEST(test_an_id_that_is_not_there_is_asked_for_again),
        TEST(test_schemas_that_cannot_be_read),
        TEST(test_malformed),
        TEST(test_both_encodings_side_by_side),
        cmocka_unit_test_setup_teardown(test_without_a_registry, open_codec, close_codec),
        TEST(test_more_ids_than_are_kept),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
