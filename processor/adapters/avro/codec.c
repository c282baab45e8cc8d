/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/codec.h"

#include "adapters/avro/embedded.h"
#include "adapters/avro/messages.h"
#include "adapters/avro/plan.h"
#include "adapters/avro/schema_ids.h"
#include "adapters/avro/write.h"
#include "core/reason.h"

#include <avro.h>

#include <inttypes.h>
#include <stdlib.h>

enum { WIRE_MAGIC = 0, WIRE_HEADER_SIZE = 5 };

struct known {
    uint64_t fingerprint;
    struct ts_avro_plan *plan;
};

struct ts_avro_codec {
    struct known *known; /* the present schema first; few: searched from the start */
    size_t known_count;
    struct ts_avro_ids *ids; /* NULL: there is no registry */
    struct ts_avro_event_writer events;
    uint64_t dead_letter_fingerprint;
};

static const struct ts_avro_plan *find(const struct ts_avro_codec *codec, uint64_t fingerprint)
{
    for (size_t i = 0; i < codec->known_count; i++) {
        if (codec->known[i].fingerprint == fingerprint) {
            return codec->known[i].plan;
        }
    }
    return NULL;
}

static bool
add(struct ts_avro_codec *codec, const char *name, struct ts_bytes text, struct ts_error *err)
{
    struct known known = {0};
    avro_schema_t schema = ts_avro_schema_parse(text, name, &known.fingerprint, err);
    if (schema == NULL) {
        return false;
    }
    bool ok = true;
    if (is_avro_record(schema) && strcmp(avro_schema_name(schema), "CallDetailRecord") == 0 &&
        find(codec, known.fingerprint) == NULL) {
        known.plan = ts_avro_plan_create(schema, err);
        ok = known.plan != NULL || ts_error_prefix(err, "schema %s", name);
    }
    if (known.plan != NULL) {
        codec->known[codec->known_count++] = known;
    }
    avro_schema_decref(schema);
    return ok;
}

static bool fill(struct ts_avro_codec *codec,
                 const struct ts_avro_schema *schemas,
                 size_t count,
                 struct ts_error *err)
{
    codec->known = calloc(TS_AVRO_EMBEDDED_COUNT + count, sizeof *codec->known);
    if (codec->known == NULL) {
        return ts_error_no_memory(err);
    }
    for (enum ts_avro_embedded i = TS_AVRO_CDR_FIRST; i <= TS_AVRO_CDR_LAST; i++) {
        if (!add(codec, ts_avro_embedded_name(i), ts_avro_embedded_text(i), err)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!add(codec, schemas[i].name, schemas[i].text, err)) {
            return false;
        }
    }
    return ts_avro_event_writer_init(&codec->events, err) &&
           ts_avro_dead_letter_fingerprint(&codec->dead_letter_fingerprint, err);
}

struct ts_avro_codec *
ts_avro_codec_create(const struct ts_avro_schema *schemas, size_t count, struct ts_error *err)
{
    struct ts_avro_codec *codec = calloc(1, sizeof *codec);
    if (codec == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    if (!fill(codec, schemas, count, err)) {
        ts_avro_codec_destroy(codec);
        return NULL;
    }
    return codec;
}

void ts_avro_codec_destroy(struct ts_avro_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    for (size_t i = 0; i < codec->known_count; i++) {
        ts_avro_plan_destroy(codec->known[i].plan);
    }
    free(codec->known);
    ts_avro_ids_destroy(codec->ids);
    free(codec);
}

bool ts_avro_codec_use_registry(struct ts_avro_codec *codec,
                                struct ts_schemas schemas,
                                struct ts_error *err)
{
    codec->ids = ts_avro_ids_create(schemas, err);
    return codec->ids != NULL;
}

static uint64_t read_fingerprint(const char *p)
{
    uint64_t fingerprint = 0;
    for (int i = 7; i >= 0; i--) {
        fingerprint = fingerprint << 8 | (unsigned char)p[i];
    }
    return fingerprint;
}

static uint32_t read_id(const char *p)
{
    uint32_t id = 0;
    for (int i = 0; i < 4; i++) {
        id = id << 8 | (unsigned char)p[i];
    }
    return id;
}

/* Why the first bytes are no header that is known. */
static void refuse_header(struct ts_bytes value, struct ts_error *err)
{
    if (value.size == 0) {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_DECODE_ERROR,
                     value.data == NULL ? "value: null (a tombstone)" : "value: empty");
    } else if (value.size < TS_AVRO_HEADER_SIZE) {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_DECODE_ERROR,
                     "value: %zu bytes are too few for a record",
                     value.size);
    } else {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_DECODE_ERROR,
                     "value: begins with %02x %02x, neither with the marker c3 01 of Avro's "
                     "single-object encoding nor with the 00 of the Confluent wire format",
                     (unsigned char)value.data[0],
                     (unsigned char)value.data[1]);
    }
}

static const struct ts_avro_plan *
plan_of_fingerprint(const struct ts_avro_codec *codec, uint64_t fingerprint, struct ts_error *err)
{
    const struct ts_avro_plan *plan = find(codec, fingerprint);
    if (plan == NULL) {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_UNKNOWN_SCHEMA,
                     "schema fingerprint %016" PRIx64 ": no such schema is known; add its avsc to "
                     "the folder of additional schemas (schemas_dir)",
                     fingerprint);
    }
    return plan;
}

static const struct ts_avro_plan *
plan_of_id(const struct ts_avro_codec *codec, uint32_t id, struct ts_error *err)
{
    if (codec->ids == NULL) {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_UNKNOWN_SCHEMA,
                     "schema id %" PRIu32 ": no schema registry is configured "
                     "(schema_registry.url)",
                     id);
        return NULL;
    }
    return ts_avro_ids_plan(codec->ids, id, err);
}

/* How to read the value, and where behind its header it begins. NULL, with err set: not at all. */
static const struct ts_avro_plan *read_header(const struct ts_avro_codec *codec,
                                              struct ts_bytes value,
                                              size_t *header_size,
                                              struct ts_error *err)
{
    if (value.size >= TS_AVRO_HEADER_SIZE &&
        memcmp(value.data, TS_AVRO_MARKER, TS_AVRO_MARKER_SIZE) == 0) {
        *header_size = TS_AVRO_HEADER_SIZE;
        return plan_of_fingerprint(codec, read_fingerprint(value.data + TS_AVRO_MARKER_SIZE), err);
    }
    if (value.size >= WIRE_HEADER_SIZE && value.data[0] == WIRE_MAGIC) {
        *header_size = WIRE_HEADER_SIZE;
        return plan_of_id(codec, read_id(value.data + 1), err);
    }
    refuse_header(value, err);
    return NULL;
}

static bool decode_cdr(void *self, struct ts_bytes value, struct ts_cdr *out, struct ts_error *err)
{
    size_t header_size = 0;
    const struct ts_avro_plan *plan = read_header(self, value, &header_size, err);
    if (plan == NULL) {
        return false;
    }
    struct ts_bytes body = {value.data + header_size, value.size - header_size};
    bool ok = ts_avro_plan_run(plan, body, out, err);
    out->encoded_size = value.size;
    return ok;
}

static void encode_event(void *self, const struct ts_event *event, struct ts_buffer *out)
{
    const struct ts_avro_codec *codec = self;
    ts_avro_event_write(&codec->events, event, out);
}

static void encode_dead_letter(void *self,
                               const struct ts_record *record,
                               struct ts_bytes topic,
                               int64_t now_ms,
                               struct ts_buffer *out)
{
    const struct ts_avro_codec *codec = self;
    ts_avro_dead_letter_write(codec->dead_letter_fingerprint, record, topic, now_ms, out);
}

struct ts_codec ts_avro_codec_port(struct ts_avro_codec *codec)
{
    static const struct ts_codec_ops ops = {
        .decode_cdr = decode_cdr,
        .encode_event = encode_event,
        .encode_dead_letter = encode_dead_letter,
    };
    return (struct ts_codec){&ops, codec};
}
