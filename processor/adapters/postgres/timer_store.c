/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/timer_store.h"

#include "adapters/postgres/connection.h"
#include "adapters/postgres/schema.h"

#include <stdlib.h>

enum { CONNECT_TIMEOUT_MS = 5000, STATEMENT_TIMEOUT_MS = 10000, PARAMS_MAX = 4096 };

/* "toll", "time" */
#define TIMER_LOCK "1953459308, 1953066341"

static const char due_sql[] = "SELECT account_id, recharge_in_flight_id, timer_at FROM account"
                              " WHERE timer_at IS NOT NULL AND timer_at <= $1::timestamptz"
                              " ORDER BY timer_at LIMIT $2::bigint";

struct ts_timer_store {
    char *url;
    struct ts_pg_session session;
    struct ts_pg_params params;
    bool owned; /* by this session */
};

struct ts_timer_store *ts_timer_store_create(const char *url, struct ts_error *err)
{
    struct ts_timer_store *store = calloc(1, sizeof *store);
    if (store == NULL || (store->url = strdup(url)) == NULL) {
        free(store);
        ts_error_no_memory(err);
        return NULL;
    }
    ts_pg_params_init(&store->params, PARAMS_MAX);
    return store;
}

void ts_timer_store_destroy(struct ts_timer_store *store)
{
    if (store != NULL) {
        ts_pg_close(&store->session);
        ts_pg_params_finish(&store->params);
        free(store->url);
        free(store);
    }
}

static bool is_connected(const struct ts_timer_store *store)
{
    return store->session.conn != NULL && PQstatus(store->session.conn) == CONNECTION_OK;
}

static bool connected(struct ts_timer_store *store, struct ts_error *err)
{
    if (is_connected(store)) {
        return true;
    }
    store->owned = false;
    ts_pg_close(&store->session);
    struct ts_pg_session_options options = {.url = store->url,
                                            .role = "timers",
                                            .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                            .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    if (!ts_pg_open(&store->session, &options, NULL, 0, err)) {
        return false;
    }
    if (!ts_pg_schema_check(&store->session, err)) {
        ts_pg_close(&store->session);
        return false;
    }
    return true;
}

bool ts_timer_store_own(struct ts_timer_store *store, bool *owned, struct ts_error *err)
{
    if (!connected(store, err)) {
        return false;
    }
    if (!store->owned) {
        struct ts_pg_params none = {0};
        PGresult *rows = ts_pg_exec_params(
            &store->session, "SELECT pg_try_advisory_lock(" TIMER_LOCK ")", &none, err);
        if (rows == NULL) {
            return false;
        }
        store->owned = ts_pg_bool(rows, 0, 0);
        PQclear(rows);
    }
    *owned = store->owned;
    return true;
}

static void read_timer(const PGresult *rows, int row, struct ts_due_timer *out)
{
    struct ts_bytes in_flight = ts_pg_bytes(rows, row, 1);
    bool expires = in_flight.size > 0;
    *out =
        (struct ts_due_timer){.account_id = ts_pg_bytes(rows, row, 0),
                              .timer = expires ? TS_TIMER_RECHARGE_EXPIRY : TS_TIMER_RECHARGE_RETRY,
                              .subject = expires ? in_flight : (struct ts_bytes){0},
                              .due_ms = ts_pg_time_ms(rows, row, 2)};
}

bool ts_timer_store_due(struct ts_timer_store *store,
                        int64_t now_ms,
                        int64_t max,
                        const struct ts_timer_visitor *visitor,
                        struct ts_error *err)
{
    if (!is_connected(store) || !store->owned) {
        return ts_error_set(err, TS_ERROR_RETRY, 0, "the duty of timers is not ours");
    }
    ts_pg_params_clear(&store->params);
    ts_pg_param_time(&store->params, now_ms);
    ts_pg_param_i64(&store->params, max);
    PGresult *rows = ts_pg_exec_params(&store->session, due_sql, &store->params, err);
    if (rows == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_due_timer timer;
        read_timer(rows, i, &timer);
        visitor->visit(visitor->self, &timer);
    }
    PQclear(rows);
    return true;
}
