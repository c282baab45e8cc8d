/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/audit_live.h"

#include "adapters/postgres/store.h"
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

enum {
    STATEMENT_TIMEOUT_MS = 60000,
    PARAMS_MAX = 256 << 20,
};

static const char lanes_sql[] = "SELECT topic, partition, next_offset FROM stream_partition"
                                " WHERE group_name = $1::text AND topic = ANY ($2::text[])"
                                " ORDER BY array_position($2::text[], topic), partition";
static const char generation_sql[] =
    "SELECT generation FROM redis_bucket WHERE bucket = $1::integer";
static const char balances_sql[] =
    "SELECT w.at, CASE w.month WHEN 0 THEN a.balance_micros ELSE coalesce(u.used, 0) END"
    " FROM unnest($1::text[], $2::int[], $3::text[])"
    " WITH ORDINALITY w(account_id, month, allowance, at) JOIN account a USING (account_id)"
    " LEFT JOIN allowance_used u ON u.account_no = a.account_no AND u.month = w.month"
    " AND u.name = w.allowance";
static const char sequences_sql[] = "SELECT account_id, sequence FROM account WHERE sequence > 0";
static const char waiting_sql[] =
    "SELECT a.account_id, o.sequence FROM outbox o JOIN account a USING (account_no)"
    " WHERE o.sequence > 0";
static const char inputs_sql[] =
    "SELECT coalesce(sum(next_offset - first_offset - holes), 0)::bigint,"
    " coalesce(sum(settled), 0)::bigint, coalesce(sum(duplicates), 0)::bigint,"
    " coalesce(sum(dead_letters), 0)::bigint FROM stream_partition WHERE group_name = $1::text";

struct ts_audit_live {
    struct ts_pg_store base;
    char *group;
    char *topics[TS_INPUT_COUNT];
};

struct ts_audit_live *ts_audit_live_create(const char *url,
                                           const char *group,
                                           const char *const topics[TS_INPUT_COUNT],
                                           struct ts_error *err)
{
    const struct ts_pg_session_options options = {
        .url = url, .role = "audit", .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    struct ts_audit_live *live = ts_pg_store_make(sizeof *live, &options, PARAMS_MAX, err);
    if (live == NULL) {
        return NULL;
    }
    live->group = strdup(group);
    bool good = live->group != NULL;
    for (size_t i = 0; good && i < TS_INPUT_COUNT; i++) {
        live->topics[i] = strdup(topics[i]);
        good = live->topics[i] != NULL;
    }
    if (!good) {
        ts_audit_live_destroy(live);
        ts_error_no_memory(err);
        return NULL;
    }
    return live;
}

void ts_audit_live_destroy(struct ts_audit_live *live)
{
    if (live == NULL) {
        return;
    }
    for (size_t i = 0; i < TS_INPUT_COUNT; i++) {
        free(live->topics[i]);
    }
    free(live->group);
    ts_pg_store_free(live);
}

/* -1 for a topic that is no input of these settings. */
static int input_of(const struct ts_audit_live *live, struct ts_bytes topic)
{
    for (int i = 0; i < TS_INPUT_COUNT; i++) {
        if (ts_bytes_equal_text(topic, live->topics[i])) {
            return i;
        }
    }
    return -1;
}

static bool
read_lanes(struct ts_audit_live *live, struct ts_audit_lanes *lanes, struct ts_error *err)
{
    ts_pg_params_clear(&live->base.params);
    ts_pg_param_text(&live->base.params, live->group);
    ts_pg_array_begin(&live->base.params, TS_PG_TEXT);
    for (int i = 0; i < TS_INPUT_COUNT; i++) {
        ts_pg_array_bytes(&live->base.params, ts_bytes_of(live->topics[i]));
    }
    ts_pg_array_end(&live->base.params);
    PGresult *rows = ts_pg_exec_params(&live->base.session, lanes_sql, &live->base.params, err);
    if (rows == NULL) {
        return false;
    }
    lanes->count = 0;
    for (int i = 0; i < PQntuples(rows) && lanes->count < TS_AUDIT_LANES_MAX; i++) {
        int input = input_of(live, ts_pg_bytes(rows, i, 0));
        if (input >= 0) {
            lanes->items[lanes->count++] = (struct ts_audit_lane){
                .lane = {.input = (enum ts_input)input, .partition = ts_pg_i32(rows, i, 1)},
                .next_offset = ts_pg_i64(rows, i, 2)};
        }
    }
    bool all = lanes->count < TS_AUDIT_LANES_MAX;
    PQclear(rows);
    return all || ts_error_set(err,
                               TS_ERROR_FATAL,
                               0,
                               "the group has more than %d partitions: too many for an audit",
                               TS_AUDIT_LANES_MAX);
}

bool ts_audit_live_lanes(struct ts_audit_live *live,
                         struct ts_audit_lanes *lanes,
                         struct ts_error *err)
{
    return ts_pg_store_connect(&live->base, err) && read_lanes(live, lanes, err);
}

static bool read_generation(struct ts_audit_live *live,
                            uint32_t bucket,
                            int64_t *generation,
                            struct ts_error *err)
{
    ts_pg_params_clear(&live->base.params);
    ts_pg_param_i32(&live->base.params, (int32_t)bucket);
    PGresult *rows =
        ts_pg_exec_params(&live->base.session, generation_sql, &live->base.params, err);
    if (rows == NULL) {
        return false;
    }
    *generation = PQntuples(rows) == 1 ? ts_pg_i64(rows, 0, 0) : 0;
    PQclear(rows);
    return true;
}

static bool read_balances(struct ts_audit_live *live,
                          struct ts_audit_balance *balances,
                          size_t count,
                          struct ts_error *err)
{
    ts_pg_params_clear(&live->base.params);
    ts_pg_array_begin(&live->base.params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        balances[i].found = false;
        ts_pg_array_text_safe(&live->base.params, balances[i].account_id);
    }
    ts_pg_array_end(&live->base.params);
    ts_pg_array_begin(&live->base.params, TS_PG_INT4);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i32(&live->base.params, balances[i].month);
    }
    ts_pg_array_end(&live->base.params);
    ts_pg_array_begin(&live->base.params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_text_safe(&live->base.params, balances[i].allowance);
    }
    ts_pg_array_end(&live->base.params);
    PGresult *rows = ts_pg_exec_params(&live->base.session, balances_sql, &live->base.params, err);
    if (rows == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        int64_t at = ts_pg_i64(rows, i, 0) - 1;
        TS_ASSERT(at >= 0 && at < (int64_t)count);
        balances[at].found = true;
        balances[at].value = ts_pg_i64(rows, i, 1);
    }
    PQclear(rows);
    return true;
}

bool ts_audit_live_bucket(struct ts_audit_live *live,
                          uint32_t bucket,
                          struct ts_audit_lanes *lanes,
                          int64_t *generation,
                          struct ts_audit_balance *balances,
                          size_t count,
                          struct ts_error *err)
{
    static const char begin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    bool good =
        ts_pg_store_connect(&live->base, err) && ts_pg_run(&live->base.session, begin, err) &&
        read_lanes(live, lanes, err) && read_generation(live, bucket, generation, err) &&
        read_balances(live, balances, count, err) && ts_pg_run(&live->base.session, "COMMIT", err);
    if (!good) {
        ts_pg_close(&live->base.session); /* the transaction ends with it */
    }
    return good;
}

static bool visit_rows(struct ts_audit_live *live,
                       const char *sql,
                       bool (*visit)(void *self, struct ts_bytes account_id, int64_t sequence),
                       void *self,
                       struct ts_error *err)
{
    ts_pg_params_clear(&live->base.params);
    PGresult *rows = ts_pg_exec_params(&live->base.session, sql, &live->base.params, err);
    if (rows == NULL) {
        return false;
    }
    bool good = true;
    for (int i = 0; good && i < PQntuples(rows); i++) {
        good = visit(self, ts_pg_bytes(rows, i, 0), ts_pg_i64(rows, i, 1));
    }
    PQclear(rows);
    return good || ts_error_no_memory(err);
}

bool ts_audit_live_events(struct ts_audit_live *live,
                          const struct ts_audit_events_visitor *visitor,
                          struct ts_error *err)
{
    static const char begin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    bool good = ts_pg_store_connect(&live->base, err) &&
                ts_pg_run(&live->base.session, begin, err) &&
                visit_rows(live, sequences_sql, visitor->account, visitor->self, err) &&
                visit_rows(live, waiting_sql, visitor->waiting, visitor->self, err) &&
                ts_pg_run(&live->base.session, "COMMIT", err);
    if (!good) {
        ts_pg_close(&live->base.session);
    }
    return good;
}

bool ts_audit_live_inputs(struct ts_audit_live *live,
                          struct ts_audit_inputs *inputs,
                          struct ts_error *err)
{
    if (!ts_pg_store_connect(&live->base, err)) {
        return false;
    }
    ts_pg_params_clear(&live->base.params);
    ts_pg_param_text(&live->base.params, live->group);
    PGresult *rows = ts_pg_exec_params(&live->base.session, inputs_sql, &live->base.params, err);
    if (rows == NULL) {
        return false;
    }
    inputs->consumed = ts_pg_i64(rows, 0, 0);
    inputs->settled = ts_pg_i64(rows, 0, 1);
    inputs->duplicates = ts_pg_i64(rows, 0, 2);
    inputs->dead_letters = ts_pg_i64(rows, 0, 3);
    PQclear(rows);
    return true;
}
