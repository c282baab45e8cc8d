/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/tzif.h"
#include "tests/unit/unit.h"

#include "core/allowance.h"
#include "core/timestamp.h"

#include <stdlib.h>
#include <string.h>

static struct ts_allowance
made(const char *name, const char *category, const char *license, bool local_only, int64_t units)
{
    struct ts_allowance_text text = {.name = ts_bytes_of(name),
                                     .category = ts_bytes_of(category),
                                     .license = ts_bytes_of(license),
                                     .local_only = local_only,
                                     .units = units};
    struct ts_allowance out;
    struct ts_error err = {0};
    assert_true(ts_allowance_read(&text, &out, &err));
    return out;
}

static void test_reading(void **state)
{
    (void)state;
    struct ts_allowance a = made("n", "fax_outbound", NULL, false, 7);
    assert_int_equal(a.category, TS_CATEGORY_FAX_OUTBOUND);
    assert_int_equal(a.license, TS_ALLOWANCE_ANY);
    assert_int_equal(a.unit, TS_UNIT_SECOND);
    assert_int_equal(made("n", "*", "contact_center", true, 0).license, TS_LICENSE_CONTACT_CENTER);

    assert_true(made("n", "*", NULL, false, TS_AMOUNT_MAX).units == TS_AMOUNT_MAX);

    char long_name[TS_ALLOWANCE_NAME_MAX + 1];
    memset(long_name, 'x', sizeof long_name);
    const struct {
        struct ts_allowance_text text;
        const char *names; /* the field that the refusal names */
    } cases[] = {
        {{.name = TS_LITERAL(""), .category = TS_LITERAL("*")}, "name"},
        {{.name = {long_name, sizeof long_name}, .category = TS_LITERAL("*")}, "name"},
        {{.name = TS_LITERAL("a\tb"), .category = TS_LITERAL("*")}, "name"},
        {{.name = TS_LITERAL("\xff"), .category = TS_LITERAL("*")}, "name"},
        {{.name = TS_LITERAL("n"), .category = TS_LITERAL("calls")}, "category: \"calls\""},
        {{.name = TS_LITERAL("n"), .category = TS_LITERAL("fax\xf2")}, "category: \"fax\\xf2\""},
        {{.name = TS_LITERAL("n")}, "category"},
        {{.name = TS_LITERAL("n"), .category = TS_LITERAL("*"), .license = TS_LITERAL("x")},
         "license"},
        {{.name = TS_LITERAL("n"), .category = TS_LITERAL("*"), .unit = TS_LITERAL("minute")},
         "unit"},
        {{.name = TS_LITERAL("n"), .category = TS_LITERAL("*"), .units = -1}, "units"},
        {{.name = TS_LITERAL("n"), .category = TS_LITERAL("*"), .units = TS_AMOUNT_MAX + 1},
         "units"},
        {{.name = TS_LITERAL("n"), .category = TS_LITERAL("*"), .units = INT64_MAX}, "units"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_error err = {0};
        assert_false(ts_allowance_read(&cases[i].text, &a, &err));
        assert_int_equal(err.class, TS_ERROR_REJECT);
        assert_non_null(strstr(err.text, cases[i].names));
    }
}

static struct ts_allowances *set_of(const struct ts_allowance *items, size_t count)
{
    struct ts_allowances *set = malloc(ts_allowances_size(count));
    assert_non_null(set);
    set->count = count;
    memcpy(set->items, items, count * sizeof *items);
    ts_allowances_order(set);
    return set;
}

static void test_order_and_fit(void **state)
{
    (void)state;
    struct ts_allowance items[] = {
        made("wide", "*", "*", false, 1),
        made("b local", "*", "*", true, 1),
        made("a local", "*", "*", true, 1),
        made("sell", "*", "sell", false, 1),
        made("talk out", "local_outbound", "talk", false, 1),
        made("out", "local_outbound", "*", false, 1),
        made("out local", "local_outbound", "*", true, 1),
    };
    struct ts_allowances *set = set_of(items, sizeof items / sizeof items[0]);
    static const char *const order[] = {
        "talk out", "out local", "out", "sell", "a local", "b local", "wide"};
    for (size_t i = 0; i < set->count; i++) {
        assert_true(ts_bytes_equal_text(ts_allowance_name(&set->items[i]), order[i]));
    }
    static const struct {
        struct ts_rating rating;
        enum ts_license license;
        const char *fitting; /* the first letters of those that fit */
    } cases[] = {
        {{.category = TS_CATEGORY_LOCAL_OUTBOUND, .local = true, .billed = 1},
         TS_LICENSE_TALK,
         "tooabw"},
        {{.category = TS_CATEGORY_LOCAL_OUTBOUND, .billed = 1}, TS_LICENSE_SELL, "osw"},
        {{.category = TS_CATEGORY_LOCAL_INBOUND, .billed = 1}, TS_LICENSE_TALK, "w"},
        {{.category = TS_CATEGORY_FAX_OUTBOUND, .unit = TS_UNIT_PAGE, .billed = 1},
         TS_LICENSE_TALK,
         ""},
        {{.category = TS_CATEGORY_UNANSWERED, .local = true}, TS_LICENSE_TALK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ts_allowance *fitting[TS_ALLOWANCES_MAX];
        size_t count = ts_allowances_fitting(set, &cases[i].rating, cases[i].license, fitting);
        assert_int_equal(count, strlen(cases[i].fitting));
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(fitting[j]->name[0], cases[i].fitting[j]);
        }
    }
    free(set);
}

static void test_draw(void **state)
{
    (void)state;
    struct ts_allowance first = made("first", "*", "*", true, 100);
    struct ts_allowance second = made("second", "*", "*", false, 50);
    struct ts_included *included = calloc(1, ts_included_size(2));
    assert_non_null(included);
    included->count = 2;
    included->draws[0].allowance = &first;
    included->draws[1].allowance = &second;
    static const struct {
        int64_t billed, used[2], drawn[2], covered;
    } cases[] = {
        {60, {0, 0}, {60, 0}, 60},
        {60, {40, 0}, {60, 0}, 60},
        {60, {70, 0}, {30, 30}, 60},
        {60, {70, 40}, {30, 10}, 40},
        {60, {100, 50}, {0, 0}, 0},
        {60, {130, 0}, {0, 50}, 50}, /* the allowance was made smaller since */
        {150, {0, 0}, {100, 50}, 150},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ts_included_draw(included, cases[i].billed, cases[i].used),
                         cases[i].covered);
        assert_int_equal(included->draws[0].units, cases[i].drawn[0]);
        assert_int_equal(included->draws[1].units, cases[i].drawn[1]);
    }
    free(included);
}

/* By the account's clocks, in summer time and in winter time. */
static void test_month(void **state)
{
    (void)state;
    static const struct {
        const char *utc;
        int32_t month;
    } cases[] = {
        {"2026-11-01T03:59:59.999Z", 202610},
        {"2026-11-01T04:00:00Z", 202611},
        {"2026-12-01T04:59:59.999Z", 202611},
        {"2026-12-01T05:00:00Z", 202612},
        {"2027-01-01T04:59:59Z", 202612},
    };
    struct tzif file = tzif_make(-18000, NULL, 0, "EST5EDT,M3.2.0,M11.1.0");
    struct ts_error err = {0};
    struct ts_zone *zone = ts_zone_create("Test/Zone", tzif_bytes(&file), &err);
    assert_non_null(zone);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 0;
        assert_true(ts_timestamp_parse(ts_bytes_of(cases[i].utc), &ms));
        assert_int_equal(ts_allowance_month(zone, ms), cases[i].month);
    }
    ts_zone_destroy(zone);
    char text[TS_ALLOWANCE_MONTH_TEXT_MAX];
    ts_allowance_month_text(202611, text);
    assert_string_equal(text, "2026-11");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_order_and_fit),
        cmocka_unit_test(test_draw),
        cmocka_unit_test(test_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
