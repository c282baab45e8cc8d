/* SPDX-License-Identifier: Apache-2.0 */
/* A change of an account's settings as JSON, for who asks later what was changed: the names and the
 * units of AccountChanged in schemas/avro/credit.avsc. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_CHANGE_JSON_H
#define TS_ADAPTERS_POSTGRES_CHANGE_JSON_H

#include "base/buffer.h"
#include "core/command.h"

/* Appends an object of the fields that are set. */
void ts_pg_change_json(struct ts_buffer *out, const struct ts_account_change *change);

/* Appends a list as column account.allowances has it. */
void ts_pg_allowances_json(struct ts_buffer *out,
                           const struct ts_allowance_text *allowances,
                           size_t count);

/* Appends a list of [name, units]. */
void ts_pg_units_json(struct ts_buffer *out, const struct ts_adjustment_units *units, size_t count);

#endif
