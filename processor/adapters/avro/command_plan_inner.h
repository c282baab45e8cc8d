/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan for commands is made of: between command_plan.c, which makes it, and command_read.c,
 * which runs it. */
#ifndef TS_ADAPTERS_AVRO_COMMAND_PLAN_INNER_H
#define TS_ADAPTERS_AVRO_COMMAND_PLAN_INNER_H

#include "adapters/avro/command_fields.h"
#include "adapters/avro/command_plan.h"
#include "adapters/avro/skip.h"

#include <stdbool.h>
#include <stdint.h>

enum ts_avro_command_op_code {
    TS_AVRO_OP_SKIP,
    TS_AVRO_OP_UNION, /* one of ops[first .. first + count) */
    TS_AVRO_OP_NULL,
    TS_AVRO_OP_VALUE, /* what the field wants */
};

struct ts_avro_command_op {
    const struct ts_avro_command_field *field; /* NULL: SKIP */
    uint8_t code;
    /* Of a union: its branches. Of a record or records: the writer's fields in order. Of symbols:
     * ours for each of the writer's, in symbols[]. */
    uint32_t first;
    uint32_t count;
    uint32_t node;             /* of what is skipped; of a list, to step over the rest of it */
    struct avro_obj_t *schema; /* of symbols: the writer's enum */
};

/* A record of the writer's. */
struct ts_avro_command_branch {
    const struct ts_avro_shape *shape; /* NULL: none of ours */
    uint32_t first;                    /* ops, of its fields */
    uint32_t count;
    uint32_t node; /* to step over it */
    struct avro_obj_t *schema;
};

enum { TS_AVRO_UNKNOWN_SYMBOL = 0xff };

struct ts_avro_command_plan {
    struct avro_obj_t *schema; /* for the names of fields and symbols in messages */
    bool is_union;
    uint32_t branch_count;
    struct ts_avro_command_branch *branches;
    uint32_t op_count;
    struct ts_avro_command_op *ops;
    uint32_t symbol_count;
    uint8_t *symbols;
    struct ts_avro_skipper skipper;
};

#endif
