/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/avro/codec.h"
#include "adapters/avro/event_text.h"

#include <string.h>

/* Avro C loses the memory of a text that is cut off. Called by the leak sanitizer. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libavro";
}

struct fixture {
    struct ts_avro_codec *codec;
    struct ts_avro_event_reader *reader;
    struct ts_buffer message;
};

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    struct ts_error err = {0};
    f.codec = ts_avro_codec_create(NULL, 0, &err);
    f.reader = ts_avro_event_reader_create(&err);
    ts_buffer_init(&f.message, 4096);
    return f.codec != NULL && f.reader != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ts_buffer_finish(&f.message);
    ts_avro_event_reader_destroy(f.reader);
    ts_avro_event_reader_destroy(NULL);
    ts_avro_codec_destroy(f.codec);
    return 0;
}

static struct ts_bytes encode(const struct ts_event *event)
{
    struct ts_codec port = ts_avro_codec_port(f.codec);
    ts_buffer_clear(&f.message);
    port.ops->encode_event(port.self, event, &f.message);
    return ts_buffer_bytes(&f.message);
}

static struct ts_event low(void)
{
    return (struct ts_event){.type = TS_EVENT_BALANCE_LOW,
                             .event_id = "e-1",
                             .account_id = TS_LITERAL("B\xc3\xbcro"),
                             .sequence = 7,
                             .time_ms = 1767571200000,
                             .cause = TS_LITERAL("cdr:x"),
                             .currency = "USD",
                             .balance_micros = -5,
                             .body.low = {.threshold_micros = 2500000}};
}

/* What the codec writes is read back, body and all. */
static void test_of_the_codec(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_avro_event_text text;
    struct ts_event event = low();
    assert_true(ts_avro_event_read(f.reader, encode(&event), &text, &err));
    assert_true(ts_bytes_equal_text(text.event_id, "e-1"));
    assert_true(ts_bytes_equal_text(text.account_id, "B\xc3\xbcro"));
    assert_true(ts_bytes_equal_text(text.type, "balance.low"));
    assert_true(ts_bytes_equal_text(text.cause, "cdr:x"));
    assert_true(ts_bytes_equal_text(text.currency, "USD"));
    assert_true(text.sequence == 7 && text.time_ms == 1767571200000 && text.balance_micros == -5);
    assert_true(ts_bytes_equal_text(text.body, "{\"threshold_micros\": 2500000}"));
    event.type = TS_EVENT_BALANCE_EXHAUSTED;
    assert_true(ts_avro_event_read(f.reader, encode(&event), &text, &err));
    assert_null(text.body.data);
}

/* An event of the type, with what its body must have. */
static struct ts_event event_of(enum ts_event_type type)
{
    struct ts_event event = low();
    event.type = type;
    memset(&event.body, 0, sizeof event.body);
    switch (type) {
    case TS_EVENT_RECHARGE_REQUESTED:
        event.body.recharge.payment_method = "card";
        break;
    case TS_EVENT_RECHARGE_SUPPRESSED:
        event.body.suppressed.reason = "daily_count_cap";
        break;
    case TS_EVENT_RECHARGE_FAILED:
        event.body.failed.reason = TS_LITERAL("d\xc3\xa9\"clin\xc3\xa9");
        break;
    case TS_EVENT_CREDIT_ADDED:
        event.body.credit.kind = "purchase";
        break;
    case TS_EVENT_CREDIT_REFUSED:
        event.body.refused.reason = "card_locked";
        break;
    case TS_EVENT_CAP_REACHED:
        event.body.cap.kind = "monthly_credit";
        break;
    default:
        break;
    }
    return event;
}

/* Each type that there is can be printed. */
static void test_every_type(void **state)
{
    (void)state;
    static const enum ts_event_type without_body[] = {TS_EVENT_BALANCE_EXHAUSTED,
                                                      TS_EVENT_BALANCE_RESTORED,
                                                      TS_EVENT_CARD_CONFIRMATION_STARTED,
                                                      TS_EVENT_CARD_CONFIRMED,
                                                      TS_EVENT_CARD_LOCKED};
    size_t none = 0;
    for (int type = 0; type < TS_EVENT_TYPE_COUNT; type++) {
        struct ts_error err = {0};
        struct ts_avro_event_text text;
        struct ts_event event = event_of((enum ts_event_type)type);
        if (!ts_avro_event_read(f.reader, encode(&event), &text, &err)) {
            fail_msg("%s: %s", ts_event_type_name(event.type), err.text);
        }
        assert_true(ts_bytes_equal_text(text.type, ts_event_type_name(event.type)));
        bool bare = none < 5 && without_body[none] == event.type;
        assert_int_equal(text.body.data == NULL, bare);
        none += bare;
    }
    assert_int_equal(none, 5);
    struct ts_error err = {0};
    struct ts_avro_event_text text;
    struct ts_event event = event_of(TS_EVENT_RECHARGE_FAILED);
    assert_true(ts_avro_event_read(f.reader, encode(&event), &text, &err));
    assert_non_null(strstr(text.body.data, "\"reason\": \"d\\u00E9\\\"clin\\u00E9\""));
}

/* Cut anywhere, of another schema, or no event at all: refused, and the reader goes on. */
static void test_hostile(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_avro_event_text text;
    struct ts_event event = low();
    struct ts_bytes whole = encode(&event);
    for (size_t size = 0; size < whole.size; size++) {
        err.class = TS_ERROR_NONE;
        assert_false(
            ts_avro_event_read(f.reader, (struct ts_bytes){whole.data, size}, &text, &err));
        assert_int_equal(err.class, TS_ERROR_REJECT);
    }
    assert_false(ts_avro_event_read(f.reader, (struct ts_bytes){NULL, 0}, &text, &err));
    assert_false(ts_avro_event_read(f.reader, TS_LITERAL("{\"type\":\"json\"}"), &text, &err));
    f.message.data[5] ^= 1;
    assert_false(ts_avro_event_read(f.reader, whole, &text, &err));
    assert_non_null(strstr(err.text, "fingerprint"));
    f.message.data[5] ^= 1;
    assert_true(ts_avro_event_read(f.reader, whole, &text, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_of_the_codec, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
