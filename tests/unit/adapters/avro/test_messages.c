/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/adapters/avro/oracle.h"

#include "adapters/avro/codec.h"
#include "ports/headers.h"

enum { MESSAGE_MAX = 300000 };

static struct ts_avro_codec *codec;
static struct ts_codec port;

static struct ts_event event_of(enum ts_event_type type)
{
    return (struct ts_event){
        .type = type,
        .event_id = "0123456789abcdef-7",
        .account_id = TS_LITERAL("office-1"),
        .sequence = 7,
        .time_ms = INT64_C(1767225600123),
        .cause = TS_LITERAL("cdr:switch/c-1/0/1767225600000"),
        .currency = "USD",
        .balance_micros = -1234567,
    };
}

/* Writes the event, reads it back with Avro C, and returns its body. */
static avro_value_t read_back(struct oracle *oracle, const struct ts_event *event)
{
    struct ts_buffer out;
    ts_buffer_init(&out, MESSAGE_MAX);
    port.ops->encode_event(port.self, event, &out);
    assert_false(out.failed);
    oracle_read(oracle, ts_buffer_bytes(&out));
    ts_buffer_finish(&out);

    const avro_value_t *value = &oracle->value;
    expect_text(oracle_field(value, "event_id"), event->event_id);
    expect_text(oracle_field(value, "account_id"), "office-1");
    assert_true(oracle_long(oracle_field(value, "sequence")) == 7);
    assert_true(oracle_long(oracle_field(value, "time")) == INT64_C(1767225600123));
    expect_text(oracle_field(value, "type"), ts_event_type_name(event->type));
    expect_text(oracle_field(value, "cause"), "cdr:switch/c-1/0/1767225600000");
    expect_text(oracle_field(value, "currency"), "USD");
    assert_true(oracle_long(oracle_field(value, "balance_micros")) == -1234567);
    return oracle_current(oracle_field(value, "body"));
}

static void expect_body(const avro_value_t *body, const char *name)
{
    assert_int_equal(avro_value_get_type(body), AVRO_RECORD);
    assert_string_equal(avro_schema_name(avro_value_get_schema(body)), name);
}

static void test_events_of_the_balance(void **state)
{
    (void)state;
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_EVENT));

    struct ts_event event = event_of(TS_EVENT_BALANCE_LOW);
    event.body.low.threshold_micros = 20000000;
    avro_value_t body = read_back(&oracle, &event);
    expect_body(&body, "BalanceLow");
    assert_true(oracle_long(oracle_field(&body, "threshold_micros")) == 20000000);

    event.type = TS_EVENT_BALANCE_LOW_CLEARED;
    body = read_back(&oracle, &event);
    expect_body(&body, "BalanceLowCleared");
    assert_true(oracle_long(oracle_field(&body, "threshold_micros")) == 20000000);

    event = event_of(TS_EVENT_BALANCE_EXHAUSTED);
    body = read_back(&oracle, &event);
    assert_int_equal(avro_value_get_type(&body), AVRO_NULL);
    event = event_of(TS_EVENT_BALANCE_RESTORED);
    body = read_back(&oracle, &event);
    assert_int_equal(avro_value_get_type(&body), AVRO_NULL);

    event = event_of(TS_EVENT_CAP_REACHED);
    event.body.cap.kind = "monthly_credit";
    event.body.cap.limit_micros = 250000000;
    body = read_back(&oracle, &event);
    expect_body(&body, "CapReached");
    expect_text(oracle_field(&body, "kind"), "monthly_credit");
    assert_true(oracle_long(oracle_field(&body, "limit_micros")) == 250000000);

    event = event_of(TS_EVENT_ALLOWANCE_EXHAUSTED);
    event.body.allowance.name = TS_LITERAL("Free minutes");
    (void)snprintf(event.body.allowance.month, sizeof event.body.allowance.month, "2026-11");
    body = read_back(&oracle, &event);
    expect_body(&body, "AllowanceExhausted");
    expect_text(oracle_field(&body, "name"), "Free minutes");
    expect_text(oracle_field(&body, "month"), "2026-11");
    oracle_close(&oracle);
}

static void test_events_of_the_recharge(void **state)
{
    (void)state;
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_EVENT));

    struct ts_event event = event_of(TS_EVENT_RECHARGE_REQUESTED);
    snprintf(event.body.recharge.recharge_id, sizeof event.body.recharge.recharge_id, "r-1");
    event.body.recharge.amount_micros = 50000000;
    event.body.recharge.payment_method = "invoice";
    event.body.recharge.attempt = 2;
    event.body.recharge.expires_at_ms = INT64_C(1767312000123);
    avro_value_t body = read_back(&oracle, &event);
    expect_body(&body, "RechargeRequested");
    expect_text(oracle_field(&body, "recharge_id"), "r-1");
    assert_true(oracle_long(oracle_field(&body, "amount_micros")) == 50000000);
    expect_text(oracle_field(&body, "payment_method"), "invoice");
    assert_true(oracle_long(oracle_field(&body, "attempt")) == 2);
    assert_true(oracle_long(oracle_field(&body, "expires_at")) == INT64_C(1767312000123));

    event = event_of(TS_EVENT_RECHARGE_SUCCEEDED);
    event.body.succeeded.recharge_id = TS_LITERAL("r-1");
    event.body.succeeded.amount_micros = 50000000;
    body = read_back(&oracle, &event);
    expect_body(&body, "RechargeSucceeded");
    expect_text(oracle_field(&body, "recharge_id"), "r-1");
    assert_true(oracle_long(oracle_field(&body, "amount_micros")) == 50000000);

    event = event_of(TS_EVENT_RECHARGE_FAILED);
    snprintf(event.body.failed.recharge_id, sizeof event.body.failed.recharge_id, "r-2");
    event.body.failed.reason = TS_LITERAL("card declined");
    event.body.failed.has_next_try = true;
    event.body.failed.next_try_ms = 99;
    body = read_back(&oracle, &event);
    expect_body(&body, "RechargeFailed");
    expect_text(oracle_field(&body, "recharge_id"), "r-2");
    expect_text(oracle_field(&body, "reason"), "card declined");
    assert_true(oracle_long(oracle_current(oracle_field(&body, "next_try"))) == 99);
    event.body.failed.has_next_try = false;
    body = read_back(&oracle, &event);
    assert_true(oracle_is_null(oracle_field(&body, "next_try")));

    event = event_of(TS_EVENT_RECHARGE_SUPPRESSED);
    event.body.suppressed.reason = "daily_count_cap";
    body = read_back(&oracle, &event);
    expect_body(&body, "RechargeSuppressed");
    expect_text(oracle_field(&body, "reason"), "daily_count_cap");

    event = event_of(TS_EVENT_RECHARGE_DISABLED);
    event.body.disabled.failures = 3;
    body = read_back(&oracle, &event);
    expect_body(&body, "RechargeDisabled");
    assert_true(oracle_long(oracle_field(&body, "failures")) == 3);
    oracle_close(&oracle);
}

static void test_events_of_credits(void **state)
{
    (void)state;
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_EVENT));

    struct ts_event event = event_of(TS_EVENT_CREDIT_ADDED);
    event.body.credit.credit_id = TS_LITERAL("k-1");
    event.body.credit.amount_micros = -5000000;
    event.body.credit.kind = "adjustment";
    avro_value_t body = read_back(&oracle, &event);
    expect_body(&body, "CreditAdded");
    expect_text(oracle_field(&body, "credit_id"), "k-1");
    assert_true(oracle_long(oracle_field(&body, "amount_micros")) == -5000000);
    expect_text(oracle_field(&body, "kind"), "adjustment");
    assert_true(oracle_is_null(oracle_field(&body, "payment_method")));
    event.body.credit.payment_method = "card";
    body = read_back(&oracle, &event);
    expect_text(oracle_current(oracle_field(&body, "payment_method")), "card");

    event = event_of(TS_EVENT_CREDIT_REFUSED);
    event.body.refused.credit_id = TS_LITERAL("k-2");
    event.body.refused.amount_micros = 60000000;
    event.body.refused.reason = "cap_reached";
    body = read_back(&oracle, &event);
    expect_body(&body, "CreditRefused");
    expect_text(oracle_field(&body, "credit_id"), "k-2");
    assert_true(oracle_long(oracle_field(&body, "amount_micros")) == 60000000);
    expect_text(oracle_field(&body, "reason"), "cap_reached");
    oracle_close(&oracle);
}

static void test_events_of_the_card(void **state)
{
    (void)state;
    static const enum ts_event_type without_body[] = {
        TS_EVENT_CARD_CONFIRMATION_STARTED, TS_EVENT_CARD_CONFIRMED, TS_EVENT_CARD_LOCKED};
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_EVENT));
    for (size_t i = 0; i < 3; i++) {
        struct ts_event event = event_of(without_body[i]);
        avro_value_t body = read_back(&oracle, &event);
        assert_int_equal(avro_value_get_type(&body), AVRO_NULL);
    }
    struct ts_event event = event_of(TS_EVENT_CARD_CONFIRMATION_FAILED);
    event.body.confirmation.attempts_left = 1;
    avro_value_t body = read_back(&oracle, &event);
    expect_body(&body, "CardConfirmationFailed");
    assert_true(oracle_long(oracle_field(&body, "attempts_left")) == 1);
    oracle_close(&oracle);
}

/* Dates are days since 1970-01-01. */
static void test_events_of_invoices(void **state)
{
    (void)state;
    static const struct {
        int32_t date;
        int64_t days;
    } cases[] = {{19700101, 0}, {20000229, 11016}, {20261130, 20787}, {20270101, 20819}};
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_EVENT));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_event event = event_of(TS_EVENT_INVOICE_LINE_ADDED);
        event.body.invoice.date = cases[i].date;
        event.body.invoice.amount_micros = 20000000;
        avro_value_t body = read_back(&oracle, &event);
        expect_body(&body, "InvoiceLineAdded");
        assert_true(oracle_long(oracle_field(&body, "invoice_date")) == cases[i].days);
        assert_true(oracle_long(oracle_field(&body, "amount_micros")) == 20000000);
    }
    oracle_close(&oracle);
}

static void write_dead_letter(struct oracle *oracle, const struct ts_record *record)
{
    struct ts_buffer out;
    ts_buffer_init(&out, MESSAGE_MAX);
    port.ops->encode_dead_letter(
        port.self, record, TS_LITERAL("tollstream.cdrs"), INT64_C(1767225601000), &out);
    assert_false(out.failed);
    oracle_read(oracle, ts_buffer_bytes(&out));
    ts_buffer_finish(&out);
}

static void test_dead_letter(void **state)
{
    (void)state;
    static char large[200000];
    memset(large, 0xee, sizeof large);
    struct ts_buffer headers;
    ts_buffer_init(&headers, 1000);
    ts_headers_append(&headers, TS_LITERAL("trace"), TS_LITERAL("\x00\xff"));
    ts_headers_append(&headers, TS_LITERAL("trace"), (struct ts_bytes){NULL, 0});
    ts_headers_append(&headers, TS_LITERAL("n\xff"), TS_LITERAL(""));
    struct ts_record record = {
        .lane = {TS_INPUT_CDRS, 3},
        .offset = 42,
        .timestamp_ms = 1000,
        .key = TS_LITERAL("office-1"),
        .value = {large, sizeof large},
        .headers = ts_buffer_bytes(&headers),
        .reason = TS_REASON_NO_RATE,
        .message = TS_LITERAL("to_number: \"+999\" has no rate"),
    };
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_DEAD_LETTER));
    write_dead_letter(&oracle, &record);
    const avro_value_t *value = &oracle.value;
    expect_text(oracle_field(value, "reason"), "no_rate");
    expect_text(oracle_field(value, "message"), "to_number: \"+999\" has no rate");
    expect_text(oracle_field(value, "topic"), "tollstream.cdrs");
    assert_true(oracle_long(oracle_field(value, "partition")) == 3);
    assert_true(oracle_long(oracle_field(value, "offset")) == 42);
    assert_true(oracle_long(oracle_current(oracle_field(value, "timestamp"))) == 1000);
    assert_true(oracle_long(oracle_field(value, "time")) == INT64_C(1767225601000));
    expect_text(oracle_current(oracle_field(value, "key")), "office-1");
    assert_true(
        ts_bytes_equal(oracle_bytes(oracle_current(oracle_field(value, "value"))), record.value));

    avro_value_t array = oracle_field(value, "headers");
    size_t count;
    assert_int_equal(avro_value_get_size(&array, &count), 0);
    assert_int_equal(count, 3);
    avro_value_t header;
    assert_int_equal(avro_value_get_by_index(&array, 0, &header, NULL), 0);
    expect_text(oracle_field(&header, "name"), "trace");
    assert_true(ts_bytes_equal(oracle_bytes(oracle_current(oracle_field(&header, "value"))),
                               TS_LITERAL("\x00\xff")));
    assert_int_equal(avro_value_get_by_index(&array, 1, &header, NULL), 0);
    assert_true(oracle_is_null(oracle_field(&header, "value")));
    assert_int_equal(avro_value_get_by_index(&array, 2, &header, NULL), 0);
    expect_text(oracle_field(&header, "name"), "\"n\\xff\"");
    expect_text(oracle_current(oracle_field(&header, "value")), "");
    oracle_close(&oracle);
    ts_buffer_finish(&headers);
}

static void test_dead_letter_of_a_tombstone(void **state)
{
    (void)state;
    struct ts_record record = {.timestamp_ms = -1, .reason = TS_REASON_DECODE_ERROR};
    struct oracle oracle;
    oracle_open(&oracle, ts_avro_embedded_text(TS_AVRO_DEAD_LETTER));
    write_dead_letter(&oracle, &record);
    const avro_value_t *value = &oracle.value;
    expect_text(oracle_field(value, "message"), "");
    assert_true(oracle_is_null(oracle_field(value, "timestamp")));
    assert_true(oracle_is_null(oracle_field(value, "key")));
    assert_true(oracle_is_null(oracle_field(value, "value")));
    oracle_close(&oracle);
}

static int open_codec(void **state)
{
    (void)state;
    struct ts_error err = {0};
    codec = ts_avro_codec_create(NULL, 0, &err);
    if (codec == NULL) {
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
        cmocka_unit_test(test_events_of_the_balance),
        cmocka_unit_test(test_events_of_the_recharge),
        cmocka_unit_test(test_events_of_credits),
        cmocka_unit_test(test_events_of_the_card),
        cmocka_unit_test(test_events_of_invoices),
        cmocka_unit_test(test_dead_letter),
        cmocka_unit_test(test_dead_letter_of_a_tombstone),
    };
    return cmocka_run_group_tests(tests, open_codec, close_codec);
}
