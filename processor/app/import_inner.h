/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct ts_import, for deck_import.c, import_cells.c and import_deck.c only. */
#ifndef TS_APP_IMPORT_INNER_H
#define TS_APP_IMPORT_INNER_H

#include "app/deck_import.h"

enum { TS_IMPORT_CELLS_MAX = 128 };

struct ts_import_end {
    char prefix[TS_IMPORT_PREFIX_MAX + 1];
    int64_t ms;
};

struct ts_import {
    const struct ts_import_format *format;
    const struct ts_import_listener *listener;
    struct ts_import_counts *counts;
    struct ts_arena arena;
    void *state;

    /* The file that is being read. */
    const struct ts_import_file *file;
    const char *file_name;
    bool has_header;
    bool refused; /* it is not of the format */
    size_t cell_count;
    size_t column_of[TS_IMPORT_CELLS_MAX]; /* of the header's cells; column_count: not known */
    bool unknown_told[TS_IMPORT_CELLS_MAX];
    uint8_t *left_out; /* a bit for each line */
    size_t line_max;

    struct ts_import_price *prices;
    size_t price_count;
    size_t price_capacity;
    struct ts_import_end *ends;
    size_t end_count;
    bool failed; /* memory was short */
    char why_refused[TS_IMPORT_NOTE_MAX];
};

/* Sorts the prices, settles which of several for the same counts, and writes the deck. */
void ts_import_write(struct ts_import *import, struct ts_buffer *deck);

#endif
