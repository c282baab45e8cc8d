/* SPDX-License-Identifier: Apache-2.0 */
/* The object behind adapters/postgres/accounts_store.h, for the files that share it. Private to
 * adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_ACCOUNTS_SESSION_H
#define TS_ADAPTERS_POSTGRES_ACCOUNTS_SESSION_H

#include "adapters/postgres/accounts_store.h"
#include "adapters/postgres/store.h"

struct ts_accounts_store {
    struct ts_pg_store base;
    struct ts_buffer rows; /* of an import, not yet sent */
};

#endif
