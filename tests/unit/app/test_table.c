/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ts_column columns[] = {{"account_id", TS_COLUMN_TEXT},
                                           {"rows", TS_COLUMN_NUMBER},
                                           {"balance", TS_COLUMN_AMOUNT},
                                           {"told_at", TS_COLUMN_TIME},
                                           {"open", TS_COLUMN_BOOL}};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct output {
    char *text;
    size_t size;
    FILE *file;
};

static FILE *output_open(struct output *output)
{
    output->file = open_memstream(&output->text, &output->size);
    assert_non_null(output->file);
    return output->file;
}

static void put_rows(struct ts_table *table)
{
    ts_table_text(table, TS_LITERAL("gr\xc3\xbc\xc3\x9f, \"x\""));
    ts_table_number(table, -7);
    ts_table_amount(table, 21900, 2);
    ts_table_time(table, 0);
    ts_table_bool(table, true);
    ts_table_text(table, (struct ts_bytes){NULL, 0});
    ts_table_number(table, 12345);
    ts_table_amount(table, -3000000, 2);
    ts_table_absent(table);
    ts_table_bool(table, false);
}

static void expect(enum ts_format format, const char *expected)
{
    struct output output;
    struct ts_table table;
    ts_table_init(&table, output_open(&output), format, columns, COLUMNS);
    put_rows(&table);
    assert_true(ts_table_finish(&table));
    fclose(output.file);
    assert_string_equal(output.text, expected);
    free(output.text);
}

static void test_formats(void **state)
{
    (void)state;
    expect(TS_FORMAT_TABLE,
           "ACCOUNT ID   ROWS  BALANCE  TOLD AT               OPEN\n"
           "gr\xc3\xbc\xc3\x9f, \"x\"      -7     0.02  1970-01-01T00:00:00Z  yes\n"
           "            12345    -3.00                        no\n");
    expect(TS_FORMAT_CSV,
           "account_id,rows,balance,told_at,open\n"
           "\"gr\xc3\xbc\xc3\x9f, \"\"x\"\"\",-7,0.021900,1970-01-01T00:00:00Z,yes\n"
           ",12345,-3.000000,,no\n");
    expect(TS_FORMAT_JSON,
           "[\n"
           "{\"account_id\":\"gr\xc3\xbc\xc3\x9f, \\\"x\\\"\",\"rows\":-7,\"balance\":\"0.021900\","
           "\"told_at\":\"1970-01-01T00:00:00Z\",\"open\":true},\n"
           "{\"account_id\":null,\"rows\":12345,\"balance\":\"-3.000000\",\"told_at\":null,"
           "\"open\":false}\n"
           "]\n");
}

/* Digits that are not whole and cells that are JSON already stay so, and are text elsewhere. */
static void test_literals(void **state)
{
    (void)state;
    static const struct ts_column literals[] = {{"minutes", TS_COLUMN_NUMBER},
                                                {"body", TS_COLUMN_TEXT}};
    static const struct {
        enum ts_format format;
        const char *text;
    } cases[] = {
        {TS_FORMAT_TABLE, "MINUTES  BODY\n   2.50  {\"a\": 1}\n"},
        {TS_FORMAT_CSV, "minutes,body\n2.50,\"{\"\"a\"\": 1}\"\n"},
        {TS_FORMAT_JSON, "[\n{\"minutes\":2.50,\"body\":{\"a\": 1}}\n]\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct output output;
        struct ts_table table;
        ts_table_init(&table, output_open(&output), cases[i].format, literals, 2);
        ts_table_decimal(&table, "2.50");
        ts_table_json(&table, TS_LITERAL("{\"a\": 1}"));
        assert_true(ts_table_finish(&table));
        fclose(output.file);
        assert_string_equal(output.text, cases[i].text);
        free(output.text);
    }
}

/* What is flushed is written at once, under the header, and what follows goes on below it. */
static void test_flush(void **state)
{
    (void)state;
    static const struct ts_column one[] = {{"name", TS_COLUMN_TEXT}};
    struct output output;
    struct ts_table table;
    ts_table_init(&table, output_open(&output), TS_FORMAT_TABLE, one, 1);
    ts_table_text(&table, TS_LITERAL("first"));
    ts_table_flush(&table);
    assert_string_equal(output.text, "NAME\nfirst\n");
    ts_table_text(&table, TS_LITERAL("second"));
    ts_table_flush(&table);
    assert_string_equal(output.text, "NAME\nfirst\nsecond\n");
    assert_true(ts_table_finish(&table));
    fclose(output.file);
    assert_string_equal(output.text, "NAME\nfirst\nsecond\n");
    free(output.text);
}

static void test_time_beyond_the_calendar(void **state)
{
    (void)state;
    static const struct ts_column times[] = {{"told_at", TS_COLUMN_TIME}};
    struct output output;
    struct ts_table table;
    ts_table_init(&table, output_open(&output), TS_FORMAT_CSV, times, 1);
    ts_table_time(&table, INT64_MAX);
    ts_table_time(&table, INT64_MIN);
    ts_table_time(&table, 0);
    assert_true(ts_table_finish(&table));
    fclose(output.file);
    assert_string_equal(output.text, "told_at\n\n\n1970-01-01T00:00:00Z\n");
    free(output.text);
}

/* One thing: a line a column, or one object. */
static void test_record(void **state)
{
    (void)state;
    static const struct ts_column two[] = {{"a", TS_COLUMN_TEXT}, {"balance", TS_COLUMN_AMOUNT}};
    static const char *const expected[] = {"a        x\nbalance  1.50\n",
                                           "a,balance\nx,1.500000\n",
                                           "{\"a\":\"x\",\"balance\":\"1.500000\"}\n"};
    for (int format = TS_FORMAT_TABLE; format <= TS_FORMAT_JSON; format++) {
        struct output output;
        struct ts_table table;
        ts_table_init_record(&table, output_open(&output), (enum ts_format)format, two, 2);
        ts_table_text(&table, TS_LITERAL("x"));
        ts_table_amount(&table, 1500000, 2);
        assert_true(ts_table_finish(&table));
        fclose(output.file);
        assert_string_equal(output.text, expected[format]);
        free(output.text);
    }
}

static void test_empty(void **state)
{
    (void)state;
    static const char *const expected[] = {"ACCOUNT ID  ROWS  BALANCE  TOLD AT  OPEN\n",
                                           "account_id,rows,balance,told_at,open\n",
                                           "[]\n"};
    for (int format = TS_FORMAT_TABLE; format <= TS_FORMAT_JSON; format++) {
        struct output output;
        struct ts_table table;
        ts_table_init(&table, output_open(&output), (enum ts_format)format, columns, COLUMNS);
        assert_true(ts_table_finish(&table));
        fclose(output.file);
        assert_string_equal(output.text, expected[format]);
        free(output.text);
    }
}

/* More rows than are held back: all are there, in order, and aligned as far as was known. */
static void test_many_rows(void **state)
{
    (void)state;
    static const struct ts_column one[] = {{"n", TS_COLUMN_NUMBER}};
    struct output output;
    struct ts_table table;
    ts_table_init(&table, output_open(&output), TS_FORMAT_TABLE, one, 1);
    enum { ROWS = 3 * TS_TABLE_HELD };
    for (int i = 0; i < ROWS; i++) {
        ts_table_number(&table, i);
    }
    assert_true(ts_table_finish(&table));
    fclose(output.file);
    const char *at = strchr(output.text, '\n') + 1;
    for (int i = 0; i < ROWS; i++) {
        char *end = NULL;
        assert_int_equal(strtol(at, &end, 10), i);
        assert_int_equal(*end, '\n');
        at = end + 1;
    }
    assert_int_equal(*at, '\0');
    free(output.text);
}

static void test_terminal_is_not_moved_by_data(void **state)
{
    (void)state;
    static const struct ts_column one[] = {{"name", TS_COLUMN_TEXT}};
    struct output output;
    struct ts_table table;
    ts_table_init(&table, output_open(&output), TS_FORMAT_TABLE, one, 1);
    ts_table_text(&table, TS_LITERAL("\x1b[2Jx\ny"));
    assert_true(ts_table_finish(&table));
    fclose(output.file);
    assert_string_equal(output.text, "NAME\n?[2Jx?y\n");
    free(output.text);
}

static void test_output_that_fails_is_told(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    struct ts_table table;
    ts_table_init(&table, full, TS_FORMAT_CSV, columns, COLUMNS);
    put_rows(&table);
    assert_false(ts_table_finish(&table));
    fclose(full);
}

static void test_format_names(void **state)
{
    (void)state;
    enum ts_format format = TS_FORMAT_TABLE;
    assert_true(ts_format_of("json", &format));
    assert_int_equal(format, TS_FORMAT_JSON);
    assert_false(ts_format_of("xml", &format));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_time_beyond_the_calendar),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_terminal_is_not_moved_by_data),
        cmocka_unit_test(test_output_that_fails_is_told),
        cmocka_unit_test(test_format_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
