/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a lane, and which generation a bucket has: the statements that wait for settles of
 * others, and end a session that makes them wait for too long. A process that was stopped inside
 * its settle answers no time-out of the server, yet holds the lane's row. */
#include "adapters/postgres/worker.h"
#include "base/assert.h"

/* The sessions at the head of the queue we wait in, of our own role: whoever waits itself is not
 * to blame. */
#define END_BLOCKERS                                                                               \
    "WITH RECURSIVE chain(pid) AS (SELECT unnest(pg_blocking_pids($1::int))"                       \
    " UNION SELECT unnest(pg_blocking_pids(chain.pid)) FROM chain)"                                \
    " SELECT a.pid, pg_terminate_backend(a.pid) FROM chain JOIN pg_stat_activity a USING (pid)"    \
    " WHERE a.usename = current_user AND cardinality(pg_blocking_pids(a.pid)) = 0"

static void tell_ended(const struct ts_postgres *postgres, const PGresult *rows)
{
    const struct ts_observer *observer = &postgres->options.observer;
    for (int i = 0; observer->ops != NULL && i < PQntuples(rows); i++) {
        observer->ops->say(observer->self,
                           TS_LEVEL_WARNING,
                           "session_ended",
                           "ended PostgreSQL session %d, which blocked a claim for more than "
                           "%d ms",
                           ts_pg_i32(rows, i, 0),
                           postgres->options.claim_timeout_ms);
    }
}

/* Ends what blocks the statement under way on the reading session. That it fails is no error of
 * the claim, which goes on waiting. */
static void end_blockers(struct ts_postgres *postgres)
{
    struct ts_pg_session_options options = {
        .url = postgres->options.url,
        .role = "claim",
        .connect_timeout_ms = postgres->options.connect_timeout_ms,
        .statement_timeout_ms = postgres->options.statement_timeout_ms,
    };
    struct ts_pg_session session;
    struct ts_error ignored;
    if (!ts_pg_open(&session, &options, NULL, 0, &ignored)) {
        return;
    }
    struct ts_pg_params params;
    ts_pg_params_init(&params, 64);
    ts_pg_param_i32(&params, PQbackendPID(postgres->reading.conn));
    PGresult *rows = ts_pg_exec_params(&session, END_BLOCKERS, &params, &ignored);
    if (rows != NULL) {
        tell_ended(postgres, rows);
    }
    PQclear(rows);
    ts_pg_params_finish(&params);
    ts_pg_close(&session);
}

/* Like ts_pg_call on the reading session, for statements that wait for locks of settles. */
static PGresult *
call_unblocking(struct ts_postgres *postgres, enum ts_pg_reading statement, struct ts_error *err)
{
    struct ts_pg_session *session = &postgres->reading;
    if (!ts_pg_send(session, &ts_pg_reading[statement], &postgres->params, err)) {
        return NULL;
    }
    PGresult *result = NULL;
    int64_t give_up = ts_pg_mono_ms() + session->call_timeout_ms;
    int claim_ms = postgres->options.claim_timeout_ms;
    while (!ts_pg_await(session, ts_pg_mono_ms() + claim_ms, &result, err)) {
        if (ts_pg_mono_ms() >= give_up) {
            ts_pg_close(session);
            ts_error_set(err, TS_ERROR_RETRY, 0, "PostgreSQL: no answer to a claim in time");
            return NULL;
        }
        end_blockers(postgres);
    }
    return result;
}

static void add_lane(struct ts_postgres *postgres, struct ts_lane lane)
{
    ts_pg_param_text(&postgres->params, postgres->options.group);
    ts_pg_param_text(&postgres->params, postgres->options.topics[lane.input]);
    ts_pg_param_i32(&postgres->params, lane.partition);
}

/* The columns (epoch, next_offset, has_tail, tail_hash) from `column` on. */
static void read_claim(const PGresult *rows, int row, int column, struct ts_claim *out)
{
    out->fenced = false;
    out->epoch = ts_pg_i64(rows, row, column);
    out->next_offset = ts_pg_i64(rows, row, column + 1);
    out->has_tail = ts_pg_bool(rows, row, column + 2);
    out->tail_hash = (uint64_t)ts_pg_i64(rows, row, column + 3);
}

bool ts_pg_known(void *self, struct ts_lane lane, bool *out, struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    ts_pg_params_clear(&postgres->params);
    add_lane(postgres, lane);
    PGresult *rows =
        ts_pg_call(&postgres->reading, &ts_pg_reading[TS_PG_READ_KNOWN], &postgres->params, err);
    if (rows == NULL) {
        return false;
    }
    *out = PQntuples(rows) > 0;
    PQclear(rows);
    return true;
}

bool ts_pg_claim(void *self,
                 struct ts_lane lane,
                 int64_t first_offset,
                 int64_t now_ms,
                 struct ts_claim *out,
                 struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    ts_pg_params_clear(&postgres->params);
    add_lane(postgres, lane);
    ts_pg_param_i64(&postgres->params, first_offset);
    ts_pg_param_i64(&postgres->params, now_ms);
    PGresult *rows = call_unblocking(postgres, TS_PG_READ_CLAIM, err);
    if (rows == NULL) {
        return false;
    }
    TS_ASSERT(PQntuples(rows) == 1);
    out->lane = lane;
    read_claim(rows, 0, 0, out);
    PQclear(rows);
    return true;
}

static void add_claims(struct ts_postgres *postgres,
                       const struct ts_claim *claims,
                       size_t count,
                       int64_t now_ms)
{
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_param_text(params, postgres->options.group);
    ts_pg_param_i64(params, now_ms);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_bytes(params, ts_bytes_of(postgres->options.topics[claims[i].lane.input]));
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT4);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i32(params, claims[i].lane.partition);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, claims[i].epoch);
    }
    ts_pg_array_end(params);
}

/* Two statements in this order: whatever settled under a generation older than those read here had
 * its lane's row locked before, so the second statement waits for it. */
bool ts_pg_reopen(void *self,
                  struct ts_claim *claims,
                  size_t count,
                  int64_t now_ms,
                  struct ts_bucket_row buckets[TS_BUCKET_COUNT],
                  struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    if (!ts_pg_buckets(postgres, buckets, err)) {
        return false;
    }
    add_claims(postgres, claims, count, now_ms);
    PGresult *rows = call_unblocking(postgres, TS_PG_READ_REOPEN, err);
    if (rows == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        claims[i].fenced = true;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        read_claim(rows, i, 1, &claims[ts_pg_i64(rows, i, 0) - 1]);
    }
    PQclear(rows);
    return true;
}

static void add_raises(struct ts_postgres *postgres,
                       const struct ts_raise *items,
                       size_t count,
                       const struct ts_balances_identity *identity,
                       int64_t now_ms)
{
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_INT4);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i32(params, (int32_t)items[i].bucket);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, items[i].generation);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, items[i].seen_generation);
    }
    ts_pg_array_end(params);
    ts_pg_param_i64(params, now_ms);
    ts_pg_param_text(params, identity->run_id);
    ts_pg_param_text(params, identity->replication_id);
}

static bool raise_locked(struct ts_postgres *postgres,
                         struct ts_raise *items,
                         size_t count,
                         const struct ts_balances_identity *identity,
                         int64_t now_ms,
                         struct ts_error *err)
{
    add_raises(postgres, items, count, identity, now_ms);
    PGresult *rows =
        ts_pg_call(&postgres->reading, &ts_pg_reading[TS_PG_READ_RAISE], &postgres->params, err);
    if (rows == NULL || !ts_pg_run(&postgres->reading, "COMMIT", err)) {
        PQclear(rows);
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_raise *item = &items[ts_pg_i64(rows, i, 0) - 1];
        item->raised = ts_pg_bool(rows, i, 1);
        item->generation = ts_pg_i64(rows, i, 2);
    }
    PQclear(rows);
    return true;
}

bool ts_pg_raise(void *self,
                 struct ts_raise *items,
                 size_t count,
                 const struct ts_balances_identity *identity,
                 int64_t now_ms,
                 struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    if (!ts_pg_run(&postgres->reading, "BEGIN ISOLATION LEVEL READ COMMITTED", err)) {
        return false;
    }
    ts_pg_params_clear(&postgres->params);
    PGresult *locked = call_unblocking(postgres, TS_PG_READ_RAISE_LOCK, err);
    PQclear(locked);
    if (locked != NULL && raise_locked(postgres, items, count, identity, now_ms, err)) {
        return true;
    }
    ts_pg_run(&postgres->reading, "ROLLBACK", NULL);
    return false;
}
