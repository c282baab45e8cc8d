/* SPDX-License-Identifier: Apache-2.0 */
/* The output topics through librdkafka's idempotent producer. One thread owns a publisher.
 *
 * A message is acknowledged by all replicas in sync or not at all; it has no time-out, so the order
 * of a key holds through any outage, and the bound is the queue: full is FULL. When the producer
 * loses its sequence for good (a fatal error of idempotence) every send fails with RETRY until
 * reset() has made a new one. */
#ifndef TS_ADAPTERS_KAFKA_PUBLISHER_H
#define TS_ADAPTERS_KAFKA_PUBLISHER_H

#include "adapters/kafka/connection.h"
#include "base/error.h"
#include "ports/publisher.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ts_kafka_publisher;

struct ts_kafka_publisher_options {
    struct ts_kafka_connection connection;
    struct ts_kafka_properties properties; /* kafka.producer.<name> */
    const char *topics[TS_OUTPUT_COUNT];
    int queue_messages_max; /* handed over and not yet polled as a delivery; 0: 100,000 */
    int queue_kbytes_max;   /* of messages not yet acknowledged; 0: 65,536 */
};

/* Written by the owner's thread, read by any. */
struct ts_kafka_publisher_stats {
    _Atomic uint64_t delivered;
    _Atomic uint64_t failed;
    _Atomic uint64_t full;
    _Atomic uint64_t resets;
    _Atomic uint64_t queued; /* now */
};

/* Connects in the background. `options` and its texts must outlive the publisher. Fails with class
 * FATAL on a setting that is refused or unknown. */
bool ts_kafka_publisher_open(const struct ts_kafka_publisher_options *options,
                             struct ts_kafka_publisher **out,
                             struct ts_error *err);

struct ts_publisher ts_kafka_publisher_port(struct ts_kafka_publisher *publisher);
const struct ts_kafka_publisher_stats *
ts_kafka_publisher_stats(const struct ts_kafka_publisher *publisher);

/* Sends what is queued, as far as `timeout_ms` goes, and frees. Takes NULL. False: something was
 * not acknowledged (it is in PostgreSQL's outbox still), or the client did not end in time and its
 * memory stays. */
bool ts_kafka_publisher_close(struct ts_kafka_publisher *publisher, int timeout_ms);

#endif
