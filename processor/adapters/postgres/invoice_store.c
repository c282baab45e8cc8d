/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/invoice_store.h"

#include "adapters/postgres/store.h"

#include <stdlib.h>

enum { STATEMENT_TIMEOUT_MS = 60000, PARAMS_MAX = 64 * 1024, LIST_MAX = 1000 };

enum column { ACCOUNT_ID, DATE, CREDIT_ID, AMOUNT, CURRENCY, CREATED_AT, BILLED_AT, BILLED_BY };

/* Of account `a` and invoice_line `i`, in the order of enum column. */
#define LINE_COLUMNS                                                                               \
    "a.account_id, to_char(i.invoice_date, 'YYYYMMDD')::int, i.credit_id, i.amount_micros,"        \
    " i.currency, i.created_at, i.billed_at, i.billed_by"

#define DATE_OF(parameter)                                                                         \
    "make_date(" parameter "::int / 10000, " parameter "::int / 100 % 100, " parameter             \
    "::int % 100)"

static const char list_sql[] =
    "SELECT " LINE_COLUMNS " FROM invoice_line i JOIN account a USING (account_no)"
    " WHERE ($1::text IS NULL OR a.account_id = $1)"
    " AND ($2::int = 0 OR i.invoice_date = " DATE_OF(
        "nullif($2, 0)") ")"
                         " AND ($3::boolean IS NULL OR (i.billed_at IS NOT NULL) = $3)"
                         " AND ($4::int = 0 OR (i.invoice_date, a.account_id, i.credit_id) >"
                         " (" DATE_OF("nullif($4, 0)") ", $5::text, $6::text))"
                                                       " ORDER BY i.invoice_date, a.account_id, "
                                                       "i.credit_id LIMIT $7::bigint";

static const char mark_sql[] =
    "UPDATE invoice_line i SET billed_at = $4::timestamptz, billed_by = $3::text FROM account a"
    " WHERE a.account_no = i.account_no AND i.invoice_date = " DATE_OF(
        "$1") " AND ($2::text IS NULL OR a.account_id = $2) AND i.billed_at IS NULL"
              " RETURNING " LINE_COLUMNS;

struct ts_invoice_store {
    struct ts_pg_store base;
};

struct ts_invoice_store *ts_invoice_store_create(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {
        .url = url, .role = "invoices", .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    return ts_pg_store_make(sizeof(struct ts_invoice_store), &options, PARAMS_MAX, err);
}

void ts_invoice_store_destroy(struct ts_invoice_store *store)
{
    ts_pg_store_free(store);
}

static void read_line(const PGresult *rows, int row, struct ts_invoice_line *out)
{
    *out = (struct ts_invoice_line){
        .account_id = ts_pg_bytes(rows, row, ACCOUNT_ID),
        .date = ts_pg_i32(rows, row, DATE),
        .credit_id = ts_pg_bytes(rows, row, CREDIT_ID),
        .amount_micros = ts_pg_i64(rows, row, AMOUNT),
        .currency = ts_pg_bytes(rows, row, CURRENCY),
        .created_ms = ts_pg_time_ms(rows, row, CREATED_AT),
        .billed = !ts_pg_is_null(rows, row, BILLED_AT),
        .billed_ms = ts_pg_time_ms(rows, row, BILLED_AT),
        .billed_by = ts_pg_bytes(rows, row, BILLED_BY),
    };
}

static void visit_all(const PGresult *rows, const struct ts_invoice_visitor *visitor)
{
    for (int i = 0; visitor != NULL && i < PQntuples(rows); i++) {
        struct ts_invoice_line line;
        read_line(rows, i, &line);
        visitor->visit(visitor->self, &line);
    }
}

bool ts_invoice_store_list(struct ts_invoice_store *store,
                           const struct ts_invoice_filter *filter,
                           const struct ts_invoice_visitor *visitor,
                           struct ts_error *err)
{
    struct ts_pg_params *params = &store->base.params;
    ts_pg_params_clear(params);
    ts_pg_param_text(params, filter->account_id);
    ts_pg_param_i32(params, filter->date);
    if (filter->state == TS_INVOICE_ANY) {
        ts_pg_param_null(params);
    } else {
        ts_pg_param_bool(params, filter->state == TS_INVOICE_BILLED);
    }
    ts_pg_param_i32(params, filter->after.date);
    ts_pg_param_text(params, filter->after.account_id);
    ts_pg_param_text(params, filter->after.credit_id);
    ts_pg_param_i64(params, filter->max > 0 ? filter->max : LIST_MAX);
    PGresult *rows = ts_pg_store_ask(&store->base, list_sql, err);
    if (rows == NULL) {
        return false;
    }
    visit_all(rows, visitor);
    PQclear(rows);
    return true;
}

bool ts_invoice_store_mark_billed(struct ts_invoice_store *store,
                                  int32_t date,
                                  const char *account_id,
                                  const char *billed_by,
                                  int64_t now_ms,
                                  const struct ts_invoice_visitor *visitor,
                                  int64_t *marked,
                                  struct ts_error *err)
{
    struct ts_pg_params *params = &store->base.params;
    ts_pg_params_clear(params);
    ts_pg_param_i32(params, date);
    ts_pg_param_text(params, account_id);
    ts_pg_param_text(params, billed_by);
    ts_pg_param_time(params, now_ms);
    PGresult *rows = ts_pg_store_ask(&store->base, mark_sql, err);
    if (rows == NULL) {
        return false;
    }
    *marked = PQntuples(rows);
    visit_all(rows, visitor);
    PQclear(rows);
    return true;
}
