/* SPDX-License-Identifier: Apache-2.0 */
/* What a first attempt found out about records, so that the next does not run into it again. Kept
 * until the record is settled, or the lane is another's. */
#include "pipeline/stages.h"

/* Its index; known_count when nothing is known of the record. */
static size_t find(const struct ts_worker *worker, const struct ts_record *record)
{
    size_t i = 0;
    while (i < worker->known_count && (worker->known[i].offset != record->offset ||
                                       !ts_lane_equal(worker->known[i].lane, record->lane))) {
        i++;
    }
    return i;
}

/* NULL when there is no room: then the next attempt runs into it again. */
static struct ts_known *note(struct ts_worker *worker, const struct ts_record *record)
{
    size_t i = find(worker, record);
    if (i == TS_KNOWN_MAX) {
        return NULL;
    }
    if (i == worker->known_count) {
        worker->known[worker->known_count++] =
            (struct ts_known){.lane = record->lane, .offset = record->offset};
    }
    return &worker->known[i];
}

void ts_worker_know(struct ts_worker *worker, const struct ts_record *record, enum ts_reason reason)
{
    struct ts_known *known = note(worker, record);
    if (known != NULL) {
        known->reason = reason;
    }
}

void ts_worker_know_decision(struct ts_worker *worker,
                             const struct ts_record *record,
                             int64_t delta_micros)
{
    struct ts_known *known = note(worker, record);
    if (known != NULL) {
        known->decided = true;
        known->delta_micros = delta_micros;
    }
}

void ts_worker_know_limit(struct ts_worker *worker, const struct ts_record *record)
{
    struct ts_known *known = note(worker, record);
    if (known != NULL) {
        known->over_limit = true;
        known->decided = false;
    }
}

const struct ts_known *ts_worker_known(const struct ts_worker *worker,
                                       const struct ts_record *record)
{
    size_t i = find(worker, record);
    return i < worker->known_count ? &worker->known[i] : NULL;
}

void ts_worker_forget_known(struct ts_worker *worker, struct ts_lane lane, int64_t below)
{
    size_t kept = 0;
    for (size_t i = 0; i < worker->known_count; i++) {
        const struct ts_known *known = &worker->known[i];
        if (!ts_lane_equal(known->lane, lane) || known->offset >= below) {
            worker->known[kept++] = *known;
        }
    }
    worker->known_count = kept;
}
