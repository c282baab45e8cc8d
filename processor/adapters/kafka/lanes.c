/* SPDX-License-Identifier: Apache-2.0 */
/* The table of lanes: one array a topic, indexed by partition, that grows as the group assigns. */
#include "adapters/kafka/source_state.h"

#include <string.h>

struct ts_kafka_lane *ts_kafka_lane(struct ts_kafka_source *source, struct ts_lane id)
{
    if ((unsigned)id.input >= TS_INPUT_COUNT || id.partition < 0) {
        return NULL;
    }
    struct ts_kafka_topic_lanes *topic = &source->topics[id.input];
    return id.partition < topic->count ? &topic->lanes[id.partition] : NULL;
}

struct ts_kafka_lane *ts_kafka_lane_next(struct ts_kafka_source *source, struct ts_lane *id)
{
    unsigned input = (unsigned)id->input;
    int32_t partition = id->partition + 1;
    for (; input < TS_INPUT_COUNT; input++, partition = 0) {
        struct ts_kafka_topic_lanes *topic = &source->topics[input];
        for (; partition < topic->count; partition++) {
            if (topic->lanes[partition].phase != TS_KAFKA_ABSENT) {
                *id = (struct ts_lane){(enum ts_input)input, partition};
                return &topic->lanes[partition];
            }
        }
    }
    return NULL;
}

void ts_kafka_lane_set(struct ts_kafka_source *source,
                       struct ts_kafka_lane *lane,
                       enum ts_kafka_phase phase)
{
    source->starting -= lane->phase == TS_KAFKA_STARTING;
    source->starting += phase == TS_KAFKA_STARTING;
    lane->phase = phase;
}

void ts_kafka_lane_add(const struct ts_kafka_source *source,
                       struct ts_lane id,
                       int64_t offset,
                       rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_add(list, source->options->topics[id.input], id.partition)
        ->offset = offset;
}

bool ts_kafka_lane_id(const struct ts_kafka_source *source,
                      const rd_kafka_topic_partition_t *partition,
                      struct ts_lane *id)
{
    for (unsigned i = 0; i < TS_INPUT_COUNT; i++) {
        const char *topic = source->options->topics[i];
        if (topic != NULL && strcmp(topic, partition->topic) == 0) {
            *id = (struct ts_lane){(enum ts_input)i, partition->partition};
            return true;
        }
    }
    return false;
}
