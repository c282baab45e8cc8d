/* SPDX-License-Identifier: Apache-2.0 */
/* Adjustments on their way: put on their topic, no faster than the processors settle them and the
 * live stream allows, and waited for. */
#ifndef TS_APP_REPLAY_SEND_H
#define TS_APP_REPLAY_SEND_H

#include "adapters/kafka/range_reader.h"
#include "adapters/kafka/writer.h"
#include "adapters/postgres/replay_store.h"
#include "app/replay.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_REPLAY_SEND_MAX = 500 };

struct ts_replay_send {
    struct ts_session *session;
    const struct ts_replay_options *options;
    struct ts_replay_store *store;
    struct ts_replay_stats *stats;
    const struct ts_replay_generation *generation;
    const char *topic;
    struct ts_kafka_writer *writer;
    struct ts_kafka_range_reader *adjustments; /* asked for watermarks only, like: */
    struct ts_kafka_range_reader *calls;

    struct ts_buffer texts; /* of the records not written yet */
    struct {
        size_t key;
        size_t key_size;
        size_t value;
        size_t value_size;
    } records[TS_REPLAY_SEND_MAX];
    size_t count;
    struct ts_kafka_write *writes; /* as many */

    int64_t *wanted; /* by partition: behind the last that must be settled */
    size_t wanted_count;
    int64_t sent;
    int64_t checked_us; /* when the live stream was looked at */
    int64_t checked_at; /* how many were sent then */
};

/* Close it in either case; `generation` is set before the first add. */
bool ts_replay_send_open(struct ts_replay_send *send,
                         struct ts_replay *replay,
                         struct ts_error *err);
void ts_replay_send_close(struct ts_replay_send *send);

/* Waits until everything that is on the topic by now is settled. */
bool ts_replay_send_drain(struct ts_replay_send *send, struct ts_error *err);

/* Of the generation set; the views need live only during the call. */
bool ts_replay_send_add(struct ts_replay_send *send,
                        struct ts_bytes account_id,
                        const struct ts_adjustment *adjustment,
                        struct ts_error *err);

/* All that were added are on the topic. */
bool ts_replay_send_flush(struct ts_replay_send *send, struct ts_error *err);

/* Waits while the live stream is behind. Class RETRY: it is, and does not go on. */
bool ts_replay_send_yield(struct ts_replay_send *send, struct ts_error *err);

/* Waits until all that were sent are settled. Class RETRY: not in time. */
bool ts_replay_send_wait(struct ts_replay_send *send, struct ts_error *err);

#endif
