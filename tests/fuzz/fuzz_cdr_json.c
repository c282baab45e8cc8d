/* SPDX-License-Identifier: Apache-2.0 */
/* CDRs as JSON lines. What is JSON to us is JSON to a library, and the other way round. A good CDR
 * is the same when read again, and after a way through Avro; it is validated, and rated if it is
 * valid. Any other is told in text. */
#include "tests/fuzz/fuzz.h"

#include "adapters/avro/cdr_encode.h"
#include "adapters/avro/codec.h"
#include "adapters/json/cdr_json.h"
#include "adapters/json/json_scan.h"
#include "core/validate.h"

#include <jansson.h>

#include <string.h>

static struct ts_json_cdr_reader *readers[2];
static struct ts_avro_codec *codec;
static struct ts_avro_cdr_encoder encoder;

static void open_all(void)
{
    struct ts_error err;
    if (codec == NULL) {
        codec = ts_avro_codec_create(NULL, 0, &err);
        readers[0] = ts_json_cdr_reader_create(&err);
        readers[1] = ts_json_cdr_reader_create(&err);
        TS_ASSERT(codec != NULL && readers[0] != NULL && readers[1] != NULL);
        TS_ASSERT(ts_avro_cdr_encoder_init(&encoder, &err));
    }
}

/* But for what the library refuses and JSON does not (numbers that it cannot hold, NUL in a key),
 * for how deep either goes, and for a NUL byte behind a number, which the library loses. */
static void compare_with_library(struct ts_bytes line, bool ours)
{
    const size_t flags = JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL;
    json_error_t error;
    json_t *theirs = json_loadb(line.data, line.size, flags, &error);
    bool deep = line.size > TS_JSON_DEPTH_MAX;
    if (theirs != NULL) {
        TS_ASSERT(ours || deep || memchr(line.data, '\0', line.size) != NULL);
    } else {
        enum json_error_code code = json_error_code(&error);
        TS_ASSERT(!ours || deep || code == json_error_numeric_overflow ||
                  code == json_error_null_byte_in_key);
    }
    json_decref(theirs);
}

/* Absent and empty are the same to the contract, but not to Avro's required strings. */
static struct ts_bytes empty_if_absent(struct ts_bytes text)
{
    return text.data == NULL ? TS_LITERAL("") : text;
}

static void go_through_avro(struct ts_cdr cdr)
{
    struct ts_codec port = ts_avro_codec_port(codec);
    struct ts_buffer message;
    struct ts_cdr decoded;
    struct ts_error err;
    cdr.cdr_id = empty_if_absent(cdr.cdr_id);
    cdr.source = empty_if_absent(cdr.source);
    cdr.account_id = empty_if_absent(cdr.account_id);
    cdr.from_number = empty_if_absent(cdr.from_number);
    cdr.to_number = empty_if_absent(cdr.to_number);
    ts_buffer_init(&message, SIZE_MAX / 2);
    ts_avro_cdr_encode(&encoder, TS_AVRO_CDR_VERSION_CURRENT, &cdr, &message);
    TS_ASSERT(!message.failed);
    TS_ASSERT(port.ops->decode_cdr(port.self, ts_buffer_bytes(&message), &decoded, &err));
    fuzz_expect_same_cdr(&cdr, &decoded);
    ts_buffer_finish(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ts_cdr cdr;
    struct ts_cdr again;
    enum ts_reason reason = TS_REASON_NONE;
    enum ts_reason reason_again = TS_REASON_NONE;
    char message[TS_VALIDATE_MESSAGE_MAX] = "";
    char message_again[TS_VALIDATE_MESSAGE_MAX] = "";
    struct ts_bytes line = fuzz_bytes(data, size);
    open_all();
    enum ts_json_cdr_status status =
        ts_json_cdr_read(readers[0], line, &cdr, &reason, message, sizeof message);
    TS_ASSERT(ts_json_cdr_read(
                  readers[1], line, &again, &reason_again, message_again, sizeof message_again) ==
              status);
    compare_with_library(line, status != TS_JSON_CDR_MALFORMED);
    if (status == TS_JSON_CDR_GOOD) {
        TS_ASSERT(reason == TS_REASON_NONE);
        if (cdr.attributes.count <= TS_CDR_ATTRIBUTES_MAX) { /* more are counted only */
            fuzz_expect_same_cdr(&cdr, &again);
            go_through_avro(cdr);
        }
        fuzz_validate_and_rate(&cdr);
        return 0;
    }
    fuzz_expect_text(message);
    if (status == TS_JSON_CDR_REFUSED) {
        TS_ASSERT(reason == reason_again);
        TS_ASSERT(reason == TS_REASON_DECODE_ERROR || reason == TS_REASON_UNKNOWN_ENUM ||
                  reason == TS_REASON_MISSING_FIELD);
    }
    return 0;
}
