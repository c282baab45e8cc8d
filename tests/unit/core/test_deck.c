/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/deck_text.h"
#include "tests/unit/unit.h"

#include "base/error.h"
#include "core/numbering.h"
#include "core/numbering_data.h"

#include <stdlib.h>

struct deck_case {
    const char *text;
    const char *faults; /* "" for none */
};

static void check(const struct deck_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct deck_notes notes;
        struct ts_deck *deck = deck_of(cases[i].text, NULL, &notes);
        if (strcmp(notes.faults, cases[i].faults) != 0) {
            print_error("%s\n%s\n", cases[i].text, notes.texts);
        }
        assert_string_equal(notes.faults, cases[i].faults);
        assert_int_equal(deck == NULL, cases[i].faults[0] != '\0');
        ts_deck_destroy(deck);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof(cases)[0])

static void test_header(void **state)
{
    (void)state;
    static const struct deck_case cases[] = {
        {"prefix,rate\n44,0.01", ""},
        {"rate,prefix\n0.01,44", ""},
        {"prefix,rate,colour\n44,0.01,red", "1 \"colour\"|"},
        {"prefix\n44", "1 rate|"},
        {"rate\n1", "1 prefix|"},
        {"prefix,rate,prefix\n44,1,44", "1 prefix|"},
        {"prefix,Rate\n44,1", "1 \"Rate\"|1 rate|"},
        {"", "1 |"},
        {"prefix,rate", "1 |"},
        {"prefix,rate\n44,1,1\n45", "2 rate|3 rate|"},
    };
    CHECK(cases);
}

static void test_cells(void **state)
{
    (void)state;
    static const struct deck_case cases[] = {
        {"prefix,rate\n*,blocked\n44,0\n0044,1\n123456789012345,1", ""},
        {"prefix,rate\n+44,1\n4a,1\n1234567890123456,1\n,1\n**,1",
         "2 prefix|3 prefix|4 prefix|5 prefix|6 prefix|"},
        {"prefix,rate\n44,\n45,-1\n46,Blocked\n47,1e3", "2 rate|3 rate|4 rate|5 rate|"},
        {"prefix,rate,category\n44,1,local_outbound\n44,1,*\n45,1,\n46,1,Local", "5 category|"},
        {"prefix,rate,license\n44,1,talk\n44,1,contact_center\n44,1,sell\n44,1,TALK", "5 license|"},
        {"prefix,rate,origin\n44,1,GB\n45,1,gb\n46,1,GBR\n47,1,1", "4 origin|5 origin|"},
        {"prefix,rate,unit\n44,1,second\n45,1,page\n46,1,minute", "4 unit|"},
        {"prefix,rate,rate_unit\n1,1,1\n2,1,1000000\n3,1,0\n4,1,1000001\n5,1,60.0\n6,1,-1",
         "4 rate_unit|5 rate_unit|6 rate_unit|7 rate_unit|"},
        {"prefix,rate,interval_1,interval_n\n1,1,0,1\n2,1,1,0\n3,1,6,6",
         "2 interval_1|3 interval_n|"},
        {"prefix,rate,grace\n1,1,0\n2,1,1000000\n3,1,1000001\n4,1,99999999999", "4 grace|5 grace|"},
        {"prefix,rate,connect_fee\n1,1,0.5\n2,1,.5", "3 connect_fee|"},
        {"prefix,rate,min_charge,max_charge\n1,1,0.5,0.1\n2,1,x,y", "3 min_charge|3 max_charge|"},
        {"prefix,rate,effective_from\n1,1,2026-01-01T00:00:00Z\n1,1,\n1,1,2026-01-01",
         "4 effective_from|"},
        {"prefix,rate,from_time,to_time\n1,1,00:00,24:00\n2,1,24:00,\n3,1,,24:01\n4,1,8:00,\n"
         "5,1,08:60,\n6,1,08:00,08:00\n7,1,00:00,00:00",
         "3 from_time|4 to_time|5 from_time|6 from_time|"},
        {"prefix,rate,days\n1,1,*\n2,1,mon-sun\n3,1,fri-thu\n4,1,mon;tue-sat;sun\n5,1,monday\n"
         "6,1,mon-\n7,1,mon;;tue\n8,1,-\n9,1,mon-tue-wed",
         "6 days|7 days|8 days|9 days|10 days|"},
        {"prefix,rate,description\n1,1,fine\n2,1,b\x01d\n3,1,b\xff",
         "3 description|4 description|"},
        /* all faults of a line are told */
        {"prefix,rate,grace,unit\nx,y,z,w", "2 prefix|2 rate|2 grace|2 unit|"},
    };
    CHECK(cases);
}

static void test_rates(void **state)
{
    (void)state;
    static const struct deck_case cases[] = {
        /* tiers and windows */
        {"prefix,rate,from_unit\n1,1,60\n1,1,0\n1,1,120", ""},
        {"prefix,rate,days,from_time,to_time\n1,1,mon-fri,08:00,18:00\n1,2,mon-fri,18:00,08:00\n"
         "1,3,sat,08:00,24:00\n1,4,sun,,\n1,5,mon,00:00,08:00",
         ""},
        {"prefix,rate,from_unit,from_time,to_time\n1,1,0,,\n1,2,60,08:00,18:00", ""},
        /* duplicates */
        {"prefix,rate\n44,1\n44,2", "3 prefix|"},
        {"prefix,rate,days\n44,1,*\n44,2,mon-sun\n44,3,", "3 prefix|4 prefix|"},
        {"prefix,rate,category,effective_from\n44,1,,\n44,1,*,\n"
         "44,1,,2026-01-01T00:00:00Z\n44,1,,2026-01-01T01:00:00+01:00",
         "5 prefix|3 prefix|"},
        /* overlaps */
        {"prefix,rate,to_time\n44,1,24:00\n44,2,00:00", "3 from_time|"},
        {"prefix,rate,days\n44,1,*\n44,2,mon", "3 from_time|"},
        {"prefix,rate,days,from_time,to_time\n1,1,*,08:00,18:00\n1,2,*,18:00,08:00\n"
         "1,3,sun,23:00,01:00",
         "4 from_time|"},
        {"prefix,rate,from_unit,days\n1,1,0,*\n1,1,60,mon-fri\n1,1,60,fri", "4 from_time|"},
        /* gaps */
        {"prefix,rate,from_unit\n44,1,60", "2 from_unit|"},
        {"prefix,rate,days\n44,1,mon-sat", "2 from_unit|"},
        {"prefix,rate,from_time,to_time\n44,1,08:00,18:00\n44,1,18:01,08:00", "2 from_unit|"},
        {"prefix,rate,from_unit,days\n1,1,0,mon-fri\n1,1,60,sat-sun", "2 from_unit|"},
        /* rows of one rate that disagree */
        {"prefix,rate,from_unit,unit\n44,1,0,second\n44,1,60,page", "3 unit|"},
        {"prefix,rate,from_unit,effective_to\n44,1,60,\n44,1,0,2026-01-01T00:00:00Z",
         "3 effective_to|"},
        {"prefix,rate,from_unit\n44,1,0\n44,blocked,60", "3 rate|"},
        {"prefix,rate,days\n44,blocked,mon-fri\n44,blocked,sat-sun", ""},
        /* a malformed row is not also missed */
        {"prefix,rate,from_unit\n44,x,0\n44,1,60", "2 rate|"},
        /* different keys are different rates */
        {"prefix,rate,license,origin\n44,1,,\n44,1,talk,\n44,1,,GB\n44,1,talk,GB", ""},
    };
    CHECK(cases);
}

static void test_texts(void **state)
{
    (void)state;
    struct deck_notes notes;
    assert_null(deck_of("prefix,rate,days\n44,1,tue-sat", NULL, &notes));
    assert_string_equal(notes.texts,
                        "gap: from mon 00:00 to tue 00:00 no row of this rate with from_unit 0 "
                        "holds|");
    assert_null(deck_of("prefix,rate,days\n44,1,mon-sat", NULL, &notes));
    assert_string_equal(notes.texts,
                        "gap: from sun 00:00 to sun 24:00 no row of this rate with from_unit 0 "
                        "holds|");
}

static void test_warnings(void **state)
{
    (void)state;
    static const struct {
        const char *text, *warnings;
    } cases[] = {
        {"prefix,rate,category\n*,1,\n44,1,", ""},
        {"prefix,rate,category\n*,1,international_outbound\n44,1,\n4420,1,*", "2 prefix|"},
        {"prefix,rate,category\n*,1,local_inbound\n44,1,", ""},
        {"prefix,rate,category\n*,1,international_outbound\n44,1,international_outbound", ""},
        {"prefix,rate\n999,1\n4420,1\n4,1\n1,1\n1999,1\n88,1\n0,1", "8 prefix|6 prefix|2 prefix|"},
        {"prefix,rate,effective_from,effective_to\n"
         "44,1,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z",
         "2 effective_to|"},
    };
    struct ts_error err = {0};
    struct ts_numbering *numbering = ts_numbering_create(ts_numbering_plan_embedded(), &err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct deck_notes notes;
        ts_deck_destroy(deck_of(cases[i].text, numbering, &notes));
        assert_string_equal(notes.warnings, cases[i].warnings);
    }
    ts_numbering_destroy(numbering);
}

static void test_refusal_names_the_first_fault(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_deck_sheet *sheet = ts_deck_sheet_create(NULL, &err);
    char lines[][20] = {"prefix,rate", "44,1", "45,x", "46,y"};
    for (uint32_t i = 0; i < 4; i++) {
        deck_line(sheet, lines[i], i + 1);
    }
    assert_null(ts_deck_sheet_compile(sheet, NULL, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    assert_non_null(strstr(err.text, "2 faults, the first: line 3, column rate: \"x\""));
    ts_deck_sheet_destroy(sheet);
    ts_deck_sheet_destroy(NULL);
    ts_deck_destroy(NULL);
}

/* The limit of different rate units in one rate; the same ones again cost nothing. */
static void test_rate_units(void **state)
{
    (void)state;
    for (int units = 256; units <= 257; units++) {
        static char text[32768];
        struct deck_notes notes;
        size_t size = (size_t)snprintf(text, sizeof text, "prefix,rate,from_unit,rate_unit\n");
        for (int i = 0; i < units + 300; i++) {
            size +=
                (size_t)snprintf(text + size, sizeof text - size, "44,1,%d,%d\n", i, i % units + 1);
        }
        struct ts_deck *deck = deck_of(text, NULL, &notes);
        assert_int_equal(deck != NULL, units == 256);
        assert_string_equal(notes.faults, units == 256 ? "" : "258 rate_unit|515 rate_unit|");
        ts_deck_destroy(deck);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_rate_units),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_refusal_names_the_first_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
