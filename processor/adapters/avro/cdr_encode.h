/* SPDX-License-Identifier: Apache-2.0 */
/* Writes CDRs as switches do, by the present schema or by a former one: for the load generator and
 * for tests. The processor itself only reads them. */
#ifndef TS_ADAPTERS_AVRO_CDR_ENCODE_H
#define TS_ADAPTERS_AVRO_CDR_ENCODE_H

#include "base/buffer.h"
#include "base/error.h"
#include "core/cdr.h"

#include <stdbool.h>
#include <stdint.h>

enum ts_avro_cdr_version {
    TS_AVRO_CDR_VERSION_CURRENT,
    TS_AVRO_CDR_VERSION_1, /* schemas/avro/history/call_detail_record.1.avsc: without hangup_cause
                              and attributes, which are lost */
    TS_AVRO_CDR_VERSION_COUNT,
};

struct ts_avro_cdr_encoder {
    uint64_t fingerprints[TS_AVRO_CDR_VERSION_COUNT];
};

bool ts_avro_cdr_encoder_init(struct ts_avro_cdr_encoder *encoder, struct ts_error *err);

/* Appends the message, in single-object encoding. Nothing is validated: what the CDR holds is
 * written. The buffer's `failed` tells when memory was short. */
void ts_avro_cdr_encode(const struct ts_avro_cdr_encoder *encoder,
                        enum ts_avro_cdr_version version,
                        const struct ts_cdr *cdr,
                        struct ts_buffer *out);

#endif
