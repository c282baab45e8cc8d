/* SPDX-License-Identifier: Apache-2.0 */
/* Importing, format by format: a table of rows, and sample files. */
#include "tests/unit/app/import_fixture.h"

#define COUNT(cases) (sizeof(cases) / sizeof(cases)[0])

static const struct import_case telnyx_cases[] = {
    {"GB,UK,,44,Fixed,1,1,0.0042,0,false", "44,0.0042,,,Fixed,60,1,1,0,0,0,,\n", NULL},
    {"GB,UK,,44,,60,30,1,0.5,", "44,1,,,UK,60,60,30,0.5,0,0,,\n", NULL},
    {"GB,UK,*,+44,,60,30,1,0.5,", "44,1,,,UK,60,60,30,0.5,0,0,,\n", NULL},
    {"GB,UK,,\" 447,448; 449 \",m,1,1,1,,",
     "447,1,,,m,60,1,1,0,0,0,,\n448,1,,,m,60,1,1,0,0,0,,\n449,1,,,m,60,1,1,0,0,0,,\n",
     NULL},
    {"GB,UK,,44 44,m,1,1,1,,", "44,1,,,m,60,1,1,0,0,0,,\n", "cell: the prefix 44 is there twice"},
    {"FR,,33,33,d,1,1,1,,", "33,1,,FR,d,60,1,1,0,0,0,,\n", NULL},
    {"FR,,\"33,34\",33,d,1,1,1,,", "33,1,,ES,d,60,1,1,0,0,0,,\n33,1,,FR,d,60,1,1,0,0,0,,\n", NULL},
    {"FR,,7,33,d,1,1,1,,", "33,1,,KZ,d,60,1,1,0,0,0,,\n33,1,,RU,d,60,1,1,0,0,0,,\n", NULL},
    {"FR,,77,33,d,1,1,1,,", "33,1,,KZ,d,60,1,1,0,0,0,,\n", NULL},
    {"FR,,\"76,77\",33,d,1,1,1,,", "", "only a part of the numbers of RU"},
    {"FR,,\"44 44207\",33,d,1,1,1,,",
     "33,1,,GB,d,60,1,1,0,0,0,,\n33,1,,GG,d,60,1,1,0,0,0,,\n33,1,,IM,d,60,1,1,0,0,0,,\n"
     "33,1,,JE,d,60,1,1,0,0,0,,\n",
     NULL},
    {"FR,,4420,33,d,1,1,1,,", "", "Origination Prefixes left out: only a part of the numbers of"},
    {"FR,,44,33,d,1,1,1,,",
     "33,1,,GB,d,60,1,1,0,0,0,,\n33,1,,GG,d,60,1,1,0,0,0,,\n33,1,,IM,d,60,1,1,0,0,0,,\n"
     "33,1,,JE,d,60,1,1,0,0,0,,\n",
     NULL},
    {"FR,,442071838750,33,d,1,1,1,,", "", "only a part of the numbers of GB"},
    {"FR,,870,33,d,1,1,1,,", "", "numbers of no country"},
    {"FR,,999,33,d,1,1,1,,", "", "numbers of no country"},
    {"FR,,Local,33,d,1,1,1,,", "", "Origination Prefixes left out: not digits"},
    {"US,,,12125550100,d,1,1,1,,true", "", "Exact Match left out: "},
    {"US,,,1212,d,1,1,1,,maybe", "", "Exact Match left out: \"maybe\" is neither"},
    {"US,,,,d,1,1,1,,", "", "Destination Prefixes left out: the cell is empty"},
    {"US,,,1 2a,d,1,1,1,,", "1,1,,,d,60,1,1,0,0,0,,\n", "left out: the prefix \"2a\""},
    {"US,,,1234567890123456,d,1,1,1,,", "", "the prefix \"1234567890123456\""},
    {"US,,,1,d,0,1,1,,", "", "Interval 1 left out: \"0\" is no whole number"},
    {"US,,,1,d,1,1000001,1,,", "", "Interval N left out: \"1000001\""},
    {"US,,,1,d,1,,1,,", "", "Interval N left out: the cell is empty"},
    {"US,,,1,d,1,1.0,1,,", "", "Interval N left out: \"1.0\""},
    /* amounts: exactly, or not at all */
    {"US,,,1,d,1,1,.005,,", "1,0.005,,,d,60,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,0.0050000000000,,", "1,0.005,,,d,60,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,5E-3,,", "1,0.005,,,d,60,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,1.5e+2,,", "1,150,,,d,60,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,0,,", "1,0,,,d,60,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,0.00123456789,,", "1,1.23456789,,,d,60000,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,0.000000001,,", "1,0.00000001,,,d,600,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,0.0000000000001,,", "", "Rate left out: \"0.0000000000001\" has more"},
    {"US,,,1,d,1,1,999999999.99999999,,", "1,999999999.99999999,,,d,60,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,1000000000,,", "", "Rate left out: \"1000000000\" is more"},
    {"US,,,1,d,1,1,1e99999999999999,,", "", "Rate left out"},
    {"US,,,1,d,1,1,99999999999999999999999999999999999999999999,,", "", "is no amount"},
    {"US,,,1,d,1,1,-1,,", "", "Rate left out: \"-1\" is no amount"},
    {"US,,,1,d,1,1,$1,,", "", "is no amount"},
    {"US,,,1,d,1,1,\"1,5\",,", "", "is no amount"},
    {"US,,,1,d,1,1,.,,", "", "is no amount"},
    {"US,,,1,d,1,1,1e,,", "", "is no amount"},
    {"US,,,1,d,1,1,,,", "", "Rate left out: the cell is empty"},
    {"US,,,1,d,1,1,1,0.000000001,", "", "Price Per Call left out: \"0.000000001\" has more"},
    /* descriptions */
    {"US,,,1,\"a, \"\"b\"\"\",1,1,1,,", "1,1,,,\"a, \"\"b\"\"\",60,1,1,0,0,0,,\n", NULL},
    {"US,,,1,a\x01,1,1,1,,", "1,1,,,,60,1,1,0,0,0,,\n", "cell: the description is not UTF-8"},
    /* lines */
    {"US,,,1,d,1,1,1,", "", "left out: the line has fewer cells"},
    {"US,,,1,d,1,1,1,,,x", "", "left out: the line has more cells"},
    {"US,,,1,d,1,1,1,,,", "1,1,,,d,60,1,1,0,0,0,,\n", NULL},
    {",,,,,,,,,\nUS,,,1,d,1,1,1,,", "1,1,,,d,60,1,1,0,0,0,,\n", NULL},
    {"US,,,1,d,1,1,1,,\nUS,,,1,d,1,1,1.0,,",
     "1,1,,,d,60,1,1,0,0,0,,\n",
     "f:3  left out: line 2 has a rate for prefix 1 already, the same"},
    {"US,,,1,d,1,1,1,,\nUS,,,1,d,1,6,1.0,,",
     "1,1,,,d,60,1,1,0,0,0,,\n",
     "f:3  left out: line 2 has a rate for prefix 1 already, and another one"},
};

static void test_telnyx(void **state)
{
    (void)state;
    static const char header[] =
        "ISO,Country,Origination Prefixes,Destination Prefixes,Description,Interval 1,Interval N,"
        "Rate,Price Per Call,Exact Match";
    static const char *const files[] = {"telnyx.csv"};
    check_cases(&ts_import_telnyx, header, telnyx_cases, COUNT(telnyx_cases));
    check_sample(&ts_import_telnyx, files, "telnyx");
}

static void test_telecomsxchange(void **state)
{
    (void)state;
    static const char header[] = "Country,Description,Prefix,Effective from,Rate Id,Forbidden,"
                                 "Discontinued,Price 1,Price N,Interval 1,Interval N";
    static const struct import_case cases[] = {
        {"UK,d,44,,1,N,N,0.5,0.50,60,1", "44,0.5,,,d,60,60,1,0,0,0,,\n", NULL},
        {"UK,,44,,1,,,0.5,0.4,60,1",
         "44,0.5,,,UK,60,60,1,0,0,0,,\n44,0.4,,,UK,60,60,1,0,0,60,,\n",
         NULL},
        {"UK,d,44,2026-01-01T01:00:00+01:00,1,,,1,1,1,1",
         "44,1,,,d,60,1,1,0,0,0,2026-01-01T00:00:00Z,\n",
         NULL},
        {"UK,d,44,2026-01-01 08:30,1,,,1,1,1,1",
         "44,1,,,d,60,1,1,0,0,0,2026-01-01T08:30:00Z,\n",
         "Effective from cell: the time has no offset and is taken as UTC"},
        {"UK,d,44,2026-02-30,1,,,1,1,1,1", "", "Effective from left out: \"2026-02-30\""},
        {"UK,d,44,tomorrow,1,,,1,1,1,1", "", "Effective from left out: \"tomorrow\""},
        {"UK,d,44,,1,Y,,,,,", "44,blocked,,,d,60,60,60,0,0,0,,\n", NULL},
        {"UK,d,44,,1,perhaps,,1,1,1,1", "", "Forbidden left out: \"perhaps\""},
        {"UK,d,44,,1,,1,,,,", "", "Discontinued left out: "},
        {"UK,d,44,,1,,,1,1,1,1\nUK,d,44,2030-01-01T00:00:00Z,2,,Y,,,,",
         "44,1,,,d,60,1,1,0,0,0,,2030-01-01T00:00:00Z\n",
         "f:3 Discontinued left out"},
        {"UK,d,44,2031-01-01T00:00:00Z,1,,,1,1,1,1\nUK,d,44,2030-01-01T00:00:00Z,2,,Y,,,,",
         "44,1,,,d,60,1,1,0,0,0,2031-01-01T00:00:00Z,\n",
         "f:3 Discontinued left out"},
        {"UK,d,44,,1,,,1,2,60,1\nUK,d,44,,1,,,1,1,1,1",
         "44,1,,,d,60,60,1,0,0,0,,\n44,2,,,d,60,60,1,0,0,60,,\n",
         "f:3  left out: line 2"},
        {"UK,d,44,,1,,,1,1,1,1\nUK,d,44,,1,,,1,2,60,1",
         "44,1,,,d,60,1,1,0,0,0,,\n",
         "f:3  left out: line 2"},
        {"UK,d,44,,1,,,0.0000000001,0.000000001,60,1",
         "44,0.00000001,,,d,6000,60,1,0,0,0,,\n44,0.00000001,,,d,600,60,1,0,0,60,,\n",
         NULL},
    };
    static const char *const files[] = {"telecomsxchange.csv"};
    check_cases(&ts_import_telecomsxchange, header, cases, COUNT(cases));
    check_sample(&ts_import_telecomsxchange, files, "telecomsxchange");
}

static void test_astpp(void **state)
{
    (void)state;
    static const char header[] = "pattern,comment,connectcost,includedseconds,cost,inc,init_inc";
    static const struct import_case cases[] = {
        {"^44.*,d,0.1,0,0.5,6,30", "44,0.5,,,d,60,30,6,0.1,0,0,,\n", NULL},
        {"44,d,,,0.5,6,", "44,0.5,,,d,60,6,6,0,0,0,,\n", NULL},
        {"44,d,,,0.5,6,0", "44,0.5,,,d,60,6,6,0,0,0,,\n", NULL},
        {"44,d,,20,0.5,6,0", "44,0,,,d,60,20,6,0,0,0,,\n44,0.5,,,d,60,20,6,0,0,20,,\n", NULL},
        {"44,d,,20,0.5,6,30",
         "44,0,,,d,60,20,6,0,0,0,,\n44,0.5,,,d,60,20,30,0,0,20,,\n"
         "44,0.5,,,d,60,20,6,0,0,50,,\n",
         NULL},
        {"44,d,,999999,0.5,60,0", "", "includedseconds left out"},
        {"^44(1|2).*,d,,,0.5,60,0", "", "the prefix \"44(1|2)\""},
        {"^.*,d,,,0.5,60,0", "", "the prefix \".*\""},
        {"44,d,,,0.5,0,0", "", "inc left out: \"0\""},
        {"44,d,x,,0.5,1,0", "", "connectcost left out: \"x\""},
        {"44,d,,-1,0.5,1,0", "", "includedseconds left out: \"-1\""},
    };
    static const char *const files[] = {"astpp.csv"};
    check_cases(&ts_import_astpp, header, cases, COUNT(cases));
    check_sample(&ts_import_astpp, files, "astpp");
}

static void test_kazoo(void **state)
{
    (void)state;
    static const char header[] = "prefix,rate_cost,rate_increment,rate_minimum,rate_nocharge_time,"
                                 "rate_surcharge,direction,iso_country_code,weight";
    static const struct import_case cases[] = {
        {"44,0.5,6,30,0,0.1,outbound,GB,1", "44,0.5,,,GB,60,30,6,0.1,0,0,,\n", NULL},
        {"44,0.5,,,,,outbound,,", "44,0.5,,,,60,60,60,0,0,0,,\n", NULL},
        {"44,0.5,0,0,1,,outbound,,", "44,0.5,,,,60,60,60,0,0,0,,\n", NULL},
        {"44,0.5,6,0,10,,outbound,,", "44,0.5,,,,60,6,6,0,9,0,,\n", NULL},
        {"44,0.5,1,1,,,inbound,,",
         "44,0.5,fax_inbound,,,60,1,1,0,0,0,,\n44,0.5,local_inbound,,,60,1,1,0,0,0,,\n"
         "44,0.5,toll_free_inbound,,,60,1,1,0,0,0,,\n",
         NULL},
        {"44,0.5,1,1,,,,,",
         "44,0.5,,,,60,1,1,0,0,0,,\n44,0.5,fax_inbound,,,60,1,1,0,0,0,,\n"
         "44,0.5,local_inbound,,,60,1,1,0,0,0,,\n44,0.5,toll_free_inbound,,,60,1,1,0,0,0,,\n",
         NULL},
        {"44,0.5,1,1,,,up,,", "", "direction left out: \"up\""},
        {"44,0.5,1,1,,,outbound,,heavy", "", "weight left out: \"heavy\""},
        {"44,1,1,1,,,outbound,,3\n44,2,1,1,,,outbound,,7\n44,3,1,1,,,outbound,,5",
         "44,2,,,,60,1,1,0,0,0,,\n",
         "f:2  left out: line 3 has a rate"},
    };
    static const char *const files[] = {"kazoo.csv"};
    check_cases(&ts_import_kazoo, header, cases, COUNT(cases));
    check_sample(&ts_import_kazoo, files, "kazoo");
}

static const struct {
    const char *rates;
    const char *deck;
    const char *report;
} cgrates_cases[] = {
    {"R,0.1,0.6,60s,1s,0s", "44,0.6,,,D,60,1,1,0.1,0,0,,\n", NULL},
    {"R,,0.6,1m0s,1m,0", "44,0.6,,,D,60,60,60,0,0,0,,\n", NULL},
    {"R,,36,1h,1m30s,0", "44,36,,,D,3600,90,90,0,0,0,,\n", NULL},
    {"R,0.1,0,0,1s,0s", "44,0,,,D,60,1,1,0.1,0,0,,\n", NULL},
    {"R,,0.5,60s,1s,60s\nR,0.1,1,60s,60s,0s",
     "44,1,,,D,60,60,60,0.1,0,0,,\n44,0.5,,,D,60,60,1,0.1,0,60,,\n",
     NULL},
    {"R,,1,0,1s,0s", "", "r:2 RateUnit left out: 0 seconds"},
    {"R,,1,60s,0s,0s", "", "r:2 RateIncrement left out: 0 seconds"},
    {"R,,1,60s,500ms,0s", "", "r:2 RateIncrement left out: \"500ms\""},
    {"R,,1,60,1s,0s", "", "r:2 RateUnit left out: \"60\""},
    {"R,,1,9999999999s,1s,0s", "", "r:2 RateUnit left out"},
    {"R,,1,60s,1s,10s", "", "j:2 RatesTag left out: its rate has no interval that starts at 0"},
    {"R,,1,60s,60s,0s\nR,,1,60s,1s,90s", "", "in the middle of an increment"},
    {"R,,1,60s,1s,0s\nR,,2,60s,1s,0s", "", "two intervals of its rate start at the same time"},
    {"R,1,1,60s,1s,0s\nR,2,2,60s,1s,60s", "", "different connect fees"},
    {"S,1,1,60s,1s,0s", "", "there is no such rate"},
    {"# a comment\nR,,1,60s,1s,0s", "44,1,,,D,60,1,1,0,0,0,,\n", NULL},
};

static void
import_cgrates(const char *rates, const char *destinations, const char *joins, struct imported *out)
{
    char texts[3][1024];
    snprintf(texts[0],
             sizeof texts[0],
             "#Id,ConnectFee,Rate,RateUnit,RateIncrement,GroupIntervalStart\n%s\n",
             rates);
    snprintf(texts[1], sizeof texts[1], "Id,Prefix\n%s\n", destinations);
    snprintf(texts[2],
             sizeof texts[2],
             "Id,DestinationId,RatesTag,RoundingMethod,RoundingDecimals,MaxCost,MaxCostStrategy\n"
             "%s\n",
             joins);
    struct ts_import_source sources[] = {
        {"r", ts_bytes_of(texts[0])}, {"d", ts_bytes_of(texts[1])}, {"j", ts_bytes_of(texts[2])}};
    run_import(&ts_import_cgrates, sources, out);
}

static void test_cgrates(void **state)
{
    (void)state;
    static const char *const files[] = {
        "cgrates.rates.csv", "cgrates.destinations.csv", "cgrates.destination-rates.csv"};
    struct imported imported;
    for (size_t i = 0; i < COUNT(cgrates_cases); i++) {
        import_cgrates(cgrates_cases[i].rates, "D,+44", "X,D,R,,,,", &imported);
        assert_string_equal(deck_rows(&imported), cgrates_cases[i].deck);
        if (cgrates_cases[i].report != NULL) {
            assert_non_null(strstr(imported.report, cgrates_cases[i].report));
        } else {
            assert_int_equal(imported.counts.rows_left_out + imported.counts.cells_not_mapped, 0);
        }
        ts_buffer_finish(&imported.deck);
    }
    import_cgrates("R,,1,1s,1s,0", "D,44\nE,45\nD,46", "X,D,R,,,0,\nX,*any,R,,,,", &imported);
    assert_string_equal(deck_rows(&imported),
                        "*,1,,,,1,1,1,0,0,0,,\n44,1,,,D,1,1,1,0,0,0,,\n46,1,,,D,1,1,1,0,0,0,,\n");
    ts_buffer_finish(&imported.deck);
    import_cgrates("R,,1,1s,1s,0", "D,44", "X,E,R,,,,\nX,D,R,,,1,*free", &imported);
    assert_non_null(strstr(imported.report, "j:2 DestinationId left out: there is no such"));
    assert_non_null(strstr(imported.report, "j:3 MaxCost left out: a limit"));
    ts_buffer_finish(&imported.deck);
    check_sample(&ts_import_cgrates, files, "cgrates");
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *named; /* in the error; NULL: it is good */
    } cases[] = {
        {"prefix,rate_cost\n44,1\n", NULL},
        {" PREFIX , Rate_Cost \r\n44,1\r\n", NULL},
        {"\xef\xbb\xbfprefix,rate_cost\n44,1\n", NULL},
        {"rate_cost,prefix,unheard\n1,44,\n", NULL},
        {"prefix,rate\n44,1\n", "lacks the column rate_cost"},
        {"prefix,rate_cost,prefix\n44,1,44\n", "twice the column prefix"},
        {"prefix,rate_cost\n44,\"1\n", "line 2: not CSV"},
        {"prefix,rate_cost\n", "no row could be mapped"},
        {"", "there is no header line"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct imported imported;
        struct ts_import_source source = {"f.csv", ts_bytes_of(cases[i].text)};
        run_import(&ts_import_kazoo, &source, &imported);
        assert_int_equal(imported.good, cases[i].named == NULL);
        if (cases[i].named != NULL) {
            assert_non_null(strstr(imported.err.text, cases[i].named));
        }
        ts_buffer_finish(&imported.deck);
    }
}

/* Told for the first cell, counted for each. */
static void test_unknown_columns(void **state)
{
    (void)state;
    struct imported imported;
    struct ts_import_source source = {
        "f", TS_LITERAL("prefix,rate_cost,routes\n44,1,\n45,1,a\n46,1,b\n46,1,\n")};
    run_import(&ts_import_kazoo, &source, &imported);
    assert_true(imported.good);
    assert_non_null(strstr(imported.report, "f:3  cell: \"a\" in cell 3: the column is not known"));
    assert_null(strstr(imported.report, "f:4"));
    assert_int_equal(imported.counts.cells_not_mapped, 2);
    assert_int_equal(imported.counts.rows_read, 4);
    assert_int_equal(imported.counts.rows_left_out, 1); /* the second 46 */
    assert_int_equal(imported.counts.deck_rows, 12);
    ts_buffer_finish(&imported.deck);
}

static void test_names(void **state)
{
    (void)state;
    assert_ptr_equal(ts_import_format_of("astpp"), &ts_import_astpp);
    assert_ptr_equal(ts_import_format_of("cgrates"), &ts_import_cgrates);
    assert_null(ts_import_format_of("Astpp"));
    assert_null(ts_import_format_of(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_telnyx),
        cmocka_unit_test(test_telecomsxchange),
        cmocka_unit_test(test_astpp),
        cmocka_unit_test(test_kazoo),
        cmocka_unit_test(test_cgrates),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_unknown_columns),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
