/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/torture.h"

#include "base/arena.h"
#include "base/buffer.h"

#include <string.h>

/* A buffer that cannot grow keeps what it has, says so once and for all, and works again when it is
 * cleared. */
static bool fill_buffer(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, 1024 * 1024);
    for (int i = 0; i < 2000 && !buffer.failed; i++) {
        ts_buffer_format(&buffer, "%d;", i);
    }
    bool failed = buffer.failed;
    assert_int_equal(failed, torture_has_struck());
    if (failed) {
        size_t size = buffer.size;
        ts_buffer_append_text(&buffer, "x");
        ts_buffer_append_i64(&buffer, 7);
        assert_null(ts_buffer_reserve(&buffer, 1));
        assert_int_equal(buffer.size, size);
        assert_true(size == 0 || memcmp(buffer.data, "0;1;2;", 6) == 0);
        ts_error_no_memory(err);
    }
    ts_buffer_clear(&buffer);
    assert_false(buffer.failed);
    ts_buffer_finish(&buffer);
    return !failed;
}

static void test_buffer(void **state)
{
    (void)state;
    assert_in_range(torture(fill_buffer, NULL, TS_ERROR_FATAL), 5, 10); /* it doubles */
}

/* An arena without room refuses that piece; what it gave out before stays. */
static bool fill_arena(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_arena arena;
    bool good = true;
    ts_arena_init(&arena, 256, 1024 * 1024);
    struct ts_bytes first = ts_arena_copy(&arena, TS_LITERAL("first"));
    for (int i = 0; i < 20; i++) {
        struct ts_bytes copy = ts_arena_copy(&arena, TS_LITERAL("of a hundred bytes, or nearly"));
        good = good && copy.data != NULL;
        assert_true(copy.data != NULL || copy.size == SIZE_MAX);
        good = ts_arena_take(&arena, 100) != NULL && good;
    }
    good = ts_arena_take(&arena, 10000) != NULL && good; /* larger than a block */
    assert_true(first.data == NULL || ts_bytes_equal_text(first, "first"));
    good = good && first.data != NULL;
    ts_arena_reset(&arena);
    assert_int_equal(arena.size, 0);
    ts_arena_finish(&arena);
    assert_int_equal(good, !torture_has_struck());
    return good || ts_error_no_memory(err);
}

static void test_arena(void **state)
{
    (void)state;
    assert_in_range(torture(fill_arena, NULL, TS_ERROR_FATAL), 5, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer),
        cmocka_unit_test(test_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
