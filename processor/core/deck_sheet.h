/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct ts_deck_sheet (core/deck.h), for core/deck*.c only: rows as read, and where
 * faults are told. */
#ifndef TS_CORE_DECK_SHEET_H
#define TS_CORE_DECK_SHEET_H

#include "base/buffer.h"
#include "core/deck.h"
#include "core/deck_row.h"

enum { TS_DECK_COLUMNS_MAX = 20, TS_DECK_NOTE_MAX = 320 };

struct ts_deck_sheet {
    struct ts_deck_listener listener;
    bool has_header;
    bool broken; /* the header is wrong or memory short: rows cannot be judged */
    bool no_memory;
    size_t cell_count;
    size_t column_of[TS_DECK_COLUMNS_MAX]; /* of the header's cells */
    struct ts_deck_row *rows;
    size_t row_count;
    size_t row_capacity;
    uint32_t *order;       /* set by ts_deck_compile: rows by rate, then tier and window */
    struct ts_buffer text; /* descriptions */
    size_t fault_count;
    char first_fault[TS_DECK_NOTE_MAX];
};

/* Tells a note and counts it if it is a fault. */
void ts_deck_sheet_note(struct ts_deck_sheet *sheet,
                        enum ts_deck_severity severity,
                        uint32_t line,
                        const char *column,
                        const char *format,
                        ...) __attribute__((format(printf, 5, 6)));

#endif
