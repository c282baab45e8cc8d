/* SPDX-License-Identifier: Apache-2.0 */
/* From a rated batch to the script calls that charge it: what each record draws on its allowances,
 * what is left to pay, and the sums by account. For charge.c, which sends them. */
#ifndef TS_PIPELINE_COMPOSE_H
#define TS_PIPELINE_COMPOSE_H

#include "base/error.h"
#include "pipeline/batch.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_worker;

/* What a counter of a call counts, beside counters[] of the call. */
struct ts_composed_counter {
    uint32_t account; /* index among the batch's accounts */
    int32_t month;
    const struct ts_allowance *allowance;
    uint32_t next; /* another counter of the same account: its index + 1 */
};

/* What a call was made of: its `caller`. */
struct ts_composed {
    const uint32_t *records; /* indices of the batch's records, ascending */
    uint32_t record_count;
    struct ts_composed_counter *counters;
    size_t undo_room; /* of the call's undo text */
    bool again;       /* the draws know their counters */
};

/* Whether the record is charged in Redis: it moves money, or may draw on an allowance. */
bool ts_compose_wants(const struct ts_record *record);

/* What it moves would pass the limit: made known, for when it is decided again. */
void ts_compose_refuse(struct ts_worker *worker, const struct ts_record *record);

/* Makes batch->calls, those of one bucket one after the other and in the order of offsets. Fails
 * with class RETRY when charges pass the limit of one call: they were made known. */
bool ts_compose_batch(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err);

/* Composes a call anew, from what is now in counters[].before. */
bool ts_compose_again(struct ts_worker *worker,
                      struct ts_batch *batch,
                      struct ts_apply *call,
                      struct ts_error *err);

#endif
