/* SPDX-License-Identifier: Apache-2.0 */
/* Where messages go: Kafka or a file. */
#ifndef LG_SINK_H
#define LG_SINK_H

#include "bench/loadgen/options.h"

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct lg_sink {
    /* Takes one message (copied). `shift` puts it so many partitions away from where its key
     * belongs. Waits when the queue is full. Kafka's may be called by any number of threads. */
    bool (*put)(struct lg_sink *sink,
                struct ts_bytes key,
                struct ts_bytes value,
                uint32_t shift,
                struct ts_error *err);

    /* Waits until everything is delivered, then gives the sink back, in any case. */
    bool (*close)(struct lg_sink *sink, struct ts_error *err);
};

/* NULL with err set. */
struct lg_sink *lg_sink_kafka_open(const struct lg_options *options, struct ts_error *err);
struct lg_sink *lg_sink_file_open(const struct lg_options *options, struct ts_error *err);

#endif
