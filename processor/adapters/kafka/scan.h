/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a topic from its first record to what is its end now, or goes on with what is to come,
 * without a consumer group and without leaving a trace: for audits and for people who look. */
#ifndef TS_ADAPTERS_KAFKA_SCAN_H
#define TS_ADAPTERS_KAFKA_SCAN_H

#include "adapters/kafka/connection.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_kafka_scan_record {
    int32_t partition;
    int64_t offset;
    struct ts_bytes key; /* views that live during the call */
    struct ts_bytes value;
};

struct ts_kafka_scan {
    const struct ts_kafka_connection *connection;
    const struct ts_kafka_properties *consumer; /* may be NULL */
    const char *topic;
    int timeout_ms; /* the longest silence of the brokers */
    /* False stops the scan; `err` is set then. */
    bool (*record)(void *self, const struct ts_kafka_scan_record *record, struct ts_error *err);
    /* Called about every 100 ms; false stops the scan, which is no failure. May be NULL. */
    bool (*tick)(void *self);
    void *self;
    bool from_end; /* nothing that was there before */
    bool follow;   /* no end: go on until a function stops it */

    /* Out. */
    int64_t record_count;
    bool trimmed; /* some partition no longer begins at offset 0 */
};

bool ts_kafka_scan_run(struct ts_kafka_scan *scan, struct ts_error *err);

#endif
