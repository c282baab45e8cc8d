/* SPDX-License-Identifier: Apache-2.0 */
/* The attached leaves of table usage, by time. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_LEAVES_H
#define TS_ADAPTERS_POSTGRES_LEAVES_H

#include "adapters/postgres/connection.h"

enum { TS_PG_LEAF_NAME_MAX = 140 }; /* quoted, with its schema where that is needed */

struct ts_pg_leaf {
    char name[TS_PG_LEAF_NAME_MAX];
    uint32_t oid;
    int64_t from_ms;
    int64_t to_ms; /* exclusive */
};

struct ts_pg_leaves {
    struct ts_pg_leaf *items; /* ascending, not overlapping; there may be gaps */
    size_t count;
};

bool ts_pg_leaves_load(struct ts_pg_session *session,
                       struct ts_pg_leaves *leaves,
                       struct ts_error *err);
void ts_pg_leaves_finish(struct ts_pg_leaves *leaves);

/* The leaf that takes this start; NULL when there is none. */
const struct ts_pg_leaf *ts_pg_leaves_find(const struct ts_pg_leaves *leaves, int64_t start_ms);

#endif
