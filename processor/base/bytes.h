/* SPDX-License-Identifier: Apache-2.0 */
/* struct ts_bytes is a view of somebody else's bytes: it is never freed, need not end in NUL, and
 * lives as long as its owner (a message, an arena, a literal). The owner is struct ts_buffer. */
#ifndef TS_BASE_BYTES_H
#define TS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct ts_bytes {
    const char *data; /* NULL: absent. An empty string has data != NULL and size 0 */
    size_t size;
};

/* The view of a string literal. */
#define TS_LITERAL(text) ((struct ts_bytes){(text), sizeof(text) - 1})

/* For printf("%.*s", TS_ARGS(b)). */
#define TS_ARGS(b) ((int)(b).size), ((b).data != NULL ? (b).data : "")

static inline struct ts_bytes ts_bytes_of(const char *text)
{
    return (struct ts_bytes){text, text == NULL ? 0 : strlen(text)};
}

static inline bool ts_bytes_equal(struct ts_bytes a, struct ts_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool ts_bytes_equal_text(struct ts_bytes a, const char *text)
{
    return ts_bytes_equal(a, ts_bytes_of(text));
}

/* memcmp order, the shorter first when one begins with the other. */
static inline int ts_bytes_compare(struct ts_bytes a, struct ts_bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n == 0 ? 0 : memcmp(a.data, b.data, n);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

#endif
