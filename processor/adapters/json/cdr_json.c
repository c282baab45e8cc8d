/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/json/cdr_json.h"

#include "base/assert.h"
#include "base/buffer.h"
#include "base/utf8.h"
#include "core/attributes.h"
#include "core/timestamp.h"

#include <jansson.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { ATTRIBUTES_SIZE_MAX = 16 * 1024 * 1024, QUOTED_MAX = 100 };

struct ts_json_cdr_reader {
    json_t *record; /* the last one read: the CDR's views are into it */
    struct ts_buffer attributes;
};

/* The first complaint by the order of reasons, and of those the first field's. */
struct complaint {
    enum ts_reason reason;
    char *message;
    size_t size;
};

static void __attribute__((format(printf, 3, 4)))
complain(struct complaint *complaint, enum ts_reason reason, const char *format, ...)
{
    if (complaint->reason != TS_REASON_NONE && complaint->reason <= reason) {
        return;
    }
    complaint->reason = reason;
    if (complaint->message != NULL && complaint->size > 0) {
        va_list args;
        va_start(args, format);
        vsnprintf(complaint->message, complaint->size, format, args);
        va_end(args);
    }
}

enum kind { TEXT, INT32, INT64, TIME, ENUM };

struct field {
    const char *name;
    size_t offset;
    enum kind kind;
    bool required;
    size_t present;                    /* offset of the bool that says so; 0: none */
    const char *(*symbol)(unsigned i); /* of an enum */
    unsigned symbol_count;
};

static const char *license_symbol(unsigned i)
{
    return ts_license_name((enum ts_license)i);
}

static const char *service_symbol(unsigned i)
{
    return ts_service_name((enum ts_service)i);
}

static const char *direction_symbol(unsigned i)
{
    return ts_direction_name((enum ts_direction)i);
}

static const char *disposition_symbol(unsigned i)
{
    return ts_disposition_name((enum ts_disposition)i);
}

#define AT(member) offsetof(struct ts_cdr, member)

/* Strings that are required are left to ts_cdr_validate: an absent one and an empty one are the
 * same there, and an inbound call need not have a caller. */
static const struct field fields[] = {
    {"cdr_id", AT(cdr_id), TEXT, false, 0, NULL, 0},
    {"source", AT(source), TEXT, false, 0, NULL, 0},
    {"leg", AT(leg), INT32, false, 0, NULL, 0},
    {"call_id", AT(call_id), TEXT, false, 0, NULL, 0},
    {"account_id", AT(account_id), TEXT, false, 0, NULL, 0},
    {"user_id", AT(user_id), TEXT, false, 0, NULL, 0},
    {"user_name", AT(user_name), TEXT, false, 0, NULL, 0},
    {"department", AT(department), TEXT, false, 0, NULL, 0},
    {"license", AT(license), ENUM, true, 0, license_symbol, TS_LICENSE_COUNT},
    {"service", AT(service), ENUM, true, 0, service_symbol, TS_SERVICE_COUNT},
    {"direction", AT(direction), ENUM, true, 0, direction_symbol, TS_DIRECTION_COUNT},
    {"from_number", AT(from_number), TEXT, false, 0, NULL, 0},
    {"to_number", AT(to_number), TEXT, false, 0, NULL, 0},
    {"origin_country", AT(origin_country), TEXT, false, 0, NULL, 0},
    {"start_time", AT(start_ms), TIME, true, 0, NULL, 0},
    {"answer_time", AT(answer_ms), TIME, false, AT(has_answer), NULL, 0},
    {"end_time", AT(end_ms), TIME, true, 0, NULL, 0},
    {"duration_ms", AT(duration_ms), INT64, true, 0, NULL, 0},
    {"pages", AT(pages), INT32, false, 0, NULL, 0},
    {"disposition", AT(disposition), ENUM, true, 0, disposition_symbol, TS_DISPOSITION_COUNT},
    {"hangup_cause", AT(hangup_cause), INT32, false, AT(has_hangup_cause), NULL, 0},
};

static struct ts_bytes string_bytes(const json_t *value)
{
    return (struct ts_bytes){json_string_value(value), json_string_length(value)};
}

static void wrong_type(struct complaint *complaint, const char *name, const char *wanted)
{
    complain(complaint, TS_REASON_DECODE_ERROR, "%s: not %s", name, wanted);
}

static void read_int32(const struct field *field,
                       const json_t *value,
                       int32_t *out,
                       struct complaint *complaint)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX) {
        wrong_type(complaint, field->name, "a whole number of 32 bits");
        return;
    }
    *out = (int32_t)number;
}

static void
read_time(const struct field *field, const json_t *value, int64_t *out, struct complaint *complaint)
{
    char quoted[QUOTED_MAX];
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
    } else if (!json_is_string(value)) {
        wrong_type(complaint, field->name, "an RFC 3339 time or epoch milliseconds");
    } else if (json_string_length(value) == 0 && field->required) {
        complain(complaint, TS_REASON_MISSING_FIELD, "%s: empty", field->name);
    } else if (!ts_timestamp_parse(string_bytes(value), out)) {
        complain(complaint,
                 TS_REASON_DECODE_ERROR,
                 "%s: %s is not an RFC 3339 time",
                 field->name,
                 ts_utf8_quote(string_bytes(value), quoted, sizeof quoted));
    }
}

static void read_enum(const struct field *field,
                      const json_t *value,
                      unsigned *out,
                      struct complaint *complaint)
{
    char quoted[QUOTED_MAX];
    if (!json_is_string(value)) {
        wrong_type(complaint, field->name, "a string");
        return;
    }
    struct ts_bytes text = string_bytes(value);
    if (text.size == 0) {
        complain(complaint, TS_REASON_MISSING_FIELD, "%s: empty", field->name);
        return;
    }
    for (unsigned i = 0; i < field->symbol_count; i++) {
        const char *symbol = field->symbol(i);
        if (text.size == strlen(symbol) && strncasecmp(text.data, symbol, text.size) == 0) {
            *out = i;
            return;
        }
    }
    complain(complaint,
             TS_REASON_UNKNOWN_ENUM,
             "%s: %s is none of its symbols",
             field->name,
             ts_utf8_quote(text, quoted, sizeof quoted));
}

static void read_value(const struct field *field,
                       const json_t *value,
                       struct ts_cdr *cdr,
                       struct complaint *complaint)
{
    void *member = (char *)cdr + field->offset;
    switch (field->kind) {
    case TEXT:
        if (json_is_string(value)) {
            *(struct ts_bytes *)member = string_bytes(value);
        } else {
            wrong_type(complaint, field->name, "a string");
        }
        break;
    case INT32:
        read_int32(field, value, member, complaint);
        break;
    case INT64:
        if (json_is_integer(value)) {
            *(int64_t *)member = json_integer_value(value);
        } else {
            wrong_type(complaint, field->name, "a whole number");
        }
        break;
    case TIME:
        read_time(field, value, member, complaint);
        break;
    case ENUM:
        read_enum(field, value, member, complaint);
        break;
    }
    if (field->present != 0) {
        *(bool *)((char *)cdr + field->present) = true;
    }
}

static void read_field(const struct field *field,
                       const json_t *record,
                       struct ts_cdr *cdr,
                       struct complaint *complaint)
{
    const json_t *value = json_object_get(record, field->name);
    if (value != NULL && !json_is_null(value)) {
        read_value(field, value, cdr, complaint);
    } else if (field->required) {
        complain(complaint, TS_REASON_MISSING_FIELD, "%s: missing", field->name);
    }
}

static void
read_attributes(struct ts_json_cdr_reader *reader, struct ts_cdr *cdr, struct complaint *complaint)
{
    json_t *map = json_object_get(reader->record, "attributes");
    const char *name = NULL;
    json_t *value = NULL;
    if (map == NULL || json_is_null(map)) {
        return;
    }
    if (!json_is_object(map)) {
        wrong_type(complaint, "attributes", "an object");
        return;
    }
    json_object_foreach(map, name, value)
    {
        if (!json_is_string(value)) {
            wrong_type(complaint, "attributes", "strings only");
            return;
        }
        ts_attributes_append(&reader->attributes, ts_bytes_of(name), string_bytes(value));
        cdr->attributes.count++;
    }
    ts_attributes_end(&reader->attributes);
    cdr->attributes.encoded = ts_buffer_bytes(&reader->attributes);
}

struct ts_json_cdr_reader *ts_json_cdr_reader_create(struct ts_error *err)
{
    struct ts_json_cdr_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    ts_buffer_init(&reader->attributes, ATTRIBUTES_SIZE_MAX);
    return reader;
}

void ts_json_cdr_reader_destroy(struct ts_json_cdr_reader *reader)
{
    if (reader != NULL) {
        json_decref(reader->record);
        ts_buffer_finish(&reader->attributes);
        free(reader);
    }
}

/* A number too large for any integer is still JSON: then all numbers are read as reals, to know at
 * least whose record it is. */
static bool parse(struct ts_json_cdr_reader *reader,
                  struct ts_bytes line,
                  json_error_t *error,
                  struct complaint *complaint)
{
    const size_t flags = JSON_ALLOW_NUL | JSON_DECODE_ANY;
    reader->record = json_loadb(line.data, line.size, flags, error);
    if (reader->record == NULL && json_error_code(error) == json_error_numeric_overflow) {
        complain(complaint, TS_REASON_DECODE_ERROR, "a number is out of range: %.80s", error->text);
        json_error_t again;
        reader->record = json_loadb(line.data, line.size, flags | JSON_DECODE_INT_AS_REAL, &again);
        return true;
    }
    return reader->record != NULL;
}

enum ts_json_cdr_status ts_json_cdr_read(struct ts_json_cdr_reader *reader,
                                         struct ts_bytes line,
                                         struct ts_cdr *cdr,
                                         enum ts_reason *reason,
                                         char *message,
                                         size_t message_size)
{
    struct complaint complaint = {.message = message, .size = message_size};
    json_error_t error;
    *cdr = (struct ts_cdr){.encoded_size = line.size};
    json_decref(reader->record);
    reader->record = NULL;
    ts_buffer_clear(&reader->attributes);
    if (!parse(reader, line, &error, &complaint)) {
        snprintf(message, message_size, "not JSON: column %d: %.120s", error.column, error.text);
        return TS_JSON_CDR_MALFORMED;
    }
    if (reader->record != NULL && !json_is_object(reader->record)) {
        complain(&complaint, TS_REASON_DECODE_ERROR, "the line is not a JSON object");
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        read_field(&fields[i], reader->record, cdr, &complaint);
    }
    read_attributes(reader, cdr, &complaint);
    *reason = complaint.reason;
    return complaint.reason == TS_REASON_NONE ? TS_JSON_CDR_GOOD : TS_JSON_CDR_REFUSED;
}
