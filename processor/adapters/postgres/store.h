/* SPDX-License-Identifier: Apache-2.0 */
/* What the stores of this folder share: a session that is made when first used, and made anew after
 * it broke. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_STORE_H
#define TS_ADAPTERS_POSTGRES_STORE_H

#include "adapters/postgres/connection.h"
#include "adapters/postgres/params.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { TS_PG_CONNECT_TIMEOUT_MS = 5000 };

struct ts_pg_store {
    struct ts_pg_session_options options; /* its URL is ours */
    struct ts_pg_session session;
    struct ts_pg_params params;
};

/* A zeroed object of `size` bytes that begins with a ts_pg_store, which connects to nothing yet;
 * NULL without memory. Keeps a copy of the URL; the role must outlive it. */
void *ts_pg_store_make(size_t size,
                       const struct ts_pg_session_options *options,
                       size_t params_max,
                       struct ts_error *err);
/* Frees the object that begins with it; NULL is fine. */
void ts_pg_store_free(void *object);

bool ts_pg_store_is_connected(const struct ts_pg_store *store);

/* Connects if need be. The schema is looked at before any table is: it may not be ours. */
bool ts_pg_store_connect(struct ts_pg_store *store, struct ts_error *err);

/* Runs a statement with `params`, connecting if need be; NULL on failure. Nobody is told when the
 * session is another one: not for sessions that have temporary tables, prepared statements, locks
 * or a transaction. Those connect once, and use the session. */
PGresult *ts_pg_store_ask(struct ts_pg_store *store, const char *sql, struct ts_error *err);

#endif
