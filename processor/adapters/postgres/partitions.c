/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/partitions.h"

#include "adapters/postgres/leaves.h"
#include "adapters/postgres/rollup.h"
#include "adapters/postgres/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    LOCK_TIMEOUT_MS = 5000,
    PARAMS_MAX = 4096,
    SQL_MAX = 1024,
    RETIRE_SQL_MAX = 4096,
    LEAF_TEXT_MAX = 32,
    TURN_WAIT_MS = 100,
    RETENTION_DAYS_MAX = 36600,
};

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

/* "toll", "leaf" */
#define KEEPER_LOCK "1953459308, 1818583398"

struct ts_partitions {
    struct ts_pg_store base;
    struct ts_partitions_options options;
    struct ts_pg_leaves leaves;
};

struct ts_partitions_options ts_partitions_defaults(void)
{
    return (struct ts_partitions_options){
        .leaf_hours = 24, .history_days = 62, .ahead_days = 3, .close_after_hours = 6};
}

static bool check_options(const struct ts_partitions_options *options, struct ts_error *err)
{
    bool size = options->leaf_hours == 1 || options->leaf_hours == 6 || options->leaf_hours == 24;
    bool days = options->history_days >= 1 && options->history_days <= 3660 &&
                options->ahead_days >= 2 && options->ahead_days <= 366;
    bool retention =
        options->retention_days == 0 || (options->retention_days >= options->history_days &&
                                         options->retention_days <= RETENTION_DAYS_MAX);
    if (!retention) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "usage partitions: retention_days is 0 (for ever), or from "
                            "history_days (%d) to %d",
                            options->history_days,
                            RETENTION_DAYS_MAX);
    }
    if (size && days && options->close_after_hours >= 0) {
        return true;
    }
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "usage partitions: leaf_hours is 1, 6 or 24, history_days 1 to 3660, "
                        "ahead_days 2 to 366, close_after_hours not negative");
}

struct ts_partitions *ts_partitions_create(const struct ts_partitions_options *options,
                                           struct ts_error *err)
{
    if (!check_options(options, err)) {
        return NULL;
    }
    const struct ts_pg_session_options session = {
        .url = options->url, .role = "partitions", .lock_timeout_ms = LOCK_TIMEOUT_MS};
    struct ts_partitions *partitions =
        ts_pg_store_make(sizeof *partitions, &session, PARAMS_MAX, err);
    if (partitions != NULL) {
        partitions->options = *options;
        partitions->options.url = partitions->base.options.url;
    }
    return partitions;
}

void ts_partitions_destroy(struct ts_partitions *partitions)
{
    if (partitions != NULL) {
        ts_pg_leaves_finish(&partitions->leaves);
        ts_pg_store_free(partitions);
    }
}

static void
say(const struct ts_partitions *partitions, const char *event, const char *leaf, const char *done)
{
    const struct ts_observer *observer = &partitions->options.observer;
    if (observer->ops != NULL) {
        observer->ops->say(
            observer->self, TS_LEVEL_INFO, event, "usage partition %s was %s", leaf, done);
    }
}

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

/* --- making */

static void write_time(int64_t ms, const char *format, char *out, size_t size)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(out, size, format, &utc);
}

static bool is_due(const struct ts_partitions *partitions, int64_t to_ms, int64_t now_ms)
{
    return to_ms + partitions->options.close_after_hours * HOUR_MS <= now_ms;
}

/* One that is due to be closed is made with a closed leaf's index: it has nothing to freeze. */
static bool make_leaf(struct ts_partitions *partitions,
                      int64_t from_ms,
                      int64_t to_ms,
                      bool closed,
                      struct ts_error *err)
{
    char name[LEAF_TEXT_MAX];
    char from[LEAF_TEXT_MAX];
    char to[LEAF_TEXT_MAX];
    write_time(from_ms, "usage_%Y%m%d_%H%M", name, sizeof name);
    write_time(from_ms, "%Y-%m-%d %H:%M:%SZ", from, sizeof from);
    write_time(to_ms, "%Y-%m-%d %H:%M:%SZ", to, sizeof to);
    char sql[SQL_MAX];
    snprintf(sql,
             sizeof sql,
             "BEGIN; CREATE TABLE %s (LIKE usage INCLUDING DEFAULTS INCLUDING CONSTRAINTS)%s;"
             "CREATE INDEX %s_%s ON %s %s;"
             "ALTER TABLE usage ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s'); COMMIT",
             name,
             closed ? "" : " WITH (autovacuum_vacuum_insert_threshold = -1)",
             name,
             closed ? "account" : "hot",
             name,
             closed ? "(account_no, start_time)"
                    : "USING brin (account_no int8_bloom_ops)"
                      " WITH (pages_per_range = 32, autosummarize = on)",
             name,
             from,
             to);
    if (!ts_pg_run(&partitions->base.session, sql, err)) {
        ts_pg_run(&partitions->base.session, "ROLLBACK", NULL);
        return ts_error_prefix(err, "usage partition %s", name);
    }
    return true;
}

/* The end of a new leaf that begins at from_ms: a whole one's, or where the next one begins. */
static int64_t end_of_leaf(const struct ts_partitions *partitions, int64_t from_ms)
{
    int64_t size = partitions->options.leaf_hours * HOUR_MS;
    int64_t to_ms = floor_to(from_ms, size) + size;
    for (size_t i = 0; i < partitions->leaves.count; i++) {
        int64_t next_ms = partitions->leaves.items[i].from_ms;
        if (next_ms > from_ms && next_ms < to_ms) {
            to_ms = next_ms;
        }
    }
    return to_ms;
}

/* Where the time of retired leaves ends. */
static bool read_floor(struct ts_partitions *partitions, int64_t *out_ms, struct ts_error *err)
{
    struct ts_pg_params none = {0};
    PGresult *rows = ts_pg_exec_params(
        &partitions->base.session, "SELECT max(to_time) FROM usage_retired", &none, err);
    if (rows == NULL) {
        return false;
    }
    *out_ms = ts_pg_is_null(rows, 0, 0) ? INT64_MIN : ts_pg_time_ms(rows, 0, 0);
    PQclear(rows);
    return true;
}

static bool make_missing(struct ts_partitions *partitions, int64_t now_ms, struct ts_error *err)
{
    int64_t size = partitions->options.leaf_hours * HOUR_MS;
    int64_t until_ms = now_ms + partitions->options.ahead_days * DAY_MS;
    int64_t at_ms = floor_to(now_ms - partitions->options.history_days * DAY_MS, size);
    int64_t floor_ms = 0;
    int made = 0;
    if (!ts_pg_leaves_load(&partitions->base.session, &partitions->leaves, err) ||
        !read_floor(partitions, &floor_ms, err)) {
        return false;
    }
    at_ms = at_ms > floor_ms ? at_ms : floor_ms;
    while (at_ms < until_ms) {
        const struct ts_pg_leaf *there = ts_pg_leaves_find(&partitions->leaves, at_ms);
        int64_t to_ms = there != NULL ? there->to_ms : end_of_leaf(partitions, at_ms);
        if (there == NULL) {
            bool closed = is_due(partitions, to_ms, now_ms);
            if (!make_leaf(partitions, at_ms, to_ms, closed, err)) {
                return false;
            }
            made++;
        }
        at_ms = to_ms;
    }
    if (made > 0) {
        char count[LEAF_TEXT_MAX];
        snprintf(count, sizeof count, "(%d of them)", made);
        say(partitions, "partitions_made", count, "made");
    }
    return true;
}

/* --- one at a time */

static bool try_lock(struct ts_partitions *partitions, bool *ours, struct ts_error *err)
{
    struct ts_pg_params none = {0};
    PGresult *rows = ts_pg_exec_params(
        &partitions->base.session, "SELECT pg_try_advisory_lock(" KEEPER_LOCK ")", &none, err);
    if (rows == NULL) {
        return false;
    }
    *ours = ts_pg_bool(rows, 0, 0);
    PQclear(rows);
    return true;
}

/* By asking again, not by waiting in the server: whoever has the lock may be waiting there for all
 * statements that began before its own, this one too. */
static bool lock(struct ts_partitions *partitions, struct ts_error *err)
{
    bool ours = false;
    while (try_lock(partitions, &ours, err)) {
        if (ours) {
            return true;
        }
        nanosleep(&(struct timespec){.tv_nsec = TURN_WAIT_MS * 1000000L}, NULL);
    }
    return false;
}

static void unlock(struct ts_partitions *partitions)
{
    if (partitions->base.session.conn != NULL) {
        ts_pg_run(&partitions->base.session, "SELECT pg_advisory_unlock(" KEEPER_LOCK ")", NULL);
    }
}

bool ts_partitions_ensure(struct ts_partitions *partitions, int64_t now_ms, struct ts_error *err)
{
    if (!ts_pg_store_connect(&partitions->base, err) || !lock(partitions, err)) {
        return false;
    }
    bool ok = make_missing(partitions, now_ms, err);
    unlock(partitions);
    return ok;
}

/* --- tending */

/* A row of the attached leaves that have not only a closed one's index. */
struct tended {
    char leaf[TS_PG_LEAF_NAME_MAX];
    char name[64]; /* bare, to derive the names of its indexes from */
    int64_t to_ms;
    bool has_hot;     /* the BRIN index is there */
    bool has_account; /* the btree is there and valid */
    bool has_broken;  /* the btree is there and was not finished */
};

static const char tended_sql[] =
    "SELECT l.leaf::text, c.relname::text, l.to_time,"
    " to_regclass(quote_ident(c.relname || '_hot')) IS NOT NULL,"
    " coalesce(i.indisvalid, false), coalesce(NOT i.indisvalid, false)"
    " FROM usage_leaf l JOIN pg_class c ON c.oid = l.leaf"
    " LEFT JOIN pg_index i ON i.indexrelid = to_regclass(quote_ident(c.relname || '_account'))"
    " WHERE i.indexrelid IS NULL OR NOT i.indisvalid"
    " OR to_regclass(quote_ident(c.relname || '_hot')) IS NOT NULL"
    " ORDER BY l.from_time";

static void read_tended(const PGresult *rows, int row, struct tended *out)
{
    ts_pg_text(rows, row, 0, out->leaf, sizeof out->leaf);
    ts_pg_text(rows, row, 1, out->name, sizeof out->name);
    out->to_ms = ts_pg_time_ms(rows, row, 2);
    out->has_hot = ts_pg_bool(rows, row, 3);
    out->has_account = ts_pg_bool(rows, row, 4);
    out->has_broken = ts_pg_bool(rows, row, 5);
}

static bool
run_on(struct ts_partitions *partitions, const char *format, const char *name, struct ts_error *err)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, format, name, name);
    return ts_pg_run(&partitions->base.session, sql, err);
}

/* Each step can be begun again by the next pass: the valid btree says that it is closed. Nothing
 * here blocks a settle that writes late CDRs into the leaf. */
static bool
close_leaf(struct ts_partitions *partitions, const struct tended *leaf, struct ts_error *err)
{
    bool ok = true;
    if (!leaf->has_account) {
        ok = (!leaf->has_broken ||
              run_on(partitions, "DROP INDEX CONCURRENTLY \"%s_account\"", leaf->name, err)) &&
             run_on(partitions, "VACUUM (FREEZE, ANALYZE) %s", leaf->leaf, err) &&
             run_on(partitions,
                    "CREATE INDEX CONCURRENTLY \"%s_account\" ON \"%s\" (account_no, start_time)",
                    leaf->name,
                    err);
    }
    ok = ok && run_on(partitions,
                      "ALTER TABLE %s RESET (autovacuum_vacuum_insert_threshold)",
                      leaf->leaf,
                      err);
    if (ok && leaf->has_hot) {
        ok = run_on(partitions, "DROP INDEX CONCURRENTLY \"%s_hot\"", leaf->name, err);
    }
    if (!ok) {
        return ts_error_prefix(err, "closing usage partition %s", leaf->name);
    }
    say(partitions, "partition_closed", leaf->name, "closed");
    return true;
}

/* What was written since the last pass is not in the BRIN index yet, and would be read whole. */
static bool
summarize(struct ts_partitions *partitions, const struct tended *leaf, struct ts_error *err)
{
    return !leaf->has_hot || run_on(partitions,
                                    "SELECT brin_summarize_new_values('\"%s_hot\"'::regclass)",
                                    leaf->name,
                                    err);
}

static bool
tend_leaves(struct ts_partitions *partitions, int64_t now_ms, bool *more, struct ts_error *err)
{
    struct ts_pg_params none = {0};
    PGresult *rows = ts_pg_exec_params(&partitions->base.session, tended_sql, &none, err);
    if (rows == NULL) {
        return false;
    }
    bool ok = true;
    int closed = 0;
    int due = 0;
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        struct tended leaf;
        read_tended(rows, i, &leaf);
        if (!is_due(partitions, leaf.to_ms, now_ms)) {
            ok = summarize(partitions, &leaf, err);
        } else if (due++ == 0) {
            ok = close_leaf(partitions, &leaf, err);
            closed += ok;
        }
    }
    PQclear(rows);
    *more = due > closed;
    return ok;
}

/* --- taking away */

/* %1$s is the leaf, %2$u its number, %3$s what becomes of it. The sums are made while nobody can
 * write to the leaf; then the whole table is held, but only for as long as it takes to change the
 * catalog, and others are not made to wait behind a long query. */
static const char retire_sql[] =
    "BEGIN; LOCK TABLE %1$s IN SHARE MODE;"
    "INSERT INTO usage_carried AS c SELECT account_no, count(*), sum(charge_micros) FROM %1$s"
    " GROUP BY 1 ON CONFLICT (account_no) DO UPDATE SET row_count = c.row_count +"
    " excluded.row_count, charge_micros = c.charge_micros + excluded.charge_micros;"
    "INSERT INTO usage_carried_units AS c SELECT account_no, d.name, sum(d.units) FROM %1$s,"
    " unnest(allowance_names, allowance_units) AS d(name, units)"
    " WHERE allowance_names IS NOT NULL GROUP BY 1, 2"
    " ON CONFLICT (account_no, name) DO UPDATE SET units = c.units + excluded.units;"
    "INSERT INTO usage_carried_lane AS c SELECT topic_no, partition, count(*) FROM %1$s"
    " WHERE generation = 0 GROUP BY 1, 2"
    " ON CONFLICT (topic_no, partition) DO UPDATE SET settled = c.settled + excluded.settled;"
    "INSERT INTO usage_retired (leaf, from_time, to_time, dropped)"
    " SELECT leaf::text, from_time, to_time, %3$s FROM usage_leaf WHERE leaf::oid = %2$u;"
    "DELETE FROM usage_hour h USING usage_leaf l, usage_summed k WHERE l.leaf::oid = %2$u"
    " AND k.from_time = l.from_time AND h.account_no = k.account_no"
    " AND h.hour >= k.from_time AND h.hour < k.to_time;"
    "DELETE FROM usage_summed k USING usage_leaf l"
    " WHERE l.leaf::oid = %2$u AND k.from_time = l.from_time;"
    "SET LOCAL lock_timeout = '200ms'; ALTER TABLE usage DETACH PARTITION %1$s;";

/* `busy`: somebody reads it; nothing was done. */
static bool retire_leaf(struct ts_partitions *partitions,
                        const struct ts_pg_leaf *leaf,
                        bool *busy,
                        struct ts_error *err)
{
    bool drop = partitions->options.retention_action == TS_RETENTION_DROP;
    char sql[RETIRE_SQL_MAX];
    int size =
        snprintf(sql, sizeof sql, retire_sql, leaf->name, leaf->oid, drop ? "true" : "false");
    if (drop) {
        size += snprintf(sql + size, sizeof sql - (size_t)size, "DROP TABLE %s;", leaf->name);
    }
    snprintf(sql + size, sizeof sql - (size_t)size, "COMMIT");
    struct ts_error why = {0};
    if (ts_pg_run(&partitions->base.session, sql, &why)) {
        say(partitions, "partition_retired", leaf->name, drop ? "dropped" : "detached");
        return true;
    }
    ts_pg_run(&partitions->base.session, "ROLLBACK", NULL);
    if (why.code == TS_PG_LOCK_NOT_AVAILABLE) {
        *busy = true;
        return true;
    }
    *err = why;
    return ts_error_prefix(err, "retiring usage partition %s", leaf->name);
}

/* One that was taken away before and attached again by hand is left alone. */
static const char over_sql[] =
    "SELECT leaf::text, leaf::oid, from_time, to_time FROM usage_leaf l"
    " WHERE to_time <= $1::timestamptz AND NOT EXISTS (SELECT 1 FROM usage_retired r"
    " WHERE r.from_time = l.from_time AND r.to_time = l.to_time) ORDER BY from_time LIMIT 2";

static bool
retire_oldest(struct ts_partitions *partitions, int64_t now_ms, bool *more, struct ts_error *err)
{
    if (partitions->options.retention_days == 0) {
        return true;
    }
    struct ts_pg_params params;
    ts_pg_params_init(&params, 64);
    ts_pg_param_time(&params, now_ms - partitions->options.retention_days * DAY_MS);
    PGresult *rows = ts_pg_exec_params(&partitions->base.session, over_sql, &params, err);
    ts_pg_params_finish(&params);
    bool ok = rows != NULL;
    bool busy = false;
    if (ok && PQntuples(rows) > 0) {
        struct ts_pg_leaf leaf;
        ts_pg_text(rows, 0, 0, leaf.name, sizeof leaf.name);
        leaf.oid = (uint32_t)ts_pg_i32(rows, 0, 1);
        ok = retire_leaf(partitions, &leaf, &busy, err);
        *more = *more || (PQntuples(rows) > 1 && !busy);
    }
    PQclear(rows);
    return ok;
}

bool ts_partitions_tend(struct ts_partitions *partitions,
                        int64_t now_ms,
                        bool *more,
                        struct ts_error *err)
{
    bool ignored = false;
    bool ours = false;
    more = more != NULL ? more : &ignored;
    *more = false;
    if (!ts_pg_store_connect(&partitions->base, err) || !try_lock(partitions, &ours, err)) {
        return false;
    }
    if (!ours) {
        return true;
    }
    bool ok = tend_leaves(partitions, now_ms, more, err) &&
              retire_oldest(partitions, now_ms, more, err) &&
              ts_pg_rollup_pass(&partitions->base.session, partitions->options.url, more, err);
    unlock(partitions);
    return ok;
}
