/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of decoding share: a codec that also knows a writer of the future. */
#ifndef TS_TESTS_UNIT_ADAPTERS_AVRO_CODEC_TEST_H
#define TS_TESTS_UNIT_ADAPTERS_AVRO_CODEC_TEST_H

#include "tests/unit/adapters/avro/newer_writer.h"
#include "tests/unit/adapters/avro/oracle.h"

#include "adapters/avro/cdr_encode.h"
#include "adapters/avro/codec.h"
#include "core/reason.h"

enum { MESSAGE_MAX = 8192 };

static struct ts_avro_codec *codec;
static struct ts_codec port;
static struct ts_avro_cdr_encoder encoder;

static inline bool decode(const char *data, size_t size, struct ts_cdr *out, struct ts_error *err)
{
    return port.ops->decode_cdr(port.self, (struct ts_bytes){data, size}, out, err);
}

static inline void
expect_refused(const char *data, size_t size, enum ts_reason reason, const char *text)
{
    struct ts_cdr cdr;
    struct ts_error err = {0};
    assert_false(decode(data, size, &cdr, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    if (err.code != (int)reason || strstr(err.text, text) == NULL) {
        fail_msg("%s: %s", ts_reason_name((enum ts_reason)err.code), err.text);
    }
}

static uint64_t seed;

static inline uint32_t below(uint32_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % limit;
}

static inline void decode_or_fail(const char *data, size_t size, struct ts_cdr *out)
{
    struct ts_error err = {0};
    if (!decode(data, size, out, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(out->encoded_size, size);
}

static inline int open_codec(void **state)
{
    (void)state;
    static const struct ts_avro_schema newer = {"newer.avsc", {newer_avsc, sizeof newer_avsc - 1}};
    struct ts_error err = {0};
    seed = 20260101;
    codec = ts_avro_codec_create(&newer, 1, &err);
    if (codec == NULL || !ts_avro_cdr_encoder_init(&encoder, &err)) {
        print_error("%s\n", err.text);
        return -1;
    }
    port = ts_avro_codec_port(codec);
    return 0;
}

static inline int close_codec(void **state)
{
    (void)state;
    ts_avro_codec_destroy(codec);
    return 0;
}

#endif
