/* SPDX-License-Identifier: Apache-2.0 */
#include "app/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool ts_lines_init(struct ts_lines *lines, FILE *in, size_t line_max)
{
    *lines = (struct ts_lines){.fd = fileno(in), .line_max = line_max};
    lines->capacity = line_max + TS_LINES_READ;
    lines->buffer = malloc(lines->capacity);
    return lines->buffer != NULL;
}

void ts_lines_finish(struct ts_lines *lines)
{
    free(lines->buffer);
    lines->buffer = NULL;
}

/* Reads more behind what is there; makes room first. What comes is told at once: a pipe may be
 * slow. */
static void refill(struct ts_lines *lines)
{
    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    ssize_t n;
    do {
        n = read(lines->fd, lines->buffer + lines->end, lines->capacity - lines->end);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        lines->ended = true;
        lines->failed = n < 0;
        lines->code = errno;
        return;
    }
    lines->end += (size_t)n;
    lines->bytes_read += n;
}

/* Drops everything up to the end of the line that has already proved too long. */
static void skip_line(struct ts_lines *lines)
{
    for (;;) {
        const char *from = lines->buffer + lines->start;
        const char *feed = memchr(from, '\n', lines->end - lines->start);
        if (feed != NULL) {
            lines->start += (size_t)(feed - from) + 1;
            return;
        }
        lines->start = lines->end;
        if (lines->ended) {
            return;
        }
        refill(lines);
    }
}

enum ts_lines_status ts_lines_next(struct ts_lines *lines, struct ts_bytes *line)
{
    const char *feed = NULL;
    for (;;) {
        size_t held = lines->end - lines->start;
        feed = memchr(lines->buffer + lines->start, '\n', held);
        if (feed != NULL || lines->ended || held > lines->line_max + 1) {
            break;
        }
        refill(lines);
    }
    if (lines->failed) {
        errno = lines->code;
        return TS_LINES_FAILED;
    }
    const char *from = lines->buffer + lines->start;
    size_t size = feed != NULL ? (size_t)(feed - from) : lines->end - lines->start;
    if (feed == NULL && size == 0) {
        return TS_LINES_END;
    }
    size_t taken = size + (feed != NULL ? 1 : 0);
    size -= size > 0 && from[size - 1] == '\r' ? 1 : 0;
    lines->number++;
    if (size > lines->line_max) {
        skip_line(lines);
        return TS_LINES_TOO_LONG;
    }
    lines->start += taken;
    *line = (struct ts_bytes){from, size};
    return TS_LINES_LINE;
}
