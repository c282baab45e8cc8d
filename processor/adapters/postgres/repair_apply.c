/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the repair that settles wait for: a page of accounts of one bucket, and the bucket's
 * generation, in one transaction. */
#include "adapters/postgres/account_state.h"
#include "adapters/postgres/repair_inner.h"
#include "adapters/postgres/statements.h"
#include "core/account.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 500, LOCK_TRIES = 10, LOCK_AGAIN_S = 1 };

/* Accounts of one bucket. */
struct page {
    uint32_t bucket;
    int64_t after; /* the account_no before the first */
    size_t count;
    int64_t accounts[PAGE];
};

static const char page_sql[] =
    "SELECT account_no FROM repair_account WHERE bucket = $1::int AND account_no > $2::bigint"
    " AND NOT hopeless AND (balance_micros <> total OR misnumbered"
    " OR account_no IN (SELECT account_no FROM repair_units))"
    " ORDER BY account_no LIMIT $3::bigint";

/* All of these: the accounts of $1. What they were before is noted first. */
static const char note_sql[] =
    "INSERT INTO account_repair (account_no, repaired_at, operator, reason, balance_change,"
    " movements, movements_after, units)"
    " SELECT a.account_no, $2::timestamptz, $3::text, $4::text, r.total - r.balance_micros,"
    " a.movements, a.movements, (SELECT jsonb_agg(jsonb_build_array(u.name, u.month, u.units)"
    " ORDER BY u.name, u.month) FROM repair_units u WHERE u.account_no = a.account_no)"
    " FROM account a JOIN repair_account r USING (account_no)"
    " WHERE a.account_no = ANY ($1::bigint[]) FOR UPDATE OF a";
static const char number_sql[] =
    "UPDATE account_repair n SET movements_after = ledger_renumber(n.account_no)"
    " FROM repair_account r WHERE n.account_no = ANY ($1::bigint[])"
    " AND n.repaired_at = $2::timestamptz AND r.account_no = n.account_no AND r.misnumbered";
static const char balance_sql[] =
    "UPDATE account a SET balance_micros = a.balance_micros + r.total - r.balance_micros"
    " FROM repair_account r WHERE a.account_no = ANY ($1::bigint[])"
    " AND r.account_no = a.account_no AND r.total <> r.balance_micros";
static const char allowances_sql[] =
    "INSERT INTO allowance_used AS u (account_no, month, name, used)"
    " SELECT account_no, month, name, units FROM repair_units"
    " WHERE account_no = ANY ($1::bigint[])"
    " ON CONFLICT (account_no, month, name) DO UPDATE SET used = u.used + excluded.used";
static const char watch_sql[] =
    "UPDATE account a SET watch_low = v.low, watch_high = v.high, timer_at = v.timer"
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[])"
    " AS v(account_no, low, high, timer) WHERE a.account_no = v.account_no";
static const char raise_sql[] =
    "UPDATE redis_bucket SET generation = greatest(generation + 1, $2::bigint)"
    " WHERE bucket = ANY ($1::int[]) RETURNING bucket, generation";

static bool read_page(struct ts_repair_store *store, struct page *page, struct ts_error *err)
{
    ts_pg_param_i32(&store->base.params, (int32_t)page->bucket);
    ts_pg_param_i64(&store->base.params, page->after);
    ts_pg_param_i64(&store->base.params, PAGE);
    PGresult *rows = ts_repair_call(store, page_sql, err);
    if (rows == NULL) {
        return false;
    }
    page->count = (size_t)PQntuples(rows);
    for (int i = 0; i < PQntuples(rows); i++) {
        page->accounts[i] = page->after = ts_pg_i64(rows, i, 0);
    }
    PQclear(rows);
    return true;
}

/* ---- under the lock ----------------------------------------------------------------------------
 */

/* While we wait for settles under way new ones wait for us: never for long. */
static bool begin_alone(struct ts_repair_store *store, struct ts_error *err)
{
    const struct timespec pause = {.tv_sec = LOCK_AGAIN_S};
    for (int tries = 1;; tries++) {
        if (ts_pg_run(&store->base.session,
                      TS_PG_BEGIN_ALONE "SELECT pg_advisory_xact_lock(" TS_PG_GENERATION_LOCK ")",
                      err)) {
            return true;
        }
        bool back = ts_pg_run(&store->base.session, "ROLLBACK", NULL);
        if (err->code != TS_PG_LOCK_NOT_AVAILABLE) {
            return false;
        }
        if (!back || tries == LOCK_TRIES) {
            return ts_error_prefix(err, "a settle does not end");
        }
        nanosleep(&pause, NULL);
    }
}

static void add_accounts(struct ts_repair_store *store, const struct page *page)
{
    ts_pg_array_begin(&store->base.params, TS_PG_INT8);
    for (size_t i = 0; i < page->count; i++) {
        ts_pg_array_i64(&store->base.params, page->accounts[i]);
    }
    ts_pg_array_end(&store->base.params);
}

static bool run_on(struct ts_repair_store *store,
                   const char *sql,
                   const struct page *page,
                   struct ts_error *err)
{
    add_accounts(store, page);
    return ts_repair_run(store, sql, err);
}

static bool note(struct ts_repair_store *store,
                 const struct page *page,
                 const struct ts_repair_order *order,
                 int64_t now_ms,
                 struct ts_error *err)
{
    add_accounts(store, page);
    ts_pg_param_time(&store->base.params, now_ms);
    ts_pg_param_text(&store->base.params, order->operator_name);
    ts_pg_param_text(&store->base.params, order->reason);
    if (!ts_repair_run(store, note_sql, err)) {
        return false;
    }
    add_accounts(store, page);
    ts_pg_param_time(&store->base.params, now_ms);
    return ts_repair_run(store, number_sql, err);
}

static PGresult *read_states(struct ts_repair_store *store,
                             const struct page *page,
                             int64_t now_ms,
                             struct ts_error *err)
{
    add_accounts(store, page);
    ts_pg_param_time(&store->base.params, now_ms);
    return ts_repair_call(store, TS_PG_SELECT_STATES, err);
}

static void add_watch(struct ts_repair_store *store,
                      const struct page *page,
                      const struct ts_account_state *states)
{
    struct ts_pg_params *params = &store->base.params;
    add_accounts(store, page);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < page->count; i++) {
        ts_pg_array_i64(params, states[i].watch_low);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < page->count; i++) {
        ts_pg_array_i64(params, states[i].watch_high);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < page->count; i++) {
        if (states[i].timer_ms != 0) {
            ts_pg_array_time(params, states[i].timer_ms);
        } else {
            ts_pg_array_null(params);
        }
    }
    ts_pg_array_end(params);
}

/* The rows come in no order. */
static bool
decide(struct ts_repair_store *store, const struct page *page, int64_t now_ms, struct ts_error *err)
{
    struct ts_account_state *states = calloc(page->count, sizeof *states);
    PGresult *rows = states != NULL ? read_states(store, page, now_ms, err) : NULL;
    if (states == NULL) {
        return ts_error_no_memory(err);
    }
    bool good = rows != NULL && (size_t)PQntuples(rows) == page->count;
    if (rows != NULL && !good) {
        ts_error_set(err, TS_ERROR_RETRY, 0, "an account went away during its repair");
    }
    for (int i = 0; good && i < PQntuples(rows); i++) {
        struct ts_account_state *state = &states[ts_pg_i64(rows, i, 0) - 1];
        ts_pg_read_account_state(rows, i, TS_PG_STATES_STATE, state);
        ts_decide_repaired(state, now_ms);
    }
    if (good) {
        add_watch(store, page, states);
        good = ts_repair_run(store, watch_sql, err);
    }
    PQclear(rows);
    free(states);
    return good;
}

/* (bucket, generation), as they are when this is committed. */
static PGresult *raise_generations(struct ts_repair_store *store,
                                   const uint32_t *buckets,
                                   size_t count,
                                   int64_t now_ms,
                                   struct ts_error *err)
{
    ts_pg_array_begin(&store->base.params, TS_PG_INT4);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i32(&store->base.params, (int32_t)buckets[i]);
    }
    ts_pg_array_end(&store->base.params);
    ts_pg_param_i64(&store->base.params, now_ms);
    return ts_repair_call(store, raise_sql, err);
}

/* Commits what raised these, or nothing when there are none. */
static bool end_alone(struct ts_repair_store *store,
                      PGresult *raised,
                      const struct ts_repair_order *order,
                      struct ts_error *err)
{
    bool good = raised != NULL && ts_pg_run(&store->base.session, "COMMIT", err);
    for (int i = 0; good && i < PQntuples(raised); i++) {
        order->raised(order->self, (uint32_t)ts_pg_i32(raised, i, 0), ts_pg_i64(raised, i, 1));
    }
    PQclear(raised);
    if (!good && store->base.session.conn != NULL) {
        ts_pg_params_clear(&store->base.params);
        ts_pg_run(&store->base.session, "ROLLBACK", NULL);
    }
    return good;
}

static bool repair_page(struct ts_repair_store *store,
                        const struct page *page,
                        const struct ts_repair_order *order,
                        struct ts_error *err)
{
    int64_t now_ms = order->now_ms();
    if (!begin_alone(store, err)) {
        return false;
    }
    bool good = note(store, page, order, now_ms, err) && run_on(store, balance_sql, page, err) &&
                run_on(store, allowances_sql, page, err) && decide(store, page, now_ms, err);
    PGresult *raised = good ? raise_generations(store, &page->bucket, 1, now_ms, err) : NULL;
    return end_alone(store, raised, order, err);
}

bool ts_repair_store_raise(struct ts_repair_store *store,
                           const uint32_t *buckets,
                           size_t count,
                           const struct ts_repair_order *order,
                           struct ts_error *err)
{
    if (count == 0) {
        return true;
    }
    if (!begin_alone(store, err)) {
        return false;
    }
    PGresult *raised = raise_generations(store, buckets, count, order->now_ms(), err);
    return end_alone(store, raised, order, err);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

static bool repair_rows(struct ts_repair_store *store,
                        const struct ts_repair_order *order,
                        struct ts_repair_done *done,
                        struct ts_error *err)
{
    struct page page;
    for (uint32_t bucket = 0; bucket < TS_BUCKET_COUNT; bucket++) {
        page = (struct page){.bucket = bucket};
        do {
            if (!read_page(store, &page, err) ||
                (page.count > 0 && !repair_page(store, &page, order, err))) {
                return false;
            }
            done->accounts += (int64_t)page.count;
            done->buckets += page.count > 0;
            order->progress(order->self, done->accounts);
        } while (page.count == PAGE);
    }
    return true;
}

/* Those whose rows do not follow from each other, or do so no longer since theirs was set. */
static bool
repair_histories(struct ts_repair_store *store, struct ts_repair_done *done, struct ts_error *err)
{
    int64_t after = 0;
    for (int count = PAGE; count == PAGE;) {
        ts_pg_param_i64(&store->base.params, after);
        ts_pg_param_i64(&store->base.params, PAGE);
        PGresult *rows =
            ts_repair_call(store,
                           "SELECT account_no FROM repair_account WHERE account_no > $1::bigint"
                           " AND NOT hopeless AND (balance_micros <> total OR misnumbered"
                           " OR breaks > 0) ORDER BY account_no LIMIT $2::bigint",
                           err);
        if (rows == NULL) {
            return false;
        }
        bool good = true;
        count = PQntuples(rows);
        for (int i = 0; good && i < count; i++) {
            after = ts_pg_i64(rows, i, 0);
            good = ts_repair_history(store, after, &done->entries, err);
        }
        PQclear(rows);
        if (!good) {
            return false;
        }
    }
    return true;
}

bool ts_repair_store_repair(struct ts_repair_store *store,
                            const struct ts_repair_order *order,
                            struct ts_repair_done *out,
                            struct ts_error *err)
{
    *out = (struct ts_repair_done){0};
    return repair_rows(store, order, out, err) && repair_histories(store, out, err);
}
