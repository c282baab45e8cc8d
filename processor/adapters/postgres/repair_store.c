/* SPDX-License-Identifier: Apache-2.0 */
/* The one session holds what was found in temporary tables, so that memory is bounded however many
 * accounts are damaged:
 *   repair_account   a row an account: what is to be added, whether it is to be numbered anew
 *   repair_units     likewise of the months of its allowances */
#include "adapters/postgres/repair_store.h"

#include "adapters/postgres/ledger_sums.h"
#include "adapters/postgres/repair_inner.h"
#include "core/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LOCK_TIMEOUT_MS = 2000,
    PARAMS_MAX = 1 << 20,
    PAGE = 1000,
    SQL_MAX = 2048,
};

/* "toll", "repa" */
#define REPAIR_LOCK "1953459308, 1919250529"

struct ts_repair_store *ts_repair_store_open(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {
        .url = url, .role = "repair", .lock_timeout_ms = LOCK_TIMEOUT_MS};
    struct ts_repair_store *store = ts_pg_store_make(sizeof *store, &options, PARAMS_MAX, err);
    if (store != NULL && !ts_pg_store_connect(&store->base, err)) {
        ts_repair_store_close(store);
        return NULL;
    }
    return store;
}

void ts_repair_store_close(struct ts_repair_store *store)
{
    if (store != NULL) {
        ts_pg_leaves_finish(&store->leaves);
        ts_pg_store_free(store);
    }
}

PGresult *ts_repair_call(struct ts_repair_store *store, const char *sql, struct ts_error *err)
{
    PGresult *rows = ts_pg_exec_params(&store->base.session, sql, &store->base.params, err);
    ts_pg_params_clear(&store->base.params);
    return rows;
}

bool ts_repair_run(struct ts_repair_store *store, const char *sql, struct ts_error *err)
{
    PGresult *rows = ts_repair_call(store, sql, err);
    PQclear(rows);
    return rows != NULL;
}

/* ---- finding -----------------------------------------------------------------------------------
 */

/* Of sums beyond any balance the nearest number is shown. */
#define SHOWN(sum) "least(greatest(" sum ", -9223372036854775807), 9223372036854775807)::bigint"

/* %1$s is a filter on the account or nothing. */
static const char accounts_sql[] =
    "CREATE TEMP TABLE repair_account AS"
    " SELECT a.account_no, a.account_id, -1 AS bucket, a.balance_micros, a.movements,"
    " " SHOWN(
        "coalesce(s.total, 0)") " AS total, coalesce(s.row_count, 0)::bigint AS row_count,"
                                " coalesce(s.twice, 0)::bigint AS twice, coalesce(s.breaks, "
                                "0)::bigint AS breaks,"
                                " abs(coalesce(s.total, 0)) > 9000000000000000 AS hopeless,"
                                " coalesce(s.twice, 0) > 0 OR a.movements <> coalesce(s.row_count, "
                                "0) AS misnumbered"
                                " FROM account a LEFT JOIN audit_account s USING (account_no)"
                                " WHERE (a.balance_micros <> coalesce(s.total, 0)"
                                " OR a.movements <> coalesce(s.row_count, 0) OR s.twice > 0 OR "
                                "s.breaks > 0"
                                " OR a.account_no IN (SELECT account_no FROM allowance_sum))%1$s";

/* Month by month where the rows of all its calls are still there. What is older than that is only
 * known as a sum, and whatever is missing from it goes to the last of those months. */
static const char units_sql[] =
    "CREATE TEMP TABLE repair_units AS"
    " WITH retired AS (SELECT to_char(max(to_time) + interval '1 day', 'YYYYMM')::int AS month"
    " FROM usage_retired),"
    " drawn AS (SELECT account_no, name, month, sum(units) AS units FROM"
    " (SELECT u.account_no, d.name,"
    " to_char(u.start_time AT TIME ZONE a.timezone, 'YYYYMM')::int AS month, d.units"
    " FROM usage u JOIN account a USING (account_no),"
    " unnest(u.allowance_names, u.allowance_units) AS d(name, units)"
    " WHERE u.allowance_names IS NOT NULL"
    " AND (u.account_no, d.name) IN (SELECT account_no, name FROM allowance_sum)%1$s"
    " UNION ALL SELECT a.account_no, d.name, a.month, d.units"
    " FROM adjustment a, unnest(a.unit_names, a.unit_counts) AS d(name, units)"
    " WHERE (a.account_no, d.name) IN (SELECT account_no, name FROM allowance_sum)"
    " UNION ALL SELECT account_no, name, retired.month, units FROM usage_carried_units, retired"
    " WHERE (account_no, name) IN (SELECT account_no, name FROM allowance_sum)"
    " UNION ALL SELECT account_no, name, month, -used FROM allowance_used"
    " WHERE (account_no, name) IN (SELECT account_no, name FROM allowance_sum)) x GROUP BY 1, 2, 3)"
    " SELECT account_no, name, max(month) AS month, sum(units)::bigint AS units"
    " FROM drawn, LATERAL (SELECT month AS retired FROM retired) r"
    " GROUP BY account_no, name, CASE WHEN month <= retired THEN 0 ELSE month END"
    " HAVING sum(units) <> 0";

static bool lock_repairs(struct ts_repair_store *store, struct ts_error *err)
{
    PGresult *rows = ts_repair_call(store, "SELECT pg_try_advisory_lock(" REPAIR_LOCK ")", err);
    bool ours = rows != NULL && ts_pg_bool(rows, 0, 0);
    bool asked = rows != NULL;
    PQclear(rows);
    return ours || (asked && ts_error_set(err, TS_ERROR_RETRY, 0, "another repair is under way"));
}

static bool find_account(struct ts_repair_store *store,
                         const char *account_id,
                         int64_t *account_no,
                         struct ts_error *err)
{
    ts_pg_param_text(&store->base.params, account_id);
    PGresult *rows =
        ts_repair_call(store, "SELECT account_no FROM account WHERE account_id = $1::text", err);
    if (rows == NULL) {
        return false;
    }
    bool found = PQntuples(rows) == 1;
    *account_no = found ? ts_pg_i64(rows, 0, 0) : 0;
    PQclear(rows);
    return found || ts_error_set(err, TS_ERROR_REJECT, 0, "there is no account \"%s\"", account_id);
}

static bool make_filtered(struct ts_repair_store *store,
                          const char *format,
                          int64_t account_no,
                          struct ts_error *err)
{
    char filter[64] = "";
    char sql[SQL_MAX];
    if (account_no != 0) {
        snprintf(filter, sizeof filter, " AND a.account_no = %" PRId64 "::bigint", account_no);
    }
    snprintf(sql, sizeof sql, format, filter);
    return ts_pg_run(&store->base.session, sql, err);
}

static bool count_found(struct ts_repair_store *store,
                        int64_t account_no,
                        struct ts_repair_found *out,
                        struct ts_error *err)
{
    ts_pg_param_i64(&store->base.params, account_no);
    PGresult *rows = ts_repair_call(
        store,
        "SELECT CASE WHEN $1::bigint <> 0 THEN 1 ELSE (SELECT count(*) FROM account) END,"
        " (SELECT count(*) FROM repair_account),"
        " (SELECT count(*) FROM repair_account WHERE hopeless),"
        " (SELECT count(*) FROM audit_account s LEFT JOIN account a USING (account_no)"
        " WHERE a.account_no IS NULL)",
        err);
    if (rows == NULL) {
        return false;
    }
    *out = (struct ts_repair_found){.accounts = ts_pg_i64(rows, 0, 0),
                                    .damaged = ts_pg_i64(rows, 0, 1),
                                    .hopeless = ts_pg_i64(rows, 0, 2),
                                    .ownerless = ts_pg_i64(rows, 0, 3)};
    PQclear(rows);
    return true;
}

/* Which bucket an account is in, PostgreSQL cannot tell. */
static bool set_buckets(struct ts_repair_store *store, struct ts_error *err)
{
    int64_t after = 0;
    for (int count = PAGE; count == PAGE;) {
        ts_pg_param_i64(&store->base.params, after);
        ts_pg_param_i64(&store->base.params, PAGE);
        PGresult *rows = ts_repair_call(store,
                                        "SELECT account_no, account_id FROM repair_account"
                                        " WHERE account_no > $1::bigint"
                                        " ORDER BY account_no LIMIT $2::bigint",
                                        err);
        if (rows == NULL) {
            return false;
        }
        count = PQntuples(rows);
        ts_pg_array_begin(&store->base.params, TS_PG_INT8);
        for (int i = 0; i < count; i++) {
            after = ts_pg_i64(rows, i, 0);
            ts_pg_array_i64(&store->base.params, after);
        }
        ts_pg_array_end(&store->base.params);
        ts_pg_array_begin(&store->base.params, TS_PG_INT4);
        for (int i = 0; i < count; i++) {
            ts_pg_array_i32(&store->base.params,
                            (int32_t)ts_account_bucket(ts_pg_bytes(rows, i, 1)));
        }
        ts_pg_array_end(&store->base.params);
        PQclear(rows);
        if (!ts_repair_run(store,
                           "UPDATE repair_account r SET bucket = v.bucket"
                           " FROM unnest($1::bigint[], $2::int[]) AS v(account_no, bucket)"
                           " WHERE r.account_no = v.account_no",
                           err)) {
            return false;
        }
    }
    return ts_pg_run(
        &store->base.session, "CREATE INDEX ON repair_account (bucket, account_no)", err);
}

/* The snapshot ends with the sums: a long one would keep the server from cleaning up. */
static bool find_in_snapshot(struct ts_repair_store *store,
                             int64_t account_no,
                             struct ts_repair_found *out,
                             struct ts_error *err)
{
    struct ts_pg_session *session = &store->base.session;
    return ts_pg_run(session, "DROP TABLE IF EXISTS repair_account, repair_units", err) &&
           ts_pg_run(session,
                     "SET work_mem = '256MB'; BEGIN ISOLATION LEVEL REPEATABLE READ;"
                     /* before the snapshot: or a partition could be gone that it counts */
                     "LOCK TABLE ONLY usage IN ACCESS SHARE MODE",
                     err) &&
           ts_pg_sum_ledgers(session, account_no, err) &&
           ts_pg_sum_allowances(session, account_no, err) &&
           make_filtered(store, accounts_sql, account_no, err) &&
           make_filtered(store, units_sql, account_no, err) &&
           count_found(store, account_no, out, err) &&
           ts_pg_run(session,
                     "COMMIT; CREATE UNIQUE INDEX ON repair_account (account_no);"
                     "CREATE INDEX ON repair_units (account_no);"
                     "ANALYZE repair_account; ANALYZE repair_units",
                     err) &&
           set_buckets(store, err);
}

bool ts_repair_store_find(struct ts_repair_store *store,
                          const char *account_id,
                          struct ts_repair_found *out,
                          struct ts_error *err)
{
    int64_t account_no = 0;
    return lock_repairs(store, err) &&
           (account_id == NULL || find_account(store, account_id, &account_no, err)) &&
           find_in_snapshot(store, account_no, out, err);
}

/* ---- telling -----------------------------------------------------------------------------------
 */

/* In the order of the codes in the second column. */
static const struct {
    const char *check;
    const char *unit;
} kinds[] = {{"balance", "micro-units"},
             {"movements", "rows"},
             {"numbering", "rows"},
             {"balance_after", "rows"},
             {"allowance", "units"}};

static const char differences_sql[] =
    "DECLARE repair_differences NO SCROLL CURSOR FOR SELECT account_id, kind, name, stored, ledger"
    " FROM (SELECT account_no, account_id, 0 AS kind, NULL::text AS name,"
    " balance_micros AS stored, total AS ledger FROM repair_account WHERE balance_micros <> total"
    " UNION ALL SELECT account_no, account_id, 1, NULL, movements, row_count FROM repair_account"
    " WHERE movements <> row_count"
    " UNION ALL SELECT account_no, account_id, 2, NULL, twice, 0 FROM repair_account"
    " WHERE twice > 0"
    " UNION ALL SELECT account_no, account_id, 3, NULL, breaks, 0 FROM repair_account"
    " WHERE breaks > 0"
    " UNION ALL SELECT r.account_no, r.account_id, 4, u.name || ' ' || u.month,"
    " coalesce(x.used, 0), coalesce(x.used, 0) + u.units FROM repair_units u"
    " JOIN repair_account r USING (account_no)"
    " LEFT JOIN allowance_used x USING (account_no, month, name)) d"
    " ORDER BY account_no, kind, name";

static void tell(const PGresult *rows, int row, const struct ts_repair_visitor *visitor)
{
    int32_t kind = ts_pg_i32(rows, row, 1);
    struct ts_repair_difference difference = {.check = kinds[kind].check,
                                              .unit = kinds[kind].unit,
                                              .account_id = ts_pg_bytes(rows, row, 0),
                                              .allowance = ts_pg_bytes(rows, row, 2),
                                              .stored = ts_pg_i64(rows, row, 3),
                                              .ledger = ts_pg_i64(rows, row, 4)};
    visitor->visit(visitor->self, &difference);
}

bool ts_repair_store_visit(struct ts_repair_store *store,
                           const struct ts_repair_visitor *visitor,
                           struct ts_error *err)
{
    char fetch[64];
    snprintf(fetch, sizeof fetch, "FETCH %d FROM repair_differences", PAGE);
    bool good = ts_pg_run(&store->base.session, "BEGIN", err) &&
                ts_pg_run(&store->base.session, differences_sql, err);
    for (int count = PAGE; good && count == PAGE;) {
        PGresult *rows = ts_repair_call(store, fetch, err);
        good = rows != NULL;
        count = good ? PQntuples(rows) : 0;
        for (int i = 0; i < count; i++) {
            tell(rows, i, visitor);
        }
        PQclear(rows);
    }
    return good && ts_pg_run(&store->base.session, "COMMIT", err);
}
