/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/replay_lookup.h"

#include "adapters/postgres/leaves.h"
#include "adapters/postgres/replay_units.h"
#include "adapters/postgres/store.h"
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    STATEMENT_TIMEOUT_MS = 120000,
    PARAMS_MAX = 16 << 20,
    ARENA_BLOCK = 1 << 18,
    ARENA_MAX = 256 << 20,
    SQL_MAX = 2048,
};

/* A statement for each leaf, prepared when it is first met: a look-up through the parent of 66
 * leaves costs twice as much. */
struct leaf_statement {
    bool prepared;
    char name[32];
};

struct ts_replay_lookup {
    struct ts_pg_store base;
    struct ts_pg_leaves leaves;
    struct leaf_statement *statements; /* of leaves.items */
    struct ts_arena arena;
    const char *topic;
    int16_t topic_no;
    bool any_adjustments;

    /* The page under way, in the order of its leaves. */
    struct ts_replay_asked *asked;
    size_t count;
    uint32_t *order; /* indexes into asked[] */
    size_t order_capacity;
    const struct ts_pg_leaf **leaf_of; /* of each of asked[] */
    size_t from;                       /* in order[]: what was sent last … */
    size_t to;                         /* … to here */
    bool sent;
};

enum leaf_column {
    N,
    ACCOUNT_NO,
    MOVEMENT,
    CHARGE,
    BILLED,
    ELSEWHERE,
    FINGERPRINT,
    NAMES,
    UNITS,
    CATEGORY,
    UNIT
};

/* A place of the topic as one number: what is not sent need not be unpacked there. */
#define PLACE_BITS "48"
enum { PLACE_SHIFT = 48 };

/* OFFSET 0 keeps it a lookup a row: flattened, it becomes a join that reads whole leaves. The
 * columns that are compared are the first of a row, all of fixed size: the rest of a row that is
 * not sent back is not looked at. What was settled from this very place has its content. */
static const char leaf_sql[] =
    "SELECT v.n, u.account_no, u.movement, u.charge_micros, u.billed,"
    " (u.partition::bigint << " PLACE_BITS ") + u.\"offset\" <> v.place"
    " OR u.topic_no <> $5::int, u.fingerprint, u.allowance_names, u.allowance_units,"
    " u.category, u.unit"
    " FROM unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY"
    " AS v(start_time, hash, place, charge, n)"
    " LEFT JOIN LATERAL (SELECT * FROM %s u WHERE u.start_time = v.start_time"
    " AND u.identity_hash = v.hash OFFSET 0) u ON true"
    " WHERE u.charge_micros IS NULL OR u.charge_micros <> v.charge"
    " OR (u.partition::bigint << " PLACE_BITS ") + u.\"offset\" <> v.place"
    " OR u.topic_no <> $5::int";

enum adjustment_column { A_N, A_ACCOUNT_NO, A_MOVEMENT, A_CHARGE, A_NAMES, A_UNITS };

static const struct ts_pg_statement adjustments = {
    "adjustments",
    "SELECT v.n, d.account_no, d.movement, d.charge_micros, d.unit_names, d.unit_counts"
    " FROM unnest($1::timestamptz[], $2::bigint[]) WITH ORDINALITY AS v(start_time, hash, n)"
    " CROSS JOIN LATERAL (SELECT * FROM adjustment d WHERE d.start_time = v.start_time"
    " AND d.identity_hash = v.hash OFFSET 0) d ORDER BY v.n, d.movement"};

static const struct ts_pg_statement letters_statement = {
    "letters",
    "SELECT v.n, d.id, d.status = 'open', d.reason"
    " FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS v(partition, \"offset\", n)"
    " CROSS JOIN LATERAL (SELECT * FROM dead_letter d WHERE d.topic = $3::text"
    " AND d.partition = v.partition AND d.\"offset\" = v.\"offset\" OFFSET 0) d"};

/* ---- life */

static bool read_facts(struct ts_replay_lookup *lookup, struct ts_error *err)
{
    ts_pg_params_clear(&lookup->base.params);
    ts_pg_param_text(&lookup->base.params, lookup->topic);
    PGresult *row = ts_pg_exec_params(&lookup->base.session,
                                      "SELECT coalesce((SELECT topic_no FROM topic"
                                      " WHERE name = $1::text), -1)::smallint,"
                                      " EXISTS (SELECT FROM adjustment)",
                                      &lookup->base.params,
                                      err);
    if (row == NULL) {
        return false;
    }
    lookup->topic_no = ts_pg_i16(row, 0, 0);
    lookup->any_adjustments = ts_pg_bool(row, 0, 1);
    PQclear(row);
    return true;
}

static bool open_all(struct ts_replay_lookup *lookup, struct ts_error *err)
{
    const struct ts_pg_statement statements[] = {adjustments, letters_statement};
    struct ts_pg_session *session = &lookup->base.session;
    if (!ts_pg_store_connect(&lookup->base, err) ||
        !ts_pg_prepare(session, statements, sizeof statements / sizeof *statements, err) ||
        !ts_pg_leaves_load(session, &lookup->leaves, err) || !read_facts(lookup, err)) {
        return false;
    }
    lookup->statements = calloc(lookup->leaves.count + 1, sizeof *lookup->statements);
    return lookup->statements != NULL || ts_error_no_memory(err);
}

struct ts_replay_lookup *
ts_replay_lookup_open(const char *url, const char *topic, struct ts_error *err)
{
    const struct ts_pg_session_options options = {.url = url,
                                                  .role = "replay",
                                                  .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
                                                  .nested_loops = true};
    struct ts_replay_lookup *lookup = ts_pg_store_make(sizeof *lookup, &options, PARAMS_MAX, err);
    if (lookup == NULL) {
        return NULL;
    }
    lookup->topic = topic;
    ts_arena_init(&lookup->arena, ARENA_BLOCK, ARENA_MAX);
    if (!open_all(lookup, err)) {
        ts_replay_lookup_close(lookup);
        return NULL;
    }
    return lookup;
}

void ts_replay_lookup_close(struct ts_replay_lookup *lookup)
{
    if (lookup != NULL) {
        ts_pg_leaves_finish(&lookup->leaves);
        ts_arena_finish(&lookup->arena);
        free(lookup->statements);
        free(lookup->order);
        free((void *)lookup->leaf_of);
        ts_pg_store_free(lookup);
    }
}

/* ---- a page */

static bool make_room(struct ts_replay_lookup *lookup, size_t count, struct ts_error *err)
{
    if (count <= lookup->order_capacity) {
        return true;
    }
    free(lookup->order);
    free((void *)lookup->leaf_of);
    lookup->order = calloc(count, sizeof *lookup->order);
    lookup->leaf_of = calloc(count, sizeof *lookup->leaf_of);
    lookup->order_capacity = lookup->order == NULL || lookup->leaf_of == NULL ? 0 : count;
    return lookup->order_capacity > 0 || ts_error_no_memory(err);
}

/* Puts those of one leaf together. A page has few leaves, and mostly one. */
static void group_by_leaf(struct ts_replay_lookup *lookup)
{
    const struct ts_pg_leaf *last = NULL;
    size_t left = 0; /* those that are of a leaf */
    for (size_t i = 0; i < lookup->count; i++) {
        struct ts_replay_asked *asked = &lookup->asked[i];
        lookup->leaf_of[i] = NULL;
        if (asked->known) {
            continue;
        }
        if (last == NULL || asked->start_ms < last->from_ms || asked->start_ms >= last->to_ms) {
            last = ts_pg_leaves_find(&lookup->leaves, asked->start_ms);
        }
        lookup->leaf_of[i] = last;
        bool kept = lookup->leaves.count > 0 && asked->start_ms >= lookup->leaves.items[0].from_ms;
        asked->standing = last != NULL ? TS_REPLAY_EQUAL
                          : kept       ? TS_REPLAY_ABSENT
                                       : TS_REPLAY_RETIRED;
        asked->adjusted = false;
        asked->unit_count = 0;
        left += last != NULL;
    }
    size_t at = 0;
    for (size_t i = 0; at < left; i++) {
        const struct ts_pg_leaf *leaf = lookup->leaf_of[i];
        for (size_t j = i; leaf != NULL && j < lookup->count; j++) {
            if (lookup->leaf_of[j] == leaf) {
                lookup->order[at++] = (uint32_t)j;
                lookup->leaf_of[j] = j == i ? leaf : NULL; /* the first stands for all */
            }
        }
    }
    lookup->from = 0;
    lookup->to = 0;
    lookup->count = left;
}

static const struct ts_pg_leaf *leaf_at(const struct ts_replay_lookup *lookup, size_t at)
{
    return lookup->leaf_of[lookup->order[at]];
}

static bool prepare_leaf(struct ts_replay_lookup *lookup,
                         const struct ts_pg_leaf *leaf,
                         struct ts_pg_statement *out,
                         struct ts_error *err)
{
    struct leaf_statement *statement = &lookup->statements[leaf - lookup->leaves.items];
    char sql[SQL_MAX];
    snprintf(statement->name, sizeof statement->name, "leaf_%u", leaf->oid);
    snprintf(sql, sizeof sql, leaf_sql, leaf->name);
    *out = (struct ts_pg_statement){statement->name, sql};
    statement->prepared = statement->prepared || ts_pg_prepare(&lookup->base.session, out, 1, err);
    out->sql = ""; /* it is asked for by its name */
    return statement->prepared;
}

static void add_identities(struct ts_replay_lookup *lookup, const uint32_t *order, size_t count)
{
    struct ts_pg_params *params = &lookup->base.params;
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_time(params, lookup->asked[order[i]].start_ms);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, (int64_t)lookup->asked[order[i]].identity_hash);
    }
    ts_pg_array_end(params);
}

static void add_asked(struct ts_replay_lookup *lookup, const uint32_t *order, size_t count)
{
    struct ts_pg_params *params = &lookup->base.params;
    add_identities(lookup, order, count);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        const struct ts_replay_asked *asked = &lookup->asked[order[i]];
        ts_pg_array_i64(params, ((int64_t)asked->partition << PLACE_SHIFT) + asked->offset);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, lookup->asked[order[i]].charge_micros);
    }
    ts_pg_array_end(params);
    ts_pg_param_i32(params, lookup->topic_no);
}

/* Sends the statement of the next leaf, if there is one. */
static bool send_next(struct ts_replay_lookup *lookup, struct ts_error *err)
{
    lookup->sent = false;
    lookup->from = lookup->to;
    if (lookup->from == lookup->count) {
        return true;
    }
    const struct ts_pg_leaf *leaf = leaf_at(lookup, lookup->from);
    for (lookup->to++; lookup->to < lookup->count && leaf_at(lookup, lookup->to) == NULL;) {
        lookup->to++;
    }
    struct ts_pg_statement statement;
    if (!prepare_leaf(lookup, leaf, &statement, err)) {
        return false;
    }
    add_asked(lookup, lookup->order + lookup->from, lookup->to - lookup->from);
    lookup->sent = ts_pg_send(&lookup->base.session, &statement, &lookup->base.params, err);
    return lookup->sent;
}

bool ts_replay_lookup_start(struct ts_replay_lookup *lookup,
                            struct ts_replay_asked *asked,
                            size_t count,
                            struct ts_error *err)
{
    if (!make_room(lookup, count, err)) {
        return false;
    }
    ts_arena_reset(&lookup->arena);
    lookup->asked = asked;
    lookup->count = count;
    group_by_leaf(lookup);
    return send_next(lookup, err);
}

static bool read_row(struct ts_replay_lookup *lookup,
                     const PGresult *rows,
                     int row,
                     struct ts_replay_asked *out,
                     struct ts_error *err)
{
    if (ts_pg_is_null(rows, row, ACCOUNT_NO)) {
        out->standing = TS_REPLAY_ABSENT;
        return true;
    }
    bool same = (uint64_t)ts_pg_i64(rows, row, FINGERPRINT) == out->fingerprint;
    out->standing = !ts_pg_bool(rows, row, ELSEWHERE) ? TS_REPLAY_SETTLED
                    : same                            ? TS_REPLAY_ELSEWHERE
                                                      : TS_REPLAY_CONFLICT;
    out->account_no = ts_pg_i64(rows, row, ACCOUNT_NO);
    out->movement = ts_pg_i64(rows, row, MOVEMENT);
    out->follows = out->movement;
    out->settled_micros = ts_pg_i64(rows, row, CHARGE);
    out->billed = ts_pg_i64(rows, row, BILLED);
    out->category = ts_pg_i16(rows, row, CATEGORY);
    out->unit = ts_pg_i16(rows, row, UNIT);
    return ts_pg_read_units(
        rows, row, NAMES, UNITS, &lookup->arena, &out->units, &out->unit_count, err);
}

static PGresult *await(struct ts_replay_lookup *lookup, struct ts_error *err)
{
    PGresult *rows = NULL;
    int64_t until = ts_pg_mono_ms() + lookup->base.session.call_timeout_ms;
    if (!ts_pg_await(&lookup->base.session, until, &rows, err)) {
        ts_pg_close(&lookup->base.session);
        ts_error_set(err, TS_ERROR_RETRY, 0, "PostgreSQL: no answer within the time-out");
    }
    return rows;
}

static bool read_leaf(struct ts_replay_lookup *lookup, struct ts_error *err)
{
    PGresult *rows = await(lookup, err);
    bool good = rows != NULL;
    for (int i = 0; good && i < PQntuples(rows); i++) {
        size_t at = lookup->from + (size_t)ts_pg_i64(rows, i, N) - 1;
        good = read_row(lookup, rows, i, &lookup->asked[lookup->order[at]], err);
    }
    PQclear(rows);
    return good;
}

/* ---- adjustments */

/* The units of the chain so far and those of one more row. */
static bool join_units(struct ts_replay_lookup *lookup,
                       struct ts_replay_asked *out,
                       const struct ts_adjustment_units *more,
                       size_t count,
                       struct ts_error *err)
{
    if (count == 0) {
        return true;
    }
    size_t total = out->unit_count + count;
    struct ts_adjustment_units *units = ts_arena_take(&lookup->arena, total * sizeof *units);
    if (units == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < total; i++) {
        units[i] = i < out->unit_count ? out->units[i] : more[i - out->unit_count];
    }
    out->units = units;
    out->unit_count = total;
    return true;
}

static bool read_adjustments(struct ts_replay_lookup *lookup, struct ts_error *err)
{
    add_identities(lookup, lookup->order, lookup->count);
    PGresult *rows = ts_pg_call(&lookup->base.session, &adjustments, &lookup->base.params, err);
    bool good = rows != NULL;
    for (int i = 0; good && i < PQntuples(rows); i++) {
        struct ts_replay_asked *out =
            &lookup->asked[lookup->order[(size_t)ts_pg_i64(rows, i, A_N) - 1]];
        if (out->standing != TS_REPLAY_EQUAL && out->standing != TS_REPLAY_SETTLED) {
            continue;
        }
        const struct ts_adjustment_units *units = NULL;
        size_t count = 0;
        out->standing = TS_REPLAY_SETTLED;
        out->adjusted = true;
        out->account_no = ts_pg_i64(rows, i, A_ACCOUNT_NO);
        out->follows = ts_pg_i64(rows, i, A_MOVEMENT);
        out->settled_micros = ts_pg_i64(rows, i, A_CHARGE);
        out->billed = -1;
        out->category = -1;
        out->unit = -1;
        good = ts_pg_read_units(rows, i, A_NAMES, A_UNITS, &lookup->arena, &units, &count, err) &&
               join_units(lookup, out, units, count, err);
    }
    PQclear(rows);
    return good;
}

bool ts_replay_lookup_finish(struct ts_replay_lookup *lookup, struct ts_error *err)
{
    while (lookup->sent) {
        if (!read_leaf(lookup, err) || !send_next(lookup, err)) {
            return false;
        }
    }
    return !lookup->any_adjustments || lookup->count == 0 || read_adjustments(lookup, err);
}

/* ---- dead letters */

bool ts_replay_lookup_letters(struct ts_replay_lookup *lookup,
                              struct ts_replay_letter *letters,
                              size_t count,
                              struct ts_error *err)
{
    struct ts_pg_params *params = &lookup->base.params;
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_INT4);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i32(params, letters[i].partition);
        letters[i].id = 0;
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, letters[i].offset);
    }
    ts_pg_array_end(params);
    ts_pg_param_text(params, lookup->topic);
    PGresult *rows = ts_pg_call(&lookup->base.session, &letters_statement, params, err);
    if (rows == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_replay_letter *letter = &letters[ts_pg_i64(rows, i, 0) - 1];
        letter->id = ts_pg_i64(rows, i, 1);
        letter->open = ts_pg_bool(rows, i, 2);
        ts_pg_text(rows, i, 3, letter->reason, sizeof letter->reason);
    }
    PQclear(rows);
    return true;
}
