/* SPDX-License-Identifier: Apache-2.0 */
/* How to reach a Kafka cluster, the same for source, publisher and administration. All texts are
 * borrowed and must outlive what is opened with them. */
#ifndef TS_ADAPTERS_KAFKA_CONNECTION_H
#define TS_ADAPTERS_KAFKA_CONNECTION_H

#include "ports/observer.h"

#include <stddef.h>

/* A setting of librdkafka by its own name and value, passed through as it is. The few that
 * correctness rests on, or that have a setting of ours, are refused (settings.c). */
struct ts_kafka_property {
    const char *name;
    const char *value;
};

struct ts_kafka_properties {
    const struct ts_kafka_property *items;
    size_t count;
};

struct ts_kafka_connection {
    const char *brokers;   /* host:port of some, separated by commas */
    const char *client_id; /* shown in the brokers' logs and quotas; NULL: "tollstream" */
    struct ts_kafka_properties properties; /* kafka.<name>: for every client */
    struct ts_observer observer;           /* what librdkafka logs is said here, without secrets,
                                              by the thread that calls into the adapter */
};

#endif
