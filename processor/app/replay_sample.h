/* SPDX-License-Identifier: Apache-2.0 */
/* Some of the calls that change, with why they cost what they cost. */
#ifndef TS_APP_REPLAY_SAMPLE_H
#define TS_APP_REPLAY_SAMPLE_H

#include "adapters/postgres/replay_work.h"
#include "app/replay.h"
#include "core/cdr.h"
#include "core/rating.h"
#include "core/replay.h"

/* Kept while there are fewer than were asked for. */
void ts_replay_sample_call(struct ts_replay *replay,
                           const struct ts_cdr *cdr,
                           const struct ts_rating *rating,
                           int64_t settled_micros);
/* One of those that were set aside. */
void ts_replay_sample_month(struct ts_replay *replay,
                            const struct ts_replay_work_call *call,
                            const struct ts_replay_change *change);

void ts_replay_samples_finish(struct ts_replay *replay);

#endif
