/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/dead_letter_store.h"

#include "adapters/postgres/store.h"

#include <stdlib.h>

enum { STATEMENT_TIMEOUT_MS = 60000, PARAMS_MAX = 64 * 1024 * 1024, LIST_MAX = 1000 };

enum column {
    ID,
    TOPIC,
    PARTITION,
    OFFSET,
    KEY,
    VALUE,
    HEADERS,
    RECORD_TIME,
    REASON,
    MESSAGE,
    ACCOUNT_ID,
    CREATED_AT,
    STATUS,
    STATUS_AT
};

static const char list_sql[] =
    "SELECT id, topic, partition, \"offset\", key, CASE WHEN $7::boolean THEN value END,"
    " CASE WHEN $7::boolean THEN headers END, record_time, reason, message, account_id,"
    " created_at, status, status_at FROM dead_letter"
    " WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR reason = $2)"
    " AND ($3::text IS NULL OR account_id = $3) AND ($4::bigint = 0 OR id = $4)"
    " AND id > $5::bigint ORDER BY id LIMIT $6::bigint";

static const char mark_sql[] =
    "UPDATE dead_letter SET status = $2::text, status_at = $3::timestamptz"
    " WHERE id = ANY ($1::bigint[]) AND status <> $2::text";

struct ts_dead_letter_store {
    struct ts_pg_store base;
};

struct ts_dead_letter_store *ts_dead_letter_store_create(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {
        .url = url, .role = "dead-letters", .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    return ts_pg_store_make(sizeof(struct ts_dead_letter_store), &options, PARAMS_MAX, err);
}

void ts_dead_letter_store_destroy(struct ts_dead_letter_store *store)
{
    ts_pg_store_free(store);
}

static void read_letter(const PGresult *rows, int row, struct ts_dead_letter *out)
{
    *out = (struct ts_dead_letter){
        .id = ts_pg_i64(rows, row, ID),
        .topic = ts_pg_bytes(rows, row, TOPIC),
        .partition = ts_pg_i32(rows, row, PARTITION),
        .offset = ts_pg_i64(rows, row, OFFSET),
        .key = ts_pg_bytes(rows, row, KEY),
        .value = ts_pg_bytes(rows, row, VALUE),
        .headers = ts_pg_bytes(rows, row, HEADERS),
        .record_ms =
            ts_pg_is_null(rows, row, RECORD_TIME) ? -1 : ts_pg_time_ms(rows, row, RECORD_TIME),
        .reason = ts_pg_bytes(rows, row, REASON),
        .message = ts_pg_bytes(rows, row, MESSAGE),
        .account_id = ts_pg_bytes(rows, row, ACCOUNT_ID),
        .created_ms = ts_pg_time_ms(rows, row, CREATED_AT),
        .status = ts_pg_bytes(rows, row, STATUS),
        .status_ms = ts_pg_time_ms(rows, row, STATUS_AT),
    };
}

bool ts_dead_letter_store_list(struct ts_dead_letter_store *store,
                               const struct ts_dead_letter_filter *filter,
                               const struct ts_dead_letter_visitor *visitor,
                               struct ts_error *err)
{
    struct ts_pg_params *params = &store->base.params;
    ts_pg_params_clear(params);
    ts_pg_param_text(params, filter->status);
    ts_pg_param_text(params, filter->reason);
    ts_pg_param_text(params, filter->account_id);
    ts_pg_param_i64(params, filter->id);
    ts_pg_param_i64(params, filter->after);
    ts_pg_param_i64(params, filter->max > 0 ? filter->max : LIST_MAX);
    ts_pg_param_bool(params, filter->contents);
    PGresult *rows = ts_pg_store_ask(&store->base, list_sql, err);
    if (rows == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_dead_letter letter;
        read_letter(rows, i, &letter);
        visitor->visit(visitor->self, &letter);
    }
    PQclear(rows);
    return true;
}

bool ts_dead_letter_store_mark(struct ts_dead_letter_store *store,
                               const int64_t *ids,
                               size_t count,
                               const char *status,
                               int64_t now_ms,
                               int64_t *marked,
                               struct ts_error *err)
{
    struct ts_pg_params *params = &store->base.params;
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, ids[i]);
    }
    ts_pg_array_end(params);
    ts_pg_param_text(params, status);
    ts_pg_param_time(params, now_ms);
    PGresult *result = ts_pg_store_ask(&store->base, mark_sql, err);
    if (result == NULL) {
        return false;
    }
    *marked = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return true;
}
