/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/codec.h"

#include "adapters/avro/embedded.h"
#include "adapters/avro/known.h"
#include "adapters/avro/messages.h"
#include "adapters/avro/schema_ids.h"
#include "adapters/avro/write.h"
#include "core/reason.h"

#include <avro.h>

#include <inttypes.h>
#include <stdlib.h>

enum { WIRE_MAGIC = 0, WIRE_HEADER_SIZE = 5 };

struct entry {
    uint64_t fingerprint;
    struct ts_avro_known known;
};

struct ts_avro_codec {
    struct entry *entries; /* the present schema of CDRs first; few: searched from the start */
    size_t entry_count;
    struct ts_avro_ids *ids; /* NULL: there is no registry */
    struct ts_avro_event_writer events;
    uint64_t dead_letter_fingerprint;
};

static const struct ts_avro_known *find(const struct ts_avro_codec *codec, uint64_t fingerprint)
{
    for (size_t i = 0; i < codec->entry_count; i++) {
        if (codec->entries[i].fingerprint == fingerprint) {
            return &codec->entries[i].known;
        }
    }
    return NULL;
}

static bool
add(struct ts_avro_codec *codec, const char *name, struct ts_bytes text, struct ts_error *err)
{
    struct entry entry = {0};
    avro_schema_t schema = ts_avro_schema_parse(text, name, &entry.fingerprint, err);
    if (schema == NULL) {
        return false;
    }
    bool ok = true;
    if (find(codec, entry.fingerprint) == NULL) {
        ok = ts_avro_known_init(&entry.known, schema, err) ||
             ts_error_prefix(err, "schema %s", name);
    }
    if (ok && !ts_avro_known_is_foreign(&entry.known)) {
        codec->entries[codec->entry_count++] = entry;
    }
    avro_schema_decref(schema);
    return ok;
}

static bool fill(struct ts_avro_codec *codec,
                 const struct ts_avro_schema *schemas,
                 size_t count,
                 struct ts_error *err)
{
    codec->entries = calloc(TS_AVRO_EMBEDDED_COUNT + count, sizeof *codec->entries);
    if (codec->entries == NULL) {
        return ts_error_no_memory(err);
    }
    for (enum ts_avro_embedded i = TS_AVRO_INPUT_FIRST; i <= TS_AVRO_INPUT_LAST; i++) {
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
    for (size_t i = 0; i < codec->entry_count; i++) {
        ts_avro_known_finish(&codec->entries[i].known);
    }
    free(codec->entries);
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

static const struct ts_avro_known *
known_by_fingerprint(const struct ts_avro_codec *codec, uint64_t fingerprint, struct ts_error *err)
{
    const struct ts_avro_known *known = find(codec, fingerprint);
    if (known == NULL) {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_UNKNOWN_SCHEMA,
                     "schema fingerprint %016" PRIx64 ": no such schema is known; add its avsc to "
                     "the folder of additional schemas (schemas_dir)",
                     fingerprint);
    }
    return known;
}

static const struct ts_avro_known *
known_by_id(const struct ts_avro_codec *codec, uint32_t id, struct ts_error *err)
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
    return ts_avro_ids_known(codec->ids, id, err);
}

/* How to read the value, and its body: what is behind its header. NULL, with err set: not at all.
 */
static const struct ts_avro_known *read_header(const struct ts_avro_codec *codec,
                                               struct ts_bytes value,
                                               struct ts_bytes *body,
                                               struct ts_error *err)
{
    if (value.size >= TS_AVRO_HEADER_SIZE &&
        memcmp(value.data, TS_AVRO_MARKER, TS_AVRO_MARKER_SIZE) == 0) {
        *body =
            (struct ts_bytes){value.data + TS_AVRO_HEADER_SIZE, value.size - TS_AVRO_HEADER_SIZE};
        return known_by_fingerprint(codec, read_fingerprint(value.data + TS_AVRO_MARKER_SIZE), err);
    }
    if (value.size >= WIRE_HEADER_SIZE && value.data[0] == WIRE_MAGIC) {
        *body = (struct ts_bytes){value.data + WIRE_HEADER_SIZE, value.size - WIRE_HEADER_SIZE};
        return known_by_id(codec, read_id(value.data + 1), err);
    }
    refuse_header(value, err);
    return NULL;
}

/* A record that can be read, and is none of what this topic is for. */
static bool wrong_topic(const char *is, const char *belongs, struct ts_error *err)
{
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        TS_REASON_UNKNOWN_SCHEMA,
                        "value: it is written with a schema of %s; it belongs on the %s topic",
                        is,
                        belongs);
}

static bool decode_cdr(void *self, struct ts_bytes value, struct ts_cdr *out, struct ts_error *err)
{
    struct ts_bytes body;
    const struct ts_avro_known *known = read_header(self, value, &body, err);
    if (known == NULL) {
        return false;
    }
    if (known->cdr == NULL) {
        return wrong_topic("commands", "credits or the adjustments", err);
    }
    bool ok = ts_avro_plan_run(known->cdr, body, out, err);
    out->encoded_size = value.size;
    return ok;
}

static bool decode_command(void *self,
                           struct ts_bytes value,
                           struct ts_arena *arena,
                           struct ts_command *out,
                           struct ts_error *err)
{
    struct ts_bytes body;
    const struct ts_avro_known *known = read_header(self, value, &body, err);
    if (known == NULL) {
        return false;
    }
    if (known->command == NULL) {
        return wrong_topic("CDRs", "cdrs", err);
    }
    return ts_avro_command_plan_run(known->command, body, arena, out, err);
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
        .decode_command = decode_command,
        .encode_event = encode_event,
        .encode_dead_letter = encode_dead_letter,
    };
    return (struct ts_codec){&ops, codec};
}
