/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas of schemas/avro that are linked into the program. */
#ifndef TS_ADAPTERS_AVRO_EMBEDDED_H
#define TS_ADAPTERS_AVRO_EMBEDDED_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdint.h>

struct avro_obj_t;

enum ts_avro_embedded {
    TS_AVRO_CDR,        /* the present CallDetailRecord */
    TS_AVRO_CDR_1,      /* and its former versions */
    TS_AVRO_CREDIT,     /* the present union of commands */
    TS_AVRO_ADJUSTMENT, /* what a replay writes: the command that is not in the union */
    TS_AVRO_EVENT,
    TS_AVRO_DEAD_LETTER,
    TS_AVRO_EMBEDDED_COUNT,

    TS_AVRO_INPUT_FIRST = TS_AVRO_CDR, /* what comes in */
    TS_AVRO_INPUT_LAST = TS_AVRO_ADJUSTMENT,
};

struct ts_bytes ts_avro_embedded_text(enum ts_avro_embedded which);
const char *ts_avro_embedded_name(enum ts_avro_embedded which); /* for messages: its file's name */

/* Parses a schema's text and computes its fingerprint, unless that is NULL. The caller gives the
 * reference back with avro_schema_decref. NULL, class REJECT, when it is no schema or a huge one,
 * FATAL when memory is short; `name` is for the message. */
struct avro_obj_t *ts_avro_schema_parse(struct ts_bytes text,
                                        const char *name,
                                        uint64_t *fingerprint,
                                        struct ts_error *err);

#endif
