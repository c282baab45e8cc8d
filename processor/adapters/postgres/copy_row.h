/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a COPY BINARY row: each is a 4-byte size and the value. The writers move on
 * through room that the caller made. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_COPY_ROW_H
#define TS_ADAPTERS_POSTGRES_COPY_ROW_H

#include "adapters/postgres/params.h"

#include <string.h>

/* What a number takes at most, with its size. */
enum { TS_PG_COPY_NUMBER_MAX = 12 };

/* What goes before the first row and after the last. */
static inline struct ts_bytes ts_pg_copy_header(void)
{
    return (struct ts_bytes){"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
}

static inline struct ts_bytes ts_pg_copy_trailer(void)
{
    return (struct ts_bytes){"\377\377", 2};
}

static inline char *ts_pg_copy_i16(char *at, int16_t value)
{
    ts_pg_put_i32(at, 2);
    ts_pg_put_i16(at + 4, value);
    return at + 6;
}

static inline char *ts_pg_copy_i32(char *at, int32_t value)
{
    ts_pg_put_i32(at, 4);
    ts_pg_put_i32(at + 4, value);
    return at + 8;
}

static inline char *ts_pg_copy_i64(char *at, int64_t value)
{
    ts_pg_put_i32(at, 8);
    ts_pg_put_i64(at + 4, value);
    return at + 12;
}

static inline char *ts_pg_copy_bool(char *at, bool value)
{
    ts_pg_put_i32(at, 1);
    at[4] = value ? 1 : 0;
    return at + 5;
}

static inline char *ts_pg_copy_time(char *at, int64_t ms)
{
    return ts_pg_copy_i64(at, ts_pg_time_of_ms(ms));
}

static inline char *ts_pg_copy_null(char *at)
{
    ts_pg_put_i32(at, -1);
    return at + 4;
}

/* An absent view is NULL. */
static inline char *ts_pg_copy_bytes(char *at, struct ts_bytes value)
{
    if (value.data == NULL) {
        return ts_pg_copy_null(at);
    }
    ts_pg_put_i32(at, (int32_t)value.size);
    memcpy(at + 4, value.data, value.size);
    return at + 4 + value.size;
}

/* For columns that are never NULL: absent is empty. */
static inline char *ts_pg_copy_text(char *at, struct ts_bytes value)
{
    return ts_pg_copy_bytes(at, value.data != NULL ? value : (struct ts_bytes){"", 0});
}

/* An array: begin, its elements as columns, end. Takes 24 bytes more than the elements. */
enum { TS_PG_COPY_ARRAY_HEAD = 24 };

static inline char *ts_pg_copy_array_begin(char *at, enum ts_pg_type element, size_t count)
{
    ts_pg_put_i32(at + 4, 1); /* dimensions */
    ts_pg_put_i32(at + 8, 0);
    ts_pg_put_i32(at + 12, (int32_t)element);
    ts_pg_put_i32(at + 16, (int32_t)count);
    ts_pg_put_i32(at + 20, 1); /* lower bound */
    return at + TS_PG_COPY_ARRAY_HEAD;
}

static inline char *ts_pg_copy_array_end(char *begin, char *at)
{
    ts_pg_put_i32(begin, (int32_t)(at - begin - 4));
    return at;
}

/* A bigint[] of `count` values: takes 24 bytes and 12 a value. */
static inline char *ts_pg_copy_i64_array(char *begin, const int64_t *values, size_t count)
{
    char *at = ts_pg_copy_array_begin(begin, TS_PG_INT8, count);
    for (size_t i = 0; i < count; i++) {
        at = ts_pg_copy_i64(at, values[i]);
    }
    return ts_pg_copy_array_end(begin, at);
}

#endif
