/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/scan.h"

#include "adapters/kafka/client.h"

#include <stdlib.h>
#include <string.h>

enum { CLOSE_TIMEOUT_MS = 3000, POLL_MS = 100 };

struct lane {
    int64_t end; /* offset after the last, when the scan began */
    bool done;
};

struct scanning {
    struct ts_kafka_client client;
    struct ts_kafka_scan *scan;
    struct lane *lanes;
    int32_t lane_count;
    int32_t open; /* lanes that are not done */
};

/* No member of a group, but the library wants a name for one; nothing is committed. */
static bool open_client(struct scanning *scanning, struct ts_error *err)
{
    static const struct ts_kafka_property first[] = {{"group.id", "tollstream-scan"},
                                                     {"enable.partition.eof", "true"}};
    const struct ts_kafka_client_setup setup = {.role = TS_KAFKA_CONSUMER,
                                                .connection = scanning->scan->connection,
                                                .first = {first, sizeof first / sizeof *first},
                                                .own = scanning->scan->consumer,
                                                .own_prefix = "kafka.consumer.",
                                                .owner = scanning};
    rd_kafka_conf_t *conf = ts_kafka_client_configure(&scanning->client, &setup, err);
    if (conf == NULL || !ts_kafka_client_open(&scanning->client, TS_KAFKA_CONSUMER, conf, err)) {
        return false;
    }
    rd_kafka_poll_set_consumer(scanning->client.rk);
    return true;
}

static bool count_lanes(struct scanning *scanning, struct ts_error *err)
{
    const struct ts_kafka_scan *scan = scanning->scan;
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(scanning->client.rk, scan->topic, NULL);
    rd_kafka_resp_err_t code =
        topic == NULL
            ? rd_kafka_last_error()
            : rd_kafka_metadata(scanning->client.rk, 0, topic, &metadata, scan->timeout_ms);
    if (metadata != NULL) {
        code = metadata->topics[0].err;
        scanning->lane_count = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    if (topic != NULL) {
        rd_kafka_topic_destroy(topic);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ts_kafka_error_set(err, code, "topic \"%s\"", scan->topic);
    }
    scanning->lanes = calloc((size_t)scanning->lane_count + 1, sizeof *scanning->lanes);
    return scanning->lanes != NULL || ts_error_no_memory(err);
}

/* Assigns every partition that holds anything, or may when we follow. */
static bool assign(struct scanning *scanning, struct ts_error *err)
{
    struct ts_kafka_scan *scan = scanning->scan;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(scanning->lane_count);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int32_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < scanning->lane_count; i++) {
        int64_t low = 0;
        code = rd_kafka_query_watermark_offsets(
            scanning->client.rk, scan->topic, i, &low, &scanning->lanes[i].end, scan->timeout_ms);
        scan->trimmed = scan->trimmed || low > 0;
        int64_t from = scan->from_end ? scanning->lanes[i].end : low;
        scanning->lanes[i].done = !scan->follow && from >= scanning->lanes[i].end;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR && !scanning->lanes[i].done) {
            rd_kafka_topic_partition_list_add(list, scan->topic, i)->offset = from;
            scanning->open++;
        }
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = rd_kafka_assign(scanning->client.rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           ts_kafka_error_set(err, code, "topic \"%s\"", scan->topic);
}

static void end_lane(struct scanning *scanning, int32_t partition)
{
    if (!scanning->scan->follow && !scanning->lanes[partition].done) {
        scanning->lanes[partition].done = true;
        scanning->open--;
    }
}

static bool take(struct scanning *scanning, const rd_kafka_message_t *message, struct ts_error *err)
{
    struct ts_kafka_scan *scan = scanning->scan;
    const struct lane *lane = &scanning->lanes[message->partition];
    if (lane->done) {
        return true; /* came in after the scan began */
    }
    if (scan->follow || message->offset < lane->end) {
        struct ts_kafka_scan_record record = {.partition = message->partition,
                                              .offset = message->offset,
                                              .key = {message->key, message->key_len},
                                              .value = {message->payload, message->len}};
        scan->record_count++;
        if (!scan->record(scan->self, &record, err)) {
            return false;
        }
    }
    if (message->offset + 1 >= lane->end) {
        end_lane(scanning, message->partition);
    }
    return true;
}

/* Nothing came. Who follows waits for ever: the library connects again by itself. */
static bool wait_on(const struct scanning *scanning, int64_t heard_us, struct ts_error *err)
{
    const struct ts_kafka_scan *scan = scanning->scan;
    return scan->follow || ts_kafka_now_us() - heard_us < (int64_t)scan->timeout_ms * 1000 ||
           ts_kafka_error_set(err, RD_KAFKA_RESP_ERR__TIMED_OUT, "topic \"%s\"", scan->topic);
}

/* False when the scan is to stop. */
static bool tick(const struct scanning *scanning, int64_t *ticked_us)
{
    const struct ts_kafka_scan *scan = scanning->scan;
    int64_t now_us = ts_kafka_now_us();
    if (scan->tick == NULL || now_us - *ticked_us < POLL_MS * 1000) {
        return true;
    }
    *ticked_us = now_us;
    return scan->tick(scan->self);
}

static bool read_all(struct scanning *scanning, struct ts_error *err)
{
    int64_t heard_us = ts_kafka_now_us();
    int64_t ticked_us = heard_us;
    bool good = true;
    while (good && scanning->open > 0 && tick(scanning, &ticked_us)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(scanning->client.rk, POLL_MS);
        if (message == NULL) {
            good = wait_on(scanning, heard_us, err);
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            heard_us = ts_kafka_now_us();
            good = take(scanning, message, err);
        } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            end_lane(scanning, message->partition);
        } else if (ts_kafka_error_class(message->err) != TS_ERROR_RETRY) {
            good = ts_kafka_error_set(err, message->err, "topic \"%s\"", scanning->scan->topic);
        }
        rd_kafka_message_destroy(message);
    }
    return good;
}

bool ts_kafka_scan_run(struct ts_kafka_scan *scan, struct ts_error *err)
{
    struct scanning *scanning = calloc(1, sizeof *scanning);
    if (scanning == NULL) {
        return ts_error_no_memory(err);
    }
    scanning->scan = scan;
    scan->record_count = 0;
    scan->trimmed = false;
    bool good = open_client(scanning, err) && count_lanes(scanning, err) && assign(scanning, err) &&
                read_all(scanning, err);
    free(scanning->lanes);
    if (ts_kafka_client_close(&scanning->client, CLOSE_TIMEOUT_MS)) {
        free(scanning);
    }
    return good;
}
