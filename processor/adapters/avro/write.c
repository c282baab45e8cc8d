/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/write.h"

#include "base/varint.h"

void ts_avro_write_header(struct ts_buffer *out, uint64_t fingerprint)
{
    ts_buffer_append(out, TS_AVRO_MARKER, TS_AVRO_MARKER_SIZE);
    for (int shift = 0; shift < 64; shift += 8) {
        ts_buffer_append_char(out, (char)(unsigned char)(fingerprint >> shift));
    }
}

void ts_avro_write_long(struct ts_buffer *out, int64_t value)
{
    char *p = ts_buffer_reserve(out, TS_VARINT_MAX);
    if (p != NULL) {
        ts_buffer_commit(out, ts_varint_put(p, value));
    }
}

void ts_avro_write_bytes(struct ts_buffer *out, struct ts_bytes bytes)
{
    ts_avro_write_long(out, (int64_t)bytes.size);
    ts_buffer_append_bytes(out, bytes);
}

void ts_avro_write_text(struct ts_buffer *out, const char *text)
{
    ts_avro_write_bytes(out, ts_bytes_of(text));
}

void ts_avro_write_optional(struct ts_buffer *out, struct ts_bytes bytes)
{
    if (bytes.data == NULL) {
        ts_avro_write_long(out, 0);
        return;
    }
    ts_avro_write_long(out, 1);
    ts_avro_write_bytes(out, bytes);
}
