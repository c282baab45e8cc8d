/* SPDX-License-Identifier: Apache-2.0 */
/* Included units as two arrays, names and counts. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_REPLAY_UNITS_H
#define TS_ADAPTERS_POSTGRES_REPLAY_UNITS_H

#include "adapters/postgres/params.h"
#include "base/arena.h"
#include "base/error.h"
#include "core/adjustment.h"

#include <stdbool.h>
#include <stddef.h>

/* A text[] and a bigint[] of the same length; NULL or empty: none. Names and units are copied to
 * the arena. */
bool ts_pg_read_units(const PGresult *rows,
                      int row,
                      int names_column,
                      int units_column,
                      struct ts_arena *arena,
                      const struct ts_adjustment_units **out,
                      size_t *count,
                      struct ts_error *err);

#endif
