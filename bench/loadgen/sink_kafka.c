/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/sink.h"

#include "base/hash.h"

#include <librdkafka/rdkafka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 10000, FLUSH_MS = 300000, POLL_EVERY = 4096 };

struct kafka_sink {
    struct lg_sink sink;
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    int32_t partitions;
    atomic_uint_fast64_t taken;
    atomic_uint_fast64_t lost;
    _Atomic rd_kafka_resp_err_t reason; /* of the last one lost */
};

/* Runs in whoever polls. Only failures are reported. */
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_sink *self = opaque;
    (void)producer;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        self->reason = message->err;
        atomic_fetch_add(&self->lost, 1);
    }
}

static bool put(struct lg_sink *sink,
                struct ts_bytes key,
                struct ts_bytes value,
                uint32_t shift,
                struct ts_error *err)
{
    struct kafka_sink *self = (struct kafka_sink *)sink;
    int32_t partition = (int32_t)((ts_murmur2(key) + shift) % (uint32_t)self->partitions);
    while (rd_kafka_produce(self->topic,
                            partition,
                            RD_KAFKA_MSG_F_COPY,
                            (void *)(uintptr_t)value.data,
                            value.size,
                            key.data,
                            key.size,
                            NULL) != 0) {
        rd_kafka_resp_err_t reason = rd_kafka_last_error();
        if (reason != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return ts_error_set(err, TS_ERROR_FATAL, 0, "produce: %s", rd_kafka_err2str(reason));
        }
        rd_kafka_poll(self->producer, 10);
    }
    if (atomic_fetch_add_explicit(&self->taken, 1, memory_order_relaxed) % POLL_EVERY == 0) {
        rd_kafka_poll(self->producer, 0);
    }
    return true;
}

static void destroy(struct kafka_sink *self)
{
    if (self->topic != NULL) {
        rd_kafka_topic_destroy(self->topic);
    }
    if (self->producer != NULL) {
        rd_kafka_destroy(self->producer);
    }
    free(self);
}

static bool close_kafka(struct lg_sink *sink, struct ts_error *err)
{
    struct kafka_sink *self = (struct kafka_sink *)sink;
    bool ok = true;
    if (rd_kafka_flush(self->producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ok = ts_error_set(err,
                          TS_ERROR_FATAL,
                          0,
                          "%d messages not delivered in time",
                          rd_kafka_outq_len(self->producer));
    } else if (atomic_load(&self->lost) > 0) {
        ok = ts_error_set(err,
                          TS_ERROR_FATAL,
                          0,
                          "%llu messages not delivered: %s",
                          (unsigned long long)atomic_load(&self->lost),
                          rd_kafka_err2str(self->reason));
    }
    destroy(self);
    return ok;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct ts_error *err)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "%s", text);
    }
    return true;
}

static bool configure(rd_kafka_conf_t *conf, const struct lg_options *options, struct ts_error *err)
{
    static const char *const defaults[][2] = {{"enable.idempotence", "true"},
                                              {"compression.type", "lz4"},
                                              {"linger.ms", "20"},
                                              {"batch.num.messages", "20000"},
                                              {"batch.size", "1000000"},
                                              {"queue.buffering.max.messages", "500000"},
                                              {"queue.buffering.max.kbytes", "262144"},
                                              {"delivery.report.only.error", "true"},
                                              {"socket.nagle.disable", "true"}};
    if (!set(conf, "bootstrap.servers", options->brokers, err)) {
        return false;
    }
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        if (!set(conf, defaults[i][0], defaults[i][1], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < options->property_count; i++) {
        char name[128];
        const char *equals = strchr(options->properties[i], '=');
        size_t size = (size_t)(equals - options->properties[i]);
        if (size >= sizeof name) {
            return ts_error_set(err, TS_ERROR_FATAL, 0, "%s: no property", options->properties[i]);
        }
        memcpy(name, options->properties[i], size);
        name[size] = '\0';
        if (!set(conf, name, equals + 1, err)) {
            return false;
        }
    }
    return true;
}

/* How many partitions the topic has; 0: there is no such topic; -1: failed. */
static int32_t ask_partitions(struct kafka_sink *self, struct ts_error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t reason =
        rd_kafka_metadata(self->producer, 0, self->topic, &metadata, WAIT_MS);
    if (reason != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ts_error_set(err, TS_ERROR_FATAL, 0, "Kafka: %s", rd_kafka_err2str(reason));
        return -1;
    }
    int32_t count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

static bool
make_topic(struct kafka_sink *self, const struct lg_options *options, struct ts_error *err)
{
    char text[256];
    rd_kafka_NewTopic_t *wanted =
        rd_kafka_NewTopic_new(options->topic, options->partitions, -1, text, sizeof text);
    if (wanted == NULL) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "topic %s: %s", options->topic, text);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(self->producer);
    rd_kafka_CreateTopics(self->producer, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    bool ok = event != NULL && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (ok) {
        size_t count;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        ok = count == 1 && rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wanted);
    return ok || ts_error_set(err, TS_ERROR_FATAL, 0, "topic %s cannot be made", options->topic);
}

static bool
find_partitions(struct kafka_sink *self, const struct lg_options *options, struct ts_error *err)
{
    self->partitions = ask_partitions(self, err);
    if (self->partitions == 0 && options->partitions > 0) {
        if (!make_topic(self, options, err)) {
            return false;
        }
        self->partitions = options->partitions;
    }
    if (self->partitions == 0) {
        return ts_error_set(err,
                            TS_ERROR_FATAL,
                            0,
                            "there is no topic %s; --partitions N makes it",
                            options->topic);
    }
    if (self->partitions > 0 && options->partitions > self->partitions) {
        return ts_error_set(err,
                            TS_ERROR_FATAL,
                            0,
                            "topic %s has only %d partitions",
                            options->topic,
                            self->partitions);
    }
    if (self->partitions > 0 && options->partitions > 0) {
        self->partitions = options->partitions;
    }
    return self->partitions > 0;
}

struct lg_sink *lg_sink_kafka_open(const struct lg_options *options, struct ts_error *err)
{
    char text[256];
    struct kafka_sink *self = calloc(1, sizeof *self);
    if (self == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    self->sink = (struct lg_sink){put, close_kafka};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, self);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (!configure(conf, options, err)) {
        rd_kafka_conf_destroy(conf);
        destroy(self);
        return NULL;
    }
    self->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (self->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        ts_error_set(err, TS_ERROR_FATAL, 0, "Kafka: %s", text);
        destroy(self);
        return NULL;
    }
    self->topic = rd_kafka_topic_new(self->producer, options->topic, NULL);
    if (self->topic == NULL || !find_partitions(self, options, err)) {
        destroy(self);
        return NULL;
    }
    return &self->sink;
}
