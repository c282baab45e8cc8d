/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/avro/codec.h"
#include "adapters/avro/event_head.h"

#include <string.h>

/* What the codec writes, the head of it is read. */
static void test_of_the_codec(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_avro_codec *codec = ts_avro_codec_create(NULL, 0, &err);
    assert_non_null(codec);
    struct ts_codec port = ts_avro_codec_port(codec);
    struct ts_event event = {.type = TS_EVENT_BALANCE_EXHAUSTED,
                             .event_id = "e-1",
                             .account_id = TS_LITERAL("office"),
                             .sequence = 987654321,
                             .cause = TS_LITERAL("cdr:x"),
                             .currency = "USD"};
    struct ts_buffer out;
    struct ts_avro_event_head head;
    ts_buffer_init(&out, 4096);
    port.ops->encode_event(port.self, &event, &out);
    assert_true(ts_avro_event_head_read(ts_buffer_bytes(&out), &head));
    assert_true(ts_bytes_equal_text(head.event_id, "e-1"));
    assert_true(ts_bytes_equal_text(head.account_id, "office"));
    assert_true(head.sequence == 987654321);
    enum { HEAD_SIZE = 10 + 1 + 3 + 1 + 6 + 5 };
    for (size_t size = 0; size < HEAD_SIZE; size++) {
        struct ts_bytes cut = {out.data, size};
        assert_false(ts_avro_event_head_read(cut, &head));
    }
    ts_buffer_finish(&out);
    ts_avro_codec_destroy(codec);
}

static void test_hostile(void **state)
{
    (void)state;
    static const char negative[] = "\xc3\x01"
                                   "12345678"
                                   "\x01"
                                   "aaaaaaaaa";
    static const char huge[] = "\xc3\x01"
                               "12345678"
                               "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                               "a";
    struct ts_avro_event_head head;
    assert_false(ts_avro_event_head_read(TS_LITERAL(negative), &head));
    assert_false(ts_avro_event_head_read(TS_LITERAL(huge), &head));
    assert_false(ts_avro_event_head_read(TS_LITERAL("not an event at all"), &head));
    assert_false(ts_avro_event_head_read((struct ts_bytes){NULL, 0}, &head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_the_codec),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
