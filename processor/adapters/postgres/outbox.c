/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that were decided and perhaps not told. */
#include "adapters/postgres/worker.h"

enum { TOPIC, PARTITION, OFFSET, N, OUTPUT, ACCOUNT_NO, SEQUENCE, KEY, PAYLOAD, ROWS };

/* Of payloads in one page, but for its last row: several times what one input can cause. */
enum { PAGE_BYTES = 16 * 1024 * 1024 };

static bool input_of(const struct ts_postgres *postgres, struct ts_bytes topic, enum ts_input *out)
{
    for (int i = 0; i < TS_INPUT_COUNT; i++) {
        if (ts_bytes_equal_text(topic, postgres->options.topics[i])) {
            *out = (enum ts_input)i;
            return true;
        }
    }
    return false;
}

static bool
read_row(const PGresult *rows, int row, struct ts_arena *arena, struct ts_outbox_row *out)
{
    out->lane.partition = ts_pg_i32(rows, row, PARTITION);
    out->offset = ts_pg_i64(rows, row, OFFSET);
    out->n = ts_pg_i32(rows, row, N);
    out->output = ts_pg_i16(rows, row, OUTPUT);
    out->account_no = ts_pg_i64(rows, row, ACCOUNT_NO);
    out->sequence = ts_pg_i64(rows, row, SEQUENCE);
    out->key = ts_arena_copy(arena, ts_pg_bytes(rows, row, KEY));
    out->payload = ts_arena_copy(arena, ts_pg_bytes(rows, row, PAYLOAD));
    return out->key.size != SIZE_MAX && out->payload.size != SIZE_MAX;
}

bool ts_pg_outbox_page(const struct ts_postgres *postgres,
                       const PGresult *rows,
                       size_t max,
                       struct ts_arena *arena,
                       struct ts_outbox_page *out,
                       struct ts_error *err)
{
    size_t count = (size_t)PQntuples(rows);
    struct ts_outbox_page page = {.more = count > max};
    count = page.more ? max : count;
    page.rows = ts_arena_take(arena, count * sizeof *page.rows + 1);
    if (page.rows == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        struct ts_outbox_row row = {0};
        struct ts_bytes topic = ts_pg_bytes(rows, (int)i, TOPIC);
        if (!input_of(postgres, topic, &row.lane.input)) {
            continue; /* of a topic that this process does not read: its reader tells it */
        }
        if (!read_row(rows, (int)i, arena, &row)) {
            return ts_error_no_memory(err);
        }
        page.rows[page.count++] = row;
    }
    *out = page;
    return true;
}

bool ts_pg_outbox(void *self,
                  struct ts_lane lane,
                  int64_t from,
                  int64_t to,
                  size_t max,
                  struct ts_arena *arena,
                  struct ts_outbox_page *out,
                  struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_param_text(params, postgres->options.topics[lane.input]);
    ts_pg_param_i32(params, lane.partition);
    ts_pg_param_i64(params, from);
    ts_pg_param_i64(params, to);
    ts_pg_param_i64(params, (int64_t)max + 1);
    ts_pg_param_i64(params, PAGE_BYTES);
    PGresult *rows = ts_pg_call(&postgres->reading, &ts_pg_reading[TS_PG_READ_OUTBOX], params, err);
    bool ok = rows != NULL && ts_pg_outbox_page(postgres, rows, max, arena, out, err);
    if (ok && PQntuples(rows) > 0 && ts_pg_i64(rows, 0, ROWS) > PQntuples(rows)) {
        out->more = true;
    }
    PQclear(rows);
    return ok;
}

bool ts_pg_outbox_older(void *self,
                        const struct ts_outbox_mark *below,
                        size_t count,
                        struct ts_outbox_mark after,
                        size_t max,
                        struct ts_arena *arena,
                        struct ts_outbox_page *out,
                        struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, below[i].account_no);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, below[i].sequence);
    }
    ts_pg_array_end(params);
    ts_pg_param_i64(params, after.account_no);
    ts_pg_param_i64(params, after.sequence);
    ts_pg_param_i64(params, (int64_t)max + 1);
    PGresult *rows =
        ts_pg_call(&postgres->reading, &ts_pg_reading[TS_PG_READ_OUTBOX_OLDER], params, err);
    bool ok = rows != NULL && ts_pg_outbox_page(postgres, rows, max, arena, out, err);
    PQclear(rows);
    return ok;
}

bool ts_pg_outbox_trim(void *self, struct ts_lane lane, int64_t below, struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_param_text(params, postgres->options.topics[lane.input]);
    ts_pg_param_i32(params, lane.partition);
    ts_pg_param_i64(params, below);
    PGresult *result =
        ts_pg_call(&postgres->reading, &ts_pg_reading[TS_PG_READ_OUTBOX_TRIM], params, err);
    PQclear(result);
    return result != NULL;
}
