/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "base/utf8.h"
#include "core/attributes.h"
#include "core/validate.h"

#include <string.h>

#define START INT64_C(1767225600000) /* 2026-01-01 */
#define DAY INT64_C(86400000)

static const struct ts_validate_limits limits = {.now_ms = START + DAY,
                                                 .duration_tolerance_ms = 2000};
static const struct ts_bytes absent = {NULL, 0};
static char many[300];

static struct ts_cdr call(void)
{
    return (struct ts_cdr){
        .cdr_id = TS_LITERAL("c-1"),
        .source = TS_LITERAL("switch-1"),
        .account_id = TS_LITERAL("office-1"),
        .license = TS_LICENSE_TALK,
        .service = TS_SERVICE_VOICE,
        .direction = TS_DIRECTION_OUTBOUND,
        .from_number = TS_LITERAL("+14155550100"),
        .to_number = TS_LITERAL("+442071234567"),
        .start_ms = START,
        .has_answer = true,
        .answer_ms = START + 5000,
        .end_ms = START + 65000,
        .duration_ms = 60000,
        .disposition = TS_DISPOSITION_ANSWERED,
    };
}

static struct ts_cdr unanswered(void)
{
    struct ts_cdr cdr = call();
    cdr.has_answer = false;
    cdr.duration_ms = 0;
    cdr.disposition = TS_DISPOSITION_NO_ANSWER;
    return cdr;
}

static struct ts_cdr fax(void)
{
    struct ts_cdr cdr = call();
    cdr.service = TS_SERVICE_FAX;
    cdr.pages = 3;
    return cdr;
}

static struct ts_cdr inbound(struct ts_bytes from)
{
    struct ts_cdr cdr = call();
    cdr.direction = TS_DIRECTION_INBOUND;
    cdr.from_number = from;
    return cdr;
}

static void expect_with(struct ts_cdr cdr,
                        struct ts_validate_limits with,
                        enum ts_reason reason,
                        const char *in)
{
    char message[TS_VALIDATE_MESSAGE_MAX] = "untouched";
    enum ts_reason found = ts_cdr_validate(&cdr, &with, message, sizeof message);
    if (found != reason) {
        fail_msg("%s instead of %s: %s", ts_reason_name(found), ts_reason_name(reason), message);
    }
    assert_true(ts_utf8_is_text(ts_bytes_of(message)));
    if (strstr(message, in) == NULL) {
        fail_msg("no \"%s\" in: %s", in, message);
    }
    assert_int_equal(ts_cdr_validate(&cdr, &with, NULL, 0), reason);
}

static void expect(struct ts_cdr cdr, enum ts_reason reason, const char *in)
{
    expect_with(cdr, limits, reason, in);
}

static void pass(struct ts_cdr cdr)
{
    expect(cdr, TS_REASON_NONE, "untouched");
}

static void test_good_records(void **state)
{
    (void)state;
    pass(call());
    pass(unanswered());
    pass(fax());
    pass(inbound(TS_LITERAL("")));
    pass(inbound(absent));
    pass(inbound(TS_LITERAL("anonymous")));
    pass(inbound(TS_LITERAL("sip:ann@example.com")));
    pass(inbound((struct ts_bytes){many, 64}));
}

static void test_missing_field(void **state)
{
    (void)state;
    struct ts_cdr cdr = call();
    cdr.cdr_id = TS_LITERAL("");
    expect(cdr, TS_REASON_MISSING_FIELD, "cdr_id");
    cdr = call();
    cdr.source = absent;
    expect(cdr, TS_REASON_MISSING_FIELD, "source");
    cdr = call();
    cdr.account_id = TS_LITERAL("");
    expect(cdr, TS_REASON_MISSING_FIELD, "account_id");
    cdr = call();
    cdr.to_number = TS_LITERAL("");
    expect(cdr, TS_REASON_MISSING_FIELD, "to_number");
    cdr = call();
    cdr.from_number = TS_LITERAL("");
    expect(cdr, TS_REASON_MISSING_FIELD, "from_number");
    cdr.direction = TS_DIRECTION_INTERNAL;
    expect(cdr, TS_REASON_MISSING_FIELD, "from_number");
    cdr = inbound(absent);
    cdr.to_number = absent;
    expect(cdr, TS_REASON_MISSING_FIELD, "to_number");
}

static void test_field_too_long(void **state)
{
    (void)state;
    struct ts_bytes b64 = {many, 64};
    struct ts_bytes b65 = {many, 65};
    struct ts_bytes b256 = {many, 256};
    struct ts_bytes b257 = {many, 257};

    struct ts_cdr cdr = call();
    cdr.cdr_id = cdr.source = cdr.account_id = b64;
    cdr.user_id = cdr.user_name = cdr.department = cdr.call_id = b256;
    cdr.attributes.count = 32;
    cdr.encoded_size = 64 * 1024;
    pass(cdr);

    cdr = call();
    cdr.cdr_id = b65;
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "cdr_id");
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "65 bytes");
    cdr = call();
    cdr.source = b65;
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "source");
    cdr = call();
    cdr.account_id = b65;
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "account_id");
    cdr = call();
    cdr.user_id = b257;
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "user_id");
    cdr = call();
    cdr.user_name = b257;
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "user_name");
    cdr = call();
    cdr.department = b257;
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "department");
    expect(inbound(b65), TS_REASON_FIELD_TOO_LONG, "from_number");
    cdr = call();
    cdr.attributes.count = 33;
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "attributes: 33");
    cdr = call();
    cdr.encoded_size = 64 * 1024 + 1;
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "65537");
}

static void test_invalid_text(void **state)
{
    (void)state;
    static const size_t offsets[] = {
        offsetof(struct ts_cdr, cdr_id),
        offsetof(struct ts_cdr, source),
        offsetof(struct ts_cdr, call_id),
        offsetof(struct ts_cdr, account_id),
        offsetof(struct ts_cdr, user_id),
        offsetof(struct ts_cdr, user_name),
        offsetof(struct ts_cdr, department),
        offsetof(struct ts_cdr, from_number),
        offsetof(struct ts_cdr, to_number),
        offsetof(struct ts_cdr, origin_country),
    };
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct ts_cdr cdr = call();
        struct ts_bytes bad = TS_LITERAL("Ann\x01 and\xff so on");
        memcpy((char *)&cdr + offsets[i], &bad, sizeof bad);
        expect(cdr, TS_REASON_INVALID_TEXT, "\"Ann\\x01 and\\xff so on\"");
    }
    expect(inbound(TS_LITERAL("a\nb")), TS_REASON_INVALID_TEXT, "from_number");
    struct ts_cdr cdr = call();
    cdr.user_name = TS_LITERAL("Zo\xc3\xab 7\xe2\x82\xac");
    pass(cdr);
}

static void test_invalid_text_in_attributes(void **state)
{
    (void)state;
    struct ts_buffer buffer;
    ts_buffer_init(&buffer, 1000);
    ts_attributes_append(&buffer, TS_LITERAL("trunk"), TS_LITERAL("t-1"));
    ts_attributes_append(&buffer, TS_LITERAL("campaign"), TS_LITERAL("x\x7fy"));
    ts_attributes_end(&buffer);
    struct ts_cdr cdr = call();
    cdr.attributes = (struct ts_cdr_attributes){ts_buffer_bytes(&buffer), 2};
    expect(cdr, TS_REASON_INVALID_TEXT, "attributes: \"campaign\": \"x\\x7fy\"");
    ts_buffer_finish(&buffer);
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const good[] = {
        "+123", "+123456789012345", "1", "911", "*67", "#31#", "12345678", "*", "0"};
    static const char *const bad[] = {"+",
                                      "+12",
                                      "+1234567890123456",
                                      "+1234567890123456789012345678901234567890",
                                      "123456789",
                                      "+1415555010a",
                                      "+1 415",
                                      "++123",
                                      "00442071234567",
                                      "anonymous",
                                      "1-2",
                                      "+*123"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct ts_cdr cdr = call();
        cdr.to_number = ts_bytes_of(good[i]);
        pass(cdr);
        cdr.from_number = ts_bytes_of(good[i]);
        pass(cdr);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ts_cdr cdr = call();
        cdr.to_number = ts_bytes_of(bad[i]);
        expect(cdr, TS_REASON_INVALID_NUMBER, "to_number");
        expect(cdr, TS_REASON_INVALID_NUMBER, bad[i]);
        cdr.direction = TS_DIRECTION_INBOUND;
        expect(cdr, TS_REASON_INVALID_NUMBER, "to_number");
        cdr = call();
        cdr.from_number = ts_bytes_of(bad[i]);
        expect(cdr, TS_REASON_INVALID_NUMBER, "from_number");
        cdr.direction = TS_DIRECTION_INBOUND;
        pass(cdr);
        cdr.direction = TS_DIRECTION_INTERNAL;
        pass(cdr);
    }
}

static void test_time_range(void **state)
{
    (void)state;
    struct ts_cdr cdr = unanswered();
    cdr.start_ms = INT64_C(946684800000);
    cdr.end_ms = cdr.start_ms;
    pass(cdr);
    cdr.start_ms--;
    expect(cdr, TS_REASON_TIME_OUT_OF_RANGE, "start_time: 946684799999");
    cdr = unanswered();
    cdr.start_ms = 0;
    expect(cdr, TS_REASON_TIME_OUT_OF_RANGE, "start_time: 0");
    cdr.start_ms = INT64_MIN;
    expect(cdr, TS_REASON_TIME_OUT_OF_RANGE, "start_time");
    cdr.start_ms = START;
    cdr.end_ms = INT64_MAX;
    expect(cdr, TS_REASON_TIME_OUT_OF_RANGE, "end_time");
    cdr.end_ms = limits.now_ms + DAY;
    pass(cdr);
    cdr.end_ms++;
    expect(cdr, TS_REASON_TIME_OUT_OF_RANGE, "end_time");
    cdr = call();
    cdr.answer_ms = INT64_MIN;
    expect(cdr, TS_REASON_TIME_OUT_OF_RANGE, "answer_time");
    cdr.has_answer = false; /* then it is no time at all */
    expect(cdr, TS_REASON_ANSWER_MISMATCH, "disposition");

    struct ts_validate_limits no_clock = {TS_VALIDATE_NO_CLOCK, 2000};
    cdr = unanswered();
    cdr.start_ms = cdr.end_ms = INT64_C(4102444800000);
    expect(cdr, TS_REASON_TIME_OUT_OF_RANGE, "start_time");
    expect_with(cdr, no_clock, TS_REASON_NONE, "untouched");
    cdr.end_ms++;
    expect_with(cdr, no_clock, TS_REASON_TIME_OUT_OF_RANGE, "end_time");
}

static void test_time_order(void **state)
{
    (void)state;
    struct ts_cdr cdr = call();
    cdr.answer_ms = START - 999;
    cdr.end_ms = cdr.answer_ms + 60000;
    pass(cdr);
    cdr.answer_ms = START - 1000;
    expect(cdr, TS_REASON_TIME_ORDER, "answer_time");

    cdr = call();
    cdr.duration_ms = 0;
    cdr.end_ms = cdr.answer_ms - 999;
    pass(cdr);
    cdr.end_ms = cdr.answer_ms - 1000;
    expect(cdr, TS_REASON_TIME_ORDER, "end_time");

    cdr = unanswered();
    cdr.end_ms = START - 999;
    pass(cdr);
    cdr.end_ms = START - 1000;
    expect(cdr, TS_REASON_TIME_ORDER, "end_time");
}

static void test_duration(void **state)
{
    (void)state;
    struct ts_cdr cdr = call();
    cdr.duration_ms = -1;
    expect(cdr, TS_REASON_DURATION_OUT_OF_RANGE, "duration_ms: -1");
    cdr = call();
    cdr.start_ms = START - 8 * DAY;
    cdr.answer_ms = cdr.start_ms;
    cdr.end_ms = cdr.start_ms + 7 * DAY;
    cdr.duration_ms = 7 * DAY;
    pass(cdr);
    cdr.duration_ms++;
    expect(cdr, TS_REASON_DURATION_OUT_OF_RANGE, "604800001");
    cdr.duration_ms = INT64_MIN;
    expect(cdr, TS_REASON_DURATION_OUT_OF_RANGE, "duration_ms");

    cdr = call();
    cdr.duration_ms = 62000;
    pass(cdr);
    cdr.duration_ms = 62001;
    expect(cdr, TS_REASON_DURATION_MISMATCH, "62001");
    expect_with(cdr, (struct ts_validate_limits){START, 2001}, TS_REASON_NONE, "untouched");
    cdr.duration_ms = 58000;
    pass(cdr);
    cdr.duration_ms = 57999;
    expect(cdr, TS_REASON_DURATION_MISMATCH, "57999");
}

static void test_answer(void **state)
{
    (void)state;
    for (enum ts_disposition d = TS_DISPOSITION_NO_ANSWER; d < TS_DISPOSITION_COUNT; d++) {
        struct ts_cdr cdr = unanswered();
        cdr.disposition = d;
        pass(cdr);
        cdr.service = TS_SERVICE_FAX;
        pass(cdr);
        cdr = call();
        cdr.disposition = d;
        expect(cdr, TS_REASON_ANSWER_MISMATCH, ts_disposition_name(d));
        cdr = fax();
        cdr.disposition = d;
        if (d == TS_DISPOSITION_FAILED) {
            pass(cdr);
        } else {
            expect(cdr, TS_REASON_ANSWER_MISMATCH, ts_disposition_name(d));
        }
    }
    struct ts_cdr cdr = unanswered();
    cdr.disposition = TS_DISPOSITION_ANSWERED;
    expect(cdr, TS_REASON_ANSWER_MISMATCH, "answer_time");
    cdr = unanswered();
    cdr.duration_ms = 1;
    expect(cdr, TS_REASON_ANSWER_MISMATCH, "duration_ms: 1");
    cdr = unanswered();
    cdr.service = TS_SERVICE_FAX;
    cdr.pages = 2;
    expect(cdr, TS_REASON_ANSWER_MISMATCH, "pages: 2");
}

static void test_pages(void **state)
{
    (void)state;
    struct ts_cdr cdr = fax();
    cdr.pages = -1;
    expect(cdr, TS_REASON_INVALID_PAGES, "pages: -1");
    cdr = call();
    cdr.pages = 1;
    expect(cdr, TS_REASON_INVALID_PAGES, "VOICE");
}

/* Everything wrong at once, then put right one reason after the other: each is told in its turn. */
static void test_the_first_reason_is_told(void **state)
{
    (void)state;
    struct ts_cdr cdr = call();
    cdr.cdr_id = TS_LITERAL("");
    cdr.department = (struct ts_bytes){many, 257};
    cdr.user_id = TS_LITERAL("\x80");
    cdr.to_number = TS_LITERAL("x");
    cdr.start_ms = 0;
    cdr.answer_ms = START - 5000;
    cdr.duration_ms = 8 * DAY;
    cdr.disposition = TS_DISPOSITION_BUSY;
    cdr.pages = -1;
    expect(cdr, TS_REASON_MISSING_FIELD, "cdr_id");
    cdr.cdr_id = TS_LITERAL("c");
    expect(cdr, TS_REASON_FIELD_TOO_LONG, "department");
    cdr.department = absent;
    expect(cdr, TS_REASON_INVALID_TEXT, "user_id");
    cdr.user_id = absent;
    expect(cdr, TS_REASON_INVALID_NUMBER, "to_number");
    cdr.to_number = TS_LITERAL("911");
    expect(cdr, TS_REASON_TIME_OUT_OF_RANGE, "start_time");
    cdr.start_ms = START;
    expect(cdr, TS_REASON_TIME_ORDER, "answer_time");
    cdr.answer_ms = START;
    expect(cdr, TS_REASON_DURATION_OUT_OF_RANGE, "duration_ms");
    cdr.duration_ms = 0;
    expect(cdr, TS_REASON_DURATION_MISMATCH, "duration_ms");
    cdr.duration_ms = 65000;
    expect(cdr, TS_REASON_ANSWER_MISMATCH, "BUSY");
    cdr.disposition = TS_DISPOSITION_ANSWERED;
    expect(cdr, TS_REASON_INVALID_PAGES, "-1");
    cdr.pages = 0;
    pass(cdr);
}

static void test_reason_names(void **state)
{
    (void)state;
    assert_string_equal(ts_reason_name(TS_REASON_NONE), "none");
    assert_int_equal(ts_reason_of(TS_LITERAL("none")), TS_REASON_NONE);
    assert_int_equal(ts_reason_of(TS_LITERAL("no_rat")), TS_REASON_NONE);
    for (enum ts_reason r = TS_REASON_NONE + 1; r < TS_REASON_COUNT; r++) {
        assert_int_equal(ts_reason_of(ts_bytes_of(ts_reason_name(r))), r);
    }
}

static int fill(void **state)
{
    (void)state;
    memset(many, 'm', sizeof many);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_records),
        cmocka_unit_test(test_missing_field),
        cmocka_unit_test(test_field_too_long),
        cmocka_unit_test(test_invalid_text),
        cmocka_unit_test(test_invalid_text_in_attributes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_time_range),
        cmocka_unit_test(test_time_order),
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_the_first_reason_is_told),
        cmocka_unit_test(test_reason_names),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
