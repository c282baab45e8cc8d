/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/audit_store.h"

#include "adapters/postgres/ledger_sums.h"
#include "adapters/postgres/store.h"

#include <stdio.h>

enum { PARAMS_MAX = 64, VISITED_MAX = 100, SQL_MAX = 2048 };

/* The calls of the accounts and partitions that are summed up by the hour. */
static const char sum_hours_sql[] =
    "CREATE TEMP TABLE audit_summed ON COMMIT DROP AS"
    " SELECT k.account_no, k.from_time, sum(u.calls) AS calls, sum(u.charges) AS charges"
    " FROM (SELECT account_no, date_bin('1 hour', start_time, '2000-01-01Z') AS hour,"
    " count(*) AS calls, sum(charge_micros) AS charges FROM usage"
    " WHERE account_no IN (SELECT account_no FROM usage_summed) GROUP BY 1, 2) u"
    " JOIN usage_summed k ON k.account_no = u.account_no AND u.hour >= k.from_time"
    " AND u.hour < k.to_time GROUP BY 1, 2";

/* How each input partition's records ended, counted from the rows themselves. */
static const char sum_lanes_sql[] =
    "CREATE TEMP TABLE audit_lane ON COMMIT DROP AS"
    " SELECT topic, partition, coalesce(e.settled, 0) + coalesce(c.settled, 0) AS settled,"
    " coalesce(e.duplicates, 0) AS duplicates, coalesce(e.dead_letters, 0) AS dead_letters,"
    " coalesce(e.twice, 0) AS twice, e.low, e.high"
    " FROM (SELECT topic, partition, count(*) FILTER (WHERE kind = 'settled') AS settled,"
    " count(*) FILTER (WHERE kind = 'duplicate') AS duplicates,"
    " count(*) FILTER (WHERE kind = 'dead') AS dead_letters,"
    " count(*) - count(DISTINCT \"offset\") AS twice, min(\"offset\") AS low,"
    " max(\"offset\") AS high"
    " FROM (SELECT t.name AS topic, u.partition, u.\"offset\", 'settled' AS kind FROM usage u"
    " JOIN topic t USING (topic_no) WHERE u.generation = 0"
    " UNION ALL SELECT topic, partition, \"offset\", 'settled' FROM command_id WHERE space = 0"
    " UNION ALL SELECT topic, partition, \"offset\", 'duplicate' FROM duplicate"
    " UNION ALL SELECT topic, partition, \"offset\", 'dead' FROM dead_letter) ends"
    " GROUP BY topic, partition) e"
    " FULL JOIN (SELECT t.name AS topic, c.partition, c.settled FROM usage_carried_lane c"
    " JOIN topic t USING (topic_no)) c USING (topic, partition)";

/* Each gives (subject, detail) for what does not add up. */
static const struct {
    const char *name;
    const char *sql;
} checks[] = {
    {"balance",
     "SELECT a.account_id, format('the balance is %s, the ledger adds up to %s micro-units',"
     " a.balance_micros, coalesce(s.total, 0))"
     " FROM account a LEFT JOIN audit_account s USING (account_no)"
     " WHERE a.balance_micros <> coalesce(s.total, 0)"},
    {"movements",
     "SELECT a.account_id, format('%s movements were numbered, the ledger has %s rows, numbered"
     " %s to %s, %s numbers are missing and %s are twice', a.movements, coalesce(s.row_count, 0),"
     " s.first, s.last, s.missing + a.movements - s.last - s.carried, coalesce(s.twice, 0))"
     " FROM account a LEFT JOIN audit_account s USING (account_no)"
     " WHERE a.movements <> coalesce(s.row_count, 0) OR s.twice > 0"
     " OR s.missing + a.movements - s.last <> s.carried"},
    {"balance_after",
     "SELECT a.account_id, format('%s rows do not follow from the one before, the first is"
     " movement %s', s.breaks, s.broken_at)"
     " FROM account a JOIN audit_account s USING (account_no) WHERE s.breaks > 0"},
    {"credits",
     "SELECT a.account_id, format('movement %s of %s micro-units comes from no command: %s/%s"
     " offset %s', e.movement, e.amount_micros, e.topic, e.partition, e.\"offset\")"
     " FROM ledger_entry e JOIN account a USING (account_no) LEFT JOIN command_id c"
     " ON c.space = 1 AND c.command_id = e.ref_id AND c.account_no = e.account_no"
     " AND c.topic = e.topic AND c.partition = e.partition AND c.\"offset\" = e.\"offset\""
     " LEFT JOIN adjustment j ON j.account_no = e.account_no AND j.movement = e.movement"
     " WHERE e.topic IS NOT NULL AND c.command_id IS NULL AND j.movement IS NULL"},
    {"invoices",
     "SELECT a.account_id, format('the invoice line of credit \"%s\" has %s micro-units, the"
     " ledger %s', i.credit_id, i.amount_micros, coalesce(e.amount_micros, 0))"
     " FROM invoice_line i JOIN account a USING (account_no)"
     " LEFT JOIN (SELECT account_no, ref_id, sum(amount_micros) AS amount_micros"
     " FROM ledger_entry WHERE kind <> 'opening' GROUP BY 1, 2) e"
     " ON e.account_no = i.account_no AND e.ref_id = i.credit_id"
     " WHERE i.amount_micros IS DISTINCT FROM e.amount_micros"},
    {"allowances",
     "SELECT a.account_id, format('%s units of allowance \"%s\" were used, the calls drew %s',"
     " s.used, s.name, s.drew) FROM allowance_sum s JOIN account a USING (account_no)"},
    {"adjustments",
     "SELECT a.account_id, format('movement %s is an adjustment of %s, the ledger has %s',"
     " j.movement, j.amount_micros, coalesce(e.amount_micros, 0)) FROM adjustment j"
     " LEFT JOIN ledger_entry e USING (account_no, movement) JOIN account a USING (account_no)"
     " WHERE j.amount_micros IS DISTINCT FROM e.amount_micros"},
    {"hours",
     "SELECT a.account_id, format('%s calls that began from %s to %s cost %s micro-units, their"
     " sums by the hour have %s of %s', coalesce(u.calls, 0), k.from_time, k.to_time,"
     " coalesce(u.charges, 0), coalesce(h.calls, 0), coalesce(h.charges, 0))"
     " FROM usage_summed k JOIN account a USING (account_no)"
     " LEFT JOIN LATERAL (SELECT sum(calls) AS calls, sum(charge_micros) AS charges"
     " FROM usage_hour h WHERE h.account_no = k.account_no AND h.hour >= k.from_time"
     " AND h.hour < k.to_time) h ON true"
     " LEFT JOIN audit_summed u ON u.account_no = k.account_no AND u.from_time = k.from_time"
     " WHERE k.complete AND (coalesce(h.calls, 0) <> coalesce(u.calls, 0)"
     " OR coalesce(h.charges, 0) <> coalesce(u.charges, 0))"},
    {"account_missing",
     "SELECT 'account_no ' || s.account_no, format('%s ledger rows belong to no account',"
     " s.row_count) FROM audit_account s LEFT JOIN account a USING (account_no)"
     " WHERE a.account_no IS NULL"},
    {"counters",
     "SELECT topic || '/' || partition, format('offsets %s to %s, of which %s settled, %s"
     " duplicates, %s dead letters, %s holes', first_offset, next_offset - 1, settled, duplicates,"
     " dead_letters, holes) FROM stream_partition"
     " WHERE next_offset - first_offset <> settled + duplicates + dead_letters + holes"},
    {"inputs",
     "SELECT p.topic || '/' || p.partition, format('counted %s settled, %s duplicates, %s dead"
     " letters; the rows are %s, %s, %s', p.settled, p.duplicates, p.dead_letters,"
     " coalesce(l.settled, 0), coalesce(l.duplicates, 0), coalesce(l.dead_letters, 0))"
     " FROM stream_partition p LEFT JOIN audit_lane l USING (topic, partition)"
     " WHERE p.settled <> coalesce(l.settled, 0) OR p.duplicates <> coalesce(l.duplicates, 0)"
     " OR p.dead_letters <> coalesce(l.dead_letters, 0)"},
    {"offsets",
     "SELECT l.topic || '/' || l.partition, format('%s offsets ended more than once; they reach"
     " from %s to %s, the partition from %s to %s', l.twice, l.low, l.high, p.first_offset,"
     " p.next_offset - 1)"
     " FROM audit_lane l LEFT JOIN stream_partition p USING (topic, partition)"
     " WHERE l.twice > 0 OR l.low < p.first_offset OR l.high >= p.next_offset"
     " OR p.topic IS NULL"},
    {"outbox",
     "SELECT coalesce(a.account_id, 'account_no ' || o.account_no), format('event %s waits in the"
     " outbox %s times, the account has told %s', o.sequence, count(*), max(a.sequence))"
     " FROM outbox o LEFT JOIN account a USING (account_no) WHERE o.account_no <> 0"
     " GROUP BY o.account_no, a.account_id, o.sequence"
     " HAVING count(*) > 1 OR o.sequence > coalesce(max(a.sequence), 0)"},
};

static bool run_check(struct ts_pg_session *session,
                      size_t check,
                      const struct ts_audit_visitor *visitor,
                      struct ts_audit_totals *totals,
                      struct ts_error *err)
{
    char sql[SQL_MAX];
    struct ts_pg_params none = {0};
    snprintf(sql,
             sizeof sql,
             "WITH found(subject, detail) AS (%s) SELECT subject, detail, count(*) OVER ()"
             " FROM found ORDER BY subject LIMIT %d",
             checks[check].sql,
             VISITED_MAX);
    PGresult *rows = ts_pg_exec_params(session, sql, &none, err);
    if (rows == NULL) {
        return ts_error_prefix(err, "audit of %s", checks[check].name);
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_audit_finding finding = {.check = checks[check].name,
                                           .subject = ts_pg_bytes(rows, i, 0),
                                           .detail = ts_pg_bytes(rows, i, 1)};
        visitor->visit(visitor->self, &finding);
    }
    totals->findings += PQntuples(rows) > 0 ? ts_pg_i64(rows, 0, 2) : 0;
    PQclear(rows);
    return true;
}

static bool
count_all(struct ts_pg_session *session, struct ts_audit_totals *totals, struct ts_error *err)
{
    struct ts_pg_params none = {0};
    PGresult *rows = ts_pg_exec_params(
        session,
        "SELECT (SELECT count(*) FROM account),"
        " (SELECT coalesce(sum(row_count), 0)::bigint FROM audit_account),"
        " (SELECT count(*) FROM stream_partition),"
        " (SELECT coalesce(sum(settled + duplicates + dead_letters), 0)::bigint FROM audit_lane),"
        " (SELECT least(coalesce(sum(abs(a.balance_micros - coalesce(s.total, 0))), 0),"
        " 9223372036854775807)::bigint FROM account a LEFT JOIN audit_account s USING "
        "(account_no))",
        &none,
        err);
    if (rows == NULL) {
        return false;
    }
    totals->accounts = ts_pg_i64(rows, 0, 0);
    totals->ledger_rows = ts_pg_i64(rows, 0, 1);
    totals->partitions = ts_pg_i64(rows, 0, 2);
    totals->inputs = ts_pg_i64(rows, 0, 3);
    totals->difference_micros = ts_pg_i64(rows, 0, 4);
    PQclear(rows);
    return true;
}

static bool audit(struct ts_pg_session *session,
                  const struct ts_audit_visitor *visitor,
                  struct ts_audit_totals *totals,
                  struct ts_error *err)
{
    bool ok = ts_pg_run(session,
                        "SET work_mem = '256MB'; BEGIN ISOLATION LEVEL REPEATABLE READ;"
                        /* before the snapshot: or a partition could be gone that it counts */
                        "LOCK TABLE ONLY usage IN ACCESS SHARE MODE",
                        err) &&
              ts_pg_sum_ledgers(session, 0, err) && ts_pg_sum_allowances(session, 0, err) &&
              ts_pg_run(session, sum_lanes_sql, err) && ts_pg_run(session, sum_hours_sql, err) &&
              count_all(session, totals, err);
    for (size_t i = 0; ok && i < sizeof checks / sizeof checks[0]; i++) {
        ok = run_check(session, i, visitor, totals, err);
    }
    return ok;
}

bool ts_audit_run(const char *url,
                  const struct ts_audit_visitor *visitor,
                  struct ts_audit_totals *totals,
                  struct ts_error *err)
{
    const struct ts_pg_session_options options = {.url = url, .role = "audit"};
    struct ts_pg_store *store = ts_pg_store_make(sizeof *store, &options, PARAMS_MAX, err);
    *totals = (struct ts_audit_totals){0};
    bool ok = store != NULL && ts_pg_store_connect(store, err) &&
              audit(&store->session, visitor, totals, err);
    ts_pg_store_free(store); /* the transaction ends with its session */
    return ok;
}
