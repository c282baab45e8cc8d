/* SPDX-License-Identifier: Apache-2.0 */
/* Message headers in one run of bytes, so that a record can carry them without a list: for each
 * header a 4-byte little-endian size and the name, then a 4-byte size and the value; a size of
 * 0xffffffff stands for an absent value. */
#ifndef TS_PORTS_HEADERS_H
#define TS_PORTS_HEADERS_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>

void ts_headers_append(struct ts_buffer *encoded, struct ts_bytes name, struct ts_bytes value);

/* Takes the first header off `rest`. False at the end or when the bytes are not of this form. */
bool ts_headers_next(struct ts_bytes *rest, struct ts_bytes *name, struct ts_bytes *value);

#endif
