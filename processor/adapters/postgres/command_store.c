/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/command_store.h"

#include "adapters/postgres/store.h"

#include <stdlib.h>

enum { STATEMENT_TIMEOUT_MS = 10000, PARAMS_MAX = 64 * 1024 };

enum column {
    SETTLED,
    REASON,
    MESSAGE,
    DUPLICATE,
    AMOUNT,
    BALANCE_AFTER,
    BALANCE,
    SEQUENCE,
};

/* One statement, so one state of the books. */
static const char outcome_sql[] =
    "SELECT coalesce(s.next_offset > $4::bigint, false), d.reason, d.message,"
    " EXISTS (SELECT FROM duplicate u"
    "  WHERE u.topic = $2 AND u.partition = $3 AND u.\"offset\" = $4),"
    " e.amount_micros, e.balance_after_micros, a.balance_micros, a.sequence"
    " FROM (VALUES ($1::text, $2::text, $3::integer)) AS p (group_name, topic, partition)"
    " LEFT JOIN stream_partition s USING (group_name, topic, partition)"
    " LEFT JOIN dead_letter d"
    "  ON d.topic = p.topic AND d.partition = p.partition AND d.\"offset\" = $4"
    " LEFT JOIN account a ON a.account_id = $5::text"
    " LEFT JOIN ledger_entry e ON e.account_no = a.account_no AND e.topic = p.topic"
    "  AND e.partition = p.partition AND e.\"offset\" = $4";

struct ts_command_store {
    struct ts_pg_store base;
};

struct ts_command_store *ts_command_store_create(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {
        .url = url, .role = "commands", .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    return ts_pg_store_make(sizeof(struct ts_command_store), &options, PARAMS_MAX, err);
}

void ts_command_store_destroy(struct ts_command_store *store)
{
    ts_pg_store_free(store);
}

static enum ts_command_end end_of(const PGresult *rows)
{
    if (!ts_pg_bool(rows, 0, SETTLED)) {
        return TS_COMMAND_END_PENDING;
    }
    if (!ts_pg_is_null(rows, 0, REASON)) {
        return TS_COMMAND_END_DEAD_LETTER;
    }
    return ts_pg_bool(rows, 0, DUPLICATE) ? TS_COMMAND_END_DUPLICATE : TS_COMMAND_END_APPLIED;
}

bool ts_command_store_outcome(struct ts_command_store *store,
                              const struct ts_command_place *place,
                              struct ts_command_outcome *out,
                              struct ts_error *err)
{
    struct ts_pg_params *params = &store->base.params;
    ts_pg_params_clear(params);
    ts_pg_param_text(params, place->group);
    ts_pg_param_text(params, place->topic);
    ts_pg_param_i32(params, place->partition);
    ts_pg_param_i64(params, place->offset);
    ts_pg_param_text(params, place->account_id);
    PGresult *rows = ts_pg_store_ask(&store->base, outcome_sql, err);
    if (rows == NULL) {
        return false;
    }
    *out = (struct ts_command_outcome){
        .end = end_of(rows),
        .moved = !ts_pg_is_null(rows, 0, AMOUNT),
        .amount_micros = ts_pg_i64(rows, 0, AMOUNT),
        .balance_after_micros = ts_pg_i64(rows, 0, BALANCE_AFTER),
        .balance_micros = ts_pg_i64(rows, 0, BALANCE),
        .sequence = ts_pg_i64(rows, 0, SEQUENCE),
    };
    ts_pg_text(rows, 0, REASON, out->reason, sizeof out->reason);
    ts_pg_text(rows, 0, MESSAGE, out->message, sizeof out->message);
    PQclear(rows);
    return true;
}
