/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/timer_store.h"

#include "adapters/postgres/store.h"

#include <stdlib.h>

enum { STATEMENT_TIMEOUT_MS = 10000, PARAMS_MAX = 4096 };

/* "toll", "time" */
#define TIMER_LOCK "1953459308, 1953066341"

/* timer_at is read as what it is on the wire, microseconds since 2000, and given back like that. */
static const char due_sql[] =
    "SELECT account_id, recharge_in_flight_id, timer_at, account_no FROM account"
    " WHERE timer_at IS NOT NULL AND timer_at <= $1::timestamptz AND (timer_at, account_no)"
    " > (timestamptz '2000-01-01Z' + $3::bigint * interval '1 microsecond', $4::bigint)"
    " ORDER BY timer_at, account_no LIMIT $2::bigint";

struct ts_timer_store {
    struct ts_pg_store base;
    bool owned; /* by this session */
};

struct ts_timer_store *ts_timer_store_create(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {
        .url = url, .role = "timers", .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    return ts_pg_store_make(sizeof(struct ts_timer_store), &options, PARAMS_MAX, err);
}

void ts_timer_store_destroy(struct ts_timer_store *store)
{
    ts_pg_store_free(store);
}

bool ts_timer_store_own(struct ts_timer_store *store, bool *owned, struct ts_error *err)
{
    store->owned = store->owned && ts_pg_store_is_connected(&store->base);
    if (!ts_pg_store_connect(&store->base, err)) {
        return false;
    }
    if (!store->owned) {
        struct ts_pg_params none = {0};
        PGresult *rows = ts_pg_exec_params(
            &store->base.session, "SELECT pg_try_advisory_lock(" TIMER_LOCK ")", &none, err);
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
                        struct ts_timer_place *place,
                        const struct ts_timer_visitor *visitor,
                        bool *more,
                        struct ts_error *err)
{
    if (!ts_pg_store_is_connected(&store->base) || !store->owned) {
        return ts_error_set(err, TS_ERROR_RETRY, 0, "the duty of timers is not ours");
    }
    ts_pg_params_clear(&store->base.params);
    ts_pg_param_time(&store->base.params, now_ms);
    ts_pg_param_i64(&store->base.params, max);
    ts_pg_param_i64(&store->base.params, place->at_us);
    ts_pg_param_i64(&store->base.params, place->account_no);
    PGresult *rows = ts_pg_exec_params(&store->base.session, due_sql, &store->base.params, err);
    if (rows == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_due_timer timer;
        read_timer(rows, i, &timer);
        visitor->visit(visitor->self, &timer);
        place->at_us = ts_pg_i64(rows, i, 2);
        place->account_no = ts_pg_i64(rows, i, 3);
    }
    *more = PQntuples(rows) == max;
    PQclear(rows);
    return true;
}
