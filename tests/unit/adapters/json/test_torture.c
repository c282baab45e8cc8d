/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/torture.h"

#include "adapters/json/cdr_json.h"
#include "adapters/json/json_value.h"
#include "core/validate.h"

#include <string.h>

static const char line[] =
    "{\"cdr_id\":\"c\\u002d1\",\"license\":\"TALK\",\"service\":\"VOICE\",\"direction\":"
    "\"OUTBOUND\","
    "\"start_time\":0,\"end_time\":0,\"duration_ms\":0,\"disposition\":\"BUSY\",\"attributes\":{"
    "\"a\":\"1\",\"b\":\"\\n\",\"c\":\"a value of some length, so that the buffer has to grow more "
    "than "
    "once: "
    ".........................................................................................."
    "..........................................................................................\"}"
    "}";

/* A record is never taken without all that belongs to it: who has no memory says so, and the reader
 * goes on with the next line. */
static bool read_cdr(void *context, struct ts_error *err)
{
    (void)context;
    struct ts_json_cdr_reader *reader = ts_json_cdr_reader_create(err);
    if (reader == NULL) {
        return false;
    }
    struct ts_cdr cdr;
    enum ts_reason reason = TS_REASON_NONE;
    char message[TS_VALIDATE_MESSAGE_MAX] = "";
    bool good =
        ts_json_cdr_read(reader, TS_LITERAL(line), &cdr, &reason, message, sizeof message) ==
        TS_JSON_CDR_GOOD;
    if (good) {
        assert_true(ts_bytes_equal_text(cdr.cdr_id, "c-1"));
        assert_int_equal(cdr.attributes.count, 3);
        assert_int_equal(cdr.attributes.encoded.data[cdr.attributes.encoded.size - 1], 0);
    } else {
        assert_non_null(strstr(message, "out of memory"));
        ts_error_no_memory(err);
    }
    ts_json_cdr_reader_destroy(reader);
    return good;
}

static void test_cdr(void **state)
{
    (void)state;
    assert_in_range(torture(read_cdr, NULL, TS_ERROR_FATAL), 5, 20);
}

static bool append_value(void *context, struct ts_error *err)
{
    struct ts_json_value root = ts_json_document_root(context);
    struct ts_buffer out;
    ts_buffer_init(&out, 1024 * 1024);
    ts_json_append(&root, &out);
    bool failed = out.failed;
    assert_int_equal(failed, torture_has_struck());
    ts_buffer_finish(&out);
    return !failed || ts_error_no_memory(err);
}

/* The library's own allocations are not made to fail; ours on the way out are. */
static void test_append(void **state)
{
    (void)state;
    struct ts_error err;
    struct ts_json_document *document = ts_json_document_read(TS_LITERAL(line), &err);
    assert_non_null(document);
    assert_in_range(torture(append_value, document, TS_ERROR_FATAL), 1, 10);
    ts_json_document_destroy(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cdr),
        cmocka_unit_test(test_append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
