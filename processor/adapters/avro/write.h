/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces that Avro messages are made of, appended to a buffer. */
#ifndef TS_ADAPTERS_AVRO_WRITE_H
#define TS_ADAPTERS_AVRO_WRITE_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdint.h>

/* Single-object encoding: two marker bytes, then the writer schema's fingerprint, 8 bytes. */
#define TS_AVRO_MARKER "\xc3\x01"
enum { TS_AVRO_MARKER_SIZE = 2, TS_AVRO_HEADER_SIZE = 10 };

void ts_avro_write_header(struct ts_buffer *out, uint64_t fingerprint);

/* int, long, enum symbols and union branches alike */
void ts_avro_write_long(struct ts_buffer *out, int64_t value);

/* string and bytes; an absent view is written as empty */
void ts_avro_write_bytes(struct ts_buffer *out, struct ts_bytes bytes);
void ts_avro_write_text(struct ts_buffer *out, const char *text);

/* union of null and string or bytes, null first */
void ts_avro_write_optional(struct ts_buffer *out, struct ts_bytes bytes);

#endif
