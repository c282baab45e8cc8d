/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are no command: cut off, damaged at random, and made to do harm; and commands with
 * more in them than there is room for. */
#include "tests/unit/adapters/avro/command_test.h"

#include <stdlib.h>

static size_t encode(const struct ts_command *command, char *out)
{
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, MESSAGE_MAX);
    ts_avro_command_encode(command, &buffer);
    size_t size = buffer.size;
    memcpy(out, buffer.data, size);
    ts_buffer_finish(&buffer);
    return size;
}

/* A change with everything in it: most of what there is to read. */
static struct ts_command full_change(void)
{
    struct ts_command command = any_command(TS_COMMAND_ACCOUNT_CHANGED);
    command.body.change.set = (UINT32_C(1) << TS_ACCOUNT_FIELD_COUNT) - 1;
    command.body.change.credit_amount_count = TS_CREDIT_AMOUNTS_MAX;
    command.body.change.threshold_count = TS_THRESHOLDS_MAX;
    return command;
}

/* Cut off at every byte: each time a decode_error, never a read beyond the end (each cut lives in
 * memory of exactly its size, for the sanitizer). */
static void test_every_truncation(void **state)
{
    (void)state;
    for (int type = 0; type <= TS_COMMAND_ADJUSTMENT; type++) {
        char message[MESSAGE_MAX];
        struct ts_command command = type == TS_COMMAND_ACCOUNT_CHANGED
                                        ? full_change()
                                        : any_command((enum ts_command_type)type);
        size_t size = encode(&command, message);
        for (size_t cut = 1; cut < size; cut++) {
            char *exact = malloc(cut);
            assert_non_null(exact);
            memcpy(exact, message, cut);
            expect_command_refused(exact, cut, TS_REASON_DECODE_ERROR, "");
            free(exact);
        }
        message[size] = 0;
        expect_command_refused(message, size + 1, TS_REASON_DECODE_ERROR, "1 bytes follow");
    }
}

/* Random damage: whatever comes out, it comes out, and what is decoded lies within the message. */
static void test_random_damage(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    int refused = 0;
    for (int i = 0; i < 30000; i++) {
        char damaged[MESSAGE_MAX];
        struct ts_command found;
        struct ts_error err = {0};
        struct ts_command command =
            i % 2 == 0 ? full_change()
                       : any_command((enum ts_command_type)(i / 2 % (TS_COMMAND_ADJUSTMENT + 1)));
        size_t size = encode(&command, message);
        memcpy(damaged, message, size);
        for (uint32_t n = below(4) + 1; n > 0; n--) {
            damaged[10 + below((uint32_t)size - 10)] = (char)below(256);
        }
        if (!decode_command(damaged, size, &found, &err)) {
            assert_int_equal(err.class, TS_ERROR_REJECT);
            refused++;
            continue;
        }
        assert_true(found.command_id.data >= damaged);
        assert_true(found.command_id.data + found.command_id.size <= damaged + size);
        assert_in_range(found.type, 0, TS_COMMAND_ADJUSTMENT);
        ts_arena_reset(&arena);
    }
    assert_in_range(refused, 5000, 29000);
}

/* --- hand-made bytes ------------------------------------------------------------------------ */

/* The command's bytes, without the last `less`, then others. */
static void expect_bad(const struct ts_command *command,
                       size_t less,
                       struct ts_bytes bytes,
                       enum ts_reason reason,
                       const char *text)
{
    char message[MESSAGE_MAX];
    size_t size = encode(command, message) - less;
    memcpy(message + size, bytes.data, bytes.size);
    expect_command_refused(message, size + bytes.size, reason, text);
}

static void test_headers(void **state)
{
    (void)state;
    struct ts_command command = {.type = TS_COMMAND_CARD_REPLACED, .command_id = TS_LITERAL("")};
    enum { BODY = 3 }; /* the branch, command_id, account_id */
    expect_command_refused(NULL, 0, TS_REASON_DECODE_ERROR, "tombstone");
    expect_command_refused("", 0, TS_REASON_DECODE_ERROR, "empty");
    expect_command_refused("{\"kind\":\"x\"}", 12, TS_REASON_DECODE_ERROR, "7b 22");
    expect_command_refused("\xc3\x01\x08\x07\x06\x05\x04\x03\x02\x01z",
                           11,
                           TS_REASON_UNKNOWN_SCHEMA,
                           "0102030405060708");
    expect_command_refused("\x00\x00\x00\x01\x02xyz", 8, TS_REASON_UNKNOWN_SCHEMA, "schema id 258");

    /* which record: none, one behind the last, before the first, far away */
    expect_bad(&command, BODY, TS_LITERAL(""), TS_REASON_DECODE_ERROR, "which command");
    expect_bad(&command, BODY, TS_LITERAL("\x0e"), TS_REASON_DECODE_ERROR, "which command");
    expect_bad(&command, BODY, TS_LITERAL("\x01"), TS_REASON_DECODE_ERROR, "which command");
    expect_bad(&command,
               BODY,
               TS_LITERAL("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
               TS_REASON_DECODE_ERROR,
               "which command");
}

static void test_texts_and_numbers(void **state)
{
    (void)state;
    struct ts_command command = {.type = TS_COMMAND_TIMER_DUE, .command_id = TS_LITERAL("")};
    enum { ID = 5, ACCOUNT = 4, TIMER = 3, DUE = 2, SUBJECT = 1 }; /* bytes from the end */
    enum ts_reason bad = TS_REASON_DECODE_ERROR;
    /* a string of -1, of 2^62, of one more byte than there are */
    expect_bad(&command, ID, TS_LITERAL("\x01xxxx"), bad, "TimerDue: command_id");
    expect_bad(&command,
               ID,
               TS_LITERAL("\xfe\xff\xff\xff\xff\xff\xff\xff\x7fxxxx"),
               bad,
               "TimerDue: command_id");
    expect_bad(&command, ID, TS_LITERAL("\x0axxxx"), bad, "TimerDue: command_id");
    /* a branch, a symbol, that the schema does not have */
    expect_bad(&command, ACCOUNT, TS_LITERAL("\x04\0\0\0"), bad, "account_id");
    expect_bad(&command, ACCOUNT, TS_LITERAL("\x01\0\0\0"), bad, "account_id");
    expect_bad(&command, TIMER, TS_LITERAL("\x06\0\0"), bad, "timer: malformed");
    expect_bad(&command, TIMER, TS_LITERAL("\x01\0\0"), bad, "timer: malformed");
    /* a number of more than 64 bits */
    expect_bad(&command,
               DUE,
               TS_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\0"),
               bad,
               "due_at: malformed");
    expect_bad(&command, SUBJECT, TS_LITERAL("\x02\x08r-1"), bad, "subject: malformed");
}

static struct ts_command thresholds_only(const int64_t *thresholds, size_t count)
{
    return (struct ts_command){.type = TS_COMMAND_ACCOUNT_CHANGED,
                               .command_id = TS_LITERAL("c"),
                               .body.change = {.set = ts_field_bit(TS_FIELD_ALERT_THRESHOLDS),
                                               .thresholds = thresholds,
                                               .threshold_count = count}};
}

/* Numbers of more than 32 bits in an int, and booleans that are neither. */
static void test_ints_and_booleans(void **state)
{
    (void)state;
    enum ts_reason bad = TS_REASON_DECODE_ERROR;
    enum { AFTER_DAY = 8, AFTER_ON = 8 }; /* nulls behind the value, a byte each */
    struct ts_command command = {.type = TS_COMMAND_ACCOUNT_CHANGED,
                                 .command_id = TS_LITERAL("c"),
                                 .body.change = {.set = ts_field_bit(TS_FIELD_INVOICE_DAY)}};
    static const char day[] = "AccountChanged: invoice_day: malformed";
    /* 2^31, -2^31 - 1 */
    expect_bad(
        &command, 1 + AFTER_DAY, TS_LITERAL("\x80\x80\x80\x80\x10\0\0\0\0\0\0\0\0"), bad, day);
    expect_bad(
        &command, 1 + AFTER_DAY, TS_LITERAL("\x81\x80\x80\x80\x10\0\0\0\0\0\0\0\0"), bad, day);

    command.body.change.set = ts_field_bit(TS_FIELD_RECHARGE_ON);
    static const char on[] = "AccountChanged: auto_recharge: malformed";
    expect_bad(&command, 1 + AFTER_ON, TS_LITERAL("\x02\0\0\0\0\0\0\0\0"), bad, on);
    expect_bad(&command, 1 + AFTER_ON, TS_LITERAL("\xff\0\0\0\0\0\0\0\0"), bad, on);

    char message[MESSAGE_MAX]; /* and the same places, with what they may hold */
    struct ts_command found;
    size_t size = encode(&command, message);
    message[size - 1 - AFTER_ON] = 1;
    decode_command_or_fail(message, size, &found);
    assert_true(found.body.change.recharge_on);
    command.body.change.set = ts_field_bit(TS_FIELD_INVOICE_DAY);
    size = encode(&command, message);
    message[size - 1 - AFTER_DAY] = 62;
    decode_command_or_fail(message, size, &found);
    assert_int_equal(found.body.change.invoice_day, 31);
}

/* Lists: in several blocks, with and without the sizes of the blocks; more items than bytes, the
 * most negative count, no end. */
static void test_lists(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    struct ts_command found;
    struct ts_command command = thresholds_only(NULL, 0);
    static const char after[] = "\0\0\0\0\0"; /* hysteresis … closed_at */
    size_t size = encode(&command, message) - sizeof after;
    static const char blocks[] = "\x04\x02\x04"     /* 1, 2 */
                                 "\x03\x04\x06\x08" /* 2 items in 2 bytes: 3, 4 */
                                 "\x02\x0a\0";      /* 5 */
    memcpy(message + size, blocks, sizeof blocks - 1);
    memcpy(message + size + sizeof blocks - 1, after, sizeof after - 1);
    decode_command_or_fail(message, size + sizeof blocks + sizeof after - 2, &found);
    assert_int_equal(found.body.change.threshold_count, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(found.body.change.thresholds[i], i + 1);
    }

    enum { LESS = sizeof after };
    enum ts_reason bad = TS_REASON_DECODE_ERROR;
    static const char field[] = "alert_thresholds_micros: malformed";
    expect_bad(
        &command, LESS, TS_LITERAL("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02"), bad, field);
    expect_bad(
        &command, LESS, TS_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x02"), bad, field);
    expect_bad(&command, LESS, TS_LITERAL("\x04\x02\x04"), bad, field);
    expect_bad(&command, LESS, TS_LITERAL("\x03"), bad, field);
    expect_bad(&command, LESS, TS_LITERAL("\x04\x02"), bad, field);
}

static void decode_encoded(const struct ts_command *command, struct ts_command *found)
{
    static char message[2 * MESSAGE_MAX];
    decode_command_or_fail(message, encode(command, message), found);
}

/* One more than there may be, or far more: one more is kept, each list with its own bound, and what
 * follows the list is found. */
static void test_lists_too_long(void **state)
{
    (void)state;
    static int64_t many[1000];
    static struct ts_allowance_text allowances[100];
    static const size_t counts[] = {0, 8, 9, 10, 32, 33, 34, 100};
    for (size_t i = 0; i < 100; i++) {
        many[i] = (int64_t)i;
        allowances[i] = (struct ts_allowance_text){
            .name = TS_LITERAL("n"), .category = TS_LITERAL("*"), .units = (int64_t)i};
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct ts_command found;
        struct ts_command command = full_change();
        struct ts_account_change *change = &command.body.change;
        change->credit_amounts = change->thresholds = many;
        change->allowances = allowances;
        change->credit_amount_count = change->threshold_count = change->allowance_count = counts[i];
        decode_encoded(&command, &found);
        const struct ts_account_change *read = &found.body.change;
        size_t nine = counts[i] < 9 ? counts[i] : 9;
        assert_int_equal(read->threshold_count, nine);
        assert_int_equal(read->allowance_count, nine);
        assert_int_equal(read->credit_amount_count, counts[i] < 33 ? counts[i] : 33);
        for (size_t at = 0; at < nine; at++) {
            assert_int_equal(read->thresholds[at], at);
            assert_int_equal(read->allowances[at].units, at);
        }
        assert_int_equal(read->closed_ms, change->closed_ms);
    }
}

static void test_a_symbol_without_a_number(void **state)
{
    (void)state;
    static struct ts_allowance_text hours = {
        .name = TS_LITERAL("n"), .category = TS_LITERAL("*"), .unit = TS_LITERAL("hour")};
    struct ts_command command = full_change();
    command.body.change.allowances = &hours;
    command.body.change.allowance_count = 1;
    expect_bad(&command, 0, TS_LITERAL(""), TS_REASON_DECODE_ERROR, "allowances: malformed");
}

/* A writer whose items take no bytes: the count is believed no further than there is room. */
static void test_items_without_bytes(void **state)
{
    (void)state;
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"AccountChanged\",\"fields\":["
        "{\"name\":\"command_id\",\"type\":\"string\"},"
        "{\"name\":\"allowances\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","
        "\"name\":\"Allowance\",\"fields\":[{\"name\":\"name\",\"type\":\"null\"},"
        "{\"name\":\"category\",\"type\":\"null\"},{\"name\":\"units_per_month\",\"type\":\"null\"}"
        ",{\"name\":\"unit\",\"type\":\"null\"}]}}}]}";
    struct ts_avro_schema schema = {"nulls.avsc", ts_bytes_of(json)};
    struct ts_error err = {0};
    struct oracle oracle;
    char message[MESSAGE_MAX] = "\xc3\x01";
    ts_avro_codec_destroy(codec);
    codec = ts_avro_codec_create(&schema, 1, &err);
    assert_non_null(codec);
    port = ts_avro_codec_port(codec);
    oracle_open(&oracle, ts_bytes_of(json));
    for (int i = 0; i < 8; i++) {
        message[2 + i] = (char)(unsigned char)(oracle.fingerprint >> (8 * i));
    }
    oracle_close(&oracle);
    static const char one[] = "\0\x02\0"; /* one item */
    memcpy(message + 10, one, sizeof one);
    expect_command_refused(
        message, 10 + sizeof one - 1, TS_REASON_MISSING_FIELD, "allowances.name: null");
    /* blocks of 2^62 items, again and again */
    size_t size = 11;
    for (int i = 0; i < 500; i++, size += 9) {
        memcpy(message + size, "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", 9);
    }
    message[size] = 0;
    expect_command_refused(message, size + 1, TS_REASON_MISSING_FIELD, "allowances.name: null");
    expect_command_refused(message, size, TS_REASON_DECODE_ERROR, "allowances: malformed");
}

/* No room for the lists: not the command's fault. */
static void test_arena_that_is_full(void **state)
{
    (void)state;
    char message[MESSAGE_MAX];
    struct ts_command command = full_change();
    struct ts_command found;
    struct ts_error err = {0};
    size_t size = encode(&command, message);
    ts_arena_finish(&arena);
    ts_arena_init(&arena, 64, 64);
    assert_false(decode_command(message, size, &found, &err));
    assert_int_equal(err.class, TS_ERROR_FATAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_commands, close_commands)
    const struct CMUnitTest tests[] = {
        TEST(test_every_truncation),
        TEST(test_random_damage),
        TEST(test_headers),
        TEST(test_texts_and_numbers),
        TEST(test_ints_and_booleans),
        TEST(test_lists),
        TEST(test_lists_too_long),
        TEST(test_a_symbol_without_a_number),
        TEST(test_items_without_bytes),
        TEST(test_arena_that_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
