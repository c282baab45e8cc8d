/* SPDX-License-Identifier: Apache-2.0 */
/* The Lua scripts, linked into the program, and the calls that run them. */
#ifndef TS_ADAPTERS_REDIS_SCRIPTS_H
#define TS_ADAPTERS_REDIS_SCRIPTS_H

#include "adapters/redis/connection.h"
#include "adapters/redis/fields.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "ports/balances.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ts_redis_script {
    TS_REDIS_CREATE,
    TS_REDIS_OPEN,
    TS_REDIS_APPLY,
    TS_REDIS_LOAD,
    TS_REDIS_SCRIPT_COUNT
};

struct ts_redis_scripts {
    char sha[TS_REDIS_SCRIPT_COUNT][41];
};

struct ts_bytes ts_redis_script_text(enum ts_redis_script script);

/* SCRIPT LOAD of all of them. */
bool ts_redis_scripts_load(struct ts_redis_scripts *scripts,
                           struct ts_redis_connection *connection,
                           struct ts_error *err);

/* The names that apply's calls of one lane and slot share: made once a group, not once a call. */
struct ts_redis_apply_names {
    struct ts_redis_name token;
    struct ts_redis_name applied;
    struct ts_redis_name floor;
    struct ts_redis_name undo;
};

struct ts_redis_apply_names ts_redis_apply_names_of(struct ts_lane lane, uint32_t slot);

/* Write one call each. */
void ts_redis_write_create(const struct ts_redis_scripts *scripts,
                           struct ts_buffer *out,
                           uint32_t bucket,
                           int64_t generation);
void ts_redis_write_open(const struct ts_redis_scripts *scripts,
                         struct ts_buffer *out,
                         uint32_t bucket,
                         int64_t generation,
                         struct ts_lane lane,
                         int64_t token,
                         int64_t next);
void ts_redis_write_apply(const struct ts_redis_scripts *scripts,
                          struct ts_buffer *out,
                          const struct ts_redis_apply_names *names,
                          const struct ts_apply *call);
void ts_redis_write_load(const struct ts_redis_scripts *scripts,
                         struct ts_buffer *out,
                         uint32_t bucket,
                         int64_t generation,
                         const struct ts_load_account *accounts,
                         size_t count,
                         const struct ts_load_counter *counters,
                         size_t counter_count);

/* The status of a reply; TS_BALANCES_ERROR when no script answers so. */
enum ts_balances_status ts_redis_answer_status(const redisReply *reply);

/* The i-th number after the status; `otherwise` when there is none. */
int64_t ts_redis_answer_number(const redisReply *reply, size_t i, int64_t otherwise);

/* How many follow the status. */
size_t ts_redis_answer_size(const redisReply *reply);

#endif
