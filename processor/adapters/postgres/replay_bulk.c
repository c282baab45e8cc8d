/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/replay_bulk.h"

#include "adapters/postgres/leaves.h"
#include "adapters/postgres/store.h"
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PARAMS_MAX = 1024,
    SQL_MAX = 2048,
    ROWS_A_PAGE = 28,   /* of 8 KiB */
    SEEN_MIN = 4096,    /* calls of a leaf before it is judged */
    COST_OF_LOOKUP = 4, /* of a row that is read with all others */
    NO_ROW = -1,
};

struct leaf {
    int64_t rows; /* about */
    int64_t seen; /* calls of the topic that were asked for */
    bool loaded;
};

struct ts_replay_bulk {
    struct ts_pg_store base;
    struct ts_pg_leaves leaves;
    struct leaf *facts; /* of leaves.items */
    const struct ts_pg_leaf *last;
    int32_t topic_no;
    bool any_adjustments;
    struct ts_replay_bulk_row **rows; /* by range and offset - first */
    int64_t *first;
    int64_t *count;
    size_t *range_of; /* by partition; SIZE_MAX: none */
    int32_t partitions;
    size_t range_count;
    int64_t total;
    int64_t asked;
    bool headed; /* of the COPY under way, the header was read */
};

/* ---- life */

static bool
make_rows(struct ts_replay_bulk *bulk, const struct ts_replay_range *ranges, struct ts_error *err)
{
    TS_ASSERT(bulk->first != NULL && bulk->count != NULL && bulk->rows != NULL);
    for (size_t i = 0; i < bulk->range_count; i++) {
        bulk->first[i] = ranges[i].next;
        bulk->count[i] = ranges[i].to > ranges[i].next ? ranges[i].to - ranges[i].next : 0;
        bulk->total += bulk->count[i];
        bulk->partitions =
            ranges[i].partition >= bulk->partitions ? ranges[i].partition + 1 : bulk->partitions;
    }
    bulk->range_of = malloc(((size_t)bulk->partitions + 1) * sizeof *bulk->range_of);
    bool good = bulk->range_of != NULL;
    for (int32_t i = 0; good && i < bulk->partitions; i++) {
        bulk->range_of[i] = SIZE_MAX;
    }
    for (size_t i = 0; good && bulk->total <= TS_REPLAY_BULK_MAX && i < bulk->range_count; i++) {
        bulk->rows[i] = malloc(((size_t)bulk->count[i] + 1) * sizeof **bulk->rows);
        good = bulk->rows[i] != NULL;
        for (int64_t j = 0; good && j < bulk->count[i]; j++) {
            bulk->rows[i][j].charge_micros = NO_ROW;
        }
        bulk->range_of[ranges[i].partition] = i;
    }
    return good || ts_error_no_memory(err);
}

static bool read_facts(struct ts_replay_bulk *bulk, const char *topic, struct ts_error *err)
{
    ts_pg_params_clear(&bulk->base.params);
    ts_pg_param_text(&bulk->base.params, topic);
    PGresult *rows =
        ts_pg_exec_params(&bulk->base.session,
                          "SELECT coalesce((SELECT topic_no FROM topic WHERE name = $1::text),"
                          " -1)::int, EXISTS (SELECT FROM adjustment),"
                          " pg_relation_size(leaf) / 8192 FROM usage_leaf ORDER BY from_time",
                          &bulk->base.params,
                          err);
    if (rows == NULL) {
        return false;
    }
    bulk->facts = calloc(bulk->leaves.count + 1, sizeof *bulk->facts);
    for (int i = 0; bulk->facts != NULL && i < PQntuples(rows); i++) {
        bulk->topic_no = ts_pg_i32(rows, i, 0);
        bulk->any_adjustments = ts_pg_bool(rows, i, 1);
        if ((size_t)i < bulk->leaves.count) {
            bulk->facts[i].rows = ts_pg_i64(rows, i, 2) * ROWS_A_PAGE;
        }
    }
    PQclear(rows);
    return bulk->facts != NULL || ts_error_no_memory(err);
}

struct ts_replay_bulk *ts_replay_bulk_open(const char *url,
                                           const char *topic,
                                           const struct ts_replay_range *ranges,
                                           size_t count,
                                           struct ts_error *err)
{
    const struct ts_pg_session_options options = {.url = url, .role = "replay"};
    struct ts_replay_bulk *bulk = ts_pg_store_make(sizeof *bulk, &options, PARAMS_MAX, err);
    if (bulk == NULL) {
        return NULL;
    }
    bulk->range_count = count;
    bulk->rows = calloc(count + 1, sizeof(struct ts_replay_bulk_row *));
    bulk->first = calloc(count + 1, sizeof *bulk->first);
    bulk->count = calloc(count + 1, sizeof *bulk->count);
    bool made = bulk->rows != NULL && bulk->first != NULL && bulk->count != NULL;
    if ((!made && !ts_error_no_memory(err)) || !make_rows(bulk, ranges, err) ||
        !ts_pg_store_connect(&bulk->base, err) ||
        !ts_pg_leaves_load(&bulk->base.session, &bulk->leaves, err) ||
        !read_facts(bulk, topic, err)) {
        ts_replay_bulk_close(bulk);
        return NULL;
    }
    return bulk;
}

void ts_replay_bulk_close(struct ts_replay_bulk *bulk)
{
    if (bulk == NULL) {
        return;
    }
    ts_pg_leaves_finish(&bulk->leaves);
    for (size_t i = 0; bulk->rows != NULL && i < bulk->range_count; i++) {
        free(bulk->rows[i]);
    }
    free((void *)bulk->rows);
    free(bulk->first);
    free(bulk->count);
    free(bulk->range_of);
    free(bulk->facts);
    ts_pg_store_free(bulk);
}

/* ---- loading */

enum { HEADER_SIZE = 19, FIELDS = 7, ROW_SIZE = 2 + FIELDS * 4 + 4 + 8 + 8 + 8 + 8 + 2 + 2 };

static uint64_t number_at(const char *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | (unsigned char)at[i];
    }
    return number;
}

/* A row: the count of fields, then each with its size; none is NULL and all are of fixed size. */
static bool take_row(void *self, struct ts_bytes piece, struct ts_error *err)
{
    struct ts_replay_bulk *bulk = self;
    if (!bulk->headed && piece.size >= HEADER_SIZE) {
        bulk->headed = true;
        piece.data += HEADER_SIZE;
        piece.size -= HEADER_SIZE;
    }
    if (piece.size < ROW_SIZE) {
        return true; /* the end mark, or nothing behind the header */
    }
    if (piece.size != ROW_SIZE) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "PostgreSQL: a row of another size");
    }
    const char *at = piece.data + 6;
    int64_t partition = (int64_t)number_at(at, 4);
    int64_t offset = (int64_t)number_at(at + 8, 8);
    size_t range = partition < bulk->partitions ? bulk->range_of[partition] : SIZE_MAX;
    if (range != SIZE_MAX && offset >= bulk->first[range] &&
        offset - bulk->first[range] < bulk->count[range]) {
        bulk->rows[range][offset - bulk->first[range]] =
            (struct ts_replay_bulk_row){.charge_micros = (int64_t)number_at(at + 20, 8),
                                        .billed = (int32_t)number_at(at + 32, 8),
                                        .covered = (int32_t)number_at(at + 44, 8),
                                        .category = (int8_t)number_at(at + 56, 2),
                                        .unit = (int8_t)number_at(at + 62, 2)};
    }
    return true;
}

static bool load(struct ts_replay_bulk *bulk, const struct ts_pg_leaf *leaf, struct ts_error *err)
{
    char sql[SQL_MAX];
    snprintf(
        sql,
        sizeof sql,
        "COPY (SELECT u.partition, u.\"offset\", u.charge_micros, u.billed,"
        " CASE WHEN u.allowance_units IS NULL THEN 0"
        " ELSE (SELECT sum(n)::bigint FROM unnest(u.allowance_units) n) END, u.category, u.unit"
        " FROM %s u WHERE u.topic_no = %d%s) TO STDOUT (FORMAT binary)",
        leaf->name,
        bulk->topic_no,
        bulk->any_adjustments ? " AND NOT EXISTS (SELECT FROM adjustment d WHERE"
                                " d.start_time = u.start_time"
                                " AND d.identity_hash = u.identity_hash)"
                              : "");
    bulk->headed = false;
    bulk->facts[leaf - bulk->leaves.items].loaded = true;
    return ts_pg_copy_out(&bulk->base.session, sql, take_row, bulk, err);
}

/* Whether so many of what is left to read are expected in the leaf that it pays. */
static bool pays(const struct ts_replay_bulk *bulk, const struct leaf *leaf)
{
    int64_t expected = (bulk->total - bulk->asked) * leaf->seen; /* times `asked` */
    return leaf->seen >= SEEN_MIN && expected / bulk->asked * COST_OF_LOOKUP > leaf->rows;
}

bool ts_replay_bulk_find(struct ts_replay_bulk *bulk,
                         size_t range,
                         int64_t offset,
                         int64_t start_ms,
                         const struct ts_replay_bulk_row **out,
                         struct ts_error *err)
{
    *out = NULL;
    bulk->asked++;
    if (bulk->rows[range] == NULL) {
        return true;
    }
    if (bulk->last == NULL || start_ms < bulk->last->from_ms || start_ms >= bulk->last->to_ms) {
        bulk->last = ts_pg_leaves_find(&bulk->leaves, start_ms);
    }
    if (bulk->last == NULL) {
        return true;
    }
    struct leaf *leaf = &bulk->facts[bulk->last - bulk->leaves.items];
    leaf->seen++;
    if (!leaf->loaded && pays(bulk, leaf) && !load(bulk, bulk->last, err)) {
        return false;
    }
    if (leaf->loaded) {
        const struct ts_replay_bulk_row *row = &bulk->rows[range][offset - bulk->first[range]];
        *out = row->charge_micros != NO_ROW ? row : NULL;
    }
    return true;
}
