/* SPDX-License-Identifier: Apache-2.0 */
/* Statement parameters and result columns in PostgreSQL's binary format. Private to
 * adapters/postgres. Text goes as it is: what may hold a NUL or broken UTF-8 goes through
 * ts_pg_*_text_safe or as bytea. */
#ifndef TS_ADAPTERS_POSTGRES_PARAMS_H
#define TS_ADAPTERS_POSTGRES_PARAMS_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <libpq-fe.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_PG_PARAMS_MAX = 32 };

/* Type numbers of the server's catalog that never change. */
enum ts_pg_type {
    TS_PG_BOOL = 16,
    TS_PG_BYTEA = 17,
    TS_PG_INT8 = 20,
    TS_PG_INT2 = 21,
    TS_PG_INT4 = 23,
    TS_PG_TEXT = 25,
    TS_PG_OID = 26,
    TS_PG_TIMESTAMPTZ = 1184,
};

/* Owns the encoded values; reused from call to call. */
struct ts_pg_params {
    struct ts_buffer data;
    int count;
    size_t starts[TS_PG_PARAMS_MAX];
    int lengths[TS_PG_PARAMS_MAX]; /* -1: NULL */
    size_t array_at;               /* where the array under way has its header */
    uint32_t array_count;
};

void ts_pg_params_init(struct ts_pg_params *params, size_t size_max);
void ts_pg_params_finish(struct ts_pg_params *params);
void ts_pg_params_clear(struct ts_pg_params *params);

void ts_pg_param_null(struct ts_pg_params *params);
void ts_pg_param_i32(struct ts_pg_params *params, int32_t value);
void ts_pg_param_i64(struct ts_pg_params *params, int64_t value);
void ts_pg_param_time(struct ts_pg_params *params, int64_t ms);
void ts_pg_param_bool(struct ts_pg_params *params, bool value);
void ts_pg_param_bytes(struct ts_pg_params *params, struct ts_bytes value); /* absent: NULL */
void ts_pg_param_text(struct ts_pg_params *params, const char *value);

/* One array parameter: begin, elements, end. */
void ts_pg_array_begin(struct ts_pg_params *params, enum ts_pg_type element);
void ts_pg_array_null(struct ts_pg_params *params);
void ts_pg_array_bool(struct ts_pg_params *params, bool value);
void ts_pg_array_i16(struct ts_pg_params *params, int16_t value);
void ts_pg_array_i32(struct ts_pg_params *params, int32_t value);
void ts_pg_array_i64(struct ts_pg_params *params, int64_t value);
void ts_pg_array_time(struct ts_pg_params *params, int64_t ms);
void ts_pg_array_bytes(struct ts_pg_params *params, struct ts_bytes value); /* absent: NULL */
void ts_pg_array_text_safe(struct ts_pg_params *params, struct ts_bytes value);
void ts_pg_array_end(struct ts_pg_params *params);

/* Numbers in network order. */
void ts_pg_put_i16(char *at, int16_t value);
void ts_pg_put_i32(char *at, int32_t value);
void ts_pg_put_i64(char *at, int64_t value);

/* Milliseconds since the epoch to what a timestamptz holds, microseconds since 2000, and back. */
#define TS_PG_EPOCH_MS INT64_C(946684800000)
static inline int64_t ts_pg_time_of_ms(int64_t ms)
{
    return (ms - TS_PG_EPOCH_MS) * 1000;
}

/* Columns of a binary result. The type must be the one named; NULL reads as 0, empty or absent. */
bool ts_pg_is_null(const PGresult *result, int row, int column);
bool ts_pg_bool(const PGresult *result, int row, int column);
int16_t ts_pg_i16(const PGresult *result, int row, int column);
int32_t ts_pg_i32(const PGresult *result, int row, int column);
int64_t ts_pg_i64(const PGresult *result, int row, int column);
int64_t ts_pg_time_ms(const PGresult *result, int row, int column);
struct ts_bytes ts_pg_bytes(const PGresult *result, int row, int column); /* view into it */
/* Cut to size - 1 bytes, NUL-terminated. */
void ts_pg_text(const PGresult *result, int row, int column, char *out, size_t size);
/* Reads up to `max` elements of a bigint[]; returns how many. */
size_t ts_pg_i64_array(const PGresult *result, int row, int column, int64_t *out, size_t max);

#endif
