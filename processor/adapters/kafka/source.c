/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kafka/source.h"

#include "adapters/kafka/source_state.h"
#include "base/assert.h"
#include "ports/headers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SESSION_TIMEOUT_MS = 15000,
    HEARTBEAT_MS = 3000,
    HEARTBEATS = 5, /* in a short session: a few may be late */
    REQUEST_TIMEOUT_MS = 5000,
    TROUBLE_US = 5 * 1000 * 1000,
    HEADERS_SIZE_MAX = 16 << 20,
    STALE_PER_POLL = 1000, /* messages dropped in one call that must not wait */
    POLLS_PER_COMMIT = 64, /* calls between two looks at the clock */
    STARTING_WAIT_MS = 10,
    COMMIT_WAIT_MS = 200,
};

static bool lane_of_message(const struct ts_kafka_source *source,
                            const rd_kafka_message_t *message,
                            struct ts_lane *id)
{
    for (unsigned i = 0; i < TS_INPUT_COUNT; i++) {
        if (message->rkt != NULL && source->topics[i].rkt == message->rkt) {
            *id = (struct ts_lane){(enum ts_input)i, message->partition};
            return true;
        }
    }
    return false;
}

/* --- Trouble */

void ts_kafka_trouble(struct ts_kafka_source *source, const struct ts_error *err)
{
    if (source->trouble.class == TS_ERROR_FATAL) {
        return;
    }
    if (err->class != TS_ERROR_FATAL) {
        int64_t now_us = ts_kafka_now_us();
        if (source->trouble_us != 0 && now_us - source->trouble_us < TROUBLE_US) {
            return;
        }
        source->trouble_us = now_us;
    }
    source->trouble = *err;
}

/* Errors that concern no topic. A single broker's come and go; all of them away is told, with the
 * last reason, and so is what a person must mend. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct ts_kafka_client *client = opaque;
    struct ts_kafka_source *source = client->owner;
    struct ts_error err;
    switch (code) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        ts_error_set(&err,
                     TS_ERROR_RETRY,
                     0,
                     "no Kafka broker answers (kafka.brokers: %s): %s",
                     client->brokers,
                     source->transport[0] != '\0' ? source->transport : reason);
        break;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        (void)snprintf(source->transport, sizeof source->transport, "%s", reason);
        return;
    default:
        ts_error_set(&err, ts_kafka_error_class((rd_kafka_resp_err_t)code), 0, "Kafka: %s", reason);
        break;
    }
    ts_kafka_trouble(source, &err);
    rd_kafka_yield(rk);
}

/* --- Poll */

/* The other topics are read meanwhile, and this one once it is there and the library has looked
 * again (topic.metadata.refresh.interval.ms, 5 minutes as a rule). */
static void tell_missing_topic(const rd_kafka_message_t *message, struct ts_error *err)
{
    ts_error_set(err,
                 TS_ERROR_RETRY,
                 0,
                 "topic \"%s\" is missing and is not read: `tollstream topics create` makes it",
                 message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "?");
}

/* True when `out` is set. */
static bool take_error(struct ts_kafka_source *source,
                       const rd_kafka_message_t *message,
                       struct ts_source_event *out)
{
    struct ts_lane id;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return false;
    }
    if (lane_of_message(source, message, &id) && id.partition >= 0) {
        if (!ts_kafka_fetch_failed(source, id, message, &out->error)) {
            return false;
        }
        source->failed_lane = id;
        out->type = TS_SOURCE_LANE_ERROR;
        out->lanes = &source->failed_lane;
        out->lane_count = 1;
        return true;
    }
    struct ts_error err;
    ts_error_set(
        &err, ts_kafka_error_class(message->err), 0, "Kafka: %s", rd_kafka_message_errstr(message));
    if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        tell_missing_topic(message, &err);
    }
    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        char text[TS_ERROR_TEXT_MAX];
        (void)rd_kafka_fatal_error(source->client.rk, text, sizeof text);
        ts_error_set(&err, TS_ERROR_FATAL, 0, "Kafka: %s", text);
    }
    ts_kafka_trouble(source, &err);
    return false;
}

static struct ts_bytes view(const void *data, size_t size)
{
    return (struct ts_bytes){data, data != NULL ? size : 0};
}

static struct ts_bytes encode_headers(struct ts_kafka_source *source,
                                      const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return (struct ts_bytes){NULL, 0};
    }
    const char *name;
    const void *value;
    size_t size;
    ts_buffer_clear(&source->headers);
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        ts_headers_append(&source->headers, ts_bytes_of(name), view(value, size));
    }
    if (source->headers.failed) {
        return (struct ts_bytes){NULL, 0};
    }
    return ts_buffer_bytes(&source->headers);
}

/* True when the message is the next of a flowing lane; `out` is set then. */
static bool take_message(struct ts_kafka_source *source,
                         const rd_kafka_message_t *message,
                         struct ts_source_event *out)
{
    struct ts_lane id;
    if (!lane_of_message(source, message, &id)) {
        return false;
    }
    struct ts_kafka_lane *lane = ts_kafka_lane(source, id);
    if (lane == NULL || lane->phase != TS_KAFKA_FLOWING || lane->paused ||
        message->offset < lane->next) {
        return false;
    }
    lane->next = message->offset + 1;
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    out->type = TS_SOURCE_MESSAGE;
    out->message = (struct ts_message){
        .lane = id,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms,
        .key = view(message->key, message->key_len),
        .value = view(message->payload, message->len),
        .headers = encode_headers(source, message),
    };
    return true;
}

/* What librdkafka's callbacks left to be told. */
static bool take_decision(struct ts_kafka_source *source, struct ts_source_event *out)
{
    if (source->trouble.class != TS_ERROR_NONE) {
        out->type = TS_SOURCE_ERROR;
        out->error = source->trouble;
        source->trouble.class = TS_ERROR_NONE;
        return true;
    }
    if (source->decision.type != TS_SOURCE_IDLE) {
        out->type = source->decision.type;
        out->lanes = source->decision.lanes;
        out->lane_count = source->decision.lane_count;
        source->decision.type = TS_SOURCE_IDLE;
        return true;
    }
    return false;
}

static bool take(struct ts_kafka_source *source, struct ts_source_event *out)
{
    const rd_kafka_message_t *message = source->message;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return take_error(source, message, out) || take_decision(source, out);
    }
    if (take_message(source, message, out)) {
        return true;
    }
    ts_kafka_count(&source->stats.stale, 1);
    return false;
}

static void drop_message(struct ts_kafka_source *source)
{
    if (source->message != NULL) {
        rd_kafka_message_destroy(source->message);
        source->message = NULL;
    }
}

static void serve(struct ts_kafka_source *source, bool look)
{
    if (source->starting > 0) {
        ts_kafka_fetch_retry(source);
    }
    if (source->commit_due && (look || ++source->polls % POLLS_PER_COMMIT == 0)) {
        ts_kafka_commit_serve(source, false);
    }
}

/* How long to wait in librdkafka before there is something of ours to do. */
static int slice_ms(const struct ts_kafka_source *source, int64_t left_us)
{
    int64_t most = source->starting > 0 ? STARTING_WAIT_MS
                   : source->commit_due ? COMMIT_WAIT_MS
                                        : left_us / 1000 + 1;
    return (int)(left_us / 1000 + 1 < most ? left_us / 1000 + 1 : most);
}

static void poll_source(void *self, int wait_ms, struct ts_source_event *out)
{
    struct ts_kafka_source *source = self;
    int64_t until_us = 0;
    int slice = 0; /* what is there already is taken without looking at the clock */
    drop_message(source);
    serve(source, false);
    if (take_decision(source, out)) {
        return;
    }
    for (int i = 0; wait_ms > 0 || i < STALE_PER_POLL; i++) {
        source->message = rd_kafka_consumer_poll(source->client.rk, slice);
        bool some = source->message != NULL;
        if (some ? take(source, out) : take_decision(source, out)) {
            return;
        }
        drop_message(source);
        if (wait_ms > 0) {
            int64_t now_us = ts_kafka_now_us();
            until_us = until_us == 0 ? now_us + wait_ms * INT64_C(1000) : until_us;
            if (now_us >= until_us) {
                break;
            }
            serve(source, true);
            slice = slice_ms(source, until_us - now_us);
        } else if (!some) {
            break;
        }
    }
    out->type = TS_SOURCE_IDLE;
}

/* --- The other operations */

static bool start_lane(void *self, struct ts_lane id, int64_t offset, struct ts_error *err)
{
    struct ts_kafka_source *source = self;
    struct ts_kafka_lane *lane = ts_kafka_lane(source, id);
    TS_ASSERT(offset >= 0);
    if (lane == NULL || lane->phase == TS_KAFKA_ABSENT || lane->phase == TS_KAFKA_LEAVING) {
        return ts_error_set(err,
                            TS_ERROR_RETRY,
                            0,
                            "partition %d is not started: the group has taken it away",
                            id.partition);
    }
    lane->next = offset;
    lane->paused = false;
    lane->failed_at = -1;
    ts_kafka_fetch_place(source, id);
    return true;
}

static void pause_lane(void *self, struct ts_lane id)
{
    struct ts_kafka_source *source = self;
    struct ts_kafka_lane *lane = ts_kafka_lane(source, id);
    if (lane == NULL || lane->paused ||
        (lane->phase != TS_KAFKA_FLOWING && lane->phase != TS_KAFKA_STARTING)) {
        return;
    }
    lane->paused = true;
    ts_kafka_fetch_hold(source, id);
}

static void resume_lane(void *self, struct ts_lane id)
{
    struct ts_kafka_source *source = self;
    struct ts_kafka_lane *lane = ts_kafka_lane(source, id);
    if (lane == NULL || !lane->paused) {
        return;
    }
    lane->paused = false;
    if (lane->phase == TS_KAFKA_FLOWING) {
        ts_kafka_fetch_place(source, id);
    }
}

static void release_lanes(void *self, const struct ts_lane *lanes, size_t count)
{
    ts_kafka_group_release(self, lanes, count);
}

static int request_timeout_ms(const struct ts_kafka_source *source)
{
    int given = source->options->request_timeout_ms;
    return given > 0 ? given : REQUEST_TIMEOUT_MS;
}

/* The offset that `logical` (beginning, end) stands for, asked of the partition's leader.
 * rd_kafka_query_watermark_offsets would ask for both, but before 2.3 without a time-out. */
static rd_kafka_resp_err_t
ask_offset(struct ts_kafka_source *source, struct ts_lane id, int64_t logical, int64_t *offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    ts_kafka_lane_add(source, id, logical, list);
    rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(source->client.rk, list, request_timeout_ms(source));
    *offset = list->elems[0].offset;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = list->elems[0].err;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static bool
range_of(void *self, struct ts_lane id, int64_t *low, int64_t *high, struct ts_error *err)
{
    struct ts_kafka_source *source = self;
    rd_kafka_resp_err_t code = ask_offset(source, id, RD_KAFKA_OFFSET_BEGINNING, low);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = ask_offset(source, id, RD_KAFKA_OFFSET_END, high);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ts_kafka_error_set(err,
                                  code,
                                  "range of %s/%d asked of the broker",
                                  source->options->topics[id.input],
                                  id.partition);
    }
    return true;
}

static int64_t high_seen(void *self, struct ts_lane id)
{
    struct ts_kafka_source *source = self;
    int64_t low;
    int64_t high;
    rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(
        source->client.rk, source->options->topics[id.input], id.partition, &low, &high);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : -1;
}

static bool committed(void *self, struct ts_lane id, int64_t *offset, struct ts_error *err)
{
    struct ts_kafka_source *source = self;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    ts_kafka_lane_add(source, id, RD_KAFKA_OFFSET_INVALID, list);
    rd_kafka_resp_err_t code =
        rd_kafka_committed(source->client.rk, list, request_timeout_ms(source));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = list->elems[0].err;
    }
    int64_t found = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ts_kafka_error_set(err,
                                  code,
                                  "committed offset of group %s for %s/%d",
                                  source->options->group,
                                  source->options->topics[id.input],
                                  id.partition);
    }
    *offset = found >= 0 ? found : -1;
    return true;
}

static void commit_lane(void *self, struct ts_lane id, int64_t offset)
{
    ts_kafka_commit_note(self, id, offset);
}

struct ts_source ts_kafka_source_port(struct ts_kafka_source *source)
{
    static const struct ts_source_ops ops = {
        .poll = poll_source,
        .start = start_lane,
        .pause = pause_lane,
        .resume = resume_lane,
        .release = release_lanes,
        .range = range_of,
        .high_seen = high_seen,
        .committed = committed,
        .commit = commit_lane,
    };
    return (struct ts_source){&ops, source};
}

const struct ts_kafka_source_stats *ts_kafka_source_stats(const struct ts_kafka_source *source)
{
    return &source->stats;
}

/* --- Open and close */

static rd_kafka_conf_t *configure(struct ts_kafka_source *source, struct ts_error *err)
{
    const struct ts_kafka_source_options *options = source->options;
    int session_ms =
        options->session_timeout_ms > 0 ? options->session_timeout_ms : SESSION_TIMEOUT_MS;
    int heartbeat_ms =
        session_ms / HEARTBEATS < HEARTBEAT_MS ? session_ms / HEARTBEATS : HEARTBEAT_MS;
    char session_timeout[16];
    char heartbeat[16];
    (void)snprintf(session_timeout, sizeof session_timeout, "%d", session_ms);
    (void)snprintf(heartbeat, sizeof heartbeat, "%d", heartbeat_ms);
    const char *strategy = options->assignment == TS_KAFKA_EAGER ? "range" : "cooperative-sticky";
    const struct ts_kafka_property first[] = {
        {"group.id", options->group},
        {"session.timeout.ms", session_timeout},
        {"heartbeat.interval.ms", heartbeat},
        {"partition.assignment.strategy", strategy},
    };
    const struct ts_kafka_client_setup setup = {
        .role = TS_KAFKA_CONSUMER,
        .connection = &options->connection,
        .first = {first, sizeof first / sizeof *first},
        .own = &options->properties,
        .own_prefix = "kafka.consumer.",
        .owner = source,
    };
    rd_kafka_conf_t *conf = ts_kafka_client_configure(&source->client, &setup, err);
    if (conf != NULL) {
        rd_kafka_conf_set_rebalance_cb(conf, ts_kafka_group_on_rebalance);
        rd_kafka_conf_set_offset_commit_cb(conf, ts_kafka_commit_done);
        rd_kafka_conf_set_error_cb(conf, on_error);
    }
    return conf;
}

static bool subscribe(struct ts_kafka_source *source, struct ts_error *err)
{
    rd_kafka_t *rk = source->client.rk;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(TS_INPUT_COUNT);
    (void)rd_kafka_poll_set_consumer(rk);
    for (size_t i = 0; i < TS_INPUT_COUNT; i++) {
        const char *topic = source->options->topics[i];
        if (topic != NULL) {
            /* Held all the time: messages are told apart by this pointer, and partitions must be
             * known before they are assigned, to be paused first. */
            source->topics[i].rkt = rd_kafka_topic_new(rk, topic, NULL);
            rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
        }
    }
    /* librdkafka before 2.3 aborts in rd_kafka_destroy between the first join and the first
     * assignment, by its sticky assignor. */
    source->client.keep_handle = source->options->assignment == TS_KAFKA_COOPERATIVE;
    rd_kafka_resp_err_t code = rd_kafka_subscribe(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ts_kafka_error_set(err, code, "joining group %s", source->options->group);
    }
    return true;
}

bool ts_kafka_source_open(const struct ts_kafka_source_options *options,
                          struct ts_kafka_source **out,
                          struct ts_error *err)
{
    struct ts_kafka_source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return ts_error_no_memory(err);
    }
    source->options = options;
    ts_buffer_init(&source->headers, HEADERS_SIZE_MAX);
    rd_kafka_conf_t *conf = configure(source, err);
    if (conf == NULL || !ts_kafka_client_open(&source->client, TS_KAFKA_CONSUMER, conf, err)) {
        free(source);
        return false;
    }
    if (!subscribe(source, err)) {
        (void)ts_kafka_source_close(source, 1000);
        return false;
    }
    *out = source;
    return true;
}

bool ts_kafka_source_close(struct ts_kafka_source *source, int timeout_ms)
{
    if (source == NULL) {
        return true;
    }
    drop_message(source);
    ts_kafka_commit_serve(source, true);
    source->closing = true;
    if (source->revoked != NULL) {
        struct ts_lane id = {0, -1};
        while (ts_kafka_lane_next(source, &id) != NULL) {
            ts_kafka_group_release(source, &id, 1);
        }
    }
    for (size_t i = 0; i < TS_INPUT_COUNT; i++) {
        if (source->topics[i].rkt != NULL) {
            rd_kafka_topic_destroy(source->topics[i].rkt);
            source->topics[i].rkt = NULL;
        }
    }
    if (!ts_kafka_client_close(&source->client, timeout_ms)) {
        return false;
    }
    for (size_t i = 0; i < TS_INPUT_COUNT; i++) {
        free(source->topics[i].lanes);
    }
    free(source->decision_lanes);
    ts_buffer_finish(&source->headers);
    free(source);
    return true;
}
