/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/rating_fixture.h"

#include "core/explain.h"

static struct ts_cdr call_to(const char *number)
{
    struct ts_cdr cdr = fixture_call(60);
    cdr.to_number = ts_bytes_of(number);
    return cdr;
}

/* The rates of these decks are their line numbers, so a charge tells which row won. */
static void assert_line(const struct fixture *f, const struct ts_cdr *cdr, int64_t line)
{
    struct ts_rating rating = fixture_rate(f, cdr);
    if (line == 0) {
        assert_int_equal(rating.reason, TS_REASON_NO_RATE);
    } else {
        assert_int_equal(rating.reason, TS_REASON_NONE);
        assert_int_equal(rating.charge_micros, line * 1000000);
    }
}

static void test_longest_prefix(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f, NULL, "", "prefix,rate\n44,2\n4420,3\n*,4\n442071838750,5\n44207183875,6");
    struct ts_cdr cdr = call_to("+442071838750");
    assert_line(&f, &cdr, 5);
    cdr = call_to("+442071838751");
    assert_line(&f, &cdr, 6);
    cdr = call_to("+442011111111");
    assert_line(&f, &cdr, 3);
    cdr = call_to("+447911123456");
    assert_line(&f, &cdr, 2);
    cdr = call_to("+33142685300");
    assert_line(&f, &cdr, 4);
    assert_int_equal(fixture_rate(&f, &cdr).deck_version, 1);
    assert_true(ts_bytes_equal_text(fixture_rate(&f, &cdr).prefix, "*"));
    fixture_finish(&f);
}

static void test_category_before_prefix(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f,
                   NULL,
                   "",
                   "prefix,rate,category\n4420,2,\n*,3,international_outbound\n"
                   "1,4,local_outbound\n*,5,local_inbound\n1212,6,toll_free_inbound\n"
                   "1800,7,toll_free_inbound\n100,8,\n*,9,");
    struct ts_cdr cdr = call_to("+442071838750");
    assert_line(&f, &cdr, 3);
    cdr = call_to("+12125550100");
    assert_line(&f, &cdr, 4);
    cdr = call_to("+18005550100"); /* toll-free outbound: only rows without a category */
    assert_line(&f, &cdr, 9);
    /* inbound: the account's own number is matched, digits only where the row has the category */
    cdr = call_to("+18005550100");
    cdr.direction = TS_DIRECTION_INBOUND;
    assert_line(&f, &cdr, 7);
    cdr = call_to("+442071838750");
    cdr.direction = TS_DIRECTION_INBOUND;
    assert_line(&f, &cdr, 5);
    cdr.service = TS_SERVICE_FAX;
    assert_line(&f, &cdr, 9);
    /* a short number is never matched against digits */
    cdr = call_to("100");
    assert_line(&f, &cdr, 9);
    cdr = call_to("*98");
    assert_line(&f, &cdr, 9);
    fixture_finish(&f);
}

static void test_origin_license_and_date(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f,
                   NULL,
                   "",
                   "prefix,rate,origin,license,effective_from,effective_to\n"
                   "44,2,,,,\n"
                   "44,3,,talk,,\n"
                   "44,4,gb,,,\n"
                   "44,5,,sell,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n"
                   "44,6,,sell,,\n"
                   "44,7,,sell,2026-01-02T00:00:00Z,2026-01-02T00:00:01Z\n"
                   "44,8,,sell,2027-01-01T00:00:00Z,");
    struct ts_cdr cdr = call_to("+442071838750");
    assert_line(&f, &cdr, 3);
    cdr.license = TS_LICENSE_CONTACT_CENTER;
    assert_line(&f, &cdr, 2);
    cdr.origin_country = TS_LITERAL("GB"); /* before license */
    cdr.license = TS_LICENSE_TALK;
    assert_line(&f, &cdr, 4);
    cdr.origin_country = TS_LITERAL("FR");
    cdr.license = TS_LICENSE_SELL;
    assert_line(&f, &cdr, 7);
    cdr.answer_ms += 1000; /* effective_to is not in effect: the older rate again */
    assert_line(&f, &cdr, 5);
    cdr.answer_ms = fixture_ms("2026-02-01T00:00:00Z");
    assert_line(&f, &cdr, 6);
    cdr.answer_ms = fixture_ms("2026-12-31T23:59:59.999Z");
    assert_line(&f, &cdr, 6);
    cdr.answer_ms += 1;
    assert_line(&f, &cdr, 8);
    fixture_finish(&f);
}

static void test_pages_fit_faxes_only(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f, NULL, "", "prefix,rate,unit\n44,2,page\n*,3,");
    struct ts_cdr cdr = call_to("+442071838750");
    assert_line(&f, &cdr, 3);
    cdr.service = TS_SERVICE_FAX;
    cdr.pages = 1;
    assert_line(&f, &cdr, 2);
    fixture_finish(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f, NULL, "", "prefix,rate\n44,blocked\n33,1");
    struct ts_cdr cdr = call_to("+442071838750");
    struct ts_rating rating = fixture_rate(&f, &cdr);
    assert_int_equal(rating.reason, TS_REASON_BLOCKED_DESTINATION);
    assert_string_equal(rating.region, "GB");
    cdr = call_to("+4930123456");
    assert_int_equal(fixture_rate(&f, &cdr).reason, TS_REASON_NO_RATE);
    /* free ones are not looked up */
    cdr = call_to("+4930123456");
    cdr.has_answer = false;
    rating = fixture_rate(&f, &cdr);
    assert_int_equal(rating.reason, TS_REASON_NONE);
    assert_int_equal(rating.category, TS_CATEGORY_UNANSWERED);
    assert_int_equal(rating.prefix.size, 0);
    assert_int_equal(rating.deck_version, 0);
    fixture_finish(&f);
}

static void test_versions(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    assert_true(fixture_plan(&f, 1, "standard", ""));
    int64_t january = fixture_ms("2026-01-01T00:00:00Z");
    int64_t march = fixture_ms("2026-03-01T00:00:00Z");
    fixture_deck(&f, 1, january, "prefix,rate\n*,1");
    fixture_deck(&f, 1, march, "prefix,rate\n*,2");
    fixture_deck(&f, 1, march, "prefix,rate\n*,3"); /* the same time: the later published */
    fixture_deck(&f, 1, january - 1, "prefix,rate\n*,4");
    assert_true(fixture_build(&f));
    static const struct {
        const char *answer;
        int64_t version;
    } cases[] = {
        {"2025-12-31T23:59:59.998Z", 0},
        {"2025-12-31T23:59:59.999Z", 4},
        {"2026-01-01T00:00:00Z", 1},
        {"2026-02-28T23:59:59.999Z", 1},
        {"2026-03-01T00:00:00Z", 3},
        {"2099-03-01T00:00:00Z", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_cdr cdr = call_to("+442071838750");
        cdr.answer_ms = fixture_ms(cases[i].answer);
        assert_line(&f, &cdr, cases[i].version);
        assert_int_equal(fixture_rate(&f, &cdr).deck_version, cases[i].version);
        assert_int_equal(ts_catalog_version_at(f.catalog, 1, cdr.answer_ms), cases[i].version);
    }
    assert_int_equal(ts_catalog_revision(f.catalog), 7);
    assert_null(ts_catalog_plan(f.catalog, 2));
    assert_string_equal(ts_catalog_plan(f.catalog, 1)->name, "standard");
    fixture_finish(&f);
}

static void test_base_plans(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    assert_true(fixture_plan(&f, 3, "floor", "rounding=down decimals=6"));
    assert_true(fixture_plan(&f, 1, "standard", "base_plan=middle rounding=up decimals=2"));
    assert_true(fixture_plan(&f, 2, "middle", "base_plan=floor"));
    fixture_deck(&f, 1, INT64_MIN, "prefix,rate\n44,1\n49,blocked");
    fixture_deck(&f, 2, fixture_ms("2027-01-01T00:00:00Z"), "prefix,rate\n33,2");
    fixture_deck(&f, 3, INT64_MIN, "prefix,rate\n4420,9\n33,3.001\n49,3");
    assert_true(fixture_build(&f));
    struct ts_cdr cdr = call_to("+442071838750"); /* the own plan, though the base has it longer */
    assert_line(&f, &cdr, 1);
    cdr = call_to("+4930123456");
    assert_int_equal(fixture_rate(&f, &cdr).reason, TS_REASON_BLOCKED_DESTINATION);
    cdr = call_to("+33142685300"); /* a plan without a version yet is passed over */
    struct ts_rating rating = fixture_rate(&f, &cdr);
    assert_int_equal(rating.charge_micros, 3010000); /* rounded by the account's own plan */
    assert_int_equal(rating.deck_version, 3);
    cdr.answer_ms = fixture_ms("2027-01-01T00:00:00Z");
    assert_line(&f, &cdr, 2);
    cdr = call_to("+390612345");
    assert_line(&f, &cdr, 0);
    fixture_finish(&f);
}

static void test_refused_catalogs(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    assert_true(fixture_plan(&f, 1, "a", "base_plan=b"));
    assert_false(fixture_plan(&f, 1, "other", ""));
    assert_false(fixture_plan(&f, 2, "a", ""));
    assert_false(fixture_build(&f)); /* no such base plan */
    fixture_finish(&f);

    fixture_init(&f, NULL);
    fixture_plan(&f, 1, "a", "base_plan=b");
    fixture_plan(&f, 2, "b", "base_plan=c");
    fixture_plan(&f, 3, "c", "base_plan=b");
    assert_false(fixture_build(&f)); /* a cycle */
    fixture_finish(&f);

    fixture_init(&f, NULL);
    fixture_plan(&f, 1, "a", "base_plan=b");
    fixture_plan(&f, 2, "b", "currency=EUR");
    assert_false(fixture_build(&f));
    fixture_finish(&f);

    fixture_init(&f, NULL);
    fixture_deck(&f, 5, INT64_MIN, "prefix,rate\n*,1");
    assert_false(fixture_build(&f)); /* a version of no plan */
    fixture_finish(&f);

    for (int depth = 8; depth <= 9; depth++) {
        fixture_init(&f, NULL);
        for (int i = 0; i <= depth; i++) {
            char name[] = {(char)('a' + i), '\0'};
            char settings[] = {
                'b', 'a', 's', 'e', '_', 'p', 'l', 'a', 'n', '=', (char)('b' + i), '\0'};
            fixture_plan(&f, i + 1, name, i < depth ? settings : "");
        }
        fixture_deck(&f, depth + 1, INT64_MIN, "prefix,rate\n*,1");
        assert_int_equal(fixture_build(&f), depth == 8);
        if (depth == 8) {
            struct ts_cdr cdr = call_to("+442071838750");
            assert_line(&f, &cdr, 1);
        }
        fixture_finish(&f);
    }
}

static void test_description(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(
        &f, NULL, "", "prefix,rate,description,from_unit\n44,1,United Kingdom,0\n44,1,Later,60");
    struct ts_cdr cdr = call_to("+442071838750");
    assert_true(ts_bytes_equal_text(fixture_rate(&f, &cdr).description, "United Kingdom"));
    fixture_finish(&f);
}

struct steps {
    char text[4096];
};

static void keep_step(void *self, const char *text)
{
    struct steps *steps = self;
    size_t size = strlen(steps->text);
    snprintf(steps->text + size, sizeof steps->text - size, "%s\n", text);
}

static void test_explain(void **state)
{
    (void)state;
    struct fixture f;
    fixture_simple(&f,
                   NULL,
                   "decimals=2",
                   "prefix,rate,connect_fee,license,max_charge\n44,1,,,\n4420,0.5,0.25,,1.2\n"
                   "4420,1,,sell,\n*,1,,,");
    struct steps steps = {.text = ""};
    struct ts_explain explain = {.step = keep_step, .self = &steps};
    struct ts_account_profile account = {.country = "US", .rate_plan = 1};
    struct ts_cdr cdr = fixture_call(100);
    struct ts_rating rating;
    ts_catalog_explain(f.catalog, &account, &cdr, &explain, &rating, NULL);
    assert_int_equal(rating.charge_micros, 1200000);
    static const char *const expected[] = {
        "category international_outbound: to a country outside the local zone",
        "rate plan standard, deck version 1\n",
        "considered line 4: prefix 4420, category *, origin *, license SELL: does not fit, another "
        "license\n",
        "considered line 2: prefix 44, category *, origin *, license *: a longer prefix counts "
        "more",
        "considered line 5: prefix *, ",
        "won line 3: prefix 4420, category *, origin *, license *\n",
        "line 3: at second 0, 1 x 60 seconds at 0.5 for 60 = 60 x 0.5 / 60\n",
        "line 3: at second 60, 1 x 60 seconds at 0.5 for 60 = 60 x 0.5 / 60\n",
        "connect fee 0.25, once\n",
        "max_charge 1.2\n",
        "sum 1.2, rounded half_up to 2 decimals: 1.200000\n",
    };
    const char *at = steps.text;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        at = strstr(at, expected[i]);
        if (at == NULL) {
            print_error("lacks: %s\nin: %s\n", expected[i], steps.text);
        }
        assert_non_null(at);
    }
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_prefix),
        cmocka_unit_test(test_category_before_prefix),
        cmocka_unit_test(test_origin_license_and_date),
        cmocka_unit_test(test_pages_fit_faxes_only),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_base_plans),
        cmocka_unit_test(test_refused_catalogs),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_explain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
