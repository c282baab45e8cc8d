/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/invoice_date.h"

static void test_days_of_the_calendar(void **state)
{
    (void)state;
    int32_t date = 0;
    assert_true(ts_invoice_date_parse("2026-12-31", &date));
    assert_int_equal(date, 20261231);
    assert_true(ts_invoice_date_parse("2028-02-29", &date));
    assert_int_equal(date, 20280229);
}

static void test_no_days(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "2026-12-3",
                                        "2026-12-032",
                                        "2026-13-01",
                                        "2026-00-01",
                                        "2026-11-31",
                                        "2026-11-00",
                                        "2026-02-29",
                                        "1999-12-31",
                                        "2200-01-01",
                                        "2026/12/31",
                                        "20261231",
                                        " 026-12-31"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int32_t date = 7;
        if (ts_invoice_date_parse(texts[i], &date) || date != 7) {
            fail_msg("\"%s\" was taken for %d", texts[i], date);
        }
    }
}

static void test_format(void **state)
{
    (void)state;
    char text[TS_INVOICE_DATE_TEXT_MAX];
    ts_invoice_date_format(20260307, text);
    assert_string_equal(text, "2026-03-07");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_of_the_calendar),
        cmocka_unit_test(test_no_days),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
