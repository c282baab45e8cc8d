/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/json.h"

#include "core/attributes.h"

static void write_string(struct ts_bytes text, struct ts_buffer *out)
{
    ts_buffer_append_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            ts_buffer_format(out, "\\u%04x", c);
        } else {
            ts_buffer_append_char(out, (char)c);
        }
    }
    ts_buffer_append_char(out, '"');
}

static void write_text(const char *name, struct ts_bytes text, struct ts_buffer *out)
{
    if (text.data != NULL) {
        ts_buffer_format(out, "\"%s\":", name);
        write_string(text, out);
        ts_buffer_append_char(out, ',');
    }
}

static void write_number(const char *name, int64_t value, struct ts_buffer *out)
{
    ts_buffer_format(out, "\"%s\":", name);
    ts_buffer_append_i64(out, value);
    ts_buffer_append_char(out, ',');
}

static void write_attributes(const struct ts_cdr_attributes *attributes, struct ts_buffer *out)
{
    struct ts_attributes_walk walk;
    struct ts_bytes name;
    struct ts_bytes value;
    const char *before = "";
    ts_attributes_walk_init(&walk, attributes);
    ts_buffer_append_text(out, "\"attributes\":{");
    while (ts_attributes_next(&walk, &name, &value)) {
        ts_buffer_append_text(out, before);
        write_string(name, out);
        ts_buffer_append_char(out, ':');
        write_string(value, out);
        before = ",";
    }
    ts_buffer_append_text(out, "}");
}

void lg_json_write(const struct ts_cdr *cdr, struct ts_buffer *out)
{
    ts_buffer_append_char(out, '{');
    write_text("cdr_id", cdr->cdr_id, out);
    write_text("source", cdr->source, out);
    write_number("leg", cdr->leg, out);
    write_text("call_id", cdr->call_id, out);
    write_text("account_id", cdr->account_id, out);
    write_text("user_id", cdr->user_id, out);
    write_text("user_name", cdr->user_name, out);
    write_text("department", cdr->department, out);
    write_text("license", ts_bytes_of(ts_license_name(cdr->license)), out);
    write_text("service", ts_bytes_of(ts_service_name(cdr->service)), out);
    write_text("direction", ts_bytes_of(ts_direction_name(cdr->direction)), out);
    write_text("from_number", cdr->from_number, out);
    write_text("to_number", cdr->to_number, out);
    write_text("origin_country", cdr->origin_country, out);
    write_number("start_time", cdr->start_ms, out);
    if (cdr->has_answer) {
        write_number("answer_time", cdr->answer_ms, out);
    }
    write_number("end_time", cdr->end_ms, out);
    write_number("duration_ms", cdr->duration_ms, out);
    write_number("pages", cdr->pages, out);
    write_text("disposition", ts_bytes_of(ts_disposition_name(cdr->disposition)), out);
    if (cdr->has_hangup_cause) {
        write_number("hangup_cause", cdr->hangup_cause, out);
    }
    write_attributes(&cdr->attributes, out);
    ts_buffer_append_char(out, '}');
}
