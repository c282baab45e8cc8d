/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside: is it text, and how is it shown when it may not be. */
#ifndef TS_BASE_UTF8_H
#define TS_BASE_UTF8_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* True for valid UTF-8 (no overlong forms, surrogates, or beyond U+10FFFF) without control
 * characters (U+0000 to U+001F, U+007F to U+009F). True for an absent or empty view. */
bool ts_utf8_is_text(struct ts_bytes bytes);

/* The number of bytes of the well-formed character (a control character, too) that the bytes begin
 * with; 0 when there is none. */
size_t ts_utf8_character_size(struct ts_bytes bytes);

/* Writes `bytes` in double quotes for a message: what is not text as \xNN, a quote or backslash
 * with a backslash, cut with "..." inside the quotes when it would not fit. An absent view is
 * written as null. Always valid UTF-8 and NUL-terminated; `size` is at least 16. Returns `out`. */
const char *ts_utf8_quote(struct ts_bytes bytes, char *out, size_t size);

#endif
