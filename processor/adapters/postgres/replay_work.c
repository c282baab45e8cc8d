/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/replay_work.h"

#include "adapters/postgres/copy_row.h"
#include "adapters/postgres/replay_units.h"
#include "adapters/postgres/store.h"
#include "base/arena.h"

#include <stdlib.h>

enum {
    PARAMS_MAX = 1024,
    CHUNK = 1 << 20,
    ROWS_MAX = CHUNK * 4,
    ROW_MAX = 512, /* without the texts */
    PAGE = 2000,   /* as cursor reads say */
    ARENA_BLOCK = 1 << 18,
    ARENA_MAX = 64 << 20,
    COLUMNS = 22,
};

struct ts_replay_work {
    struct ts_pg_store base; /* its session has the temporary tables */
    struct ts_buffer rows;   /* encoded, not sent yet */
    struct ts_arena arena;
    int64_t count;
    int64_t first_ms; /* of the calls added */
    int64_t last_ms;
};

static const char make_sql[] =
    "SET temp_buffers = '64MB'; SET work_mem = '64MB';"
    "CREATE TEMPORARY TABLE replay_work (account_no bigint, month integer, movement bigint,"
    " rated boolean, start_time timestamptz, identity_hash bigint, partition integer,"
    " \"offset\" bigint, follows bigint, settled bigint, settled_billed bigint,"
    " unit_names text[], unit_counts bigint[], price bigint, billed bigint, deck_version bigint,"
    " category integer, license integer, unit integer, local boolean, alike boolean, prefix text)";

/* The other calls of these months that use units, and what adjustments of theirs use, at the place
 * of the call. The accounts are few against the calls: a join by hash. */
static const char others_sql[] =
    "ANALYZE replay_work;"
    "CREATE TEMPORARY TABLE replay_rated AS SELECT account_no, movement FROM replay_work;"
    "CREATE INDEX ON replay_rated (account_no, movement); ANALYZE replay_rated";

static const char usage_sql[] =
    "INSERT INTO replay_work (account_no, month, movement, rated, unit_names, unit_counts)"
    " SELECT u.account_no, to_char(u.start_time AT TIME ZONE a.timezone, 'YYYYMM')::int,"
    " u.movement, false, u.allowance_names, u.allowance_units"
    " FROM usage u JOIN account a USING (account_no)"
    " WHERE u.start_time >= $1::timestamptz AND u.start_time < $2::timestamptz"
    " AND u.allowance_names IS NOT NULL"
    " AND u.account_no IN (SELECT account_no FROM replay_rated)"
    " AND NOT EXISTS (SELECT FROM replay_rated r"
    " WHERE r.account_no = u.account_no AND r.movement = u.movement)";

static const char adjusted_sql[] =
    "INSERT INTO replay_work (account_no, month, movement, rated, unit_names, unit_counts)"
    " SELECT u.account_no, d.month, u.movement, false, d.unit_names, d.unit_counts"
    " FROM adjustment d JOIN usage u"
    " ON u.start_time = d.start_time AND u.identity_hash = d.identity_hash"
    " WHERE d.start_time >= $1::timestamptz AND d.start_time < $2::timestamptz"
    " AND u.start_time >= $1::timestamptz AND u.start_time < $2::timestamptz"
    " AND d.unit_names IS NOT NULL"
    " AND d.account_no IN (SELECT account_no FROM replay_rated)"
    " AND NOT EXISTS (SELECT FROM replay_rated r"
    " WHERE r.account_no = u.account_no AND r.movement = u.movement)";

enum column {
    ACCOUNT_NO,
    MONTH,
    MOVEMENT,
    RATED,
    START_TIME,
    HASH,
    PARTITION,
    OFFSET,
    FOLLOWS,
    SETTLED,
    SETTLED_BILLED,
    NAMES,
    UNITS,
    PRICE,
    BILLED,
    DECK_VERSION,
    CATEGORY,
    LICENSE,
    UNIT,
    LOCAL,
    ALIKE,
    PREFIX,
    ACCOUNT_ID
};

static const char cursor_sql[] =
    "BEGIN; DECLARE calls BINARY CURSOR FOR SELECT w.*, a.account_id FROM replay_work w"
    " JOIN account a USING (account_no) WHERE (w.account_no, w.month) IN"
    " (SELECT account_no, month FROM replay_work WHERE rated)"
    " ORDER BY w.account_no, w.month, w.movement, w.rated";

struct ts_replay_work *ts_replay_work_open(const char *url, struct ts_error *err)
{
    const struct ts_pg_session_options options = {.url = url, .role = "replay"};
    struct ts_replay_work *work = ts_pg_store_make(sizeof *work, &options, PARAMS_MAX, err);
    if (work == NULL) {
        return NULL;
    }
    ts_buffer_init(&work->rows, ROWS_MAX);
    ts_arena_init(&work->arena, ARENA_BLOCK, ARENA_MAX);
    if (!ts_pg_store_connect(&work->base, err) || !ts_pg_run(&work->base.session, make_sql, err)) {
        ts_replay_work_close(work);
        return NULL;
    }
    return work;
}

void ts_replay_work_close(struct ts_replay_work *work)
{
    if (work != NULL) {
        ts_buffer_finish(&work->rows);
        ts_arena_finish(&work->arena);
        ts_pg_store_free(work);
    }
}

/* ---- adding */

static char *put_units(char *at, const struct ts_adjustment_units *units, size_t count)
{
    if (count == 0) {
        return ts_pg_copy_null(ts_pg_copy_null(at));
    }
    char *begin = at;
    at = ts_pg_copy_array_begin(at, TS_PG_TEXT, count);
    for (size_t i = 0; i < count; i++) {
        at = ts_pg_copy_bytes(at, units[i].allowance);
    }
    begin = ts_pg_copy_array_end(begin, at);
    at = ts_pg_copy_array_begin(begin, TS_PG_INT8, count);
    for (size_t i = 0; i < count; i++) {
        at = ts_pg_copy_i64(at, units[i].units);
    }
    return ts_pg_copy_array_end(begin, at);
}

static char *put_call(char *at, const struct ts_replay_work_call *call)
{
    ts_pg_put_i16(at, COLUMNS);
    at = ts_pg_copy_i64(at + 2, call->account_no);
    at = ts_pg_copy_i32(at, call->month);
    at = ts_pg_copy_i64(at, call->movement);
    at = ts_pg_copy_bool(at, true);
    at = ts_pg_copy_time(at, call->start_ms);
    at = ts_pg_copy_i64(at, (int64_t)call->identity_hash);
    at = ts_pg_copy_i32(at, call->partition);
    at = ts_pg_copy_i64(at, call->offset);
    at = ts_pg_copy_i64(at, call->follows);
    at = ts_pg_copy_i64(at, call->settled_micros);
    at = ts_pg_copy_i64(at, call->settled_billed);
    at = put_units(at, call->units, call->unit_count);
    at = ts_pg_copy_i64(at, call->price_micros);
    at = ts_pg_copy_i64(at, call->billed);
    at = ts_pg_copy_i64(at, call->deck_version);
    at = ts_pg_copy_i32(at, call->category);
    at = ts_pg_copy_i32(at, call->license);
    at = ts_pg_copy_i32(at, call->unit);
    at = ts_pg_copy_bool(at, call->local);
    at = ts_pg_copy_bool(at, call->alike);
    return ts_pg_copy_text(at, call->prefix);
}

static bool send_rows(struct ts_replay_work *work, struct ts_error *err)
{
    if (work->rows.size == 0) {
        return true;
    }
    bool good =
        ts_pg_copy_begin(&work->base.session, "COPY replay_work FROM STDIN (FORMAT binary)", err) &&
        ts_pg_copy_put(&work->base.session, ts_pg_copy_header(), err) &&
        ts_pg_copy_put(&work->base.session, ts_buffer_bytes(&work->rows), err) &&
        ts_pg_copy_put(&work->base.session, ts_pg_copy_trailer(), err) &&
        ts_pg_copy_end(&work->base.session, err);
    ts_buffer_clear(&work->rows);
    return good;
}

bool ts_replay_work_add(struct ts_replay_work *work,
                        const struct ts_replay_work_call *call,
                        struct ts_error *err)
{
    size_t texts = call->prefix.size;
    for (size_t i = 0; i < call->unit_count; i++) {
        texts += call->units[i].allowance.size + 16;
    }
    char *at = ts_buffer_reserve(&work->rows, ROW_MAX + texts);
    if (at == NULL) {
        return ts_error_no_memory(err);
    }
    ts_buffer_commit(&work->rows, (size_t)(put_call(at, call) - at));
    work->first_ms =
        work->count == 0 || call->start_ms < work->first_ms ? call->start_ms : work->first_ms;
    work->last_ms =
        work->count == 0 || call->start_ms > work->last_ms ? call->start_ms : work->last_ms;
    work->count++;
    return work->rows.size < CHUNK || send_rows(work, err);
}

/* ---- reading */

/* The months that the calls may be of, in any time zone. */
static bool add_others(struct ts_replay_work *work, struct ts_error *err)
{
    const int64_t margin_ms = INT64_C(33) * 86400 * 1000;
    struct ts_pg_params *params = &work->base.params;
    ts_pg_params_clear(params);
    ts_pg_param_time(params, work->first_ms - margin_ms);
    ts_pg_param_time(params, work->last_ms + margin_ms);
    bool good = ts_pg_run(&work->base.session, others_sql, err);
    const char *const statements[] = {usage_sql, adjusted_sql};
    for (size_t i = 0; good && i < sizeof statements / sizeof *statements; i++) {
        PGresult *result = ts_pg_exec_params(&work->base.session, statements[i], params, err);
        good = result != NULL;
        PQclear(result);
    }
    return good && ts_pg_run(&work->base.session, cursor_sql, err);
}

static bool read_call(struct ts_replay_work *work,
                      const PGresult *rows,
                      int row,
                      struct ts_replay_work_call *out,
                      struct ts_error *err)
{
    *out = (struct ts_replay_work_call){
        .account_no = ts_pg_i64(rows, row, ACCOUNT_NO),
        .month = ts_pg_i32(rows, row, MONTH),
        .movement = ts_pg_i64(rows, row, MOVEMENT),
        .rated = ts_pg_bool(rows, row, RATED),
        .start_ms = ts_pg_time_ms(rows, row, START_TIME),
        .identity_hash = (uint64_t)ts_pg_i64(rows, row, HASH),
        .partition = ts_pg_i32(rows, row, PARTITION),
        .offset = ts_pg_i64(rows, row, OFFSET),
        .follows = ts_pg_i64(rows, row, FOLLOWS),
        .settled_micros = ts_pg_i64(rows, row, SETTLED),
        .settled_billed = ts_pg_i64(rows, row, SETTLED_BILLED),
        .price_micros = ts_pg_i64(rows, row, PRICE),
        .billed = ts_pg_i64(rows, row, BILLED),
        .deck_version = ts_pg_i64(rows, row, DECK_VERSION),
        .category = ts_pg_i32(rows, row, CATEGORY),
        .license = ts_pg_i32(rows, row, LICENSE),
        .unit = ts_pg_i32(rows, row, UNIT),
        .local = ts_pg_bool(rows, row, LOCAL),
        .alike = ts_pg_bool(rows, row, ALIKE),
        .prefix = ts_pg_bytes(rows, row, PREFIX),
        .account_id = ts_pg_bytes(rows, row, ACCOUNT_ID),
    };
    return ts_pg_read_units(
        rows, row, NAMES, UNITS, &work->arena, &out->units, &out->unit_count, err);
}

static bool visit_page(struct ts_replay_work *work,
                       const struct ts_replay_work_visitor *visitor,
                       int *count,
                       struct ts_error *err)
{
    struct ts_pg_params none = {0};
    PGresult *rows = ts_pg_exec_params(&work->base.session, "FETCH 2000 FROM calls", &none, err);
    bool good = rows != NULL;
    *count = good ? PQntuples(rows) : 0;
    ts_arena_reset(&work->arena);
    for (int i = 0; good && i < *count; i++) {
        struct ts_replay_work_call call;
        good = read_call(work, rows, i, &call, err) && visitor->visit(visitor->self, &call, err);
    }
    PQclear(rows);
    return good;
}

bool ts_replay_work_read(struct ts_replay_work *work,
                         const struct ts_replay_work_visitor *visitor,
                         struct ts_error *err)
{
    if (work->count == 0) {
        return true;
    }
    if (!send_rows(work, err) || !add_others(work, err)) {
        return false;
    }
    int count = PAGE;
    while (count == PAGE) {
        if (!visit_page(work, visitor, &count, err)) {
            return false;
        }
    }
    return ts_pg_run(&work->base.session, "COMMIT", err);
}
