/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/settle_hours.h"

#include "core/timestamp.h"

#include <stdlib.h>

#define HOUR_MS INT64_C(3600000)

void ts_pg_hours_init(struct ts_pg_hours *hours)
{
    *hours = (struct ts_pg_hours){0};
}

void ts_pg_hours_finish(struct ts_pg_hours *hours)
{
    free(hours->items);
    free(hours->summed);
    *hours = (struct ts_pg_hours){0};
}

static bool make_room(void **items, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity) {
        return true;
    }
    void *grown = realloc(*items, count * size);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *capacity = count;
    return true;
}

bool ts_pg_hours_begin(struct ts_pg_hours *hours, const struct ts_settlement *settlement)
{
    size_t accounts = settlement->account_count;
    hours->count = 0;
    if (!make_room((void **)&hours->items,
                   &hours->capacity,
                   settlement->record_count,
                   sizeof *hours->items) ||
        !make_room(
            (void **)&hours->summed, &hours->account_capacity, accounts, sizeof *hours->summed)) {
        return false;
    }
    for (size_t i = 0; i < accounts; i++) {
        hours->summed[i] = false;
    }
    return true;
}

static bool drew_on_allowance(const struct ts_included *included)
{
    for (uint32_t i = 0; included != NULL && i < included->count; i++) {
        if (included->draws[i].units > 0) {
            return true;
        }
    }
    return false;
}

static struct ts_pg_hour hour_of(const struct ts_pg_row *row)
{
    const struct ts_record *record = row->record;
    int64_t charge = record->rating.charge_micros;
    return (struct ts_pg_hour){.account_no = row->account->profile->account_no,
                               .hour = ts_floor_div(record->cdr.start_ms, HOUR_MS),
                               .category = (int16_t)record->rating.category,
                               .free = charge == 0 && !drew_on_allowance(record->included),
                               .calls = 1,
                               .duration_ms = record->cdr.duration_ms,
                               .pages = record->cdr.pages,
                               .charge_micros = charge};
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By the table's key: all who write to it do so in this order, so none waits for another's. */
static int compare_hours(const void *a, const void *b)
{
    const struct ts_pg_hour *left = a;
    const struct ts_pg_hour *right = b;
    int order = compare_i64(left->account_no, right->account_no);
    order = order != 0 ? order : compare_i64(left->hour, right->hour);
    order = order != 0 ? order : compare_i64(left->category, right->category);
    return order != 0 ? order : compare_i64(left->free, right->free);
}

static void fold(struct ts_pg_hours *hours)
{
    size_t kept = 0;
    for (size_t i = 0; i < hours->count; i++) {
        const struct ts_pg_hour *item = &hours->items[i];
        if (kept > 0 && compare_hours(&hours->items[kept - 1], item) == 0) {
            struct ts_pg_hour *sum = &hours->items[kept - 1];
            sum->calls += item->calls;
            sum->duration_ms += item->duration_ms;
            sum->pages += item->pages;
            sum->charge_micros += item->charge_micros;
        } else {
            hours->items[kept++] = *item;
        }
    }
    hours->count = kept;
}

void ts_pg_hours_collect(struct ts_pg_hours *hours,
                         const struct ts_pg_rows *rows,
                         const struct ts_settlement *settlement)
{
    for (size_t i = 0; i < rows->row_count; i++) {
        if (hours->summed[rows->rows[i].account - settlement->accounts]) {
            hours->items[hours->count++] = hour_of(&rows->rows[i]);
        }
    }
    if (hours->count > 1) {
        qsort(hours->items, hours->count, sizeof *hours->items, compare_hours);
        fold(hours);
    }
}

#define ADD(type, put, expression)                                                                 \
    do {                                                                                           \
        ts_pg_array_begin(params, type);                                                           \
        for (size_t i = 0; i < hours->count; i++) {                                                \
            const struct ts_pg_hour *item = &hours->items[i];                                      \
            put(params, expression);                                                               \
        }                                                                                          \
        ts_pg_array_end(params);                                                                   \
    } while (0)

void ts_pg_hours_add(const struct ts_pg_hours *hours, struct ts_pg_params *params)
{
    ADD(TS_PG_INT8, ts_pg_array_i64, item->account_no);
    ADD(TS_PG_TIMESTAMPTZ, ts_pg_array_time, item->hour * HOUR_MS);
    ADD(TS_PG_INT2, ts_pg_array_i16, item->category);
    ADD(TS_PG_BOOL, ts_pg_array_bool, item->free);
    ADD(TS_PG_INT8, ts_pg_array_i64, item->calls);
    ADD(TS_PG_INT8, ts_pg_array_i64, item->duration_ms);
    ADD(TS_PG_INT8, ts_pg_array_i64, item->pages);
    ADD(TS_PG_INT8, ts_pg_array_i64, item->charge_micros);
}
