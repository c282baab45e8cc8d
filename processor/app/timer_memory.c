/* SPDX-License-Identifier: Apache-2.0 */
#include "app/timer_memory.h"

#include "base/assert.h"

#include <stdlib.h>

struct ts_told_timer {
    uint64_t hash; /* first: bsearch looks for it */
    int64_t again_ms;
    int64_t wait_ms; /* from the last time it was told to again_ms */
};

bool ts_timer_memory_init(struct ts_timer_memory *memory, size_t max)
{
    *memory = (struct ts_timer_memory){.max = max};
    memory->last = calloc(max + 1, sizeof *memory->last);
    memory->next = calloc(max + 1, sizeof *memory->next);
    return memory->last != NULL && memory->next != NULL;
}

void ts_timer_memory_finish(struct ts_timer_memory *memory)
{
    free(memory->last);
    free(memory->next);
    *memory = (struct ts_timer_memory){.max = 0};
}

static int by_hash(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

bool ts_timer_memory_is_full(const struct ts_timer_memory *memory)
{
    return memory->next_count == memory->max;
}

bool ts_timer_memory_due(struct ts_timer_memory *memory, uint64_t hash, int64_t now_ms)
{
    const struct ts_told_timer *known =
        bsearch(&hash, memory->last, memory->last_count, sizeof *memory->last, by_hash);
    TS_ASSERT(!ts_timer_memory_is_full(memory));
    struct ts_told_timer *kept = &memory->next[memory->next_count++];
    if (known != NULL && now_ms < known->again_ms) {
        *kept = *known;
        return false;
    }
    int64_t wait_ms = known != NULL ? 2 * known->wait_ms : TS_TIMER_WAIT_FIRST_MS;
    wait_ms = wait_ms < TS_TIMER_WAIT_LONGEST_MS ? wait_ms : TS_TIMER_WAIT_LONGEST_MS;
    *kept = (struct ts_told_timer){hash, now_ms + wait_ms, wait_ms};
    return true;
}

void ts_timer_memory_end(struct ts_timer_memory *memory)
{
    struct ts_told_timer *last = memory->last;
    memory->last = memory->next;
    memory->last_count = memory->next_count;
    memory->next = last;
    memory->next_count = 0;
    qsort(memory->last, memory->last_count, sizeof *memory->last, by_hash);
}

void ts_timer_memory_forget(struct ts_timer_memory *memory)
{
    memory->last_count = 0;
    memory->next_count = 0;
}
