/* SPDX-License-Identifier: Apache-2.0 */
/* Events decoded whole, for people: the envelope as values, the body as JSON whatever record it is.
 * By Avro C's generic values, which cost microseconds and an allocation a field: not for streams of
 * millions (event_head.h). Used by one thread. */
#ifndef TS_ADAPTERS_AVRO_EVENT_TEXT_H
#define TS_ADAPTERS_AVRO_EVENT_TEXT_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_avro_event_reader;

struct ts_avro_event_reader *ts_avro_event_reader_create(struct ts_error *err);
void ts_avro_event_reader_destroy(struct ts_avro_event_reader *reader); /* NULL is fine */

/* Views live until the next read. */
struct ts_avro_event_text {
    struct ts_bytes event_id;
    struct ts_bytes account_id;
    int64_t sequence;
    int64_t time_ms;
    struct ts_bytes type;
    struct ts_bytes cause;
    struct ts_bytes currency;
    int64_t balance_micros;
    struct ts_bytes body; /* a JSON object in Avro's JSON encoding; absent when there is none */
};

/* Fails, class REJECT, when the message is no event in single-object encoding, or of a schema that
 * this program does not have. */
bool ts_avro_event_read(struct ts_avro_event_reader *reader,
                        struct ts_bytes message,
                        struct ts_avro_event_text *out,
                        struct ts_error *err);

#endif
