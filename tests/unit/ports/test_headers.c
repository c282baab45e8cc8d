/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "ports/headers.h"

static void test_round_trip(void **state)
{
    (void)state;
    struct ts_buffer encoded;
    struct ts_bytes name;
    struct ts_bytes value;
    ts_buffer_init(&encoded, 1000);
    ts_headers_append(&encoded, TS_LITERAL("trace"), TS_LITERAL("a\0b"));
    ts_headers_append(&encoded, TS_LITERAL("empty"), TS_LITERAL(""));
    ts_headers_append(&encoded, TS_LITERAL("absent"), (struct ts_bytes){NULL, 0});
    struct ts_bytes rest = ts_buffer_bytes(&encoded);
    assert_true(ts_headers_next(&rest, &name, &value));
    assert_true(ts_bytes_equal_text(name, "trace"));
    assert_true(ts_bytes_equal(value, TS_LITERAL("a\0b")));
    assert_true(ts_headers_next(&rest, &name, &value));
    assert_true(ts_bytes_equal_text(name, "empty"));
    assert_non_null(value.data);
    assert_int_equal(value.size, 0);
    assert_true(ts_headers_next(&rest, &name, &value));
    assert_true(ts_bytes_equal_text(name, "absent"));
    assert_null(value.data);
    assert_false(ts_headers_next(&rest, &name, &value));
    assert_int_equal(rest.size, 0);
    ts_buffer_finish(&encoded);
}

/* Cut anywhere, or with sizes that lie: never beyond the bytes. */
static void test_damage(void **state)
{
    (void)state;
    struct ts_buffer encoded;
    struct ts_bytes name;
    struct ts_bytes value;
    ts_buffer_init(&encoded, 1000);
    ts_headers_append(&encoded, TS_LITERAL("name"), TS_LITERAL("value"));
    for (size_t size = 0; size < encoded.size; size++) {
        struct ts_bytes rest = {encoded.data, size};
        assert_false(ts_headers_next(&rest, &name, &value));
    }
    encoded.data[3] = 0x7f; /* a name of two gigabytes */
    struct ts_bytes rest = ts_buffer_bytes(&encoded);
    assert_false(ts_headers_next(&rest, &name, &value));
    ts_buffer_finish(&encoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
