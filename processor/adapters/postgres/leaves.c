/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/leaves.h"

#include <stdlib.h>

static void read_leaf(const PGresult *rows, int row, struct ts_pg_leaf *leaf)
{
    ts_pg_text(rows, row, 0, leaf->name, sizeof leaf->name);
    leaf->oid = (uint32_t)ts_pg_i32(rows, row, 1);
    leaf->from_ms = ts_pg_time_ms(rows, row, 2);
    leaf->to_ms = ts_pg_time_ms(rows, row, 3);
}

bool ts_pg_leaves_load(struct ts_pg_session *session,
                       struct ts_pg_leaves *leaves,
                       struct ts_error *err)
{
    struct ts_pg_params none = {0};
    PGresult *rows = ts_pg_exec_params(session,
                                       "SELECT leaf::text, leaf::oid, from_time, to_time"
                                       " FROM usage_leaf ORDER BY from_time",
                                       &none,
                                       err);
    if (rows == NULL) {
        return false;
    }
    size_t count = (size_t)PQntuples(rows);
    struct ts_pg_leaf *items = calloc(count + 1, sizeof *items);
    if (items == NULL) {
        PQclear(rows);
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        read_leaf(rows, (int)i, &items[i]);
    }
    PQclear(rows);
    free(leaves->items);
    *leaves = (struct ts_pg_leaves){.items = items, .count = count};
    return true;
}

void ts_pg_leaves_finish(struct ts_pg_leaves *leaves)
{
    free(leaves->items);
    *leaves = (struct ts_pg_leaves){0};
}

const struct ts_pg_leaf *ts_pg_leaves_find(const struct ts_pg_leaves *leaves, int64_t start_ms)
{
    size_t low = 0;
    size_t high = leaves->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (leaves->items[middle].to_ms <= start_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < leaves->count && leaves->items[low].from_ms <= start_ms ? &leaves->items[low]
                                                                         : NULL;
}
