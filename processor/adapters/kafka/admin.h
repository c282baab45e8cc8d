/* SPDX-License-Identifier: Apache-2.0 */
/* Topics: made and listed for `tollstream topics create|list`, and for tests. Blocking calls with
 * one time-out; not for the running processor. */
#ifndef TS_ADAPTERS_KAFKA_ADMIN_H
#define TS_ADAPTERS_KAFKA_ADMIN_H

#include "adapters/kafka/connection.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_KAFKA_TOPIC_MAX = 249 };

struct ts_kafka_admin;

/* Fails with class FATAL on a setting that is refused or unknown. The connection must outlive it.
 */
bool ts_kafka_admin_open(const struct ts_kafka_connection *connection,
                         int timeout_ms, /* of each call below */
                         struct ts_kafka_admin **out,
                         struct ts_error *err);

/* Takes NULL. */
void ts_kafka_admin_close(struct ts_kafka_admin *admin);

struct ts_kafka_topic_wanted {
    const char *name;
    int32_t partitions;
    int32_t replication;               /* 0: the cluster's default */
    int64_t retention_ms;              /* 0: the cluster's default; -1: for ever */
    struct ts_kafka_properties config; /* further ones by Kafka's names: min.insync.replicas, … */
};

enum ts_kafka_made {
    TS_KAFKA_MADE,
    TS_KAFKA_MADE_BEFORE, /* it was there, with as many partitions */
    TS_KAFKA_MADE_FAILED, /* `error`; also when it is there with another number of partitions */
};

struct ts_kafka_topic_result {
    enum ts_kafka_made made;
    int32_t partitions; /* it has; 0 when not known */
    struct ts_error error;
};

/* One result a topic. Returns once every topic made can be written to, as far as the time-out goes.
 * False: `err`, nothing was done or it is not known what; otherwise look at each result. */
bool ts_kafka_admin_create(struct ts_kafka_admin *admin,
                           const struct ts_kafka_topic_wanted *wanted,
                           size_t count,
                           struct ts_kafka_topic_result *results,
                           struct ts_error *err);

struct ts_kafka_topic {
    char name[TS_KAFKA_TOPIC_MAX + 1];
    int32_t partitions;
    int32_t replication;
    int32_t leaderless;      /* partitions that cannot be used now */
    int64_t retention_ms;    /* -1: for ever; -2: not known */
    char cleanup_policy[32]; /* "delete", "compact", "compact,delete"; "" when not known */
};

/* All topics but Kafka's own, sorted by name. Free *topics with free(). The configuration is not
 * known where we may not describe it. */
bool ts_kafka_admin_list(struct ts_kafka_admin *admin,
                         struct ts_kafka_topic **topics,
                         size_t *count,
                         struct ts_error *err);

#endif
