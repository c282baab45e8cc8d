/* SPDX-License-Identifier: Apache-2.0 */
/* Text as a JSON string. Whatever comes in, the output is valid JSON: control characters are
 * escaped, bytes that are not UTF-8 become U+FFFD. */
#ifndef TS_APP_JSON_TEXT_H
#define TS_APP_JSON_TEXT_H

#include "base/buffer.h"
#include "base/bytes.h"

/* With its quotes; null for an absent view. */
void ts_json_append_string(struct ts_buffer *out, struct ts_bytes text);

#endif
