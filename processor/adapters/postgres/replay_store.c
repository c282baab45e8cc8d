/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/replay_store.h"

#include "adapters/postgres/replay_units.h"
#include "adapters/postgres/store.h"
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PARAMS_MAX = 16 << 20,
    ARENA_BLOCK = 1 << 18,
    ARENA_MAX = 64 << 20,
    PAGE = 1000, /* as the cursor's reads say */
};

struct ts_replay_store {
    struct ts_pg_store base;
    struct ts_arena arena;
};

struct ts_replay_store *ts_replay_store_open(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {.url = url, .role = "replays"};
    struct ts_replay_store *store = ts_pg_store_make(sizeof *store, &options, PARAMS_MAX, err);
    if (store == NULL) {
        return NULL;
    }
    ts_arena_init(&store->arena, ARENA_BLOCK, ARENA_MAX);
    if (!ts_pg_store_connect(&store->base, err)) {
        ts_replay_store_close(store);
        return NULL;
    }
    return store;
}

void ts_replay_store_close(struct ts_replay_store *store)
{
    if (store != NULL) {
        ts_arena_finish(&store->arena);
        ts_pg_store_free(store);
    }
}

static struct ts_pg_params *fresh_params(struct ts_replay_store *store)
{
    ts_pg_params_clear(&store->base.params);
    return &store->base.params;
}

static PGresult *ask(struct ts_replay_store *store, const char *sql, struct ts_error *err)
{
    return ts_pg_exec_params(&store->base.session, sql, &store->base.params, err);
}

/* ---- the live stream */

bool ts_replay_store_positions(struct ts_replay_store *store,
                               const char *group,
                               const char *topic,
                               struct ts_replay_position **out,
                               size_t *count,
                               struct ts_error *err)
{
    struct ts_pg_params *params = fresh_params(store);
    ts_pg_param_text(params, group);
    ts_pg_param_text(params, topic);
    PGresult *rows = ask(store,
                         "SELECT partition, first_offset, next_offset, has_tail, tail_hash"
                         " FROM stream_partition WHERE group_name = $1::text AND topic = $2::text"
                         " ORDER BY partition",
                         err);
    if (rows == NULL) {
        return false;
    }
    *count = (size_t)PQntuples(rows);
    *out = calloc(*count + 1, sizeof **out);
    for (int i = 0; *out != NULL && i < PQntuples(rows); i++) {
        (*out)[i] = (struct ts_replay_position){.partition = ts_pg_i32(rows, i, 0),
                                                .first_offset = ts_pg_i64(rows, i, 1),
                                                .next_offset = ts_pg_i64(rows, i, 2),
                                                .has_tail = ts_pg_bool(rows, i, 3),
                                                .tail_hash = (uint64_t)ts_pg_i64(rows, i, 4)};
    }
    PQclear(rows);
    return *out != NULL || ts_error_no_memory(err);
}

/* ---- generations */

static void add_ranges(struct ts_pg_params *params,
                       const struct ts_replay_range *ranges,
                       size_t count,
                       int64_t (*value)(const struct ts_replay_range *range))
{
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, value(&ranges[i]));
    }
    ts_pg_array_end(params);
}

static int64_t partition_of(const struct ts_replay_range *range)
{
    return range->partition;
}

static int64_t from_of(const struct ts_replay_range *range)
{
    return range->from;
}

static int64_t to_of(const struct ts_replay_range *range)
{
    return range->to;
}

static int64_t next_of(const struct ts_replay_range *range)
{
    return range->next;
}

static void param_optional(struct ts_pg_params *params, const char *text)
{
    ts_pg_param_text(params, text[0] != '\0' ? text : NULL);
}

bool ts_replay_store_create(struct ts_replay_store *store,
                            struct ts_replay_generation *generation,
                            const struct ts_replay_range *ranges,
                            size_t count,
                            struct ts_error *err)
{
    struct ts_pg_params *params = fresh_params(store);
    ts_pg_param_text(params, generation->name);
    ts_pg_param_time(params, generation->created_ms);
    ts_pg_param_text(params, generation->operator_name);
    ts_pg_param_text(params, generation->reason);
    ts_pg_param_text(params, generation->topic);
    param_optional(params, generation->account);
    param_optional(params, generation->category);
    param_optional(params, generation->prefix);
    ts_pg_param_i64(params, generation->deck_version);
    if (generation->at_one_moment) {
        ts_pg_param_time(params, generation->effective_ms);
    } else {
        ts_pg_param_null(params);
    }
    ts_pg_param_i64(params, generation->versions_max);
    ts_pg_param_i32(params, generation->reverts);
    add_ranges(params, ranges, count, partition_of);
    add_ranges(params, ranges, count, from_of);
    add_ranges(params, ranges, count, to_of);
    PGresult *rows =
        ask(store,
            "INSERT INTO replay (name, created_at, updated_at, operator, reason, topic, ranges,"
            " filters, deck_version, effective_at, versions_max, reverts, status, progress, totals)"
            " SELECT $1::text, $2::timestamptz, $2::timestamptz, $3::text, $4::text, $5::text,"
            " coalesce((SELECT jsonb_agg(jsonb_build_object('partition', p, 'from', f, 'to', t)"
            " ORDER BY p) FROM unnest($13::bigint[], $14::bigint[], $15::bigint[]) r(p, f, t)),"
            " '[]'), jsonb_strip_nulls(jsonb_build_object('account', $6::text,"
            " 'category', $7::text, 'prefix', $8::text)), nullif($9::bigint, 0),"
            " $10::timestamptz, $11::bigint, nullif($12::int, 0), 'comparing', '[]', '{}'"
            " RETURNING generation",
            err);
    if (rows == NULL) {
        return err->class == TS_ERROR_REJECT
                   ? ts_error_set(err,
                                  TS_ERROR_REJECT,
                                  0,
                                  "there is a replay \"%s\" already: `tollstream replay status %s`"
                                  " tells of it, --generation gives another name",
                                  generation->name,
                                  generation->name)
                   : false;
    }
    generation->generation = ts_pg_i32(rows, 0, 0);
    PQclear(rows);
    return ts_replay_store_lock(store, generation->generation, err);
}

static void read_generation(const PGresult *rows, int row, struct ts_replay_generation *out)
{
    *out = (struct ts_replay_generation){
        .generation = ts_pg_i32(rows, row, 0),
        .deck_version = ts_pg_i64(rows, row, 8),
        .at_one_moment = !ts_pg_is_null(rows, row, 9),
        .effective_ms = ts_pg_time_ms(rows, row, 9),
        .versions_max = ts_pg_i64(rows, row, 10),
        .reverts = ts_pg_i32(rows, row, 11),
        .created_ms = ts_pg_time_ms(rows, row, 13),
        .updated_ms = ts_pg_time_ms(rows, row, 14),
        .settled = ts_pg_i64(rows, row, 15),
        .settled_micros = ts_pg_i64(rows, row, 16),
        .read = ts_pg_i64(rows, row, 17),
        .compared = ts_pg_i64(rows, row, 18),
        .up = ts_pg_i64(rows, row, 19),
        .down = ts_pg_i64(rows, row, 20),
        .difference_micros = ts_pg_i64(rows, row, 21),
        .sent = ts_pg_i64(rows, row, 22),
        .requeued = ts_pg_i64(rows, row, 23),
    };
    ts_pg_text(rows, row, 1, out->name, sizeof out->name);
    ts_pg_text(rows, row, 2, out->operator_name, sizeof out->operator_name);
    ts_pg_text(rows, row, 3, out->reason, sizeof out->reason);
    ts_pg_text(rows, row, 4, out->topic, sizeof out->topic);
    ts_pg_text(rows, row, 5, out->account, sizeof out->account);
    ts_pg_text(rows, row, 6, out->category, sizeof out->category);
    ts_pg_text(rows, row, 7, out->prefix, sizeof out->prefix);
    ts_pg_text(rows, row, 12, out->status, sizeof out->status);
}

bool ts_replay_store_list(struct ts_replay_store *store,
                          const char *name,
                          const struct ts_replay_visitor *visitor,
                          struct ts_error *err)
{
    ts_pg_param_text(fresh_params(store), name);
    PGresult *rows =
        ask(store,
            "SELECT r.generation, r.name, r.operator, r.reason, r.topic,"
            " coalesce(r.filters->>'account', ''), coalesce(r.filters->>'category', ''),"
            " coalesce(r.filters->>'prefix', ''), coalesce(r.deck_version, 0), r.effective_at,"
            " r.versions_max, coalesce(r.reverts, 0), r.status, r.created_at, r.updated_at,"
            " a.count, coalesce(a.sum, 0)::bigint,"
            " coalesce(t.read, 0), coalesce(t.compared, 0), coalesce(t.up, 0), coalesce(t.down, 0),"
            " coalesce(t.difference_micros, 0), coalesce(t.sent, 0), coalesce(t.requeued, 0)"
            " FROM replay r CROSS JOIN LATERAL jsonb_to_record(r.totals) AS t(read bigint,"
            " compared bigint, up bigint, down bigint, difference_micros bigint, sent bigint,"
            " requeued bigint)"
            " CROSS JOIN LATERAL (SELECT count(*), sum(d.amount_micros)"
            " FROM adjustment d WHERE d.generation = r.generation) a"
            " WHERE $1::text IS NULL OR r.name = $1 OR r.generation::text = $1"
            " ORDER BY r.generation",
            err);
    if (rows == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_replay_generation generation;
        read_generation(rows, i, &generation);
        visitor->visit(visitor->self, &generation);
    }
    PQclear(rows);
    return true;
}

struct finding {
    const char *name;
    struct ts_replay_generation *out;
    bool found;
};

/* A name counts more than a number. */
static void take_found(void *self, const struct ts_replay_generation *generation)
{
    struct finding *finding = self;
    if (!finding->found || strcmp(generation->name, finding->name) == 0) {
        *finding->out = *generation;
        finding->found = true;
    }
}

bool ts_replay_store_find(struct ts_replay_store *store,
                          const char *name,
                          struct ts_replay_generation *out,
                          struct ts_error *err)
{
    struct finding finding = {.name = name, .out = out};
    const struct ts_replay_visitor visitor = {.visit = take_found, .self = &finding};
    if (!ts_replay_store_list(store, name, &visitor, err)) {
        return false;
    }
    return finding.found || ts_error_set(err,
                                         TS_ERROR_REJECT,
                                         0,
                                         "there is no replay \"%s\": `tollstream replay list`"
                                         " shows them",
                                         name);
}

bool ts_replay_store_ranges(struct ts_replay_store *store,
                            int32_t generation,
                            struct ts_replay_range **out,
                            size_t *count,
                            struct ts_error *err)
{
    ts_pg_param_i32(fresh_params(store), generation);
    PGresult *rows =
        ask(store,
            "SELECT x.partition, x.\"from\", x.\"to\", coalesce(p.next, x.\"from\")"
            " FROM replay r CROSS JOIN LATERAL jsonb_to_recordset(r.ranges)"
            " AS x(partition int, \"from\" bigint, \"to\" bigint)"
            " LEFT JOIN LATERAL jsonb_to_recordset(r.progress) AS p(partition int, next bigint)"
            " ON p.partition = x.partition WHERE r.generation = $1::int ORDER BY x.partition",
            err);
    if (rows == NULL) {
        return false;
    }
    *count = (size_t)PQntuples(rows);
    *out = calloc(*count + 1, sizeof **out);
    for (int i = 0; *out != NULL && i < PQntuples(rows); i++) {
        (*out)[i] = (struct ts_replay_range){.partition = ts_pg_i32(rows, i, 0),
                                             .from = ts_pg_i64(rows, i, 1),
                                             .to = ts_pg_i64(rows, i, 2),
                                             .next = ts_pg_i64(rows, i, 3)};
    }
    PQclear(rows);
    return *out != NULL || ts_error_no_memory(err);
}

bool ts_replay_store_lock(struct ts_replay_store *store, int32_t generation, struct ts_error *err)
{
    ts_pg_param_i32(fresh_params(store), generation);
    PGresult *rows =
        ask(store, "SELECT pg_try_advisory_lock(hashtext('tollstream replay'), $1::int)", err);
    if (rows == NULL) {
        return false;
    }
    bool locked = ts_pg_bool(rows, 0, 0);
    PQclear(rows);
    return locked || ts_error_set(err,
                                  TS_ERROR_REJECT,
                                  0,
                                  "another process is at work on replay %d: wait for it, or end it",
                                  generation);
}

bool ts_replay_store_progress(struct ts_replay_store *store,
                              int32_t generation,
                              const char *status,
                              const struct ts_replay_range *ranges,
                              size_t count,
                              const char *totals,
                              int64_t now_ms,
                              struct ts_error *err)
{
    struct ts_pg_params *params = fresh_params(store);
    ts_pg_param_i32(params, generation);
    ts_pg_param_text(params, status);
    ts_pg_param_text(params, totals);
    ts_pg_param_time(params, now_ms);
    add_ranges(params, ranges, count, partition_of);
    add_ranges(params, ranges, count, next_of);
    PGresult *rows = ask(store,
                         "UPDATE replay SET status = $2::text, updated_at = $4::timestamptz,"
                         " totals = coalesce($3::text::jsonb, totals), progress ="
                         " coalesce((SELECT jsonb_agg(jsonb_build_object('partition', p, 'next', n)"
                         " ORDER BY p) FROM unnest($5::bigint[], $6::bigint[]) r(p, n)), progress)"
                         " WHERE generation = $1::int",
                         err);
    PQclear(rows);
    return rows != NULL;
}

/* The id of each adjustment is the name of its replay, a slash and the call; the first string of
 * the record, behind 10 bytes of header and its own size, a varint: one byte or, with the high bit
 * in the first, two. */
static const char superseded_sql[] =
    "WITH closed AS (UPDATE dead_letter SET status = 'closed', status_at = $3::timestamptz"
    " FROM convert_to($2::text || '/', 'UTF8') AS own"
    " WHERE topic = $1::text AND reason = 'adjustment_superseded' AND status = 'open'"
    " AND CASE WHEN octet_length(value) > 12 THEN"
    " substring(value FROM 12 + get_byte(value, 10) / 128 FOR octet_length(own)) = own END"
    " RETURNING 1), rewound AS (UPDATE replay SET progress = '[]'"
    " WHERE generation = $4::int AND EXISTS (SELECT FROM closed))"
    " SELECT count(*) FROM closed";

bool ts_replay_store_superseded(struct ts_replay_store *store,
                                const struct ts_replay_generation *generation,
                                const char *topic,
                                int64_t now_ms,
                                int64_t *count,
                                struct ts_error *err)
{
    struct ts_pg_params *params = fresh_params(store);
    ts_pg_param_text(params, topic);
    ts_pg_param_text(params, generation->name);
    ts_pg_param_time(params, now_ms);
    ts_pg_param_i32(params, generation->generation);
    PGresult *rows = ask(store, superseded_sql, err);
    if (rows == NULL) {
        return false;
    }
    *count = ts_pg_i64(rows, 0, 0);
    PQclear(rows);
    return true;
}

/* ---- reverting */

enum reversal_column {
    R_ACCOUNT_ID,
    R_START,
    R_HASH,
    R_FOLLOWS,
    R_AMOUNT,
    R_CHARGE,
    R_DECK,
    R_CATEGORY,
    R_PREFIX,
    R_MONTH,
    R_NAMES,
    R_UNITS,
    R_MOVED_ON
};

/* What the call stood at before: by the adjustment that this one follows, or by its settlement. */
static const char reversals_sql[] =
    "DECLARE reversals BINARY CURSOR WITH HOLD FOR"
    " SELECT a.account_id, d.start_time, d.identity_hash, d.movement,"
    " -d.amount_micros, d.charge_micros + d.amount_micros,"
    " coalesce(p.deck_version, u.deck_version, d.deck_version),"
    " coalesce(p.category, usage_category_name(u.category), d.category),"
    " coalesce(p.prefix, u.prefix, d.prefix), d.month, d.unit_names,"
    " (SELECT array_agg(-n ORDER BY i) FROM unnest(d.unit_counts) WITH ORDINALITY v(n, i)),"
    " EXISTS (SELECT FROM adjustment n"
    " WHERE n.account_no = d.account_no AND n.follows = d.movement)"
    " FROM adjustment d JOIN account a USING (account_no)"
    " LEFT JOIN adjustment p ON p.account_no = d.account_no AND p.movement = d.follows"
    " LEFT JOIN LATERAL (SELECT u.deck_version, u.category, u.prefix FROM usage u"
    " WHERE u.start_time = d.start_time AND u.identity_hash = d.identity_hash OFFSET 0) u"
    " ON p.movement IS NULL"
    " WHERE d.generation = %d AND NOT EXISTS (SELECT FROM adjustment b"
    " WHERE b.account_no = d.account_no AND b.follows = d.movement AND b.generation = %d)"
    " ORDER BY d.account_no, d.movement";

static bool read_reversal(struct ts_replay_store *store,
                          const PGresult *rows,
                          int row,
                          struct ts_replay_reversal *out,
                          struct ts_error *err)
{
    *out = (struct ts_replay_reversal){
        .account_id = ts_pg_bytes(rows, row, R_ACCOUNT_ID),
        .moved_on = ts_pg_bool(rows, row, R_MOVED_ON),
        .adjustment = {.start_ms = ts_pg_time_ms(rows, row, R_START),
                       .identity_hash = (uint64_t)ts_pg_i64(rows, row, R_HASH),
                       .follows = ts_pg_i64(rows, row, R_FOLLOWS),
                       .amount_micros = ts_pg_i64(rows, row, R_AMOUNT),
                       .charge_micros = ts_pg_i64(rows, row, R_CHARGE),
                       .deck_version = ts_pg_i64(rows, row, R_DECK),
                       .category = ts_pg_bytes(rows, row, R_CATEGORY),
                       .prefix = ts_pg_bytes(rows, row, R_PREFIX),
                       .month = ts_pg_i32(rows, row, R_MONTH)}};
    return ts_pg_read_units(rows,
                            row,
                            R_NAMES,
                            R_UNITS,
                            &store->arena,
                            &out->adjustment.units,
                            &out->adjustment.unit_count,
                            err);
}

static bool visit_page(struct ts_replay_store *store,
                       const struct ts_replay_reversal_visitor *visitor,
                       int *count,
                       struct ts_error *err)
{
    fresh_params(store);
    PGresult *rows = ask(store, "FETCH 1000 FROM reversals", err);
    bool good = rows != NULL;
    *count = good ? PQntuples(rows) : 0;
    ts_arena_reset(&store->arena);
    for (int i = 0; good && i < *count; i++) {
        struct ts_replay_reversal reversal;
        good = read_reversal(store, rows, i, &reversal, err) &&
               visitor->visit(visitor->self, &reversal, err);
    }
    PQclear(rows);
    return good;
}

bool ts_replay_store_reversals(struct ts_replay_store *store,
                               int32_t generation,
                               int32_t by,
                               const struct ts_replay_reversal_visitor *visitor,
                               struct ts_error *err)
{
    char sql[sizeof reversals_sql + 32];
    snprintf(sql, sizeof sql, reversals_sql, generation, by);
    bool good = ts_pg_run(&store->base.session, sql, err);
    int count = PAGE;
    while (good && count == PAGE) {
        good = visit_page(store, visitor, &count, err);
    }
    if (good) {
        good = ts_pg_run(&store->base.session, "CLOSE reversals", err);
    } else {
        (void)ts_pg_run(&store->base.session, "CLOSE reversals", NULL);
    }
    return good;
}
