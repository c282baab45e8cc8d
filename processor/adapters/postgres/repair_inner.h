/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the repair share. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_REPAIR_INNER_H
#define TS_ADAPTERS_POSTGRES_REPAIR_INNER_H

#include "adapters/postgres/leaves.h"
#include "adapters/postgres/repair_store.h"
#include "adapters/postgres/store.h"

struct ts_repair_store {
    struct ts_pg_store base; /* its parameters are of the next call */
    struct ts_pg_leaves leaves;
};

/* Runs a statement with the parameters, and clears them. */
PGresult *ts_repair_call(struct ts_repair_store *store, const char *sql, struct ts_error *err);
bool ts_repair_run(struct ts_repair_store *store, const char *sql, struct ts_error *err);

/* repair_history.c: sets the balances noted in the ledger rows of an account right; adds how many
 * rows. */
bool ts_repair_history(struct ts_repair_store *store,
                       int64_t account_no,
                       int64_t *rows,
                       struct ts_error *err);

#endif
