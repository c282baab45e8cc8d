/* SPDX-License-Identifier: Apache-2.0 */
/* struct ts_buffer owns a growing run of bytes, up to a limit that is set when it is made.
 * Growth failures stick: the writers below become no-ops and `failed` stays set, so that an encoder
 * writes a whole record and checks once. */
#ifndef TS_BASE_BUFFER_H
#define TS_BASE_BUFFER_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_buffer {
    char *data;
    size_t size;
    size_t capacity;
    size_t size_max; /* writes beyond fail */
    bool failed;     /* out of memory or beyond size_max; cleared by ts_buffer_clear */
};

void ts_buffer_init(struct ts_buffer *buffer, size_t size_max);
void ts_buffer_finish(struct ts_buffer *buffer);

/* Forgets the content, keeps the memory. */
void ts_buffer_clear(struct ts_buffer *buffer);

/* Makes room for `extra` more bytes and returns where they go (valid until the next call), or NULL
 * when failed. The size grows only by ts_buffer_commit. */
char *ts_buffer_reserve(struct ts_buffer *buffer, size_t extra);
void ts_buffer_commit(struct ts_buffer *buffer, size_t written);

void ts_buffer_append(struct ts_buffer *buffer, const void *data, size_t size);
void ts_buffer_append_bytes(struct ts_buffer *buffer, struct ts_bytes bytes);
void ts_buffer_append_text(struct ts_buffer *buffer, const char *text);
void ts_buffer_append_char(struct ts_buffer *buffer, char c);
void ts_buffer_append_i64(struct ts_buffer *buffer, int64_t value); /* decimal text */
void ts_buffer_format(struct ts_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct ts_bytes ts_buffer_bytes(const struct ts_buffer *buffer)
{
    return (struct ts_bytes){buffer->data != NULL ? buffer->data : "", buffer->size};
}

#endif
