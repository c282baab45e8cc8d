/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/arena.h"

#include <string.h>

/* Pieces of all sizes are aligned, do not overlap, and keep what was written into them. */
static void test_take(void **state)
{
    (void)state;
    struct ts_arena arena;
    unsigned char *pieces[300];
    ts_arena_init(&arena, 1000, 1000000);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 300; i++) {
            size_t size = i * 7 % 400;
            pieces[i] = ts_arena_take(&arena, size);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            memset(pieces[i], (int)(i % 251), size);
        }
        for (size_t i = 0; i < 300; i++) {
            for (size_t j = 0; j < i * 7 % 400; j++) {
                assert_int_equal(pieces[i][j], i % 251);
            }
        }
        ts_arena_reset(&arena);
    }
    ts_arena_finish(&arena);
}

static void test_limit(void **state)
{
    (void)state;
    struct ts_arena arena;
    ts_arena_init(&arena, 100, 1000);
    assert_non_null(ts_arena_take(&arena, 600)); /* larger than a block */
    assert_non_null(ts_arena_take(&arena, 400));
    assert_null(ts_arena_take(&arena, 1));
    assert_non_null(ts_arena_take(&arena, 0));
    assert_null(ts_arena_take(&arena, SIZE_MAX));
    ts_arena_reset(&arena);
    assert_int_equal(arena.size, 0);
    assert_non_null(ts_arena_take(&arena, 1000));
    ts_arena_finish(&arena);
    assert_null(arena.blocks);
}

/* A steady stream of batches takes its memory once. */
static void test_reset_keeps_a_block(void **state)
{
    (void)state;
    struct ts_arena arena;
    ts_arena_init(&arena, 1000, 10000);
    void *first = ts_arena_take(&arena, 500);
    for (int i = 0; i < 10; i++) {
        ts_arena_reset(&arena);
        assert_ptr_equal(ts_arena_take(&arena, 500), first);
    }
    ts_arena_finish(&arena);
}

static void test_copy(void **state)
{
    (void)state;
    struct ts_arena arena;
    ts_arena_init(&arena, 100, 200);
    struct ts_bytes copy = ts_arena_copy(&arena, TS_LITERAL("abc"));
    assert_int_equal(copy.size, 3);
    assert_string_equal(copy.data, "abc"); /* a NUL follows */
    struct ts_bytes empty = ts_arena_copy(&arena, TS_LITERAL(""));
    assert_non_null(empty.data);
    assert_int_equal(empty.size, 0);
    struct ts_bytes absent = ts_arena_copy(&arena, (struct ts_bytes){NULL, 0});
    assert_null(absent.data);
    assert_int_equal(absent.size, 0);
    char large[300] = {0};
    struct ts_bytes failed = ts_arena_copy(&arena, (struct ts_bytes){large, sizeof large});
    assert_null(failed.data);
    assert_true(failed.size == SIZE_MAX);
    ts_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_reset_keeps_a_block),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
