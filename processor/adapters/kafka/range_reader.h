/* SPDX-License-Identifier: Apache-2.0 */
/* Reads ranges of partitions, each exactly from one offset to another, by assignment: it joins no
 * group and commits nothing, so whoever processes the topic does not notice. For commands that read
 * a topic again; they hand over to nobody, so a failure ends the reading.
 *
 * A range ends when a record at its last offset or beyond is seen, or the end of the partition is:
 * the offsets between may be holes (transaction markers, compaction). What is fetched ahead is
 * bounded. Not thread-safe. */
#ifndef TS_ADAPTERS_KAFKA_RANGE_READER_H
#define TS_ADAPTERS_KAFKA_RANGE_READER_H

#include "adapters/kafka/connection.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_kafka_range_reader;

struct ts_kafka_range_reader_options {
    const struct ts_kafka_connection *connection;
    const struct ts_kafka_properties *consumer; /* may be NULL */
    const char *topic;
    int timeout_ms; /* the longest silence of the brokers */
};

/* Connects in the background; the options' texts must outlive it. NULL: class FATAL. */
struct ts_kafka_range_reader *
ts_kafka_range_reader_open(const struct ts_kafka_range_reader_options *options,
                           struct ts_error *err);
void ts_kafka_range_reader_close(struct ts_kafka_range_reader *reader);

struct ts_kafka_range {
    int32_t partition;
    int64_t from;
    int64_t to; /* exclusive */
};

/* How many partitions the topic has. Class FATAL when there is no such topic. */
bool ts_kafka_range_reader_partitions(struct ts_kafka_range_reader *reader,
                                      int32_t *count,
                                      struct ts_error *err);

/* Fails with class FATAL and names the partition when one of these has no leader: it could not be
 * read whole. */
bool ts_kafka_range_reader_check_leaders(struct ts_kafka_range_reader *reader,
                                         const int32_t *partitions,
                                         size_t count,
                                         struct ts_error *err);

/* The first offset kept, and the one after the last. */
bool ts_kafka_range_reader_watermarks(struct ts_kafka_range_reader *reader,
                                      int32_t partition,
                                      int64_t *low,
                                      int64_t *high,
                                      struct ts_error *err);

/* The offset of the first record of each partition that was appended at `ms` or later; the end of
 * the partition when there is none. */
bool ts_kafka_range_reader_offsets_at(struct ts_kafka_range_reader *reader,
                                      const int32_t *partitions,
                                      size_t count,
                                      int64_t ms,
                                      int64_t *offsets,
                                      struct ts_error *err);

struct ts_kafka_range_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct ts_bytes key; /* views that live during the call */
    struct ts_bytes value;
};

/* False stops the reading; `err` is set then. */
struct ts_kafka_range_visitor {
    bool (*record)(void *self, const struct ts_kafka_range_record *record, struct ts_error *err);
    void *self;
};

/* Begins to read these ranges: once in the life of a reader. */
bool ts_kafka_range_reader_start(struct ts_kafka_range_reader *reader,
                                 const struct ts_kafka_range *ranges,
                                 size_t count,
                                 struct ts_error *err);

/* Hands over what has come, some hundreds of records at a time, waiting for it if need be; `*done`
 * when every range was read to its end. Call it again until then. */
bool ts_kafka_range_reader_read(struct ts_kafka_range_reader *reader,
                                const struct ts_kafka_range_visitor *visitor,
                                bool *done,
                                struct ts_error *err);

#endif
