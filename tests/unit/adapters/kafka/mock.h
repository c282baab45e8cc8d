/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's mock cluster, for what a real broker does not do on demand. */
#ifndef TS_TESTS_KAFKA_MOCK_H
#define TS_TESTS_KAFKA_MOCK_H

#include "tests/unit/unit.h"

#include "adapters/kafka/connection.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Request numbers of the protocol. */
enum { MOCK_PRODUCE = 0, MOCK_FETCH = 1 };

struct mock {
    rd_kafka_t *host; /* of the cluster */
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
    rd_kafka_t *producer; /* plain, to write what a test reads */
    char said[4096];      /* what the adapter logged */
};

static inline void
mock_say(void *self, enum ts_level level, const char *event, const char *format, ...)
{
    struct mock *mock = self;
    size_t used = strlen(mock->said);
    char line[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)snprintf(
        mock->said + used, sizeof mock->said - used, "%d %s %s\n", (int)level, event, line);
}

static inline struct ts_kafka_connection mock_connection(struct mock *mock)
{
    static const struct ts_observer_ops ops = {.say = mock_say};
    return (struct ts_kafka_connection){.brokers = mock->brokers, .observer = {&ops, mock}};
}

static inline rd_kafka_t *mock_client(const char *brokers)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "log_level", "2", NULL, 0);
    if (brokers != NULL) {
        (void)rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
    }
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
}

static inline int mock_open(void **state)
{
    struct mock *mock = calloc(1, sizeof *mock);
    if (mock == NULL) {
        return -1;
    }
    *state = mock;
    mock->host = mock_client(NULL);
    if (mock->host == NULL) {
        return -1;
    }
    mock->cluster = rd_kafka_mock_cluster_new(mock->host, 1);
    mock->brokers = rd_kafka_mock_cluster_bootstraps(mock->cluster);
    mock->producer = mock_client(mock->brokers);
    return mock->producer != NULL ? 0 : -1;
}

static inline int mock_close(void **state)
{
    struct mock *mock = *state;
    rd_kafka_destroy(mock->producer);
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->host);
    free(mock);
    return 0;
}

#endif
