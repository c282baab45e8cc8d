/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/json/cdr_json.h"
#include "adapters/json/profile_json.h"
#include "core/attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOOD                                                                                       \
    "\"cdr_id\":\"c1\",\"source\":\"s\",\"account_id\":\"a\",\"service\":\"VOICE\","               \
    "\"direction\":\"OUTBOUND\",\"from_number\":\"+12125550100\",\"to_number\":\"+44207\","        \
    "\"end_time\":1000,\"disposition\":\"ANSWERED\""
#define REST "\"license\":\"TALK\",\"start_time\":0,\"duration_ms\":5"

struct fixture {
    struct ts_json_cdr_reader *reader;
    struct ts_cdr cdr;
    enum ts_reason reason;
    char message[256];
};

static enum ts_json_cdr_status read_line(struct fixture *f, const char *line)
{
    struct ts_error err = {0};
    if (f->reader == NULL) {
        f->reader = ts_json_cdr_reader_create(&err);
    }
    f->reason = TS_REASON_NONE;
    f->message[0] = '\0';
    return ts_json_cdr_read(
        f->reader, ts_bytes_of(line), &f->cdr, &f->reason, f->message, sizeof f->message);
}

static void test_fields(void **state)
{
    (void)state;
    struct fixture f = {.reader = NULL};
    assert_int_equal(
        read_line(&f,
                  "{\"cdr_id\":\"c1\",\"source\":\"s\",\"leg\":2,\"call_id\":\"k\","
                  "\"account_id\":\"a\",\"user_id\":\"u\",\"user_name\":\"n\",\"department\":\"d\","
                  "\"license\":\"contact_center\",\"service\":\"Fax\",\"direction\":\"INBOUND\","
                  "\"from_number\":\"\",\"to_number\":\"100\",\"origin_country\":\"GB\","
                  "\"start_time\":\"2026-01-02T00:00:00Z\",\"answer_time\":1767312001000,"
                  "\"end_time\":\"2026-01-02T01:01:00+01:00\",\"duration_ms\":59000,\"pages\":3,"
                  "\"disposition\":\"failed\",\"hangup_cause\":16,\"attributes\":{\"t\":\"x\"},"
                  "\"unheard_of\":[{}]}"),
        TS_JSON_CDR_GOOD);
    assert_true(ts_bytes_equal_text(f.cdr.cdr_id, "c1"));
    assert_true(ts_bytes_equal_text(f.cdr.source, "s"));
    assert_true(ts_bytes_equal_text(f.cdr.call_id, "k"));
    assert_true(ts_bytes_equal_text(f.cdr.user_id, "u"));
    assert_true(ts_bytes_equal_text(f.cdr.user_name, "n"));
    assert_true(ts_bytes_equal_text(f.cdr.department, "d"));
    assert_true(ts_bytes_equal_text(f.cdr.origin_country, "GB"));
    assert_int_equal(f.cdr.from_number.size, 0);
    assert_int_equal(f.cdr.leg, 2);
    assert_int_equal(f.cdr.license, TS_LICENSE_CONTACT_CENTER);
    assert_int_equal(f.cdr.service, TS_SERVICE_FAX);
    assert_int_equal(f.cdr.direction, TS_DIRECTION_INBOUND);
    assert_int_equal(f.cdr.disposition, TS_DISPOSITION_FAILED);
    assert_int_equal(f.cdr.start_ms, 1767312000000);
    assert_true(f.cdr.has_answer);
    assert_int_equal(f.cdr.answer_ms, 1767312001000);
    assert_int_equal(f.cdr.end_ms, 1767312060000);
    assert_int_equal(f.cdr.duration_ms, 59000);
    assert_int_equal(f.cdr.pages, 3);
    assert_true(f.cdr.has_hangup_cause);
    assert_int_equal(f.cdr.hangup_cause, 16);
    assert_int_equal(f.cdr.attributes.count, 1);
    struct ts_attributes_walk walk;
    struct ts_bytes name;
    struct ts_bytes value;
    ts_attributes_walk_init(&walk, &f.cdr.attributes);
    assert_true(ts_attributes_next(&walk, &name, &value));
    assert_true(ts_bytes_equal_text(name, "t"));
    assert_true(ts_bytes_equal_text(value, "x"));
    assert_false(ts_attributes_next(&walk, &name, &value));

    assert_int_equal(
        read_line(&f, "{" GOOD "," REST ",\"answer_time\":null,\"leg\":null,\"attributes\":null}"),
        TS_JSON_CDR_GOOD);
    assert_false(f.cdr.has_answer);
    assert_false(f.cdr.has_hangup_cause);
    assert_int_equal(f.cdr.leg, 0);
    assert_int_equal(f.cdr.attributes.count, 0);
    assert_null(f.cdr.call_id.data);
    ts_json_cdr_reader_destroy(f.reader);
}

static const struct {
    const char *line;
    enum ts_reason reason; /* NONE: malformed */
    const char *cdr_id;    /* NULL: not known */
    const char *named;     /* in the message */
} refused_cases[] = {
    {"", TS_REASON_NONE, NULL, ""},
    {"nonsense", TS_REASON_NONE, NULL, "not JSON"},
    {"{" GOOD "," REST, TS_REASON_NONE, NULL, "not JSON"},
    {"{" GOOD "," REST "} {}", TS_REASON_NONE, NULL, "not JSON"},
    {"{\"cdr_id\":\"\xff\"}", TS_REASON_NONE, NULL, "not JSON"},
    {"[]", TS_REASON_DECODE_ERROR, NULL, "not a JSON object"},
    {"42", TS_REASON_DECODE_ERROR, NULL, "not a JSON object"},
    {"{" GOOD "," REST ",\"leg\":\"2\"}", TS_REASON_DECODE_ERROR, "c1", "leg"},
    {"{" GOOD "," REST ",\"leg\":2147483648}", TS_REASON_DECODE_ERROR, "c1", "leg"},
    {"{" GOOD "," REST ",\"pages\":1.5}", TS_REASON_DECODE_ERROR, "c1", "pages"},
    {"{" GOOD "," REST ",\"pages\":true}", TS_REASON_DECODE_ERROR, "c1", "pages"},
    {"{" GOOD "," REST ",\"user_id\":7}", TS_REASON_DECODE_ERROR, "c1", "user_id"},
    {"{" GOOD "," REST ",\"answer_time\":\"yesterday\"}",
     TS_REASON_DECODE_ERROR,
     "c1",
     "yesterday"},
    {"{" GOOD "," REST ",\"answer_time\":1.5}", TS_REASON_DECODE_ERROR, "c1", "answer_time"},
    {"{" GOOD "," REST ",\"attributes\":[]}", TS_REASON_DECODE_ERROR, "c1", "attributes"},
    {"{" GOOD "," REST ",\"attributes\":{\"a\":1}}", TS_REASON_DECODE_ERROR, "c1", "attributes"},
    {"{" GOOD "," REST ",\"hangup_cause\":99999999999999999999}",
     TS_REASON_DECODE_ERROR,
     "c1",
     "out of range"},
    {"{" GOOD ",\"license\":\"walk\",\"start_time\":0,\"duration_ms\":5}",
     TS_REASON_UNKNOWN_ENUM,
     "c1",
     "walk"},
    {"{" GOOD ",\"license\":\"TALK\",\"duration_ms\":5}",
     TS_REASON_MISSING_FIELD,
     "c1",
     "start_time"},
    {"{" GOOD ",\"license\":\"TALK\",\"start_time\":\"\",\"duration_ms\":5}",
     TS_REASON_MISSING_FIELD,
     "c1",
     "start_time"},
    {"{" GOOD ",\"license\":\"\",\"start_time\":0,\"duration_ms\":5}",
     TS_REASON_MISSING_FIELD,
     "c1",
     "license"},
    {"{" GOOD ",\"license\":\"TALK\",\"start_time\":0,\"duration_ms\":null}",
     TS_REASON_MISSING_FIELD,
     "c1",
     "duration_ms"},
    /* by the order of reasons, whatever the order of fields */
    {"{\"cdr_id\":\"c1\",\"license\":\"walk\",\"pages\":\"1\"}",
     TS_REASON_DECODE_ERROR,
     "c1",
     "pages"},
    {"{\"cdr_id\":\"c1\",\"disposition\":\"walk\"}", TS_REASON_UNKNOWN_ENUM, "c1", "walk"},
    {"{\"cdr_id\":5}", TS_REASON_DECODE_ERROR, NULL, "cdr_id"},
};

static void test_refused(void **state)
{
    (void)state;
    struct fixture f = {.reader = NULL};
    for (size_t i = 0; i < sizeof refused_cases / sizeof refused_cases[0]; i++) {
        enum ts_json_cdr_status status = read_line(&f, refused_cases[i].line);
        assert_int_equal(status,
                         refused_cases[i].reason == TS_REASON_NONE ? TS_JSON_CDR_MALFORMED
                                                                   : TS_JSON_CDR_REFUSED);
        assert_int_equal(f.reason, refused_cases[i].reason);
        assert_int_equal(f.cdr.cdr_id.data != NULL, refused_cases[i].cdr_id != NULL);
        assert_non_null(strstr(f.message, refused_cases[i].named));
    }
    ts_json_cdr_reader_destroy(f.reader);
    ts_json_cdr_reader_destroy(NULL);
}

/* Of two members of one name the later counts; what is not ours is passed over, whatever it is. */
static void test_odd_records(void **state)
{
    (void)state;
    struct fixture f = {.reader = NULL};
    assert_int_equal(read_line(&f,
                               "{\"leg\":\"x\"," GOOD "," REST ",\"leg\":3,\"huge\":1e999,\"huge\":"
                               "99999999999999999999,\"call_id\":\"k\",\"call_id\":null,"
                               "\"user_name\":\"\\u00c9va \\\"E\\\"\",\"attributes\":{\"a\":\"1\","
                               "\"b\":\"\\t\",\"a\":\"2\"}}"),
                     TS_JSON_CDR_GOOD);
    assert_int_equal(f.cdr.leg, 3);
    assert_null(f.cdr.call_id.data);
    assert_true(ts_bytes_equal_text(f.cdr.user_name, "\xc3\x89va \"E\""));
    assert_int_equal(f.cdr.attributes.count, 2);
    struct ts_attributes_walk walk;
    struct ts_bytes name;
    struct ts_bytes value;
    ts_attributes_walk_init(&walk, &f.cdr.attributes);
    assert_true(ts_attributes_next(&walk, &name, &value));
    assert_true(ts_bytes_equal_text(name, "a"));
    assert_true(ts_bytes_equal_text(value, "2"));
    assert_true(ts_attributes_next(&walk, &name, &value));
    assert_true(ts_bytes_equal_text(value, "\t"));
    /* the order of members that was learned does not bind */
    assert_int_equal(read_line(&f, "{" REST "," GOOD ",\"leg\":4}"), TS_JSON_CDR_GOOD);
    assert_int_equal(f.cdr.leg, 4);
    assert_int_equal(f.cdr.duration_ms, 5);
    ts_json_cdr_reader_destroy(f.reader);
}

static void test_many_attributes(void **state)
{
    (void)state;
    struct fixture f = {.reader = NULL};
    for (int count = 31; count <= 100; count++) {
        char line[4096];
        int size = snprintf(line, sizeof line, "{" GOOD "," REST ",\"attributes\":{");
        for (int i = 0; i < count; i++) {
            size += snprintf(
                line + size, sizeof line - (size_t)size, "%s\"a%d\":\"v\"", i == 0 ? "" : ",", i);
        }
        snprintf(line + size, sizeof line - (size_t)size, "}}");
        assert_int_equal(read_line(&f, line), TS_JSON_CDR_GOOD);
        assert_int_equal(f.cdr.attributes.count, count);
    }
    ts_json_cdr_reader_destroy(f.reader);
}

static bool read_profile(const char *text,
                         struct ts_account_profile *profile,
                         struct ts_rate_plan *plan,
                         struct ts_error *err)
{
    *profile = (struct ts_account_profile){.country = "US", .timezone = "UTC"};
    ts_rate_plan_init(plan, "deck");
    return ts_json_profile_read(ts_bytes_of(text), profile, plan, err);
}

static void test_profile(void **state)
{
    (void)state;
    struct ts_account_profile profile;
    struct ts_rate_plan plan;
    struct ts_error err = {0};
    assert_true(read_profile("{\"country\":\"gb\",\"timezone\":\"Europe/London\","
                             "\"local_zone\":[\"GB\",\"IM\"],\"emergency_numbers\":[\"999\","
                             "\"101\"],\"name\":\"x\"}",
                             &profile,
                             &plan,
                             &err));
    assert_string_equal(profile.country, "GB");
    assert_string_equal(profile.timezone, "Europe/London");
    assert_true(ts_rate_plan_is_local(&plan, "GB", "IM"));
    assert_true(ts_rate_plan_is_emergency(&plan, TS_LITERAL("101")));
    assert_true(ts_rate_plan_is_emergency(&plan, TS_LITERAL("911")));
    assert_true(read_profile("{}", &profile, &plan, &err));
    assert_string_equal(profile.country, "US");
    assert_true(ts_rate_plan_is_local(&plan, "US", "CA"));
    assert_true(read_profile("{\"local_zone\":[],\"country\":null}", &profile, &plan, &err));
    assert_true(ts_rate_plan_is_local(&plan, "US", "CA"));
    static const char *const refused[] = {
        "",
        "[]",
        "{\"country\":\"USA\"}",
        "{\"country\":1}",
        "{\"local_zone\":\"US\"}",
        "{\"local_zone\":[1]}",
        "{\"local_zone\":[\"US;CA\"]}",
        "{\"local_zone\":[\"USA\"]}",
        "{\"emergency_numbers\":[\"help\"]}",
        "{\"timezone\":5}",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(read_profile(refused[i], &profile, &plan, &err));
        assert_int_equal(err.class, TS_ERROR_REJECT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_odd_records),
        cmocka_unit_test(test_many_attributes),
        cmocka_unit_test(test_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
