/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay.h"
#include "base/assert.h"
#include "pipeline/batch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is known of the partitions of the topic. */
struct looking {
    const struct ts_replay *replay;
    struct ts_kafka_range_reader *reader;
    struct ts_replay_position *positions;
    size_t position_count;
    int32_t *partitions;
    size_t partition_count;
    struct ts_kafka_range *tails; /* the last record of each that was settled */
    size_t tail_count;
};

static const struct ts_replay_position *position_of(const struct looking *looking,
                                                    int32_t partition)
{
    for (size_t i = 0; i < looking->position_count; i++) {
        if (looking->positions[i].partition == partition) {
            return &looking->positions[i];
        }
    }
    return NULL;
}

static struct ts_kafka_range_reader *open_reader(const struct ts_replay *replay,
                                                 struct ts_error *err)
{
    const struct ts_kafka_range_reader_options options = {
        .connection = &replay->kafka.connection,
        .consumer = &replay->kafka.consumer,
        .topic = replay->options->topic,
        .timeout_ms = TS_SERVERS_TIMEOUT_MS,
    };
    return ts_kafka_range_reader_open(&options, err);
}

/* ---- is it the topic that was settled? */

static bool
compare_tail(void *self, const struct ts_kafka_range_record *record, struct ts_error *err)
{
    const struct looking *looking = self;
    const struct ts_replay_position *position = position_of(looking, record->partition);
    uint64_t hash = ts_record_tail_hash(record->key, record->value, record->timestamp_ms);
    return hash == position->tail_hash ||
           ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "partition %" PRId32 " of topic \"%s\": the record at offset %" PRId64
                        " is not the one that was settled: the topic was recreated or truncated",
                        record->partition,
                        looking->replay->options->topic,
                        record->offset);
}

static bool compare_tails(struct looking *looking, struct ts_error *err)
{
    const struct ts_kafka_range_visitor visitor = {.record = compare_tail, .self = looking};
    bool done = false;
    if (!ts_kafka_range_reader_start(looking->reader, looking->tails, looking->tail_count, err)) {
        return false;
    }
    while (!done) {
        if (!ts_kafka_range_reader_read(looking->reader, &visitor, &done, err)) {
            return false;
        }
    }
    return true;
}

/* ---- one partition */

static bool refuse_truncated(const struct looking *looking,
                             int32_t partition,
                             int64_t low,
                             const char *what,
                             struct ts_error *err)
{
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "partition %" PRId32 " of topic \"%s\" begins at offset %" PRId64
                        ", %s: part of the range is gone by retention. Ask for a later --from, or "
                        "replay what is left with --allow-truncated",
                        partition,
                        looking->replay->options->topic,
                        low,
                        what);
}

/* The offset that a bound stands for in a partition. */
static bool place_bound(struct looking *looking,
                        const struct ts_replay_bound *bound,
                        int32_t partition,
                        int64_t low,
                        int64_t *offset,
                        struct ts_error *err)
{
    switch (bound->type) {
    case TS_BOUND_BEGINNING:
        *offset = low;
        return true;
    case TS_BOUND_END:
        *offset = INT64_MAX;
        return true;
    case TS_BOUND_OFFSET:
        *offset = bound->value;
        return true;
    case TS_BOUND_TIME:
        break;
    }
    return ts_kafka_range_reader_offsets_at(
        looking->reader, &partition, 1, bound->value, offset, err);
}

static bool is_cut(const struct looking *looking,
                   const struct ts_replay_position *position,
                   int64_t from,
                   int64_t low)
{
    const struct ts_replay_options *options = looking->replay->options;
    if (options->allow_truncated || options->from.type == TS_BOUND_BEGINNING) {
        return false;
    }
    /* By time: nothing tells whether what went before the first record was of the range. */
    return from < low ||
           (options->from.type == TS_BOUND_TIME && from == low && low > position->first_offset);
}

static bool resolve_one(struct looking *looking,
                        const struct ts_replay_position *position,
                        struct ts_replay_range *out,
                        struct ts_error *err)
{
    const struct ts_replay_options *options = looking->replay->options;
    int32_t partition = position->partition;
    int64_t low = 0;
    int64_t high = 0;
    int64_t from = 0;
    int64_t to = 0;
    if (!ts_kafka_range_reader_watermarks(looking->reader, partition, &low, &high, err) ||
        !place_bound(looking, &options->from, partition, low, &from, err) ||
        !place_bound(looking, &options->to, partition, low, &to, err)) {
        return false;
    }
    if (high < position->next_offset) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "partition %" PRId32 " of topic \"%s\" ends at offset %" PRId64
                            " but is settled up to %" PRId64 ": the topic was recreated or "
                            "truncated",
                            partition,
                            options->topic,
                            high,
                            position->next_offset);
    }
    if (is_cut(looking, position, from, low)) {
        return refuse_truncated(looking, partition, low, "after the beginning asked for", err);
    }
    to = to > position->next_offset ? position->next_offset : to;
    from = from < low ? low : from;
    from = from > to ? to : from;
    *out = (struct ts_replay_range){.partition = partition, .from = from, .to = to, .next = from};
    if (position->has_tail && position->next_offset > low) {
        looking->tails[looking->tail_count++] =
            (struct ts_kafka_range){partition, position->next_offset - 1, position->next_offset};
    }
    return true;
}

/* ---- all of them */

static bool choose_partitions(struct looking *looking, struct ts_error *err)
{
    const struct ts_replay_options *options = looking->replay->options;
    int32_t count = 0;
    if (!ts_kafka_range_reader_partitions(looking->reader, &count, err)) {
        return false;
    }
    looking->partitions =
        calloc((size_t)count + options->partition_count + 1, sizeof *looking->partitions);
    looking->tails = calloc((size_t)count + options->partition_count + 1, sizeof *looking->tails);
    if (looking->partitions == NULL || looking->tails == NULL) {
        return ts_error_no_memory(err);
    }
    if (options->partitions == NULL) {
        for (int32_t i = 0; i < count; i++) {
            looking->partitions[looking->partition_count++] = i;
        }
    }
    TS_ASSERT(options->partitions != NULL || options->partition_count == 0);
    for (size_t i = 0; i < options->partition_count; i++) {
        if (options->partitions[i] >= count) {
            return ts_error_set(err,
                                TS_ERROR_REJECT,
                                0,
                                "topic \"%s\" has no partition %" PRId32 ", only 0 to %" PRId32,
                                options->topic,
                                options->partitions[i],
                                count - 1);
        }
        looking->partitions[looking->partition_count++] = options->partitions[i];
    }
    return ts_kafka_range_reader_check_leaders(
        looking->reader, looking->partitions, looking->partition_count, err);
}

static bool resolve_all(struct ts_replay *replay, struct looking *looking, struct ts_error *err)
{
    replay->ranges = calloc(looking->partition_count + 1, sizeof *replay->ranges);
    if (replay->ranges == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < looking->partition_count; i++) {
        const struct ts_replay_position *position = position_of(looking, looking->partitions[i]);
        if (position != NULL &&
            !resolve_one(looking, position, &replay->ranges[replay->range_count++], err)) {
            return false;
        }
    }
    return compare_tails(looking, err);
}

static bool look(struct ts_replay *replay, struct looking *looking, struct ts_error *err)
{
    const char *group = replay->session->config.kafka.group;
    looking->reader = open_reader(replay, err);
    if (looking->reader == NULL || !ts_replay_store_positions(replay->store,
                                                              group,
                                                              replay->options->topic,
                                                              &looking->positions,
                                                              &looking->position_count,
                                                              err)) {
        return false;
    }
    if (looking->position_count == 0) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "group \"%s\" has settled nothing of topic \"%s\": there is nothing to "
                            "compare with",
                            group,
                            replay->options->topic);
    }
    return choose_partitions(looking, err);
}

static void finish(struct looking *looking)
{
    ts_kafka_range_reader_close(looking->reader);
    free(looking->positions);
    free(looking->partitions);
    free(looking->tails);
}

bool ts_replay_resolve(struct ts_replay *replay, struct ts_error *err)
{
    struct looking looking = {.replay = replay};
    bool good = look(replay, &looking, err) && resolve_all(replay, &looking, err);
    finish(&looking);
    return good;
}

/* ---- again, before a replay goes on */

static bool check_all(struct ts_replay *replay, struct looking *looking, struct ts_error *err)
{
    for (size_t i = 0; i < replay->range_count; i++) {
        const struct ts_replay_range *range = &replay->ranges[i];
        const struct ts_replay_position *position = position_of(looking, range->partition);
        struct ts_replay_range ignored;
        int64_t low = 0;
        int64_t high = 0;
        if (position == NULL || position->next_offset < range->to) {
            return ts_error_set(err,
                                TS_ERROR_REJECT,
                                0,
                                "partition %" PRId32
                                " of topic \"%s\" is not settled up to %" PRId64
                                " any more: was the group changed?",
                                range->partition,
                                replay->options->topic,
                                range->to);
        }
        if (!ts_kafka_range_reader_watermarks(
                looking->reader, range->partition, &low, &high, err)) {
            return false;
        }
        if (range->next < low && range->next < range->to && !replay->options->allow_truncated) {
            return refuse_truncated(looking, range->partition, low, "after what is left", err);
        }
        if (!resolve_one(looking, position, &ignored, err)) {
            return false;
        }
    }
    return compare_tails(looking, err);
}

bool ts_replay_check_ranges(struct ts_replay *replay, struct ts_error *err)
{
    struct looking looking = {.replay = replay};
    bool good = look(replay, &looking, err) && check_all(replay, &looking, err);
    finish(&looking);
    return good;
}
