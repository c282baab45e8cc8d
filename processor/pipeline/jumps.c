/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/jumps.h"

enum { LOOK_US = 20000 };

void ts_jumps_clear(struct ts_jumps *jumps)
{
    jumps->looking = false;
    jumps->count = 0;
    jumps->at = 0;
}

bool ts_jumps_met(struct ts_jumps *jumps, int64_t from, int64_t to)
{
    while (jumps->at < jumps->count && jumps->met[jumps->at].from < from) {
        jumps->at++;
    }
    return jumps->at < jumps->count && jumps->met[jumps->at].from == from &&
           jumps->met[jumps->at].to == to;
}

void ts_jumps_look(struct ts_jumps *jumps, int64_t from, int64_t to, int64_t now_us)
{
    jumps->looking = true;
    jumps->count = 0;
    jumps->at = 0;
    jumps->next = from;
    jumps->since_us = now_us;
    (void)ts_jumps_note(jumps, to);
}

bool ts_jumps_note(struct ts_jumps *jumps, int64_t offset)
{
    if (offset > jumps->next) {
        jumps->met[jumps->count++] = (struct ts_jump){jumps->next, offset};
    }
    if (offset >= jumps->next) {
        jumps->next = offset + 1;
    }
    return jumps->count < TS_JUMPS_MAX;
}

bool ts_jumps_looked(const struct ts_jumps *jumps, int64_t now_us)
{
    return jumps->looking && now_us - jumps->since_us >= LOOK_US;
}

void ts_jumps_take(struct ts_jumps *jumps)
{
    jumps->looking = false;
}
