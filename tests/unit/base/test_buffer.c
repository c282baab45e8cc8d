/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/buffer.h"

#include <string.h>

static void assert_holds(const struct ts_buffer *buffer, const char *text)
{
    assert_true(ts_bytes_equal_text(ts_buffer_bytes(buffer), text));
}

static void test_append(void **state)
{
    (void)state;
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, 1000);
    assert_holds(&buffer, "");
    ts_buffer_append(&buffer, "ab", 2);
    ts_buffer_append_char(&buffer, '-');
    ts_buffer_append_bytes(&buffer, TS_LITERAL("cd"));
    ts_buffer_append_bytes(&buffer, (struct ts_bytes){NULL, 0});
    ts_buffer_append_text(&buffer, "=");
    ts_buffer_format(&buffer, "%d%s", 12, "x");
    assert_holds(&buffer, "ab-cd=12x");
    ts_buffer_clear(&buffer);
    assert_holds(&buffer, "");
    assert_false(buffer.failed);
    ts_buffer_finish(&buffer);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-1, "-1"},
        {9000000000000000, "9000000000000000"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ts_buffer_clear(&buffer);
        ts_buffer_append_i64(&buffer, cases[i].value);
        assert_holds(&buffer, cases[i].text);
    }
    ts_buffer_finish(&buffer);
}

/* Up to the last byte of the limit, and then nothing at all until it is cleared. */
static void test_limit(void **state)
{
    (void)state;
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, 10);
    ts_buffer_append_text(&buffer, "0123456789");
    assert_false(buffer.failed);
    ts_buffer_append_text(&buffer, "");
    assert_false(buffer.failed);
    ts_buffer_append_char(&buffer, 'x');
    assert_true(buffer.failed);
    assert_holds(&buffer, "0123456789");
    ts_buffer_clear(&buffer);
    assert_false(buffer.failed);
    ts_buffer_format(&buffer, "%s", "0123456789a");
    assert_true(buffer.failed);
    ts_buffer_append_text(&buffer, "late");
    ts_buffer_append_i64(&buffer, 7);
    assert_int_equal(buffer.size, 0);
    assert_null(ts_buffer_reserve(&buffer, 1));
    ts_buffer_finish(&buffer);
}

static void test_reserve(void **state)
{
    (void)state;
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, 100000);
    for (size_t i = 0; i < 1000; i++) {
        char *at = ts_buffer_reserve(&buffer, 50);
        assert_non_null(at);
        memset(at, 'a' + (int)(i % 26), 50);
        ts_buffer_commit(&buffer, i % 51); /* what was not committed is not there */
    }
    size_t size = 0;
    for (size_t i = 0; i < 1000; i++) {
        for (size_t j = 0; j < i % 51; j++) {
            assert_int_equal(buffer.data[size++], 'a' + (int)(i % 26));
        }
    }
    assert_int_equal(buffer.size, size);
    assert_null(ts_buffer_reserve(&buffer, SIZE_MAX));
    ts_buffer_finish(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
