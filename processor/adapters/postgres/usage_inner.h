/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the usage reports share. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_USAGE_INNER_H
#define TS_ADAPTERS_POSTGRES_USAGE_INNER_H

#include "adapters/postgres/store.h"
#include "adapters/postgres/usage_store.h"

struct ts_usage_store {
    struct ts_pg_store base; /* in one snapshot from begin to end */
};

/* Free as the contract has it: no charge, and no allowance paid for it. */
#define TS_USAGE_FREE "charge_micros = 0 AND allowance_names IS NULL"
/* The account's rows of these leaves and no others. The parameters are of the columns' own types: a
 * narrower number would not match the bloom filter of an open leaf. */
#define TS_USAGE_OF_STRETCH                                                                        \
    " FROM usage u WHERE account_no = $1::bigint AND start_time >= $2::timestamptz"                \
    " AND start_time < $3::timestamptz"

/* $1 to $3. */
void ts_usage_set_stretch(struct ts_usage_store *store, const struct ts_usage_stretch *stretch);

#endif
