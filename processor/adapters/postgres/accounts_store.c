/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/accounts_store.h"

#include "adapters/postgres/accounts_session.h"
#include "adapters/postgres/schema.h"

#include <stdlib.h>

enum { CONNECT_TIMEOUT_MS = 5000, BYTES_MAX = 64 * 1024 * 1024 };

/* Columns in the order of enum column. */
#define SELECT_ACCOUNT                                                                             \
    "SELECT a.account_id, a.country, a.timezone, p.name, a.name, a.allowances::text, a.status,"    \
    " a.closed_at, a.invoice_day, a.credit_amounts, a.movements, a.revision, a.created_at,"        \
    " a.account_no, a.balance_micros, a.sequence, a.currency, a.armed, a.exhausted, a.thresholds," \
    " a.hysteresis, a.payment_method, a.card_state, a.subscription, a.monthly_credit_cap,"         \
    " a.watch_low, a.watch_high, a.recharge_on, a.recharge_mode, a.recharge_threshold,"            \
    " a.recharge_amount, a.recharge_count_per_day_max, a.recharge_amount_per_month_max,"           \
    " a.recharge_in_flight_id, a.recharge_in_flight_micros, a.recharge_expires_at,"                \
    " a.recharge_failures, a.recharge_next_try, a.recharge_day, a.recharge_day_count,"             \
    " a.recharge_month, a.recharge_month_micros, a.recharge_requests,"                             \
    " (SELECT amount_micros FROM ledger_entry e WHERE e.account_no = a.account_no"                 \
    " AND e.movement = 1 AND e.kind = 'opening')"                                                  \
    " FROM account a JOIN rate_plan p USING (plan_no)"

enum column {
    ACCOUNT_ID,
    COUNTRY,
    TIMEZONE,
    RATE_PLAN,
    NAME,
    ALLOWANCES,
    STATUS,
    CLOSED_AT,
    INVOICE_DAY,
    CREDIT_AMOUNTS,
    MOVEMENTS,
    REVISION,
    CREATED_AT,
    ACCOUNT_NO,
    BALANCE,
    SEQUENCE,
    CURRENCY,
    ARMED,
    EXHAUSTED,
    THRESHOLDS,
    HYSTERESIS,
    PAYMENT_METHOD,
    CARD_STATE,
    SUBSCRIPTION,
    MONTHLY_CREDIT_CAP,
    WATCH_LOW,
    WATCH_HIGH,
    RECHARGE_ON,
    RECHARGE_MODE,
    RECHARGE_THRESHOLD,
    RECHARGE_AMOUNT,
    RECHARGE_DAY_MAX,
    RECHARGE_MONTH_MAX,
    RECHARGE_IN_FLIGHT_ID,
    RECHARGE_IN_FLIGHT,
    RECHARGE_EXPIRES_AT,
    RECHARGE_FAILURES,
    RECHARGE_NEXT_TRY,
    RECHARGE_DAY,
    RECHARGE_DAY_COUNT,
    RECHARGE_MONTH,
    RECHARGE_MONTH_MICROS,
    RECHARGE_REQUESTS,
    OPENING,
};

struct ts_accounts_store *ts_accounts_store_create(const char *url, struct ts_error *err)
{
    struct ts_accounts_store *store = calloc(1, sizeof *store);
    if (store == NULL || (store->url = strdup(url)) == NULL) {
        free(store);
        ts_error_no_memory(err);
        return NULL;
    }
    ts_pg_params_init(&store->params, BYTES_MAX);
    ts_buffer_init(&store->rows, BYTES_MAX);
    return store;
}

void ts_accounts_store_destroy(struct ts_accounts_store *store)
{
    if (store != NULL) {
        ts_pg_close(&store->session);
        ts_pg_params_finish(&store->params);
        ts_buffer_finish(&store->rows);
        free(store->url);
        free(store);
    }
}

bool ts_accounts_connect(struct ts_accounts_store *store, struct ts_error *err)
{
    if (store->session.conn != NULL && PQstatus(store->session.conn) == CONNECTION_OK) {
        return true;
    }
    ts_pg_close(&store->session);
    struct ts_pg_session_options options = {
        .url = store->url, .role = "accounts", .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    if (!ts_pg_open(&store->session, &options, NULL, 0, err)) {
        return false;
    }
    if (!ts_pg_schema_check(&store->session, err)) {
        ts_pg_close(&store->session);
        return false;
    }
    return true;
}

static void read_recharge(const PGresult *rows, int row, struct ts_recharge *out)
{
    out->on = ts_pg_bool(rows, row, RECHARGE_ON);
    out->mode = (enum ts_recharge_mode)ts_pg_i16(rows, row, RECHARGE_MODE);
    out->threshold_micros = ts_pg_i64(rows, row, RECHARGE_THRESHOLD);
    out->amount_micros = ts_pg_i64(rows, row, RECHARGE_AMOUNT);
    out->count_per_day_max = ts_pg_i32(rows, row, RECHARGE_DAY_MAX);
    out->amount_per_month_micros_max = ts_pg_i64(rows, row, RECHARGE_MONTH_MAX);
    ts_pg_text(rows, row, RECHARGE_IN_FLIGHT_ID, out->in_flight_id, sizeof out->in_flight_id);
    out->in_flight_micros = ts_pg_i64(rows, row, RECHARGE_IN_FLIGHT);
    out->expires_at_ms = ts_pg_time_ms(rows, row, RECHARGE_EXPIRES_AT);
    out->failures = ts_pg_i32(rows, row, RECHARGE_FAILURES);
    out->next_try_ms = ts_pg_time_ms(rows, row, RECHARGE_NEXT_TRY);
    out->day = ts_pg_i32(rows, row, RECHARGE_DAY);
    out->day_count = ts_pg_i32(rows, row, RECHARGE_DAY_COUNT);
    out->month = ts_pg_i32(rows, row, RECHARGE_MONTH);
    out->month_micros = ts_pg_i64(rows, row, RECHARGE_MONTH_MICROS);
    out->requests = ts_pg_i64(rows, row, RECHARGE_REQUESTS);
}

static void read_state(const PGresult *rows, int row, struct ts_account_state *out)
{
    out->account_no = ts_pg_i64(rows, row, ACCOUNT_NO);
    out->balance_micros = ts_pg_i64(rows, row, BALANCE);
    out->sequence = ts_pg_i64(rows, row, SEQUENCE);
    ts_pg_text(rows, row, CURRENCY, out->currency, sizeof out->currency);
    out->armed = (uint8_t)ts_pg_i16(rows, row, ARMED);
    out->exhausted = ts_pg_bool(rows, row, EXHAUSTED);
    out->threshold_count =
        (uint8_t)ts_pg_i64_array(rows, row, THRESHOLDS, out->thresholds_micros, TS_THRESHOLDS_MAX);
    out->hysteresis_micros = ts_pg_i64(rows, row, HYSTERESIS);
    out->payment_method = (enum ts_payment_method)ts_pg_i16(rows, row, PAYMENT_METHOD);
    out->card_state = (enum ts_card_state)ts_pg_i16(rows, row, CARD_STATE);
    out->subscription = (enum ts_subscription)ts_pg_i16(rows, row, SUBSCRIPTION);
    out->monthly_credit_cap_micros = ts_pg_i64(rows, row, MONTHLY_CREDIT_CAP);
    out->watch_low = ts_pg_i64(rows, row, WATCH_LOW);
    out->watch_high = ts_pg_i64(rows, row, WATCH_HIGH);
    read_recharge(rows, row, &out->recharge);
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
    out->status = (enum ts_account_status)ts_pg_i16(rows, row, STATUS);
    out->closed_ms = ts_pg_time_ms(rows, row, CLOSED_AT);
    out->invoice_day = ts_pg_i16(rows, row, INVOICE_DAY);
    out->credit_amount_count = (uint8_t)ts_pg_i64_array(
        rows, row, CREDIT_AMOUNTS, out->credit_amounts, TS_CREDIT_AMOUNTS_MAX);
    out->opening_micros = ts_pg_i64(rows, row, OPENING);
    out->movements = ts_pg_i64(rows, row, MOVEMENTS);
    out->revision = ts_pg_i32(rows, row, REVISION);
    out->created_ms = ts_pg_time_ms(rows, row, CREATED_AT);
    read_state(rows, row, &out->state);
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
    ts_pg_params_clear(&store->params);
    ts_pg_param_text(&store->params, after != NULL ? after : "");
    ts_pg_param_i64(&store->params, max);
    PGresult *rows = !ts_accounts_connect(store, err)
                         ? NULL
                         : ts_pg_exec_params(&store->session,
                                             SELECT_ACCOUNT " WHERE a.account_id > $1::text"
                                                            " ORDER BY a.account_id"
                                                            " LIMIT $2::bigint",
                                             &store->params,
                                             err);
    if (rows == NULL) {
        return false;
    }
    visit_all(rows, visitor);
    PQclear(rows);
    return true;
}

bool ts_accounts_store_show(struct ts_accounts_store *store,
                            const char *account_id,
                            const struct ts_account_visitor *visitor,
                            struct ts_error *err)
{
    ts_pg_params_clear(&store->params);
    ts_pg_param_text(&store->params, account_id);
    PGresult *rows = !ts_accounts_connect(store, err)
                         ? NULL
                         : ts_pg_exec_params(&store->session,
                                             SELECT_ACCOUNT " WHERE a.account_id = $1::text",
                                             &store->params,
                                             err);
    if (rows == NULL) {
        return false;
    }
    bool found = PQntuples(rows) > 0;
    visit_all(rows, visitor);
    PQclear(rows);
    return found || ts_error_set(err, TS_ERROR_REJECT, 0, "there is no account \"%s\"", account_id);
}
