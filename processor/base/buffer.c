/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256, I64_TEXT_MAX = 21 };

void ts_buffer_init(struct ts_buffer *buffer, size_t size_max)
{
    *buffer = (struct ts_buffer){.size_max = size_max};
}

void ts_buffer_finish(struct ts_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct ts_buffer){0};
}

void ts_buffer_clear(struct ts_buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
}

static bool grow(struct ts_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

char *ts_buffer_reserve(struct ts_buffer *buffer, size_t extra)
{
    if (buffer->failed || extra > buffer->size_max - buffer->size) {
        buffer->failed = true;
        return NULL;
    }
    size_t needed = buffer->size + extra;
    if (needed > buffer->capacity && !grow(buffer, needed)) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->data + buffer->size;
}

void ts_buffer_commit(struct ts_buffer *buffer, size_t written)
{
    TS_ASSERT(written <= buffer->capacity - buffer->size);
    buffer->size += written;
}

void ts_buffer_append(struct ts_buffer *buffer, const void *data, size_t size)
{
    char *at = size == 0 ? NULL : ts_buffer_reserve(buffer, size);
    if (at != NULL) {
        memcpy(at, data, size);
        buffer->size += size;
    }
}

void ts_buffer_append_bytes(struct ts_buffer *buffer, struct ts_bytes bytes)
{
    ts_buffer_append(buffer, bytes.data, bytes.size);
}

void ts_buffer_append_text(struct ts_buffer *buffer, const char *text)
{
    ts_buffer_append(buffer, text, strlen(text));
}

void ts_buffer_append_char(struct ts_buffer *buffer, char c)
{
    ts_buffer_append(buffer, &c, 1);
}

void ts_buffer_append_i64(struct ts_buffer *buffer, int64_t value)
{
    char text[I64_TEXT_MAX];
    char *at = text + sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0) {
        *--at = '-';
    }
    ts_buffer_append(buffer, at, (size_t)(text + sizeof text - at));
}

void ts_buffer_format(struct ts_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *at = n < 0 ? NULL : ts_buffer_reserve(buffer, (size_t)n + 1);
    if (at != NULL) {
        vsnprintf(at, (size_t)n + 1, format, again);
        buffer->size += (size_t)n;
    }
    va_end(again);
}
