/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include "base/assert.h"

#include <stdint.h>
#include <string.h>

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* True when each of the eight bytes is from 0x20 to 0x7e. */
static inline bool word_is_plain(uint64_t word)
{
    uint64_t below_20 = (word - EACH_BYTE(0x20)) & ~word;
    uint64_t not_7f = word ^ EACH_BYTE(0x7f);
    uint64_t is_7f = (not_7f - EACH_BYTE(0x01)) & ~not_7f;
    return ((word | below_20 | is_7f) & EACH_BYTE(0x80)) == 0;
}

/* The last 0 to 7 bytes, filled up with spaces. */
static inline uint64_t load_tail(const char *data, size_t size)
{
    uint64_t word = EACH_BYTE(0x20);
    for (size_t i = 0; i < size; i++) {
        word = word << 8 | (unsigned char)data[i];
    }
    return word;
}

static bool is_plain(const char *data, size_t size)
{
    uint64_t word;
    for (; size >= sizeof word; data += sizeof word, size -= sizeof word) {
        memcpy(&word, data, sizeof word);
        if (!word_is_plain(word)) {
            return false;
        }
    }
    return word_is_plain(load_tail(data, size));
}

/* The number of bytes of the well-formed character at p, 0 when there is none. The bounds of the
 * second byte are those of table 3-7 of the Unicode standard. */
static size_t sequence_size(const unsigned char *p, const unsigned char *end)
{
    unsigned first = p[0];
    if (first < 0x80) {
        return 1;
    }
    unsigned low = 0x80;
    unsigned high = 0xbf;
    size_t size;
    if (first >= 0xc2 && first <= 0xdf) {
        size = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        size = 3;
        low = first == 0xe0 ? 0xa0 : low;
        high = first == 0xed ? 0x9f : high;
    } else if (first >= 0xf0 && first <= 0xf4) {
        size = 4;
        low = first == 0xf0 ? 0x90 : low;
        high = first == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if ((size_t)(end - p) < size || p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

/* The same, of a character that is no control character. */
static size_t character_size(const unsigned char *p, const unsigned char *end)
{
    size_t size = sequence_size(p, end);
    bool control = size == 1 ? p[0] < 0x20 || p[0] == 0x7f
                             : size == 2 && p[0] == 0xc2 && p[1] < 0xa0; /* U+0080 to U+009F */
    return control ? 0 : size;
}

size_t ts_utf8_character_size(struct ts_bytes bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.data;
    return bytes.size == 0 ? 0 : sequence_size(p, p + bytes.size);
}

bool ts_utf8_is_text(struct ts_bytes bytes)
{
    if (bytes.size == 0 || is_plain(bytes.data, bytes.size)) {
        return true;
    }
    const unsigned char *p = (const unsigned char *)bytes.data;
    const unsigned char *end = p + bytes.size;
    while (p < end) {
        size_t size = character_size(p, end);
        if (size == 0) {
            return false;
        }
        p += size;
    }
    return true;
}

/* Writes what stands for the character at p into piece; returns its size, and sets how many bytes
 * of the input it stands for. */
static size_t quote_piece(const unsigned char *p, const unsigned char *end, char *piece, size_t *of)
{
    static const char hex[] = "0123456789abcdef";
    *of = character_size(p, end);
    if (*of == 0) {
        *of = 1;
        piece[0] = '\\';
        piece[1] = 'x';
        piece[2] = hex[*p >> 4];
        piece[3] = hex[*p & 15];
        return 4;
    }
    size_t size = 0;
    if (*p == '"' || *p == '\\') {
        piece[size++] = '\\';
    }
    memcpy(piece + size, p, *of);
    return size + *of;
}

const char *ts_utf8_quote(struct ts_bytes bytes, char *out, size_t size)
{
    static const char tail[] = "...\"";
    TS_ASSERT(size >= 16);
    if (bytes.data == NULL) {
        memcpy(out, "null", sizeof "null");
        return out;
    }
    const unsigned char *p = (const unsigned char *)bytes.data;
    const unsigned char *end = p + bytes.size;
    size_t used = 0;
    size_t cut = 1; /* where "..." goes if not all of it fits */
    out[used++] = '"';
    while (p < end) {
        char piece[8];
        size_t of;
        size_t piece_size = quote_piece(p, end, piece, &of);
        if (used + piece_size + sizeof "\"" > size) {
            memcpy(out + cut, tail, sizeof tail);
            return out;
        }
        memcpy(out + used, piece, piece_size);
        used += piece_size;
        p += of;
        if (used + sizeof tail <= size) {
            cut = used;
        }
    }
    out[used++] = '"';
    out[used] = '\0';
    return out;
}
