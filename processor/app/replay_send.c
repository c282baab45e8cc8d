/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay_send.h"

#include "adapters/avro/command_encode.h"
#include "app/system_clock.h"
#include "base/fault.h"
#include "core/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TEXTS_MAX = 16 << 20,
    UNSETTLED_MAX = 5000, /* adjustments sent and not settled: what a batch or two take */
    CHECK_EVERY = 1000,   /* adjustments, or: */
    CHECK_EVERY_US = 500000,
    LOOK_EVERY_MS = 50,
    LAG_EVERY_MS = 500, /* asks each partition's leader */
};

static int64_t now_us(void)
{
    return ts_system_clock.ops->mono_us(NULL);
}

static void rest(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000L};
    nanosleep(&pause, NULL);
}

/* ---- life */

static struct ts_kafka_range_reader *
open_reader(const struct ts_replay *replay, const char *topic, struct ts_error *err)
{
    const struct ts_kafka_range_reader_options options = {
        .connection = &replay->kafka.connection,
        .consumer = &replay->kafka.consumer,
        .topic = topic,
        .timeout_ms = TS_SERVERS_TIMEOUT_MS,
    };
    return ts_kafka_range_reader_open(&options, err);
}

bool ts_replay_send_open(struct ts_replay_send *send,
                         struct ts_replay *replay,
                         struct ts_error *err)
{
    *send = (struct ts_replay_send){
        .session = replay->session,
        .options = replay->options,
        .store = replay->store,
        .stats = &replay->stats,
        .topic = replay->session->config.kafka.topics.adjustments,
    };
    ts_buffer_init(&send->texts, TEXTS_MAX);
    send->wanted = calloc(TS_REPLAY_PARTITIONS_MAX, sizeof *send->wanted);
    send->writes = calloc(TS_REPLAY_SEND_MAX, sizeof *send->writes);
    if (send->wanted == NULL || send->writes == NULL) {
        return ts_error_no_memory(err);
    }
    send->adjustments = open_reader(replay, send->topic, err);
    send->calls =
        send->adjustments == NULL ? NULL : open_reader(replay, replay->options->topic, err);
    send->writer =
        send->calls == NULL
            ? NULL
            : ts_kafka_writer_open(
                  &replay->kafka.connection, &replay->kafka.producer, TS_SERVERS_TIMEOUT_MS, err);
    return send->writer != NULL;
}

void ts_replay_send_close(struct ts_replay_send *send)
{
    ts_kafka_writer_close(send->writer);
    ts_kafka_range_reader_close(send->adjustments);
    ts_kafka_range_reader_close(send->calls);
    ts_buffer_finish(&send->texts);
    free(send->wanted);
    free(send->writes);
}

/* ---- waiting */

/* How many records of the adjustments topic that must be settled are not. */
static bool count_unsettled(struct ts_replay_send *send, int64_t *out, struct ts_error *err)
{
    struct ts_replay_position *positions = NULL;
    size_t count = 0;
    const char *group = send->session->config.kafka.group;
    if (!ts_replay_store_positions(send->store, group, send->topic, &positions, &count, err)) {
        return false;
    }
    *out = 0;
    size_t known = 0;
    for (size_t partition = 0; partition < send->wanted_count; partition++) {
        while (known < count && (size_t)positions[known].partition < partition) {
            known++;
        }
        bool there = known < count && (size_t)positions[known].partition == partition;
        int64_t next = there ? positions[known].next_offset : 0;
        *out += send->wanted[partition] > next ? send->wanted[partition] - next : 0;
    }
    free(positions);
    ts_replay_stat_set(&send->stats->unsettled, *out);
    return true;
}

static bool wait_until(struct ts_replay_send *send, int64_t most, struct ts_error *err)
{
    int64_t until_us = now_us() + send->options->timeout_ms * 1000;
    int64_t least = INT64_MAX;
    for (;;) {
        int64_t unsettled = 0;
        if (!count_unsettled(send, &unsettled, err)) {
            return false;
        }
        if (unsettled <= most) {
            return true;
        }
        if (unsettled < least) { /* it goes on */
            least = unsettled;
            until_us = now_us() + send->options->timeout_ms * 1000;
        }
        if (now_us() >= until_us) {
            return ts_error_set(err,
                                TS_ERROR_RETRY,
                                0,
                                "%" PRId64 " adjustments on topic \"%s\" are not settled and none "
                                "was in %" PRId64 " s: they will be when a processor runs",
                                unsettled,
                                send->topic,
                                send->options->timeout_ms / 1000);
        }
        rest(LOOK_EVERY_MS);
    }
}

bool ts_replay_send_wait(struct ts_replay_send *send, struct ts_error *err)
{
    return wait_until(send, 0, err);
}

bool ts_replay_send_drain(struct ts_replay_send *send, struct ts_error *err)
{
    int32_t partitions = 0;
    if (!ts_kafka_range_reader_partitions(send->adjustments, &partitions, err)) {
        return ts_error_prefix(err, "`tollstream topics create` makes what is missing");
    }
    for (int32_t i = 0; i < partitions && i < TS_REPLAY_PARTITIONS_MAX; i++) {
        int64_t low = 0;
        if (!ts_kafka_range_reader_watermarks(send->adjustments, i, &low, &send->wanted[i], err)) {
            return false;
        }
        send->wanted[i] = send->wanted[i] > low ? send->wanted[i] : 0;
    }
    send->wanted_count = (size_t)partitions;
    return wait_until(send, 0, err);
}

/* How far the live stream is, in all its partitions, and how far behind. */
struct lag {
    int64_t settled;
    int64_t behind;
};

static bool measure_lag(struct ts_replay_send *send, struct lag *out, struct ts_error *err)
{
    struct ts_replay_position *positions = NULL;
    size_t count = 0;
    const char *group = send->session->config.kafka.group;
    const char *topic = send->options->topic;
    bool good = ts_replay_store_positions(send->store, group, topic, &positions, &count, err);
    *out = (struct lag){0};
    for (size_t i = 0; good && i < count; i++) {
        int64_t low = 0;
        int64_t high = 0;
        int64_t next = positions[i].next_offset;
        good =
            ts_kafka_range_reader_watermarks(send->calls, positions[i].partition, &low, &high, err);
        out->settled += next;
        out->behind += high > next ? high - next : 0;
    }
    free(positions);
    ts_replay_stat_set(&send->stats->lag, out->behind);
    return good;
}

/* However far behind it is, the live stream goes first for as long as it goes on. */
bool ts_replay_send_yield(struct ts_replay_send *send, struct ts_error *err)
{
    struct lag lag;
    if (now_us() - send->checked_us < CHECK_EVERY_US) {
        return true;
    }
    int64_t until_us = now_us() + send->options->timeout_ms * 1000;
    int64_t settled = -1;
    while (measure_lag(send, &lag, err)) {
        if (lag.behind <= send->options->max_lag) {
            send->checked_us = now_us();
            return true;
        }
        if (lag.settled != settled) {
            settled = lag.settled;
            until_us = now_us() + send->options->timeout_ms * 1000;
        }
        if (now_us() >= until_us) {
            return ts_error_set(err,
                                TS_ERROR_RETRY,
                                0,
                                "topic \"%s\" has %" PRId64 " records that are not settled, more "
                                "than --max-lag %" PRId64 ", and none was in %" PRId64
                                " s: does a processor run?",
                                send->options->topic,
                                lag.behind,
                                send->options->max_lag,
                                send->options->timeout_ms / 1000);
        }
        rest(LAG_EVERY_MS);
    }
    return false;
}

/* ---- sending */

bool ts_replay_send_flush(struct ts_replay_send *send, struct ts_error *err)
{
    struct ts_kafka_write *writes = send->writes;
    struct ts_bytes texts = ts_buffer_bytes(&send->texts);
    if (send->count == 0) {
        return true;
    }
    for (size_t i = 0; i < send->count; i++) {
        writes[i] = (struct ts_kafka_write){
            .topic = send->topic,
            .key = {texts.data + send->records[i].key, send->records[i].key_size},
            .value = {texts.data + send->records[i].value, send->records[i].value_size}};
    }
    ts_fault_point("before_adjustments");
    if (!ts_kafka_writer_write(send->writer, writes, send->count, err)) {
        return ts_error_prefix(err, "topic \"%s\"", send->topic);
    }
    ts_fault_point("after_adjustments");
    for (size_t i = 0; i < send->count; i++) {
        size_t partition = (size_t)writes[i].partition;
        if (partition < TS_REPLAY_PARTITIONS_MAX) {
            send->wanted_count =
                partition >= send->wanted_count ? partition + 1 : send->wanted_count;
            if (writes[i].offset + 1 > send->wanted[partition]) {
                send->wanted[partition] = writes[i].offset + 1;
            }
        }
    }
    send->sent += (int64_t)send->count;
    ts_replay_stat_set(&send->stats->sent, send->sent);
    send->count = 0;
    ts_buffer_clear(&send->texts);
    if (send->sent - send->checked_at < CHECK_EVERY) {
        return true;
    }
    send->checked_at = send->sent;
    return wait_until(send, UNSETTLED_MAX, err) && ts_replay_send_yield(send, err);
}

bool ts_replay_send_add(struct ts_replay_send *send,
                        struct ts_bytes account_id,
                        const struct ts_adjustment *adjustment,
                        struct ts_error *err)
{
    const struct ts_replay_generation *generation = send->generation;
    char id[TS_COMMAND_ID_MAX + 1];
    int size = snprintf(id,
                        sizeof id,
                        "%s/%016" PRIx64 "-%" PRId64,
                        generation->name,
                        adjustment->identity_hash,
                        adjustment->start_ms);
    struct ts_command command = {
        .type = TS_COMMAND_ADJUSTMENT,
        .command_id = {id, (size_t)size},
        .account_id = account_id,
        .issued_by = ts_bytes_of(generation->operator_name),
        .note = ts_bytes_of(generation->reason),
        .body.adjustment = *adjustment,
    };
    command.body.adjustment.generation = generation->generation;
    send->records[send->count].key = send->texts.size;
    send->records[send->count].key_size = account_id.size;
    ts_buffer_append_bytes(&send->texts, account_id);
    send->records[send->count].value = send->texts.size;
    ts_avro_command_encode(&command, &send->texts);
    send->records[send->count].value_size = send->texts.size - send->records[send->count].value;
    if (send->texts.failed) {
        return ts_error_no_memory(err);
    }
    return ++send->count < TS_REPLAY_SEND_MAX || ts_replay_send_flush(send, err);
}
