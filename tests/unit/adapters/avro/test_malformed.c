/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are no CDR: cut off, damaged at random, and made to do harm. */
#include "tests/unit/adapters/avro/codec_test.h"

#include <stdlib.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_random_damage),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_lengths_and_numbers),
        cmocka_unit_test(test_hostile_skips),
    };
    return cmocka_run_group_tests(tests, open_codec, close_codec);
}
