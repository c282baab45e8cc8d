/* SPDX-License-Identifier: Apache-2.0 */
#include "app/lines.h"

#include <string.h>

void ts_lines_init(struct ts_lines *lines, FILE *in)
{
    lines->in = in;
    lines->number = 0;
    lines->bytes_read = 0;
    lines->start = 0;
    lines->end = 0;
    lines->ended = false;
}

/* Reads more behind what is there; makes room first. */
static void refill(struct ts_lines *lines)
{
    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    size_t n = fread(lines->buffer + lines->end, 1, sizeof lines->buffer - lines->end, lines->in);
    lines->end += n;
    lines->bytes_read += (int64_t)n;
    lines->ended = n == 0;
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
        if (feed != NULL || lines->ended || held > TS_LINE_MAX) {
            break;
        }
        refill(lines);
    }
    if (ferror(lines->in)) {
        return TS_LINES_FAILED;
    }
    const char *from = lines->buffer + lines->start;
    size_t size = feed != NULL ? (size_t)(feed - from) : lines->end - lines->start;
    if (feed == NULL && size == 0) {
        return TS_LINES_END;
    }
    lines->number++;
    if (size > TS_LINE_MAX) {
        skip_line(lines);
        return TS_LINES_TOO_LONG;
    }
    lines->start += size + (feed != NULL ? 1 : 0);
    size -= size > 0 && from[size - 1] == '\r' ? 1 : 0;
    *line = (struct ts_bytes){from, size};
    return TS_LINES_LINE;
}
