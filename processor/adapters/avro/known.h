/* SPDX-License-Identifier: Apache-2.0 */
/* How to read what was written with one schema: as CDRs or as commands, by the names of its
 * records. */
#ifndef TS_ADAPTERS_AVRO_KNOWN_H
#define TS_ADAPTERS_AVRO_KNOWN_H

#include "adapters/avro/command_plan.h"
#include "adapters/avro/plan.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct avro_obj_t;

/* At most one of them is set. */
struct ts_avro_known {
    struct ts_avro_plan *cdr;
    struct ts_avro_command_plan *command;
};

static inline bool ts_avro_known_is_foreign(const struct ts_avro_known *known)
{
    return known->cdr == NULL && known->command == NULL;
}

/* A schema that is of neither succeeds, and is foreign. Fails, class REJECT, code UNKNOWN_SCHEMA,
 * when it is of one of them and cannot be read as ours; class FATAL for want of memory. */
bool ts_avro_known_init(struct ts_avro_known *known,
                        struct avro_obj_t *schema,
                        struct ts_error *err);
void ts_avro_known_finish(struct ts_avro_known *known);

#endif
