/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "ports/undo.h"

#include <string.h>

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    const struct ts_undo_item items[] = {
        {.offset = 0, .delta_micros = 0, .account_id = TS_LITERAL("a")},
        {.offset = INT64_MAX,
         .delta_micros = -9000000000000000,
         .account_id = TS_LITERAL("two words")},
        {.offset = 7,
         .delta_micros = 9000000000000000,
         .account_id = TS_LITERAL("line\nbreak 3 x\n")},
        {.offset = 8, .delta_micros = -1, .account_id = TS_LITERAL("")},
        {.offset = 9, .delta_micros = 1, .account_id = {"nul\0byte", 8}},
        {.offset = 9, .units = 60, .counter = TS_LITERAL("202611:3:n 1x\n")},
        {.offset = 9, .units = 1, .counter = TS_LITERAL("")},
        {.offset = 10, .units = -60, .counter = TS_LITERAL("202611:3:annx")},
    };
    enum { COUNT = sizeof items / sizeof items[0] };
    struct ts_buffer text;
    ts_buffer_init(&text, 1024);
    for (size_t i = 0; i < COUNT; i++) {
        ts_undo_append(&text, &items[i]);
    }
    assert_false(text.failed);
    assert_memory_equal(text.data, "0 0 1 a\n", 8);
    assert_memory_equal(text.data + text.size - 25, "10 -60 n13 202611:3:annx\n", 25);
    struct ts_bytes rest = ts_buffer_bytes(&text);
    struct ts_undo_item item;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(ts_undo_next(&rest, &item));
        assert_int_equal(item.offset, items[i].offset);
        assert_int_equal(item.delta_micros, items[i].delta_micros);
        assert_true(ts_bytes_equal(item.account_id, items[i].account_id));
        assert_int_equal(item.units, items[i].units);
        assert_true(ts_bytes_equal(item.counter, items[i].counter));
        assert_int_equal(item.counter.data == NULL, items[i].counter.data == NULL);
    }
    assert_int_equal(rest.size, 0);
    assert_false(ts_undo_next(&rest, &item));
    ts_buffer_finish(&text);
}

static void damaged_text_is_refused_in_place(void **state)
{
    (void)state;
    const char *cases[] = {
        "x",
        "1",
        "1 ",
        "1 2",
        "1 2 3",
        "1 2 3 ab\n",
        "1 2 3 abc",
        "1 2 3 abcd\n",
        "- 2 1 a\n",
        "1  2 1 a\n",
        "1 2 -1 a\n",
        "1 2 99999999999999999999 a\n",
        "9223372036854775808 2 1 a\n",
        "1 2 9223372036854775807 a\n",
        "\n",
        " 1 2 1 a\n",
        "1 +2 1 a\n",
        "1 2 n a\n",
        "1 - n1 a\n",
        "1 2 n-1 a\n",
        "1 2 nn1 a\n",
        "1 2 m1 a\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_bytes rest = ts_bytes_of(cases[i]);
        struct ts_undo_item item;
        assert_false(ts_undo_next(&rest, &item));
        assert_int_equal(rest.size, strlen(cases[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(damaged_text_is_refused_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
