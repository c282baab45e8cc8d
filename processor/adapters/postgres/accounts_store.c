/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/accounts_store.h"

#include "adapters/postgres/account_state.h"
#include "adapters/postgres/accounts_session.h"

#include <stdlib.h>

enum { BYTES_MAX = 64 * 1024 * 1024 };

/* Columns in the order of enum column. */
#define SELECT_ACCOUNT                                                                             \
    "SELECT a.account_id, a.country, a.timezone, p.name, a.name, a.allowances::text, a.movements," \
    " a.revision, a.created_at,"                                                                   \
    " (SELECT amount_micros FROM ledger_entry e WHERE e.account_no = a.account_no"                 \
    " AND e.movement = 1 AND e.kind = 'opening'), " TS_PG_STATE_COLUMNS                            \
    " FROM account a JOIN rate_plan p USING (plan_no)"

enum column {
    ACCOUNT_ID,
    COUNTRY,
    TIMEZONE,
    RATE_PLAN,
    NAME,
    ALLOWANCES,
    MOVEMENTS,
    REVISION,
    CREATED_AT,
    OPENING,
    STATE, /* and what follows: account_state.h */
};

struct ts_accounts_store *ts_accounts_store_create(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {.url = url, .role = "accounts"};
    struct ts_accounts_store *store = ts_pg_store_make(sizeof *store, &options, BYTES_MAX, err);
    if (store != NULL) {
        ts_buffer_init(&store->rows, BYTES_MAX);
    }
    return store;
}

void ts_accounts_store_destroy(struct ts_accounts_store *store)
{
    if (store != NULL) {
        ts_buffer_finish(&store->rows);
        ts_pg_store_free(store);
    }
}

static void read_account(const PGresult *rows, int row, struct ts_stored_account *out)
{
    *out = (struct ts_stored_account){0};
    ts_pg_text(rows, row, ACCOUNT_ID, out->account_id, sizeof out->account_id);
    ts_pg_text(rows, row, COUNTRY, out->country, sizeof out->country);
    ts_pg_text(rows, row, TIMEZONE, out->timezone, sizeof out->timezone);
    ts_pg_text(rows, row, RATE_PLAN, out->rate_plan, sizeof out->rate_plan);
    out->name = ts_pg_bytes(rows, row, NAME);
    out->allowances = ts_pg_bytes(rows, row, ALLOWANCES);
    out->opening_micros = ts_pg_i64(rows, row, OPENING);
    out->movements = ts_pg_i64(rows, row, MOVEMENTS);
    out->revision = ts_pg_i32(rows, row, REVISION);
    out->created_ms = ts_pg_time_ms(rows, row, CREATED_AT);
    ts_pg_read_account_state(rows, row, STATE, &out->state);
}

static void visit_all(const PGresult *rows, const struct ts_account_visitor *visitor)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_stored_account account;
        read_account(rows, i, &account);
        visitor->visit(visitor->self, &account);
    }
}

bool ts_accounts_store_list(struct ts_accounts_store *store,
                            const char *after,
                            int64_t max,
                            const struct ts_account_visitor *visitor,
                            struct ts_error *err)
{
    ts_pg_params_clear(&store->base.params);
    ts_pg_param_text(&store->base.params, after != NULL ? after : "");
    ts_pg_param_i64(&store->base.params, max);
    PGresult *rows = ts_pg_store_ask(&store->base,
                                     SELECT_ACCOUNT " WHERE a.account_id > $1::text"
                                                    " ORDER BY a.account_id"
                                                    " LIMIT $2::bigint",
                                     err);
    if (rows == NULL) {
        return false;
    }
    visit_all(rows, visitor);
    PQclear(rows);
    return true;
}

bool ts_accounts_store_generation(struct ts_accounts_store *store,
                                  const char *account_id,
                                  int64_t *out,
                                  struct ts_error *err)
{
    ts_pg_params_clear(&store->base.params);
    ts_pg_param_i32(&store->base.params, (int32_t)ts_account_bucket(ts_bytes_of(account_id)));
    PGresult *rows = ts_pg_store_ask(&store->base,
                                     "SELECT coalesce(max(generation), 0) FROM redis_bucket"
                                     " WHERE bucket = $1::integer",
                                     err);
    if (rows == NULL) {
        return false;
    }
    *out = ts_pg_i64(rows, 0, 0);
    PQclear(rows);
    return true;
}

bool ts_accounts_store_show(struct ts_accounts_store *store,
                            const char *account_id,
                            const struct ts_account_visitor *visitor,
                            struct ts_error *err)
{
    ts_pg_params_clear(&store->base.params);
    ts_pg_param_text(&store->base.params, account_id);
    PGresult *rows =
        ts_pg_store_ask(&store->base, SELECT_ACCOUNT " WHERE a.account_id = $1::text", err);
    if (rows == NULL) {
        return false;
    }
    bool found = PQntuples(rows) > 0;
    visit_all(rows, visitor);
    PQclear(rows);
    return found || ts_error_set(err, TS_ERROR_REJECT, 0, "there is no account \"%s\"", account_id);
}
