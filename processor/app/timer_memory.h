/* SPDX-License-Identifier: Apache-2.0 */
/* Which timers were told a moment ago and are still due: their command is on its way. Telling one
 * again does no harm (its command_id is the same), but every second of every account that is due
 * would be a flood while nobody settles. So each waits a minute, then twice as long, up to an hour.
 *
 * It holds what one look found due and no more: what is not due any more is forgotten by the next
 * look. No clock, no thread. */
#ifndef TS_APP_TIMER_MEMORY_H
#define TS_APP_TIMER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_TIMER_WAIT_FIRST_MS = 60000, TS_TIMER_WAIT_LONGEST_MS = 3600000 };

struct ts_told_timer;

struct ts_timer_memory {
    struct ts_told_timer *last; /* of the look before, by hash */
    struct ts_told_timer *next; /* of this look, in any order */
    size_t last_count;
    size_t next_count;
    size_t max;
};

/* For looks that find at most `max` timers. False when memory is short. */
bool ts_timer_memory_init(struct ts_timer_memory *memory, size_t max);
void ts_timer_memory_finish(struct ts_timer_memory *memory);

/* A look: each timer that is due, then the end. True: it is to be told now. `now_ms` is of a clock
 * that never goes back. What a look that ends early has not come to is forgotten: it is told once
 * more than it need be. */
bool ts_timer_memory_is_full(const struct ts_timer_memory *memory); /* no further one */
bool ts_timer_memory_due(struct ts_timer_memory *memory, uint64_t hash, int64_t now_ms);
void ts_timer_memory_end(struct ts_timer_memory *memory);

/* Those of the last look may not have been told after all. */
void ts_timer_memory_forget(struct ts_timer_memory *memory);

#endif
