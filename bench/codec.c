/* SPDX-License-Identifier: Apache-2.0 */
/* What a CDR costs before it is rated: decoding, validation, identity and fingerprint; and what the
 * load generator pays to encode it. */
#include "adapters/avro/codec.h"

#include "adapters/avro/cdr_encode.h"
#include "core/attributes.h"
#include "core/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define START INT64_C(1767225600000)

enum { RECORDS = 4096, ROUNDS = 500 };

struct sample {
    size_t offset;
    size_t size;
};

static struct ts_buffer bytes;
static struct sample samples[RECORDS];
static struct ts_cdr decoded[RECORDS];

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void report(const char *what, double start_us)
{
    printf("%-28s %7.4f us per record\n", what, (now_us() - start_us) / RECORDS / ROUNDS);
}

/* Strings are views into the scratch buffer's text. */
static struct ts_cdr cdr_of(int n, char text[4][32], struct ts_bytes attributes)
{
    bool answered = n % 5 != 0;
    snprintf(text[0], sizeof text[0], "%016x", n * 7919);
    snprintf(text[1], sizeof text[1], "office-%06d", n % 1000);
    snprintf(text[2], sizeof text[2], "+1415555%04d", n % 10000);
    snprintf(text[3], sizeof text[3], "+44207%07d", n * 31 % 10000000);
    return (struct ts_cdr){
        .cdr_id = ts_bytes_of(text[0]),
        .source = TS_LITERAL("switch-nyc-01"),
        .call_id = n % 3 == 0 ? ts_bytes_of(text[0]) : (struct ts_bytes){NULL, 0},
        .account_id = ts_bytes_of(text[1]),
        .user_id = TS_LITERAL("u-1234"),
        .user_name = TS_LITERAL("Ann Example"),
        .department = n % 2 == 0 ? TS_LITERAL("Sales") : (struct ts_bytes){NULL, 0},
        .from_number = ts_bytes_of(text[2]),
        .to_number = ts_bytes_of(text[3]),
        .start_ms = START + n,
        .has_answer = answered,
        .answer_ms = answered ? START + n + 5000 : 0,
        .end_ms = START + n + 65000,
        .duration_ms = answered ? 60000 : 0,
        .disposition = answered ? TS_DISPOSITION_ANSWERED : TS_DISPOSITION_NO_ANSWER,
        .has_hangup_cause = true,
        .hangup_cause = 16,
        .attributes = {attributes, attributes.size > 0 ? 1 : 0},
    };
}

static void encode_all(const struct ts_avro_cdr_encoder *encoder, enum ts_avro_cdr_version version)
{
    struct ts_buffer attributes;
    ts_buffer_init(&attributes, 1000);
    ts_attributes_append(&attributes, TS_LITERAL("trunk"), TS_LITERAL("t-1"));
    ts_attributes_end(&attributes);
    ts_buffer_clear(&bytes);
    for (int n = 0; n < RECORDS; n++) {
        char text[4][32];
        struct ts_bytes none = {NULL, 0};
        struct ts_cdr cdr = cdr_of(n, text, n % 3 == 0 ? ts_buffer_bytes(&attributes) : none);
        samples[n].offset = bytes.size;
        ts_avro_cdr_encode(encoder, version, &cdr, &bytes);
        samples[n].size = bytes.size - samples[n].offset;
    }
    ts_buffer_finish(&attributes);
}

static void decode_all(struct ts_codec codec)
{
    for (int n = 0; n < RECORDS; n++) {
        struct ts_error err;
        struct ts_bytes value = {bytes.data + samples[n].offset, samples[n].size};
        if (!codec.ops->decode_cdr(codec.self, value, &decoded[n], &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
}

static void measure(struct ts_codec codec, const char *name)
{
    char what[64];
    uint64_t sum = 0;
    double start = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        decode_all(codec);
    }
    snprintf(what, sizeof what, "decode (%s)", name);
    report(what, start);

    struct ts_validate_limits limits = {START + 86400000, 2000};
    start = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        for (int n = 0; n < RECORDS; n++) {
            sum += ts_cdr_validate(&decoded[n], &limits, NULL, 0);
        }
    }
    report("validate", start);
    start = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        for (int n = 0; n < RECORDS; n++) {
            sum += ts_cdr_identity_hash(&decoded[n], 0);
        }
    }
    report("identity", start);
    start = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        for (int n = 0; n < RECORDS; n++) {
            sum += ts_cdr_fingerprint(&decoded[n]);
        }
    }
    report("fingerprint", start);
    printf("%zu bytes a record, sum %llx\n",
           bytes.size / RECORDS,
           (unsigned long long)sum); /* nothing above may be optimized away */
}

int main(void)
{
    struct ts_error err;
    struct ts_avro_cdr_encoder encoder;
    struct ts_avro_codec *codec = ts_avro_codec_create(NULL, 0, &err);
    if (codec == NULL || !ts_avro_cdr_encoder_init(&encoder, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    ts_buffer_init(&bytes, 16 * 1024 * 1024);
    double start = now_us();
    for (int i = 0; i < ROUNDS; i++) {
        encode_all(&encoder, TS_AVRO_CDR_VERSION_CURRENT);
    }
    report("make and encode", start);
    measure(ts_avro_codec_port(codec), "present schema");
    encode_all(&encoder, TS_AVRO_CDR_VERSION_1);
    measure(ts_avro_codec_port(codec), "first version");
    ts_buffer_finish(&bytes);
    ts_avro_codec_destroy(codec);
    return 0;
}
