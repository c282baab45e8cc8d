/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a source, shared by source.c (the port), lanes.c, fetch.c (what librdkafka
 * fetches), group.c (what the group decides) and commit.c. */
#ifndef TS_ADAPTERS_KAFKA_SOURCE_STATE_H
#define TS_ADAPTERS_KAFKA_SOURCE_STATE_H

#include "adapters/kafka/client.h"
#include "adapters/kafka/source.h"
#include "base/buffer.h"

/*             group assigns              start()              accepted
 *   ABSENT ────────────────► ASSIGNED ───────────► STARTING ◄──────────► FLOWING
 *      ▲                        ▲                     ▲                     │
 *      │ release()              └──────── start() ────┴── FAILED ◄──────────┘ LANE_ERROR
 *   LEAVING ◄── group revokes (from any)
 */
enum ts_kafka_phase {
    TS_KAFKA_ABSENT,
    TS_KAFKA_ASSIGNED, /* paused in librdkafka */
    TS_KAFKA_STARTING, /* librdkafka has not taken the position yet: tried again by poll */
    TS_KAFKA_FLOWING,  /* the only phase in which messages are handed out */
    TS_KAFKA_FAILED,   /* paused in librdkafka */
    TS_KAFKA_LEAVING,
};

struct ts_kafka_lane {
    enum ts_kafka_phase phase;
    bool paused;  /* the pipeline's wish; kept in librdkafka's flag while flowing */
    int64_t next; /* the first offset not handed out yet, once started */

    int64_t retry_us;   /* STARTING: when to try again */
    int64_t restart_us; /* STARTING: when to make its fetcher anew */
    bool ended;         /* its fetcher has ended, and takes no position any more */
    int64_t failed_at;  /* `next` at its last error: an error there again is a LANE_ERROR */

    int64_t commit; /* the newest watermark */
    bool commit_due;
};

/* The lanes of one topic, indexed by partition. */
struct ts_kafka_topic_lanes {
    rd_kafka_topic_t *rkt; /* NULL: not read */
    struct ts_kafka_lane *lanes;
    int32_t count;
};

struct ts_kafka_source {
    struct ts_kafka_client client;
    const struct ts_kafka_source_options *options;
    struct ts_kafka_topic_lanes topics[TS_INPUT_COUNT];
    size_t starting; /* lanes in that phase */

    struct ts_lane failed_lane;  /* of the last LANE_ERROR */
    rd_kafka_message_t *message; /* the views of the last event point into it */
    struct ts_buffer headers;

    /* A decision of the group, to be handed out by the next poll. */
    struct ts_source_event decision; /* type IDLE: none */
    struct ts_lane *decision_lanes;
    size_t decision_capacity;
    rd_kafka_topic_partition_list_t *revoked; /* until released; NULL: none */
    size_t revoked_left;                      /* lanes not yet released */
    bool closing;                             /* nobody will release: give back at once */

    struct ts_error trouble; /* class NONE: none to tell */
    int64_t trouble_us;      /* of the last one of class RETRY */
    char transport[128];     /* what went wrong with a broker last */

    bool commit_due; /* of some lane */
    bool commit_pending;
    int64_t commit_sent_us;
    unsigned polls;

    struct ts_kafka_source_stats stats;
};

static inline void ts_kafka_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* --- lanes.c */

/* NULL when there is no such lane (yet). */
struct ts_kafka_lane *ts_kafka_lane(struct ts_kafka_source *source, struct ts_lane id);

/* Goes to the next lane that is not ABSENT; NULL after the last. Begin with {0, -1}. */
struct ts_kafka_lane *ts_kafka_lane_next(struct ts_kafka_source *source, struct ts_lane *id);

void ts_kafka_lane_set(struct ts_kafka_source *source,
                       struct ts_kafka_lane *lane,
                       enum ts_kafka_phase phase);

/* A lane's topic and partition, for librdkafka. */
void ts_kafka_lane_add(const struct ts_kafka_source *source,
                       struct ts_lane id,
                       int64_t offset,
                       rd_kafka_topic_partition_list_t *list);

/* The lane of a topic and partition; false for a topic that is not ours. */
bool ts_kafka_lane_id(const struct ts_kafka_source *source,
                      const rd_kafka_topic_partition_t *partition,
                      struct ts_lane *id);

/* --- source.c */

/* Remembers trouble for the next poll; of class RETRY at most one in 5 s. */
void ts_kafka_trouble(struct ts_kafka_source *source, const struct ts_error *err);

/* --- fetch.c */

/* Has a lane fetched from lane->next on, unless it is paused. Phase STARTING or FLOWING after. */
void ts_kafka_fetch_place(struct ts_kafka_source *source, struct ts_lane id);

/* Tries again what librdkafka did not take. */
void ts_kafka_fetch_retry(struct ts_kafka_source *source);

/* Pauses in librdkafka; nothing is fetched, what was is thrown away. */
void ts_kafka_fetch_hold(struct ts_kafka_source *source, struct ts_lane id);

/* Sets every lane that stays to where we believe it is. Called while the group waits for our
 * answer, when librdkafka holds all partitions and changes nothing by itself. */
void ts_kafka_fetch_reassert(struct ts_kafka_source *source);

/* An error that librdkafka reported for a lane. True: LANE_ERROR is to be told, `err` is set. */
bool ts_kafka_fetch_failed(struct ts_kafka_source *source,
                           struct ts_lane id,
                           const rd_kafka_message_t *message,
                           struct ts_error *err);

/* --- group.c */

void ts_kafka_group_on_rebalance(rd_kafka_t *rk,
                                 rd_kafka_resp_err_t code,
                                 rd_kafka_topic_partition_list_t *partitions,
                                 void *opaque);
void ts_kafka_group_release(struct ts_kafka_source *source,
                            const struct ts_lane *lanes,
                            size_t count);
bool ts_kafka_group_cooperative(const struct ts_kafka_source *source);

/* --- commit.c */

void ts_kafka_commit_note(struct ts_kafka_source *source, struct ts_lane id, int64_t offset);

/* Sends what is due, at most every 200 ms and one at a time; at once when `now`. */
void ts_kafka_commit_serve(struct ts_kafka_source *source, bool now);
void ts_kafka_commit_done(rd_kafka_t *rk,
                          rd_kafka_resp_err_t code,
                          rd_kafka_topic_partition_list_t *offsets,
                          void *opaque);

#endif
