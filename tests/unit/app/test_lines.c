/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/currency.h"
#include "app/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ts_lines lines;

static FILE *open_text(const char *text, size_t size)
{
    FILE *in = tmpfile();
    assert_non_null(in);
    assert_int_equal(fwrite(text, 1, size, in), size);
    rewind(in);
    assert_true(ts_lines_init(&lines, in, TS_LINE_MAX));
    return in;
}

static void close_text(FILE *in)
{
    ts_lines_finish(&lines);
    fclose(in);
}

static void expect_line(const char *text)
{
    struct ts_bytes line;
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_LINE);
    assert_true(ts_bytes_equal_text(line, text));
}

static void test_ends_of_lines(void **state)
{
    (void)state;
    static const char text[] = "a\nb\r\n\n\r\nlast";
    struct ts_bytes line;
    FILE *in = open_text(text, sizeof text - 1);
    expect_line("a");
    expect_line("b");
    expect_line("");
    expect_line("");
    expect_line("last");
    assert_int_equal(lines.number, 5);
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_END);
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_END);
    close_text(in);
}

static void test_long_lines_are_skipped_whole(void **state)
{
    (void)state;
    enum { HUGE_SIZE = 3 * TS_LINES_READ };
    char *text = malloc(HUGE_SIZE + TS_LINE_MAX + 20);
    struct ts_bytes line;
    assert_non_null(text);
    memset(text, 'x', HUGE_SIZE);
    memcpy(text + HUGE_SIZE, "\nshort\n", 7);
    memset(text + HUGE_SIZE + 7, 'y', TS_LINE_MAX);
    memcpy(text + HUGE_SIZE + 7 + TS_LINE_MAX, "\nz", 2);
    FILE *in = open_text(text, HUGE_SIZE + 7 + TS_LINE_MAX + 2);
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_TOO_LONG);
    expect_line("short");
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_LINE);
    assert_int_equal(line.size, TS_LINE_MAX);
    expect_line("z");
    assert_int_equal(lines.number, 4);
    close_text(in);
    in = open_text(text, HUGE_SIZE); /* no end at all */
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_TOO_LONG);
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_END);
    close_text(in);
    free(text);
}

static void test_the_end_of_a_line_does_not_count(void **state)
{
    (void)state;
    struct ts_bytes line;
    FILE *in = tmpfile();
    assert_non_null(in);
    fputs("abc\r\nabcd\nab\rd\r\nabc\r", in);
    rewind(in);
    assert_true(ts_lines_init(&lines, in, 3));
    expect_line("abc");
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_TOO_LONG);
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_TOO_LONG);
    expect_line("abc");
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_END);
    close_text(in);
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    struct ts_bytes line;
    FILE *in = fopen("/", "r");
    assert_non_null(in);
    assert_true(ts_lines_init(&lines, in, TS_LINE_MAX));
    assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_FAILED);
    assert_int_equal(errno, EISDIR);
    close_text(in);
}

/* Lines of every length around the buffer's size come out as they went in. */
static void test_many_lines(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    FILE *in = tmpfile();
    assert_non_null(in);
    for (int i = 0; i < COUNT; i++) {
        fprintf(in, "%0*d\n", 1 + i % 997, i % 10);
    }
    rewind(in);
    assert_true(ts_lines_init(&lines, in, TS_LINE_MAX));
    for (int i = 0; i < COUNT; i++) {
        struct ts_bytes line;
        assert_int_equal(ts_lines_next(&lines, &line), TS_LINES_LINE);
        assert_int_equal(line.size, 1 + i % 997);
        assert_int_equal(line.data[line.size - 1], '0' + i % 10);
    }
    close_text(in);
}

static void test_currencies(void **state)
{
    (void)state;
    assert_int_equal(ts_currency_decimals("USD"), 2);
    assert_int_equal(ts_currency_decimals("JPY"), 0);
    assert_int_equal(ts_currency_decimals("KWD"), 3);
    assert_int_equal(ts_currency_decimals("CLF"), 4);
    assert_int_equal(ts_currency_decimals("F C"), 2);
    assert_int_equal(ts_currency_decimals(""), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_of_lines),
        cmocka_unit_test(test_long_lines_are_skipped_whole),
        cmocka_unit_test(test_the_end_of_a_line_does_not_count),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_many_lines),
        cmocka_unit_test(test_currencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
