/* SPDX-License-Identifier: Apache-2.0 */
/* Other systems' rates as a deck of ours. A format is a table: the columns of its files, and a
 * function that maps a row; each is a file of its own, import_<format>.c.
 *
 *   CSV ──rows──► format ──prices──► sorted, freed of duplicates ──► deck CSV
 *                   └──notes──► the report
 *
 * Nothing is approximated: what a deck cannot say exactly is left out and reported with its line,
 * and so is every cell that is not carried over. A deck that comes out passes `decks validate`. */
#ifndef TS_APP_DECK_IMPORT_H
#define TS_APP_DECK_IMPORT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TS_IMPORT_COLUMNS_MAX = 16,
    TS_IMPORT_FILES_MAX = 3,
    TS_IMPORT_PREFIX_MAX = 15,
    TS_IMPORT_NOTE_MAX = 300,
};

/* LEFT_OUT: of this row, no price comes into the deck, or not all of them. CELL: the price is in,
 * but something is not carried over. COLUMN: no price depends on this column. */
enum ts_import_severity { TS_IMPORT_LEFT_OUT, TS_IMPORT_CELL, TS_IMPORT_COLUMN };

struct ts_import_note {
    enum ts_import_severity severity;
    const char *file;
    uint32_t line;
    const char *column; /* "" when it concerns the row */
    const char *text;
};

struct ts_import_listener {
    void (*note)(void *self, const struct ts_import_note *note);
    void *self;
};

struct ts_import_counts {
    int64_t rows_read;
    int64_t rows_left_out; /* wholly or in part */
    int64_t cells_not_mapped;
    int64_t deck_rows;
};

/* Names are matched in any case, and without a # before the first. */
struct ts_import_column {
    const char *name;
    const char *alias; /* another name for it, or NULL */
    bool required;     /* in the header */
    bool no_price;     /* no price depends on it, and that is told once, not for each cell */
};

struct ts_import;

/* The cells are by the format's columns, without spaces around them; absent (NULL) where the file
 * lacks the column. Views live during the call. */
struct ts_import_row {
    uint32_t line;
    struct ts_bytes cells[TS_IMPORT_COLUMNS_MAX];
};

struct ts_import_file {
    const char *option; /* that names it; NULL: the operand, which comes first */
    const struct ts_import_column *columns;
    size_t column_count;
    bool comments; /* lines that begin with a # are passed over */
    void (*map)(struct ts_import *import, const struct ts_import_row *row);
};

struct ts_import_format {
    const char *name;
    const struct ts_import_file *files; /* read in this order, all are needed */
    size_t file_count;
    size_t state_size;              /* of what the maps keep between rows, zeroed at first */
    void (*end_state)(void *state); /* frees what it holds; NULL: nothing */
};

/* NULL when there is none; the names, one after the other, for messages. */
const struct ts_import_format *ts_import_format_of(const char *name);
extern const char ts_import_format_names[];

struct ts_import_source {
    const char *name; /* for the report */
    struct ts_bytes csv;
};

/* Appends the deck's CSV. False, class REJECT, when a file is not of the format, or no row could be
 * mapped; the report tells more. `sources` are in the order of the format's files. */
bool ts_import_run(const struct ts_import_format *format,
                   const struct ts_import_source *sources,
                   const struct ts_import_listener *listener,
                   struct ts_buffer *deck,
                   struct ts_import_counts *counts,
                   struct ts_error *err);

/* ---- for formats ------------------------------------------------------------------------- */

/* One row of the deck to be. Of one source row all prices of one prefix, category, origin and
 * effective_from are one rate; when another source row has made the same one, it is left out. */
struct ts_import_price {
    uint32_t line;
    struct ts_bytes prefix; /* digits as given, perhaps with a +, or * */
    const char *category;   /* static text; NULL: any */
    char origin[3];         /* "": any */
    struct ts_bytes description;
    bool blocked;
    int64_t rate_e8;
    uint32_t rate_unit;
    uint32_t interval_1;
    uint32_t interval_n;
    int64_t connect_fee_e8;
    uint32_t grace;
    uint32_t from_unit;
    int64_t effective_from_ms; /* INT64_MIN: always */
    int64_t effective_to_ms;   /* INT64_MAX: never */
    int64_t weight;            /* of rates for the same, the one with the largest counts */
};

/* All fields at their defaults: 60/60, since ever, nothing to pay. */
struct ts_import_price ts_import_price_of(uint32_t line);

/* Adds a copy. An impossible prefix is reported, and nothing added: false. */
bool ts_import_add(struct ts_import *import, const struct ts_import_price *price);

/* From `ms` on the prefix has no price: ends what the deck has for it until then. */
void ts_import_end_prefix(struct ts_import *import, struct ts_bytes prefix, int64_t ms);

/* A yes or no; an empty cell is no. */
bool ts_import_flag(struct ts_import *import,
                    const struct ts_import_row *row,
                    size_t column,
                    bool *out);

/* A whole number that a price depends on. False after reporting, with the row left out. */
bool ts_import_count(struct ts_import *import,
                     const struct ts_import_row *row,
                     size_t column,
                     uint32_t min,
                     uint32_t *out);

/* An amount with at most 8 decimals; an empty cell is `if_empty_e8`, -1: refused. Exponents, as
 * spreadsheets write them, are taken exactly. */
bool ts_import_amount(struct ts_import *import,
                      const struct ts_import_row *row,
                      size_t column,
                      int64_t if_empty_e8,
                      int64_t *out_e8);

/* A rate for `rate_unit` units, into both fields of `out`: with more than 8 decimals it becomes a
 * rate for ten or more times as many units. */
bool ts_import_rate(struct ts_import *import,
                    const struct ts_import_row *row,
                    size_t column,
                    uint32_t rate_unit,
                    struct ts_import_price *out);

/* Takes the next of several texts that a cell holds, between spaces, commas and semicolons, off its
 * front. */
bool ts_import_next_word(struct ts_bytes *rest, struct ts_bytes *word);

void ts_import_note(struct ts_import *import,
                    enum ts_import_severity severity,
                    uint32_t line,
                    const char *column,
                    const char *format,
                    ...) __attribute__((format(printf, 5, 6)));

void *ts_import_state(struct ts_import *import);
struct ts_arena *ts_import_arena(struct ts_import *import); /* lives as long as the import */
/* Memory was short: the import fails. */
void ts_import_fail(struct ts_import *import);

extern const struct ts_import_format ts_import_astpp;
extern const struct ts_import_format ts_import_cgrates;
extern const struct ts_import_format ts_import_kazoo;
extern const struct ts_import_format ts_import_telecomsxchange;
extern const struct ts_import_format ts_import_telnyx;

#endif
