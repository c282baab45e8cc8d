/* SPDX-License-Identifier: Apache-2.0 */
/* Writes records to topics by name and waits until the brokers have them: for commands that put
 * something on an input topic. Not for the running processor, which never waits
 * (adapters/kafka/publisher.h). */
#ifndef TS_ADAPTERS_KAFKA_WRITER_H
#define TS_ADAPTERS_KAFKA_WRITER_H

#include "adapters/kafka/connection.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_kafka_writer;

/* Connects in the background. The connection and `producer` (properties; may be NULL) must outlive
 * it. NULL: class FATAL. */
struct ts_kafka_writer *ts_kafka_writer_open(const struct ts_kafka_connection *connection,
                                             const struct ts_kafka_properties *producer,
                                             int timeout_ms, /* of a record to be acknowledged */
                                             struct ts_error *err);

/* Takes NULL. */
void ts_kafka_writer_close(struct ts_kafka_writer *writer);

struct ts_kafka_write {
    const char *topic;
    struct ts_bytes key;     /* absent: none */
    struct ts_bytes value;   /* absent: a tombstone */
    struct ts_bytes headers; /* ports/headers.h; size 0: none */

    bool delivered;        /* out: all replicas in sync have it … */
    int32_t partition;     /* … here, */
    int64_t offset;        /* … and here */
    struct ts_error error; /* out, when not: it may be there nevertheless */
};

/* Hands all of them over in order and waits for each end. False when any was not delivered; `err`
 * is the first one's. */
bool ts_kafka_writer_write(struct ts_kafka_writer *writer,
                           struct ts_kafka_write *writes,
                           size_t count,
                           struct ts_error *err);

#endif
