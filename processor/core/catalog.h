/* SPDX-License-Identifier: Apache-2.0 */
/* The rating catalog: an immutable snapshot of every rate plan, its published deck versions in
 * compiled form, the numbering plan and the time zones they need. A batch is rated with one
 * snapshot from end to end, so no batch sees two states of the set of published versions.
 * Reading needs no lock: nothing in it changes after it is built. */
#ifndef TS_CORE_CATALOG_H
#define TS_CORE_CATALOG_H

#include "core/account.h"
#include "core/cdr.h"
#include "core/rating.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_catalog;

/* Of the set of published versions and plans it was built from; grows with every change. */
int64_t ts_catalog_revision(const struct ts_catalog *catalog);

/* Whether the snapshot has the plan of this number. */
bool ts_catalog_has_plan(const struct ts_catalog *catalog, int32_t plan_no);

/* The part numerator / denominator of a charge, rounded by the plan's rule: what is left to pay
 * after included units. As ts_money_share; the plan must be there. */
int64_t ts_catalog_share(const struct ts_catalog *catalog,
                         int32_t plan_no,
                         int64_t micros,
                         int64_t numerator,
                         int64_t denominator);

/* Rates a validated CDR of this account. Always fills `out`: `out->reason` is NONE when it was
 * priced. `message` (may be NULL) of at least TS_RATING_MESSAGE_MAX bytes gets the text of a
 * refusal, naming the field and the value. Pure, allocates nothing, any number of threads. */
enum { TS_RATING_MESSAGE_MAX = 200 };
void ts_catalog_rate(const struct ts_catalog *catalog,
                     const struct ts_account_profile *account,
                     const struct ts_cdr *cdr,
                     struct ts_rating *out,
                     char *message);

#endif
