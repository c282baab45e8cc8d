/* SPDX-License-Identifier: Apache-2.0 */
/* Writer schemas nobody has seen: the front of the input chooses a schema, field by field (which of
 * our fields it has, in which types, and what stands between them), the rest is a record written
 * with it. The schema is always valid Avro, so that what is tried is our compiler of plans and not
 * the library's parser. A schema compiles or is refused in text; a record that decodes lies within
 * its bytes, is the same the second time and after being written by our schema, and no part of it
 * decodes. */
#include "tests/fuzz/fuzz.h"

#include "adapters/avro/cdr_encode.h"
#include "adapters/avro/codec.h"
#include "adapters/avro/embedded.h"
#include "adapters/avro/plan.h"
#include "base/buffer.h"
#include "core/reason.h"

#include <avro.h>

enum { SCHEMA_SIZE_MAX = 256 * 1024, TYPE_DEPTH_MAX = 5, PARTS_MAX = 6, NAMES_MAX = 64 };

/* A schema being written. */
struct writer {
    struct fuzz_input *input;
    struct ts_buffer text;
    unsigned fields;
    unsigned names;               /* of the types named so far: T0, T1, ... */
    unsigned finished[NAMES_MAX]; /* those that may be used by name anywhere */
    unsigned finished_count;
    unsigned open_record; /* 1 + the number of the record that is being written; 0: none */
};

static void put(struct writer *w, const char *text)
{
    ts_buffer_append_text(&w->text, text);
}

static void put_type(struct writer *w, int depth);

static void put_named_end(struct writer *w, unsigned name)
{
    if (w->finished_count < NAMES_MAX) {
        w->finished[w->finished_count++] = name;
    }
    put(w, "}");
}

static void put_enum(struct writer *w)
{
    unsigned name = w->names++;
    unsigned symbols = fuzz_take(w->input) % PARTS_MAX + 1;
    ts_buffer_format(&w->text, "{\"type\":\"enum\",\"name\":\"T%u\",\"symbols\":[", name);
    for (unsigned i = 0; i < symbols; i++) {
        ts_buffer_format(&w->text, "%s\"S%u\"", i == 0 ? "" : ",", i);
    }
    put(w, "]");
    put_named_end(w, name);
}

static void put_fixed(struct writer *w)
{
    unsigned name = w->names++;
    unsigned size = fuzz_take(w->input);
    ts_buffer_format(&w->text, "{\"type\":\"fixed\",\"name\":\"T%u\",\"size\":%u", name, size);
    put_named_end(w, name);
}

/* May hold itself, in a union. */
static void put_record(struct writer *w, int depth)
{
    unsigned name = w->names++;
    unsigned outer = w->open_record;
    unsigned fields = fuzz_take(w->input) % PARTS_MAX;
    w->open_record = name + 1;
    ts_buffer_format(&w->text, "{\"type\":\"record\",\"name\":\"T%u\",\"fields\":[", name);
    for (unsigned i = 0; i < fields; i++) {
        ts_buffer_format(&w->text, "%s{\"name\":\"f%u\",\"type\":", i == 0 ? "" : ",", i);
        put_type(w, depth + 1);
        put(w, "}");
    }
    put(w, "]");
    w->open_record = outer;
    put_named_end(w, name);
}

/* Branches of different types, as the specification wants them. */
static void put_union(struct writer *w, int depth)
{
    uint8_t which = fuzz_take(w->input);
    put(w, "[\"null\"");
    if ((which & 1) != 0) {
        put(w, ",\"long\"");
    }
    if ((which & 2) != 0) {
        put(w, ",\"string\"");
    }
    if ((which & 4) != 0) {
        put(w, ",{\"type\":\"map\",\"values\":");
        put_type(w, depth + 1);
        put(w, "}");
    }
    if ((which & 8) != 0 && w->open_record != 0) {
        ts_buffer_format(&w->text, ",\"T%u\"", w->open_record - 1);
    }
    if ((which & 16) != 0) {
        put(w, ",");
        put_enum(w);
    }
    put(w, "]");
}

static void put_type(struct writer *w, int depth)
{
    static const char *const primitives[] = {"\"null\"",
                                             "\"boolean\"",
                                             "\"int\"",
                                             "\"long\"",
                                             "\"float\"",
                                             "\"double\"",
                                             "\"bytes\"",
                                             "\"string\""};
    uint8_t which = fuzz_take(w->input) % 16;
    if (which < 8 || depth >= TYPE_DEPTH_MAX) {
        put(w, primitives[which % 8]);
    } else if (which == 8) {
        put_enum(w);
    } else if (which == 9) {
        put_fixed(w);
    } else if (which == 10 || which == 11) {
        put(w, which == 10 ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"map\",\"values\":");
        put_type(w, depth + 1);
        put(w, "}");
    } else if (which == 12) {
        put_record(w, depth);
    } else if (which == 13 && w->finished_count > 0) {
        ts_buffer_format(&w->text, "\"T%u\"", w->finished[fuzz_take(w->input) % w->finished_count]);
    } else {
        put_union(w, depth);
    }
}

/* A field of ours, by the type that it should have and some that it may or may not have. */
struct ours {
    const char *name;
    const char *type;
    const char *other;
};

#define ENUM(name, symbols) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}"

static const struct ours ours[] = {
    {"cdr_id", "\"string\"", "\"bytes\""},
    {"source", "\"string\"", "\"bytes\""},
    {"account_id", "\"string\"", "\"int\""},
    {"license",
     ENUM("License", "\"TALK\",\"CONTACT_CENTER\",\"SELL\""),
     ENUM("License", "\"SELL\",\"ROOMS\",\"TALK\"")},
    {"service", ENUM("Service", "\"VOICE\",\"FAX\""), ENUM("Service", "\"FAX\",\"X\",\"VOICE\"")},
    {"direction",
     ENUM("Direction", "\"OUTBOUND\",\"INBOUND\",\"INTERNAL\""),
     ENUM("Direction", "\"INBOUND\"")},
    {"from_number", "\"string\"", "\"long\""},
    {"to_number", "\"string\"", "\"string\""},
    {"start_time", "\"long\"", "\"int\""},
    {"end_time", "\"long\"", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"},
    {"duration_ms", "\"long\"", "\"int\""},
    {"disposition",
     ENUM("Disposition", "\"ANSWERED\",\"NO_ANSWER\",\"BUSY\",\"FAILED\",\"CANCELED\""),
     ENUM("Disposition", "\"CANCELED\",\"LOST\",\"ANSWERED\"")},
    {"answer_time", "\"long\"", "\"int\""},
    {"leg", "\"int\"", "\"long\""},
    {"pages", "\"int\"", "\"double\""},
    {"hangup_cause", "\"int\"", "\"long\""},
    {"call_id", "\"string\"", "\"bytes\""},
    {"user_id", "\"string\"", "\"bytes\""},
    {"user_name", "\"string\"", "\"null\""},
    {"department", "\"string\"", "\"string\""},
    {"origin_country", "\"string\"", "\"bytes\""},
    {"attributes",
     "{\"type\":\"map\",\"values\":\"string\"}",
     "{\"type\":\"map\",\"values\":\"bytes\"}"},
};

static void begin_field(struct writer *w, const char *name)
{
    ts_buffer_format(&w->text, "%s{\"name\":\"%s\",\"type\":", w->fields++ == 0 ? "" : ",", name);
}

/* One byte: left out, as it should be, nullable either way, or of another type. */
static void put_our_field(struct writer *w, const struct ours *field)
{
    uint8_t form = fuzz_take(w->input) % 16;
    if (form == 15) {
        return;
    }
    begin_field(w, field->name);
    switch (form) {
    case 12:
        ts_buffer_format(&w->text, "[\"null\",%s]", field->type);
        break;
    case 13:
        ts_buffer_format(&w->text, "[%s,\"null\"]", field->type);
        break;
    case 14:
        put(w, field->other);
        break;
    default:
        put(w, field->type);
        break;
    }
    put(w, "}");
}

static void write_schema(struct writer *w)
{
    ts_buffer_init(&w->text, SCHEMA_SIZE_MAX);
    put(w, "{\"type\":\"record\",\"name\":\"CallDetailRecord\",\"fields\":[");
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        put_our_field(w, &ours[i]);
        if (fuzz_take(w->input) % 8 == 7) {
            char name[32];
            snprintf(name, sizeof name, "x%zu", i);
            begin_field(w, name);
            put_type(w, 0);
            put(w, "}");
        }
    }
    put(w, "]}");
}

static void check_record(const struct ts_avro_plan *plan, struct ts_bytes body)
{
    struct ts_cdr cdr;
    struct ts_cdr again;
    struct ts_error err = {0};
    if (!ts_avro_plan_run(plan, body, &cdr, &err)) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        TS_ASSERT(err.code == TS_REASON_DECODE_ERROR || err.code == TS_REASON_UNKNOWN_ENUM ||
                  err.code == TS_REASON_MISSING_FIELD);
        return;
    }
    TS_ASSERT(err.class == TS_ERROR_NONE);
    TS_ASSERT(ts_avro_plan_run(plan, body, &again, &err));
    fuzz_expect_same_cdr(&cdr, &again);
    for (size_t cut = body.size; cut > 0; cut /= 2) {
        TS_ASSERT(!ts_avro_plan_run(plan, (struct ts_bytes){body.data, cut - 1}, &again, &err));
    }
    fuzz_validate_and_rate(&cdr);
}

static void check_rewritten(const struct ts_avro_plan *plan, struct ts_bytes body)
{
    static struct ts_avro_codec *codec;
    static struct ts_avro_cdr_encoder encoder;
    struct ts_error err;
    if (codec == NULL) {
        codec = ts_avro_codec_create(NULL, 0, &err);
        TS_ASSERT(codec != NULL && ts_avro_cdr_encoder_init(&encoder, &err));
    }
    struct ts_cdr cdr;
    struct ts_cdr decoded;
    if (!ts_avro_plan_run(plan, body, &cdr, &err)) {
        return;
    }
    struct ts_codec port = ts_avro_codec_port(codec);
    struct ts_buffer message;
    ts_buffer_init(&message, SIZE_MAX / 2);
    ts_avro_cdr_encode(&encoder, TS_AVRO_CDR_VERSION_CURRENT, &cdr, &message);
    TS_ASSERT(port.ops->decode_cdr(port.self, ts_buffer_bytes(&message), &decoded, &err));
    fuzz_expect_same_cdr(&cdr, &decoded);
    ts_buffer_finish(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .left = size};
    struct writer writer = {.input = &input};
    struct ts_error err = {0};
    uint64_t fingerprint = 0;
    write_schema(&writer);
    TS_ASSERT(!writer.text.failed);
    avro_schema_t schema =
        ts_avro_schema_parse(ts_buffer_bytes(&writer.text), "fuzz", &fingerprint, &err);
    TS_ASSERT(schema != NULL);
    struct ts_avro_plan *plan = ts_avro_plan_create(schema, &err);
    if (plan != NULL) {
        struct ts_bytes body = fuzz_bytes(input.at, input.left);
        check_record(plan, body);
        check_rewritten(plan, body);
    } else {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
    }
    ts_avro_plan_destroy(plan);
    avro_schema_decref(schema);
    ts_buffer_finish(&writer.text);
    return 0;
}
