/* SPDX-License-Identifier: Apache-2.0 */
/* How to read the commands of one writer schema: a union of records, or one record alone, for a
 * service that writes no other.
 *
 * As a plan for CDRs (plan.h) it is made once, when the schema becomes known: each field of the
 * writer's becomes an operation that stores or skips, found by name. Reading then walks the bytes
 * and never beyond them, however hostile. Avro C's generic values could not be used: they believe
 * the lengths and counts that the bytes claim, and allocate for them.
 *
 * A plan is immutable and may be run by any number of threads. */
#ifndef TS_ADAPTERS_AVRO_COMMAND_PLAN_H
#define TS_ADAPTERS_AVRO_COMMAND_PLAN_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "core/command.h"

#include <stdbool.h>

struct avro_obj_t;
struct ts_avro_command_plan;

/* Whether the schema is a command's: a record of that name, or a union with at least one. */
bool ts_avro_is_command(struct avro_obj_t *schema);

/* Compiles a plan for such a schema (a reference of its own is kept). NULL, class REJECT, code
 * UNKNOWN_SCHEMA, when a command lacks a required field, or a field is of a type that cannot be
 * read as ours; class FATAL for want of memory. */
struct ts_avro_command_plan *ts_avro_command_plan_create(struct avro_obj_t *schema,
                                                         struct ts_error *err);
void ts_avro_command_plan_destroy(struct ts_avro_command_plan *plan);

/* Reads the Avro binary of one command. Texts are views into `body`, lists are in the arena. What
 * the writer lacks is absent; a list that is too long is cut one behind its bound, and so is still
 * refused by ts_command_validate. All of `body` must be used up. On failure class REJECT with an
 * enum ts_reason as code, the first that applies: DECODE_ERROR; UNKNOWN_ENUM (a symbol, or a record
 * of the union, that is none of ours); MISSING_FIELD (null in a required field). Class FATAL when
 * the arena is full. */
bool ts_avro_command_plan_run(const struct ts_avro_command_plan *plan,
                              struct ts_bytes body,
                              struct ts_arena *arena,
                              struct ts_command *out,
                              struct ts_error *err);

#endif
