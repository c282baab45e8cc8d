/* SPDX-License-Identifier: Apache-2.0 */
/* Stepping over values of types that are of no interest: fields that a newer writer has and we
 * don't know. Types are compiled into nodes once, so that data, however hostile, is only ever
 * walked within its bounds, in linear time and to a limited depth. */
#ifndef TS_ADAPTERS_AVRO_SKIP_H
#define TS_ADAPTERS_AVRO_SKIP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct avro_obj_t;

enum ts_avro_node_kind {
    TS_AVRO_NODE_FIXED, /* `size` bytes; 0 for null */
    TS_AVRO_NODE_VARINT,
    TS_AVRO_NODE_BYTES,
    TS_AVRO_NODE_ARRAY, /* children[first]: the items */
    TS_AVRO_NODE_MAP,   /* children[first]: the values */
    TS_AVRO_NODE_UNION, /* children[first .. first + count) */
    TS_AVRO_NODE_RECORD,
};

struct ts_avro_node {
    enum ts_avro_node_kind kind;
    bool empty; /* every value of it has no bytes at all */
    uint32_t first;
    uint32_t count;
    int64_t size;
    const struct avro_obj_t *schema; /* to find the node of a named type again */
};

struct ts_avro_skipper {
    struct ts_avro_node *nodes;
    uint32_t node_count;
    uint32_t *children; /* node numbers */
    uint32_t child_count;
};

void ts_avro_skipper_finish(struct ts_avro_skipper *skipper);

/* Compiles a type and returns its node's number, or UINT32_MAX with err set: it has too many parts
 * (class REJECT, code UNKNOWN_SCHEMA), or memory is short. */
uint32_t ts_avro_skipper_add(struct ts_avro_skipper *skipper,
                             struct avro_obj_t *schema,
                             struct ts_error *err);

/* Gives back the memory that the types did not need. No type can be added after it. */
void ts_avro_skipper_trim(struct ts_avro_skipper *skipper);

/* Returns where the next value begins, or NULL when the bytes at p are no value of that type. */
const char *
ts_avro_skip(const struct ts_avro_skipper *skipper, uint32_t node, const char *p, const char *end);

#endif
