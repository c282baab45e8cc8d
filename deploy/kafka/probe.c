/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a Kafka broker serve? Exit 0 when it does, 1 with the reason on stderr when it does not
 * within the time given, 2 on wrong usage.
 *
 * A broker that accepts connections is not yet one that serves: the metadata must show a broker,
 * and (with --produce) a message must be acknowledged by all in-sync replicas. One process that
 * tries until its deadline, because starting a JVM tool per attempt takes longer than the broker.
 */
#include <librdkafka/rdkafka.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REASON_SIZE = 512, RETRY_PAUSE_MS = 50, TIMEOUT_MS_MAX = 600000 };

struct probe {
    rd_kafka_t *client;
    const char *topic; /* NULL: metadata only */
    bool create;       /* create the topic when it is absent */
    int64_t deadline_ms;
    bool delivered;
    rd_kafka_resp_err_t delivery_error;
    char reason[REASON_SIZE];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int remaining_ms(const struct probe *probe)
{
    int64_t left = probe->deadline_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = RETRY_PAUSE_MS * 1000000L}, NULL);
}

/* librdkafka's callbacks: the reason of the last connection error is the best answer to "why". */
static void on_error(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
    struct probe *probe = opaque;
    (void)client;
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || probe->reason[0] == '\0')
        snprintf(probe->reason, sizeof probe->reason, "%s", reason);
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct probe *probe = opaque;
    (void)client;
    probe->delivered = true;
    probe->delivery_error = message->err;
}

static bool open_client(struct probe *probe, const char *brokers)
{
    static const char *const settings[][2] = {
        {"acks", "all"},
        {"linger.ms", "0"},
        {"log_level", "0"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "200"},
        {"retry.backoff.ms", "50"},
        {"topic.metadata.refresh.fast.interval.ms", "50"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[REASON_SIZE];
    bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text) ==
              RD_KAFKA_CONF_OK;
    for (size_t i = 0; ok && i < sizeof settings / sizeof *settings; i++)
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) ==
             RD_KAFKA_CONF_OK;
    if (ok) {
        rd_kafka_conf_set_opaque(conf, probe);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        probe->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    }
    if (probe->client == NULL) {
        rd_kafka_conf_destroy(conf);
        snprintf(probe->reason, sizeof probe->reason, "%s", text);
        return false;
    }
    return true;
}

static bool topic_exists(const struct rd_kafka_metadata *metadata, const char *topic)
{
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, topic) == 0)
            return metadata->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    return false;
}

/* Waits for a broker in the metadata; says whether the probe's topic is there already. */
static bool await_broker(struct probe *probe, bool *has_topic)
{
    for (int left = remaining_ms(probe); left > 0; left = remaining_ms(probe)) {
        const struct rd_kafka_metadata *metadata;
        rd_kafka_resp_err_t error = rd_kafka_metadata(probe->client, 1, NULL, &metadata, left);
        rd_kafka_poll(probe->client, 0);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            bool served = metadata->broker_cnt > 0;
            *has_topic = probe->topic != NULL && topic_exists(metadata, probe->topic);
            rd_kafka_metadata_destroy(metadata);
            if (served)
                return true;
            snprintf(probe->reason, sizeof probe->reason, "the metadata shows no broker");
        } else if (probe->reason[0] == '\0') {
            snprintf(probe->reason, sizeof probe->reason, "%s", rd_kafka_err2str(error));
        }
        pause_briefly();
    }
    return false;
}

/* Asks once for the topic. A refusal is not final: a broker that still starts answers so too. */
static void create_topic(struct probe *probe)
{
    char text[REASON_SIZE];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(probe->topic, 1, 1, text, sizeof text);
    if (topic == NULL)
        return;
    rd_kafka_NewTopic_set_config(topic, "retention.ms", "600000");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(probe->client);
    rd_kafka_CreateTopics(probe->client, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, remaining_ms(probe));
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
}

static bool produce(struct probe *probe)
{
    static const char payload[] = "probe";
    probe->delivered = false;
    rd_kafka_resp_err_t error =
        rd_kafka_producev(probe->client,
                          RD_KAFKA_V_TOPIC(probe->topic),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)payload, sizeof payload - 1),
                          RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        while (!probe->delivered && remaining_ms(probe) > 0)
            rd_kafka_poll(probe->client, RETRY_PAUSE_MS);
        if (!probe->delivered)
            error = RD_KAFKA_RESP_ERR__TIMED_OUT;
        else
            error = probe->delivery_error;
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    snprintf(probe->reason,
             sizeof probe->reason,
             "producing to %s: %s",
             probe->topic,
             rd_kafka_err2str(error));
    return false;
}

static bool serves(struct probe *probe)
{
    if (probe->topic == NULL)
        return await_broker(probe, &(bool){false});
    /* The handle comes first: metadata that arrives later then fills it, while a topic first named
       in a produce call waits up to a second for the client's next scan of its topics. */
    rd_kafka_topic_t *handle = rd_kafka_topic_new(probe->client, probe->topic, NULL);
    bool served = false;
    bool has_topic;
    while (!served && await_broker(probe, &has_topic)) {
        if (has_topic || !probe->create)
            served = produce(probe);
        else
            create_topic(probe);
        if (!served)
            pause_briefly();
    }
    if (handle != NULL)
        rd_kafka_topic_destroy(handle);
    return served;
}

static int usage(void)
{
    fputs("usage: kafka-probe HOST:PORT TIMEOUT_MS [--produce TOPIC [--create]]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return usage();
    char *end;
    long timeout_ms = strtol(argv[2], &end, 10);
    if (*end != '\0' || timeout_ms < 1 || timeout_ms > TIMEOUT_MS_MAX)
        return usage();
    struct probe probe = {.deadline_ms = now_ms() + timeout_ms};
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--produce") == 0 && i + 1 < argc)
            probe.topic = argv[++i];
        else if (strcmp(argv[i], "--create") == 0)
            probe.create = true;
        else
            return usage();
    }
    bool ok = open_client(&probe, argv[1]) && serves(&probe);
    if (!ok)
        fprintf(stderr, "%s\n", probe.reason);
    if (probe.client != NULL) {
        rd_kafka_purge(probe.client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(probe.client);
    }
    return ok ? 0 : 1;
}
