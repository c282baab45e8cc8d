/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/ledger_sums.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>

enum { SQL_MAX = 4096, FILTER_MAX = 64 };

/* %1$s is a filter on the account or nothing.
 *
 * What retired partitions held is in the sums, and missing among the numbers: there a leap of the
 * balance is no break. */
static const char sum_accounts_sql[] =
    "CREATE TEMP TABLE audit_account ON COMMIT DROP AS"
    " SELECT account_no, coalesce(l.total, 0) - coalesce(c.charge_micros, 0) AS total,"
    " coalesce(l.row_count, 0) + coalesce(c.row_count, 0) AS row_count,"
    " coalesce(c.row_count, 0) AS carried, l.first, coalesce(l.last, 0) AS last,"
    " coalesce(l.missing, 0) AS missing, coalesce(l.twice, 0) AS twice,"
    " coalesce(CASE WHEN c.row_count > 0 THEN l.breaks ELSE l.breaks + l.leaps END, 0) AS breaks,"
    " CASE WHEN c.row_count > 0 THEN l.broken_at ELSE least(l.broken_at, l.leapt_at) END"
    " AS broken_at"
    " FROM (SELECT account_no, sum(amount) AS total, count(*) AS row_count,"
    " min(movement) AS first, max(movement) AS last,"
    " sum(greatest(movement - before_movement - 1, 0)) AS missing,"
    " count(*) FILTER (WHERE movement = before_movement) AS twice,"
    " count(*) FILTER (WHERE broken AND next) AS breaks,"
    " min(movement) FILTER (WHERE broken AND next) AS broken_at,"
    " count(*) FILTER (WHERE broken AND NOT next) AS leaps,"
    " min(movement) FILTER (WHERE broken AND NOT next) AS leapt_at"
    " FROM (SELECT *, movement = before_movement + 1 AS next,"
    " balance_after_micros <> before_balance + amount AS broken"
    " FROM (SELECT account_no, movement, amount, balance_after_micros,"
    " lag(movement, 1, 0::bigint) OVER w AS before_movement,"
    " lag(balance_after_micros, 1, 0::bigint) OVER w AS before_balance"
    " FROM (SELECT account_no, movement, -charge_micros AS amount, balance_after_micros"
    " FROM usage%1$s UNION ALL SELECT account_no, movement, amount_micros, balance_after_micros"
    " FROM ledger_entry%1$s) ledger"
    " WINDOW w AS (PARTITION BY account_no ORDER BY movement)) x) x GROUP BY account_no) l"
    " FULL JOIN (SELECT * FROM usage_carried%1$s) c USING (account_no)";

static const char sum_allowances_sql[] =
    "CREATE TEMP TABLE allowance_sum ON COMMIT DROP AS"
    " SELECT account_no, name, coalesce(c.used, 0) AS used, coalesce(s.units, 0) AS drew"
    " FROM (SELECT account_no, name, sum(used) AS used FROM allowance_used%1$s GROUP BY 1, 2) c"
    " FULL JOIN (SELECT account_no, name, sum(units) AS units FROM"
    " (SELECT account_no, d.name, d.units"
    " FROM (SELECT * FROM usage%1$s) u, unnest(allowance_names, allowance_units) AS d(name, units)"
    " WHERE allowance_names IS NOT NULL"
    " UNION ALL SELECT account_no, d.name, d.units"
    " FROM (SELECT * FROM adjustment%1$s) j, unnest(unit_names, unit_counts) AS d(name, units)"
    " UNION ALL SELECT account_no, name, units FROM usage_carried_units%1$s) d GROUP BY 1, 2) s"
    " USING (account_no, name) WHERE coalesce(c.used, 0) <> coalesce(s.units, 0)";

static bool
make(struct ts_pg_session *session, const char *format, int64_t account_no, struct ts_error *err)
{
    char filter[FILTER_MAX] = "";
    char sql[SQL_MAX];
    if (account_no != 0) {
        /* of the column's own type: a narrower number would not match a bloom filter */
        snprintf(filter, sizeof filter, " WHERE account_no = %" PRId64 "::bigint", account_no);
    }
    int size = snprintf(sql, sizeof sql, format, filter);
    TS_ASSERT(size < (int)sizeof sql);
    return ts_pg_run(session, sql, err);
}

bool ts_pg_sum_ledgers(struct ts_pg_session *session, int64_t account_no, struct ts_error *err)
{
    return make(session, sum_accounts_sql, account_no, err);
}

bool ts_pg_sum_allowances(struct ts_pg_session *session, int64_t account_no, struct ts_error *err)
{
    return make(session, sum_allowances_sql, account_no, err);
}
