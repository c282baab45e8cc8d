/* SPDX-License-Identifier: Apache-2.0 */
#include "app/deck_import.h"

#include "adapters/csv/csv_rows.h"
#include "adapters/csv/deck_csv.h"
#include "app/import_inner.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { ARENA_BLOCK = 1024 * 1024, ARENA_MAX = 1024 * 1024 * 1024, QUOTED_MAX = 80 };

static const struct ts_import_format *const formats[] = {&ts_import_telnyx,
                                                         &ts_import_telecomsxchange,
                                                         &ts_import_astpp,
                                                         &ts_import_cgrates,
                                                         &ts_import_kazoo};

const char ts_import_format_names[] = "telnyx, telecomsxchange, astpp, cgrates or kazoo";

const struct ts_import_format *ts_import_format_of(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    return NULL;
}

/* ---- the report
 * ------------------------------------------------------------------------------- */

/* A line is counted once, however much of it is left out. */
static void count_left_out(struct ts_import *import, uint32_t line)
{
    if (import->left_out != NULL && line <= import->line_max) {
        uint8_t bit = (uint8_t)(1U << (line & 7));
        import->counts->rows_left_out += (import->left_out[line / 8] & bit) == 0 ? 1 : 0;
        import->left_out[line / 8] |= bit;
    }
}

void ts_import_note(struct ts_import *import,
                    enum ts_import_severity severity,
                    uint32_t line,
                    const char *column,
                    const char *format,
                    ...)
{
    char text[TS_IMPORT_NOTE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (severity == TS_IMPORT_LEFT_OUT) {
        count_left_out(import, line);
    } else if (severity == TS_IMPORT_CELL) {
        import->counts->cells_not_mapped++;
    }
    if (import->listener != NULL) {
        struct ts_import_note note = {.severity = severity,
                                      .file = import->file_name,
                                      .line = line,
                                      .column = column,
                                      .text = text};
        import->listener->note(import->listener->self, &note);
    }
}

void *ts_import_state(struct ts_import *import)
{
    return import->state;
}

struct ts_arena *ts_import_arena(struct ts_import *import)
{
    return &import->arena;
}

void ts_import_fail(struct ts_import *import)
{
    import->failed = true;
}

/* ---- rows
 * ------------------------------------------------------------------------------------- */

static struct ts_bytes trimmed(struct ts_bytes cell)
{
    while (cell.size > 0 && (cell.data[0] == ' ' || cell.data[0] == '\t')) {
        cell.data++;
        cell.size--;
    }
    while (cell.size > 0 && (cell.data[cell.size - 1] == ' ' || cell.data[cell.size - 1] == '\t')) {
        cell.size--;
    }
    return cell;
}

static bool is_named(struct ts_bytes cell, const char *name)
{
    return name != NULL && cell.size == strlen(name) &&
           strncasecmp(cell.data, name, cell.size) == 0;
}

static size_t column_named(const struct ts_import_file *file, struct ts_bytes cell)
{
    size_t i = 0;
    while (i < file->column_count && !is_named(cell, file->columns[i].name) &&
           !is_named(cell, file->columns[i].alias)) {
        i++;
    }
    return i;
}

static bool refuse(struct ts_import *import, const char *what, const char *name)
{
    import->refused = true;
    snprintf(import->why_refused,
             sizeof import->why_refused,
             "%s is no %s file: %s %s",
             import->file_name,
             import->format->name,
             what,
             name);
    return false;
}

static void tell_no_price(struct ts_import *import, const bool *seen, uint32_t line)
{
    for (size_t i = 0; i < import->file->column_count; i++) {
        const struct ts_import_column *column = &import->file->columns[i];
        if (seen[i] && column->no_price) {
            ts_import_note(import, TS_IMPORT_COLUMN, line, column->name, "no price depends on it");
        }
    }
}

static bool
read_header(struct ts_import *import, const struct ts_bytes *cells, size_t count, uint32_t line)
{
    const struct ts_import_file *file = import->file;
    bool seen[TS_IMPORT_COLUMNS_MAX] = {false};
    import->has_header = true;
    import->cell_count = count;
    for (size_t i = 0; i < count; i++) {
        struct ts_bytes cell = trimmed(cells[i]);
        if (i == 0 && cell.size > 0 && cell.data[0] == '#') {
            cell = trimmed((struct ts_bytes){cell.data + 1, cell.size - 1});
        }
        size_t column = column_named(file, cell);
        if (column < file->column_count && seen[column]) {
            return refuse(import, "its header has twice the column", file->columns[column].name);
        }
        import->column_of[i] = column;
        import->unknown_told[i] = false;
        if (column < file->column_count) {
            seen[column] = true;
        }
    }
    for (size_t i = 0; i < file->column_count; i++) {
        if (file->columns[i].required && !seen[i]) {
            return refuse(import, "its header lacks the column", file->columns[i].name);
        }
    }
    tell_no_price(import, seen, line);
    return true;
}

static void tell_unknown(struct ts_import *import, size_t cell, struct ts_bytes text, uint32_t line)
{
    char quoted[QUOTED_MAX];
    if (import->unknown_told[cell]) {
        import->counts->cells_not_mapped++;
        return;
    }
    import->unknown_told[cell] = true;
    ts_import_note(import,
                   TS_IMPORT_CELL,
                   line,
                   "",
                   "%s in cell %zu: the column is not known, and its cells are not carried over "
                   "(the first of them)",
                   ts_utf8_quote(text, quoted, sizeof quoted),
                   cell + 1);
}

static void
map_row(struct ts_import *import, const struct ts_bytes *cells, size_t count, uint32_t line)
{
    struct ts_import_row row = {.line = line};
    bool empty = true;
    for (size_t i = 0; i < count; i++) {
        struct ts_bytes cell = trimmed(cells[i]);
        size_t column = i < import->cell_count ? import->column_of[i] : import->file->column_count;
        empty = empty && cell.size == 0;
        if (column < import->file->column_count) {
            row.cells[column] = cell;
        } else if (cell.size > 0 && i < import->cell_count) {
            tell_unknown(import, i, cell, line);
        } else if (cell.size > 0) {
            count = SIZE_MAX; /* what is beyond the header */
            break;
        }
    }
    if (empty) {
        return;
    }
    import->counts->rows_read++;
    if (count < import->cell_count || count == SIZE_MAX) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       line,
                       "",
                       "the line has %s cells than the header",
                       count < import->cell_count ? "fewer" : "more");
        return;
    }
    import->file->map(import, &row);
}

static bool take_row(void *self, const struct ts_bytes *cells, size_t count, uint32_t line)
{
    struct ts_import *import = self;
    if (!import->has_header) {
        return read_header(import, cells, count, line);
    }
    bool comment =
        import->file->comments && count > 0 && cells[0].size > 0 && cells[0].data[0] == '#';
    if (!comment) {
        map_row(import, cells, count, line);
    }
    return !import->failed;
}

/* What comes behind it is lost, so nothing of the file is used. */
static void take_fault(void *self, uint32_t line, const char *text)
{
    struct ts_import *import = self;
    import->refused = true;
    snprintf(import->why_refused,
             sizeof import->why_refused,
             "%s, line %u: %s",
             import->file_name,
             line,
             text);
}

static size_t count_lines(struct ts_bytes text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

/* The bits of lines left out stay until the deck is written: of the last file, whose rows make the
 * prices. */
static bool read_file(struct ts_import *import,
                      const struct ts_import_file *file,
                      const struct ts_import_source *source,
                      struct ts_error *err)
{
    struct ts_csv_listener rows = {.row = take_row, .fault = take_fault, .self = import};
    import->file = file;
    import->file_name = source->name;
    import->has_header = false;
    import->line_max = count_lines(source->csv);
    free(import->left_out);
    import->left_out = calloc(import->line_max / 8 + 1, 1);
    if (import->left_out == NULL || !ts_csv_read_rows(source->csv, &rows, err) || import->failed) {
        return ts_error_no_memory(err);
    }
    if (!import->has_header && !import->refused) {
        refuse(import, "there is no header", "line");
    }
    return !import->refused || ts_error_set(err, TS_ERROR_REJECT, 0, "%s", import->why_refused);
}

/* ---- all of it
 * -------------------------------------------------------------------------------- */

/* That the deck is one is checked, not believed. */
static bool write_deck(struct ts_import *import, struct ts_buffer *out, struct ts_error *err)
{
    if (import->price_count == 0) {
        return ts_error_set(err, TS_ERROR_REJECT, 0, "no row could be mapped: there is no deck");
    }
    size_t from = out->size;
    ts_import_write(import, out);
    if (import->failed || out->failed) {
        return ts_error_no_memory(err);
    }
    struct ts_bytes csv = {out->data + from, out->size - from};
    struct ts_deck *deck = ts_csv_read_deck(csv, NULL, NULL, err);
    ts_deck_destroy(deck);
    return deck != NULL || ts_error_prefix(err, "what came out");
}

bool ts_import_run(const struct ts_import_format *format,
                   const struct ts_import_source *sources,
                   const struct ts_import_listener *listener,
                   struct ts_buffer *deck,
                   struct ts_import_counts *counts,
                   struct ts_error *err)
{
    struct ts_import import = {.format = format, .listener = listener, .counts = counts};
    *counts = (struct ts_import_counts){0};
    ts_arena_init(&import.arena, ARENA_BLOCK, ARENA_MAX);
    import.state = calloc(1, format->state_size + 1);
    bool good = import.state != NULL || ts_error_no_memory(err);
    for (size_t i = 0; i < format->file_count && good; i++) {
        good = read_file(&import, &format->files[i], &sources[i], err);
    }
    good = good && write_deck(&import, deck, err);
    if (format->end_state != NULL && import.state != NULL) {
        format->end_state(import.state);
    }
    free(import.state);
    free(import.left_out);
    free(import.prices);
    free(import.ends);
    ts_arena_finish(&import.arena);
    return good;
}
