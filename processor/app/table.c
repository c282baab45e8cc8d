/* SPDX-License-Identifier: Apache-2.0 */
#include "app/table.h"

#include "app/json_text.h"
#include "base/assert.h"
#include "core/money.h"
#include "core/timestamp.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { HELD_SIZE_MAX = 16 << 20, CELL_SIZE_MAX = 4 << 20, GAP = 2 };

static const char *const format_names[] = {
    [TS_FORMAT_TABLE] = "table",
    [TS_FORMAT_CSV] = "csv",
    [TS_FORMAT_JSON] = "json",
};

bool ts_format_of(const char *name, enum ts_format *out)
{
    for (size_t i = 0; i < sizeof format_names / sizeof *format_names; i++) {
        if (strcmp(format_names[i], name) == 0) {
            *out = (enum ts_format)i;
            return true;
        }
    }
    return false;
}

/* Characters, not bytes: what a terminal gives a column to. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static bool to_the_right(enum ts_column_type type)
{
    return type == TS_COLUMN_NUMBER || type == TS_COLUMN_AMOUNT;
}

/* ---- the table for people -------------------------------------------------------------------- */

static void pad(FILE *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputc(' ', out);
    }
}

/* A control character of a cell would let data move the terminal's cursor. */
static void put_visible(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        fputc(iscntrl((unsigned char)*text) ? '?' : *text, out);
    }
}

static void write_cell(struct ts_table *table, size_t column, const char *text)
{
    size_t width = width_of(text);
    size_t room = table->widths[column] > width ? table->widths[column] - width : 0;
    bool last = column + 1 == table->column_count;
    bool right = to_the_right(table->columns[column].type);
    pad(table->out, right ? room : 0);
    put_visible(table->out, text);
    if (last) {
        fputc('\n', table->out);
    } else {
        pad(table->out, (right ? 0 : room) + GAP);
    }
}

static void write_header(struct ts_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        char name[64];
        size_t n = 0;
        for (const char *c = table->columns[i].name; *c != '\0' && n + 1 < sizeof name; c++) {
            name[n++] = (char)(*c == '_' ? ' ' : toupper((unsigned char)*c));
        }
        name[n] = '\0';
        write_cell(table, i, name);
    }
}

/* The one row of a record, a line a column. */
static void write_record(const struct ts_table *table)
{
    size_t name_width = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        size_t width = strlen(table->columns[i].name);
        name_width = width > name_width ? width : name_width;
    }
    const char *cell = table->held.data;
    const char *end = cell + table->held.size;
    for (size_t i = 0; cell != NULL && cell < end; i++) {
        const char *name = table->columns[i].name;
        fputs(name, table->out);
        pad(table->out, name_width - strlen(name) + GAP);
        put_visible(table->out, cell);
        fputc('\n', table->out);
        cell += strlen(cell) + 1;
    }
}

/* Writes what was held back; from now on cells go straight through. */
static void release(struct ts_table *table)
{
    table->released = true;
    write_header(table);
    const char *cell = table->held.data;
    const char *end = cell + table->held.size;
    for (size_t i = 0; cell != NULL && cell < end; i++) {
        write_cell(table, i % table->column_count, cell);
        cell += strlen(cell) + 1;
    }
    ts_buffer_clear(&table->held);
}

static void put_table_cell(struct ts_table *table, struct ts_bytes text)
{
    if (table->released) {
        write_cell(table, table->cell, text.data);
        return;
    }
    size_t width = width_of(text.data);
    if (width > table->widths[table->cell]) {
        table->widths[table->cell] = width;
    }
    ts_buffer_append(&table->held, text.data, text.size + 1);
    if (table->held.failed) {
        table->failed = true;
    }
}

/* ---- CSV and JSON ------------------------------------------------------------------------------
 */

static void put_csv_cell(struct ts_table *table, struct ts_bytes text)
{
    if (table->cell > 0) {
        fputc(',', table->out);
    }
    bool quote = text.size > 0 && strpbrk(text.data, "\",\r\n") != NULL;
    if (!quote) {
        fwrite(text.data, 1, text.size, table->out);
        return;
    }
    fputc('"', table->out);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') {
            fputc('"', table->out);
        }
        fputc(text.data[i], table->out);
    }
    fputc('"', table->out);
}

static void put_csv_header(struct ts_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        fprintf(table->out, "%s%s", i == 0 ? "" : ",", table->columns[i].name);
    }
    fputc('\n', table->out);
}

/* `literal` is JSON already. */
static void put_json_cell(struct ts_table *table, struct ts_bytes literal)
{
    if (table->cell == 0) {
        fputs(table->record ? "{" : table->row_count == 0 ? "[\n{" : ",\n{", table->out);
    }
    fprintf(table->out, "%s\"%s\":", table->cell == 0 ? "" : ",", table->columns[table->cell].name);
    fwrite(literal.data, 1, literal.size, table->out);
}

/* ---- cells --------------------------------------------------------------------------------------
 */

static void end_cell(struct ts_table *table)
{
    if (++table->cell < table->column_count) {
        return;
    }
    table->cell = 0;
    table->row_count++;
    if (table->format == TS_FORMAT_CSV) {
        fputc('\n', table->out);
    } else if (table->format == TS_FORMAT_JSON) {
        fputc('}', table->out);
    } else if (!table->released && table->row_count == TS_TABLE_HELD) {
        release(table);
    }
}

/* `text` is what table and CSV show; `json` is the literal for JSON. Both end in a NUL. */
static void put_cell(struct ts_table *table, struct ts_bytes text, struct ts_bytes json)
{
    switch (table->format) {
    case TS_FORMAT_TABLE:
        put_table_cell(table, text);
        break;
    case TS_FORMAT_CSV:
        put_csv_cell(table, text);
        break;
    case TS_FORMAT_JSON:
        put_json_cell(table, json);
        break;
    }
    end_cell(table);
}

static void expect(const struct ts_table *table, enum ts_column_type type)
{
    TS_ASSERT(table->columns[table->cell].type == type);
}

/* A text that JSON quotes. */
static void put_text(struct ts_table *table, struct ts_bytes text)
{
    ts_buffer_clear(&table->text);
    if (table->format == TS_FORMAT_JSON) {
        ts_json_append_string(&table->text, text);
    } else {
        ts_buffer_append_bytes(&table->text, text);
    }
    size_t size = table->text.size;
    ts_buffer_append_char(&table->text, '\0');
    if (table->text.failed) {
        table->failed = true;
        put_cell(table, TS_LITERAL(""), TS_LITERAL("null"));
        return;
    }
    struct ts_bytes cell = {table->text.data, size};
    put_cell(table, cell, cell);
}

void ts_table_text(struct ts_table *table, struct ts_bytes text)
{
    expect(table, TS_COLUMN_TEXT);
    put_text(table, text);
}

/* What is the same in every format. */
static void put_literal(struct ts_table *table, struct ts_bytes literal)
{
    ts_buffer_clear(&table->text);
    ts_buffer_append_bytes(&table->text, literal);
    size_t size = table->text.size;
    ts_buffer_append_char(&table->text, '\0');
    if (table->text.failed) {
        table->failed = true;
        put_cell(table, TS_LITERAL(""), TS_LITERAL("null"));
        return;
    }
    struct ts_bytes cell = {table->text.data, size};
    put_cell(table, cell, cell);
}

void ts_table_number(struct ts_table *table, int64_t number)
{
    expect(table, TS_COLUMN_NUMBER);
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    put_literal(table, ts_bytes_of(digits));
}

void ts_table_decimal(struct ts_table *table, const char *digits)
{
    expect(table, TS_COLUMN_NUMBER);
    put_literal(table, ts_bytes_of(digits));
}

void ts_table_json(struct ts_table *table, struct ts_bytes json)
{
    expect(table, TS_COLUMN_TEXT);
    put_literal(table, json);
}

void ts_table_amount(struct ts_table *table, int64_t micros, int decimals)
{
    expect(table, TS_COLUMN_AMOUNT);
    char text[TS_MONEY_TEXT_MAX];
    if (table->format == TS_FORMAT_TABLE) {
        ts_money_format_decimals(micros, decimals, text);
    } else {
        ts_money_format_micros(micros, text);
    }
    put_text(table, ts_bytes_of(text));
}

void ts_table_time(struct ts_table *table, int64_t ms)
{
    expect(table, TS_COLUMN_TIME);
    char text[TS_TIMESTAMP_TEXT_MAX];
    if (ms < TS_TIMESTAMP_MIN_MS || ms > TS_TIMESTAMP_MAX_MS) {
        ts_table_absent(table);
        return;
    }
    ts_timestamp_format(ms, text);
    put_text(table, ts_bytes_of(text));
}

void ts_table_bool(struct ts_table *table, bool value)
{
    expect(table, TS_COLUMN_BOOL);
    put_cell(table,
             value ? TS_LITERAL("yes") : TS_LITERAL("no"),
             value ? TS_LITERAL("true") : TS_LITERAL("false"));
}

void ts_table_absent(struct ts_table *table)
{
    put_cell(table, TS_LITERAL(""), TS_LITERAL("null"));
}

void ts_table_init(struct ts_table *table,
                   FILE *out,
                   enum ts_format format,
                   const struct ts_column *columns,
                   size_t column_count)
{
    TS_ASSERT(column_count > 0 && column_count <= TS_TABLE_COLUMNS_MAX);
    *table = (struct ts_table){
        .out = out, .format = format, .columns = columns, .column_count = column_count};
    ts_buffer_init(&table->held, HELD_SIZE_MAX);
    ts_buffer_init(&table->text, CELL_SIZE_MAX);
    for (size_t i = 0; i < column_count; i++) {
        table->widths[i] = width_of(columns[i].name);
    }
    if (format == TS_FORMAT_CSV) {
        put_csv_header(table);
    }
}

void ts_table_init_record(struct ts_table *table,
                          FILE *out,
                          enum ts_format format,
                          const struct ts_column *columns,
                          size_t column_count)
{
    ts_table_init(table, out, format, columns, column_count);
    table->record = true;
}

void ts_table_flush(struct ts_table *table)
{
    TS_ASSERT(table->cell == 0);
    if (table->format == TS_FORMAT_TABLE && !table->record && !table->released) {
        release(table);
    }
    fflush(table->out);
}

bool ts_table_finish(struct ts_table *table)
{
    TS_ASSERT(table->cell == 0 && (!table->record || table->row_count == 1));
    if (table->record && table->format != TS_FORMAT_CSV) {
        if (table->format == TS_FORMAT_TABLE) {
            write_record(table);
        } else {
            fputc('\n', table->out);
        }
    } else if (table->format == TS_FORMAT_TABLE && !table->released) {
        release(table);
    } else if (table->format == TS_FORMAT_JSON) {
        fputs(table->row_count == 0 ? "[]\n" : "\n]\n", table->out);
    }
    ts_table_abandon(table);
    bool written = fflush(table->out) == 0 && ferror(table->out) == 0;
    if (written && table->failed) {
        errno = ENOMEM;
    }
    return written && !table->failed;
}

void ts_table_abandon(struct ts_table *table)
{
    ts_buffer_finish(&table->held);
    ts_buffer_finish(&table->text);
}
