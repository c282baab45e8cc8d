/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/torture.h"

#include "ports/headers.h"
#include "ports/undo.h"

/* An undo text that was not written whole is never taken for a shorter one that is: the failure
 * sticks in the buffer. */
static bool write_undo(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_buffer text;
    ts_buffer_init(&text, 1024 * 1024);
    for (int64_t i = 0; i < 100; i++) {
        struct ts_undo_item item = {
            .offset = i, .delta_micros = -i, .account_id = TS_LITERAL("office")};
        ts_undo_append(&text, &item);
    }
    bool failed = text.failed;
    assert_int_equal(failed, torture_has_struck());
    struct ts_bytes rest = ts_buffer_bytes(&text);
    struct ts_undo_item item;
    int64_t count = 0;
    while (!failed && ts_undo_next(&rest, &item)) {
        assert_int_equal(item.offset, count++);
    }
    assert_true(failed || (count == 100 && rest.size == 0));
    ts_buffer_finish(&text);
    return !failed || ts_error_no_memory(err);
}

static void test_undo(void **state)
{
    (void)state;
    assert_in_range(torture(write_undo, NULL, TS_ERROR_FATAL), 3, 10);
}

static bool write_headers(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_buffer encoded;
    ts_buffer_init(&encoded, 1024 * 1024);
    for (int i = 0; i < 50; i++) {
        ts_headers_append(&encoded, TS_LITERAL("name"), TS_LITERAL("value"));
    }
    bool failed = encoded.failed;
    assert_int_equal(failed, torture_has_struck());
    ts_buffer_finish(&encoded);
    return !failed || ts_error_no_memory(err);
}

static void test_headers(void **state)
{
    (void)state;
    assert_in_range(torture(write_headers, NULL, TS_ERROR_FATAL), 2, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undo),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
