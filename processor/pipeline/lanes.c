/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes that the group assigned to this worker. An assignment or a revocation changes the set
 * and makes the worker reopen: rebalances are rare, and one way to begin is easier to trust than
 * two. */
#include "pipeline/stages.h"

#include <stdlib.h>
#include <string.h>

static const char *input_name(const struct ts_worker *worker, struct ts_lane id)
{
    const char *name = worker->options.topics[id.input].data;
    return name != NULL ? name : "input";
}

struct ts_lane_state *ts_worker_lane(struct ts_worker *worker, struct ts_lane id)
{
    for (size_t i = 0; i < worker->lane_count; i++) {
        if (ts_lane_equal(worker->lanes[i]->id, id)) {
            return worker->lanes[i];
        }
    }
    return NULL;
}

void ts_lane_stop(struct ts_worker *worker, struct ts_lane_state *lane, const char *why)
{
    TS_SAY(worker,
           TS_LEVEL_ERROR,
           "lane_stopped",
           "%s/%d is stopped at offset %lld: %s",
           input_name(worker, lane->id),
           lane->id.partition,
           (long long)lane->next_offset,
           why);
    lane->phase = TS_LANE_STOPPED;
    lane->stats->stopped = 1;
    worker->ports.source.ops->pause(worker->ports.source.self, lane->id);
}

static struct ts_lane_stats *take_stats(struct ts_worker *worker, struct ts_lane id)
{
    for (size_t i = 0; i < TS_LANES_MAX; i++) {
        struct ts_lane_stats *stats = &worker->stats.lanes[i];
        if (stats->input < 0) {
            stats->partition = id.partition;
            stats->stopped = 0;
            stats->stalled = 0;
            stats->next_offset = 0;
            stats->published = 0;
            stats->high = -1;
            stats->input = (int32_t)id.input;
            return stats;
        }
    }
    return NULL;
}

static void add_lane(struct ts_worker *worker, struct ts_lane id)
{
    struct ts_lane_state *lane = ts_worker_lane(worker, id);
    if (lane != NULL) {
        lane->claim_at_us = 0;
        lane->phase = TS_LANE_ASSIGNED; /* a second assignment without a revoke: claim anew */
        return;
    }
    lane = worker->lane_count < TS_LANES_MAX ? calloc(1, sizeof *lane) : NULL;
    if (lane == NULL) {
        ts_error_set(&worker->fatal,
                     TS_ERROR_FATAL,
                     0,
                     "more than %d partitions for one worker: run more processes",
                     TS_LANES_MAX);
        return;
    }
    lane->id = id;
    lane->phase = TS_LANE_ASSIGNED;
    lane->stats = take_stats(worker, id);
    worker->lanes[worker->lane_count++] = lane;
}

static void remove_lane(struct ts_worker *worker, struct ts_lane id)
{
    ts_worker_forget_known(worker, id, INT64_MAX);
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        if (ts_lane_equal(lane->id, id)) {
            lane->stats->input = -1;
            free(lane);
            worker->lanes[i] = worker->lanes[--worker->lane_count];
            return;
        }
    }
}

static void change_assignment(struct ts_worker *worker, const struct ts_source_event *event)
{
    bool assigned = event->type == TS_SOURCE_ASSIGNED;
    TS_SAY(worker,
           TS_LEVEL_INFO,
           assigned ? "assigned" : "revoked",
           "%zu partitions %s",
           event->lane_count,
           assigned                           ? "assigned"
           : event->type == TS_SOURCE_REVOKED ? "revoked"
                                              : "lost to another member");
    /* What is in flight refers to the lanes: end it before any of them goes. */
    ts_worker_trouble(worker, TS_PHASE_REOPENING, NULL);
    for (size_t i = 0; i < event->lane_count; i++) {
        if (assigned) {
            add_lane(worker, event->lanes[i]);
        } else {
            remove_lane(worker, event->lanes[i]);
        }
    }
    if (!assigned) {
        worker->ports.source.ops->release(
            worker->ports.source.self, event->lanes, event->lane_count);
    }
}

void ts_worker_source_event(struct ts_worker *worker, const struct ts_source_event *event)
{
    struct ts_lane_state *lane;
    switch (event->type) {
    case TS_SOURCE_ASSIGNED:
    case TS_SOURCE_REVOKED:
    case TS_SOURCE_LOST:
        change_assignment(worker, event);
        break;
    case TS_SOURCE_LANE_ERROR:
        lane = ts_worker_lane(worker, event->lanes[0]);
        if (lane != NULL && lane->phase != TS_LANE_STOPPED) {
            ts_lane_stop(worker, lane, event->error.text);
        }
        break;
    case TS_SOURCE_ERROR:
        if (event->error.class == TS_ERROR_FATAL) {
            worker->fatal = event->error;
        } else {
            ts_count(&worker->stats.errors[TS_ERROR_RETRY], 1);
            TS_SAY(worker, TS_LEVEL_WARNING, "source_error", "%s", event->error.text);
        }
        break;
    case TS_SOURCE_IDLE:
    case TS_SOURCE_MESSAGE:
        break;
    }
}

void ts_worker_pause(struct ts_worker *worker, bool paused)
{
    const struct ts_source *source = &worker->ports.source;
    for (size_t i = 0; i < worker->lane_count; i++) {
        struct ts_lane_state *lane = worker->lanes[i];
        if (lane->phase == TS_LANE_OPEN) {
            (paused ? source->ops->pause : source->ops->resume)(source->self, lane->id);
        }
    }
    worker->paused = paused;
}
