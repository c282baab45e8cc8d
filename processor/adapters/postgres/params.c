/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/params.h"

#include "base/assert.h"

#include <limits.h>

enum { ARRAY_HEADER_SIZE = 20, ARRAY_COUNT_AT = 12 };

void ts_pg_params_init(struct ts_pg_params *params, size_t size_max)
{
    *params = (struct ts_pg_params){0};
    ts_buffer_init(&params->data, size_max < INT_MAX ? size_max : INT_MAX);
}

void ts_pg_params_finish(struct ts_pg_params *params)
{
    ts_buffer_finish(&params->data);
}

void ts_pg_params_clear(struct ts_pg_params *params)
{
    ts_buffer_clear(&params->data);
    params->count = 0;
}

void ts_pg_put_i16(char *at, int16_t value)
{
    uint16_t bits = (uint16_t)value;
    at[0] = (char)(bits >> 8);
    at[1] = (char)bits;
}

void ts_pg_put_i32(char *at, int32_t value)
{
    uint32_t bits = __builtin_bswap32((uint32_t)value);
    memcpy(at, &bits, sizeof bits);
}

void ts_pg_put_i64(char *at, int64_t value)
{
    uint64_t bits = __builtin_bswap64((uint64_t)value);
    memcpy(at, &bits, sizeof bits);
}

/* Adds a parameter whose value begins at the end of the data. */
static void begin_param(struct ts_pg_params *params)
{
    TS_ASSERT(params->count < TS_PG_PARAMS_MAX);
    params->starts[params->count] = params->data.size;
}

static void end_param(struct ts_pg_params *params)
{
    params->lengths[params->count] = (int)(params->data.size - params->starts[params->count]);
    params->count++;
}

void ts_pg_param_null(struct ts_pg_params *params)
{
    begin_param(params);
    params->lengths[params->count++] = -1;
}

void ts_pg_param_i32(struct ts_pg_params *params, int32_t value)
{
    char bytes[4];
    ts_pg_put_i32(bytes, value);
    begin_param(params);
    ts_buffer_append(&params->data, bytes, sizeof bytes);
    end_param(params);
}

void ts_pg_param_i64(struct ts_pg_params *params, int64_t value)
{
    char bytes[8];
    ts_pg_put_i64(bytes, value);
    begin_param(params);
    ts_buffer_append(&params->data, bytes, sizeof bytes);
    end_param(params);
}

void ts_pg_param_time(struct ts_pg_params *params, int64_t ms)
{
    ts_pg_param_i64(params, ts_pg_time_of_ms(ms));
}

void ts_pg_param_bool(struct ts_pg_params *params, bool value)
{
    begin_param(params);
    ts_buffer_append_char(&params->data, value ? 1 : 0);
    end_param(params);
}

void ts_pg_param_bytes(struct ts_pg_params *params, struct ts_bytes value)
{
    if (value.data == NULL) {
        ts_pg_param_null(params);
        return;
    }
    begin_param(params);
    ts_buffer_append_bytes(&params->data, value);
    end_param(params);
}

void ts_pg_param_text(struct ts_pg_params *params, const char *value)
{
    ts_pg_param_bytes(params, ts_bytes_of(value));
}

void ts_pg_array_begin(struct ts_pg_params *params, enum ts_pg_type element)
{
    char header[ARRAY_HEADER_SIZE];
    ts_pg_put_i32(header, 1);     /* dimensions */
    ts_pg_put_i32(header + 4, 0); /* the server counts the NULLs itself */
    ts_pg_put_i32(header + 8, (int32_t)element);
    ts_pg_put_i32(header + ARRAY_COUNT_AT, 0); /* set at the end */
    ts_pg_put_i32(header + 16, 1);             /* lower bound */
    begin_param(params);
    params->array_at = params->data.size;
    params->array_count = 0;
    ts_buffer_append(&params->data, header, sizeof header);
}

void ts_pg_array_null(struct ts_pg_params *params)
{
    char size[4];
    ts_pg_put_i32(size, -1);
    ts_buffer_append(&params->data, size, sizeof size);
    params->array_count++;
}

void ts_pg_array_bool(struct ts_pg_params *params, bool value)
{
    char bytes[5];
    ts_pg_put_i32(bytes, 1);
    bytes[4] = value ? 1 : 0;
    ts_buffer_append(&params->data, bytes, sizeof bytes);
    params->array_count++;
}

void ts_pg_array_i16(struct ts_pg_params *params, int16_t value)
{
    char bytes[6];
    ts_pg_put_i32(bytes, 2);
    ts_pg_put_i16(bytes + 4, value);
    ts_buffer_append(&params->data, bytes, sizeof bytes);
    params->array_count++;
}

void ts_pg_array_i32(struct ts_pg_params *params, int32_t value)
{
    char bytes[8];
    ts_pg_put_i32(bytes, 4);
    ts_pg_put_i32(bytes + 4, value);
    ts_buffer_append(&params->data, bytes, sizeof bytes);
    params->array_count++;
}

void ts_pg_array_i64(struct ts_pg_params *params, int64_t value)
{
    char bytes[12];
    ts_pg_put_i32(bytes, 8);
    ts_pg_put_i64(bytes + 4, value);
    ts_buffer_append(&params->data, bytes, sizeof bytes);
    params->array_count++;
}

void ts_pg_array_time(struct ts_pg_params *params, int64_t ms)
{
    ts_pg_array_i64(params, ts_pg_time_of_ms(ms));
}

void ts_pg_array_bytes(struct ts_pg_params *params, struct ts_bytes value)
{
    if (value.data == NULL) {
        ts_pg_array_null(params);
        return;
    }
    char size[4];
    ts_pg_put_i32(size, (int32_t)value.size);
    ts_buffer_append(&params->data, size, sizeof size);
    ts_buffer_append_bytes(&params->data, value);
    params->array_count++;
}

/* How many bytes the UTF-8 character at `at` has; 0 when there is none that PostgreSQL stores. */
static size_t utf8_size(const unsigned char *at, size_t left)
{
    unsigned char c = at[0];
    if (c < 0x80) {
        return c != 0;
    }
    size_t size = c >= 0xf0 && c <= 0xf4 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || size > left) {
        return 0;
    }
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf) {
            return 0;
        }
    }
    return size;
}

void ts_pg_array_text_safe(struct ts_pg_params *params, struct ts_bytes value)
{
    if (value.data == NULL) {
        ts_pg_array_null(params);
        return;
    }
    char size[4];
    ts_pg_put_i32(size, (int32_t)value.size);
    ts_buffer_append(&params->data, size, sizeof size);
    char *out = ts_buffer_reserve(&params->data, value.size);
    if (out != NULL) {
        const unsigned char *in = (const unsigned char *)value.data;
        for (size_t i = 0; i < value.size;) {
            size_t n = utf8_size(in + i, value.size - i);
            if (n == 0) {
                out[i++] = '?';
                continue;
            }
            memcpy(out + i, in + i, n);
            i += n;
        }
        ts_buffer_commit(&params->data, value.size);
    }
    params->array_count++;
}

void ts_pg_array_end(struct ts_pg_params *params)
{
    if (!params->data.failed) {
        ts_pg_put_i32(params->data.data + params->array_at + ARRAY_COUNT_AT,
                      (int32_t)params->array_count);
    }
    end_param(params);
}

bool ts_pg_is_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) != 0;
}

bool ts_pg_bool(const PGresult *result, int row, int column)
{
    return PQgetlength(result, row, column) == 1 && PQgetvalue(result, row, column)[0] != 0;
}

int16_t ts_pg_i16(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) {
        return 0;
    }
    TS_ASSERT(PQgetlength(result, row, column) == 2);
    const unsigned char *at = (const unsigned char *)PQgetvalue(result, row, column);
    return (int16_t)(uint16_t)(at[0] << 8 | at[1]);
}

static int32_t get_i32(const char *at)
{
    uint32_t bits;
    memcpy(&bits, at, sizeof bits);
    return (int32_t)__builtin_bswap32(bits);
}

static int64_t get_i64(const char *at)
{
    uint64_t bits;
    memcpy(&bits, at, sizeof bits);
    return (int64_t)__builtin_bswap64(bits);
}

int32_t ts_pg_i32(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) {
        return 0;
    }
    TS_ASSERT(PQgetlength(result, row, column) == 4);
    return get_i32(PQgetvalue(result, row, column));
}

int64_t ts_pg_i64(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) {
        return 0;
    }
    TS_ASSERT(PQgetlength(result, row, column) == 8);
    return get_i64(PQgetvalue(result, row, column));
}

int64_t ts_pg_time_ms(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) {
        return 0;
    }
    int64_t us = ts_pg_i64(result, row, column);
    int64_t ms = us / 1000 - (us % 1000 < 0);
    return ms + TS_PG_EPOCH_MS;
}

struct ts_bytes ts_pg_bytes(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) {
        return (struct ts_bytes){NULL, 0};
    }
    return (struct ts_bytes){PQgetvalue(result, row, column),
                             (size_t)PQgetlength(result, row, column)};
}

void ts_pg_text(const PGresult *result, int row, int column, char *out, size_t size)
{
    struct ts_bytes text = ts_pg_bytes(result, row, column);
    size_t n = text.size < size ? text.size : size - 1;
    if (text.data != NULL) {
        memcpy(out, text.data, n);
    }
    out[n] = '\0';
}

size_t ts_pg_i64_array(const PGresult *result, int row, int column, int64_t *out, size_t max)
{
    struct ts_bytes array = ts_pg_bytes(result, row, column);
    if (array.size < ARRAY_HEADER_SIZE) {
        return 0; /* NULL, or without a dimension: empty */
    }
    size_t count = (size_t)get_i32(array.data + ARRAY_COUNT_AT);
    TS_ASSERT(array.size == ARRAY_HEADER_SIZE + count * 12);
    if (count > max) {
        count = max;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = get_i64(array.data + ARRAY_HEADER_SIZE + i * 12 + 4);
    }
    return count;
}
