/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/usage_store.h"

#include "adapters/postgres/usage_inner.h"
#include "base/assert.h"
#include "core/cdr.h"
#include "core/rating.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STATEMENT_TIMEOUT_MS = 300000,
    PARAMS_MAX = 64 * 1024,
    FETCHED = 2000, /* rows at a time */
    SQL_MAX = 4096,
};

/* ---- begin and end -----------------------------------------------------------------------------
 */

static bool find_account(struct ts_usage_store *store,
                         const char *account_id,
                         struct ts_usage_account *account,
                         struct ts_error *err)
{
    ts_pg_params_clear(&store->base.params);
    ts_pg_param_text(&store->base.params, account_id);
    ts_pg_param_i32(&store->base.params, (int32_t)ts_account_bucket(ts_bytes_of(account_id)));
    PGresult *rows =
        ts_pg_exec_params(&store->base.session,
                          "SELECT account_no, balance_micros, account_id, timezone, currency,"
                          " (SELECT generation FROM redis_bucket WHERE bucket = $2::integer)"
                          " FROM account WHERE account_id = $1::text",
                          &store->base.params,
                          err);
    if (rows == NULL) {
        return false;
    }
    bool found = PQntuples(rows) == 1;
    if (found) {
        account->account_no = ts_pg_i64(rows, 0, 0);
        account->balance_micros = ts_pg_i64(rows, 0, 1);
        ts_pg_text(rows, 0, 2, account->account_id, sizeof account->account_id);
        ts_pg_text(rows, 0, 3, account->timezone, sizeof account->timezone);
        ts_pg_text(rows, 0, 4, account->currency, sizeof account->currency);
        account->generation = ts_pg_i64(rows, 0, 5);
    }
    PQclear(rows);
    return found || ts_error_set(err, TS_ERROR_REJECT, 0, "there is no account \"%s\"", account_id);
}

struct ts_usage_store *ts_usage_store_begin(const char *url,
                                            const char *account_id,
                                            struct ts_usage_account *account,
                                            struct ts_error *err)
{
    const struct ts_pg_session_options options = {
        .url = url, .role = "usage", .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    struct ts_usage_store *store = ts_pg_store_make(sizeof *store, &options, PARAMS_MAX, err);
    if (store == NULL) {
        return NULL;
    }
    /* all rows of a cursor are fetched: no plan that is good for the first of them only */
    if (ts_pg_store_connect(&store->base, err) &&
        ts_pg_run(&store->base.session,
                  "SET cursor_tuple_fraction = 1;"
                  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                  "LOCK TABLE ONLY usage IN ACCESS SHARE MODE", /* no partition goes meanwhile */
                  err) &&
        find_account(store, account_id, account, err)) {
        return store;
    }
    ts_usage_store_destroy(store);
    return NULL;
}

void ts_usage_store_destroy(struct ts_usage_store *store)
{
    ts_pg_store_free(store); /* the transaction ends with it */
}

/* ---- rows through a cursor ---------------------------------------------------------------------
 */

struct ts_usage_row_visitor {
    void (*visit)(const void *visitor, const PGresult *rows, int row);
    const void *visitor;
};

void ts_usage_set_stretch(struct ts_usage_store *store, const struct ts_usage_stretch *stretch)
{
    ts_pg_params_clear(&store->base.params);
    ts_pg_param_i64(&store->base.params, stretch->account_no);
    ts_pg_param_time(&store->base.params, stretch->from_ms);
    ts_pg_param_time(&store->base.params, stretch->to_ms);
}

/* Shows all rows of a SELECT, in pieces. */
static bool read_rows(struct ts_usage_store *store,
                      const char *select,
                      const struct ts_usage_row_visitor *visitor,
                      struct ts_error *err)
{
    char sql[SQL_MAX];
    char fetch[64];
    int size = snprintf(sql, sizeof sql, "DECLARE usage_rows NO SCROLL CURSOR FOR %s", select);
    TS_ASSERT(size < (int)sizeof sql);
    snprintf(fetch, sizeof fetch, "FETCH %d FROM usage_rows", FETCHED);
    PGresult *declared = ts_pg_exec_params(&store->base.session, sql, &store->base.params, err);
    bool good = declared != NULL;
    PQclear(declared);
    struct ts_pg_params none = {0};
    for (bool more = good; more;) {
        PGresult *rows = ts_pg_exec_params(&store->base.session, fetch, &none, err);
        good = rows != NULL;
        for (int i = 0; good && i < PQntuples(rows); i++) {
            visitor->visit(visitor->visitor, rows, i);
        }
        more = good && PQntuples(rows) == FETCHED;
        PQclear(rows);
    }
    return good && ts_pg_run(&store->base.session, "CLOSE usage_rows", err);
}

/* ---- calls -------------------------------------------------------------------------------------
 */

#define INBOUND "direction = 1"
_Static_assert(TS_DIRECTION_INBOUND == 1, "as INBOUND has it");
static const char calls_sql[] =
    "SELECT start_time, category, direction, license, service, disposition, unit, user_id,"
    " user_name, department, CASE WHEN " INBOUND " THEN to_number ELSE from_number END,"
    " CASE WHEN " INBOUND " THEN from_number ELSE to_number END, region, description, duration_ms,"
    " pages, billed, coalesce((SELECT sum(n) FROM unnest(allowance_units) n), 0)::bigint, rate_e8,"
    " connect_fee_e8, charge_micros, balance_after_micros, cdr_id, source, leg, "
    "call_id" TS_USAGE_OF_STRETCH " ORDER BY start_time, movement";

static void visit_call(const void *self, const PGresult *rows, int i)
{
    const struct ts_usage_call_visitor *visitor = self;
    struct ts_usage_call call = {.start_ms = ts_pg_time_ms(rows, i, 0),
                                 .category = ts_pg_i16(rows, i, 1),
                                 .direction = ts_pg_i16(rows, i, 2),
                                 .license = ts_pg_i16(rows, i, 3),
                                 .service = ts_pg_i16(rows, i, 4),
                                 .disposition = ts_pg_i16(rows, i, 5),
                                 .unit = ts_pg_i16(rows, i, 6),
                                 .user_id = ts_pg_bytes(rows, i, 7),
                                 .user_name = ts_pg_bytes(rows, i, 8),
                                 .department = ts_pg_bytes(rows, i, 9),
                                 .own_number = ts_pg_bytes(rows, i, 10),
                                 .other_number = ts_pg_bytes(rows, i, 11),
                                 .country = ts_pg_bytes(rows, i, 12),
                                 .destination = ts_pg_bytes(rows, i, 13),
                                 .duration_ms = ts_pg_i32(rows, i, 14),
                                 .pages = ts_pg_i32(rows, i, 15),
                                 .billed = ts_pg_i64(rows, i, 16),
                                 .allowance_units = ts_pg_i64(rows, i, 17),
                                 .rate_e8 = ts_pg_i64(rows, i, 18),
                                 .connect_fee_e8 = ts_pg_i64(rows, i, 19),
                                 .cost_micros = ts_pg_i64(rows, i, 20),
                                 .balance_after_micros = ts_pg_i64(rows, i, 21),
                                 .cdr_id = ts_pg_bytes(rows, i, 22),
                                 .source = ts_pg_bytes(rows, i, 23),
                                 .leg = ts_pg_i32(rows, i, 24),
                                 .call_id = ts_pg_bytes(rows, i, 25)};
    visitor->visit(visitor->self, &call);
}

bool ts_usage_store_calls(struct ts_usage_store *store,
                          const struct ts_usage_stretch *stretch,
                          const struct ts_usage_call_visitor *visitor,
                          struct ts_error *err)
{
    struct ts_usage_row_visitor rows = {.visit = visit_call, .visitor = visitor};
    ts_usage_set_stretch(store, stretch);
    return read_rows(store, calls_sql, &rows, err);
}

/* ---- groups ------------------------------------------------------------------------------------
 */

/* What a group has in common, what it is called, and what it is made of. A user is known by the id,
 * else by the name. $4 is the time zone. */
static const struct {
    const char *key;
    const char *label;
    const char *grouped;
    const char *order;
} groupings[] = {
    [TS_USAGE_BY_DAY] = {"to_char(start_time AT TIME ZONE $4::text, 'YYYY-MM-DD')",
                         "NULL::text",
                         "1",
                         "1"},
    [TS_USAGE_BY_USER] = {"nullif(user_id, '')",
                          "max(user_name)",
                          "1, CASE WHEN nullif(user_id, '') IS NULL THEN nullif(user_name, '') END",
                          "cost DESC, calls DESC, 1, 2"},
    [TS_USAGE_BY_DEPARTMENT] = {"nullif(department, '')",
                                "NULL::text",
                                "1",
                                "cost DESC, calls DESC, 1"},
    [TS_USAGE_BY_NUMBER] = {"CASE WHEN " INBOUND " THEN to_number ELSE from_number END",
                            "NULL::text",
                            "1",
                            "cost DESC, calls DESC, 1"},
    [TS_USAGE_BY_COUNTRY] = {"region", "NULL::text", "1", "cost DESC, calls DESC, 1"},
};

static void visit_group(const void *self, const PGresult *rows, int i)
{
    const struct ts_usage_group_visitor *visitor = self;
    struct ts_usage_group group = {.key = ts_pg_bytes(rows, i, 0),
                                   .label = ts_pg_bytes(rows, i, 1),
                                   .calls = ts_pg_i64(rows, i, 2),
                                   .answered_calls = ts_pg_i64(rows, i, 3),
                                   .free_calls = ts_pg_i64(rows, i, 4),
                                   .duration_ms = ts_pg_i64(rows, i, 5),
                                   .pages = ts_pg_i64(rows, i, 6),
                                   .cost_micros = ts_pg_i64(rows, i, 7)};
    visitor->visit(visitor->self, &group);
}

bool ts_usage_store_groups(struct ts_usage_store *store,
                           const struct ts_usage_stretch *stretch,
                           enum ts_usage_by by,
                           const char *timezone,
                           const struct ts_usage_group_visitor *visitor,
                           struct ts_error *err)
{
    TS_ASSERT(by < sizeof groupings / sizeof groupings[0]);
    struct ts_usage_row_visitor rows = {.visit = visit_group, .visitor = visitor};
    char sql[SQL_MAX / 2];
    ts_usage_set_stretch(store, stretch);
    if (by == TS_USAGE_BY_DAY) {
        ts_pg_param_text(&store->base.params, timezone);
    }
    snprintf(sql,
             sizeof sql,
             "SELECT * FROM (SELECT %s AS key, %s AS label, count(*) AS calls,"
             " count(answer_time), count(*) FILTER (WHERE " TS_USAGE_FREE
             "), sum(duration_ms)::bigint,"
             " sum(pages)::bigint, sum(charge_micros)::bigint AS cost" TS_USAGE_OF_STRETCH
             " GROUP BY %s) grouped ORDER BY %s",
             groupings[by].key,
             groupings[by].label,
             groupings[by].grouped,
             groupings[by].order);
    return read_rows(store, sql, &rows, err);
}

/* ---- movements ---------------------------------------------------------------------------------
 */

/* A call begins at most a day ahead of the clock that settled it; how long before, nobody knows. */
static const char movements_sql[] =
    "SELECT movement, settled_at, 'usage', -charge_micros, balance_after_micros, start_time,"
    " source || '/' || cdr_id || '/' || leg, description FROM usage"
    " WHERE account_no = $1::bigint AND settled_at >= $2::timestamptz"
    " AND settled_at < $3::timestamptz"
    " AND start_time < $3::timestamptz + interval '25 hours'"
    " UNION ALL"
    " SELECT movement, created_at, kind, amount_micros, balance_after_micros, NULL, ref_id, NULL"
    " FROM ledger_entry WHERE account_no = $1::bigint AND created_at >= $2::timestamptz"
    " AND created_at < $3::timestamptz"
    " ORDER BY 1";

static void visit_movement(const void *self, const PGresult *rows, int i)
{
    const struct ts_usage_movement_visitor *visitor = self;
    struct ts_usage_movement movement = {
        .movement = ts_pg_i64(rows, i, 0),
        .applied_ms = ts_pg_time_ms(rows, i, 1),
        .kind = ts_pg_bytes(rows, i, 2),
        .amount_micros = ts_pg_i64(rows, i, 3),
        .balance_after_micros = ts_pg_i64(rows, i, 4),
        .call_start_ms = ts_pg_is_null(rows, i, 5) ? INT64_MIN : ts_pg_time_ms(rows, i, 5),
        .ref_id = ts_pg_bytes(rows, i, 6),
        .destination = ts_pg_bytes(rows, i, 7)};
    visitor->visit(visitor->self, &movement);
}

bool ts_usage_store_movements(struct ts_usage_store *store,
                              const struct ts_usage_stretch *stretch,
                              const struct ts_usage_movement_visitor *visitor,
                              struct ts_error *err)
{
    struct ts_usage_row_visitor rows = {.visit = visit_movement, .visitor = visitor};
    ts_usage_set_stretch(store, stretch);
    return read_rows(store, movements_sql, &rows, err);
}
