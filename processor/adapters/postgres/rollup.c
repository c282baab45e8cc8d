/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/rollup.h"

#include "adapters/postgres/leaves.h"
#include "adapters/postgres/statements.h"
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    PARAMS_MAX = 256 * 1024,
    SQL_MAX = 2048,
    ACCOUNTS_MAX = 2000,   /* of one partition at a time */
    PAGES_MIN = 200,       /* smaller partitions are read soon enough */
    PAGES_SAMPLED = 1000,  /* about 30,000 rows */
    SAMPLED_MIN = 3,       /* rows of an account in the sample: fewer say nothing */
    HEAVY_CALLS_DAY = 300, /* an account that has more has them summed up */
};

#define DAY_MS INT64_C(86400000)

/* A partition that is looked at. */
struct leaf {
    char name[TS_PG_LEAF_NAME_MAX];
    int64_t from_ms;
    int64_t to_ms;
    int64_t pages;
    size_t account_count; /* that are to be summed up */
    int64_t accounts[ACCOUNTS_MAX];
};

static const char grown_sql[] =
    "SELECT l.leaf::text, l.from_time, l.to_time, s.pages FROM usage_leaf l"
    " CROSS JOIN LATERAL (SELECT pg_relation_size(l.leaf)"
    " / current_setting('block_size')::bigint AS pages) s"
    " LEFT JOIN usage_examined e USING (from_time)"
    " WHERE s.pages >= $1::bigint AND s.pages > coalesce(e.pages, 0) * 5 / 4"
    " ORDER BY l.from_time DESC LIMIT 2";

/* %s is the partition; $1 the percentage of it, $2 the rows in them that are many. */
static const char heavy_sql[] =
    "SELECT account_no FROM %s TABLESAMPLE SYSTEM ($1::bigint / 1000.0)"
    " WHERE account_no NOT IN (SELECT account_no FROM usage_summed"
    " WHERE from_time = $3::timestamptz AND complete)"
    " GROUP BY 1 HAVING count(*) >= $2::bigint ORDER BY count(*) DESC LIMIT $4::bigint";

/* What a pass that was broken off has left is made anew. */
static const char forget_sql[] = "DELETE FROM usage_hour WHERE account_no = ANY ($1::bigint[])"
                                 " AND hour >= $2::timestamptz AND hour < $3::timestamptz";
static const char mark_sql[] =
    "INSERT INTO usage_summed (account_no, from_time, to_time, complete)"
    " SELECT account_no, $2::timestamptz, $3::timestamptz, false"
    " FROM unnest($1::bigint[]) account_no"
    " ON CONFLICT (account_no, from_time) DO UPDATE SET complete = false";
static const char flag_sql[] =
    "UPDATE account SET summed = true WHERE account_no = ANY ($1::bigint[]) AND NOT summed";

/* %s is the partition. */
static const char sum_sql[] =
    "INSERT INTO rollup SELECT account_no, date_bin('1 hour', start_time, '2000-01-01Z'), category,"
    " charge_micros = 0 AND allowance_names IS NULL, count(*), sum(duration_ms), sum(pages),"
    " sum(charge_micros) FROM %s WHERE account_no = ANY ($1::bigint[]) GROUP BY 1, 2, 3, 4";
/* In the order in which settles write, so that none waits for the other's rows. */
static const char merge_sql[] =
    "INSERT INTO usage_hour AS h SELECT * FROM rollup ORDER BY account_no, hour, category, free"
    " ON CONFLICT (account_no, hour, category, free) DO UPDATE"
    " SET calls = h.calls + excluded.calls, duration_ms = h.duration_ms + excluded.duration_ms,"
    " pages = h.pages + excluded.pages, charge_micros = h.charge_micros + excluded.charge_micros";
static const char complete_sql[] =
    "UPDATE usage_summed SET complete = true"
    " WHERE account_no = ANY ($1::bigint[]) AND from_time = $2::timestamptz";

/* ---- which ------------------------------------------------------------------------------------
 */

static bool find_grown(struct ts_pg_session *session,
                       struct ts_pg_params *params,
                       struct leaf *leaf,
                       bool *found,
                       bool *others,
                       struct ts_error *err)
{
    ts_pg_params_clear(params);
    ts_pg_param_i64(params, PAGES_MIN);
    PGresult *rows = ts_pg_exec_params(session, grown_sql, params, err);
    if (rows == NULL) {
        return false;
    }
    *found = PQntuples(rows) > 0;
    *others = PQntuples(rows) > 1;
    if (*found) {
        ts_pg_text(rows, 0, 0, leaf->name, sizeof leaf->name);
        leaf->from_ms = ts_pg_time_ms(rows, 0, 1);
        leaf->to_ms = ts_pg_time_ms(rows, 0, 2);
        leaf->pages = ts_pg_i64(rows, 0, 3);
    }
    PQclear(rows);
    return true;
}

static bool find_heavy(struct ts_pg_session *session,
                       struct ts_pg_params *params,
                       struct leaf *leaf,
                       struct ts_error *err)
{
    char sql[SQL_MAX];
    int64_t sampled = leaf->pages < PAGES_SAMPLED ? leaf->pages : PAGES_SAMPLED;
    int64_t heavy = HEAVY_CALLS_DAY * (leaf->to_ms - leaf->from_ms) / DAY_MS;
    int64_t least = heavy * sampled / leaf->pages;
    int size = snprintf(sql, sizeof sql, heavy_sql, leaf->name);
    TS_ASSERT(size < (int)sizeof sql);
    ts_pg_params_clear(params);
    ts_pg_param_i64(params, sampled * 100 * 1000 / leaf->pages);
    ts_pg_param_i64(params, least < SAMPLED_MIN ? SAMPLED_MIN : least);
    ts_pg_param_time(params, leaf->from_ms);
    ts_pg_param_i64(params, ACCOUNTS_MAX);
    PGresult *rows = ts_pg_exec_params(session, sql, params, err);
    if (rows == NULL) {
        return false;
    }
    leaf->account_count = (size_t)PQntuples(rows);
    for (int i = 0; i < PQntuples(rows); i++) {
        leaf->accounts[i] = ts_pg_i64(rows, i, 0);
    }
    PQclear(rows);
    return true;
}

/* ---- summing up -------------------------------------------------------------------------------
 */

static void set_accounts(struct ts_pg_params *params, const struct leaf *leaf)
{
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < leaf->account_count; i++) {
        ts_pg_array_i64(params, leaf->accounts[i]);
    }
    ts_pg_array_end(params);
}

static bool run(struct ts_pg_session *session,
                const char *sql,
                const struct ts_pg_params *params,
                struct ts_error *err)
{
    PGresult *rows = ts_pg_exec_params(session, sql, params, err);
    PQclear(rows);
    return rows != NULL;
}

/* The snapshot of `reader` and the marks are of one moment, at which no settle is under way. New
 * settles wait while those under way are waited for: not for long. */
static bool mark(struct ts_pg_session *session,
                 struct ts_pg_session *reader,
                 struct ts_pg_params *params,
                 const struct leaf *leaf,
                 struct ts_error *err)
{
    bool good =
        ts_pg_run(session,
                  TS_PG_BEGIN_ALONE "SET LOCAL lock_timeout = '1s';"
                                    "SELECT pg_advisory_xact_lock(" TS_PG_GENERATION_LOCK ")",
                  err);
    set_accounts(params, leaf);
    good = good && run(session, flag_sql, params, err);
    ts_pg_param_time(params, leaf->from_ms);
    ts_pg_param_time(params, leaf->to_ms);
    good = good && run(session, forget_sql, params, err) && run(session, mark_sql, params, err) &&
           ts_pg_run(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ", err) &&
           ts_pg_run(reader, "SELECT pg_current_snapshot()", err) &&
           ts_pg_run(session, "COMMIT", err);
    if (!good && session->conn != NULL) {
        ts_pg_run(session, "ROLLBACK", NULL);
    }
    return good;
}

static bool add_what_was_there(struct ts_pg_session *reader,
                               struct ts_pg_params *params,
                               const struct leaf *leaf,
                               struct ts_error *err)
{
    char sql[SQL_MAX];
    int size = snprintf(sql, sizeof sql, sum_sql, leaf->name);
    TS_ASSERT(size < (int)sizeof sql);
    set_accounts(params, leaf);
    if (!run(reader, sql, params, err) || !ts_pg_run(reader, "COMMIT; BEGIN", err) ||
        !ts_pg_run(reader, merge_sql, err)) {
        return false;
    }
    ts_pg_param_time(params, leaf->from_ms);
    return run(reader, complete_sql, params, err) && ts_pg_run(reader, "COMMIT", err);
}

static bool sum_up(struct ts_pg_session *session,
                   const char *url,
                   struct ts_pg_params *params,
                   const struct leaf *leaf,
                   struct ts_error *err)
{
    struct ts_pg_session_options options = {
        .url = url, .role = "rollup", .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    struct ts_pg_session reader;
    if (!ts_pg_open(&reader, &options, NULL, 0, err)) {
        return false;
    }
    bool good = ts_pg_run(&reader, "CREATE TEMP TABLE rollup (LIKE usage_hour)", err) &&
                mark(session, &reader, params, leaf, err) &&
                add_what_was_there(&reader, params, leaf, err);
    ts_pg_close(&reader);
    return good;
}

static bool note_examined(struct ts_pg_session *session,
                          struct ts_pg_params *params,
                          const struct leaf *leaf,
                          struct ts_error *err)
{
    ts_pg_params_clear(params);
    ts_pg_param_time(params, leaf->from_ms);
    ts_pg_param_i64(params, leaf->pages);
    return run(session,
               "INSERT INTO usage_examined (from_time, pages) VALUES ($1::timestamptz, $2::bigint)"
               " ON CONFLICT (from_time) DO UPDATE SET pages = excluded.pages",
               params,
               err);
}

bool ts_pg_rollup_pass(struct ts_pg_session *session,
                       const char *url,
                       bool *more,
                       struct ts_error *err)
{
    bool found = false;
    bool others = false;
    struct ts_pg_params params;
    struct leaf *leaf = calloc(1, sizeof *leaf);
    if (leaf == NULL) {
        return ts_error_no_memory(err);
    }
    ts_pg_params_init(&params, PARAMS_MAX);
    struct ts_error why = {0};
    bool good = find_grown(session, &params, leaf, &found, &others, &why) &&
                (!found || find_heavy(session, &params, leaf, &why)) &&
                (!found || leaf->account_count == 0 || sum_up(session, url, &params, leaf, &why)) &&
                (!found || note_examined(session, &params, leaf, &why));
    ts_pg_params_finish(&params);
    free(leaf);
    *more = *more || (good && others);
    if (good || why.code == TS_PG_LOCK_NOT_AVAILABLE) { /* a settle does not end: another time */
        return true;
    }
    if (err != NULL) {
        *err = why;
    }
    return ts_error_prefix(err, "summing up usage");
}
