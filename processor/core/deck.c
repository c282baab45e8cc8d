/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deck.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/utf8.h"
#include "core/deck_compile.h"
#include "core/deck_sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 256 * 1024 * 1024, QUOTED_MAX = 100, ROWS_AT_FIRST = 256 };

struct ts_deck_sheet *ts_deck_sheet_create(const struct ts_deck_listener *listener,
                                           struct ts_error *err)
{
    TS_ASSERT(ts_deck_column_count() == TS_DECK_COLUMNS_MAX);
    struct ts_deck_sheet *sheet = calloc(1, sizeof *sheet);
    if (sheet == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    if (listener != NULL) {
        sheet->listener = *listener;
    }
    ts_buffer_init(&sheet->text, TEXT_MAX);
    return sheet;
}

void ts_deck_sheet_destroy(struct ts_deck_sheet *sheet)
{
    if (sheet != NULL) {
        ts_buffer_finish(&sheet->text);
        free(sheet->order);
        free(sheet->rows);
        free(sheet);
    }
}

void ts_deck_sheet_note(struct ts_deck_sheet *sheet,
                        enum ts_deck_severity severity,
                        uint32_t line,
                        const char *column,
                        const char *format,
                        ...)
{
    char text[TS_DECK_NOTE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (severity == TS_DECK_FAULT && sheet->fault_count++ == 0) {
        const char *word = column[0] != '\0' ? ", column " : "";
        snprintf(sheet->first_fault,
                 sizeof sheet->first_fault,
                 "line %u%s%s: %.200s",
                 line,
                 word,
                 column,
                 text);
    }
    if (sheet->listener.note != NULL) {
        struct ts_deck_note note = {
            .severity = severity, .line = line, .column = column, .text = text};
        sheet->listener.note(sheet->listener.self, &note);
    }
}

void ts_deck_sheet_fault(struct ts_deck_sheet *sheet,
                         uint32_t line,
                         const char *column,
                         const char *text)
{
    ts_deck_sheet_note(sheet, TS_DECK_FAULT, line, column, "%s", text);
}

static bool find_column(struct ts_bytes name, size_t *out)
{
    for (size_t i = 0; i < TS_DECK_COLUMNS_MAX; i++) {
        if (ts_bytes_equal_text(name, ts_deck_column(i)->name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

static void read_header_cell(struct ts_deck_sheet *sheet,
                             struct ts_bytes cell,
                             uint32_t line,
                             bool seen[TS_DECK_COLUMNS_MAX])
{
    char quoted[QUOTED_MAX];
    size_t column = 0;
    ts_utf8_quote(cell, quoted, sizeof quoted);
    if (!find_column(cell, &column)) {
        ts_deck_sheet_note(sheet, TS_DECK_FAULT, line, quoted, "there is no such column");
    } else if (seen[column]) {
        ts_deck_sheet_note(
            sheet, TS_DECK_FAULT, line, ts_deck_column(column)->name, "the column is there twice");
    } else {
        seen[column] = true;
        sheet->column_of[sheet->cell_count++] = column;
    }
}

static bool
read_header(struct ts_deck_sheet *sheet, const struct ts_bytes *cells, size_t count, uint32_t line)
{
    bool seen[TS_DECK_COLUMNS_MAX] = {false};
    sheet->has_header = true;
    for (size_t i = 0; i < count; i++) {
        read_header_cell(sheet, cells[i], line, seen);
    }
    for (size_t i = 0; i < TS_DECK_COLUMNS_MAX; i++) {
        if (ts_deck_column(i)->required && !seen[i]) {
            ts_deck_sheet_note(sheet,
                               TS_DECK_FAULT,
                               line,
                               ts_deck_column(i)->name,
                               "the column is missing from the header");
        }
    }
    sheet->broken = sheet->fault_count > 0;
    return !sheet->broken;
}

static bool
keep_description(struct ts_deck_sheet *sheet, struct ts_bytes cell, struct ts_deck_row *row)
{
    if (cell.size > TS_DECK_DESCRIPTION_MAX || !ts_utf8_is_text(cell)) {
        return false;
    }
    row->description = (uint32_t)sheet->text.size;
    row->description_size = (uint16_t)cell.size;
    ts_buffer_append_bytes(&sheet->text, cell);
    return true;
}

/* False when the cell is malformed, after telling it. */
static bool read_cell(struct ts_deck_sheet *sheet,
                      const struct ts_deck_column *column,
                      struct ts_bytes cell,
                      struct ts_deck_row *row)
{
    if (cell.size == 0) {
        if (column->required) {
            ts_deck_sheet_note(sheet, TS_DECK_FAULT, row->line, column->name, "the cell is empty");
        }
        return !column->required;
    }
    bool good =
        column->parse != NULL ? column->parse(cell, row) : keep_description(sheet, cell, row);
    if (!good) {
        char quoted[QUOTED_MAX];
        ts_deck_sheet_note(sheet,
                           TS_DECK_FAULT,
                           row->line,
                           column->name,
                           "%s is not %s",
                           ts_utf8_quote(cell, quoted, sizeof quoted),
                           column->wants);
    }
    return good;
}

static struct ts_deck_row *add_row(struct ts_deck_sheet *sheet)
{
    if (sheet->row_count == sheet->row_capacity) {
        size_t capacity = sheet->row_capacity == 0 ? ROWS_AT_FIRST : sheet->row_capacity * 2;
        struct ts_deck_row *rows = realloc(sheet->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            return NULL;
        }
        sheet->rows = rows;
        sheet->row_capacity = capacity;
    }
    return &sheet->rows[sheet->row_count++];
}

static void
read_row(struct ts_deck_sheet *sheet, const struct ts_bytes *cells, size_t count, uint32_t line)
{
    struct ts_deck_row row;
    bool key_known = true;
    if (count != sheet->cell_count) {
        size_t at = count < sheet->cell_count ? count : sheet->cell_count - 1;
        ts_deck_sheet_note(sheet,
                           TS_DECK_FAULT,
                           line,
                           ts_deck_column(sheet->column_of[at])->name,
                           "the line has %zu cells, the header %zu",
                           count,
                           sheet->cell_count);
        return;
    }
    ts_deck_row_init(&row, line);
    for (size_t i = 0; i < count; i++) {
        const struct ts_deck_column *column = ts_deck_column(sheet->column_of[i]);
        if (!read_cell(sheet, column, cells[i], &row)) {
            row.faulty = true;
            key_known = key_known && !column->key;
        }
    }
    ts_deck_row_finish(&row);
    if (!key_known) {
        return;
    }
    struct ts_deck_row *kept = add_row(sheet);
    if (kept == NULL || sheet->text.failed) {
        sheet->broken = true;
        sheet->no_memory = true;
    } else {
        *kept = row;
    }
}

bool ts_deck_sheet_row(struct ts_deck_sheet *sheet,
                       const struct ts_bytes *cells,
                       size_t count,
                       uint32_t line)
{
    if (!sheet->has_header) {
        return read_header(sheet, cells, count, line);
    }
    if (sheet->broken) {
        return false;
    }
    if (sheet->row_count == TS_DECK_ROWS_MAX) {
        sheet->broken = true;
        ts_deck_sheet_note(
            sheet, TS_DECK_FAULT, line, "", "a deck has at most %d rows", TS_DECK_ROWS_MAX);
        return false;
    }
    read_row(sheet, cells, count, line);
    return !sheet->broken;
}

static struct ts_deck *refuse(const struct ts_deck_sheet *sheet, struct ts_error *err)
{
    ts_error_set(err,
                 TS_ERROR_REJECT,
                 0,
                 "the deck is refused: %zu fault%s, the first: %s",
                 sheet->fault_count,
                 sheet->fault_count == 1 ? "" : "s",
                 sheet->first_fault);
    return NULL;
}

struct ts_deck *ts_deck_sheet_compile(struct ts_deck_sheet *sheet,
                                      const struct ts_numbering *numbering,
                                      struct ts_error *err)
{
    if (sheet->no_memory) {
        ts_error_no_memory(err);
        return NULL;
    }
    if (!sheet->has_header) {
        ts_deck_sheet_fault(sheet, 1, "", "there is no header line");
    } else if (sheet->row_count == 0 && sheet->fault_count == 0) {
        ts_deck_sheet_fault(sheet, 1, "", "there is no row below the header");
    }
    if (sheet->broken || sheet->row_count == 0) {
        return refuse(sheet, err);
    }
    struct ts_deck *deck = ts_deck_compile(sheet, err);
    if (sheet->fault_count > 0) {
        ts_deck_destroy(deck);
        return refuse(sheet, err);
    }
    if (deck != NULL) {
        ts_deck_warn(sheet, numbering);
    }
    return deck;
}
