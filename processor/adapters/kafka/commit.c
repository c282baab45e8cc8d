/* SPDX-License-Identifier: Apache-2.0 */
/* Commits of the publish watermark: coalesced per lane, one request at a time. A commit that fails
 * is due again while the lane is ours; the coordinator may be away. */
#include "adapters/kafka/source_state.h"

enum {
    INTERVAL_US = 200 * 1000,
    ANSWER_US_MAX = 30 * 1000 * 1000, /* librdkafka gives up earlier; never wait for ever */
};

void ts_kafka_commit_note(struct ts_kafka_source *source, struct ts_lane id, int64_t offset)
{
    struct ts_kafka_lane *lane = ts_kafka_lane(source, id);
    if (lane != NULL && lane->phase != TS_KAFKA_ABSENT) {
        lane->commit = offset;
        lane->commit_due = true;
        source->commit_due = true;
    }
}

static rd_kafka_topic_partition_list_t *collect(struct ts_kafka_source *source)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    struct ts_lane id = {0, -1};
    struct ts_kafka_lane *lane;
    while ((lane = ts_kafka_lane_next(source, &id)) != NULL) {
        if (lane->commit_due) {
            ts_kafka_lane_add(source, id, lane->commit, list);
            lane->commit_due = false;
        }
    }
    return list;
}

void ts_kafka_commit_serve(struct ts_kafka_source *source, bool now)
{
    if (!source->commit_due) {
        return;
    }
    int64_t now_us = ts_kafka_now_us();
    int64_t wait_us = source->commit_pending ? ANSWER_US_MAX : INTERVAL_US;
    if (!now && now_us - source->commit_sent_us < wait_us) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = collect(source);
    source->commit_due = false;
    if (list->cnt > 0) {
        source->commit_sent_us = now_us;
        rd_kafka_resp_err_t code = rd_kafka_commit(source->client.rk, list, 1);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            source->commit_pending = true;
        } else {
            ts_kafka_commit_done(source->client.rk, code, list, &source->client);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void ts_kafka_commit_done(rd_kafka_t *rk,
                          rd_kafka_resp_err_t code,
                          rd_kafka_topic_partition_list_t *offsets,
                          void *opaque)
{
    (void)rk;
    struct ts_kafka_client *client = opaque;
    struct ts_kafka_source *source = client->owner;
    source->commit_pending = false;
    ts_kafka_count(code == RD_KAFKA_RESP_ERR_NO_ERROR ? &source->stats.commits
                                                      : &source->stats.commit_errors,
                   1);
    for (int i = 0; offsets != NULL && i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *partition = &offsets->elems[i];
        struct ts_lane id;
        struct ts_kafka_lane *lane = NULL;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR && partition->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            continue;
        }
        if (ts_kafka_lane_id(source, partition, &id)) {
            lane = ts_kafka_lane(source, id);
        }
        if (lane != NULL && lane->phase != TS_KAFKA_ABSENT && lane->phase != TS_KAFKA_LEAVING) {
            lane->commit_due = true; /* with the newest watermark */
            source->commit_due = true;
        }
    }
}
