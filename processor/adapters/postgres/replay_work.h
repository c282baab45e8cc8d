/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of a replay that may draw on allowances, set aside until all are read: then they come
 * back by account, month and movement, and between them the calls of the same months that the
 * replay does not rate, with what those use. A temporary table, so memory is the server's business
 * and nothing stays behind. One thread; a connection that breaks ends the replay. */
#ifndef TS_ADAPTERS_POSTGRES_REPLAY_WORK_H
#define TS_ADAPTERS_POSTGRES_REPLAY_WORK_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/adjustment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_replay_work_call {
    int64_t account_no;
    int32_t month; /* yyyymm, by the account's calendar */
    int64_t movement;
    bool rated; /* false: not of the replay, only account, month, movement and units are set */
    int64_t start_ms;
    uint64_t identity_hash;
    int32_t partition;
    int64_t offset;
    int64_t follows;
    int64_t settled_micros;
    int64_t settled_billed;
    const struct ts_adjustment_units *units; /* as it stands */
    size_t unit_count;
    bool alike; /* core/replay.h */

    int64_t price_micros; /* as rated now, likewise all below */
    int64_t billed;
    int64_t deck_version;
    int32_t category;
    int32_t license;
    int32_t unit;
    bool local;
    struct ts_bytes prefix;
    struct ts_bytes account_id;
};

struct ts_replay_work;

struct ts_replay_work *ts_replay_work_open(const char *url, struct ts_error *err);
void ts_replay_work_close(struct ts_replay_work *work);

bool ts_replay_work_add(struct ts_replay_work *work,
                        const struct ts_replay_work_call *call,
                        struct ts_error *err);

/* All that were added, and those between. After the last add; once. The views of a call live during
 * the visit. */
struct ts_replay_work_visitor {
    bool (*visit)(void *self, const struct ts_replay_work_call *call, struct ts_error *err);
    void *self;
};
bool ts_replay_work_read(struct ts_replay_work *work,
                         const struct ts_replay_work_visitor *visitor,
                         struct ts_error *err);

#endif
