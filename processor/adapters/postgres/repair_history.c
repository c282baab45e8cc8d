/* SPDX-License-Identifier: Apache-2.0 */
/* The balances that ledger rows note. Each is the one before and the row's amount; where one is
 * not, that row and those after it are wrong by what it leaps, until a leap takes it back. So what
 * is to be added to a row is less the sum of the leaps up to it, a step function of the movement.
 * Rows that are numbered later are none of its business: the account's row is right by then.
 *
 * No lock: nobody else changes rows that are written. Leaf by leaf, each for itself; what a crash
 * leaves half done is leaps again, and found and set like others. */
#include "adapters/postgres/repair_inner.h"
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

enum { SQL_MAX = 1024 };

/* Between rows that retired partitions held a leap is none, as in ledger_sums.c. */
static const char steps_sql[] =
    "CREATE TEMP TABLE repair_step AS"
    " SELECT array_agg(movement ORDER BY movement) FILTER (WHERE leap <> 0) AS froms,"
    " array_agg(correction ORDER BY movement) FILTER (WHERE leap <> 0) AS corrections,"
    " max(movement) AS last,"
    " min(start_time) FILTER (WHERE correction <> 0) AS first_start,"
    " max(start_time) FILTER (WHERE correction <> 0) AS last_start"
    " FROM (SELECT movement, start_time, leap, -sum(leap) OVER (ORDER BY movement) AS correction"
    " FROM (SELECT movement, start_time, CASE WHEN movement = before_movement + 1 OR NOT EXISTS"
    " (SELECT FROM usage_carried WHERE account_no = $1::bigint AND row_count > 0)"
    " THEN balance_after_micros - before_balance - amount ELSE 0 END AS leap"
    " FROM (SELECT movement, amount, start_time, balance_after_micros,"
    " lag(movement, 1, 0::bigint) OVER w AS before_movement,"
    " lag(balance_after_micros, 1, 0::bigint) OVER w AS before_balance"
    " FROM (SELECT movement, -charge_micros AS amount, balance_after_micros, start_time"
    " FROM usage WHERE account_no = $1::bigint"
    " UNION ALL SELECT movement, amount_micros, balance_after_micros, NULL"
    " FROM ledger_entry WHERE account_no = $1::bigint) ledger"
    " WINDOW w AS (ORDER BY movement)) x) x) x";

#define SET_BALANCES(table)                                                                        \
    "UPDATE " table " u SET balance_after_micros = u.balance_after_micros"                         \
    " + s.corrections[width_bucket(u.movement, s.froms)] FROM repair_step s"                       \
    " WHERE u.account_no = $1::bigint AND u.movement BETWEEN s.froms[1] AND s.last"                \
    " AND s.corrections[width_bucket(u.movement, s.froms)] <> 0"

static bool update(struct ts_repair_store *store,
                   const char *sql,
                   int64_t account_no,
                   int64_t *rows,
                   struct ts_error *err)
{
    ts_pg_param_i64(&store->base.params, account_no);
    PGresult *result = ts_repair_call(store, sql, err);
    if (result != NULL) {
        *rows += strtoll(PQcmdTuples(result), NULL, 10);
    }
    PQclear(result);
    return result != NULL;
}

struct span {
    bool any;   /* something is to be set */
    bool calls; /* in usage, too: begun from_ms to to_ms */
    int64_t from_ms;
    int64_t to_ms;
};

static bool make_steps(struct ts_repair_store *store,
                       int64_t account_no,
                       struct span *out,
                       struct ts_error *err)
{
    int64_t none = 0;
    if (!ts_pg_run(&store->base.session, "DROP TABLE IF EXISTS repair_step", err) ||
        !update(store, steps_sql, account_no, &none, err)) {
        return false;
    }
    PGresult *rows = ts_repair_call(
        store, "SELECT froms IS NOT NULL, first_start, last_start FROM repair_step", err);
    if (rows == NULL) {
        return false;
    }
    *out = (struct span){.any = ts_pg_bool(rows, 0, 0),
                         .calls = !ts_pg_is_null(rows, 0, 1),
                         .from_ms = ts_pg_time_ms(rows, 0, 1),
                         .to_ms = ts_pg_time_ms(rows, 0, 2)};
    PQclear(rows);
    return true;
}

static bool set_calls(struct ts_repair_store *store,
                      int64_t account_no,
                      const struct span *span,
                      int64_t *rows,
                      struct ts_error *err)
{
    if (!ts_pg_leaves_load(&store->base.session, &store->leaves, err)) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < store->leaves.count; i++) {
        const struct ts_pg_leaf *leaf = &store->leaves.items[i];
        char sql[SQL_MAX];
        if (leaf->from_ms <= span->to_ms && leaf->to_ms > span->from_ms) {
            int size = snprintf(sql, sizeof sql, SET_BALANCES("%s"), leaf->name);
            TS_ASSERT(size < (int)sizeof sql);
            good = update(store, sql, account_no, rows, err);
        }
    }
    return good;
}

bool ts_repair_history(struct ts_repair_store *store,
                       int64_t account_no,
                       int64_t *rows,
                       struct ts_error *err)
{
    struct span span;
    return make_steps(store, account_no, &span, err) &&
           (!span.any || update(store, SET_BALANCES("ledger_entry"), account_no, rows, err)) &&
           (!span.any || !span.calls || set_calls(store, account_no, &span, rows, err));
}
