/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/command.h"

#include <string.h>

/* "$<size>\r\n" and the "\r\n" at the end. */
enum { FRAME_MAX = 26, NUMBER_MAX = 21 };

static char *write_u64(char *at, uint64_t value)
{
    char digits[NUMBER_MAX];
    char *from = digits + sizeof digits;
    do {
        *--from = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    size_t size = (size_t)(digits + sizeof digits - from);
    memcpy(at, from, size);
    return at + size;
}

static char *write_head(char *at, char kind, uint64_t value)
{
    *at++ = kind;
    at = write_u64(at, value);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

void ts_redis_command_begin(struct ts_buffer *out, size_t argument_count)
{
    char *start = ts_buffer_reserve(out, FRAME_MAX);
    if (start != NULL) {
        ts_buffer_commit(out, (size_t)(write_head(start, '*', argument_count) - start));
    }
}

void ts_redis_command_pair(struct ts_buffer *out, struct ts_bytes head, struct ts_bytes tail)
{
    size_t size = head.size + tail.size;
    char *start = ts_buffer_reserve(out, size + FRAME_MAX);
    if (start == NULL) {
        return;
    }
    char *at = write_head(start, '$', size);
    if (head.size > 0) {
        memcpy(at, head.data, head.size);
    }
    if (tail.size > 0) {
        memcpy(at + head.size, tail.data, tail.size);
    }
    at += size;
    *at++ = '\r';
    *at++ = '\n';
    ts_buffer_commit(out, (size_t)(at - start));
}

void ts_redis_command_bytes(struct ts_buffer *out, struct ts_bytes argument)
{
    ts_redis_command_pair(out, argument, (struct ts_bytes){NULL, 0});
}

void ts_redis_command_i64(struct ts_buffer *out, int64_t argument)
{
    char text[NUMBER_MAX];
    char *at = text;
    uint64_t magnitude = (uint64_t)argument;
    if (argument < 0) {
        *at++ = '-';
        magnitude = 0 - magnitude;
    }
    at = write_u64(at, magnitude);
    ts_redis_command_bytes(out, (struct ts_bytes){text, (size_t)(at - text)});
}
