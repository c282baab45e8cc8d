/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/rating_fixture.h"

#include "core/category.h"

#define OUT TS_DIRECTION_OUTBOUND
#define IN TS_DIRECTION_INBOUND
#define VOICE TS_SERVICE_VOICE
#define FAX TS_SERVICE_FAX

static const struct category_case {
    const char *country;
    enum ts_direction direction;
    enum ts_service service;
    const char *from, *to;
    int64_t seconds; /* -1: not answered */
    int32_t pages;
    enum ts_category category;
    const char *region;
    bool local;
} cases[] = {
    /* 1 */
    {"US", TS_DIRECTION_INTERNAL, VOICE, "101", "102", 60, 0, TS_CATEGORY_INTERNAL, "US", true},
    {"US", TS_DIRECTION_INTERNAL, VOICE, "101", "911", -1, 0, TS_CATEGORY_INTERNAL, "US", true},
    /* 2 */
    {"US", OUT, VOICE, "+12125550100", "911", 60, 0, TS_CATEGORY_EMERGENCY, "US", true},
    {"US", OUT, VOICE, "+12125550100", "112", -1, 0, TS_CATEGORY_EMERGENCY, "US", true},
    {"US", OUT, VOICE, "+12125550100", "110", 60, 0, TS_CATEGORY_EMERGENCY, "US", true},
    {"US", OUT, FAX, "+12125550100", "911", 60, 1, TS_CATEGORY_FAX_OUTBOUND, "US", true},
    {"US", IN, VOICE, "911", "+12125550100", 60, 0, TS_CATEGORY_LOCAL_INBOUND, "US", true},
    {"US", OUT, VOICE, "+12125550100", "9111", 60, 0, TS_CATEGORY_LOCAL_OUTBOUND, "US", true},
    /* 3 */
    {"US", OUT, VOICE, "1", "+442071838750", -1, 0, TS_CATEGORY_UNANSWERED, "GB", false},
    {"US", OUT, VOICE, "1", "+442071838750", 0, 0, TS_CATEGORY_UNANSWERED, "GB", false},
    {"US", OUT, FAX, "1", "+442071838750", 0, 0, TS_CATEGORY_UNANSWERED, "GB", false},
    {"US", OUT, FAX, "1", "+442071838750", 0, 1, TS_CATEGORY_FAX_OUTBOUND, "GB", false},
    /* 4 */
    {"US",
     IN,
     VOICE,
     "+33142685300",
     "+18005550100",
     9,
     0,
     TS_CATEGORY_TOLL_FREE_INBOUND,
     "FR",
     false},
    {"US", IN, FAX, "", "+18005550100", 9, 0, TS_CATEGORY_TOLL_FREE_INBOUND, "ZZ", false},
    {"US",
     IN,
     VOICE,
     "anonymous",
     "+80012345678",
     9,
     0,
     TS_CATEGORY_TOLL_FREE_INBOUND,
     "ZZ",
     false},
    /* 5 */
    {"US", IN, FAX, "+12125550100", "+12125550101", 9, 0, TS_CATEGORY_FAX_INBOUND, "US", true},
    {"US", OUT, FAX, "1", "+18005550100", 9, 0, TS_CATEGORY_FAX_OUTBOUND, "US", true},
    /* 6 */
    {"US", OUT, VOICE, "1", "+18005550100", 9, 0, TS_CATEGORY_TOLL_FREE_OUTBOUND, "US", true},
    {"GB", OUT, VOICE, "1", "+80012345678", 9, 0, TS_CATEGORY_TOLL_FREE_OUTBOUND, "001", false},
    {"GB", OUT, VOICE, "1", "+18005550100", 9, 0, TS_CATEGORY_INTERNATIONAL_OUTBOUND, "US", false},
    /* 7 */
    {"CA", OUT, VOICE, "1", "+19005550199", 9, 0, TS_CATEGORY_PREMIUM_OUTBOUND, "US", true},
    {"US", OUT, VOICE, "1", "+979123456789", 9, 0, TS_CATEGORY_PREMIUM_OUTBOUND, "001", false},
    {"US", OUT, VOICE, "1", "+449098790000", 9, 0, TS_CATEGORY_INTERNATIONAL_OUTBOUND, "GB", false},
    /* 8 */
    {"US", OUT, VOICE, "1", "+17875550123", 9, 0, TS_CATEGORY_INTERNATIONAL_OUTBOUND, "PR", false},
    {"US", OUT, VOICE, "1", "+18765550123", 9, 0, TS_CATEGORY_INTERNATIONAL_OUTBOUND, "JM", false},
    {"US",
     OUT,
     VOICE,
     "1",
     "+870773111632",
     9,
     0,
     TS_CATEGORY_INTERNATIONAL_OUTBOUND,
     "001",
     false},
    {"GB", OUT, VOICE, "1", "+441481720000", 9, 0, TS_CATEGORY_INTERNATIONAL_OUTBOUND, "GG", false},
    {"RU", OUT, VOICE, "1", "+77011234567", 9, 0, TS_CATEGORY_INTERNATIONAL_OUTBOUND, "KZ", false},
    /* 9 */
    {"US", OUT, VOICE, "1", "+14165550123", 9, 0, TS_CATEGORY_LOCAL_OUTBOUND, "CA", true},
    {"GB", OUT, VOICE, "1", "+442071838750", 9, 0, TS_CATEGORY_LOCAL_OUTBOUND, "GB", true},
    {"US", OUT, VOICE, "1", "*98", 9, 0, TS_CATEGORY_LOCAL_OUTBOUND, "US", true},
    {"US",
     IN,
     VOICE,
     "+442071838750",
     "+12125550100",
     9,
     0,
     TS_CATEGORY_LOCAL_INBOUND,
     "GB",
     false},
    {"US", IN, VOICE, "+1", "+12125550100", 9, 0, TS_CATEGORY_LOCAL_INBOUND, "ZZ", false},
    {"US", IN, VOICE, "+1234567890123456", "100", 9, 0, TS_CATEGORY_LOCAL_INBOUND, "ZZ", false},
    {"US", IN, VOICE, "123456789", "100", 9, 0, TS_CATEGORY_LOCAL_INBOUND, "ZZ", false},
};

static void test_rules(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_rate_plan plan;
    struct ts_numbering *numbering = ts_numbering_create(ts_numbering_plan_embedded(), &err);
    ts_rate_plan_init(&plan, "standard");
    assert_true(ts_rate_plan_set(&plan, TS_LITERAL("emergency_numbers"), TS_LITERAL("110"), &err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct category_case *c = &cases[i];
        struct ts_cdr cdr = fixture_call(c->seconds < 0 ? 0 : c->seconds);
        struct ts_call_class call;
        cdr.direction = c->direction;
        cdr.service = c->service;
        cdr.from_number = ts_bytes_of(c->from);
        cdr.to_number = ts_bytes_of(c->to);
        cdr.has_answer = c->seconds >= 0;
        cdr.pages = c->pages;
        ts_category_of(numbering, &plan, c->country, &cdr, &call);
        if (call.category != c->category || strcmp(call.region, c->region) != 0) {
            print_error("case %zu: %s %s\n", i, ts_category_name(call.category), call.region);
        }
        assert_int_equal(call.category, c->category);
        assert_string_equal(call.region, c->region);
        assert_int_equal(call.local, c->local);
    }
    ts_numbering_destroy(numbering);
}

static void test_seconds(void **state)
{
    (void)state;
    struct ts_cdr cdr = {.duration_ms = 0};
    assert_int_equal(ts_category_seconds(&cdr), 0);
    cdr.duration_ms = 1;
    assert_int_equal(ts_category_seconds(&cdr), 1);
    cdr.duration_ms = 61000;
    assert_int_equal(ts_category_seconds(&cdr), 61);
    cdr.duration_ms = 61001;
    assert_int_equal(ts_category_seconds(&cdr), 62);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
