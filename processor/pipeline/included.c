/* SPDX-License-Identifier: Apache-2.0 */
/* Included units: which calls of a batch may draw on an allowance. How much they draw is decided
 * when they are charged, because it depends on the calls before them. */
#include "pipeline/stages.h"

/* The zone of the account, asked for once a batch. */
static const struct ts_zone *
zone_of(struct ts_worker *worker, struct ts_batch_account *account, struct ts_error *err)
{
    if (account->zone == NULL) {
        account->zone = ts_zone_cache_get(worker->zones, account->profile.timezone, err);
        if (account->zone == NULL) {
            ts_error_prefix(err, "account %s", account->profile.account_id);
        }
    }
    return account->zone;
}

static bool include(struct ts_worker *worker,
                    struct ts_batch *batch,
                    struct ts_record *record,
                    struct ts_error *err)
{
    struct ts_batch_account *account = &batch->accounts[record->account];
    const struct ts_allowance *fitting[TS_ALLOWANCES_MAX];
    size_t count = ts_allowances_fitting(
        account->profile.allowances, &record->rating, record->cdr.license, fitting);
    if (count == 0) {
        return true;
    }
    const struct ts_zone *zone = zone_of(worker, account, err);
    if (zone == NULL) {
        return false;
    }
    struct ts_included *included = ts_arena_take(&batch->arena, ts_included_size(count));
    if (included == NULL) {
        return ts_error_no_memory(err);
    }
    included->price_micros = record->rating.charge_micros;
    included->month = ts_allowance_month(zone, record->cdr.start_ms);
    included->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        included->draws[i] = (struct ts_draw){.allowance = fitting[i]};
    }
    record->included = included;
    return true;
}

bool ts_worker_include(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err)
{
    for (size_t i = 0; i < batch->record_count; i++) {
        struct ts_record *record = &batch->records[i];
        if (record->decoded && record->outcome == TS_OUTCOME_SETTLED &&
            batch->accounts[record->account].profile.allowances != NULL &&
            !include(worker, batch, record, err)) {
            return false;
        }
    }
    return true;
}
