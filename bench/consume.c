/* SPDX-License-Identifier: Apache-2.0 */
/* The bare cost of reading a topic: librdkafka alone, by assignment, from the first record to what
 * is the end now. Prints records, seconds and records per second. What a replay's rate is compared
 * with.
 *
 *   bench_consume BROKERS TOPIC */
#include <librdkafka/rdkafka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TIMEOUT_MS = 10000, WAIT_MS = 100, MESSAGES_MAX = 10000 };

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static rd_kafka_t *make_consumer(const char *brokers)
{
    const char *const settings[][2] = {{"bootstrap.servers", brokers},
                                       {"group.id", "bench-consume"},
                                       {"enable.auto.commit", "false"},
                                       {"enable.auto.offset.store", "false"},
                                       {"enable.partition.eof", "true"},
                                       {"check.crcs", "true"},
                                       {"queued.min.messages", "100000"},
                                       {"queued.max.messages.kbytes", "131072"}};
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) !=
            RD_KAFKA_CONF_OK) {
            fprintf(stderr, "bench_consume: %s\n", text);
            return NULL;
        }
    }
    return rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
}

/* Every partition that holds something; returns how many. */
static int assign(rd_kafka_t *consumer, const char *name)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, name, NULL);
    if (rd_kafka_metadata(consumer, 0, topic, &metadata, TIMEOUT_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return -1;
    }
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return count;
}

int main(int argc, char **argv)
{
    rd_kafka_t *consumer = argc == 3 ? make_consumer(argv[1]) : NULL;
    if (consumer == NULL) {
        fprintf(stderr, "usage: bench_consume BROKERS TOPIC\n");
        return 2;
    }
    rd_kafka_poll_set_consumer(consumer);
    double began = now_s();
    static rd_kafka_message_t *messages[MESSAGES_MAX];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    int64_t records = 0;
    int64_t bytes = 0;
    double last = began;
    for (int open = assign(consumer, argv[2]); open > 0;) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, MESSAGES_MAX);
        for (ssize_t i = 0; i < count; i++) {
            if (messages[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                open--;
            } else if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                records++;
                bytes += (int64_t)messages[i]->len;
            }
            rd_kafka_message_destroy(messages[i]);
        }
        last = count > 0 ? now_s() : last;
    }
    double seconds = last - began;
    printf("%lld records, %lld bytes, %.3f s, %.0f/s\n",
           (long long)records,
           (long long)bytes,
           seconds,
           (double)records / seconds);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}
