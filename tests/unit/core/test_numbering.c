/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/error.h"
#include "core/numbering.h"
#include "core/numbering_data.h"

#include <stdio.h>
#include <string.h>

#define HEADER "prefix,digits,region,type\n"

struct vector {
    const char *number;
    const char *region;
    const char *type;
};

static void check(const struct ts_numbering *plan, const struct vector *v)
{
    struct ts_number_info info = ts_numbering_lookup(plan, ts_bytes_of(v->number));
    const char *type = ts_number_type_name(info.type);
    if (strcmp(info.region, v->region) != 0 || strcmp(type, v->type) != 0) {
        fail_msg("%s is %s,%s, not %s,%s", v->number, info.region, type, v->region, v->type);
    }
}

static void check_all(const struct ts_numbering *plan, const struct vector *vectors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(plan, &vectors[i]);
    }
}

#define CHECK_ALL(plan, vectors) check_all(plan, vectors, sizeof(vectors) / sizeof(vectors)[0])

static int load_embedded(void **state)
{
    struct ts_error err = {0};
    *state = ts_numbering_create(ts_numbering_plan_embedded(), &err);
    if (*state == NULL) {
        print_error("%s\n", err.text);
    }
    return *state == NULL ? -1 : 0;
}

static int unload(void **state)
{
    ts_numbering_destroy(*state);
    return 0;
}

static void test_north_america_is_many_countries(void **state)
{
    static const struct vector vectors[] = {
        {"+12125551234", "US", "fixed_line_or_mobile"},
        {"+14155550100", "US", "fixed_line_or_mobile"},
        {"+14165551234", "CA", "fixed_line_or_mobile"},
        {"+16045551234", "CA", "fixed_line_or_mobile"},
        {"+12423591234", "BS", "mobile"},
        {"+12423221234", "BS", "fixed_line"},
        {"+12464123456", "BB", "fixed_line"},
        {"+18765551234", "JM", "mobile"},
        {"+16585551234", "JM", "fixed_line"},
        {"+18092345678", "DO", "fixed_line_or_mobile"},
        {"+17872345678", "PR", "fixed_line_or_mobile"},
        {"+19392345678", "PR", "fixed_line_or_mobile"},
        {"+13406421234", "VI", "fixed_line_or_mobile"},
        {"+16713001234", "GU", "fixed_line_or_mobile"},
        {"+16846221234", "AS", "fixed_line"},
        {"+16702345678", "MP", "fixed_line_or_mobile"},
        {"+14413701234", "BM", "mobile"},
        {"+18005551234", "US", "toll_free"},
        {"+18335551234", "US", "toll_free"},
        {"+19005551234", "US", "premium_rate"},
        {"+15005550006", "US", "personal_number"},
    };
    CHECK_ALL(*state, vectors);
}

/* Nobody can own these, but switches write them: the range is known all the same. */
static void test_toll_free_of_north_america_is_us(void **state)
{
    static const struct vector vectors[] = {
        {"+18001234567", "US", "toll_free"},
        {"+18001412345", "US", "toll_free"},
        {"+1800", "US", "toll_free"},
        {"+19001234567", "US", "premium_rate"},
    };
    CHECK_ALL(*state, vectors);
}

static void test_shared_calling_codes(void **state)
{
    static const struct vector vectors[] = {
        {"+442079460958", "GB", "fixed_line"},      {"+447400123456", "GB", "mobile"},
        {"+448001111", "GB", "toll_free"},          {"+449012345678", "GB", "premium_rate"},
        {"+447640123456", "GB", "pager"},           {"+445612345678", "GB", "voip"},
        {"+447012345678", "GB", "personal_number"}, {"+441481256789", "GG", "fixed_line"},
        {"+447781123456", "GG", "mobile"},          {"+441534456789", "JE", "fixed_line"},
        {"+447797712345", "JE", "mobile"},          {"+441624756789", "IM", "fixed_line"},
        {"+447624123456", "IM", "mobile"},          {"+79123456789", "RU", "mobile"},
        {"+73011234567", "RU", "fixed_line"},       {"+77123456789", "KZ", "fixed_line"},
        {"+77710009998", "KZ", "mobile"},           {"+390669812345", "VA", "fixed_line"},
        {"+390612345678", "IT", "fixed_line"},      {"+4779123456", "SJ", "fixed_line"},
        {"+262269601234", "YT", "fixed_line"},      {"+358181234567", "AX", "fixed_line"},
    };
    CHECK_ALL(*state, vectors);
}

static void test_the_world(void **state)
{
    static const struct vector vectors[] = {
        {"+80012345678", "001", "toll_free"},
        {"+80812345678", "001", "shared_cost"},
        {"+870301234567", "001", "mobile"},
        {"+878101234567", "001", "voip"},
        {"+881612345678", "001", "mobile"},
        {"+883510012345", "001", "voip"},
        {"+888123456789", "001", "uan"},
        {"+979123456789", "001", "premium_rate"},
        {"+979", "001", "premium_rate"},
        {"+882", "001", "unknown"},
    };
    CHECK_ALL(*state, vectors);
    struct ts_number_info info = ts_numbering_lookup(*state, ts_bytes_of("+8823451234567"));
    assert_string_equal(info.region, "001");
}

static void test_what_is_not_in_the_plan(void **state)
{
    static const struct vector vectors[] = {
        {"+12005551234", "ZZ", "unknown"}, /* no such area code */
        {"+15555551234", "ZZ", "unknown"},
        {"+1", "ZZ", "unknown"},
        {"+1212", "US", "fixed_line_or_mobile"},
        {"+4421", "GB", "unknown"}, /* the main region of the calling code */
        {"+440000000000", "GB", "unknown"},
        {"+33", "FR", "unknown"},
        {"+4", "ZZ", "unknown"},
        {"+999123456789", "ZZ", "unknown"},
        {"+0123456789", "ZZ", "unknown"},
        {"", "ZZ", "unknown"},
        {"+", "ZZ", "unknown"},
        {"911", "ZZ", "unknown"},
        {"442079460958", "ZZ", "unknown"},
        {"anonymous", "ZZ", "unknown"},
        {"+44 20 7946 0958", "ZZ", "unknown"},
        {"+4420794609x8", "ZZ", "unknown"},
        {"++442079460958", "ZZ", "unknown"},
        {"+\xd9\xa4\xd9\xa4", "ZZ", "unknown"},
    };
    CHECK_ALL(*state, vectors);
}

static void test_the_number_of_digits(void **state)
{
    static const struct vector vectors[] = {
        /* it does not matter where the digits decide */
        {"+4420794", "GB", "fixed_line"},
        {"+442079460958000000000000000000000000000000", "GB", "fixed_line"},
        /* it decides: voicemail boxes are Italian mobile numbers with two digits more */
        {"+393323456789", "IT", "mobile"},
        {"+39332345678901", "IT", "voicemail"},
        {"+39332", "IT", "mobile"},
        {"+393323456789012345678901234567890123456789", "IT", "voicemail"},
        /* a short Canadian number does not take a Californian area code away */
        {"+13105551234", "US", "fixed_line_or_mobile"},
        {"+13101234", "CA", "uan"},
        {"+13101234567", "US", "unknown"},
        {"+1310", "US", "unknown"},
    };
    CHECK_ALL(*state, vectors);
}

static struct ts_numbering *load(const char *csv)
{
    struct ts_error err = {0};
    struct ts_numbering *plan = ts_numbering_create(ts_bytes_of(csv), &err);
    if (plan == NULL) {
        fail_msg("%s", err.text);
    }
    return plan;
}

static void test_the_format(void **state)
{
    (void)state;
    struct ts_numbering *plan = load("# a comment\n" HEADER "9,,IN,unknown\n"
                                     "91[23],8-9 11,IN,mobile\n"
                                     "91[3],10,IN,pager\n"
                                     "913,,IN,uan\n"
                                     "[78],,RU,fixed_line"); /* no newline at the end */
    static const struct vector vectors[] = {
        {"+91200000", "IN", "mobile"},
        {"+912000000", "IN", "mobile"},
        {"+9120000000", "IN", "unknown"}, /* 10 digits: the shorter prefix */
        {"+91200000000", "IN", "mobile"},
        {"+9130000000", "IN", "pager"},
        {"+913", "IN", "uan"},
        {"+91300000", "IN", "mobile"},
        {"+7", "RU", "fixed_line"},
        {"+81", "RU", "fixed_line"},
        {"+6", "ZZ", "unknown"},
    };
    CHECK_ALL(plan, vectors);
    ts_numbering_destroy(plan);
    ts_numbering_destroy(NULL);
}

static void test_malformed_plans_are_refused_with_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *csv;
        const char *told;
    } cases[] = {
        {"", "empty"},
        {"# only a comment\n", "empty"},
        {"prefix,region,type\n", "line 1"},
        {HEADER "44x,,GB,mobile\n", "line 2"},
        {HEADER ",,GB,mobile\n", "line 2"},
        {HEADER "44,,GB,mobile\n\n", "line 3"},
        {HEADER "44[2,,GB,mobile\n", "44[2"},
        {HEADER "44[],,GB,mobile\n", "44[]"},
        {HEADER "44[2]3,,GB,mobile\n", "44[2]3"},
        {HEADER "44[2-3],,GB,mobile\n", "44[2-3]"},
        {HEADER "12345678901234567890123456789012,,GB,mobile\n", "no prefix"},
        {HEADER "44,0,GB,mobile\n", "number of digits"},
        {HEADER "44,32,GB,mobile\n", "number of digits"},
        {HEADER "44,9-8,GB,mobile\n", "9-8"},
        {HEADER "44,8-,GB,mobile\n", "8-"},
        {HEADER "44,8  9,GB,mobile\n", "8  9"},
        {HEADER "44,,gb,mobile\n", "gb"},
        {HEADER "44,,GBR,mobile\n", "GBR"},
        {HEADER "44,,GB,landline\n", "landline"},
        {HEADER "44,,GB\n", "unknown type"},
        {HEADER "44,,GB,mobile,x\n", "mobile,x"},
        {HEADER "44,,GB,mobile\n44,,GB,pager\n", "line 3"},
        {HEADER "44,,GB,mobile\n44,8,GB,pager\n", "line 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ts_error err = {0};
        assert_null(ts_numbering_create(ts_bytes_of(cases[i].csv), &err));
        assert_int_equal(err.class, TS_ERROR_REJECT);
        if (strstr(err.text, cases[i].told) == NULL) {
            fail_msg("\"%s\" does not tell \"%s\"", err.text, cases[i].told);
        }
    }
    assert_null(ts_numbering_create((struct ts_bytes){NULL, 0}, NULL));
}

static void test_every_type_has_a_name(void **state)
{
    (void)state;
    for (int type = 0; type < TS_NUMBER_TYPE_COUNT; type++) {
        assert_string_not_equal(ts_number_type_name((enum ts_number_type)type), "?");
    }
    assert_string_equal(ts_number_type_name(TS_NUMBER_TYPE_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest embedded[] = {
        cmocka_unit_test(test_north_america_is_many_countries),
        cmocka_unit_test(test_toll_free_of_north_america_is_us),
        cmocka_unit_test(test_shared_calling_codes),
        cmocka_unit_test(test_the_world),
        cmocka_unit_test(test_what_is_not_in_the_plan),
        cmocka_unit_test(test_the_number_of_digits),
    };
    const struct CMUnitTest format[] = {
        cmocka_unit_test(test_the_format),
        cmocka_unit_test(test_malformed_plans_are_refused_with_the_line),
        cmocka_unit_test(test_every_type_has_a_name),
    };
    int failed = cmocka_run_group_tests_name("embedded plan", embedded, load_embedded, unload);
    return failed + cmocka_run_group_tests_name("plan format", format, NULL, NULL);
}
