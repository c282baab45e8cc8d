/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of a CDR in the form they are carried: an Avro map of strings, blocks of entries
 * ended by an empty block. Nobody interprets them on the way, so nobody builds a map of them. */
#ifndef TS_CORE_ATTRIBUTES_H
#define TS_CORE_ATTRIBUTES_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "core/cdr.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_attributes_walk {
    const char *at;
    const char *end;
    int64_t left; /* entries of the present block */
};

void ts_attributes_walk_init(struct ts_attributes_walk *walk,
                             const struct ts_cdr_attributes *attributes);

/* The next entry, as views into the encoded form. False at the end, or where the bytes are not of
 * this form. */
bool ts_attributes_next(struct ts_attributes_walk *walk,
                        struct ts_bytes *name,
                        struct ts_bytes *value);

/* Appends one entry (as a block of its own); after the last one, the end. */
void ts_attributes_append(struct ts_buffer *encoded, struct ts_bytes name, struct ts_bytes value);
void ts_attributes_end(struct ts_buffer *encoded);

#endif
