/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/range_reader.h"

#include "adapters/kafka/client.h"
#include "base/assert.h"

#include <stdlib.h>

/* The batch call waits for as many messages as it may hand over: not for long. */
enum { CLOSE_TIMEOUT_MS = 3000, WAIT_MS = 10, MESSAGES_MAX = 1000 };

struct span {
    int32_t partition;
    int64_t to;
    bool done;
};

struct ts_kafka_range_reader {
    struct ts_kafka_range_reader_options options;
    struct ts_kafka_client client;
    rd_kafka_queue_t *queue;
    struct span *spans;
    size_t span_count;
    size_t open; /* spans that are not done */
    struct span **by_partition;
    int32_t partition_count; /* of by_partition */
    int64_t heard_us;
    rd_kafka_message_t *messages[MESSAGES_MAX];
};

/* A partition whose queue is full is not fetched for a second (fixed, in librdkafka before 2.2):
 * the queues must hold more than a second's work, or the reader waits for most of the time.
 *
 * No member of a group, but the library wants a name for one. The batch call is used: it can lose
 * messages of a partition around seeks and pauses (before 2.1), and here a partition is neither
 * sought nor, before it was read whole, paused. */
struct ts_kafka_range_reader *
ts_kafka_range_reader_open(const struct ts_kafka_range_reader_options *options,
                           struct ts_error *err)
{
    static const struct ts_kafka_property first[] = {{"group.id", "tollstream-replay"},
                                                     {"client.id", "tollstream-replay"},
                                                     {"queued.min.messages", "1000000"},
                                                     {"queued.max.messages.kbytes", "262144"},
                                                     {"fetch.wait.max.ms", "20"},
                                                     {"enable.partition.eof", "true"}};
    struct ts_kafka_range_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    reader->options = *options;
    const struct ts_kafka_client_setup setup = {.role = TS_KAFKA_CONSUMER,
                                                .connection = options->connection,
                                                .first = {first, sizeof first / sizeof *first},
                                                .own = options->consumer,
                                                .own_prefix = "kafka.consumer.",
                                                .owner = reader};
    rd_kafka_conf_t *conf = ts_kafka_client_configure(&reader->client, &setup, err);
    if (conf == NULL || !ts_kafka_client_open(&reader->client, TS_KAFKA_CONSUMER, conf, err)) {
        free(reader);
        return NULL;
    }
    rd_kafka_poll_set_consumer(reader->client.rk);
    reader->queue = rd_kafka_queue_get_consumer(reader->client.rk);
    return reader;
}

void ts_kafka_range_reader_close(struct ts_kafka_range_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    rd_kafka_queue_destroy(reader->queue);
    free(reader->spans);
    free(reader->by_partition);
    reader->spans = NULL;
    reader->by_partition = NULL;
    if (ts_kafka_client_close(&reader->client, CLOSE_TIMEOUT_MS)) {
        free(reader);
    }
}

/* ---- asking the brokers */

static bool fail(const struct ts_kafka_range_reader *reader,
                 rd_kafka_resp_err_t code,
                 int32_t partition,
                 struct ts_error *err)
{
    return partition < 0
               ? ts_kafka_error_set(err, code, "topic \"%s\"", reader->options.topic)
               : ts_kafka_error_set(
                     err, code, "partition %d of topic \"%s\"", partition, reader->options.topic);
}

/* The caller destroys it; NULL on failure. */
static const struct rd_kafka_metadata *ask_metadata(struct ts_kafka_range_reader *reader,
                                                    struct ts_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(reader->client.rk, reader->options.topic, NULL);
    rd_kafka_resp_err_t code =
        topic == NULL
            ? rd_kafka_last_error()
            : rd_kafka_metadata(reader->client.rk, 0, topic, &metadata, reader->options.timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        TS_ASSERT(metadata != NULL);
        code = metadata->topics[0].err;
    }
    if (topic != NULL) {
        rd_kafka_topic_destroy(topic);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return metadata;
    }
    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    fail(reader, code, -1, err);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        err->class = TS_ERROR_FATAL;
    }
    return NULL;
}

bool ts_kafka_range_reader_partitions(struct ts_kafka_range_reader *reader,
                                      int32_t *count,
                                      struct ts_error *err)
{
    const struct rd_kafka_metadata *metadata = ask_metadata(reader, err);
    if (metadata == NULL) {
        return false;
    }
    *count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

static bool has_leader(const struct rd_kafka_metadata_topic *topic, int32_t partition)
{
    for (int i = 0; i < topic->partition_cnt; i++) {
        if (topic->partitions[i].id == partition) {
            return topic->partitions[i].leader >= 0;
        }
    }
    return false;
}

bool ts_kafka_range_reader_check_leaders(struct ts_kafka_range_reader *reader,
                                         const int32_t *partitions,
                                         size_t count,
                                         struct ts_error *err)
{
    const struct rd_kafka_metadata *metadata = ask_metadata(reader, err);
    if (metadata == NULL) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = has_leader(&metadata->topics[0], partitions[i]) ||
               ts_error_set(err,
                            TS_ERROR_FATAL,
                            0,
                            "partition %d of topic \"%s\" has no leader: it can't be read before "
                            "one of its brokers is back",
                            partitions[i],
                            reader->options.topic);
    }
    rd_kafka_metadata_destroy(metadata);
    return good;
}

bool ts_kafka_range_reader_watermarks(struct ts_kafka_range_reader *reader,
                                      int32_t partition,
                                      int64_t *low,
                                      int64_t *high,
                                      struct ts_error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        reader->client.rk, reader->options.topic, partition, low, high, reader->options.timeout_ms);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || fail(reader, code, partition, err);
}

bool ts_kafka_range_reader_offsets_at(struct ts_kafka_range_reader *reader,
                                      const int32_t *partitions,
                                      size_t count,
                                      int64_t ms,
                                      int64_t *offsets,
                                      struct ts_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, reader->options.topic, partitions[i])->offset = ms;
    }
    rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(reader->client.rk, list, reader->options.timeout_ms);
    bool good = code == RD_KAFKA_RESP_ERR_NO_ERROR || fail(reader, code, -1, err);
    for (size_t i = 0; good && i < count; i++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find(list, reader->options.topic, partitions[i]);
        int64_t low = 0;
        if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            good = fail(reader, found->err, partitions[i], err);
        } else if (found->offset >= 0) {
            offsets[i] = found->offset;
        } else {
            good = ts_kafka_range_reader_watermarks(reader, partitions[i], &low, &offsets[i], err);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return good;
}

/* ---- reading */

static bool
keep_spans(struct ts_kafka_range_reader *reader, const struct ts_kafka_range *ranges, size_t count)
{
    int32_t partitions = 0;
    for (size_t i = 0; i < count; i++) {
        partitions = ranges[i].partition >= partitions ? ranges[i].partition + 1 : partitions;
    }
    free(reader->spans);
    free(reader->by_partition);
    reader->spans = calloc(count + 1, sizeof *reader->spans);
    reader->by_partition = calloc((size_t)partitions + 1, sizeof(struct span *));
    reader->span_count = reader->spans == NULL || reader->by_partition == NULL ? 0 : count;
    reader->partition_count = partitions;
    reader->open = 0;
    return reader->span_count == count;
}

bool ts_kafka_range_reader_start(struct ts_kafka_range_reader *reader,
                                 const struct ts_kafka_range *ranges,
                                 size_t count,
                                 struct ts_error *err)
{
    if (!keep_spans(reader, ranges, count)) {
        return ts_error_no_memory(err);
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count + 1);
    for (size_t i = 0; i < count; i++) {
        struct span *span = &reader->spans[i];
        *span = (struct span){.partition = ranges[i].partition,
                              .to = ranges[i].to,
                              .done = ranges[i].from >= ranges[i].to};
        reader->by_partition[span->partition] = span;
        if (!span->done) {
            rd_kafka_topic_partition_list_add(list, reader->options.topic, span->partition)
                ->offset = ranges[i].from;
            reader->open++;
        }
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(reader->client.rk, NULL);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && list->cnt > 0) {
        code = rd_kafka_assign(reader->client.rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    reader->heard_us = ts_kafka_now_us();
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || fail(reader, code, -1, err);
}

/* Nothing more is wanted of the partition, so nothing should be fetched. */
static void end_span(struct ts_kafka_range_reader *reader, struct span *span)
{
    if (span->done) {
        return;
    }
    span->done = true;
    reader->open--;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, reader->options.topic, span->partition);
    (void)rd_kafka_pause_partitions(reader->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static bool take(struct ts_kafka_range_reader *reader,
                 const rd_kafka_message_t *message,
                 const struct ts_kafka_range_visitor *visitor,
                 struct ts_error *err)
{
    struct span *span = message->partition >= 0 && message->partition < reader->partition_count
                            ? reader->by_partition[message->partition]
                            : NULL;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (span != NULL) {
            end_span(reader, span);
        }
        return true;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ts_kafka_error_class(message->err) == TS_ERROR_RETRY && span == NULL
                   ? true /* of a broker: it connects again by itself */
                   : fail(reader, message->err, message->partition, err);
    }
    if (span == NULL || span->done) {
        return true;
    }
    if (message->offset < span->to) {
        const struct ts_kafka_range_record record = {.partition = message->partition,
                                                     .offset = message->offset,
                                                     .timestamp_ms =
                                                         rd_kafka_message_timestamp(message, NULL),
                                                     .key = {message->key, message->key_len},
                                                     .value = {message->payload, message->len}};
        if (!visitor->record(visitor->self, &record, err)) {
            return false;
        }
    }
    if (message->offset + 1 >= span->to) {
        end_span(reader, span);
    }
    return true;
}

bool ts_kafka_range_reader_read(struct ts_kafka_range_reader *reader,
                                const struct ts_kafka_range_visitor *visitor,
                                bool *done,
                                struct ts_error *err)
{
    bool good = true;
    ssize_t count = 0;
    if (reader->open > 0) {
        count =
            rd_kafka_consume_batch_queue(reader->queue, WAIT_MS, reader->messages, MESSAGES_MAX);
    }
    for (ssize_t i = 0; i < count; i++) {
        good = good && take(reader, reader->messages[i], visitor, err);
        rd_kafka_message_destroy(reader->messages[i]);
    }
    int64_t now_us = ts_kafka_now_us();
    if (count > 0) {
        reader->heard_us = now_us;
    } else if (reader->open > 0 &&
               now_us - reader->heard_us > (int64_t)reader->options.timeout_ms * 1000) {
        good = fail(reader, RD_KAFKA_RESP_ERR__TIMED_OUT, -1, err);
    }
    *done = good && reader->open == 0;
    return good;
}
