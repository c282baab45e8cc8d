/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/publisher.h"

#include "adapters/kafka/client.h"
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_MESSAGES = 100000,
    QUEUE_KBYTES = 65536,
    RESET_TIMEOUT_MS = 3000,
};

_Static_assert(sizeof(void *) >= sizeof(uint64_t), "a ticket travels as librdkafka's opaque");

struct report {
    uint64_t ticket;
    rd_kafka_resp_err_t code;
};

/* The producer, apart from its publisher: a producer that does not end in time is left behind. */
struct producer {
    struct ts_kafka_client client;
    rd_kafka_topic_t *topics[TS_OUTPUT_COUNT];
};

/* A ticket is outstanding from send until poll has handed out its delivery. There are as many
 * places for reports as tickets can be outstanding, so a report always finds one. */
struct ts_kafka_publisher {
    const struct ts_kafka_publisher_options *options;
    struct producer *producer;
    struct report *reports; /* a ring */
    size_t capacity;
    size_t first;
    size_t count;
    size_t outstanding;
    bool broken; /* by a fatal error, until reset */
    char reason[TS_ERROR_TEXT_MAX];
    struct ts_kafka_publisher_stats stats;
};

static void count_up(_Atomic uint64_t *counter)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void set_outstanding(struct ts_kafka_publisher *publisher, size_t outstanding)
{
    publisher->outstanding = outstanding;
    atomic_store_explicit(&publisher->stats.queued, outstanding, memory_order_relaxed);
}

/* --- Callbacks: inside rd_kafka_poll and rd_kafka_flush only */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct ts_kafka_client *client = opaque;
    struct ts_kafka_publisher *publisher = client->owner;
    TS_ASSERT(publisher->count < publisher->capacity);
    size_t at = publisher->first + publisher->count++;
    publisher->reports[at < publisher->capacity ? at : at - publisher->capacity] =
        (struct report){(uint64_t)(uintptr_t)message->_private, message->err};
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct ts_kafka_client *client = opaque;
    struct ts_kafka_publisher *publisher = client->owner;
    if (code == RD_KAFKA_RESP_ERR__FATAL && !publisher->broken) {
        publisher->broken = true;
        (void)rd_kafka_fatal_error(rk, publisher->reason, sizeof publisher->reason);
    }
    if (code != RD_KAFKA_RESP_ERR__TRANSPORT && code != RD_KAFKA_RESP_ERR__TIMED_OUT) {
        ts_kafka_client_say(
            client, TS_LEVEL_WARNING, reason); /* those two are in the log already */
    }
}

/* --- The producer */

static bool open_topics(struct producer *producer,
                        const struct ts_kafka_publisher_options *options,
                        struct ts_error *err)
{
    for (size_t i = 0; i < TS_OUTPUT_COUNT; i++) {
        producer->topics[i] = rd_kafka_topic_new(producer->client.rk, options->topics[i], NULL);
        if (producer->topics[i] == NULL) {
            return ts_kafka_error_set(
                err, rd_kafka_last_error(), "topic \"%s\"", options->topics[i]);
        }
    }
    return true;
}

static rd_kafka_conf_t *
configure(struct ts_kafka_publisher *publisher, struct producer *producer, struct ts_error *err)
{
    const struct ts_kafka_publisher_options *options = publisher->options;
    char messages[16];
    char kbytes[16];
    (void)snprintf(messages, sizeof messages, "%zu", publisher->capacity);
    (void)snprintf(kbytes,
                   sizeof kbytes,
                   "%d",
                   options->queue_kbytes_max > 0 ? options->queue_kbytes_max : QUEUE_KBYTES);
    const struct ts_kafka_property first[] = {
        {"queue.buffering.max.messages", messages},
        {"queue.buffering.max.kbytes", kbytes},
    };
    const struct ts_kafka_client_setup setup = {
        .role = TS_KAFKA_PRODUCER,
        .connection = &options->connection,
        .first = {first, sizeof first / sizeof *first},
        .own = &options->properties,
        .own_prefix = "kafka.producer.",
        .owner = publisher,
    };
    rd_kafka_conf_t *conf = ts_kafka_client_configure(&producer->client, &setup, err);
    if (conf != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        rd_kafka_conf_set_error_cb(conf, on_error);
    }
    return conf;
}

/* Throws away what it has queued and ends it. False: it is left behind. */
static bool end_producer(struct producer *producer, int timeout_ms)
{
    if (producer == NULL) {
        return true;
    }
    for (size_t i = 0; i < TS_OUTPUT_COUNT; i++) {
        if (producer->topics[i] != NULL) {
            rd_kafka_topic_destroy(producer->topics[i]);
        }
    }
    if (producer->client.rk != NULL) {
        (void)rd_kafka_purge(producer->client.rk,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                 RD_KAFKA_PURGE_F_NON_BLOCKING);
    }
    if (!ts_kafka_client_close(&producer->client, timeout_ms)) {
        return false;
    }
    free(producer);
    return true;
}

static struct producer *make_producer(struct ts_kafka_publisher *publisher, struct ts_error *err)
{
    struct producer *producer = calloc(1, sizeof *producer);
    if (producer == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    rd_kafka_conf_t *conf = configure(publisher, producer, err);
    if (conf == NULL || !ts_kafka_client_open(&producer->client, TS_KAFKA_PRODUCER, conf, err)) {
        free(producer);
        return NULL;
    }
    if (!open_topics(producer, publisher->options, err)) {
        (void)end_producer(producer, RESET_TIMEOUT_MS);
        return NULL;
    }
    return producer;
}

/* --- Operations */

static enum ts_send full(struct ts_kafka_publisher *publisher)
{
    count_up(&publisher->stats.full);
    return TS_SEND_FULL;
}

static enum ts_send broken(struct ts_kafka_publisher *publisher, struct ts_error *err)
{
    ts_error_set(err,
                 TS_ERROR_RETRY,
                 0,
                 "the producer lost its sequence and must be remade: %s",
                 publisher->reason);
    return TS_SEND_FAILED;
}

static enum ts_send send_message(void *self,
                                 enum ts_output output,
                                 struct ts_bytes key,
                                 struct ts_bytes value,
                                 uint64_t ticket,
                                 struct ts_error *err)
{
    struct ts_kafka_publisher *publisher = self;
    if (publisher->broken) {
        return broken(publisher, err);
    }
    if (publisher->outstanding == publisher->capacity) {
        return full(publisher);
    }
    if (rd_kafka_produce(publisher->producer->topics[output],
                         RD_KAFKA_PARTITION_UA,
                         RD_KAFKA_MSG_F_COPY,
                         (void *)(uintptr_t)value.data,
                         value.size,
                         key.data,
                         key.size,
                         (void *)(uintptr_t)ticket) == 0) {
        set_outstanding(publisher, publisher->outstanding + 1);
        return TS_SEND_OK;
    }
    rd_kafka_resp_err_t code = rd_kafka_last_error();
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return full(publisher);
    }
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        publisher->broken = true;
        (void)rd_kafka_fatal_error(
            publisher->producer->client.rk, publisher->reason, sizeof publisher->reason);
        return broken(publisher, err);
    }
    ts_kafka_error_set(err,
                       code,
                       "a message of %zu bytes for topic %s was not taken",
                       value.size,
                       publisher->options->topics[output]);
    return TS_SEND_FAILED;
}

static bool poll_delivery(void *self, struct ts_delivery *out)
{
    struct ts_kafka_publisher *publisher = self;
    if (publisher->count == 0) {
        (void)rd_kafka_poll(publisher->producer->client.rk, 0);
    }
    if (publisher->count == 0) {
        return false;
    }
    struct report report = publisher->reports[publisher->first];
    publisher->first = publisher->first + 1 == publisher->capacity ? 0 : publisher->first + 1;
    publisher->count--;
    set_outstanding(publisher, publisher->outstanding - 1);
    out->ticket = report.ticket;
    out->delivered = report.code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (out->delivered) {
        count_up(&publisher->stats.delivered);
    } else {
        count_up(&publisher->stats.failed);
        ts_kafka_error_set(&out->error, report.code, "not delivered");
        if (publisher->broken) {
            out->error.class = TS_ERROR_RETRY;
        }
    }
    return true;
}

static bool reset(void *self, struct ts_error *err)
{
    struct ts_kafka_publisher *publisher = self;
    struct producer *fresh = make_producer(publisher, err);
    if (fresh == NULL) {
        return false;
    }
    (void)end_producer(publisher->producer, RESET_TIMEOUT_MS);
    publisher->producer = fresh;
    publisher->first = 0;
    publisher->count = 0;
    publisher->broken = false;
    set_outstanding(publisher, 0);
    count_up(&publisher->stats.resets);
    return true;
}

struct ts_publisher ts_kafka_publisher_port(struct ts_kafka_publisher *publisher)
{
    static const struct ts_publisher_ops ops = {
        .send = send_message,
        .poll = poll_delivery,
        .reset = reset,
    };
    return (struct ts_publisher){&ops, publisher};
}

const struct ts_kafka_publisher_stats *
ts_kafka_publisher_stats(const struct ts_kafka_publisher *publisher)
{
    return &publisher->stats;
}

bool ts_kafka_publisher_open(const struct ts_kafka_publisher_options *options,
                             struct ts_kafka_publisher **out,
                             struct ts_error *err)
{
    struct ts_kafka_publisher *publisher = calloc(1, sizeof *publisher);
    size_t capacity =
        options->queue_messages_max > 0 ? (size_t)options->queue_messages_max : QUEUE_MESSAGES;
    struct report *reports = calloc(capacity, sizeof *reports);
    if (publisher == NULL || reports == NULL) {
        free(publisher);
        free(reports);
        return ts_error_no_memory(err);
    }
    publisher->options = options;
    publisher->reports = reports;
    publisher->capacity = capacity;
    publisher->producer = make_producer(publisher, err);
    if (publisher->producer == NULL) {
        free(reports);
        free(publisher);
        return false;
    }
    *out = publisher;
    return true;
}

bool ts_kafka_publisher_close(struct ts_kafka_publisher *publisher, int timeout_ms)
{
    if (publisher == NULL) {
        return true;
    }
    int64_t until_us = ts_kafka_now_us() + timeout_ms * INT64_C(1000);
    rd_kafka_resp_err_t code = rd_kafka_flush(publisher->producer->client.rk, timeout_ms);
    int64_t left_ms = (until_us - ts_kafka_now_us()) / 1000;
    bool ended = end_producer(publisher->producer, left_ms > 100 ? (int)left_ms : 100);
    if (ended) {
        free(publisher->reports);
        free(publisher);
    }
    return ended && code == RD_KAFKA_RESP_ERR_NO_ERROR;
}
