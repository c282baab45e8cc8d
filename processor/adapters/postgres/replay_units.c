/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/replay_units.h"

#include "base/assert.h"

enum { ARRAY_HEAD = 20, UNITS_MAX = 64 };

static uint32_t number_at(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The next element of a text[]; moves on. */
static struct ts_bytes next_text(struct ts_bytes *array)
{
    TS_ASSERT(array->size >= 4);
    size_t size = number_at(array->data);
    TS_ASSERT(array->size - 4 >= size); /* none of ours is NULL */
    struct ts_bytes text = {array->data + 4, size};
    array->data += 4 + size;
    array->size -= 4 + size;
    return text;
}

bool ts_pg_read_units(const PGresult *rows,
                      int row,
                      int names_column,
                      int units_column,
                      struct ts_arena *arena,
                      const struct ts_adjustment_units **out,
                      size_t *count,
                      struct ts_error *err)
{
    struct ts_bytes names = ts_pg_bytes(rows, row, names_column);
    int64_t counts[UNITS_MAX];
    size_t n = ts_pg_i64_array(rows, row, units_column, counts, UNITS_MAX);
    *out = NULL;
    *count = 0;
    if (names.size < ARRAY_HEAD || n == 0) {
        return true;
    }
    struct ts_adjustment_units *units = ts_arena_take(arena, n * sizeof *units);
    if (units == NULL) {
        return ts_error_no_memory(err);
    }
    names.data += ARRAY_HEAD;
    names.size -= ARRAY_HEAD;
    for (size_t i = 0; i < n; i++) {
        struct ts_bytes name = ts_arena_copy(arena, next_text(&names));
        if (name.size == SIZE_MAX) {
            return ts_error_no_memory(err);
        }
        units[i] = (struct ts_adjustment_units){name, counts[i]};
    }
    *out = units;
    *count = n;
    return true;
}
