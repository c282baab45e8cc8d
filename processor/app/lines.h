/* SPDX-License-Identifier: Apache-2.0 */
/* A file line by line in bounded memory: a longer line than was agreed on is told as too long and
 * skipped, whatever its length. */
#ifndef TS_APP_LINES_H
#define TS_APP_LINES_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { TS_LINE_MAX = 64 * 1024, TS_LINES_READ = 256 * 1024 };

struct ts_lines {
    int fd;
    int64_t number;     /* of the last line told, from 1 */
    int64_t bytes_read; /* for progress */
    size_t line_max;
    size_t start; /* of what is not told yet */
    size_t end;
    bool ended;  /* nothing more comes from the file */
    bool failed; /* reading did, with errno `code` */
    int code;
    size_t capacity;
    char *buffer;
};

/* Of lines up to `line_max` bytes, their end not counted; TS_LINE_MAX as a rule. The file must not
 * have been read from, and is read from its descriptor. False when memory is short. */
bool ts_lines_init(struct ts_lines *lines, FILE *in, size_t line_max);
void ts_lines_finish(struct ts_lines *lines);

enum ts_lines_status { TS_LINES_LINE, TS_LINES_TOO_LONG, TS_LINES_END, TS_LINES_FAILED };

/* The next line without its end (LF or CRLF); the view lives until the next call. FAILED: errno. */
enum ts_lines_status ts_lines_next(struct ts_lines *lines, struct ts_bytes *line);

#endif
