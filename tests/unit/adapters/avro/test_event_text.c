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
        cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
