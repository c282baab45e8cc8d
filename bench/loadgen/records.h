/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th message on the topic: mostly the n-th call; sometimes an earlier one told again, or one
 * that is broken. */
#ifndef LG_RECORDS_H
#define LG_RECORDS_H

#include "bench/loadgen/calls.h"
#include "bench/loadgen/faults.h"
#include "bench/loadgen/options.h"

#include "adapters/avro/cdr_encode.h"

#include <stdint.h>

struct lg_records {
    const struct lg_options *options;
    const struct lg_calls *calls;
    struct ts_avro_cdr_encoder encoder;
};

/* One message, and what it is made in. */
struct lg_record {
    struct lg_call call;
    struct ts_buffer value;
    struct ts_bytes key;
    uint32_t partition_shift; /* partitions away from where its key belongs */
};

bool lg_records_init(struct lg_records *records,
                     const struct lg_options *options,
                     const struct lg_calls *calls,
                     struct ts_error *err);

void lg_record_init(struct lg_record *record);
void lg_record_finish(struct lg_record *record);

/* Any number of threads. False when memory is short. */
bool lg_records_make(const struct lg_records *records, uint64_t n, struct lg_record *record);

#endif
