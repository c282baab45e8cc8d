/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/adapters/avro/oracle.h"

#include "adapters/avro/cdr_encode.h"
#include "adapters/avro/codec.h"
#include "base/varint.h"
#include "core/attributes.h"
#include "core/reason.h"

#include <stdlib.h>

enum { MESSAGE_MAX = 8192 };

/* A writer of the future: fields of every type that we don't know, unions the other way round,
 * ints for longs, required fields nullable, a symbol and an order of symbols of its own. */
static const char newer_avsc[] =
    "{\"type\":\"record\",\"name\":\"CallDetailRecord\",\"namespace\":\"tollstream\",\"fields\":["
    "{\"name\":\"x_null\",\"type\":\"null\"},{\"name\":\"x_boolean\",\"type\":\"boolean\"},"
    "{\"name\":\"x_int\",\"type\":\"int\"},{\"name\":\"x_long\",\"type\":\"long\"},"
    "{\"name\":\"x_float\",\"type\":\"float\"},{\"name\":\"x_double\",\"type\":\"double\"},"
    "{\"name\":\"x_bytes\",\"type\":\"bytes\"},{\"name\":\"x_string\",\"type\":\"string\"},"
    "{\"name\":\"x_fixed\",\"type\":{\"type\":\"fixed\",\"name\":\"Five\",\"size\":5}},"
    "{\"name\":\"x_enum\",\"type\":{\"type\":\"enum\",\"name\":\"Color\",\"symbols\":[\"RED\","
    "\"BLUE\"]}},"
    "{\"name\":\"x_array\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"Five\",{\"type\":"
    "\"map\",\"values\":\"double\"}]}},"
    "{\"name\":\"x_nulls\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
    "{\"name\":\"x_tree\",\"type\":{\"type\":\"record\",\"name\":\"Tree\",\"fields\":["
    "{\"name\":\"left\",\"type\":[\"null\",\"Tree\"]},{\"name\":\"color\",\"type\":\"Color\"}]}},"
    "{\"name\":\"user_name\",\"type\":[\"string\",\"null\"]},"
    "{\"name\":\"account_id\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"cdr_id\",\"type\":\"bytes\"},{\"name\":\"source\",\"type\":\"string\"},"
    "{\"name\":\"license\",\"type\":{\"type\":\"enum\",\"name\":\"License\",\"symbols\":[\"SELL\","
    "\"ROOMS\",\"TALK\",\"CONTACT_CENTER\"]}},"
    "{\"name\":\"service\",\"type\":[{\"type\":\"enum\",\"name\":\"Service\",\"symbols\":[\"FAX\","
    "\"VIDEO\",\"VOICE\"]},\"null\"]},"
    "{\"name\":\"direction\",\"type\":{\"type\":\"enum\",\"name\":\"Direction\",\"symbols\":["
    "\"OUTBOUND\",\"INBOUND\",\"INTERNAL\"]}},"
    "{\"name\":\"from_number\",\"type\":\"string\"},{\"name\":\"to_number\",\"type\":\"string\"},"
    "{\"name\":\"start_time\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"answer_time\",\"type\":[{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},"
    "\"null\"]},"
    "{\"name\":\"end_time\",\"type\":\"long\"},{\"name\":\"duration_ms\",\"type\":\"int\"},"
    "{\"name\":\"leg\",\"type\":[\"null\",\"int\"]},"
    "{\"name\":\"hangup_cause\",\"type\":\"int\"},"
    "{\"name\":\"disposition\",\"type\":{\"type\":\"enum\",\"name\":\"Disposition\",\"symbols\":["
    "\"CANCELED\",\"ANSWERED\",\"NO_ANSWER\",\"BUSY\",\"FAILED\"]}}]}";

static struct ts_avro_codec *codec;
static struct ts_codec port;
static struct ts_avro_cdr_encoder encoder;

static bool decode(const char *data, size_t size, struct ts_cdr *out, struct ts_error *err)
{
    return port.ops->decode_cdr(port.self, (struct ts_bytes){data, size}, out, err);
}

static void expect_refused(const char *data, size_t size, enum ts_reason reason, const char *text)
{
    struct ts_cdr cdr;
    struct ts_error err = {0};
    assert_false(decode(data, size, &cdr, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    if (err.code != (int)reason || strstr(err.text, text) == NULL) {
        fail_msg("%s: %s", ts_reason_name((enum ts_reason)err.code), err.text);
    }
}

/* --- random records, and their values set in the oracle ------------------------------------- */

static uint64_t seed;

static uint32_t below(uint32_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % limit;
}

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

static void set_text(struct oracle *oracle, const char *name, int branch, struct ts_bytes text)
{
    avro_value_t value = oracle_branch(oracle_field(&oracle->value, name), branch);
    if (text.data == NULL) {
        assert_int_equal(avro_value_set_null(&value), 0);
    } else if (avro_value_get_type(&value) == AVRO_BYTES) {
        assert_int_equal(avro_value_set_bytes(&value, (void *)(uintptr_t)text.data, text.size), 0);
    } else {
        char copy[512]; /* with a NUL, which the size given counts */
        memcpy(copy, text.data, text.size);
        copy[text.size] = '\0';
        assert_int_equal(avro_value_set_string_len(&value, copy, text.size + 1), 0);
    }
}

static void set_number(struct oracle *oracle, const char *name, int branch, int64_t number)
{
    avro_value_t value = oracle_branch(oracle_field(&oracle->value, name), branch);
    if (avro_value_get_type(&value) == AVRO_INT32) {
        assert_int_equal(avro_value_set_int(&value, (int32_t)number), 0);
    } else {
        assert_int_equal(avro_value_set_long(&value, number), 0);
    }
}

static void set_null(struct oracle *oracle, const char *name, int branch)
{
    avro_value_t value = oracle_branch(oracle_field(&oracle->value, name), branch);
    assert_int_equal(avro_value_set_null(&value), 0);
}

static void set_symbol(struct oracle *oracle, const char *name, int branch, const char *symbol)
{
    avro_value_t value = oracle_branch(oracle_field(&oracle->value, name), branch);
    int number = avro_schema_enum_get_by_name(avro_value_get_schema(&value), symbol);
    assert_true(number >= 0);
    assert_int_equal(avro_value_set_enum(&value, number), 0);
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

static void decode_or_fail(const char *data, size_t size, struct ts_cdr *out)
{
    struct ts_error err = {0};
    if (!decode(data, size, out, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(out->encoded_size, size);
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

static void fill_newer(struct oracle *oracle, const struct ts_cdr *cdr)
{
    avro_value_t value = oracle_field(&oracle->value, "x_fixed");
    assert_int_equal(avro_value_set_fixed(&value, "12345", 5), 0);
    value = oracle_field(&oracle->value, "x_array");
    for (int branch = 0; branch < 3; branch++) {
        avro_value_t item;
        assert_int_equal(avro_value_append(&value, &item, NULL), 0);
        item = oracle_branch(item, branch);
        avro_value_t entry;
        if (branch == 0) {
            assert_int_equal(avro_value_set_null(&item), 0);
        } else if (branch == 1) {
            assert_int_equal(avro_value_set_fixed(&item, "abcde", 5), 0);
        } else {
            assert_int_equal(avro_value_add(&item, "pi", &entry, NULL, NULL), 0);
            assert_int_equal(avro_value_set_double(&entry, 3.14), 0);
        }
    }
    value = oracle_field(&oracle->value, "x_nulls");
    for (int i = 0; i < 100; i++) {
        avro_value_t item;
        assert_int_equal(avro_value_append(&value, &item, NULL), 0);
    }
    value = oracle_field(&oracle->value, "x_tree");
    for (int depth = 0; depth < 5; depth++) {
        avro_value_t color = oracle_field(&value, "color");
        assert_int_equal(avro_value_set_enum(&color, 1), 0);
        value = oracle_branch(oracle_field(&value, "left"), 1);
    }
    avro_value_t color = oracle_field(&value, "color");
    assert_int_equal(avro_value_set_enum(&color, 0), 0);
    set_null(oracle, "x_null", 0);
    avro_value_t left = oracle_branch(oracle_field(&value, "left"), 0);
    assert_int_equal(avro_value_set_null(&left), 0);
    value = oracle_field(&oracle->value, "x_boolean");
    assert_int_equal(avro_value_set_boolean(&value, 1), 0);
    set_number(oracle, "x_int", 0, -1);
    set_number(oracle, "x_long", 0, INT64_MAX);
    value = oracle_field(&oracle->value, "x_float");
    assert_int_equal(avro_value_set_float(&value, 1.5f), 0);
    value = oracle_field(&oracle->value, "x_double");
    assert_int_equal(avro_value_set_double(&value, -2.5), 0);
    set_text(oracle, "x_bytes", 0, TS_LITERAL("\x01\xff"));
    set_text(oracle, "x_string", 0, TS_LITERAL("skip me"));
    set_symbol(oracle, "x_enum", 0, "BLUE");

    set_text(oracle, "user_name", cdr->user_name.data == NULL, cdr->user_name);
    set_text(oracle, "account_id", 1, cdr->account_id);
    set_text(oracle, "cdr_id", 0, cdr->cdr_id);
    set_text(oracle, "source", 0, cdr->source);
    set_symbol(oracle, "license", 0, ts_license_name(cdr->license));
    set_symbol(oracle, "service", 0, ts_service_name(cdr->service));
    set_symbol(oracle, "direction", 0, ts_direction_name(cdr->direction));
    set_text(oracle, "from_number", 0, cdr->from_number);
    set_text(oracle, "to_number", 0, cdr->to_number);
    set_number(oracle, "start_time", 1, cdr->start_ms);
    set_number(oracle, "answer_time", 0, cdr->answer_ms);
    set_number(oracle, "end_time", 0, cdr->end_ms);
    set_number(oracle, "duration_ms", 0, cdr->duration_ms);
    set_null(oracle, "leg", 0);
    set_number(oracle, "hangup_cause", 0, cdr->hangup_cause);
    set_symbol(oracle, "disposition", 0, ts_disposition_name(cdr->disposition));
}

static struct ts_cdr newer_cdr(void)
{
    return (struct ts_cdr){
        .cdr_id = TS_LITERAL("c-1"),
        .source = TS_LITERAL("switch"),
        .account_id = TS_LITERAL("office"),
        .user_name = TS_LITERAL("Ann"),
        .license = TS_LICENSE_CONTACT_CENTER,
        .service = TS_SERVICE_VOICE,
        .direction = TS_DIRECTION_INBOUND,
        .from_number = TS_LITERAL("anonymous"),
        .to_number = TS_LITERAL("+18005550100"),
        .start_ms = 1,
        .has_answer = true,
        .answer_ms = 2,
        .end_ms = 3,
        .duration_ms = 4,
        .has_hangup_cause = true,
        .hangup_cause = 16,
        .disposition = TS_DISPOSITION_ANSWERED,
    };
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

/* Cut off at every byte: each time a decode_error, never a read beyond the end (each cut lives in
 * memory of exactly its size, for the sanitizer). */
static void test_every_truncation(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    struct ts_cdr cdr = newer_cdr();
    struct oracle oracle;
    oracle_open(&oracle, ts_bytes_of(newer_avsc));
    fill_newer(&oracle, &cdr);
    size_t size = oracle_write(&oracle, message, sizeof message);
    for (size_t cut = 1; cut < size; cut++) {
        char *exact = malloc(cut);
        assert_non_null(exact);
        memcpy(exact, message, cut);
        expect_refused(exact, cut, TS_REASON_DECODE_ERROR, "");
        free(exact);
    }
    oracle_close(&oracle);
}

/* Random damage: whatever comes out, it comes out, and what is decoded lies within the message. */
static void test_random_damage(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    struct ts_cdr cdr = newer_cdr();
    struct oracle oracle;
    oracle_open(&oracle, ts_bytes_of(newer_avsc));
    fill_newer(&oracle, &cdr);
    size_t size = oracle_write(&oracle, message, sizeof message);
    int refused = 0;
    for (int i = 0; i < 20000; i++) {
        char damaged[MESSAGE_MAX];
        struct ts_cdr found;
        struct ts_error err = {0};
        memcpy(damaged, message, size);
        for (uint32_t n = below(4) + 1; n > 0; n--) {
            damaged[10 + below((uint32_t)size - 10)] = (char)below(256);
        }
        if (!decode(damaged, size, &found, &err)) {
            refused++;
            continue;
        }
        assert_true(found.to_number.data >= damaged);
        assert_true(found.to_number.data + found.to_number.size <= damaged + size);
    }
    assert_true(refused > 1000);
    oracle_close(&oracle);
}

/* --- hand-made bytes ------------------------------------------------------------------------ */

static void test_headers(void **state)
{
    (void)state;
    expect_refused(NULL, 0, TS_REASON_DECODE_ERROR, "tombstone");
    expect_refused("", 0, TS_REASON_DECODE_ERROR, "empty");
    expect_refused("\xc3", 1, TS_REASON_DECODE_ERROR, "too few");
    expect_refused("\xc3\x01\x01\x02\x03\x04\x05\x06\x07", 9, TS_REASON_DECODE_ERROR, "too few");
    expect_refused("\xc3\x02\x01\x02\x03\x04\x05\x06\x07\x08", 10, TS_REASON_DECODE_ERROR, "c3 02");
    expect_refused("{\"cdr_id\":\"1\"}", 14, TS_REASON_DECODE_ERROR, "7b 22");
    expect_refused("\xc3\x01\x08\x07\x06\x05\x04\x03\x02\x01z",
                   11,
                   TS_REASON_UNKNOWN_SCHEMA,
                   "0102030405060708");
    expect_refused("\x00\x00\x00\x01\x02xyz", 8, TS_REASON_UNKNOWN_SCHEMA, "schema id 258");
    expect_refused("\x00\x00", 2, TS_REASON_DECODE_ERROR, "too few");
}

/* A record of the present schema up to and without some field, then other bytes. */
static size_t prefix_of(const char *until, char *out)
{
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, MESSAGE_MAX);
    struct ts_cdr cdr = newer_cdr();
    ts_avro_cdr_encode(&encoder, TS_AVRO_CDR_VERSION_CURRENT, &cdr, &buffer);
    size_t size = buffer.size - 1; /* without attributes */
    if (strcmp(until, "hangup_cause") == 0) {
        size -= 2;
    } else if (strcmp(until, "disposition") == 0) {
        size -= 3;
    } else if (strcmp(until, "pages") == 0) {
        size -= 4;
    } else if (strcmp(until, "cdr_id") == 0) {
        size = 10;
    }
    memcpy(out, buffer.data, size);
    ts_buffer_finish(&buffer);
    return size;
}

static void expect_bad(const char *field, struct ts_bytes bytes, const char *text)
{
    char message[MESSAGE_MAX];
    size_t size = prefix_of(field, message);
    memcpy(message + size, bytes.data, bytes.size);
    expect_refused(message, size + bytes.size, TS_REASON_DECODE_ERROR, text);
}

static void test_lengths_and_numbers(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    struct ts_cdr cdr;
    size_t size = prefix_of("attributes", message);
    message[size] = 0;
    decode_or_fail(message, size + 1, &cdr);

    /* a string of -1, of 2^62, of one more byte than there are */
    expect_bad("cdr_id", TS_LITERAL("\x01xxxx"), "cdr_id");
    expect_bad("cdr_id", TS_LITERAL("\xfe\xff\xff\xff\xff\xff\xff\xff\x7fxxxx"), "cdr_id");
    expect_bad("cdr_id", TS_LITERAL("\x0axxxx"), "cdr_id");
    /* numbers of more than 64 bits; of more than 32 in an int */
    expect_bad(
        "pages", TS_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00"), "pages");
    expect_bad(
        "pages", TS_LITERAL("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x00\x00\x00"), "pages");
    expect_bad("pages", TS_LITERAL("\x80\x80\x80\x80\x10\x00\x00\x00"), "pages");
    /* a symbol, a branch, that the schema does not have */
    expect_bad("disposition", TS_LITERAL("\x0a\x00\x00"), "disposition");
    expect_bad("disposition", TS_LITERAL("\x01\x00\x00"), "disposition");
    expect_bad("hangup_cause", TS_LITERAL("\x04\x00\x00"), "hangup_cause");
    expect_bad("hangup_cause", TS_LITERAL("\x01\x00\x00"), "hangup_cause");
    /* maps: more entries than bytes, the most negative count, no end */
    expect_bad(
        "attributes", TS_LITERAL("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02xx"), "attributes");
    expect_bad(
        "attributes", TS_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02xx"), "attributes");
    expect_bad("attributes", TS_LITERAL("\x02\x02k\x02v"), "attributes");
    expect_bad("attributes", TS_LITERAL("\x02\x02k\x04v\x00"), "attributes");
}

/* A count of two to the 62nd of items that take no bytes, and nesting without end: both must end at
 * once. */
static void test_hostile_skips(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    struct oracle oracle;
    oracle_open(&oracle, ts_bytes_of(newer_avsc));
    memcpy(message, "\xc3\x01", 2);
    for (int i = 0; i < 8; i++) {
        message[2 + i] = (char)(unsigned char)(oracle.fingerprint >> (8 * i));
    }
    /* boolean, int, long, float, double, bytes, string, fixed, enum, array */
    static const char before[] = "\0\0\0"
                                 "ffff"
                                 "dddddddd"
                                 "\0\0"
                                 "fixed\0\0";
    size_t size = 10;
    memcpy(message + size, before, sizeof before - 1);
    size += sizeof before - 1;
    memcpy(message + size, "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\x00", 10); /* x_nulls */
    size += 10;
    memset(message + size, 2, 1000); /* x_tree: left of left of left */
    expect_refused(message, size + 1000, TS_REASON_DECODE_ERROR, "x_tree");
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

static int open_codec(void **state)
{
    (void)state;
    static const struct ts_avro_schema newer = {"newer.avsc", {newer_avsc, sizeof newer_avsc - 1}};
    struct ts_error err = {0};
    seed = 20260101;
    codec = ts_avro_codec_create(&newer, 1, &err);
    if (codec == NULL || !ts_avro_cdr_encoder_init(&encoder, &err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    port = ts_avro_codec_port(codec);
    return 0;
}

static int close_codec(void **state)
{
    (void)state;
    ts_avro_codec_destroy(codec);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_current_schema),
        cmocka_unit_test(test_first_version),
        cmocka_unit_test(test_encoder),
        cmocka_unit_test(test_newer_writer),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_random_damage),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_lengths_and_numbers),
        cmocka_unit_test(test_hostile_skips),
        cmocka_unit_test(test_schemas_refused),
        cmocka_unit_test(test_other_records_are_passed_over),
    };
    return cmocka_run_group_tests(tests, open_codec, close_codec);
}
