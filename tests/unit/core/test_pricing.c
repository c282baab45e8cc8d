/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/rating_fixture.h"

#define HEAD "prefix,rate,interval_1,interval_n"

struct price_case {
    const char *deck;
    const char *settings;
    int64_t seconds;
    int64_t charge_micros;
    int64_t billed;
};

static void check(const struct price_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fixture f;
        fixture_simple(&f, NULL, cases[i].settings, cases[i].deck);
        struct ts_cdr cdr = fixture_call(cases[i].seconds);
        struct ts_rating rating = fixture_rate(&f, &cdr);
        assert_int_equal(rating.reason, TS_REASON_NONE);
        assert_int_equal(rating.charge_micros, cases[i].charge_micros);
        assert_int_equal(rating.billed, cases[i].billed);
        assert_int_equal(rating.quantity, cases[i].seconds);
        fixture_finish(&f);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof(cases)[0])

static void test_increments(void **state)
{
    (void)state;
    static const struct price_case cases[] = {
        {HEAD "\n*,0.01,1,1", "", 60, 10000, 60},
        {HEAD "\n*,0.02,60,60", "", 61, 40000, 120},
        {HEAD "\n*,0.0073,60,60", "", 125, 21900, 180},
        {HEAD "\n*,0.05,30,6", "", 45, 40000, 48},
        {HEAD "\n*,0.006,30,6", "", 32, 3600, 36},
        {HEAD "\n*,0.006,30,6", "", 57, 6000, 60},
        {HEAD "\n*,0.006,30,6", "", 75, 7800, 78},
        {HEAD "\n*,0.006,30,6", "", 1, 3000, 30},
        {HEAD "\n*,0.02033,1,1", "decimals=2 rounding=up", 61, 30000, 61},
        {HEAD "\n*,0.02033,1,1", "decimals=2", 61, 20000, 61},
        {"prefix,rate\n*,0.01", "", 1, 10000, 60},
        {"prefix,rate,rate_unit\n*,1,3600", "", 1, 16667, 60},
        {HEAD ",rate_unit\n*,1,1000000,1,1", "", 1, 1000000000000, 1000000},
    };
    CHECK(cases);
}

static void test_fees_and_bounds(void **state)
{
    (void)state;
    static const struct price_case cases[] = {
        {HEAD ",connect_fee,from_unit\n*,0.2,1,1,0.4,0\n*,0.1,1,1,,60", "", 120, 700000, 120},
        {"prefix,rate,connect_fee\n*,0,0.15", "", 1, 150000, 60},
        {"prefix,rate,connect_fee,grace,min_charge\n*,1,0.15,10,5", "", 10, 0, 0},
        {"prefix,rate,connect_fee,grace,min_charge\n*,1,0.15,10,5", "", 11, 5000000, 60},
        {"prefix,rate,min_charge\n*,0.01,0.05", "", 60, 50000, 60},
        {"prefix,rate,max_charge\n*,0.01,0.05", "", 6000, 50000, 6000},
        {"prefix,rate,min_charge,max_charge\n*,0.01,0.07,0.05", "", 6000, 70000, 6000},
        {"prefix,rate,max_charge\n*,0.01,0.055", "decimals=2", 6000, 60000, 6000},
        {"prefix,rate,max_charge\n*,0.01,0", "", 6000, 0, 6000},
        {"prefix,rate,max_charge\n*,999999999,10", "", 604800, 10000000, 604800},
    };
    CHECK(cases);
}

static void test_tiers(void **state)
{
    (void)state;
    static const struct price_case cases[] = {
        /* an increment that began in a tier belongs to it whole */
        {HEAD ",from_unit\n*,0.6,40,40,0\n*,6,1,1,60", "", 79, 800000, 80},
        {HEAD ",from_unit\n*,0.6,40,40,0\n*,6,1,1,60", "", 81, 900000, 81},
        /* the first increment is interval_1, later ones interval_n of the row then in force */
        {HEAD ",from_unit\n*,0.6,10,7,0\n*,6,60,3,20", "", 30, 840000, 30},
        /* a tier that is jumped over */
        {HEAD ",from_unit\n*,0.6,60,60,0\n*,6,1,1,10\n*,0,1,1,50", "", 61, 600000, 61},
        /* thirds and sevenths make a whole */
        {HEAD ",rate_unit,from_unit\n*,1,1,1,3,0\n*,1,1,1,7,1\n*,1,1,1,21,5",
         "rounding=up decimals=0",
         7,
         1000000,
         7},
        {HEAD ",rate_unit,from_unit\n*,1,1,1,3,0\n*,1,1,1,7,1\n*,1,1,1,21,5",
         "rounding=up decimals=0",
         8,
         2000000,
         8},
    };
    CHECK(cases);
}

static void test_pages(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f,
                   NULL,
                   "",
                   "prefix,rate,unit,category,from_unit,days\n"
                   "*,0.10,page,fax_outbound,0,mon-fri\n*,0.05,page,fax_outbound,2,mon-fri\n"
                   "*,0.20,page,fax_outbound,0,sat-sun\n*,9,second,*,,");
    static const struct {
        int64_t seconds;
        int32_t pages;
        int64_t charge_micros, quantity;
    } cases[] = {
        {30, 1, 100000, 1},
        {61, 1, 200000, 2}, /* a page a minute at least */
        {30, 4, 300000, 4}, /* 2 x 0.10 + 2 x 0.05 */
        {0, 3, 250000, 3},
        {3600, 0, 3100000, 60}, /* 2 x 0.10 + 58 x 0.05 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_cdr cdr = fixture_call(cases[i].seconds);
        cdr.service = TS_SERVICE_FAX;
        cdr.pages = cases[i].pages;
        cdr.answer_ms += 86400000 - 10000; /* ten seconds before Saturday: Friday's window */
        struct ts_rating rating = fixture_rate(&f, &cdr);
        assert_int_equal(rating.category, TS_CATEGORY_FAX_OUTBOUND);
        assert_int_equal(rating.unit, TS_UNIT_PAGE);
        assert_int_equal(rating.quantity, cases[i].quantity);
        assert_int_equal(rating.charge_micros, cases[i].charge_micros);
        assert_int_equal(rating.billed, cases[i].quantity);
    }
    fixture_finish(&f);
}

/* A fax that is priced by the second, of which nothing passed but a page. */
static void test_fax_by_the_second(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f, NULL, "", "prefix,rate,connect_fee\n*,0.6,1");
    struct ts_cdr cdr = fixture_call(0);
    cdr.service = TS_SERVICE_FAX;
    cdr.pages = 2;
    struct ts_rating rating = fixture_rate(&f, &cdr);
    assert_int_equal(rating.category, TS_CATEGORY_FAX_OUTBOUND);
    assert_int_equal(rating.charge_micros, 0);
    cdr.duration_ms = 1;
    rating = fixture_rate(&f, &cdr);
    assert_int_equal(rating.quantity, 1);
    assert_int_equal(rating.charge_micros, 1600000);
    fixture_finish(&f);
}

#define NIGHT "prefix,rate,rate_unit,interval_1,interval_n,days,from_time,to_time\n"

static void test_windows(void **state)
{
    (void)state;
    /* by the second, 1 by day and 0 by night; New York */
    static const char deck[] = NIGHT "*,1,1,1,1,*,08:00,18:00\n*,0,1,1,1,*,18:00,08:00";
    static const char hour_two[] = NIGHT "*,1,1,1,1,*,02:00,03:00\n*,0,1,1,1,*,03:00,02:00";
    static const char hour_one[] = NIGHT "*,1,1,1,1,*,01:00,02:00\n*,0,1,1,1,*,02:00,01:00";
    static const char friday[] = NIGHT "*,1,1,1,1,fri,22:00,06:00\n*,0,1,1,1,sat-thu,22:00,06:00\n"
                                       "*,0,1,1,1,*,06:00,22:00";
    static const struct {
        const char *deck, *answer;
        int64_t seconds, charge;
    } cases[] = {
        {deck, "2026-01-02T12:59:00Z", 120, 60},
        {deck, "2026-01-02T12:59:59.999Z", 2, 1}, /* one second at night, one by day */
        {deck, "2026-01-02T22:59:30Z", 60, 30},
        {deck, "2026-07-02T11:59:00Z", 120, 60}, /* summer */
        {deck, "2026-01-02T05:00:00Z", 7 * 86400, 7 * 36000},
        /* the skipped hour never happens, the repeated one is met twice */
        {hour_two, "2026-03-08T05:00:00Z", 6 * 3600, 0},
        {hour_two, "2026-03-09T04:00:00Z", 6 * 3600, 3600},
        {hour_one, "2026-11-01T04:00:00Z", 6 * 3600, 2 * 3600},
        /* a window past midnight belongs to the day it starts on */
        {friday, "2026-01-03T02:00:00Z", 86400, 8 * 3600 - 0},
        {friday, "2026-01-03T10:59:00Z", 120, 60},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        fixture_simple(&f, "EST5EDT,M3.2.0,M11.1.0", "", cases[i].deck);
        struct ts_cdr cdr = fixture_call(cases[i].seconds);
        cdr.answer_ms = fixture_ms(cases[i].answer);
        struct ts_rating rating = fixture_rate(&f, &cdr);
        assert_int_equal(rating.charge_micros, cases[i].charge * 1000000);
        fixture_finish(&f);
    }
}

static void test_increment_belongs_to_the_window_it_began_in(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f,
                   NULL,
                   "",
                   "prefix,rate,interval_1,interval_n,connect_fee,from_time,to_time\n"
                   "*,1,60,60,0.5,08:00,18:00\n*,2,60,30,0.7,18:00,08:00");
    struct ts_cdr cdr = fixture_call(100);
    cdr.answer_ms = fixture_ms("2026-01-02T17:59:30Z");
    struct ts_rating rating = fixture_rate(&f, &cdr);
    /* 60 s begun by day; then 30 s increments by night; the fee is of the first row */
    assert_int_equal(rating.charge_micros, 500000 + 1000000 + 2 * 1000000);
    assert_int_equal(rating.billed, 120);
    assert_int_equal(rating.connect_fee_e8, 50000000);
    assert_int_equal(rating.rate_e8, 100000000);
    fixture_finish(&f);
}

static void test_overflow(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f, NULL, "", HEAD ",rate_unit\n*,900000000,1,1,1\n1,999999999.99999999,1,1,1");
    struct ts_cdr cdr = fixture_call(10);
    assert_int_equal(fixture_rate(&f, &cdr).charge_micros, TS_AMOUNT_MAX);
    cdr = fixture_call(11);
    assert_int_equal(fixture_rate(&f, &cdr).reason, TS_REASON_CHARGE_OVERFLOW);
    cdr = fixture_call(604800);
    cdr.to_number = TS_LITERAL("+12125550100");
    assert_int_equal(fixture_rate(&f, &cdr).reason, TS_REASON_CHARGE_OVERFLOW);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_increments),
        cmocka_unit_test(test_fees_and_bounds),
        cmocka_unit_test(test_tiers),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_fax_by_the_second),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_increment_belongs_to_the_window_it_began_in),
        cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
