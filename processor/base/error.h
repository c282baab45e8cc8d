/* SPDX-License-Identifier: Apache-2.0 */
/* An error has a class, and the caller acts on the class: back off and try again, put the record
 * on the dead-letter topic, or stop. The text is for a person: what was wrong, where, what to do.
 * Functions set it only when they fail. Lower layers do not log: who handles an error logs it. */
#ifndef TS_BASE_ERROR_H
#define TS_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum ts_error_class {
    TS_ERROR_NONE = 0,
    TS_ERROR_RETRY,  /* the world's fault and it may pass: a server is away, a lock was lost */
    TS_ERROR_REJECT, /* the input's fault: it will never succeed as it is */
    TS_ERROR_FATAL,  /* neither will help: wrong configuration, out of memory, a newer schema */
};
enum { TS_ERROR_CLASS_COUNT = TS_ERROR_FATAL + 1 };

enum { TS_ERROR_TEXT_MAX = 512 };

struct ts_error {
    enum ts_error_class class;
    int code; /* the setting module's own enum, 0 if it has none (dead letters: enum ts_reason) */
    char text[TS_ERROR_TEXT_MAX]; /* one line, cut with "..." when too long */
};

/* Sets all of `err` (which may be NULL: then nothing happens). Returns false always, so that a
 * failing function can `return ts_error_set(...)`. */
bool ts_error_set(struct ts_error *err,
                  enum ts_error_class class,
                  int code,
                  const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* Out of memory: class FATAL. Returns false. */
bool ts_error_no_memory(struct ts_error *err);

/* Puts "context: " in front of the text, for a caller that knows more of where. Returns false. */
bool ts_error_prefix(struct ts_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "retry", "reject", "fatal", "none". */
const char *ts_error_class_name(enum ts_error_class class);

#endif
