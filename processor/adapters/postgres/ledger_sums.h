/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger says of each account, summed up once for the audit and for the repair. Private to
 * adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_LEDGER_SUMS_H
#define TS_ADAPTERS_POSTGRES_LEDGER_SUMS_H

#include "adapters/postgres/connection.h"

/* Of one account, or of all when account_no is 0. Inside a transaction: makes the temporary table
 * audit_account, which goes when it ends:
 *   account_no
 *   total      the balance that the ledger adds up to (numeric)
 *   row_count  how many rows it has and had
 *   carried    how many of them retired partitions had
 *   first, last, missing, twice   their numbers
 *   breaks, broken_at   rows whose balance does not follow from the one before, and the first */
bool ts_pg_sum_ledgers(struct ts_pg_session *session, int64_t account_no, struct ts_error *err);

/* As table allowance_sum, likewise: account_no, name and, over all months, the units that were
 * counted as `used` and those that the ledger's rows `drew`, where these differ. Over all months,
 * because a call at the edge of a month comes to lie in another one than it counted in when the
 * account's time zone is changed. */
bool ts_pg_sum_allowances(struct ts_pg_session *session, int64_t account_no, struct ts_error *err);

#endif
