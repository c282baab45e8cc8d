/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/avro/known.h"

#include <avro.h>

#include <string.h>

bool ts_avro_known_init(struct ts_avro_known *known, avro_schema_t schema, struct ts_error *err)
{
    *known = (struct ts_avro_known){0};
    if (is_avro_record(schema) && strcmp(avro_schema_name(schema), "CallDetailRecord") == 0) {
        known->cdr = ts_avro_plan_create(schema, err);
        return known->cdr != NULL;
    }
    if (ts_avro_is_command(schema)) {
        known->command = ts_avro_command_plan_create(schema, err);
        return known->command != NULL;
    }
    return true;
}

void ts_avro_known_finish(struct ts_avro_known *known)
{
    ts_avro_plan_destroy(known->cdr);
    ts_avro_command_plan_destroy(known->command);
    *known = (struct ts_avro_known){0};
}
