/* SPDX-License-Identifier: Apache-2.0 */
/* The included units of a settlement: sums by account, month and allowance, in the order in which
 * their rows are written. */
#include "pipeline/stages.h"

#include <stdlib.h>
#include <string.h>

/* One draw on its way into a sum. */
struct part {
    uint32_t account;
    int32_t month;
    struct ts_draw *draw;
};

static int compare_parts(const void *a, const void *b)
{
    const struct part *left = a;
    const struct part *right = b;
    if (left->account != right->account) {
        return left->account < right->account ? -1 : 1;
    }
    if (left->month != right->month) {
        return left->month < right->month ? -1 : 1;
    }
    return ts_bytes_compare(ts_allowance_name(left->draw->allowance),
                            ts_allowance_name(right->draw->allowance));
}

static size_t count_draws(const struct ts_settlement *settlement)
{
    size_t count = 0;
    for (size_t i = 0; i < settlement->record_count; i++) {
        const struct ts_included *included = settlement->records[i]->included;
        if (settlement->record_accounts[i] != NULL && included != NULL) {
            count += included->count;
        }
    }
    return count;
}

/* The draws that took something. */
static size_t collect_parts(const struct ts_settlement *settlement, struct part *parts)
{
    size_t count = 0;
    for (size_t i = 0; i < settlement->record_count; i++) {
        const struct ts_settle_account *account = settlement->record_accounts[i];
        struct ts_included *included = settlement->records[i]->included;
        for (uint32_t j = 0; account != NULL && included != NULL && j < included->count; j++) {
            if (included->draws[j].units != 0) {
                parts[count++] =
                    (struct part){.account = (uint32_t)(account - settlement->accounts),
                                  .month = included->month,
                                  .draw = &included->draws[j]};
            }
        }
    }
    return count;
}

bool ts_settle_counters_add(struct ts_worker *worker)
{
    struct ts_settlement *settlement = &worker->settling.settlement;
    struct ts_arena *arena = &worker->settling.arena;
    size_t draws = count_draws(settlement);
    if (draws == 0) {
        return true;
    }
    struct part *parts = ts_arena_take(arena, draws * sizeof *parts);
    settlement->counters = ts_arena_take(arena, draws * sizeof *settlement->counters);
    if (parts == NULL || settlement->counters == NULL) {
        return false;
    }
    size_t count = collect_parts(settlement, parts);
    qsort(parts, count, sizeof *parts, compare_parts);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_parts(&parts[i - 1], &parts[i]) != 0) {
            settlement->counters[settlement->counter_count++] =
                (struct ts_settle_counter){.account = parts[i].account,
                                           .month = parts[i].month,
                                           .allowance = parts[i].draw->allowance};
        }
        parts[i].draw->place = (uint32_t)settlement->counter_count - 1;
        settlement->counters[settlement->counter_count - 1].units += parts[i].draw->units;
    }
    return true;
}

bool ts_settle_counters_hold(struct ts_worker *worker, bool *hold)
{
    const struct ts_settlement *settlement = &worker->settling.settlement;
    size_t size = settlement->counter_count * sizeof(int64_t);
    int64_t *used = ts_arena_take(&worker->settling.arena, size + 1);
    *hold = true;
    if (used == NULL) {
        return false;
    }
    for (size_t i = 0; i < settlement->counter_count; i++) {
        used[i] = settlement->counters[i].used - settlement->counters[i].units;
    }
    for (size_t i = 0; i < settlement->record_count && settlement->counter_count > 0; i++) {
        const struct ts_record *record = settlement->records[i];
        const struct ts_included *included = record->included;
        for (uint32_t j = 0;
             settlement->record_accounts[i] != NULL && included != NULL && j < included->count;
             j++) {
            const struct ts_draw *draw = &included->draws[j];
            if (draw->units != 0) {
                used[draw->place] += draw->units;
                *hold = *hold &&
                        (record->command != NULL || used[draw->place] <= draw->allowance->units);
            }
        }
    }
    return true;
}

bool ts_settle_counter_exhausted(const struct ts_settle_counter *counter)
{
    int64_t before = counter->used - counter->units;
    return before < counter->allowance->units && counter->used >= counter->allowance->units;
}
