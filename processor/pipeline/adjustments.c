/* SPDX-License-Identifier: Apache-2.0 */
/* Adjustments: what a replay found. They go the way of commands; of their own they have that only
 * one may follow a row of the ledger, and the units of allowances that they move, which are given
 * and not drawn. */
#include "pipeline/stages.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 160 };

bool ts_adjustment_refuse(struct ts_batch *batch,
                          struct ts_record *record,
                          const struct ts_command_request *request,
                          bool followed)
{
    const struct ts_adjustment *adjustment = &record->command->command.body.adjustment;
    char message[MESSAGE_MAX];
    if (request->base_there && !request->base_followed && !followed) {
        return false;
    }
    snprintf(message,
             sizeof message,
             request->base_there
                 ? "movement %lld of the account is followed by another adjustment: "
                   "compare again"
                 : "movement %lld of the account is not of that call",
             (long long)adjustment->follows);
    ts_record_refuse(batch,
                     record,
                     request->base_there ? TS_REASON_ADJUSTMENT_SUPERSEDED
                                         : TS_REASON_INVALID_COMMAND,
                     message);
    return true;
}

/* The account's allowance of that name has its limit; one that it has no more has none. */
static int64_t limit_of(const struct ts_account_profile *profile, struct ts_bytes name)
{
    const struct ts_allowances *allowances = profile->allowances;
    for (size_t i = 0; allowances != NULL && i < allowances->count; i++) {
        if (ts_bytes_equal(ts_allowance_name(&allowances->items[i]), name)) {
            return allowances->items[i].units;
        }
    }
    return INT64_MAX;
}

bool ts_adjustment_include(struct ts_batch *batch, struct ts_record *record)
{
    const struct ts_adjustment *adjustment = &record->command->command.body.adjustment;
    size_t count = adjustment->unit_count;
    if (count == 0) {
        return true;
    }
    struct ts_included *included = ts_arena_take(&batch->arena, ts_included_size(count));
    struct ts_allowance *allowances = ts_arena_take(&batch->arena, count * sizeof *allowances);
    if (included == NULL || allowances == NULL) {
        return false;
    }
    *included = (struct ts_included){.month = adjustment->month, .count = (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        struct ts_bytes name = adjustment->units[i].allowance;
        allowances[i] = (struct ts_allowance){
            .units = limit_of(&batch->accounts[record->account].profile, name),
            .name_size = (uint8_t)name.size};
        memcpy(allowances[i].name, name.data, name.size);
        included->draws[i] =
            (struct ts_draw){.allowance = &allowances[i], .units = adjustment->units[i].units};
    }
    record->included = included;
    return true;
}
