/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "ports/counter.h"

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    static const struct {
        struct ts_counter counter;
        const char *text;
    } cases[] = {
        {{202611, TS_LITERAL("office 7"), TS_LITERAL("intl")}, "202611:8:office 7intl"},
        {{999912, TS_LITERAL("1:2"), TS_LITERAL(":3")}, "999912:3:1:2:3"},
        {{0, TS_LITERAL(""), TS_LITERAL("n")}, "0:0:n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_buffer text;
        ts_buffer_init(&text, 256);
        ts_counter_append(&text, &cases[i].counter);
        assert_true(ts_bytes_equal_text(ts_buffer_bytes(&text), cases[i].text));
        struct ts_counter read;
        assert_true(ts_counter_parse(ts_buffer_bytes(&text), &read));
        assert_int_equal(read.month, cases[i].counter.month);
        assert_true(ts_bytes_equal(read.account_id, cases[i].counter.account_id));
        assert_true(ts_bytes_equal(read.allowance, cases[i].counter.allowance));
        ts_buffer_finish(&text);
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", "202611", "202611:", ":1:a", "202611:9:abc", "x:1:a", "202611:-1:a", "2147483648:1:a"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_counter read;
        assert_false(ts_counter_parse(ts_bytes_of(cases[i]), &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
