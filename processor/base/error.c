/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Shows that a full text was cut; never in the middle of a character. */
static void end_cut(char text[TS_ERROR_TEXT_MAX])
{
    size_t at = TS_ERROR_TEXT_MAX - sizeof "...";
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80) {
        at--;
    }
    memcpy(text + at, "...", sizeof "...");
}

static void write_text(struct ts_error *err, const char *format, va_list args)
{
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    if (n < 0) {
        err->text[0] = '\0';
    } else if ((size_t)n >= sizeof err->text) {
        end_cut(err->text);
    }
}

bool ts_error_set(
    struct ts_error *err, enum ts_error_class class, int code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->class = class;
        err->code = code;
        write_text(err, format, args);
        va_end(args);
    }
    return false;
}

bool ts_error_no_memory(struct ts_error *err)
{
    return ts_error_set(err, TS_ERROR_FATAL, 0, "out of memory");
}

bool ts_error_prefix(struct ts_error *err, const char *format, ...)
{
    if (err != NULL) {
        struct ts_error whole = {.class = err->class, .code = err->code};
        va_list args;
        va_start(args, format);
        write_text(&whole, format, args);
        va_end(args);
        size_t used = strlen(whole.text);
        int n = snprintf(whole.text + used, sizeof whole.text - used, ": %s", err->text);
        if (n >= 0 && (size_t)n >= sizeof whole.text - used) {
            end_cut(whole.text);
        }
        *err = whole;
    }
    return false;
}

const char *ts_error_class_name(enum ts_error_class class)
{
    switch (class) {
    case TS_ERROR_NONE:
        return "none";
    case TS_ERROR_RETRY:
        return "retry";
    case TS_ERROR_REJECT:
        return "reject";
    case TS_ERROR_FATAL:
        return "fatal";
    }
    return "unknown";
}
