/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers as Avro writes them: zig-zag, seven bits a byte, the least significant first, at
 * most ten bytes. Reading never goes beyond `end` and refuses what does not fit 64 bits. */
#ifndef TS_BASE_VARINT_H
#define TS_BASE_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { TS_VARINT_MAX = 10 };

static inline int64_t ts_varint_unzigzag(uint64_t zigzag)
{
    return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
}

/* Reads one number at p; returns where the next byte is, or NULL when the bytes end inside it or it
 * does not fit. */
static inline const char *ts_varint_get(const char *p, const char *end, int64_t *out)
{
    uint64_t zigzag = 0;
    for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
        uint64_t byte = (unsigned char)*p++;
        if (shift == 63 && byte > 1) {
            return NULL;
        }
        zigzag |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = ts_varint_unzigzag(zigzag);
            return p;
        }
    }
    return NULL;
}

/* Writes at most TS_VARINT_MAX bytes; returns how many. */
static inline size_t ts_varint_put(char *out, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t size = 0;
    while (zigzag >= 0x80) {
        out[size++] = (char)(zigzag | 0x80);
        zigzag >>= 7;
    }
    out[size++] = (char)zigzag;
    return size;
}

#endif
