/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the broker now and then where the open lanes end. A source that hands out nothing looks the
 * same whether there is nothing, no broker answers, or a lane's fetching got stuck: only the first
 * may be called health. A lane behind its end that got no message since the last look is started
 * again where it is; offsets at the end that hold no record (control records, aborted
 * transactions) stay unread after that, too, and are believed once their number no longer grows. */
#include "pipeline/stages.h"

/* In one look: each is a question to a broker, and a broker that is away takes its time-out. */
enum { LANES_PER_LOOK = 8, STRIKES_MAX = 3 };

static bool start_again(struct ts_worker *worker, struct ts_lane_state *lane, int64_t high)
{
    struct ts_error err = {0};
    lane->strikes++;
    TS_SAY(worker,
           lane->strikes < STRIKES_MAX ? TS_LEVEL_INFO : TS_LEVEL_WARNING,
           "lane_behind",
           "partition %d: nothing came from offset %lld on, of %lld: asking again",
           lane->id.partition,
           (long long)lane->position,
           (long long)high);
    if (worker->ports.source.ops->start(
            worker->ports.source.self, lane->id, lane->position, &err)) {
        return true;
    }
    ts_worker_trouble(worker, TS_PHASE_REOPENING, &err);
    return false;
}

static bool ask_end(struct ts_worker *worker, struct ts_lane id, int64_t *high)
{
    const struct ts_source *source = &worker->ports.source;
    struct ts_error err = {0};
    int64_t low = 0;
    worker->source_answers = source->ops->range(source->self, id, &low, high, &err);
    if (!worker->source_answers) {
        TS_SAY(worker, TS_LEVEL_WARNING, "no_answer", "%s", err.text);
        ts_count(&worker->stats.errors[TS_ERROR_RETRY], 1);
    }
    return worker->source_answers;
}

/* False when there is no use in asking about others now. */
static bool check(struct ts_worker *worker, struct ts_lane_state *lane)
{
    int64_t high = 0;
    if (!ask_end(worker, lane->id, &high)) {
        return false;
    }
    bool stuck = high > lane->position && lane->position == lane->checked_position;
    bool ok = true;
    if (!stuck) {
        lane->strikes = 0;
    } else if (lane->strikes == 0 || high != lane->checked_high) {
        ok = start_again(worker, lane, high);
    }
    lane->stats->stalled = lane->strikes >= STRIKES_MAX;
    lane->checked_position = lane->position;
    lane->checked_high = high;
    return ok;
}

void ts_worker_check_lanes(struct ts_worker *worker)
{
    int64_t now_us = ts_worker_now_us(worker);
    /* Held back by ourselves, they are behind and rightly so. */
    if (worker->paused || worker->draining || !ts_worker_has_place(worker) ||
        now_us < worker->check_at_us) {
        return;
    }
    int64_t ignored = 0;
    bool going = true;
    if (worker->lane_count == 0) { /* a member without partitions: does the topic answer at all? */
        going = ask_end(worker, (struct ts_lane){TS_INPUT_CDRS, 0}, &ignored);
    }
    size_t count = worker->lane_count < LANES_PER_LOOK ? worker->lane_count : LANES_PER_LOOK;
    for (size_t i = 0; i < count && going; i++) {
        struct ts_lane_state *lane = worker->lanes[worker->check_next++ % worker->lane_count];
        if (lane->phase == TS_LANE_OPEN) {
            going = check(worker, lane);
        }
    }
    worker->check_at_us = ts_worker_now_us(worker) + worker->options.lane_check_ms * 1000;
}
