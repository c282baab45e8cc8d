/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/headers.h"

#include <stdint.h>

#define ABSENT UINT32_MAX

static void append_field(struct ts_buffer *encoded, struct ts_bytes field)
{
    uint32_t size = field.data == NULL ? ABSENT : (uint32_t)field.size;
    unsigned char le[4] = {(unsigned char)size,
                           (unsigned char)(size >> 8),
                           (unsigned char)(size >> 16),
                           (unsigned char)(size >> 24)};
    ts_buffer_append(encoded, le, sizeof le);
    if (size != ABSENT) {
        ts_buffer_append_bytes(encoded, field);
    }
}

void ts_headers_append(struct ts_buffer *encoded, struct ts_bytes name, struct ts_bytes value)
{
    append_field(encoded, name);
    append_field(encoded, value);
}

static bool take_field(struct ts_bytes *rest, struct ts_bytes *field)
{
    if (rest->size < 4) {
        return false;
    }
    const unsigned char *p = (const unsigned char *)rest->data;
    uint32_t size =
        (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    *rest = (struct ts_bytes){rest->data + 4, rest->size - 4};
    if (size == ABSENT) {
        *field = (struct ts_bytes){NULL, 0};
        return true;
    }
    if (size > rest->size) {
        return false;
    }
    *field = (struct ts_bytes){rest->data, size};
    *rest = (struct ts_bytes){rest->data + size, rest->size - size};
    return true;
}

bool ts_headers_next(struct ts_bytes *rest, struct ts_bytes *name, struct ts_bytes *value)
{
    return take_field(rest, name) && take_field(rest, value);
}
