/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker remembers of identities, so that it need not ask PostgreSQL about each:
 * - the unsettled: exactly those it rated and has not settled yet (a duplicate of one is found
 *   here, before PostgreSQL can know it);
 * - a filter of those it settled lately: it says "perhaps" or "no". A "perhaps" is looked up; a
 *   wrong "no" (settled longer ago, or by another worker) is caught by the unique key at settle. */
#ifndef TS_PIPELINE_IDENTITIES_H
#define TS_PIPELINE_IDENTITIES_H

#include "base/error.h"
#include "ports/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_identities;

/* Room for `unsettled_max` unsettled records, and a filter over the last `recent` to 2 * `recent`
 * settled ones at 16 bits each. */
struct ts_identities *
ts_identities_create(size_t unsettled_max, size_t recent, struct ts_error *err);
void ts_identities_destroy(struct ts_identities *identities);

/* The unsettled record with this record's identity hash, or NULL. */
const struct ts_record *ts_identities_unsettled(const struct ts_identities *identities,
                                                uint64_t identity_hash);
/* The record must stay where it is until it is removed. Its hash must not be there yet. */
void ts_identities_add(struct ts_identities *identities, const struct ts_record *record);
void ts_identities_remove(struct ts_identities *identities, const struct ts_record *record);

bool ts_identities_perhaps_settled(const struct ts_identities *identities, uint64_t identity_hash);
void ts_identities_settled(struct ts_identities *identities, uint64_t identity_hash);

#endif
