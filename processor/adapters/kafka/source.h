/* SPDX-License-Identifier: Apache-2.0 */
/* The input topics through librdkafka: a member of a consumer group that fetches where the pipeline
 * says. One thread owns a source: everything happens inside its calls, nothing between them.
 *
 * What the group assigns is taken over inside librdkafka's callback, paused, so that the group
 * never waits for a claim; nothing is handed out before start(). What the group revokes is given
 * back by release(), and until then the group waits.
 *
 * librdkafka's positions are not trusted. Whenever a lane begins to flow (start, resume, after a
 * rebalance) it is set to the exact offset that is to be handed out next, and everything below that
 * offset is dropped: pausing, resuming and rebalancing in librdkafka 2.0 can repeat messages. */
#ifndef TS_ADAPTERS_KAFKA_SOURCE_H
#define TS_ADAPTERS_KAFKA_SOURCE_H

#include "adapters/kafka/connection.h"
#include "base/error.h"
#include "ports/source.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ts_kafka_source;

/* In librdkafka 2.0 eager is the steadier one. Cooperative members go on committing while they wait
 * for the others to join; such a commit is answered with "illegal generation", upon which
 * librdkafka takes the whole assignment for LOST and joins again. Its sticky assignor can also run
 * for ever (before 2.6). */
enum ts_kafka_assignment {
    TS_KAFKA_COOPERATIVE, /* cooperative-sticky: partitions move one by one, the others flow */
    TS_KAFKA_EAGER,       /* range: all are given back and assigned anew */
};

struct ts_kafka_source_options {
    struct ts_kafka_connection connection;
    struct ts_kafka_properties properties; /* kafka.consumer.<name> */
    const char *group;
    const char *topics[TS_INPUT_COUNT]; /* NULL: this input is not read */
    enum ts_kafka_assignment assignment;
    int session_timeout_ms; /* 0: 15 s */
    int request_timeout_ms; /* of range() and committed(); 0: 5 s */
};

/* Written by the owner's thread, read by any: each number stands for itself. */
struct ts_kafka_source_stats {
    _Atomic uint64_t rebalances;
    _Atomic uint64_t stale;         /* messages dropped: already handed out, or not to be */
    _Atomic uint64_t refetches;     /* lanes fetched again after librdkafka reported an error */
    _Atomic uint64_t reassignments; /* lanes whose fetcher had ended and was made anew */
    _Atomic uint64_t commits;
    _Atomic uint64_t commit_errors; /* each is tried again while the lane is ours */
};

/* Joins the group in the background. `options` and its texts must outlive the source. Fails with
 * class FATAL on a setting that is refused or unknown. */
bool ts_kafka_source_open(const struct ts_kafka_source_options *options,
                          struct ts_kafka_source **out,
                          struct ts_error *err);

struct ts_source ts_kafka_source_port(struct ts_kafka_source *source);
const struct ts_kafka_source_stats *ts_kafka_source_stats(const struct ts_kafka_source *source);

/* Sends what is left to commit, leaves the group, frees. Takes NULL. False: it did not end within
 * `timeout_ms` (librdkafka can block for ever while brokers are away), its threads still run and
 * the memory stays; end the process, positions are safe in PostgreSQL. */
bool ts_kafka_source_close(struct ts_kafka_source *source, int timeout_ms);

#endif
