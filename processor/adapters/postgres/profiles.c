/* SPDX-License-Identifier: Apache-2.0 */
/* What rating must know of accounts. */
#include "adapters/postgres/ledger.h"
#include "adapters/postgres/worker.h"

/* A row an allowance, or one for an account without; N is the same for all of an account. */
enum {
    N,
    ACCOUNT_NO,
    COUNTRY,
    TIMEZONE,
    PLAN_NO,
    REVISION,
    STATUS,
    CLOSED_AT,
    NAME,
    CATEGORY,
    LICENSE,
    UNIT,
    LOCAL_ONLY,
    UNITS,
    ACCOUNT_ID, /* of a page */
};

static bool read_allowance(const PGresult *rows,
                           int row,
                           const struct ts_profile_request *request,
                           struct ts_allowances *out,
                           struct ts_error *err)
{
    struct ts_allowance_text text = {
        .name = ts_pg_bytes(rows, row, NAME),
        .category = ts_pg_bytes(rows, row, CATEGORY),
        .license = ts_pg_bytes(rows, row, LICENSE),
        .unit = ts_pg_bytes(rows, row, UNIT),
        .local_only = ts_pg_bool(rows, row, LOCAL_ONLY),
        .units = ts_pg_i64(rows, row, UNITS),
    };
    if (out->count == TS_ALLOWANCES_MAX) {
        return ts_error_set(err,
                            TS_ERROR_RETRY,
                            0,
                            "account %.*s has more than %d allowances: take some away",
                            TS_ARGS(request->account_id),
                            TS_ALLOWANCES_MAX);
    }
    if (!ts_allowance_read(&text, &out->items[out->count], err)) {
        ts_error_prefix(err, "account %.*s", TS_ARGS(request->account_id));
        err->class = TS_ERROR_RETRY; /* it must be mended where it is kept */
        return false;
    }
    out->count++;
    return true;
}

/* The rows of one account, from `row` on. */
static bool read_allowances(const PGresult *rows,
                            int row,
                            struct ts_profile_request *request,
                            struct ts_arena *arena,
                            struct ts_error *err)
{
    if (ts_pg_is_null(rows, row, NAME)) {
        return true;
    }
    int64_t n = ts_pg_i64(rows, row, N);
    size_t count = 0;
    for (int i = row; i < PQntuples(rows) && ts_pg_i64(rows, i, N) == n; i++) {
        count++;
    }
    struct ts_allowances *allowances = ts_arena_take(arena, ts_allowances_size(count));
    if (allowances == NULL) {
        return ts_error_no_memory(err);
    }
    allowances->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!read_allowance(rows, row + (int)i, request, allowances, err)) {
            return false;
        }
    }
    ts_allowances_order(allowances);
    request->profile.allowances = allowances;
    return true;
}

static void read_profile(const PGresult *rows, int row, struct ts_profile_request *request)
{
    struct ts_account_profile *profile = &request->profile;
    *profile = (struct ts_account_profile){.account_no = ts_pg_i64(rows, row, ACCOUNT_NO)};
    memcpy(profile->account_id, request->account_id.data, request->account_id.size);
    profile->account_id_size = (uint8_t)request->account_id.size;
    ts_pg_text(rows, row, COUNTRY, profile->country, sizeof profile->country);
    ts_pg_text(rows, row, TIMEZONE, profile->timezone, sizeof profile->timezone);
    profile->rate_plan = ts_pg_i32(rows, row, PLAN_NO);
    profile->revision = ts_pg_i32(rows, row, REVISION);
    profile->status = (enum ts_account_status)ts_pg_i16(rows, row, STATUS);
    profile->closed_ms = ts_pg_time_ms(rows, row, CLOSED_AT);
    request->found = true;
}

bool ts_pg_profiles(void *self,
                    struct ts_profile_request *requests,
                    size_t count,
                    struct ts_arena *arena,
                    struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        /* Longer than any account's: the table has none, and the profile no room. */
        bool possible = requests[i].account_id.size <= TS_ACCOUNT_ID_MAX;
        ts_pg_array_bytes(params, possible ? requests[i].account_id : (struct ts_bytes){0});
        requests[i].found = false;
    }
    ts_pg_array_end(params);
    PGresult *rows =
        ts_pg_call(&postgres->reading, &ts_pg_reading[TS_PG_READ_PROFILES], params, err);
    if (rows == NULL) {
        return false;
    }
    bool ok = true;
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        struct ts_profile_request *request = &requests[ts_pg_i64(rows, i, N) - 1];
        if (!request->found) { /* else another row of its allowances */
            read_profile(rows, i, request);
            ok = read_allowances(rows, i, request, arena, err);
        }
    }
    PQclear(rows);
    return ok;
}

static const char page_sql[] =
    "SELECT a.account_no, a.account_no, a.country, a.timezone, a.plan_no, a.revision, a.status,"
    " a.closed_at, x.name, x.category, x.license, x.unit, coalesce(x.local_only, false),"
    " coalesce(x.units, 0), a.account_id"
    " FROM (SELECT * FROM account WHERE account_no > $1::bigint"
    " ORDER BY account_no LIMIT $2::bigint) a"
    " LEFT JOIN LATERAL jsonb_to_recordset(a.allowances) AS x(name text, category text,"
    " license text, unit text, local_only boolean, units bigint) ON a.allowances IS NOT NULL"
    " ORDER BY a.account_no";

bool ts_postgres_profiles_page(struct ts_postgres *postgres,
                               int64_t *after,
                               size_t max,
                               const struct ts_profile_visitor *visitor,
                               struct ts_arena *arena,
                               struct ts_error *err)
{
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_param_i64(params, *after);
    ts_pg_param_i64(params, (int64_t)max);
    PGresult *rows = ts_pg_exec_params(&postgres->reading, page_sql, params, err);
    bool ok = rows != NULL;
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        if (ts_pg_i64(rows, i, ACCOUNT_NO) == *after) {
            continue; /* another row of its allowances */
        }
        struct ts_profile_request request = {.account_id = ts_pg_bytes(rows, i, ACCOUNT_ID)};
        read_profile(rows, i, &request);
        ok = read_allowances(rows, i, &request, arena, err);
        if (ok) {
            *after = request.profile.account_no;
            visitor->visit(visitor->self, &request.profile);
        }
    }
    PQclear(rows);
    return ok;
}
