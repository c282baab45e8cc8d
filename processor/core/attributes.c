/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attributes.h"

#include "base/varint.h"

void ts_attributes_walk_init(struct ts_attributes_walk *walk,
                             const struct ts_cdr_attributes *attributes)
{
    *walk = (struct ts_attributes_walk){.at = attributes->encoded.data,
                                        .end = attributes->encoded.data};
    if (attributes->encoded.size > 0) {
        walk->end += attributes->encoded.size;
    }
}

static bool take_string(struct ts_attributes_walk *walk, struct ts_bytes *out)
{
    int64_t size;
    const char *p = ts_varint_get(walk->at, walk->end, &size);
    if (p == NULL || size < 0 || size > walk->end - p) {
        return false;
    }
    *out = (struct ts_bytes){p, (size_t)size};
    walk->at = p + size;
    return true;
}

/* A negative count announces the block's size in bytes, which only a reader that skips needs. */
static bool take_block(struct ts_attributes_walk *walk)
{
    int64_t count;
    const char *p = ts_varint_get(walk->at, walk->end, &count);
    if (p != NULL && count < 0 && count != INT64_MIN) {
        int64_t size;
        count = -count;
        p = ts_varint_get(p, walk->end, &size);
    }
    if (p == NULL || count <= 0) {
        return false;
    }
    walk->at = p;
    walk->left = count;
    return true;
}

bool ts_attributes_next(struct ts_attributes_walk *walk,
                        struct ts_bytes *name,
                        struct ts_bytes *value)
{
    if (walk->left == 0 && !take_block(walk)) {
        return false;
    }
    walk->left--;
    return take_string(walk, name) && take_string(walk, value);
}

static void append_string(struct ts_buffer *encoded, struct ts_bytes text)
{
    char size[TS_VARINT_MAX];
    ts_buffer_append(encoded, size, ts_varint_put(size, (int64_t)text.size));
    ts_buffer_append_bytes(encoded, text);
}

void ts_attributes_append(struct ts_buffer *encoded, struct ts_bytes name, struct ts_bytes value)
{
    ts_buffer_append_char(encoded, 2); /* a block of one */
    append_string(encoded, name);
    append_string(encoded, value);
}

void ts_attributes_end(struct ts_buffer *encoded)
{
    ts_buffer_append_char(encoded, 0);
}
