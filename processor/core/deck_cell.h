/* SPDX-License-Identifier: Apache-2.0 */
/* A value of a deck's row as the text of its cell: the way back from core/deck_row.h, so that what
 * is shown can be put into a deck again. */
#ifndef TS_CORE_DECK_CELL_H
#define TS_CORE_DECK_CELL_H

#include "base/buffer.h"

#include <stddef.h>

struct ts_deck_row;
struct ts_deck_sheet;

/* Appends the cell of the column (numbered as in core/deck_row.h), its default in full: "*", "60",
 * "00:00". What has no default ("never", "none") is empty. The row is one of the sheet's. */
void ts_deck_cell(const struct ts_deck_sheet *sheet,
                  const struct ts_deck_row *row,
                  size_t column,
                  struct ts_buffer *out);

/* The number of the column of that name, which must exist. */
size_t ts_deck_column_of(const char *name);

#endif
