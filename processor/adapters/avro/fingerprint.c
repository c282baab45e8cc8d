/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/fingerprint.h"

#include <avro.h>

#include <stdbool.h>
#include <stddef.h>

static void append_quoted(struct ts_buffer *out, const char *text)
{
    ts_buffer_append_char(out, '"');
    ts_buffer_append_text(out, text);
    ts_buffer_append_char(out, '"');
}

static void append_full_name(struct ts_buffer *out, avro_schema_t schema)
{
    const char *space = avro_schema_namespace(schema);
    ts_buffer_append_char(out, '"');
    if (space != NULL && space[0] != '\0') {
        ts_buffer_append_text(out, space);
        ts_buffer_append_char(out, '.');
    }
    ts_buffer_append_text(out, avro_schema_name(schema));
    ts_buffer_append_char(out, '"');
}

static void append_record(struct ts_buffer *out, avro_schema_t record)
{
    ts_buffer_append_text(out, "{\"name\":");
    append_full_name(out, record);
    ts_buffer_append_text(out, ",\"type\":\"record\",\"fields\":[");
    for (int i = 0; i < (int)avro_schema_record_size(record); i++) {
        ts_buffer_append_text(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        append_quoted(out, avro_schema_record_field_name(record, i));
        ts_buffer_append_text(out, ",\"type\":");
        ts_avro_canonical_form(avro_schema_record_field_get_by_index(record, i), out);
        ts_buffer_append_char(out, '}');
    }
    ts_buffer_append_text(out, "]}");
}

static void append_enum(struct ts_buffer *out, avro_schema_t symbols)
{
    ts_buffer_append_text(out, "{\"name\":");
    append_full_name(out, symbols);
    ts_buffer_append_text(out, ",\"type\":\"enum\",\"symbols\":[");
    for (int i = 0; i < avro_schema_enum_number_of_symbols(symbols); i++) {
        if (i > 0) {
            ts_buffer_append_char(out, ',');
        }
        append_quoted(out, avro_schema_enum_get(symbols, i));
    }
    ts_buffer_append_text(out, "]}");
}

static void append_fixed(struct ts_buffer *out, avro_schema_t fixed)
{
    ts_buffer_append_text(out, "{\"name\":");
    append_full_name(out, fixed);
    ts_buffer_append_text(out, ",\"type\":\"fixed\",\"size\":");
    ts_buffer_append_i64(out, avro_schema_fixed_size(fixed));
    ts_buffer_append_char(out, '}');
}

static void append_union(struct ts_buffer *out, avro_schema_t branches)
{
    ts_buffer_append_char(out, '[');
    for (int i = 0; i < (int)avro_schema_union_size(branches); i++) {
        if (i > 0) {
            ts_buffer_append_char(out, ',');
        }
        ts_avro_canonical_form(avro_schema_union_branch(branches, i), out);
    }
    ts_buffer_append_char(out, ']');
}

void ts_avro_canonical_form(avro_schema_t schema, struct ts_buffer *out)
{
    switch (avro_typeof(schema)) {
    case AVRO_RECORD:
        append_record(out, schema);
        break;
    case AVRO_ENUM:
        append_enum(out, schema);
        break;
    case AVRO_FIXED:
        append_fixed(out, schema);
        break;
    case AVRO_UNION:
        append_union(out, schema);
        break;
    case AVRO_ARRAY:
        ts_buffer_append_text(out, "{\"type\":\"array\",\"items\":");
        ts_avro_canonical_form(avro_schema_array_items(schema), out);
        ts_buffer_append_char(out, '}');
        break;
    case AVRO_MAP:
        ts_buffer_append_text(out, "{\"type\":\"map\",\"values\":");
        ts_avro_canonical_form(avro_schema_map_values(schema), out);
        ts_buffer_append_char(out, '}');
        break;
    case AVRO_LINK: /* a named type defined before */
        append_full_name(out, avro_schema_link_target(schema));
        break;
    default: /* primitive: its name is its type */
        append_quoted(out, avro_schema_type_name(schema));
        break;
    }
}

uint64_t ts_avro_fingerprint(struct ts_bytes canonical_form)
{
    const uint64_t empty = UINT64_C(0xc15d213aa4d7a795); /* also the reversed polynomial */
    uint64_t fingerprint = empty;
    for (size_t i = 0; i < canonical_form.size; i++) {
        fingerprint ^= (unsigned char)canonical_form.data[i];
        for (int bit = 0; bit < 8; bit++) {
            fingerprint = fingerprint >> 1 ^ ((fingerprint & 1) != 0 ? empty : 0);
        }
    }
    return fingerprint;
}
