/* SPDX-License-Identifier: Apache-2.0 */
/* CDR messages of writers whose schemas are known. The first byte chooses: 0 the whole rest is the
 * message; otherwise it is a record, and the header of one of the schemas is put before it, because
 * nobody guesses a fingerprint. What decodes lies within the message, is the same after being
 * written by the present schema (and by the former one, but for what that lacks), and can be
 * validated and rated. What does not is told, and goes into a dead letter. */
#include "tests/fuzz/fuzz.h"

#include "adapters/avro/cdr_encode.h"
#include "adapters/avro/codec.h"
#include "adapters/avro/write.h"
#include "base/buffer.h"
#include "core/reason.h"
#include "ports/record.h"

#include <string.h>

static struct ts_avro_codec *codec;
static struct ts_codec port;
static struct ts_avro_cdr_encoder encoder;

static void open_all(void)
{
    struct ts_error err;
    if (codec == NULL) {
        codec = ts_avro_codec_create(NULL, 0, &err);
        TS_ASSERT(codec != NULL && ts_avro_cdr_encoder_init(&encoder, &err));
        port = ts_avro_codec_port(codec);
    }
}

static void expect_within(struct ts_bytes view, struct ts_bytes whole)
{
    TS_ASSERT(view.data == NULL || (view.data >= whole.data && view.size <= whole.size &&
                                    view.data + view.size <= whole.data + whole.size));
}

static void check_views(const struct ts_cdr *cdr, struct ts_bytes message)
{
    const struct ts_bytes views[] = {cdr->cdr_id,
                                     cdr->source,
                                     cdr->call_id,
                                     cdr->account_id,
                                     cdr->user_id,
                                     cdr->user_name,
                                     cdr->department,
                                     cdr->from_number,
                                     cdr->to_number,
                                     cdr->origin_country,
                                     cdr->attributes.encoded};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        expect_within(views[i], message);
    }
    TS_ASSERT(cdr->license < TS_LICENSE_COUNT && cdr->service < TS_SERVICE_COUNT);
    TS_ASSERT(cdr->direction < TS_DIRECTION_COUNT && cdr->disposition < TS_DISPOSITION_COUNT);
    TS_ASSERT(cdr->encoded_size == message.size);
}

static void write_and_read(struct ts_cdr cdr, enum ts_avro_cdr_version version)
{
    struct ts_cdr decoded;
    struct ts_error err;
    struct ts_buffer message;
    ts_buffer_init(&message, SIZE_MAX / 2);
    ts_avro_cdr_encode(&encoder, version, &cdr, &message);
    TS_ASSERT(port.ops->decode_cdr(port.self, ts_buffer_bytes(&message), &decoded, &err));
    if (version == TS_AVRO_CDR_VERSION_1) {
        cdr.has_hangup_cause = false;
        cdr.hangup_cause = 0;
        cdr.attributes = (struct ts_cdr_attributes){.count = 0};
    }
    fuzz_expect_same_cdr(&cdr, &decoded);
    ts_buffer_finish(&message);
}

static void write_dead_letter(struct ts_bytes value, const struct ts_error *err)
{
    struct ts_record record = {
        .value = value,
        .key = {value.data, value.size / 4},
        .headers = {value.data, value.size},
        .reason = (enum ts_reason)err->code,
        .message = ts_bytes_of(err->text),
    };
    struct ts_buffer message;
    ts_buffer_init(&message, SIZE_MAX / 2);
    port.ops->encode_dead_letter(port.self, &record, TS_LITERAL("cdrs"), 1, &message);
    TS_ASSERT(!message.failed && message.size > value.size);
    ts_buffer_finish(&message);
}

static void decode(struct ts_bytes message)
{
    struct ts_cdr cdr;
    struct ts_error err = {0};
    if (!port.ops->decode_cdr(port.self, message, &cdr, &err)) {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
        TS_ASSERT(err.code >= TS_REASON_DECODE_ERROR && err.code <= TS_REASON_MISSING_FIELD);
        write_dead_letter(message, &err);
        return;
    }
    TS_ASSERT(err.class == TS_ERROR_NONE);
    check_views(&cdr, message);
    write_and_read(cdr, TS_AVRO_CDR_VERSION_CURRENT);
    write_and_read(cdr, TS_AVRO_CDR_VERSION_1);
    fuzz_validate_and_rate(&cdr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_all();
    if (size == 0) {
        return 0;
    }
    struct ts_bytes rest = fuzz_bytes(data + 1, size - 1);
    if (data[0] == 0) {
        decode(rest);
        return 0;
    }
    struct ts_buffer message;
    ts_buffer_init(&message, SIZE_MAX / 2);
    ts_avro_write_header(&message, encoder.fingerprints[data[0] % TS_AVRO_CDR_VERSION_COUNT]);
    ts_buffer_append_bytes(&message, rest);
    decode(ts_buffer_bytes(&message));
    ts_buffer_finish(&message);
    return 0;
}
