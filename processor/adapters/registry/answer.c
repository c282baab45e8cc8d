/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/registry/answer.h"

#include "base/utf8.h"
#include "core/reason.h"

#include <jansson.h>

#include <string.h>

enum { OK = 200, NOT_FOUND = 404, QUOTED_MAX = 120 };

static bool reject(struct ts_error *err, const char *why)
{
    return ts_error_set(err, TS_ERROR_REJECT, TS_REASON_UNKNOWN_SCHEMA, "%s", why);
}

static bool not_a_registry(struct ts_error *err, const char *why)
{
    return ts_error_set(
        err, TS_ERROR_RETRY, 0, "%s: is schema_registry.url the address of a registry?", why);
}

static bool read_schema(const json_t *answer, struct ts_buffer *schema, struct ts_error *err)
{
    char quoted[QUOTED_MAX];
    const json_t *text = json_object_get(answer, "schema");
    const char *type = json_string_value(json_object_get(answer, "schemaType"));
    if (!json_is_string(text)) {
        return not_a_registry(err, "the answer has no schema in it");
    }
    if (type != NULL && strcmp(type, "AVRO") != 0) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            TS_REASON_UNKNOWN_SCHEMA,
                            "its schema is of type %s, only AVRO can be read",
                            ts_utf8_quote(ts_bytes_of(type), quoted, sizeof quoted));
    }
    if (json_array_size(json_object_get(answer, "references")) > 0) {
        return reject(err,
                      "its schema refers to others, which is not supported: register it with those "
                      "written out in it");
    }
    ts_buffer_append(schema, json_string_value(text), json_string_length(text));
    return !schema->failed || ts_error_no_memory(err);
}

/* The registry's own codes for what it does not have are 404 and two more digits; its plain 404 is
 * for a path that it does not serve. Without a code that can be read the status is believed. */
static bool refuse_not_found(const json_t *answer, struct ts_error *err)
{
    if (json_integer_value(json_object_get(answer, "error_code")) == NOT_FOUND) {
        return not_a_registry(err, "there is no such path (status 404)");
    }
    return reject(err, "it has no such schema");
}

static bool refuse_status(long status, const json_t *answer, struct ts_error *err)
{
    char quoted[QUOTED_MAX];
    const char *message = json_string_value(json_object_get(answer, "message"));
    return ts_error_set(
        err,
        TS_ERROR_RETRY,
        0,
        "the answer has status %ld%s%s",
        status,
        message == NULL ? "" : ": ",
        message == NULL ? "" : ts_utf8_quote(ts_bytes_of(message), quoted, sizeof quoted));
}

bool ts_registry_answer_read(long status,
                             struct ts_bytes body,
                             struct ts_buffer *schema,
                             struct ts_error *err)
{
    json_t *answer = json_loadb(body.data, body.size, 0, NULL); /* NULL: not JSON */
    bool ok = false;
    if (status == NOT_FOUND) {
        refuse_not_found(answer, err);
    } else if (status != OK) {
        refuse_status(status, answer, err);
    } else if (!json_is_object(answer)) {
        not_a_registry(err, "the answer is not a JSON object");
    } else {
        ok = read_schema(answer, schema, err);
    }
    json_decref(answer);
    return ok;
}
