/* SPDX-License-Identifier: Apache-2.0 */
/* Finds accounts with very many calls in a usage partition and begins to have them summed up by the
 * hour (tables usage_summed and usage_hour): a report then need not read those calls. Other
 * accounts read their few rows, and no sums are kept of them: most accounts of most days would take
 * as many sums as rows.
 *
 * Settles add what they write from the moment the mark is there; what was there before is added
 * once, from the snapshot of that moment. The moment is one at which no settle is under way: the
 * exclusive lock of a raise, held for milliseconds. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_ROLLUP_H
#define TS_ADAPTERS_POSTGRES_ROLLUP_H

#include "adapters/postgres/connection.h"

/* Looks at one partition that grew since it was last looked at, the newest first; `more` is set
 * when there are others. `session` has the keeper's lock, so nobody else is at it. */
bool ts_pg_rollup_pass(struct ts_pg_session *session,
                       const char *url,
                       bool *more,
                       struct ts_error *err);

#endif
