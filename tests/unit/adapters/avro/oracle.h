/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle of the codec's tests: Avro C's generic values, which share no code with the codec. */
#ifndef TS_TESTS_UNIT_ADAPTERS_AVRO_ORACLE_H
#define TS_TESTS_UNIT_ADAPTERS_AVRO_ORACLE_H

#include "tests/unit/unit.h"

#include "adapters/avro/embedded.h"
#include "base/bytes.h"

#include <avro.h>

#include <stdbool.h>
#include <stdint.h>

/* A schema and one generic value of it. */
struct oracle {
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value;
    uint64_t fingerprint;
};

static inline void oracle_open(struct oracle *oracle, struct ts_bytes text)
{
    struct ts_error err = {0};
    oracle->schema = ts_avro_schema_parse(text, "test", &oracle->fingerprint, &err);
    if (oracle->schema == NULL) {
        fail_msg("%s", err.text);
    }
    oracle->class = avro_generic_class_from_schema(oracle->schema);
    assert_non_null(oracle->class);
    assert_int_equal(avro_generic_value_new(oracle->class, &oracle->value), 0);
}

static inline void oracle_close(struct oracle *oracle)
{
    avro_value_decref(&oracle->value);
    avro_value_iface_decref(oracle->class);
    avro_schema_decref(oracle->schema);
}

static inline avro_value_t oracle_field(const avro_value_t *record, const char *name)
{
    avro_value_t field;
    if (avro_value_get_by_name(record, name, &field, NULL) != 0) {
        fail_msg("no field %s", name);
    }
    return field;
}

/* The branch of a union; the value itself when it is none. */
static inline avro_value_t oracle_branch(avro_value_t value, int discriminant)
{
    avro_value_t branch;
    if (avro_value_get_type(&value) != AVRO_UNION) {
        return value;
    }
    assert_int_equal(avro_value_set_branch(&value, discriminant, &branch), 0);
    return branch;
}

/* Writes header and value as a switch would; returns the size. */
static inline size_t oracle_write(struct oracle *oracle, char *out, size_t size)
{
    assert_true(size > 10);
    memcpy(out, "\xc3\x01", 2);
    for (int i = 0; i < 8; i++) {
        out[2 + i] = (char)(unsigned char)(oracle->fingerprint >> (8 * i));
    }
    avro_writer_t writer = avro_writer_memory(out + 10, (int64_t)size - 10);
    if (avro_value_write(writer, &oracle->value) != 0) {
        fail_msg("%s", avro_strerror());
    }
    size_t written = 10 + (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    return written;
}

/* Checks the header and reads the value, which must use up the message. */
static inline void oracle_read(struct oracle *oracle, struct ts_bytes message)
{
    assert_true(message.size >= 10);
    assert_memory_equal(message.data, "\xc3\x01", 2);
    for (int i = 0; i < 8; i++) {
        assert_int_equal((unsigned char)message.data[2 + i],
                         (unsigned char)(oracle->fingerprint >> (8 * i)));
    }
    int64_t size = (int64_t)message.size - 10;
    avro_reader_t reader = avro_reader_memory(message.data + 10, size);
    if (avro_value_read(reader, &oracle->value) != 0) {
        fail_msg("%s", avro_strerror());
    }
    char rest;
    assert_int_not_equal(avro_read(reader, &rest, 1), 0);
    avro_reader_free(reader);
}

static inline int64_t oracle_long(avro_value_t value)
{
    int64_t found;
    int32_t narrow;
    if (avro_value_get_type(&value) == AVRO_INT32) {
        assert_int_equal(avro_value_get_int(&value, &narrow), 0);
        return narrow;
    }
    assert_int_equal(avro_value_get_long(&value, &found), 0);
    return found;
}

static inline struct ts_bytes oracle_bytes(avro_value_t value)
{
    const void *data;
    const char *text;
    size_t size;
    if (avro_value_get_type(&value) == AVRO_BYTES) {
        assert_int_equal(avro_value_get_bytes(&value, &data, &size), 0);
        return (struct ts_bytes){data, size};
    }
    assert_int_equal(avro_value_get_string(&value, &text, &size), 0);
    return (struct ts_bytes){text, size - 1}; /* it counts the NUL */
}

/* The present branch of a union. */
static inline avro_value_t oracle_current(avro_value_t value)
{
    avro_value_t branch;
    assert_int_equal(avro_value_get_current_branch(&value, &branch), 0);
    return branch;
}

static inline bool oracle_is_null(avro_value_t value)
{
    avro_value_t branch = oracle_current(value);
    return avro_value_get_type(&branch) == AVRO_NULL;
}

static inline void expect_text(avro_value_t value, const char *expected)
{
    struct ts_bytes found = oracle_bytes(value);
    if (!ts_bytes_equal_text(found, expected)) {
        fail_msg("\"%.*s\" instead of \"%s\"", TS_ARGS(found), expected);
    }
}

static inline void
set_text(struct oracle *oracle, const char *name, int branch, struct ts_bytes text)
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

static inline void set_number(struct oracle *oracle, const char *name, int branch, int64_t number)
{
    avro_value_t value = oracle_branch(oracle_field(&oracle->value, name), branch);
    if (avro_value_get_type(&value) == AVRO_INT32) {
        assert_int_equal(avro_value_set_int(&value, (int32_t)number), 0);
    } else {
        assert_int_equal(avro_value_set_long(&value, number), 0);
    }
}

static inline void set_null(struct oracle *oracle, const char *name, int branch)
{
    avro_value_t value = oracle_branch(oracle_field(&oracle->value, name), branch);
    assert_int_equal(avro_value_set_null(&value), 0);
}

static inline void
set_symbol(struct oracle *oracle, const char *name, int branch, const char *symbol)
{
    avro_value_t value = oracle_branch(oracle_field(&oracle->value, name), branch);
    int number = avro_schema_enum_get_by_name(avro_value_get_schema(&value), symbol);
    assert_true(number >= 0);
    assert_int_equal(avro_value_set_enum(&value, number), 0);
}

#endif
