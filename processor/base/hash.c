/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <xxhash.h>

uint64_t ts_hash64(struct ts_bytes bytes)
{
    return XXH3_64bits(bytes.size == 0 ? "" : bytes.data, bytes.size);
}

uint32_t ts_murmur2(struct ts_bytes bytes)
{
    const uint32_t m = 0x5bd1e995;
    const unsigned char *p = (const unsigned char *)bytes.data;
    size_t left = bytes.size;
    uint32_t h = 0x9747b28c ^ (uint32_t)bytes.size;
    for (; left >= 4; p += 4, left -= 4) {
        uint32_t k =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        k *= m;
        k ^= k >> 24;
        h = h * m ^ k * m;
    }
    uint32_t tail = 0;
    for (size_t i = left; i > 0; i--) {
        tail = tail << 8 | p[i - 1];
    }
    if (left > 0) {
        h = (h ^ tail) * m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h & 0x7fffffff;
}
