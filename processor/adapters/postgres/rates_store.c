/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/rates_store.h"

#include "adapters/postgres/store.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { STATEMENT_TIMEOUT_MS = 60000, PARAMS_MAX = 256 * 1024 * 1024 };

struct ts_rates_store {
    struct ts_pg_store base;
};

enum { REVISION, PLANS, VERSIONS, OLDEST, CONTENT, PUBLISH, SET_PLAN, STATEMENT_COUNT };

static const char *const statements[STATEMENT_COUNT] = {
    [REVISION] = "SELECT revision FROM catalog_revision",
    [PLANS] = "SELECT plan_no, name, s.key, s.value FROM rate_plan"
              " LEFT JOIN LATERAL jsonb_each_text(settings) s ON true ORDER BY plan_no",
    [VERSIONS] = "SELECT version, plan_no, effective_from = '-infinity',"
                 " CASE WHEN effective_from = '-infinity' THEN 'epoch' ELSE effective_from END,"
                 " published_at, row_count, content_hash, octet_length(csv)::int8, operator"
                 " FROM deck_version ORDER BY version",
    [OLDEST] = "SELECT min(from_time) FROM usage_leaf",
    [CONTENT] = "SELECT csv FROM deck_version WHERE version = $1::int8",
    [PUBLISH] = "INSERT INTO deck_version (plan_no, effective_from, row_count, sha256,"
                " content_hash, csv, operator) SELECT plan_no,"
                " coalesce($2::timestamptz, '-infinity'), $3::int8, sha256($4::bytea), $5::int8,"
                " $4::bytea, $6::text FROM rate_plan WHERE name = $1::text RETURNING version",
    [SET_PLAN] = "INSERT INTO rate_plan (name, settings)"
                 " VALUES ($1::text, jsonb_object($2::text[], $3::text[]))"
                 " ON CONFLICT (name) DO UPDATE SET settings = excluded.settings,"
                 " updated_at = now()",
};

struct ts_rates_store *ts_rates_store_create(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {
        .url = url, .role = "rates", .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    return ts_pg_store_make(sizeof(struct ts_rates_store), &options, PARAMS_MAX, err);
}

void ts_rates_store_destroy(struct ts_rates_store *store)
{
    ts_pg_store_free(store);
}

static PGresult *call(struct ts_rates_store *store, int statement, struct ts_error *err)
{
    if (store->base.params.data.failed) {
        ts_error_no_memory(err);
        return NULL;
    }
    return ts_pg_exec_params(&store->base.session, statements[statement], &store->base.params, err);
}

bool ts_rates_store_revision(struct ts_rates_store *store, int64_t *revision, struct ts_error *err)
{
    ts_pg_params_clear(&store->base.params);
    PGresult *row = ts_pg_store_connect(&store->base, err) ? call(store, REVISION, err) : NULL;
    if (row == NULL) {
        return false;
    }
    *revision = ts_pg_i64(row, 0, 0);
    PQclear(row);
    return true;
}

/* --- reading one state */

static bool add_plans(struct ts_stored_rates *out, const PGresult *rows, struct ts_error *err)
{
    out->plans = calloc((size_t)PQntuples(rows) + 1, sizeof *out->plans);
    if (out->plans == NULL) {
        return ts_error_no_memory(err);
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        int32_t plan_no = ts_pg_i32(rows, i, 0);
        if (out->plan_count == 0 || out->plans[out->plan_count - 1].plan_no != plan_no) {
            char name[TS_PLAN_NAME_MAX + 1];
            ts_pg_text(rows, i, 1, name, sizeof name);
            out->plans[out->plan_count].plan_no = plan_no;
            ts_rate_plan_init(&out->plans[out->plan_count++].plan, name);
        }
        struct ts_rate_plan *plan = &out->plans[out->plan_count - 1].plan;
        if (!ts_pg_is_null(rows, i, 2) &&
            !ts_rate_plan_set(plan, ts_pg_bytes(rows, i, 2), ts_pg_bytes(rows, i, 3), err)) {
            return ts_error_prefix(err, "rate plan \"%s\"", plan->name);
        }
    }
    return true;
}

static bool add_versions(struct ts_stored_rates *out, const PGresult *rows, struct ts_error *err)
{
    out->versions = calloc((size_t)PQntuples(rows) + 1, sizeof *out->versions);
    if (out->versions == NULL) {
        return ts_error_no_memory(err);
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_stored_version *version = &out->versions[out->version_count++];
        version->version = ts_pg_i64(rows, i, 0);
        version->plan_no = ts_pg_i32(rows, i, 1);
        version->effective_ms = ts_pg_bool(rows, i, 2) ? INT64_MIN : ts_pg_time_ms(rows, i, 3);
        version->published_ms = ts_pg_time_ms(rows, i, 4);
        version->row_count = ts_pg_i64(rows, i, 5);
        version->content_hash = (uint64_t)ts_pg_i64(rows, i, 6);
        version->content_size = ts_pg_i64(rows, i, 7);
        ts_pg_text(rows, i, 8, version->operator_name, sizeof version->operator_name);
    }
    return true;
}

static bool
read_state(struct ts_rates_store *store, struct ts_stored_rates *out, struct ts_error *err)
{
    PGresult *revision = call(store, REVISION, err);
    PGresult *plans = revision == NULL ? NULL : call(store, PLANS, err);
    PGresult *versions = plans == NULL ? NULL : call(store, VERSIONS, err);
    PGresult *oldest = versions == NULL ? NULL : call(store, OLDEST, err);
    bool ok = oldest != NULL && add_plans(out, plans, err) && add_versions(out, versions, err);
    if (ok) {
        out->revision = ts_pg_i64(revision, 0, 0);
        out->usage_from_ms = ts_pg_is_null(oldest, 0, 0) ? INT64_MAX : ts_pg_time_ms(oldest, 0, 0);
    }
    PQclear(oldest);
    PQclear(versions);
    PQclear(plans);
    PQclear(revision);
    return ok;
}

bool ts_rates_store_read(struct ts_rates_store *store,
                         struct ts_stored_rates *out,
                         struct ts_error *err)
{
    *out = (struct ts_stored_rates){0};
    ts_pg_params_clear(&store->base.params);
    if (!ts_pg_store_connect(&store->base, err) ||
        !ts_pg_run(&store->base.session, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", err)) {
        return false;
    }
    bool ok = read_state(store, out, err);
    if (!ts_pg_run(&store->base.session, "COMMIT", ok ? err : NULL)) {
        ts_pg_close(&store->base.session);
        return false;
    }
    return ok;
}

void ts_stored_rates_finish(struct ts_stored_rates *rates)
{
    free(rates->plans);
    free(rates->versions);
    *rates = (struct ts_stored_rates){0};
}

bool ts_rates_store_content(struct ts_rates_store *store,
                            int64_t version,
                            struct ts_buffer *out,
                            struct ts_error *err)
{
    ts_pg_params_clear(&store->base.params);
    ts_pg_param_i64(&store->base.params, version);
    PGresult *row = ts_pg_store_connect(&store->base, err) ? call(store, CONTENT, err) : NULL;
    if (row == NULL) {
        return false;
    }
    bool found = PQntuples(row) == 1;
    if (found) {
        ts_buffer_append_bytes(out, ts_pg_bytes(row, 0, 0));
    }
    PQclear(row);
    if (!found) {
        return ts_error_set(
            err, TS_ERROR_REJECT, 0, "there is no deck version %lld", (long long)version);
    }
    return !out->failed || ts_error_no_memory(err);
}

/* --- writing */

bool ts_rates_store_publish(struct ts_rates_store *store,
                            const char *plan_name,
                            struct ts_bytes csv,
                            int64_t row_count,
                            int64_t effective_ms,
                            const char *operator_name,
                            int64_t *version,
                            struct ts_error *err)
{
    struct ts_pg_params *params = &store->base.params;
    ts_pg_params_clear(params);
    ts_pg_param_text(params, plan_name);
    if (effective_ms == INT64_MIN) {
        ts_pg_param_null(params);
    } else {
        ts_pg_param_time(params, effective_ms);
    }
    ts_pg_param_i64(params, row_count);
    ts_pg_param_bytes(params, csv);
    ts_pg_param_i64(params, (int64_t)ts_hash64(csv));
    ts_pg_param_text(params, operator_name);
    PGresult *row = ts_pg_store_connect(&store->base, err) ? call(store, PUBLISH, err) : NULL;
    if (row == NULL) {
        return false;
    }
    bool found = PQntuples(row) == 1;
    if (found) {
        *version = ts_pg_i64(row, 0, 0);
    }
    PQclear(row);
    return found || ts_error_set(err,
                                 TS_ERROR_REJECT,
                                 0,
                                 "there is no rate plan \"%s\": make it first (rate-plans set)",
                                 plan_name);
}

bool ts_rates_store_set_plan(struct ts_rates_store *store,
                             const struct ts_rate_plan *plan,
                             struct ts_error *err)
{
    struct ts_pg_params *params = &store->base.params;
    struct ts_buffer value;
    ts_buffer_init(&value, 64 * 1024);
    ts_pg_params_clear(params);
    ts_pg_param_text(params, plan->name);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < ts_rate_plan_key_count(); i++) {
        ts_pg_array_bytes(params, ts_bytes_of(ts_rate_plan_key(i)));
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < ts_rate_plan_key_count(); i++) {
        ts_buffer_clear(&value);
        ts_rate_plan_get(plan, i, &value);
        ts_pg_array_bytes(params, ts_buffer_bytes(&value));
    }
    ts_pg_array_end(params);
    bool failed = value.failed;
    ts_buffer_finish(&value);
    if (failed) {
        return ts_error_no_memory(err);
    }
    PGresult *row = ts_pg_store_connect(&store->base, err) ? call(store, SET_PLAN, err) : NULL;
    PQclear(row);
    return row != NULL;
}
