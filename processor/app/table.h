/* SPDX-License-Identifier: Apache-2.0 */
/* Prints rows as a table for people, as CSV (RFC 4180, lines ended by a bare newline) or as a JSON
 * array of objects: what
 * `--format table|csv|json` of every listing command means. Rows are written as they come; only the
 * table holds back the first TS_TABLE_HELD rows, to learn how wide the columns are. So a listing of
 * a million rows takes no memory. */
#ifndef TS_APP_TABLE_H
#define TS_APP_TABLE_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ts_format { TS_FORMAT_TABLE, TS_FORMAT_CSV, TS_FORMAT_JSON };

/* False when there is no such format. */
bool ts_format_of(const char *name, enum ts_format *out);

enum ts_column_type {
    TS_COLUMN_TEXT,
    TS_COLUMN_NUMBER, /* digits as given: to the right in tables, bare in JSON */
    TS_COLUMN_AMOUNT, /* micro-units: as decimals, six of them in CSV and (as text) in JSON */
    TS_COLUMN_TIME,   /* ms since the epoch: RFC 3339 in UTC */
    TS_COLUMN_BOOL,   /* yes or no; true or false in JSON */
};

struct ts_column {
    const char *name; /* snake_case: the CSV header and the JSON key; upper-cased in tables */
    enum ts_column_type type;
};

enum { TS_TABLE_HELD = 500, TS_TABLE_COLUMNS_MAX = 48 };

struct ts_table {
    FILE *out;
    enum ts_format format;
    const struct ts_column *columns;
    size_t column_count;
    size_t cell;           /* the next to come in this row */
    size_t row_count;      /* whole rows so far */
    bool record;           /* one row, shown as one thing */
    bool released;         /* the widths are fixed: cells are written at once */
    bool failed;           /* rows were lost for want of memory */
    struct ts_buffer held; /* cells held back, each ended by a NUL; a table's */
    struct ts_buffer text; /* of one cell */
    size_t widths[TS_TABLE_COLUMNS_MAX];
};

void ts_table_init(struct ts_table *table,
                   FILE *out,
                   enum ts_format format,
                   const struct ts_column *columns,
                   size_t column_count);

/* For one thing rather than a list: exactly one row comes; a table has a line a column, JSON is one
 * object. */
void ts_table_init_record(struct ts_table *table,
                          FILE *out,
                          enum ts_format format,
                          const struct ts_column *columns,
                          size_t column_count);

/* The cells of a row in the order of the columns; each must be told by the call of its type. An
 * absent text (data NULL) is an empty cell, null in JSON. */
void ts_table_text(struct ts_table *table, struct ts_bytes text);
void ts_table_number(struct ts_table *table, int64_t number);
/* A number that is not whole, as its decimal digits. */
void ts_table_decimal(struct ts_table *table, const char *digits);
/* A cell of a text column that is JSON already: nested in JSON, else shown as it is. */
void ts_table_json(struct ts_table *table, struct ts_bytes json);
/* A table shows `decimals` (of the currency, 0 to 6), rounded; the other formats always six. */
void ts_table_amount(struct ts_table *table, int64_t micros, int decimals);
/* A moment that no calendar has (a client's broken clock) is absent. */
void ts_table_time(struct ts_table *table, int64_t ms);
void ts_table_bool(struct ts_table *table, bool value);
void ts_table_absent(struct ts_table *table); /* a cell of any type that has no value */

/* Between rows: writes what was held back, for a listing that goes on while somebody looks. */
void ts_table_flush(struct ts_table *table);

/* Writes what was held back and the end. False when the output could not be written (errno tells
 * why; ENOMEM when rows were lost for want of memory). */
bool ts_table_finish(struct ts_table *table);

/* Instead of finish: writes nothing more. */
void ts_table_abandon(struct ts_table *table);

#endif
