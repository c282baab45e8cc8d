/* SPDX-License-Identifier: Apache-2.0 */
/* Encoders of what the processor tells: events (schemas/avro/event.avsc) and dead letters
 * (schemas/avro/dead_letter.avsc). Straight code that follows the schemas field by field; the unit
 * tests read the results back with Avro C. */
#ifndef TS_ADAPTERS_AVRO_MESSAGES_H
#define TS_ADAPTERS_AVRO_MESSAGES_H

#include "base/buffer.h"
#include "base/error.h"
#include "core/event.h"
#include "ports/record.h"

#include <stdbool.h>
#include <stdint.h>

struct avro_obj_t;

struct ts_avro_event_writer {
    uint64_t fingerprint;
    int64_t branches[TS_EVENT_TYPE_COUNT]; /* of the union `body` */
};

/* Finds the branch of each event type in the event schema, by the name of its body. Fails, class
 * FATAL, when there is none. */
bool ts_avro_event_writer_init(struct ts_avro_event_writer *writer, struct ts_error *err);
void ts_avro_event_write(const struct ts_avro_event_writer *writer,
                         const struct ts_event *event,
                         struct ts_buffer *out);

bool ts_avro_dead_letter_fingerprint(uint64_t *fingerprint, struct ts_error *err);
void ts_avro_dead_letter_write(uint64_t fingerprint,
                               const struct ts_record *record,
                               struct ts_bytes topic,
                               int64_t now_ms,
                               struct ts_buffer *out);

#endif
