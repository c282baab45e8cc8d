/* SPDX-License-Identifier: Apache-2.0 */
/* The first fields of an encoded event, which identify it: for whoever checks that each was told,
 * without decoding all of it. Any version of the event schema begins with them. */
#ifndef TS_ADAPTERS_AVRO_EVENT_HEAD_H
#define TS_ADAPTERS_AVRO_EVENT_HEAD_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_avro_event_head {
    struct ts_bytes event_id; /* views into the message */
    struct ts_bytes account_id;
    int64_t sequence;
};

/* False when the message is not an event in single-object encoding. */
bool ts_avro_event_head_read(struct ts_bytes message, struct ts_avro_event_head *out);

#endif
