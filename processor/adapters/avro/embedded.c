/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/embedded.h"

#include "adapters/avro/fingerprint.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "core/reason.h"

#include <avro.h>

enum { TEXT_SIZE_MAX = 1024 * 1024, CANONICAL_SIZE_MAX = 4 * TEXT_SIZE_MAX, WHY_MAX = 300 };

/* X(symbol of enum ts_avro_embedded, what ts_embed named it, its file) */
#define EMBEDDED(X)                                                                                \
    X(TS_AVRO_CDR, ts_avsc_cdr, "call_detail_record.avsc")                                         \
    X(TS_AVRO_CDR_1, ts_avsc_cdr_1, "history/call_detail_record.1.avsc")                           \
    X(TS_AVRO_CREDIT, ts_avsc_credit, "credit.avsc")                                               \
    X(TS_AVRO_ADJUSTMENT, ts_avsc_adjustment, "adjustment.avsc")                                   \
    X(TS_AVRO_EVENT, ts_avsc_event, "event.avsc")                                                  \
    X(TS_AVRO_DEAD_LETTER, ts_avsc_dead_letter, "dead_letter.avsc")

#define X(symbol, embedded, file)                                                                  \
    extern const unsigned char embedded[];                                                         \
    extern const size_t embedded##_size;
EMBEDDED(X)
#undef X

static const struct {
    const char *name;
    const unsigned char *data;
    const size_t *size;
} schemas[TS_AVRO_EMBEDDED_COUNT] = {
#define X(symbol, embedded, file) [symbol] = {file, embedded, &embedded##_size},
    EMBEDDED(X)
#undef X
};

struct ts_bytes ts_avro_embedded_text(enum ts_avro_embedded which)
{
    TS_ASSERT(which < TS_AVRO_EMBEDDED_COUNT);
    return (struct ts_bytes){(const char *)schemas[which].data, *schemas[which].size};
}

const char *ts_avro_embedded_name(enum ts_avro_embedded which)
{
    TS_ASSERT(which < TS_AVRO_EMBEDDED_COUNT);
    return schemas[which].name;
}

avro_schema_t ts_avro_schema_parse(struct ts_bytes text,
                                   const char *name,
                                   uint64_t *fingerprint,
                                   struct ts_error *err)
{
    avro_schema_t schema;
    if (text.size > TEXT_SIZE_MAX) {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_UNKNOWN_SCHEMA,
                     "schema %s: %zu bytes, at most %d are allowed",
                     name,
                     text.size,
                     TEXT_SIZE_MAX);
        return NULL;
    }
    if (avro_schema_from_json_length(text.data, text.size, &schema) != 0) {
        char why[WHY_MAX]; /* quoted: it may repeat parts of the schema, and cut them anywhere */
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_UNKNOWN_SCHEMA,
                     "schema %s: %s",
                     name,
                     ts_utf8_quote(ts_bytes_of(avro_strerror()), why, sizeof why));
        return NULL;
    }
    if (fingerprint == NULL) {
        return schema;
    }
    struct ts_buffer canonical;
    ts_buffer_init(&canonical, CANONICAL_SIZE_MAX);
    ts_avro_canonical_form(schema, &canonical);
    *fingerprint = ts_avro_fingerprint(ts_buffer_bytes(&canonical));
    bool failed = canonical.failed;
    ts_buffer_finish(&canonical);
    if (failed) {
        avro_schema_decref(schema);
        ts_error_no_memory(err);
        ts_error_prefix(err, "schema %s", name);
        return NULL;
    }
    return schema;
}
