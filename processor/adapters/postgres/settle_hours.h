/* SPDX-License-Identifier: Apache-2.0 */
/* The sums by the hour of the calls that a settlement writes, of those accounts that have such sums
 * (table usage_hour): made once the accounts are locked, since only then it is known which do.
 * Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_SETTLE_HOURS_H
#define TS_ADAPTERS_POSTGRES_SETTLE_HOURS_H

#include "adapters/postgres/params.h"
#include "adapters/postgres/settle_rows.h"

/* What the calls of one account, hour and kind add up to. */
struct ts_pg_hour {
    int64_t account_no;
    int64_t hour; /* since the epoch */
    int16_t category;
    bool free;
    int64_t calls;
    int64_t duration_ms;
    int64_t pages;
    int64_t charge_micros;
};

/* Reused from settlement to settlement. */
struct ts_pg_hours {
    struct ts_pg_hour *items; /* in the order of the table's key */
    size_t count;
    size_t capacity;
    bool *summed; /* by account of the settlement */
    size_t account_capacity;
};

void ts_pg_hours_init(struct ts_pg_hours *hours);
void ts_pg_hours_finish(struct ts_pg_hours *hours);

/* No sums, no account has them; room for this settlement. False when out of memory. */
bool ts_pg_hours_begin(struct ts_pg_hours *hours, const struct ts_settlement *settlement);

/* Sums up the rows of the accounts that are marked in summed[]. */
void ts_pg_hours_collect(struct ts_pg_hours *hours,
                         const struct ts_pg_rows *rows,
                         const struct ts_settlement *settlement);

/* The parameters of TS_PG_WRITE_HOURS. */
void ts_pg_hours_add(const struct ts_pg_hours *hours, struct ts_pg_params *params);

#endif
