/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/json/cdr_json.h"

#include "adapters/json/json_scan.h"
#include "base/buffer.h"
#include "base/utf8.h"
#include "core/attributes.h"
#include "core/timestamp.h"
#include "core/validate.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { LINE_SIZE_MAX = 16 * 1024 * 1024, QUOTED_MAX = 100, MEMBERS_LEARNED = 32 };

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
    size_t name_size;
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

#define AT(part) offsetof(struct ts_cdr, part)
#define NAME(text) (text), sizeof(text) - 1

/* Strings that are required are left to ts_cdr_validate: an absent one and an empty one are the
 * same there, and an inbound call need not have a caller. */
static const struct field fields[] = {
    {NAME("cdr_id"), AT(cdr_id), TEXT, false, 0, NULL, 0},
    {NAME("source"), AT(source), TEXT, false, 0, NULL, 0},
    {NAME("leg"), AT(leg), INT32, false, 0, NULL, 0},
    {NAME("call_id"), AT(call_id), TEXT, false, 0, NULL, 0},
    {NAME("account_id"), AT(account_id), TEXT, false, 0, NULL, 0},
    {NAME("user_id"), AT(user_id), TEXT, false, 0, NULL, 0},
    {NAME("user_name"), AT(user_name), TEXT, false, 0, NULL, 0},
    {NAME("department"), AT(department), TEXT, false, 0, NULL, 0},
    {NAME("license"), AT(license), ENUM, true, 0, license_symbol, TS_LICENSE_COUNT},
    {NAME("service"), AT(service), ENUM, true, 0, service_symbol, TS_SERVICE_COUNT},
    {NAME("direction"), AT(direction), ENUM, true, 0, direction_symbol, TS_DIRECTION_COUNT},
    {NAME("from_number"), AT(from_number), TEXT, false, 0, NULL, 0},
    {NAME("to_number"), AT(to_number), TEXT, false, 0, NULL, 0},
    {NAME("origin_country"), AT(origin_country), TEXT, false, 0, NULL, 0},
    {NAME("start_time"), AT(start_ms), TIME, true, 0, NULL, 0},
    {NAME("answer_time"), AT(answer_ms), TIME, false, AT(has_answer), NULL, 0},
    {NAME("end_time"), AT(end_ms), TIME, true, 0, NULL, 0},
    {NAME("duration_ms"), AT(duration_ms), INT64, true, 0, NULL, 0},
    {NAME("pages"), AT(pages), INT32, false, 0, NULL, 0},
    {NAME("disposition"), AT(disposition), ENUM, true, 0, disposition_symbol, TS_DISPOSITION_COUNT},
    {NAME("hangup_cause"), AT(hangup_cause), INT32, false, AT(has_hangup_cause), NULL, 0},
};

enum { FIELD_COUNT = sizeof fields / sizeof fields[0], ATTRIBUTES = FIELD_COUNT, NOT_OURS };

struct attribute {
    struct ts_bytes name;
    struct ts_bytes value;
};

struct ts_json_cdr_reader {
    struct ts_json_scanned values[FIELD_COUNT + 1]; /* of the present record; last: attributes */
    uint8_t learned[MEMBERS_LEARNED]; /* which field the n-th member was, the last time */
    struct ts_buffer decoded;         /* texts with escapes: the CDR's views may be into it */
    struct ts_buffer decoded_attributes;
    struct ts_buffer attributes;
};

static void wrong_type(struct complaint *complaint, const char *name, const char *wanted)
{
    complain(complaint, TS_REASON_DECODE_ERROR, "%s: not %s", name, wanted);
}

static bool read_integer(const struct field *field,
                         const struct ts_json_scanned *value,
                         int64_t min,
                         int64_t max,
                         const char *wanted,
                         struct complaint *complaint)
{
    if (value->out_of_range) {
        complain(complaint, TS_REASON_DECODE_ERROR, "%s: the number is out of range", field->name);
    } else if (value->type != TS_JSON_INTEGER || value->integer < min || value->integer > max) {
        wrong_type(complaint, field->name, wanted);
    } else {
        return true;
    }
    return false;
}

static void read_time(const struct field *field,
                      const struct ts_json_scanned *value,
                      int64_t *out,
                      struct complaint *complaint)
{
    char quoted[QUOTED_MAX];
    if (value->type != TS_JSON_TEXT) {
        static const char wanted[] = "an RFC 3339 time or epoch milliseconds";
        if (read_integer(field, value, INT64_MIN, INT64_MAX, wanted, complaint)) {
            *out = value->integer;
        }
    } else if (value->text.size == 0 && field->required) {
        complain(complaint, TS_REASON_MISSING_FIELD, "%s: empty", field->name);
    } else if (!ts_timestamp_parse(value->text, out)) {
        complain(complaint,
                 TS_REASON_DECODE_ERROR,
                 "%s: %s is not an RFC 3339 time",
                 field->name,
                 ts_utf8_quote(value->text, quoted, sizeof quoted));
    }
}

static void read_enum(const struct field *field,
                      const struct ts_json_scanned *value,
                      unsigned *out,
                      struct complaint *complaint)
{
    char quoted[QUOTED_MAX];
    struct ts_bytes text = value->text;
    if (value->type != TS_JSON_TEXT) {
        wrong_type(complaint, field->name, "a string");
        return;
    }
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
                       const struct ts_json_scanned *value,
                       struct ts_cdr *cdr,
                       struct complaint *complaint)
{
    void *member = (char *)cdr + field->offset;
    switch (field->kind) {
    case TEXT:
        if (value->type == TS_JSON_TEXT) {
            *(struct ts_bytes *)member = value->text;
        } else {
            wrong_type(complaint, field->name, "a string");
        }
        break;
    case INT32:
        if (read_integer(
                field, value, INT32_MIN, INT32_MAX, "a whole number of 32 bits", complaint)) {
            *(int32_t *)member = (int32_t)value->integer;
        }
        break;
    case INT64:
        if (read_integer(field, value, INT64_MIN, INT64_MAX, "a whole number", complaint)) {
            *(int64_t *)member = value->integer;
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

static void read_fields(const struct ts_json_cdr_reader *reader,
                        struct ts_cdr *cdr,
                        struct complaint *complaint)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct ts_json_scanned *value = &reader->values[i];
        if (value->type != TS_JSON_ABSENT) {
            read_value(&fields[i], value, cdr, complaint);
        } else if (fields[i].required) {
            complain(complaint, TS_REASON_MISSING_FIELD, "%s: missing", fields[i].name);
        }
    }
}

/* ---- attributes
 * ------------------------------------------------------------------------------- */

/* Of a name that is there twice the later value counts, as for the fields. Beyond the limit they
 * are only counted: the record will be refused for it. */
static void keep_attribute(struct attribute *kept, size_t *count, const struct attribute *added)
{
    for (size_t i = 0; i < *count && i <= TS_CDR_ATTRIBUTES_MAX; i++) {
        if (ts_bytes_equal(kept[i].name, added->name)) {
            kept[i].value = added->value;
            return;
        }
    }
    if (*count <= TS_CDR_ATTRIBUTES_MAX) {
        kept[*count] = *added;
    }
    ++*count;
}

static void
read_attributes(struct ts_json_cdr_reader *reader, struct ts_cdr *cdr, struct complaint *complaint)
{
    const struct ts_json_scanned *map = &reader->values[ATTRIBUTES];
    struct attribute kept[TS_CDR_ATTRIBUTES_MAX + 1];
    struct attribute attribute;
    struct ts_json_scanned value;
    struct ts_json_scan scan;
    size_t count = 0;
    if (map->type == TS_JSON_ABSENT) {
        return;
    }
    if (map->type != TS_JSON_OBJECT) {
        wrong_type(complaint, "attributes", "an object");
        return;
    }
    if (!ts_json_scan_init(&scan, map->text, &reader->decoded_attributes)) {
        complain(complaint, TS_REASON_DECODE_ERROR, "attributes: out of memory");
        return;
    }
    ts_json_scan_enter(&scan);
    while (ts_json_scan_key(&scan, count == 0, &attribute.name) &&
           ts_json_scan_value(&scan, &value)) {
        if (value.type != TS_JSON_TEXT) {
            wrong_type(complaint, "attributes", "strings only");
            return;
        }
        attribute.value = value.text;
        keep_attribute(kept, &count, &attribute);
    }
    for (size_t i = 0; i < count && i <= TS_CDR_ATTRIBUTES_MAX; i++) {
        ts_attributes_append(&reader->attributes, kept[i].name, kept[i].value);
    }
    ts_attributes_end(&reader->attributes);
    if (reader->attributes.failed) {
        complain(complaint, TS_REASON_DECODE_ERROR, "attributes: out of memory");
        return;
    }
    cdr->attributes.encoded = ts_buffer_bytes(&reader->attributes);
    cdr->attributes.count = (uint32_t)count;
}

/* ---- records
 * ---------------------------------------------------------------------------------- */

struct ts_json_cdr_reader *ts_json_cdr_reader_create(struct ts_error *err)
{
    struct ts_json_cdr_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    ts_buffer_init(&reader->decoded, LINE_SIZE_MAX);
    ts_buffer_init(&reader->decoded_attributes, LINE_SIZE_MAX);
    ts_buffer_init(&reader->attributes, LINE_SIZE_MAX);
    return reader;
}

void ts_json_cdr_reader_destroy(struct ts_json_cdr_reader *reader)
{
    if (reader != NULL) {
        ts_buffer_finish(&reader->decoded);
        ts_buffer_finish(&reader->decoded_attributes);
        ts_buffer_finish(&reader->attributes);
        free(reader);
    }
}

static bool is_name_of(size_t field, struct ts_bytes key)
{
    static const struct field attributes = {.name = "attributes", .name_size = 10};
    const struct field *named = field == ATTRIBUTES ? &attributes : &fields[field];
    return ts_bytes_equal(key, (struct ts_bytes){named->name, named->name_size});
}

/* Which field the n-th member of the record is: most likely the same as in the record before, for
 * one switch writes them all. */
static size_t field_of(struct ts_json_cdr_reader *reader, size_t n, struct ts_bytes key)
{
    size_t likely = n < MEMBERS_LEARNED ? reader->learned[n] : NOT_OURS;
    if (likely <= ATTRIBUTES && is_name_of(likely, key)) {
        return likely;
    }
    for (size_t i = 0; i <= ATTRIBUTES; i++) {
        if (is_name_of(i, key)) {
            if (n < MEMBERS_LEARNED) {
                reader->learned[n] = (uint8_t)i;
            }
            return i;
        }
    }
    return NOT_OURS;
}

static void scan_members(struct ts_json_cdr_reader *reader, struct ts_json_scan *scan)
{
    struct ts_bytes key;
    struct ts_json_scanned value;
    for (size_t n = 0; ts_json_scan_key(scan, n == 0, &key) && ts_json_scan_value(scan, &value);
         n++) {
        size_t field = field_of(reader, n, key);
        if (field <= ATTRIBUTES) {
            reader->values[field] = value;
        }
    }
}

/* Takes the record apart. False when it is no JSON. */
static bool scan_record(struct ts_json_cdr_reader *reader,
                        struct ts_json_scan *scan,
                        struct complaint *complaint)
{
    struct ts_json_scanned other;
    memset(reader->values, 0, sizeof reader->values);
    if (ts_json_scan_enter(scan)) {
        scan_members(reader, scan);
    } else if (ts_json_scan_value(scan, &other)) {
        complain(complaint, TS_REASON_DECODE_ERROR, "the line is not a JSON object");
    }
    return ts_json_scan_end(scan);
}

enum ts_json_cdr_status ts_json_cdr_read(struct ts_json_cdr_reader *reader,
                                         struct ts_bytes line,
                                         struct ts_cdr *cdr,
                                         enum ts_reason *reason,
                                         char *message,
                                         size_t message_size)
{
    struct complaint complaint = {.message = message, .size = message_size};
    struct ts_json_scan scan;
    *cdr = (struct ts_cdr){.encoded_size = line.size};
    ts_buffer_clear(&reader->attributes);
    if (!ts_json_scan_init(&scan, line, &reader->decoded)) {
        snprintf(message, message_size, "out of memory");
        return TS_JSON_CDR_MALFORMED;
    }
    if (!scan_record(reader, &scan, &complaint)) {
        snprintf(message,
                 message_size,
                 "not JSON: column %zu: %s",
                 ts_json_scan_column(&scan),
                 scan.fault);
        return TS_JSON_CDR_MALFORMED;
    }
    read_fields(reader, cdr, &complaint);
    read_attributes(reader, cdr, &complaint);
    *reason = complaint.reason;
    return complaint.reason == TS_REASON_NONE ? TS_JSON_CDR_GOOD : TS_JSON_CDR_REFUSED;
}
