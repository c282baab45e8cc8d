/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/event_head.h"

#include "base/varint.h"

enum { HEADER_SIZE = 10 }; /* two marker bytes, eight of the schema's fingerprint */

static const char *read_string(const char *p, const char *end, struct ts_bytes *out)
{
    int64_t size = 0;
    p = ts_varint_get(p, end, &size);
    if (p == NULL || size < 0 || size > end - p) {
        return NULL;
    }
    *out = (struct ts_bytes){p, (size_t)size};
    return p + size;
}

bool ts_avro_event_head_read(struct ts_bytes message, struct ts_avro_event_head *out)
{
    static const char marker[] = {(char)0xc3, 0x01};
    if (message.size < HEADER_SIZE || memcmp(message.data, marker, sizeof marker) != 0) {
        return false;
    }
    const char *end = message.data + message.size;
    const char *p = read_string(message.data + HEADER_SIZE, end, &out->event_id);
    p = p != NULL ? read_string(p, end, &out->account_id) : NULL;
    return p != NULL && ts_varint_get(p, end, &out->sequence) != NULL;
}
