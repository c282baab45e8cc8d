/* SPDX-License-Identifier: Apache-2.0 */
/* What librdkafka fetches for a lane, and from where. Each way into FLOWING seeks to the exact
 * offset that is to be handed out next; so messages may be dropped at any other time, and positions
 * that librdkafka 2.0 loses or rewinds around pauses and rebalances do no harm.
 *
 * A seek bumps librdkafka's version of the partition: what was fetched before is never handed out.
 * It is answered, unlike pause and resume, which can get lost (unnoticed) when a rebalance begins
 * at that moment; ts_kafka_fetch_reassert sets that right before the rebalance ends. */
#include "adapters/kafka/source_state.h"

enum {
    SEEK_TIMEOUT_MS = 1000, /* it takes some 50 us: the answer comes from a thread of ours */
    RETRY_US = 10 * 1000,
    REFETCH_US = 100 * 1000,
    RESTART_US = 1000 * 1000,
};

static rd_kafka_topic_partition_list_t *
list_of(const struct ts_kafka_source *source, struct ts_lane id, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    ts_kafka_lane_add(source, id, offset, list);
    return list;
}

static rd_kafka_resp_err_t seek(struct ts_kafka_source *source, struct ts_lane id, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = list_of(source, id, offset);
    rd_kafka_error_t *error = rd_kafka_seek_partitions(source->client.rk, list, SEEK_TIMEOUT_MS);
    rd_kafka_resp_err_t code = error != NULL ? rd_kafka_error_code(error) : list->elems[0].err;
    rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static void set_paused(struct ts_kafka_source *source, struct ts_lane id, bool paused)
{
    rd_kafka_topic_partition_list_t *list = list_of(source, id, RD_KAFKA_OFFSET_INVALID);
    (void)(paused ? rd_kafka_pause_partitions : rd_kafka_resume_partitions)(source->client.rk,
                                                                            list);
    rd_kafka_topic_partition_list_destroy(list);
}

void ts_kafka_fetch_hold(struct ts_kafka_source *source, struct ts_lane id)
{
    set_paused(source, id, true);
}

/* An eager group knows whole assignments only: every lane again, each from where it is. */
static rd_kafka_error_t *assign_all(struct ts_kafka_source *source)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    struct ts_lane id = {0, -1};
    struct ts_kafka_lane *lane;
    while ((lane = ts_kafka_lane_next(source, &id)) != NULL) {
        bool started = lane->phase == TS_KAFKA_FLOWING || lane->phase == TS_KAFKA_STARTING;
        ts_kafka_lane_add(source, id, started ? lane->next : 0, list);
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(source->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? NULL
               : rd_kafka_error_new(code, "%s", rd_kafka_err2str(code));
}

/* Makes a lane's fetcher anew: after an offset out of range librdkafka has ended it, and a seek is
 * refused for ever. The group does not notice. */
static void restart(struct ts_kafka_source *source, struct ts_lane id, struct ts_kafka_lane *lane)
{
    rd_kafka_error_t *error = NULL;
    if (ts_kafka_group_cooperative(source)) {
        rd_kafka_topic_partition_list_t *list = list_of(source, id, lane->next);
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(source->client.rk, list));
        error = rd_kafka_incremental_assign(source->client.rk, list);
        rd_kafka_topic_partition_list_destroy(list);
    } else {
        error = assign_all(source);
    }
    ts_kafka_count(&source->stats.reassignments, 1);
    lane->ended = false;
    lane->restart_us = ts_kafka_now_us() + RESTART_US;
    if (error != NULL) {
        struct ts_error err;
        ts_error_set(&err,
                     TS_ERROR_RETRY,
                     0,
                     "partition %d could not be assigned again: %s",
                     id.partition,
                     rd_kafka_error_string(error));
        ts_kafka_trouble(source, &err);
        rd_kafka_error_destroy(error);
    }
}

void ts_kafka_fetch_place(struct ts_kafka_source *source, struct ts_lane id)
{
    struct ts_kafka_lane *lane = ts_kafka_lane(source, id);
    int64_t now_us = ts_kafka_now_us();
    bool due = lane->ended || (lane->phase == TS_KAFKA_STARTING && now_us >= lane->restart_us);
    if (due && source->revoked == NULL) {
        restart(source, id, lane);
    }
    if (seek(source, id, lane->next) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        set_paused(source, id, lane->paused); /* a resume begins at the position just set */
        ts_kafka_lane_set(source, lane, TS_KAFKA_FLOWING);
        return;
    }
    /* Not assigned yet in full (a rebalance goes on), or overtaken by one. */
    if (lane->phase != TS_KAFKA_STARTING) {
        lane->restart_us = now_us + RESTART_US;
        ts_kafka_lane_set(source, lane, TS_KAFKA_STARTING);
    }
    lane->retry_us = now_us + RETRY_US;
}

void ts_kafka_fetch_retry(struct ts_kafka_source *source)
{
    int64_t now_us = ts_kafka_now_us();
    struct ts_lane id = {0, -1};
    struct ts_kafka_lane *lane;
    while ((lane = ts_kafka_lane_next(source, &id)) != NULL) {
        if (lane->phase == TS_KAFKA_STARTING && now_us >= lane->retry_us) {
            ts_kafka_fetch_place(source, id);
        }
    }
}

void ts_kafka_fetch_reassert(struct ts_kafka_source *source)
{
    struct ts_lane id = {0, -1};
    struct ts_kafka_lane *lane;
    while ((lane = ts_kafka_lane_next(source, &id)) != NULL) {
        if (lane->phase == TS_KAFKA_FLOWING) {
            ts_kafka_fetch_place(source, id);
        } else if (lane->phase == TS_KAFKA_ASSIGNED || lane->phase == TS_KAFKA_FAILED) {
            ts_kafka_fetch_hold(source, id);
        }
    }
}

static bool is_gone(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

/* librdkafka goes on by itself after these, and skips nothing. */
static bool is_passing(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return true;
    default:
        return false;
    }
}

/* Everything else is about the data: out of range, damaged, unreadable. librdkafka steps over a
 * damaged batch; we do not. It may have been damaged on its way, and an error may be left from
 * before a seek: the lane is fetched again from where it is, and fails if that fails. */
bool ts_kafka_fetch_failed(struct ts_kafka_source *source,
                           struct ts_lane id,
                           const rd_kafka_message_t *message,
                           struct ts_error *err)
{
    struct ts_kafka_lane *lane = ts_kafka_lane(source, id);
    const char *topic = source->options->topics[id.input];
    if (lane == NULL || lane->phase != TS_KAFKA_FLOWING) {
        return false;
    }
    if (is_passing(message->err)) {
        ts_kafka_error_set(err, message->err, "%s/%d", topic, id.partition);
        ts_kafka_trouble(source, err);
        return false;
    }
    lane->ended = message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
    if (!is_gone(message->err) && lane->failed_at != lane->next) {
        lane->failed_at = lane->next;
        lane->retry_us = ts_kafka_now_us() + (lane->ended ? 0 : REFETCH_US);
        lane->restart_us = lane->retry_us + RESTART_US;
        ts_kafka_lane_set(source, lane, TS_KAFKA_STARTING);
        ts_kafka_count(&source->stats.refetches, 1);
        return false;
    }
    ts_kafka_lane_set(source, lane, TS_KAFKA_FAILED);
    ts_kafka_fetch_hold(source, id);
    ts_error_set(err,
                 TS_ERROR_FATAL,
                 0,
                 "%s/%d cannot be read at offset %lld: %s",
                 topic,
                 id.partition,
                 (long long)lane->next,
                 rd_kafka_message_errstr(message));
    return true;
}
