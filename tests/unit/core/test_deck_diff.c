/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/deck_text.h"
#include "tests/unit/unit.h"

#include "core/deck_compile.h"
#include "core/deck_diff.h"

enum { TOLD_MAX = 4096 };

/* A sheet that compiled. */
static struct ts_deck_sheet *sheet_of(const char *text)
{
    char copy[TOLD_MAX];
    struct ts_error err = {0};
    struct ts_deck_sheet *sheet = ts_deck_sheet_create(NULL, &err);
    uint32_t line = 1;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; at != NULL && *at != '\0'; line++) {
        char *end = strchr(at, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        deck_line(sheet, at, line);
        at = end != NULL ? end + 1 : NULL;
    }
    struct ts_deck *deck = ts_deck_sheet_compile(sheet, NULL, &err);
    assert_non_null(deck);
    ts_deck_destroy(deck);
    return sheet;
}

/* "up 2>3 +100 50.00%|" */
static void keep(void *self, const struct ts_deck_difference *difference)
{
    char *told = self;
    size_t size = strlen(told);
    assert_int_equal(difference->before == NULL, difference->line_before == 0);
    assert_int_equal(difference->after == NULL, difference->line_after == 0);
    snprintf(told + size,
             TOLD_MAX - size,
             "%s %u>%u %lld %s%lld|",
             ts_deck_change_name(difference->change),
             difference->line_before,
             difference->line_after,
             (long long)difference->rise_e8,
             difference->has_percent ? "%" : "",
             (long long)difference->percent_e2);
}

static void
diff(const char *before, const char *after, char told[TOLD_MAX], struct ts_deck_diff *out)
{
    struct ts_deck_sheet *a = sheet_of(before);
    struct ts_deck_sheet *b = sheet_of(after);
    told[0] = '\0';
    ts_deck_diff(a, b, keep, told, out);
    ts_deck_sheet_destroy(a);
    ts_deck_sheet_destroy(b);
}

static const struct {
    const char *before;
    const char *after;
    const char *told;
} cases[] = {
    {"prefix,rate\n44,1\n", "prefix,rate\n44,1.000\n", ""},
    {"prefix,rate\n44,1\n", "rate,prefix,category\n1,44,*\n", ""},
    {"prefix,rate\n44,1\n", "prefix,rate\n45,1\n", "removed 2>0 0 0|added 0>2 0 0|"},
    {"prefix,rate\n44,1\n45,2\n", "prefix,rate\n45,3\n44,1\n", "up 3>2 100000000 %5000|"},
    {"prefix,rate\n44,3\n", "prefix,rate\n44,1\n", "down 2>2 -200000000 %-6667|"},
    {"prefix,rate\n44,0\n", "prefix,rate\n44,0.00000001\n", "up 2>2 1 0|"},
    {"prefix,rate\n44,0.00000001\n", "prefix,rate\n44,0\n", "down 2>2 -1 %-10000|"},
    /* a percentage beyond what fits is none */
    {"prefix,rate\n44,0.00000001\n", "prefix,rate\n44,999999999\n", "up 2>2 99999999899999999 0|"},
    {"prefix,rate,rate_unit\n44,999999999,1\n",
     "prefix,rate,rate_unit\n44,999999999,1000000\n",
     "down 2>2 -9223372036854775807 %-10000|"},
    /* the same price, other units */
    {"prefix,rate,rate_unit\n44,0.6,60\n",
     "prefix,rate,rate_unit\n44,0.01,1\n",
     "changed 2>2 0 0|"},
    {"prefix,rate,rate_unit\n44,0.6,60\n",
     "prefix,rate,rate_unit\n44,0.02,1\n",
     "up 2>2 1000000 %10000|"},
    {"prefix,rate,rate_unit\n44,1,60\n",
     "prefix,rate,rate_unit\n44,0.02,1\n",
     "up 2>2 333333 %2000|"},
    /* blocked, and another unit, can't be compared */
    {"prefix,rate\n44,1\n", "prefix,rate\n44,blocked\n", "changed 2>2 0 0|"},
    {"prefix,rate\n44,blocked\n", "prefix,rate\n44,1\n", "changed 2>2 0 0|"},
    {"prefix,rate\n44,blocked\n", "prefix,rate\n44,blocked\n", ""},
    {"prefix,rate,unit\n44,1,second\n", "prefix,rate,unit\n44,1,page\n", "changed 2>2 0 0|"},
    /* everything that is no price and no key */
    {"prefix,rate,description\n44,1,a\n", "prefix,rate,description\n44,1,b\n", "changed 2>2 0 0|"},
    {"prefix,rate,interval_1\n44,1,60\n", "prefix,rate,interval_1\n44,1,30\n", "changed 2>2 0 0|"},
    {"prefix,rate,interval_n\n44,1,60\n", "prefix,rate,interval_n\n44,1,30\n", "changed 2>2 0 0|"},
    {"prefix,rate,connect_fee\n44,1,\n", "prefix,rate,connect_fee\n44,1,1\n", "changed 2>2 0 0|"},
    {"prefix,rate,grace\n44,1,\n", "prefix,rate,grace\n44,1,1\n", "changed 2>2 0 0|"},
    {"prefix,rate,min_charge\n44,1,\n", "prefix,rate,min_charge\n44,1,0\n", "changed 2>2 0 0|"},
    {"prefix,rate,max_charge\n44,1,\n", "prefix,rate,max_charge\n44,1,0\n", "changed 2>2 0 0|"},
    {"prefix,rate,effective_to\n44,1,\n",
     "prefix,rate,effective_to\n44,1,2030-01-01T00:00:00Z\n",
     "changed 2>2 0 0|"},
    /* the keys */
    {"prefix,rate,category\n44,1,\n",
     "prefix,rate,category\n44,1,local_outbound\n",
     "added 0>2 0 0|removed 2>0 0 0|"},
    {"prefix,rate,license\n44,1,talk\n44,1,\n",
     "prefix,rate,license\n44,2,\n44,1,talk\n",
     "up 3>2 100000000 %10000|"},
    {"prefix,rate,origin\n44,1,GB\n44,1,\n",
     "prefix,rate,origin\n44,1,\n44,3,gb\n",
     "up 2>3 200000000 %20000|"},
    {"prefix,rate,from_unit\n44,1,0\n44,1,60\n",
     "prefix,rate,from_unit\n44,1,0\n44,1,120\n",
     "removed 3>0 0 0|added 0>3 0 0|"},
    {"prefix,rate,days\n44,1,mon-fri\n44,2,sat;sun\n",
     "prefix,rate,days\n44,1,mon-fri\n44,1,sat-sun\n",
     "down 3>3 -100000000 %-5000|"},
    {"prefix,rate,effective_from\n44,1,\n",
     "prefix,rate,effective_from\n44,1,\n44,2,2030-01-01T00:00:00Z\n",
     "added 0>3 0 0|"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char told[TOLD_MAX];
        struct ts_deck_diff out;
        diff(cases[i].before, cases[i].after, told, &out);
        assert_string_equal(told, cases[i].told);
        int64_t told_count = 0;
        for (const char *at = told; (at = strchr(at, '|')) != NULL; at++) {
            told_count++;
        }
        int64_t count = 0;
        for (int change = 0; change < TS_DECK_CHANGE_SAME; change++) {
            count += out.sums[change].count;
        }
        assert_int_equal(told_count, count);
        assert_true(told[0] != '\0' || out.sums[TS_DECK_CHANGE_SAME].count > 0);
    }
}

static void test_sums(void **state)
{
    (void)state;
    char told[TOLD_MAX];
    struct ts_deck_diff out;
    diff("prefix,rate\n1,1\n2,2\n3,4\n4,8\n5,0\n6,5\n7,5\n",
         "prefix,rate\n1,1.5\n2,2.1\n3,3\n4,6\n5,0.1\n6,5\n8,1\n",
         told,
         &out);
    const struct ts_deck_diff_sum *up = &out.sums[TS_DECK_CHANGE_UP];
    assert_int_equal(up->count, 3);
    assert_int_equal(up->mean_e8, 23333333); /* (0.5 + 0.1 + 0.1) / 3 */
    assert_int_equal(up->percent_count, 2);
    assert_int_equal(up->mean_percent_e2, 2750); /* (50 + 5) / 2 */
    assert_int_equal(up->largest.line_after, 2);
    assert_int_equal(up->largest.percent_e2, 5000);
    const struct ts_deck_diff_sum *down = &out.sums[TS_DECK_CHANGE_DOWN];
    assert_int_equal(down->count, 2);
    assert_int_equal(down->mean_e8, -150000000);
    assert_int_equal(down->mean_percent_e2, -2500);
    assert_int_equal(down->largest.rise_e8, -200000000);
    assert_int_equal(down->largest.line_before, 5);
    assert_int_equal(out.sums[TS_DECK_CHANGE_SAME].count, 1);
    assert_int_equal(out.sums[TS_DECK_CHANGE_ADDED].count, 1);
    assert_int_equal(out.sums[TS_DECK_CHANGE_REMOVED].count, 1);
    assert_int_equal(out.sums[TS_DECK_CHANGE_CHANGED].count, 0);
}

/* What a row's cells are shown as is what reads as the same row. */
static void test_cells_read_as_they_were(void **state)
{
    (void)state;
    static const char header[] =
        "prefix,rate,category,license,origin,description,unit,rate_unit,interval_1,interval_n,"
        "connect_fee,grace,from_unit,days,from_time,to_time,effective_from,effective_to,min_charge,"
        "max_charge\n";
    static const char *const rows[] = {
        "*,0,*,*,*,,second,60,60,60,0,0,0,*,00:00,24:00,,,,",
        "44207,0.0073,international_outbound,contact_center,GB,London;,second,1,30,6,0.05,3,0,*,"
        "00:00,24:00,2026-01-01T00:00:00Z,2026-06-01T12:30:00.250Z,0.01,12.5",
        "4,blocked,*,talk,*,,page,1,1,1,0,0,0,*,00:00,24:00,,,,",
        "123456789012345,999999999.99999999,*,sell,*,x,second,1000000,1,1,0,0,0,mon,00:00,24:00,,,,"
        "\n123456789012345,1,*,sell,*,x,second,1,1,1,0,0,0,tue-wed;fri-sun,00:00,12:30,,,,"
        "\n123456789012345,1,*,sell,*,x,second,1,1,1,0,0,0,tue-wed;fri-sun,12:30,00:00,,,,"
        "\n123456789012345,1,*,sell,*,x,second,1,1,1,0,0,0,thu,00:00,24:00,,,,",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[TOLD_MAX];
        snprintf(text, sizeof text, "%s%s\n", header, rows[i]);
        struct ts_deck_sheet *sheet = sheet_of(text);
        struct ts_buffer again;
        ts_buffer_init(&again, TOLD_MAX);
        for (size_t r = 0; r < sheet->row_count; r++) {
            ts_buffer_append_text(&again, r == 0 ? "" : "\n");
            for (size_t column = 0; column < ts_deck_column_count(); column++) {
                size_t from = again.size;
                ts_buffer_append_text(&again, column == 0 ? "" : ",");
                ts_deck_cell(sheet, &sheet->rows[r], column, &again);
                for (size_t at = from + 1; at < again.size; at++) {
                    again.data[at] = (char)(again.data[at] == ',' ? ';' : again.data[at]);
                }
            }
        }
        ts_buffer_append_char(&again, '\0');
        assert_string_equal(again.data, rows[i]);
        ts_buffer_finish(&again);
        ts_deck_sheet_destroy(sheet);
    }
}

static void test_keys(void **state)
{
    (void)state;
    static const char keys[] = " prefix category license origin from_unit days from_time to_time "
                               "effective_from ";
    for (size_t column = 0; column < ts_deck_column_count(); column++) {
        char name[32];
        snprintf(name, sizeof name, " %s ", ts_deck_column(column)->name);
        assert_int_equal(ts_deck_diff_is_key(column), strstr(keys, name) != NULL);
        assert_int_equal(ts_deck_column_of(ts_deck_column(column)->name), column);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_cells_read_as_they_were),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
