/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/event_text.h"

#include "adapters/avro/embedded.h"

#include <avro.h>

#include <inttypes.h>
#include <stdlib.h>

enum { HEADER_SIZE = 10 }; /* two marker bytes, eight of the schema's fingerprint */

struct ts_avro_event_reader {
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value;
    uint64_t fingerprint;
    char *body; /* the last one's JSON */
};

struct ts_avro_event_reader *ts_avro_event_reader_create(struct ts_error *err)
{
    struct ts_avro_event_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    reader->schema = ts_avro_schema_parse(ts_avro_embedded_text(TS_AVRO_EVENT),
                                          ts_avro_embedded_name(TS_AVRO_EVENT),
                                          &reader->fingerprint,
                                          err);
    if (reader->schema == NULL) {
        free(reader);
        return NULL;
    }
    reader->class = avro_generic_class_from_schema(reader->schema);
    if (reader->class == NULL || avro_generic_value_new(reader->class, &reader->value) != 0) {
        ts_avro_event_reader_destroy(reader);
        ts_error_no_memory(err);
        return NULL;
    }
    return reader;
}

void ts_avro_event_reader_destroy(struct ts_avro_event_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->value.self != NULL) {
        avro_value_decref(&reader->value);
    }
    if (reader->class != NULL) {
        avro_value_iface_decref(reader->class);
    }
    avro_schema_decref(reader->schema);
    free(reader->body);
    free(reader);
}

static uint64_t fingerprint_of(struct ts_bytes message)
{
    uint64_t fingerprint = 0;
    for (int i = 0; i < 8; i++) {
        fingerprint |= (uint64_t)(unsigned char)message.data[2 + i] << (8 * i);
    }
    return fingerprint;
}

static bool check_header(const struct ts_avro_event_reader *reader,
                         struct ts_bytes message,
                         struct ts_error *err)
{
    static const char marker[] = {(char)0xc3, 0x01};
    if (message.size < HEADER_SIZE || memcmp(message.data, marker, sizeof marker) != 0) {
        return ts_error_set(err, TS_ERROR_REJECT, 0, "%zu bytes that are no event", message.size);
    }
    uint64_t fingerprint = fingerprint_of(message);
    return fingerprint == reader->fingerprint ||
           ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "an event of a schema that is not known: fingerprint %016" PRIx64,
                        fingerprint);
}

static bool decode(struct ts_avro_event_reader *reader, struct ts_bytes message)
{
    avro_reader_t bytes =
        avro_reader_memory(message.data + HEADER_SIZE, (int64_t)(message.size - HEADER_SIZE));
    avro_value_reset(&reader->value);
    bool good = bytes != NULL && avro_value_read(bytes, &reader->value) == 0;
    if (bytes != NULL) {
        avro_reader_free(bytes);
    }
    return good;
}

static bool text_field(const avro_value_t *record, const char *name, struct ts_bytes *out)
{
    avro_value_t field;
    const char *text = NULL;
    size_t size = 0; /* with the NUL */
    if (avro_value_get_by_name(record, name, &field, NULL) != 0 ||
        avro_value_get_string(&field, &text, &size) != 0) {
        return false;
    }
    *out = (struct ts_bytes){text, size - 1};
    return true;
}

static bool long_field(const avro_value_t *record, const char *name, int64_t *out)
{
    avro_value_t field;
    return avro_value_get_by_name(record, name, &field, NULL) == 0 &&
           avro_value_get_long(&field, out) == 0;
}

static bool body_field(struct ts_avro_event_reader *reader, struct ts_bytes *out)
{
    avro_value_t field;
    avro_value_t branch;
    free(reader->body);
    reader->body = NULL;
    *out = (struct ts_bytes){NULL, 0};
    if (avro_value_get_by_name(&reader->value, "body", &field, NULL) != 0 ||
        avro_value_get_current_branch(&field, &branch) != 0) {
        return false;
    }
    if (avro_value_get_type(&branch) == AVRO_NULL) {
        return true;
    }
    if (avro_value_to_json(&branch, 1, &reader->body) != 0) {
        return false;
    }
    *out = ts_bytes_of(reader->body);
    return true;
}

bool ts_avro_event_read(struct ts_avro_event_reader *reader,
                        struct ts_bytes message,
                        struct ts_avro_event_text *out,
                        struct ts_error *err)
{
    if (!check_header(reader, message, err)) {
        return false;
    }
    const avro_value_t *value = &reader->value;
    struct ts_avro_event_text event;
    if (!decode(reader, message) || !text_field(value, "event_id", &event.event_id) ||
        !text_field(value, "account_id", &event.account_id) ||
        !long_field(value, "sequence", &event.sequence) ||
        !long_field(value, "time", &event.time_ms) || !text_field(value, "type", &event.type) ||
        !text_field(value, "cause", &event.cause) ||
        !text_field(value, "currency", &event.currency) ||
        !long_field(value, "balance_micros", &event.balance_micros) ||
        !body_field(reader, &event.body)) {
        return ts_error_set(err, TS_ERROR_REJECT, 0, "an event that is damaged");
    }
    *out = event;
    return true;
}
