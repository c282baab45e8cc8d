/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/cdr_encode.h"

#include "adapters/avro/embedded.h"
#include "adapters/avro/write.h"

#include <avro.h>

bool ts_avro_cdr_encoder_init(struct ts_avro_cdr_encoder *encoder, struct ts_error *err)
{
    static const enum ts_avro_embedded schemas[TS_AVRO_CDR_VERSION_COUNT] = {
        [TS_AVRO_CDR_VERSION_CURRENT] = TS_AVRO_CDR,
        [TS_AVRO_CDR_VERSION_1] = TS_AVRO_CDR_1,
    };
    for (int version = 0; version < TS_AVRO_CDR_VERSION_COUNT; version++) {
        enum ts_avro_embedded which = schemas[version];
        avro_schema_t schema = ts_avro_schema_parse(ts_avro_embedded_text(which),
                                                    ts_avro_embedded_name(which),
                                                    &encoder->fingerprints[version],
                                                    err);
        if (schema == NULL) {
            return false;
        }
        avro_schema_decref(schema);
    }
    return true;
}

static void write_optional_long(struct ts_buffer *out, bool there, int64_t value)
{
    ts_avro_write_long(out, there);
    if (there) {
        ts_avro_write_long(out, value);
    }
}

static void write_attributes(struct ts_buffer *out, const struct ts_cdr_attributes *attributes)
{
    if (attributes->encoded.size == 0) {
        ts_avro_write_long(out, 0);
    } else {
        ts_buffer_append_bytes(out, attributes->encoded);
    }
}

/* call_detail_record.avsc */
static void write_current(struct ts_buffer *out, const struct ts_cdr *cdr)
{
    ts_avro_write_bytes(out, cdr->cdr_id);
    ts_avro_write_bytes(out, cdr->source);
    ts_avro_write_long(out, cdr->leg);
    ts_avro_write_optional(out, cdr->call_id);
    ts_avro_write_bytes(out, cdr->account_id);
    ts_avro_write_optional(out, cdr->user_id);
    ts_avro_write_optional(out, cdr->user_name);
    ts_avro_write_optional(out, cdr->department);
    ts_avro_write_long(out, cdr->license);
    ts_avro_write_long(out, cdr->service);
    ts_avro_write_long(out, cdr->direction);
    ts_avro_write_bytes(out, cdr->from_number);
    ts_avro_write_bytes(out, cdr->to_number);
    ts_avro_write_optional(out, cdr->origin_country);
    ts_avro_write_long(out, cdr->start_ms);
    write_optional_long(out, cdr->has_answer, cdr->answer_ms);
    ts_avro_write_long(out, cdr->end_ms);
    ts_avro_write_long(out, cdr->duration_ms);
    ts_avro_write_long(out, cdr->pages);
    ts_avro_write_long(out, cdr->disposition);
    write_optional_long(out, cdr->has_hangup_cause, cdr->hangup_cause);
    write_attributes(out, &cdr->attributes);
}

/* history/call_detail_record.1.avsc, whose enums have their symbols in another order */
static void write_1(struct ts_buffer *out, const struct ts_cdr *cdr)
{
    static const int64_t licenses[] = {
        [TS_LICENSE_SELL] = 0, [TS_LICENSE_TALK] = 1, [TS_LICENSE_CONTACT_CENTER] = 2};
    static const int64_t directions[] = {
        [TS_DIRECTION_INBOUND] = 0, [TS_DIRECTION_OUTBOUND] = 1, [TS_DIRECTION_INTERNAL] = 2};
    ts_avro_write_bytes(out, cdr->source);
    ts_avro_write_bytes(out, cdr->cdr_id);
    ts_avro_write_long(out, cdr->leg);
    ts_avro_write_bytes(out, cdr->account_id);
    ts_avro_write_long(out, licenses[cdr->license]);
    ts_avro_write_long(out, cdr->service);
    ts_avro_write_long(out, directions[cdr->direction]);
    ts_avro_write_bytes(out, cdr->from_number);
    ts_avro_write_bytes(out, cdr->to_number);
    ts_avro_write_long(out, cdr->start_ms);
    write_optional_long(out, cdr->has_answer, cdr->answer_ms);
    ts_avro_write_long(out, cdr->end_ms);
    ts_avro_write_long(out, cdr->duration_ms);
    ts_avro_write_long(out, cdr->disposition);
    ts_avro_write_long(out, cdr->pages);
    ts_avro_write_optional(out, cdr->origin_country);
    ts_avro_write_optional(out, cdr->call_id);
    ts_avro_write_optional(out, cdr->user_id);
    ts_avro_write_optional(out, cdr->user_name);
    ts_avro_write_optional(out, cdr->department);
}

void ts_avro_cdr_encode(const struct ts_avro_cdr_encoder *encoder,
                        enum ts_avro_cdr_version version,
                        const struct ts_cdr *cdr,
                        struct ts_buffer *out)
{
    ts_avro_write_header(out, encoder->fingerprints[version]);
    if (version == TS_AVRO_CDR_VERSION_1) {
        write_1(out, cdr);
    } else {
        write_current(out, cdr);
    }
}
