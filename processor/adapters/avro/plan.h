/* SPDX-License-Identifier: Apache-2.0 */
/* How to read the CDRs of one writer schema.
 *
 * The writer's fields are walked once, when the schema becomes known: each is turned into one
 * operation that stores into a slot of struct ts_cdr or skips. A record is then read by running the
 * operations over its bytes: no generic value, no allocation, no look-up by name. Avro C's resolved
 * readers cannot serve here: they know no defaults and allocate for every field.
 *
 * A plan is immutable and may be run by any number of threads. */
#ifndef TS_ADAPTERS_AVRO_PLAN_H
#define TS_ADAPTERS_AVRO_PLAN_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/cdr.h"

#include <stdbool.h>
#include <stdint.h>

struct avro_obj_t;
struct ts_avro_plan;

/* Compiles a plan for CDRs written with `schema`, a record (a reference of its own is kept). NULL,
 * class REJECT, code UNKNOWN_SCHEMA, when a required field is not in it, or a field is of a type
 * that cannot be read as ours. */
struct ts_avro_plan *ts_avro_plan_create(struct avro_obj_t *schema, struct ts_error *err);
void ts_avro_plan_destroy(struct ts_avro_plan *plan);

/* Reads the Avro binary of one record. Strings are views into `body`. Fields that the writer lacks
 * get our defaults. All of `body` must be used up. On failure class REJECT with an enum ts_reason
 * as code: DECODE_ERROR, else UNKNOWN_ENUM, else MISSING_FIELD (null in a required field). */
bool ts_avro_plan_run(const struct ts_avro_plan *plan,
                      struct ts_bytes body,
                      struct ts_cdr *out,
                      struct ts_error *err);

#endif
