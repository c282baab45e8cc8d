/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/settle_rows.h"

#include "adapters/postgres/copy_row.h"
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

/* The columns in the order in which encode_row writes them, which is the table's. */
enum { COLUMN_COUNT = 43 };
static const char columns[] =
    "start_time, identity_hash, account_no, fingerprint, balance_after_micros, movement,"
    " charge_micros, rate_e8, connect_fee_e8, deck_version, billed, end_time, settled_at,"
    " \"offset\", partition, duration_ms, pages, leg, generation, topic_no, license, service,"
    " direction, disposition, category, unit, source, cdr_id, from_number, to_number, region,"
    " prefix, description, answer_time, hangup_cause, origin_country, call_id, user_id, user_name,"
    " department, attributes, allowance_names, allowance_units";

/* Bytes of a row besides its texts: the column count and for each column a size and a number. */
enum { ROW_FIXED_MAX = 2 + COLUMN_COUNT * TS_PG_COPY_NUMBER_MAX };

void ts_pg_rows_init(struct ts_pg_rows *rows, size_t size_max)
{
    *rows = (struct ts_pg_rows){0};
    ts_buffer_init(&rows->bytes, size_max);
}

void ts_pg_rows_finish(struct ts_pg_rows *rows)
{
    ts_buffer_finish(&rows->bytes);
    free(rows->rows);
    free(rows->runs);
    *rows = (struct ts_pg_rows){0};
}

void ts_pg_rows_copy_sql(const struct ts_pg_leaf *leaf, char out[TS_PG_COPY_SQL_MAX])
{
    int size = snprintf(
        out, TS_PG_COPY_SQL_MAX, "COPY %s (%s) FROM STDIN (FORMAT binary)", leaf->name, columns);
    TS_ASSERT(size > 0 && size < TS_PG_COPY_SQL_MAX);
}

static int compare_rows(const void *a, const void *b)
{
    const struct ts_record *left = ((const struct ts_pg_row *)a)->record;
    const struct ts_record *right = ((const struct ts_pg_row *)b)->record;
    if (left->cdr.start_ms != right->cdr.start_ms) {
        return left->cdr.start_ms < right->cdr.start_ms ? -1 : 1;
    }
    int64_t left_hash = (int64_t)left->identity_hash;
    int64_t right_hash = (int64_t)right->identity_hash;
    return (left_hash > right_hash) - (left_hash < right_hash);
}

static bool make_room(struct ts_pg_rows *rows, size_t count)
{
    if (count <= rows->row_capacity) {
        return true;
    }
    struct ts_pg_row *grown = realloc(rows->rows, count * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    rows->rows = grown;
    rows->row_capacity = count;
    return true;
}

bool ts_pg_rows_collect(struct ts_pg_rows *rows,
                        const struct ts_settlement *settlement,
                        struct ts_error *err)
{
    rows->row_count = 0;
    rows->run_count = 0;
    ts_buffer_clear(&rows->bytes);
    if (!make_room(rows, settlement->record_count)) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < settlement->record_count; i++) {
        if (settlement->records[i]->outcome == TS_OUTCOME_SETTLED &&
            settlement->records[i]->command == NULL) {
            TS_ASSERT(settlement->record_accounts[i] != NULL);
            rows->rows[rows->row_count++] = (struct ts_pg_row){
                .record = settlement->records[i], .account = settlement->record_accounts[i]};
        }
    }
    if (rows->row_count > 1) {
        qsort(rows->rows, rows->row_count, sizeof *rows->rows, compare_rows);
    }
    return true;
}

bool ts_pg_rows_covered(const struct ts_pg_rows *rows, const struct ts_pg_leaves *leaves)
{
    const struct ts_pg_leaf *leaf = NULL;
    for (size_t i = 0; i < rows->row_count; i++) {
        int64_t start_ms = rows->rows[i].record->cdr.start_ms;
        if (leaf == NULL || start_ms >= leaf->to_ms) { /* the rows are sorted */
            leaf = ts_pg_leaves_find(leaves, start_ms);
            if (leaf == NULL) {
                return false;
            }
        }
    }
    return true;
}

static void refuse_too_old(struct ts_record *record)
{
    record->outcome = TS_OUTCOME_DEAD_LETTER;
    record->reason = TS_REASON_TOO_OLD;
    record->message = TS_LITERAL("start_time: the call began before the oldest usage partition");
}

bool ts_pg_rows_refuse_too_old(struct ts_pg_rows *rows,
                               const struct ts_pg_leaves *leaves,
                               size_t *refused,
                               struct ts_error *err)
{
    *refused = 0;
    for (size_t i = 0; i < rows->row_count; i++) {
        struct ts_record *record = rows->rows[i].record;
        int64_t start_ms = record->cdr.start_ms;
        if (leaves->count > 0 && start_ms < leaves->items[0].from_ms) {
            refuse_too_old(record);
            ++*refused;
        } else if (ts_pg_leaves_find(leaves, start_ms) == NULL) {
            return ts_error_set(err,
                                TS_ERROR_RETRY,
                                0,
                                "no usage partition takes a call that began at %lld ms: the "
                                "partition keeper should have made it",
                                (long long)start_ms);
        }
    }
    return true;
}

/* --- one row */

/* The draws that took something. */
static size_t count_draws(const struct ts_included *included)
{
    size_t count = 0;
    for (uint32_t i = 0; included != NULL && i < included->count; i++) {
        count += included->draws[i].units > 0;
    }
    return count;
}

static size_t draws_size(const struct ts_included *included)
{
    return 2 * TS_PG_COPY_ARRAY_HEAD +
           count_draws(included) * (TS_ALLOWANCE_NAME_MAX + 2 * TS_PG_COPY_NUMBER_MAX);
}

static char *put_draws(char *at, const struct ts_included *included)
{
    size_t count = count_draws(included);
    if (count == 0) {
        return ts_pg_copy_null(ts_pg_copy_null(at));
    }
    char *names = at;
    at = ts_pg_copy_array_begin(names, TS_PG_TEXT, count);
    for (uint32_t i = 0; i < included->count; i++) {
        if (included->draws[i].units > 0) {
            at = ts_pg_copy_text(at, ts_allowance_name(included->draws[i].allowance));
        }
    }
    char *units = ts_pg_copy_array_end(names, at);
    at = ts_pg_copy_array_begin(units, TS_PG_INT8, count);
    for (uint32_t i = 0; i < included->count; i++) {
        if (included->draws[i].units > 0) {
            at = ts_pg_copy_i64(at, included->draws[i].units);
        }
    }
    return ts_pg_copy_array_end(units, at);
}

static size_t texts_size(const struct ts_cdr *cdr, const struct ts_rating *rating)
{
    return cdr->source.size + cdr->cdr_id.size + cdr->from_number.size + cdr->to_number.size +
           TS_COUNTRY_MAX + rating->prefix.size + rating->description.size +
           cdr->origin_country.size + cdr->call_id.size + cdr->user_id.size + cdr->user_name.size +
           cdr->department.size + cdr->attributes.encoded.size;
}

static char *put_numbers(char *at, const struct ts_record *record, int64_t settled_ms)
{
    const struct ts_rating *rating = &record->rating;
    at = ts_pg_copy_i64(at, rating->charge_micros);
    at = ts_pg_copy_i64(at, rating->rate_e8);
    at = ts_pg_copy_i64(at, rating->connect_fee_e8);
    at = ts_pg_copy_i64(at, rating->deck_version);
    at = ts_pg_copy_i64(at, rating->billed);
    at = ts_pg_copy_time(at, record->cdr.end_ms);
    at = ts_pg_copy_time(at, settled_ms);
    at = ts_pg_copy_i64(at, record->offset);
    at = ts_pg_copy_i32(at, record->lane.partition);
    at = ts_pg_copy_i32(at, (int32_t)record->cdr.duration_ms); /* validated: at most 7 days */
    at = ts_pg_copy_i32(at, record->cdr.pages);
    at = ts_pg_copy_i32(at, record->cdr.leg);
    return ts_pg_copy_i32(at, 0); /* generation: the first settlement */
}

static char *put_codes(char *at, const struct ts_cdr *cdr, const struct ts_rating *rating)
{
    at = ts_pg_copy_i16(at, (int16_t)cdr->license);
    at = ts_pg_copy_i16(at, (int16_t)cdr->service);
    at = ts_pg_copy_i16(at, (int16_t)cdr->direction);
    at = ts_pg_copy_i16(at, (int16_t)cdr->disposition);
    at = ts_pg_copy_i16(at, (int16_t)rating->category);
    return ts_pg_copy_i16(at, (int16_t)rating->unit);
}

static char *put_texts(char *at, const struct ts_cdr *cdr, const struct ts_rating *rating)
{
    at = ts_pg_copy_text(at, cdr->source);
    at = ts_pg_copy_text(at, cdr->cdr_id);
    at = ts_pg_copy_text(at, cdr->from_number);
    at = ts_pg_copy_text(at, cdr->to_number);
    at = ts_pg_copy_text(at, ts_bytes_of(rating->region));
    at = ts_pg_copy_text(at, rating->prefix);
    return ts_pg_copy_text(at, rating->description);
}

static char *put_optional(char *at, const struct ts_cdr *cdr)
{
    at = cdr->has_answer ? ts_pg_copy_time(at, cdr->answer_ms) : ts_pg_copy_null(at);
    at = cdr->has_hangup_cause ? ts_pg_copy_i32(at, cdr->hangup_cause) : ts_pg_copy_null(at);
    at = ts_pg_copy_bytes(at, cdr->origin_country);
    at = ts_pg_copy_bytes(at, cdr->call_id);
    at = ts_pg_copy_bytes(at, cdr->user_id);
    at = ts_pg_copy_bytes(at, cdr->user_name);
    at = ts_pg_copy_bytes(at, cdr->department);
    return cdr->attributes.count > 0 ? ts_pg_copy_bytes(at, cdr->attributes.encoded)
                                     : ts_pg_copy_null(at);
}

static bool encode_row(struct ts_buffer *bytes,
                       struct ts_pg_row *row,
                       int64_t settled_ms,
                       const int16_t topic_no[TS_INPUT_COUNT])
{
    const struct ts_record *record = row->record;
    const struct ts_cdr *cdr = &record->cdr;
    char *start = ts_buffer_reserve(
        bytes, ROW_FIXED_MAX + texts_size(cdr, &record->rating) + draws_size(record->included));
    if (start == NULL) {
        return false;
    }
    char *at = start;
    ts_pg_put_i16(at, COLUMN_COUNT);
    at = ts_pg_copy_time(at + 2, cdr->start_ms);
    at = ts_pg_copy_i64(at, (int64_t)record->identity_hash);
    at = ts_pg_copy_i64(at, row->account->profile->account_no);
    at = ts_pg_copy_i64(at, (int64_t)record->fingerprint);
    row->begin = bytes->size;
    row->patch = bytes->size + (size_t)(at - start);
    at = ts_pg_copy_i64(at, 0); /* balance_after_micros */
    at = ts_pg_copy_i64(at, 0); /* movement */
    at = put_numbers(at, record, settled_ms);
    at = ts_pg_copy_i16(at, topic_no[record->lane.input]);
    at = put_codes(at, cdr, &record->rating);
    at = put_texts(at, cdr, &record->rating);
    at = put_optional(at, cdr);
    at = put_draws(at, record->included);
    ts_buffer_commit(bytes, (size_t)(at - start));
    row->end = bytes->size;
    return true;
}

void ts_pg_rows_patch(struct ts_pg_rows *rows)
{
    for (size_t i = 0; i < rows->row_count; i++) {
        const struct ts_pg_row *row = &rows->rows[i];
        char *at = rows->bytes.data + row->patch;
        at = ts_pg_copy_i64(at, row->record->balance_after_micros);
        ts_pg_copy_i64(at, row->record->movement);
    }
}

/* --- all rows */

static struct ts_pg_run *add_run(struct ts_pg_rows *rows, const struct ts_pg_leaf *leaf, size_t row)
{
    if (rows->run_count == rows->run_capacity) {
        size_t capacity = rows->run_capacity == 0 ? 8 : 2 * rows->run_capacity;
        struct ts_pg_run *runs = realloc(rows->runs, capacity * sizeof *runs);
        if (runs == NULL) {
            return NULL;
        }
        rows->runs = runs;
        rows->run_capacity = capacity;
    }
    struct ts_pg_run *run = &rows->runs[rows->run_count++];
    *run = (struct ts_pg_run){.leaf = *leaf, .first_row = row, .begin = rows->bytes.size};
    return run;
}

bool ts_pg_rows_encode(struct ts_pg_rows *rows,
                       const struct ts_settlement *settlement,
                       const struct ts_pg_leaves *leaves,
                       const int16_t topic_no[TS_INPUT_COUNT],
                       struct ts_error *err)
{
    struct ts_pg_run *run = NULL;
    for (size_t i = 0; i < rows->row_count; i++) {
        struct ts_pg_row *row = &rows->rows[i];
        int64_t start_ms = row->record->cdr.start_ms;
        if (run == NULL || start_ms >= run->leaf.to_ms) {
            const struct ts_pg_leaf *leaf = ts_pg_leaves_find(leaves, start_ms);
            TS_ASSERT(leaf != NULL);
            run = add_run(rows, leaf, i);
            if (run == NULL) {
                return ts_error_no_memory(err);
            }
        }
        if (!encode_row(&rows->bytes, row, settlement->now_ms, topic_no)) {
            return ts_error_set(err,
                                TS_ERROR_FATAL,
                                0,
                                "the rows of a settlement exceed %zu bytes: settle fewer records "
                                "at once",
                                rows->bytes.size_max);
        }
        run->end_row = i + 1;
        run->end = rows->bytes.size;
    }
    return true;
}
