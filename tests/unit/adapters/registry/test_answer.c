/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/registry/answer.h"
#include "core/reason.h"

#include <string.h>

static void test_a_schema(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{\"schema\":\"{\\\"type\\\":\\\"int\\\"}\"}",
        " {\"schemaType\":\"AVRO\",\"schema\":\"{\\\"type\\\":\\\"int\\\"}\",\"maxId\":9}\n",
        "{\"schema\":\"{\\\"type\\\":\\\"int\\\"}\",\"references\":[],\"guid\":null}",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct ts_buffer schema;
        struct ts_error err = {0};
        ts_buffer_init(&schema, 1000);
        assert_true(ts_registry_answer_read(200, ts_bytes_of(answers[i]), &schema, &err));
        assert_true(ts_bytes_equal_text(ts_buffer_bytes(&schema), "{\"type\":\"int\"}"));
        ts_buffer_finish(&schema);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *body;
        enum ts_error_class class;
        const char *text;
    } cases[] = {
        {404,
         "{\"error_code\":40403,\"message\":\"Schema not found\"}",
         TS_ERROR_REJECT,
         "no such"},
        {404, "", TS_ERROR_REJECT, "no such"},
        {404, "<html>Not found</html>", TS_ERROR_REJECT, "no such"},
        {404,
         "{\"error_code\":404,\"message\":\"HTTP 404\"}",
         TS_ERROR_RETRY,
         "schema_registry.url"},
        {200, "{\"schema\":\"x\",\"schemaType\":\"PROTOBUF\"}", TS_ERROR_REJECT, "\"PROTOBUF\""},
        {200,
         "{\"schema\":\"\\\"a.B\\\"\",\"references\":[{\"name\":\"a.B\",\"subject\":\"b\","
         "\"version\":1}]}",
         TS_ERROR_REJECT,
         "refers to others"},
        {200, "", TS_ERROR_RETRY, "not a JSON object"},
        {200, "<html>Please log in</html>", TS_ERROR_RETRY, "schema_registry.url"},
        {200, "[\"schema\"]", TS_ERROR_RETRY, "not a JSON object"},
        {200, "{\"schema\":\"{\\\"type\\\":", TS_ERROR_RETRY, "not a JSON object"},
        {200, "{\"schema\":7}", TS_ERROR_RETRY, "no schema"},
        {200, "{\"subject\":\"cdrs\"}", TS_ERROR_RETRY, "no schema"},
        {200, "{\"schema\":\"a\\u0000b\"}", TS_ERROR_RETRY, "not a JSON object"},
        {401, "{\"error_code\":401,\"message\":\"Unauthorized\"}", TS_ERROR_RETRY, "401: \"Unauth"},
        {301, "", TS_ERROR_RETRY, "301"},
        {429, "slow down", TS_ERROR_RETRY, "429"},
        {500, "{\"error_code\":50001,\"message\":\"Error in the backend\"}", TS_ERROR_RETRY, "500"},
        {503, "", TS_ERROR_RETRY, "503"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_buffer schema;
        struct ts_error err = {0};
        ts_buffer_init(&schema, 1000);
        assert_false(
            ts_registry_answer_read(cases[i].status, ts_bytes_of(cases[i].body), &schema, &err));
        if (err.class != cases[i].class || strstr(err.text, cases[i].text) == NULL ||
            err.code != (err.class == TS_ERROR_REJECT ? TS_REASON_UNKNOWN_SCHEMA : 0)) {
            fail_msg("%s: %s %s", cases[i].body, ts_error_class_name(err.class), err.text);
        }
        assert_int_equal(schema.size, 0);
        ts_buffer_finish(&schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_schema),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
