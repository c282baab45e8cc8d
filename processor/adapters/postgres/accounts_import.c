/* SPDX-License-Identifier: Apache-2.0 */
/* Import: COPY into a temporary table, every check as one query over it, then one INSERT. So a file
 * of a million accounts takes seconds and is refused with names, not with a constraint's text. */
#include "adapters/postgres/accounts_session.h"
#include "adapters/postgres/copy_row.h"

#include <stdio.h>

enum { FLUSH_SIZE = 1024 * 1024, COLUMN_COUNT = 30 };

/* The columns in the order in which encode_account writes them. */
static const char begin_sql[] =
    "BEGIN; CREATE TEMP TABLE import (line bigint, account_id text, name text, country text,"
    " timezone text, currency text, rate_plan text, subscription smallint,"
    " payment_method smallint, card_state smallint, invoice_day smallint,"
    " credit_amounts bigint[], monthly_credit_cap bigint, thresholds bigint[], hysteresis bigint,"
    " armed smallint, exhausted boolean, watch_low bigint, watch_high bigint,"
    " recharge_on boolean, recharge_mode smallint, recharge_threshold bigint,"
    " recharge_amount bigint, recharge_count_per_day_max integer,"
    " recharge_amount_per_month_max bigint, allowances text, status smallint,"
    " closed_at timestamptz, timer_at timestamptz, balance_micros bigint) ON COMMIT DROP";

/* Accounts that stand in the way, each once: their id, line, and what is wrong with them. */
static const char check_sql[] =
    "SELECT DISTINCT ON (line) account_id, line, what::bigint FROM ("
    " SELECT i.account_id, i.line, 0 AS what FROM import i"
    " JOIN (SELECT account_id, min(line) AS line FROM import"
    " GROUP BY account_id HAVING count(*) > 1) first USING (account_id)"
    " WHERE i.line > first.line"
    " UNION ALL"
    " SELECT i.account_id, i.line, 1 FROM import i JOIN account a USING (account_id)"
    " UNION ALL"
    " SELECT i.account_id, i.line, 2 FROM import i LEFT JOIN rate_plan p ON p.name = i.rate_plan"
    " WHERE p.plan_no IS NULL"
    " UNION ALL"
    " SELECT i.account_id, i.line, 3 FROM import i JOIN rate_plan p ON p.name = i.rate_plan"
    " WHERE i.currency NOT IN ('', coalesce(p.settings->>'currency', 'USD'))"
    " UNION ALL"
    " SELECT i.account_id, i.line, 4 FROM import i JOIN"
    " (SELECT DISTINCT timezone FROM import EXCEPT SELECT name FROM pg_timezone_names) z"
    " USING (timezone)) bad ORDER BY line, what LIMIT 100000";

static const char *const wrongs[] = {
    "in the file more than once",
    "there already: an existing account is changed by records, not by import",
    "of an unknown rate plan",
    "of another currency than its rate plan",
    "in a time zone that PostgreSQL does not know",
};

/* Sorted by id, so that accounts which were imported together lie together however they came. */
static const char insert_sql[] =
    "WITH made AS (INSERT INTO account (balance_micros, movements, watch_low, watch_high, armed,"
    " exhausted, status, closed_at, plan_no, account_id, country, timezone, currency,"
    " subscription, payment_method, card_state, invoice_day, monthly_credit_cap, hysteresis,"
    " recharge_on, recharge_mode, recharge_threshold, recharge_amount,"
    " recharge_count_per_day_max, recharge_amount_per_month_max, name, thresholds,"
    " credit_amounts, allowances, timer_at, created_at)"
    " SELECT i.balance_micros, 1, i.watch_low, i.watch_high, i.armed, i.exhausted, i.status,"
    " i.closed_at, p.plan_no, i.account_id, i.country, i.timezone,"
    " coalesce(p.settings->>'currency', 'USD'), i.subscription, i.payment_method, i.card_state,"
    " i.invoice_day, i.monthly_credit_cap, i.hysteresis, i.recharge_on, i.recharge_mode,"
    " i.recharge_threshold, i.recharge_amount, i.recharge_count_per_day_max,"
    " i.recharge_amount_per_month_max, i.name, i.thresholds, i.credit_amounts,"
    " i.allowances::jsonb, i.timer_at, $1::timestamptz"
    " FROM import i JOIN rate_plan p ON p.name = i.rate_plan ORDER BY i.account_id"
    " RETURNING account_no, balance_micros),"
    " opened AS (INSERT INTO ledger_entry (account_no, movement, kind, amount_micros,"
    " balance_after_micros, created_at) SELECT account_no, 1, 'opening', balance_micros,"
    " balance_micros, $1::timestamptz FROM made)"
    " SELECT count(*) FROM made";

void ts_accounts_store_import_abort(struct ts_accounts_store *store)
{
    ts_pg_close(&store->base.session); /* in mid-COPY there is no cheaper way back */
    ts_buffer_clear(&store->rows);
}

static bool give_up(struct ts_accounts_store *store)
{
    ts_accounts_store_import_abort(store);
    return false;
}

bool ts_accounts_store_import_begin(struct ts_accounts_store *store, struct ts_error *err)
{
    ts_buffer_clear(&store->rows);
    ts_buffer_append_bytes(&store->rows, ts_pg_copy_header());
    return (ts_pg_store_connect(&store->base, err) &&
            ts_pg_run(&store->base.session, begin_sql, err) &&
            ts_pg_copy_begin(
                &store->base.session, "COPY import FROM STDIN (FORMAT binary)", err)) ||
           give_up(store);
}

static bool flush(struct ts_accounts_store *store, struct ts_error *err)
{
    if (store->rows.failed) {
        return ts_error_no_memory(err);
    }
    bool ok = ts_pg_copy_put(&store->base.session, ts_buffer_bytes(&store->rows), err);
    ts_buffer_clear(&store->rows);
    return ok;
}

static char *
put_profile(char *at, const struct ts_stored_account *account, const struct ts_account_state *state)
{
    at = ts_pg_copy_text(at, ts_bytes_of(account->account_id));
    at = ts_pg_copy_text(at, account->name);
    at = ts_pg_copy_text(at, ts_bytes_of(account->country));
    at = ts_pg_copy_text(at, ts_bytes_of(account->timezone));
    at = ts_pg_copy_text(at, ts_bytes_of(state->currency));
    at = ts_pg_copy_text(at, ts_bytes_of(account->rate_plan));
    at = ts_pg_copy_i16(at, (int16_t)state->subscription);
    at = ts_pg_copy_i16(at, (int16_t)state->payment_method);
    at = ts_pg_copy_i16(at, (int16_t)state->card_state);
    at = ts_pg_copy_i16(at, (int16_t)state->invoice_day);
    at = ts_pg_copy_i64_array(at, state->credit_amounts_micros, state->credit_amount_count);
    at = ts_pg_copy_i64(at, state->monthly_credit_cap_micros);
    return ts_pg_copy_i64_array(at, state->thresholds_micros, state->threshold_count);
}

static char *put_state(char *at, const struct ts_account_state *state)
{
    at = ts_pg_copy_i64(at, state->hysteresis_micros);
    at = ts_pg_copy_i16(at, (int16_t)state->armed);
    at = ts_pg_copy_bool(at, state->exhausted);
    at = ts_pg_copy_i64(at, state->watch_low);
    at = ts_pg_copy_i64(at, state->watch_high);
    at = ts_pg_copy_bool(at, state->recharge.on);
    at = ts_pg_copy_i16(at, (int16_t)state->recharge.mode);
    at = ts_pg_copy_i64(at, state->recharge.threshold_micros);
    at = ts_pg_copy_i64(at, state->recharge.amount_micros);
    at = ts_pg_copy_i32(at, state->recharge.count_per_day_max);
    return ts_pg_copy_i64(at, state->recharge.amount_per_month_micros_max);
}

static void
encode_account(struct ts_buffer *rows, const struct ts_stored_account *account, int64_t line)
{
    const struct ts_account_state *state = &account->state;
    size_t arrays = (size_t)state->credit_amount_count + state->threshold_count;
    size_t room = 2 + (COLUMN_COUNT + 4 + arrays) * TS_PG_COPY_NUMBER_MAX + sizeof *account +
                  account->name.size + account->allowances.size;
    char *start = ts_buffer_reserve(rows, room);
    if (start == NULL) {
        return; /* rows->failed: told by flush */
    }
    ts_pg_put_i16(start, COLUMN_COUNT);
    char *at = ts_pg_copy_i64(start + 2, line);
    at = put_profile(at, account, state);
    at = put_state(at, state);
    at = ts_pg_copy_bytes(at, account->allowances);
    at = ts_pg_copy_i16(at, (int16_t)state->status);
    at = state->status == TS_ACCOUNT_CLOSED ? ts_pg_copy_time(at, state->closed_ms)
                                            : ts_pg_copy_null(at);
    at = state->timer_ms != 0 ? ts_pg_copy_time(at, state->timer_ms) : ts_pg_copy_null(at);
    at = ts_pg_copy_i64(at, state->balance_micros);
    ts_buffer_commit(rows, (size_t)(at - start));
}

bool ts_accounts_store_import_add(struct ts_accounts_store *store,
                                  const struct ts_stored_account *account,
                                  int64_t line,
                                  struct ts_error *err)
{
    encode_account(&store->rows, account, line);
    return (store->rows.size < FLUSH_SIZE && !store->rows.failed) || flush(store, err) ||
           give_up(store);
}

/* Tells each account that stands in the way. The error is of the first. */
static bool
tell_bad(const PGresult *rows, const struct ts_import_visitor *visitor, struct ts_error *err)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        char text[TS_ACCOUNT_ID_MAX + 128];
        snprintf(text,
                 sizeof text,
                 "account \"%.*s\" is %s",
                 TS_ARGS(ts_pg_bytes(rows, i, 0)),
                 wrongs[ts_pg_i64(rows, i, 2)]);
        if (i == 0) {
            ts_error_set(err, TS_ERROR_REJECT, 0, "%s; nothing was imported", text);
        }
        if (visitor != NULL) {
            visitor->bad(visitor->self, ts_pg_i64(rows, i, 1), text);
        }
    }
    return PQntuples(rows) == 0;
}

/* After the last row was handed over. */
static bool check_all(struct ts_accounts_store *store,
                      const struct ts_import_visitor *visitor,
                      struct ts_error *err)
{
    ts_buffer_append_bytes(&store->rows, ts_pg_copy_trailer());
    if (!flush(store, err) || !ts_pg_copy_end(&store->base.session, err) ||
        !ts_pg_run(&store->base.session, "ANALYZE import", err)) {
        return false;
    }
    ts_pg_params_clear(&store->base.params);
    PGresult *rows = ts_pg_exec_params(&store->base.session, check_sql, &store->base.params, err);
    bool good = rows != NULL && tell_bad(rows, visitor, err);
    PQclear(rows);
    return good;
}

static bool
insert_all(struct ts_accounts_store *store, int64_t now_ms, int64_t *imported, struct ts_error *err)
{
    ts_pg_params_clear(&store->base.params);
    ts_pg_param_time(&store->base.params, now_ms);
    PGresult *rows = ts_pg_exec_params(&store->base.session, insert_sql, &store->base.params, err);
    if (rows == NULL) {
        return false;
    }
    *imported = ts_pg_i64(rows, 0, 0);
    PQclear(rows);
    return true;
}

bool ts_accounts_store_import_check(struct ts_accounts_store *store,
                                    const struct ts_import_visitor *visitor,
                                    struct ts_error *err)
{
    bool good = check_all(store, visitor, err);
    ts_accounts_store_import_abort(store);
    return good;
}

bool ts_accounts_store_import_end(struct ts_accounts_store *store,
                                  int64_t now_ms,
                                  const struct ts_import_visitor *visitor,
                                  int64_t *imported,
                                  struct ts_error *err)
{
    int64_t count = 0;
    if (check_all(store, visitor, err) && insert_all(store, now_ms, &count, err) &&
        ts_pg_run(&store->base.session, "COMMIT", err)) {
        *imported = count;
        return true;
    }
    return give_up(store);
}
