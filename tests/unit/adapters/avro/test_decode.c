/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/adapters/avro/codec_test.h"

#include "core/attributes.h"

#include <stdio.h>

/* --- random records, and their values set in the oracle ------------------------------------- */

static struct ts_bytes random_text(uint32_t size_max)
{
    static char pool[300];
    memset(pool, 'p', sizeof pool);
    static const char *const starts[] = {"a", "+1", "Zo\xc3\xab", ""};
    const char *start = starts[below(4)];
    memcpy(pool, start, strlen(start));
    static char texts[16][300];
    static unsigned next;
    char *copy = texts[next++ % 16];
    memcpy(copy, pool, sizeof pool);
    return (struct ts_bytes){copy, below(size_max + 1)};
}

static struct ts_bytes maybe_text(uint32_t size_max)
{
    return below(3) == 0 ? (struct ts_bytes){NULL, 0} : random_text(size_max);
}

static int64_t random_long(void)
{
    int64_t value = (int64_t)((uint64_t)below(1u << 31) << 33 | (uint64_t)below(1u << 31) << 2);
    return value >> below(63);
}

static struct ts_cdr random_cdr(void)
{
    struct ts_cdr cdr = {
        .cdr_id = random_text(64),
        .source = random_text(64),
        .leg = (int32_t)random_long(),
        .call_id = maybe_text(200),
        .account_id = random_text(64),
        .user_id = maybe_text(256),
        .user_name = maybe_text(256),
        .department = maybe_text(20),
        .license = (enum ts_license)below(TS_LICENSE_COUNT),
        .service = (enum ts_service)below(TS_SERVICE_COUNT),
        .direction = (enum ts_direction)below(TS_DIRECTION_COUNT),
        .from_number = random_text(16),
        .to_number = random_text(16),
        .origin_country = maybe_text(2),
        .start_ms = random_long(),
        .end_ms = random_long(),
        .duration_ms = random_long(),
        .pages = (int32_t)random_long(),
        .disposition = (enum ts_disposition)below(TS_DISPOSITION_COUNT),
        .has_answer = below(2) == 0,
        .has_hangup_cause = below(2) == 0,
    };
    cdr.answer_ms = cdr.has_answer ? random_long() : 0;
    cdr.hangup_cause = cdr.has_hangup_cause ? (int32_t)random_long() : 0;
    return cdr;
}

/* The fields that both the present and the first version have. */
static void set_common(struct oracle *oracle, const struct ts_cdr *cdr)
{
    set_text(oracle, "cdr_id", 0, cdr->cdr_id);
    set_text(oracle, "source", 0, cdr->source);
    set_number(oracle, "leg", 0, cdr->leg);
    set_text(oracle, "call_id", cdr->call_id.data != NULL, cdr->call_id);
    set_text(oracle, "account_id", 0, cdr->account_id);
    set_text(oracle, "user_id", cdr->user_id.data != NULL, cdr->user_id);
    set_text(oracle, "user_name", cdr->user_name.data != NULL, cdr->user_name);
    set_text(oracle, "department", cdr->department.data != NULL, cdr->department);
    set_symbol(oracle, "license", 0, ts_license_name(cdr->license));
    set_symbol(oracle, "service", 0, ts_service_name(cdr->service));
    set_symbol(oracle, "direction", 0, ts_direction_name(cdr->direction));
    set_text(oracle, "from_number", 0, cdr->from_number);
    set_text(oracle, "to_number", 0, cdr->to_number);
    set_text(oracle, "origin_country", cdr->origin_country.data != NULL, cdr->origin_country);
    set_number(oracle, "start_time", 0, cdr->start_ms);
    if (cdr->has_answer) {
        set_number(oracle, "answer_time", 1, cdr->answer_ms);
    } else {
        set_null(oracle, "answer_time", 0);
    }
    set_number(oracle, "end_time", 0, cdr->end_ms);
    set_number(oracle, "duration_ms", 0, cdr->duration_ms);
    set_number(oracle, "pages", 0, cdr->pages);
    set_symbol(oracle, "disposition", 0, ts_disposition_name(cdr->disposition));
}

static void set_current(struct oracle *oracle, const struct ts_cdr *cdr, uint32_t attributes)
{
    set_common(oracle, cdr);
    if (cdr->has_hangup_cause) {
        set_number(oracle, "hangup_cause", 1, cdr->hangup_cause);
    } else {
        set_null(oracle, "hangup_cause", 0);
    }
    avro_value_t map = oracle_field(&oracle->value, "attributes");
    assert_int_equal(avro_value_reset(&map), 0);
    for (uint32_t i = 0; i < attributes; i++) {
        char key[16];
        avro_value_t entry;
        snprintf(key, sizeof key, "k%u", i);
        assert_int_equal(avro_value_add(&map, key, &entry, NULL, NULL), 0);
        assert_int_equal(avro_value_set_string(&entry, "value"), 0);
    }
}

static void same_text(struct ts_bytes found, struct ts_bytes expected)
{
    assert_true((found.data == NULL) == (expected.data == NULL));
    assert_true(ts_bytes_equal(found, expected));
}

static void same_cdr(const struct ts_cdr *found, const struct ts_cdr *expected)
{
    same_text(found->cdr_id, expected->cdr_id);
    same_text(found->source, expected->source);
    same_text(found->call_id, expected->call_id);
    same_text(found->account_id, expected->account_id);
    same_text(found->user_id, expected->user_id);
    same_text(found->user_name, expected->user_name);
    same_text(found->department, expected->department);
    same_text(found->from_number, expected->from_number);
    same_text(found->to_number, expected->to_number);
    same_text(found->origin_country, expected->origin_country);
    assert_true(found->start_ms == expected->start_ms);
    assert_true(found->answer_ms == expected->answer_ms);
    assert_true(found->end_ms == expected->end_ms);
    assert_true(found->duration_ms == expected->duration_ms);
    assert_int_equal(found->leg, expected->leg);
    assert_int_equal(found->pages, expected->pages);
    assert_int_equal(found->hangup_cause, expected->hangup_cause);
    assert_int_equal(found->has_answer, expected->has_answer);
    assert_int_equal(found->has_hangup_cause, expected->has_hangup_cause);
    assert_int_equal(found->license, expected->license);
    assert_int_equal(found->service, expected->service);
    assert_int_equal(found->direction, expected->direction);
    assert_int_equal(found->disposition, expected->disposition);
}

static void test_current_schema(void **state)
{
    (void)state;
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_CDR));
    for (int i = 0; i < 3000; i++) {
        char message[MESSAGE_MAX];
        struct ts_cdr cdr = random_cdr();
        struct ts_cdr found;
        uint32_t attributes = below(5);
        set_current(&oracle, &cdr, attributes);
        decode_or_fail(message, oracle_write(&oracle, message, sizeof message), &found);
        same_cdr(&found, &cdr);

        struct ts_attributes_walk walk;
        struct ts_bytes name;
        struct ts_bytes value;
        assert_int_equal(found.attributes.count, attributes);
        ts_attributes_walk_init(&walk, &found.attributes);
        for (uint32_t n = 0; n < attributes; n++) {
            assert_true(ts_attributes_next(&walk, &name, &value));
            assert_true(ts_bytes_equal_text(value, "value"));
        }
        assert_false(ts_attributes_next(&walk, &name, &value));
    }
    oracle_close(&oracle);
}

static void test_first_version(void **state)
{
    (void)state;
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_CDR_1));
    for (int i = 0; i < 1000; i++) {
        char message[MESSAGE_MAX];
        struct ts_cdr cdr = random_cdr();
        struct ts_cdr found;
        set_common(&oracle, &cdr);
        decode_or_fail(message, oracle_write(&oracle, message, sizeof message), &found);
        cdr.has_hangup_cause = false;
        cdr.hangup_cause = 0;
        same_cdr(&found, &cdr);
        assert_int_equal(found.attributes.count, 0);
    }
    oracle_close(&oracle);
}

/* The load generator's encoder writes what Avro C writes. */
static void test_encoder(void **state)
{
    (void)state;
    static const enum ts_avro_embedded schemas[] = {TS_AVRO_CDR, TS_AVRO_CDR_1};
    for (int version = 0; version < TS_AVRO_CDR_VERSION_COUNT; version++) {
        struct oracle oracle;
        oracle_open(&oracle, ts_avro_embedded_text(schemas[version]));
        for (int i = 0; i < 500; i++) {
            char message[MESSAGE_MAX];
            struct ts_cdr cdr = random_cdr();
            struct ts_buffer out;
            if (version == TS_AVRO_CDR_VERSION_CURRENT) {
                set_current(&oracle, &cdr, 0);
            } else {
                set_common(&oracle, &cdr);
            }
            size_t size = oracle_write(&oracle, message, sizeof message);
            ts_buffer_init(&out, MESSAGE_MAX);
            ts_avro_cdr_encode(&encoder, (enum ts_avro_cdr_version)version, &cdr, &out);
            assert_false(out.failed);
            assert_int_equal(out.size, size);
            assert_memory_equal(out.data, message, size);
            ts_buffer_finish(&out);
        }
        oracle_close(&oracle);
    }
}

static void test_newer_writer(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    struct ts_cdr cdr = newer_cdr();
    struct ts_cdr found;
    struct oracle oracle;
    oracle_open(&oracle, ts_bytes_of(newer_avsc));
    fill_newer(&oracle, &cdr);
    size_t size = oracle_write(&oracle, message, sizeof message);
    decode_or_fail(message, size, &found);
    same_cdr(&found, &cdr);

    /* What is wrong with one field is told only if the whole record can be read, an unknown symbol
     * before a missing field. */
    set_null(&oracle, "account_id", 0);
    size = oracle_write(&oracle, message, sizeof message);
    expect_refused(message, size, TS_REASON_MISSING_FIELD, "account_id: null");
    set_null(&oracle, "start_time", 0);
    set_symbol(&oracle, "service", 0, "VIDEO");
    size = oracle_write(&oracle, message, sizeof message);
    expect_refused(message, size, TS_REASON_UNKNOWN_ENUM, "service: \"VIDEO\"");
    set_symbol(&oracle, "license", 0, "ROOMS");
    size = oracle_write(&oracle, message, sizeof message);
    expect_refused(message, size, TS_REASON_UNKNOWN_ENUM, "license: \"ROOMS\"");
    expect_refused(message, size - 1, TS_REASON_DECODE_ERROR, "disposition: malformed");
    message[size] = 0;
    expect_refused(message, size + 1, TS_REASON_DECODE_ERROR, "1 bytes follow");
    set_null(&oracle, "service", 1);
    set_symbol(&oracle, "license", 0, "SELL");
    size = oracle_write(&oracle, message, sizeof message);
    expect_refused(message, size, TS_REASON_MISSING_FIELD, "account_id: null");
    oracle_close(&oracle);
}

static void expect_schema_refused(const char *find, const char *replace, const char *text)
{
    struct ts_bytes now = ts_avro_embedded_text(TS_AVRO_CDR);
    struct ts_buffer changed;
    ts_buffer_init(&changed, 100000);
    const char *at = memmem(now.data, now.size, find, strlen(find));
    assert_non_null(at);
    ts_buffer_append(&changed, now.data, (size_t)(at - now.data));
    ts_buffer_append_text(&changed, replace);
    at += strlen(find);
    ts_buffer_append(&changed, at, (size_t)(now.data + now.size - at));
    struct ts_avro_schema schema = {"changed.avsc", ts_buffer_bytes(&changed)};
    struct ts_error err = {0};
    assert_null(ts_avro_codec_create(&schema, 1, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    if (strstr(err.text, text) == NULL || strstr(err.text, "changed.avsc") == NULL) {
        fail_msg("%s", err.text);
    }
    ts_buffer_finish(&changed);
}

static void test_schemas_refused(void **state)
{
    (void)state;
    expect_schema_refused("\"start_time\"", "\"begin_time\"", "start_time is missing");
    expect_schema_refused(
        "\"cdr_id\", \"type\": \"string\"", "\"cdr_id\", \"type\": \"long\"", "cdr_id has a type");
    expect_schema_refused(
        "\"leg\", \"type\": \"int\"", "\"leg\", \"type\": \"long\"", "leg has a type");
    expect_schema_refused(
        "\"values\": \"string\"", "\"values\": \"long\"", "attributes has a type");
    expect_schema_refused("\"duration_ms\", \"type\": \"long\"",
                          "\"duration_ms\", \"type\": [\"long\", \"double\"]",
                          "duration_ms has a type");
    expect_schema_refused("{", "{,", "");
}

static void test_other_records_are_passed_over(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_avro_schema schemas[] = {
        {"event.avsc", ts_avro_embedded_text(TS_AVRO_EVENT)},
        {"call_detail_record.avsc", ts_avro_embedded_text(TS_AVRO_CDR)},
    };
    struct ts_avro_codec *other = ts_avro_codec_create(schemas, 2, &err);
    assert_non_null(other);
    ts_avro_codec_destroy(other);
    ts_avro_codec_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_current_schema),
        cmocka_unit_test(test_first_version),
        cmocka_unit_test(test_encoder),
        cmocka_unit_test(test_newer_writer),
        cmocka_unit_test(test_schemas_refused),
        cmocka_unit_test(test_other_records_are_passed_over),
    };
    return cmocka_run_group_tests(tests, open_codec, close_codec);
}
