/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that are well-formed, by the present schema, by others, and by one record alone. */
#include "tests/unit/adapters/avro/command_oracle.h"
#include "tests/unit/adapters/avro/command_test.h"
#include "tests/unit/adapters/avro/newer_commands.h"

enum { COMMAND_TYPES = TS_COMMAND_TIMER_DUE + 1 }; /* of the credits topic */

static void expect_written(const struct ts_command *command, struct ts_bytes expected)
{
    struct ts_buffer out;
    ts_buffer_init(&out, MESSAGE_MAX);
    ts_avro_command_encode(command, &out);
    assert_false(out.failed);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, expected.size);
    ts_buffer_finish(&out);
}

/* What is read is what was meant: both are written alike, by an encoder that writes all there is
 * and, as test_encoder shows, as Avro C does. */
static void expect_same(const struct ts_command *found, const struct ts_command *meant)
{
    struct ts_buffer out;
    ts_buffer_init(&out, MESSAGE_MAX);
    ts_avro_command_encode(meant, &out);
    assert_int_equal(found->type, meant->type);
    expect_written(found, ts_buffer_bytes(&out));
    ts_buffer_finish(&out);
}

/* Commands of types in turn. */
static void check_encoder(enum ts_avro_embedded schema, int first, int count)
{
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(schema));
    for (int i = 0; i < 3000; i++) {
        char message[MESSAGE_MAX];
        struct ts_command command = any_command((enum ts_command_type)(first + i % count));
        put_command(&oracle, &command);
        size_t size = oracle_write(&oracle, message, sizeof message);
        expect_written(&command, (struct ts_bytes){message, size});
    }
    oracle_close(&oracle);
}

static void test_encoder(void **state)
{
    (void)state;
    check_encoder(TS_AVRO_CREDIT, 0, COMMAND_TYPES);
    check_encoder(TS_AVRO_ADJUSTMENT, TS_COMMAND_ADJUSTMENT, 1);
}

static void check_decoder(enum ts_avro_embedded schema, int first, int count)
{
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(schema));
    for (int i = 0; i < 3000; i++) {
        char message[MESSAGE_MAX];
        struct ts_command found;
        struct ts_command command = any_command((enum ts_command_type)(first + i % count));
        put_command(&oracle, &command);
        decode_command_or_fail(message, oracle_write(&oracle, message, sizeof message), &found);
        expect_same(&found, &command);
        ts_arena_reset(&arena);
    }
    oracle_close(&oracle);
}

static void test_present_schemas(void **state)
{
    (void)state;
    check_decoder(TS_AVRO_CREDIT, 0, COMMAND_TYPES);
    check_decoder(TS_AVRO_ADJUSTMENT, TS_COMMAND_ADJUSTMENT, 1);
}

/* Texts are views of the message, lists are in the arena, and nothing else is touched. */
static void test_where_values_live(void **state)
{
    (void)state;
    static const int64_t thresholds[] = {5000000, 10000000};
    struct ts_command command = {
        .type = TS_COMMAND_ACCOUNT_CHANGED,
        .command_id = TS_LITERAL("c-1"),
        .body.change = {.set = ts_field_bit(TS_FIELD_ALERT_THRESHOLDS) |
                               ts_field_bit(TS_FIELD_CREDIT_AMOUNTS) |
                               ts_field_bit(TS_FIELD_STATUS),
                        .thresholds = thresholds,
                        .threshold_count = 2,
                        .status = TS_ACCOUNT_CLOSED},
    };
    struct ts_buffer out;
    struct ts_command found;
    ts_buffer_init(&out, MESSAGE_MAX);
    ts_avro_command_encode(&command, &out);
    decode_command_or_fail(out.data, out.size, &found);
    const struct ts_account_change *change = &found.body.change;
    assert_true(found.command_id.data > out.data && found.command_id.data < out.data + out.size);
    assert_int_equal(change->set, command.body.change.set); /* closed_at is null: not set */
    assert_int_equal(change->threshold_count, 2);
    assert_memory_equal(change->thresholds, thresholds, sizeof thresholds);
    assert_int_equal(change->credit_amount_count, 0);
    assert_int_equal(change->status, TS_ACCOUNT_CLOSED);
    assert_null(found.account_id.data);
    assert_null(found.issued_by.data);
    ts_buffer_finish(&out);
}

static void decode_adjustment(const struct ts_command *command, struct ts_command *found)
{
    static struct ts_buffer out; /* what is found are views of it */
    ts_buffer_finish(&out);
    ts_buffer_init(&out, MESSAGE_MAX);
    ts_avro_command_encode(command, &out);
    decode_command_or_fail(out.data, out.size, found);
}

/* Every field in its place; of units, one more than there may be, for whoever validates. */
static void test_adjustment(void **state)
{
    (void)state;
    struct ts_adjustment_units units[TS_ADJUSTMENT_UNITS_MAX + 2] = {{TS_LITERAL("fax"), -30},
                                                                     {TS_LITERAL("talk"), 600}};
    struct ts_command command = {
        .type = TS_COMMAND_ADJUSTMENT,
        .command_id = TS_LITERAL("2026-11/fedcba9876543210-1790000000000"),
        .account_id = TS_LITERAL("office"),
        .issued_by = TS_LITERAL("ann"),
        .note = TS_LITERAL("wrong deck"),
        .body.adjustment = {.generation = 3,
                            .identity_hash = UINT64_C(0xfedcba9876543210),
                            .start_ms = INT64_C(1790000000000),
                            .follows = 17,
                            .amount_micros = -250000,
                            .charge_micros = 1250000,
                            .deck_version = 12,
                            .category = TS_LITERAL("international"),
                            .prefix = TS_LITERAL("4930"),
                            .month = 202609,
                            .units = units,
                            .unit_count = 2},
    };
    struct ts_command found;
    decode_adjustment(&command, &found);
    const struct ts_adjustment *adjustment = &found.body.adjustment;
    assert_int_equal(found.type, TS_COMMAND_ADJUSTMENT);
    assert_true(ts_bytes_equal(found.command_id, command.command_id));
    assert_true(ts_bytes_equal(found.account_id, command.account_id));
    assert_true(ts_bytes_equal(found.issued_by, command.issued_by));
    assert_true(ts_bytes_equal(found.note, command.note));
    assert_int_equal(adjustment->generation, 3);
    assert_true(adjustment->identity_hash == UINT64_C(0xfedcba9876543210));
    assert_int_equal(adjustment->start_ms, INT64_C(1790000000000));
    assert_int_equal(adjustment->follows, 17);
    assert_int_equal(adjustment->amount_micros, -250000);
    assert_int_equal(adjustment->charge_micros, 1250000);
    assert_int_equal(adjustment->deck_version, 12);
    assert_true(ts_bytes_equal_text(adjustment->category, "international"));
    assert_true(ts_bytes_equal_text(adjustment->prefix, "4930"));
    assert_int_equal(adjustment->month, 202609);
    assert_int_equal(adjustment->unit_count, 2);
    assert_true(ts_bytes_equal_text(adjustment->units[0].allowance, "fax"));
    assert_int_equal(adjustment->units[0].units, -30);
    assert_true(ts_bytes_equal_text(adjustment->units[1].allowance, "talk"));
    assert_int_equal(adjustment->units[1].units, 600);

    command.body.adjustment.unit_count = TS_ADJUSTMENT_UNITS_MAX + 2;
    decode_adjustment(&command, &found);
    assert_int_equal(adjustment->unit_count, TS_ADJUSTMENT_UNITS_MAX + 1);
    command.body.adjustment.unit_count = 0;
    decode_adjustment(&command, &found);
    assert_int_equal(adjustment->unit_count, 0);
}

/* --- other writers */

/* Messages of a writer whose schema is this one record: read when the schema was handed in, and
 * of an unknown schema otherwise. */
static void check_alone(enum ts_command_type type, struct ts_bytes json)
{
    struct oracle oracle;
    struct ts_error err = {0};
    struct ts_avro_schema schema = {"alone.avsc", json};
    struct ts_avro_codec *other = ts_avro_codec_create(&schema, 1, &err);
    assert_non_null(other);
    struct ts_codec other_port = ts_avro_codec_port(other);
    oracle_open(&oracle, json);
    for (int i = 0; i < 50; i++) {
        char message[MESSAGE_MAX];
        struct ts_command found;
        struct ts_command command = any_command(type);
        if (type == TS_COMMAND_ACCOUNT_CHANGED) {
            command = newer_command(command);
        }
        put_command(&oracle, &command);
        if (type == TS_COMMAND_ACCOUNT_CHANGED) {
            put_news(&oracle);
        }
        struct ts_bytes value = {message, oracle_write(&oracle, message, sizeof message)};
        assert_true(other_port.ops->decode_command(other_port.self, value, &arena, &found, &err));
        expect_same(&found, &command);
        expect_command_refused(
            value.data, value.size, TS_REASON_UNKNOWN_SCHEMA, "schema fingerprint");
    }
    oracle_close(&oracle);
    ts_avro_codec_destroy(other);
}

/* A service that writes one kind of command registers that record and no other. */
static void test_one_record_alone(void **state)
{
    (void)state;
    struct oracle whole;
    oracle_open(&whole, ts_avro_embedded_text(TS_AVRO_CREDIT));
    for (int type = 0; type < COMMAND_TYPES; type++) {
        char json[MESSAGE_MAX];
        avro_writer_t writer = avro_writer_memory(json, sizeof json);
        assert_int_equal(avro_schema_to_json(avro_schema_union_branch(whole.schema, type), writer),
                         0);
        struct ts_bytes text = {json, (size_t)avro_writer_tell(writer)};
        avro_writer_free(writer);
        if (type ==
            TS_COMMAND_ACCOUNT_CHANGED) { /* in the union it uses an enum of CreditAdded's */
            text = ts_bytes_of(newer_account_changed_avsc);
        }
        check_alone((enum ts_command_type)type, text);
    }
    oracle_close(&whole);
}

static void use_newer(void)
{
    static const struct ts_avro_schema schema = {
        "newer.avsc", {newer_commands_avsc, sizeof newer_commands_avsc - 1}};
    struct ts_error err = {0};
    ts_avro_codec_destroy(codec);
    codec = ts_avro_codec_create(&schema, 1, &err);
    if (codec == NULL) {
        fail_msg("%s", err.text);
    }
    port = ts_avro_codec_port(codec);
}

static void test_newer_writer(void **state)
{
    (void)state;
    struct oracle oracle;
    use_newer();
    oracle_open(&oracle, ts_bytes_of(newer_commands_avsc));
    for (int i = 0; i < 2000; i++) {
        char message[MESSAGE_MAX];
        struct ts_command found;
        struct ts_command command = newer_command(
            any_command(i % 2 == 0 ? TS_COMMAND_CREDIT_ADDED : TS_COMMAND_ACCOUNT_CHANGED));
        put_command(&oracle, &command);
        put_news(&oracle);
        decode_command_or_fail(message, oracle_write(&oracle, message, sizeof message), &found);
        expect_same(&found, &command);
        ts_arena_reset(&arena);
    }
    oracle_close(&oracle);
}

/* The record of the union that holds the command. */
static avro_value_t record_of(struct oracle *oracle)
{
    return oracle_current(oracle->value);
}

static void expect_newer_refused(struct oracle *oracle, enum ts_reason reason, const char *text)
{
    char message[MESSAGE_MAX];
    size_t size = oracle_write(oracle, message, sizeof message);
    expect_command_refused(message, size, reason, text);
    expect_command_refused(message, size - 1, TS_REASON_DECODE_ERROR, "malformed");
    message[size] = 0;
    expect_command_refused(message, size + 1, TS_REASON_DECODE_ERROR, "1 bytes follow");
}

/* What is wrong with one field is told only if the whole command can be read, an unknown symbol
 * before a missing field. */
static void test_what_newer_writers_may_not(void **state)
{
    (void)state;
    struct oracle oracle;
    struct ts_command command = newer_command(any_command(TS_COMMAND_CREDIT_ADDED));
    use_newer();
    oracle_open(&oracle, ts_bytes_of(newer_commands_avsc));
    put_command(&oracle, &command);
    put_news(&oracle);
    avro_value_t record = record_of(&oracle);
    put_text(&record, "credit_id", (struct ts_bytes){NULL, 0});
    expect_newer_refused(&oracle, TS_REASON_MISSING_FIELD, "CreditAdded: credit_id: null");
    put_symbol(&record, "kind", "gift");
    expect_newer_refused(
        &oracle, TS_REASON_UNKNOWN_ENUM, "CreditAdded: kind: \"gift\" is none of the symbols");

    command = newer_command(any_command(TS_COMMAND_ACCOUNT_CHANGED));
    command.body.change.set =
        ts_field_bit(TS_FIELD_ALLOWANCES) | ts_field_bit(TS_FIELD_RECHARGE_MODE);
    command.body.change.allowance_count = 1;
    put_command(&oracle, &command);
    put_news(&oracle);
    record = record_of(&oracle);
    avro_value_t items = oracle_field(&record, "allowances");
    avro_value_t item;
    assert_int_equal(avro_value_get_by_index(&items, 0, &item, NULL), 0);
    put_text(&item, "category", (struct ts_bytes){NULL, 0});
    expect_newer_refused(
        &oracle, TS_REASON_MISSING_FIELD, "AccountChanged: allowances.category: null");
    avro_value_t recharge = oracle_current(oracle_field(&record, "auto_recharge"));
    put_symbol(&recharge, "mode", "weekly");
    expect_newer_refused(
        &oracle, TS_REASON_UNKNOWN_ENUM, "AccountChanged: auto_recharge.mode: \"weekly\"");
    oracle_close(&oracle);
}

/* A command that only newer programs know: refused by its name, once it is seen to be whole. */
static void test_a_record_of_the_future(void **state)
{
    (void)state;
    struct oracle oracle;
    int branch;
    use_newer();
    oracle_open(&oracle, ts_bytes_of(newer_commands_avsc));
    assert_non_null(avro_schema_union_branch_by_name(oracle.schema, &branch, "CardExpired"));
    avro_value_t record = oracle_branch(oracle.value, branch);
    put_text(&record, "command_id", TS_LITERAL("c-9"));
    put_long(&record, "on", true, 20454);
    expect_newer_refused(
        &oracle, TS_REASON_UNKNOWN_ENUM, "command: \"CardExpired\" is none of the records");
    oracle_close(&oracle);
}

/* --- schemas */

static void expect_schema_refused(const char *json, const char *text)
{
    struct ts_avro_schema schema = {"changed.avsc", ts_bytes_of(json)};
    struct ts_error err = {0};
    assert_null(ts_avro_codec_create(&schema, 1, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    assert_int_equal(err.code, TS_REASON_UNKNOWN_SCHEMA);
    if (strstr(err.text, text) == NULL || strstr(err.text, "changed.avsc") == NULL) {
        fail_msg("%s", err.text);
    }
}

#define RECORD(name, fields)                                                                       \
    "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":["                                      \
    "{\"name\":\"command_id\",\"type\":\"string\"}" fields "]}"
#define FIELD(name, type) ",{\"name\":\"" name "\",\"type\":" type "}"

static void test_schemas_refused(void **state)
{
    (void)state;
    expect_schema_refused(RECORD("CardCharged", ""),
                          "CardCharged: the schema's field amount_micros");
    expect_schema_refused("[\"null\"," RECORD("CardCharged", "") "]", "amount_micros is missing");
    expect_schema_refused(RECORD("CardCharged", FIELD("amount_micros", "\"double\"")),
                          "amount_micros has a type");
    expect_schema_refused(RECORD("CardCharged", FIELD("amount_micros", "[\"long\",\"string\"]")),
                          "amount_micros has a type");
    expect_schema_refused(
        RECORD("AccountChanged",
               FIELD("credit_amounts_micros", "{\"type\":\"array\",\"items\":\"string\"}")),
        "credit_amounts_micros is a list of a type");
    expect_schema_refused("{\"type\":\"record\",\"name\":\"Adjustment\",\"fields\":["
                          "{\"name\":\"adjustment_id\",\"type\":\"string\"}]}",
                          "Adjustment: the schema's field account_id is missing");
    expect_schema_refused(RECORD("AccountChanged", FIELD("invoice_day", "\"long\"")),
                          "invoice_day has a type");
    expect_schema_refused(
        RECORD("AccountChanged",
               FIELD("allowances",
                     "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Allowance\","
                     "\"fields\":[{\"name\":\"name\",\"type\":\"string\"}]}}")),
        "allowances.category is missing");
    expect_schema_refused(RECORD("AccountChanged",
                                 FIELD("auto_recharge",
                                       "{\"type\":\"record\",\"name\":\"AutoRecharge\",\"fields\":["
                                       "{\"name\":\"on\",\"type\":\"string\"}]}")),
                          "auto_recharge.on has a type");
}

/* Every type for a field of every type: what cannot be read as ours is refused, what can is not. */
static void test_types(void **state)
{
    (void)state;
    static const char *const types[] = {
        "\"string\"",
        "\"bytes\"",
        "\"int\"",
        "\"long\"",
        "\"boolean\"",
        "\"float\"",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"active\"]}",
        "{\"type\":\"array\",\"items\":\"int\"}",
        "{\"type\":\"map\",\"values\":\"int\"}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}",
    };
    static const struct {
        const char *field;
        const char *good; /* by type */
    } cases[] = {
        {"name", "yy........."},
        {"invoice_day", "..y........"},
        {"closed_at", "..yy......."},
        {"status", ".......y..."},
        {"alert_thresholds_micros", "........y.."},
        {"allowances", "..........."},
        {"auto_recharge", "..........y"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t type = 0; type < sizeof types / sizeof *types; type++) {
            char json[500];
            (void)snprintf(json,
                           sizeof json,
                           RECORD("AccountChanged", FIELD("%s", "%s")),
                           cases[i].field,
                           types[type]);
            if (cases[i].good[type] != 'y') {
                expect_schema_refused(json, cases[i].field);
                continue;
            }
            struct ts_avro_schema schema = {"good.avsc", ts_bytes_of(json)};
            struct ts_error err = {0};
            struct ts_avro_codec *other = ts_avro_codec_create(&schema, 1, &err);
            if (other == NULL) {
                fail_msg("%s", err.text);
            }
            ts_avro_codec_destroy(other);
        }
    }
}

static void test_other_schemas_are_passed_over(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_avro_schema schemas[] = {
        {"event.avsc", ts_avro_embedded_text(TS_AVRO_EVENT)},
        {"none.avsc", TS_LITERAL("[\"null\",\"string\"]")},
        {"credit.avsc", ts_avro_embedded_text(TS_AVRO_CREDIT)},
    };
    struct ts_avro_codec *other = ts_avro_codec_create(schemas, 3, &err);
    assert_non_null(other);
    ts_avro_codec_destroy(other);
}

/* A record on the topic of the others. */
static void test_wrong_topic(void **state)
{
    (void)state;
    struct ts_buffer out;
    struct ts_cdr cdr = newer_cdr();
    struct ts_command command = any_command(TS_COMMAND_CARD_REPLACED);
    ts_buffer_init(&out, MESSAGE_MAX);
    ts_avro_cdr_encode(&encoder, TS_AVRO_CDR_VERSION_CURRENT, &cdr, &out);
    expect_command_refused(out.data, out.size, TS_REASON_UNKNOWN_SCHEMA, "on the cdrs topic");
    ts_buffer_clear(&out);
    ts_avro_command_encode(&command, &out);
    expect_refused(out.data, out.size, TS_REASON_UNKNOWN_SCHEMA, "on the credits or the");
    ts_buffer_clear(&out);
    command = any_command(TS_COMMAND_ADJUSTMENT);
    ts_avro_command_encode(&command, &out);
    expect_refused(out.data, out.size, TS_REASON_UNKNOWN_SCHEMA, "the adjustments topic");
    ts_buffer_finish(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_commands, close_commands)
    const struct CMUnitTest tests[] = {
        TEST(test_encoder),
        TEST(test_present_schemas),
        TEST(test_adjustment),
        TEST(test_where_values_live),
        TEST(test_one_record_alone),
        TEST(test_newer_writer),
        TEST(test_what_newer_writers_may_not),
        TEST(test_a_record_of_the_future),
        TEST(test_schemas_refused),
        TEST(test_types),
        TEST(test_other_schemas_are_passed_over),
        TEST(test_wrong_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
