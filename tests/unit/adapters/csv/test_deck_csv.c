/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/csv/deck_csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 1024 };

/* "3 rate|": line and column of each note. */
static void keep(void *self, const struct ts_deck_note *note)
{
    char *list = self;
    size_t size = strlen(list);
    snprintf(list + size, NOTES_MAX - size, "%u %s|", note->line, note->column);
}

/* Rows of the deck, 0 when refused. The bytes are copied without a NUL, so that reading beyond
 * their end is found. */
static size_t rows_of(const char *text, size_t size, char notes[NOTES_MAX])
{
    struct ts_error err = {0};
    struct ts_deck_listener listener = {.note = keep, .self = notes};
    char *copy = malloc(size + 1);
    memcpy(copy, text, size);
    notes[0] = '\0';
    struct ts_deck *deck = ts_csv_read_deck((struct ts_bytes){copy, size}, NULL, &listener, &err);
    assert_int_equal(err.class, deck == NULL ? TS_ERROR_REJECT : TS_ERROR_NONE);
    size_t rows = deck != NULL ? ts_deck_row_count(deck) : 0;
    ts_deck_destroy(deck);
    free(copy);
    return rows;
}

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t rows;
        const char *notes;
    } cases[] = {
        {"prefix,rate\n44,1\n45,2\n", 2, ""},
        {"prefix,rate\n44,1\n45,2", 2, ""},
        {"\xEF\xBB\xBFprefix,rate\r\n44,1\r\n45,2\r\n", 2, ""},
        {"\"prefix\",\"rate\"\n\"44\",\"1\"\n", 1, ""},
        {"\xEF\xBB\xBF\"prefix\",rate\n44,1\n", 1, ""},
        {"prefix,rate,days\n44,1,\"mon-fri,sat,sun\"\n", 1, ""},
        {"prefix,rate,description\n44,1,\"the \"\"UK\"\", all\"\n45,1,\n", 2, ""},
        {"prefix,rate\n\n44,1\n\n45,x\n\n", 0, "5 rate|"},
        {"prefix,rate,description\n44,1,\"two\nlines\"\n45,x,\n", 0, "2 description|4 rate|"},
        {"prefix,rate,description\n44,1,\"two\r\n\r\nlines\"\r\n45,x,\r\n",
         0,
         "2 description|5 rate|"},
        {"prefix,rate\n 44,1\n45, 1\n46,1 \n", 0, "2 prefix|3 rate|4 rate|"},
        {"prefix, rate\n44,1\n", 0, "1 \" rate\"|1 rate|"},
        {"prefix,rate\n44,\"1\n45,1\n", 0, "3 |"},
        {"prefix,rate\n44,1\"2\"\n", 0, "2 |"},
        {"prefix,rate\n44,\"1\"2\n", 0, "2 |"},
        {"prefix,rate\n44,x\n45,\"1\"2\n", 0, "2 rate|3 |"},
        {"", 0, "1 |"},
        {"\xEF\xBB\xBF", 0, "1 |"},
        {"\n\n", 0, "1 |"},
        {"prefix;rate\n44;1\n", 0, "1 \"prefix;rate\"|1 prefix|1 rate|"},
        {"prefix,rate\n44,1,\n", 0, "2 rate|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char notes[NOTES_MAX];
        size_t rows = rows_of(cases[i].text, strlen(cases[i].text), notes);
        assert_string_equal(notes, cases[i].notes);
        assert_int_equal(rows, cases[i].rows);
    }
}

static void test_hostile(void **state)
{
    (void)state;
    char notes[NOTES_MAX];
    assert_int_equal(rows_of("prefix,rate\n4\0004,1\n", 17, notes), 0);
    assert_string_equal(notes, "2 prefix|");
    /* a line of commas without end */
    size_t size = 100000;
    char *text = malloc(size);
    memset(text, ',', size);
    assert_int_equal(rows_of(text, size, notes), 0);
    /* one cell of a megabyte and more */
    size = 3 * 1024 * 1024;
    text = realloc(text, size);
    memset(text, 'a', size);
    memcpy(text, "prefix,rate\n", 12);
    assert_int_equal(rows_of(text, size, notes), 0);
    free(text);
}

/* Cut anywhere, a deck is refused or is a deck of fewer rows; nothing crashes. */
static void test_cut_short(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBFprefix,rate,days,description\r\n"
                               "44,0.01,\"mon,tue-sun\",\"a \"\"b\"\" c\"\r\n*,blocked,,x\r\n";
    for (size_t size = 0; size < sizeof text; size++) {
        char notes[NOTES_MAX];
        size_t rows = rows_of(text, size, notes);
        assert_true(rows <= 2);
        assert_int_equal(rows == 0, notes[0] != '\0');
    }
}

static void test_port(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_decks decks = ts_csv_decks(NULL);
    struct ts_deck *deck = decks.read(decks.self, TS_LITERAL("prefix,rate\n44,1\n"), NULL, &err);
    assert_non_null(deck);
    assert_true(ts_deck_memory_bytes(deck) > 0);
    ts_deck_destroy(deck);
    assert_null(decks.read(decks.self, TS_LITERAL("prefix,rate\n44,x\n"), NULL, &err));
    assert_non_null(strstr(err.text, "line 2, column rate"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
