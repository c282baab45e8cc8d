/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/settings.h"

#include <stdio.h>
#include <string.h>

/* Positions come from PostgreSQL, so librdkafka neither stores, commits nor resets any. Prefetching
 * covers seconds (a full queue stalls fetching for one), and fetches are large: the processor works
 * in batches. */
static const struct ts_kafka_property consumer_settings[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"allow.auto.create.topics", "false"},
    {"max.poll.interval.ms", "300000"},
    {"queued.min.messages", "100000"},
    {"queued.max.messages.kbytes", "131072"},
    {"fetch.min.bytes", "65536"},
    {"fetch.wait.max.ms", "100"},
};

/* A message has no time-out: one that fails and is handed over again would arrive after younger
 * ones of its key. While the cluster is away the queue fills, and that is told as FULL. The
 * partitioner is Java's, so that a key is in the same partition whoever wrote it. */
static const struct ts_kafka_property producer_settings[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"linger.ms", "5"},
    {"compression.type", "lz4"},
    {"partitioner", "murmur2_random"},
    {"message.timeout.ms", "0"},
};

/* What may not be passed through, and why. */
static const struct {
    const char *name;
    const char *reason;
} refused[] = {
    {"bootstrap.servers", "set kafka.brokers"},
    {"metadata.broker.list", "set kafka.brokers"},
    {"group.id", "set kafka.group"},
    {"enable.auto.commit", "positions are kept in PostgreSQL, commits follow publishing"},
    {"auto.commit.enable", "positions are kept in PostgreSQL, commits follow publishing"},
    {"enable.auto.offset.store", "positions are kept in PostgreSQL"},
    {"offset.store.method", "positions are kept in PostgreSQL"},
    {"auto.offset.reset", "a position out of range stops the partition, nothing is skipped"},
    {"isolation.level", "records of aborted transactions must not be charged"},
    {"check.crcs", "a damaged record must not be charged"},
    {"allow.auto.create.topics", "topics are created by `tollstream topics create`"},
    {"enable.partition.eof", "nothing acts on it"},
    {"client.rack", "fetching from followers loses positions in this librdkafka"},
    {"enable.idempotence", "the order of events rests on it"},
    {"acks", "an acknowledged event must survive a broker"},
    {"request.required.acks", "an acknowledged event must survive a broker"},
    {"transactional.id", "events are deduplicated by event_id, not by transactions"},
    {"partitioner", "a key's partition must not change"},
    {"queuing.strategy", "the order of events rests on it"},
    {"delivery.report.only.error", "offsets are committed when events are acknowledged"},
    {"produce.offset.report", "it has no effect any more"},
    {"log.queue", "the log of librdkafka goes to the log of tollstream"},
};

bool ts_kafka_settings_one(rd_kafka_conf_t *conf,
                           const char *name,
                           const char *value,
                           struct ts_error *err)
{
    char text[TS_ERROR_TEXT_MAX];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK) {
        return true;
    }
    return ts_error_set(err, TS_ERROR_FATAL, 0, "%s", text);
}

static bool set_all(rd_kafka_conf_t *conf,
                    const struct ts_kafka_property *items,
                    size_t n,
                    struct ts_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!ts_kafka_settings_one(conf, items[i].name, items[i].value, err)) {
            return false;
        }
    }
    return true;
}

bool ts_kafka_settings_base(rd_kafka_conf_t *conf,
                            enum ts_kafka_role role,
                            const struct ts_kafka_connection *connection,
                            struct ts_error *err)
{
    const struct ts_kafka_property common[] = {
        {"bootstrap.servers", connection->brokers},
        {"client.id", connection->client_id != NULL ? connection->client_id : "tollstream"},
        {"socket.nagle.disable", "true"},
        {"log.queue", "true"},
    };
    if (connection->brokers == NULL || connection->brokers[0] == '\0') {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "kafka.brokers is empty: name a broker");
    }
    if (!set_all(conf, common, sizeof common / sizeof *common, err)) {
        return false;
    }
    switch (role) {
    case TS_KAFKA_CONSUMER:
        return set_all(
            conf, consumer_settings, sizeof consumer_settings / sizeof *consumer_settings, err);
    case TS_KAFKA_PRODUCER:
        return set_all(
            conf, producer_settings, sizeof producer_settings / sizeof *producer_settings, err);
    case TS_KAFKA_ADMIN:
        return true;
    }
    return true;
}

static const char *refusal(const char *name)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (strcmp(refused[i].name, name) == 0) {
            return refused[i].reason;
        }
    }
    return NULL;
}

bool ts_kafka_settings_pass(rd_kafka_conf_t *conf,
                            const char *prefix,
                            const struct ts_kafka_properties *properties,
                            struct ts_error *err)
{
    for (size_t i = 0; i < properties->count; i++) {
        const struct ts_kafka_property *property = &properties->items[i];
        const char *reason = refusal(property->name);
        if (reason != NULL) {
            return ts_error_set(
                err, TS_ERROR_FATAL, 0, "%s%s cannot be set: %s", prefix, property->name, reason);
        }
        if (!ts_kafka_settings_one(conf, property->name, property->value, err)) {
            return ts_error_prefix(err, "%s%s", prefix, property->name);
        }
    }
    return true;
}

bool ts_kafka_settings_secret(const char *name)
{
    static const char *const endings[] = {"password", "secret", ".pem", "oauthbearer.config"};
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);
        if (size >= n && strcmp(name + size - n, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}
