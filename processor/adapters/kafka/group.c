/* SPDX-License-Identifier: Apache-2.0 */
/* What the group decides. librdkafka 2.0 lets the answer to a decision wait (the member stays in
 * the group by its heartbeats, all its partitions are held), but while it waits so does the group.
 * So an assignment is answered at once, with every new partition paused and at an offset that is
 * never fetched; only a revocation waits, for release().
 *
 * The new partitions get an absolute offset: with a logical one (end, stored) librdkafka asks a
 * broker, and when a seek overtakes the reply it would go back to that logical offset. */
#include "adapters/kafka/source_state.h"

#include <stdlib.h>
#include <string.h>

bool ts_kafka_group_cooperative(const struct ts_kafka_source *source)
{
    const char *protocol = rd_kafka_rebalance_protocol(source->client.rk);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void tell_fatal(struct ts_kafka_source *source, const char *what, rd_kafka_error_t *error)
{
    struct ts_error err;
    ts_error_set(&err,
                 TS_ERROR_FATAL,
                 0,
                 "Kafka group %s: %s: %s",
                 source->options->group,
                 what,
                 rd_kafka_error_string(error));
    ts_kafka_trouble(source, &err);
    rd_kafka_error_destroy(error);
}

static rd_kafka_error_t *from_code(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? NULL
               : rd_kafka_error_new(code, "%s", rd_kafka_err2str(code));
}

/* --- Assigned */

/* The lane of a partition, made when new. NULL: not ours, or out of memory. */
static struct ts_kafka_lane *make_lane(struct ts_kafka_source *source, struct ts_lane id)
{
    struct ts_kafka_topic_lanes *topic = &source->topics[id.input];
    if (id.partition >= topic->count) {
        int32_t count = id.partition + 8;
        struct ts_kafka_lane *lanes = realloc(topic->lanes, (size_t)count * sizeof *lanes);
        if (lanes == NULL) {
            return NULL;
        }
        memset(lanes + topic->count, 0, (size_t)(count - topic->count) * sizeof *lanes);
        topic->lanes = lanes;
        topic->count = count;
    }
    return &topic->lanes[id.partition];
}

static bool reserve_decision(struct ts_kafka_source *source, size_t count)
{
    if (count <= source->decision_capacity) {
        return true;
    }
    struct ts_lane *lanes = realloc(source->decision_lanes, count * sizeof *lanes);
    if (lanes == NULL) {
        return false;
    }
    source->decision_lanes = lanes;
    source->decision_capacity = count;
    return true;
}

static void decide(struct ts_kafka_source *source, enum ts_source_event_type type, size_t count)
{
    source->decision = (struct ts_source_event){
        .type = count > 0 ? type : TS_SOURCE_IDLE,
        .lanes = source->decision_lanes,
        .lane_count = count,
    };
}

/* Paused before it is assigned, so that not even one fetch goes out; a partition that librdkafka
 * has no metadata of cannot be paused, but not be fetched either, and is paused afterwards. */
static rd_kafka_error_t *take_over(struct ts_kafka_source *source,
                                   rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_t *rk = source->client.rk;
    (void)rd_kafka_pause_partitions(rk, partitions);
    bool again = false;
    for (int i = 0; i < partitions->cnt; i++) {
        again = again || partitions->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR;
        partitions->elems[i].offset = 0;
    }
    rd_kafka_error_t *error = ts_kafka_group_cooperative(source)
                                  ? rd_kafka_incremental_assign(rk, partitions)
                                  : from_code(rd_kafka_assign(rk, partitions));
    if (error == NULL && again) {
        (void)rd_kafka_pause_partitions(rk, partitions);
    }
    return error;
}

static void assigned(struct ts_kafka_source *source, rd_kafka_topic_partition_list_t *partitions)
{
    size_t count = 0;
    bool room = reserve_decision(source, (size_t)partitions->cnt);
    for (int i = 0; room && i < partitions->cnt; i++) {
        struct ts_lane id;
        struct ts_kafka_lane *lane = NULL;
        if (!ts_kafka_lane_id(source, &partitions->elems[i], &id)) {
            continue;
        }
        lane = make_lane(source, id);
        room = lane != NULL;
        if (room) {
            ts_kafka_lane_set(source, lane, TS_KAFKA_ABSENT);
            *lane = (struct ts_kafka_lane){.phase = TS_KAFKA_ASSIGNED, .failed_at = -1};
            source->decision_lanes[count++] = id;
        }
    }
    ts_kafka_fetch_reassert(source);
    rd_kafka_error_t *error = take_over(source, partitions);
    if (error != NULL) {
        tell_fatal(source, "the assignment was not taken", error);
    } else if (!room) {
        struct ts_error err;
        ts_error_no_memory(&err);
        ts_kafka_trouble(source, &err);
    }
    decide(source, TS_SOURCE_ASSIGNED, count);
}

/* --- Revoked */

static void give_back(struct ts_kafka_source *source, rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_t *rk = source->client.rk;
    rd_kafka_error_t *error = ts_kafka_group_cooperative(source)
                                  ? rd_kafka_incremental_unassign(rk, partitions)
                                  : from_code(rd_kafka_assign(rk, NULL));
    if (error != NULL) {
        tell_fatal(source, "partitions were not given back", error);
    }
}

static void revoked(struct ts_kafka_source *source, rd_kafka_topic_partition_list_t *partitions)
{
    bool lost = rd_kafka_assignment_lost(source->client.rk) != 0;
    size_t count = 0;
    bool room = reserve_decision(source, (size_t)partitions->cnt);
    for (int i = 0; room && i < partitions->cnt; i++) {
        struct ts_lane id;
        struct ts_kafka_lane *lane = NULL;
        if (ts_kafka_lane_id(source, &partitions->elems[i], &id)) {
            lane = ts_kafka_lane(source, id);
        }
        if (lane != NULL && lane->phase != TS_KAFKA_ABSENT) {
            ts_kafka_lane_set(source, lane, TS_KAFKA_LEAVING);
            lane->commit_due = lane->commit_due && !lost;
            source->decision_lanes[count++] = id;
        }
    }
    ts_kafka_fetch_reassert(source);
    if (count == 0 || source->closing) {
        give_back(source, partitions);
        return;
    }
    source->revoked = rd_kafka_topic_partition_list_copy(partitions);
    source->revoked_left = count;
    decide(source, lost ? TS_SOURCE_LOST : TS_SOURCE_REVOKED, count);
}

void ts_kafka_group_release(struct ts_kafka_source *source,
                            const struct ts_lane *lanes,
                            size_t count)
{
    ts_kafka_commit_serve(source, true); /* while they are ours */
    for (size_t i = 0; i < count; i++) {
        struct ts_kafka_lane *lane = ts_kafka_lane(source, lanes[i]);
        if (lane != NULL && lane->phase == TS_KAFKA_LEAVING) {
            ts_kafka_lane_set(source, lane, TS_KAFKA_ABSENT);
            lane->commit_due = false;
            source->revoked_left--;
        }
    }
    if (source->revoked != NULL && source->revoked_left == 0) {
        give_back(source, source->revoked);
        rd_kafka_topic_partition_list_destroy(source->revoked);
        source->revoked = NULL;
    }
}

/* Runs inside rd_kafka_consumer_poll, or inside the closing of the client. The yield makes poll
 * return, so that a decision is handed out before anything that follows it. */
void ts_kafka_group_on_rebalance(rd_kafka_t *rk,
                                 rd_kafka_resp_err_t code,
                                 rd_kafka_topic_partition_list_t *partitions,
                                 void *opaque)
{
    struct ts_kafka_client *client = opaque;
    struct ts_kafka_source *source = client->owner;
    ts_kafka_count(&source->stats.rebalances, 1);
    client->keep_handle = false;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        assigned(source, partitions);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        revoked(source, partitions);
    } else {
        tell_fatal(source, "rebalance", from_code(code));
        give_back(source, partitions);
    }
    rd_kafka_yield(rk);
}
