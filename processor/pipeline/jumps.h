/* SPDX-License-Identifier: Apache-2.0 */
/* Jumps in a lane's offsets. Control records and compaction skip offsets, but so would a client
 * library that lost a message: a jump is believed when it is met a second time, after the missing
 * offset itself was asked for. Topics of transactional writers have a jump after each transaction,
 * and to ask takes as long as a fetch. So the first jump met begins a look ahead: what comes is not
 * taken but only looked at, for a moment, and all the jumps in it are noted; then the lane is
 * started again where it was. */
#ifndef TS_PIPELINE_JUMPS_H
#define TS_PIPELINE_JUMPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_JUMPS_MAX = 256 };

struct ts_jump {
    int64_t from; /* the offset that was expected */
    int64_t to;   /* the one that came */
};

struct ts_jumps {
    bool looking;
    int64_t next; /* the offset expected while looking */
    int64_t since_us;
    size_t count;
    size_t at; /* those before were passed */
    struct ts_jump met[TS_JUMPS_MAX];
};

/* Forgets what was met. */
void ts_jumps_clear(struct ts_jumps *jumps);

/* Whether this jump was met before. Asked in ascending order. */
bool ts_jumps_met(struct ts_jumps *jumps, int64_t from, int64_t to);

/* Begins to look ahead, with a jump that was not met before. */
void ts_jumps_look(struct ts_jumps *jumps, int64_t from, int64_t to, int64_t now_us);

/* A message met while looking. False when no more jumps can be noted: look no further. */
bool ts_jumps_note(struct ts_jumps *jumps, int64_t offset);

/* Looking for long enough, whether something came or not. */
bool ts_jumps_looked(const struct ts_jumps *jumps, int64_t now_us);

/* From now on messages are taken. */
void ts_jumps_take(struct ts_jumps *jumps);

#endif
