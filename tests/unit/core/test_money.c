/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "core/money.h"
#include "core/rating.h"

#include <string.h>

static void test_prices(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t e8; /* -1: refused */
    } cases[] = {
        {"0", 0},           {"1", 100000000},
        {"0.0073", 730000}, {"007.50", 750000000},
        {"0.00000001", 1},  {"999999999.99999999", INT64_C(99999999999999999)},
        {"1000000000", -1}, {"0.000000001", -1},
        {"", -1},           {".5", -1},
        {"5.", -1},         {"-1", -1},
        {"+1", -1},         {"1e3", -1},
        {"1,5", -1},        {" 1", -1},
        {"1 ", -1},         {"0x1", -1},
        {"1.2.3", -1},      {"nan", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t e8 = -1;
        assert_int_equal(ts_money_parse_e8(ts_bytes_of(cases[i].text), &e8), cases[i].e8 >= 0);
        assert_int_equal(e8, cases[i].e8);
    }
}

static void test_amounts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t micros;
    } cases[] = {
        {"0", true, 0},
        {"-0.000001", true, -1},
        {"25", true, 25000000},
        {"9000000000", true, TS_AMOUNT_MAX},
        {"-9000000000.000000", true, -TS_AMOUNT_MAX},
        {"9000000000.000001", false, 0},
        {"99999999999999999999", false, 0},
        {"1.0000001", false, 0},
        {"--1", false, 0},
        {"-", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t micros = 0;
        assert_int_equal(ts_money_parse_micros(ts_bytes_of(cases[i].text), &micros), cases[i].good);
        assert_int_equal(micros, cases[i].micros);
    }
}

static void test_format(void **state)
{
    (void)state;
    char text[TS_MONEY_TEXT_MAX];
    assert_int_equal(ts_money_format_micros(21900, text), 8);
    assert_string_equal(text, "0.021900");
    ts_money_format_micros(-3000001, text);
    assert_string_equal(text, "-3.000001");
    ts_money_format_micros(INT64_MIN, text);
    assert_string_equal(text, "-9223372036854.775808");
    ts_money_format_e8(730000, text);
    assert_string_equal(text, "0.0073");
    ts_money_format_e8(1200000000, text);
    assert_string_equal(text, "12");
    ts_money_format_e8(0, text);
    assert_string_equal(text, "0");
    ts_money_format_decimals(1005000, 2, text);
    assert_string_equal(text, "1.01");
    ts_money_format_decimals(-4999, 2, text);
    assert_string_equal(text, "0.00");
    ts_money_format_decimals(-1500000, 0, text);
    assert_string_equal(text, "-2");
    ts_money_format_decimals(1234567, 6, text);
    assert_string_equal(text, "1.234567");
}

static void test_rounding(void **state)
{
    (void)state;
    static const struct {
        int64_t e8;
        bool more;
        int decimals;
        int64_t half_up, up, down, half_even;
    } cases[] = {
        {2033883, true, 2, 20000, 30000, 20000, 20000},
        {500000, false, 2, 10000, 10000, 0, 0},
        {500000, true, 2, 10000, 10000, 0, 10000},
        {1500000, false, 2, 20000, 20000, 10000, 20000},
        {0, true, 6, 0, 1, 0, 0},
        {50, false, 6, 1, 1, 0, 0},
        {150, false, 6, 2, 2, 1, 2},
        {49, true, 6, 0, 1, 0, 0},
        {50000000, false, 0, 1000000, 1000000, 0, 0},
        {123456700, false, 6, 1234567, 1234567, 1234567, 1234567},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int64_t expected[TS_ROUNDING_COUNT] = {
            [TS_ROUNDING_HALF_UP] = cases[i].half_up,
            [TS_ROUNDING_UP] = cases[i].up,
            [TS_ROUNDING_DOWN] = cases[i].down,
            [TS_ROUNDING_HALF_EVEN] = cases[i].half_even,
        };
        for (int r = 0; r < TS_ROUNDING_COUNT; r++) {
            int64_t micros = -1;
            struct ts_money_exact exact = {.whole_e8 = (unsigned __int128)cases[i].e8,
                                           .more = cases[i].more};
            assert_true(ts_money_round(exact, (enum ts_rounding)r, cases[i].decimals, &micros));
            assert_int_equal(micros, expected[r]);
        }
    }
}

static void test_limit(void **state)
{
    (void)state;
    int64_t micros = -1;
    struct ts_money_exact exact = {.whole_e8 = (unsigned __int128)TS_AMOUNT_MAX * 100};
    assert_true(ts_money_round(exact, TS_ROUNDING_UP, 6, &micros));
    assert_int_equal(micros, TS_AMOUNT_MAX);
    exact.more = true;
    assert_false(ts_money_round(exact, TS_ROUNDING_UP, 6, &micros));
    assert_true(ts_money_round(exact, TS_ROUNDING_DOWN, 6, &micros));
    exact.whole_e8 = ((unsigned __int128)1 << 90);
    assert_false(ts_money_round(exact, TS_ROUNDING_DOWN, 6, &micros));
}

static void test_share(void **state)
{
    (void)state;
    assert_int_equal(ts_money_share(30000, 60, 180, TS_ROUNDING_HALF_UP, 6), 10000);
    assert_int_equal(ts_money_share(10000, 1, 3, TS_ROUNDING_HALF_UP, 6), 3333);
    assert_int_equal(ts_money_share(10000, 1, 3, TS_ROUNDING_UP, 2), 10000);
    assert_int_equal(ts_money_share(10000, 0, 3, TS_ROUNDING_UP, 2), 0);
    assert_int_equal(ts_money_share(TS_AMOUNT_MAX, 604800, 604800, TS_ROUNDING_UP, 6),
                     TS_AMOUNT_MAX);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < TS_ROUNDING_COUNT; i++) {
        enum ts_rounding rounding = TS_ROUNDING_COUNT;
        const char *name = ts_rounding_name((enum ts_rounding)i);
        assert_true(ts_rounding_of(ts_bytes_of(name), &rounding));
        assert_int_equal(rounding, i);
    }
    enum ts_rounding rounding;
    assert_false(ts_rounding_of(TS_LITERAL("HALF_UP"), &rounding));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
