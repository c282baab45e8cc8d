/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream decks diff A B`: the rows that differ, then a line for each kind of change. */
#include "adapters/csv/deck_csv.h"
#include "app/deck_file.h"
#include "app/deck_operand.h"
#include "app/decks.h"
#include "core/deck_diff.h"
#include "core/money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 64 * 1024 };

/* One side: the rows of A or B. */
struct side {
    struct ts_buffer csv;
    struct ts_deck_sheet *sheet;
};

static bool load(const struct ts_session *session,
                 struct ts_rates_store *store,
                 const char *text,
                 struct side *side)
{
    struct ts_error err = {0};
    struct ts_deck_operand operand = ts_deck_operand_of(text);
    struct ts_deck_notes notes = {.path = text, .out = stderr};
    struct ts_deck_listener listener = ts_deck_notes_listener(&notes);
    int64_t version = 0;
    ts_buffer_init(&side->csv, TS_DECK_FILE_SIZE_MAX);
    if (ts_deck_operand_read(&operand, store, &side->csv, &version, &err)) {
        side->sheet = ts_csv_read_sheet(ts_buffer_bytes(&side->csv), &listener, &err);
    }
    if (side->sheet == NULL) {
        ts_session_fail(session, &err);
    }
    return side->sheet != NULL;
}

static void unload(struct side *side)
{
    ts_deck_sheet_destroy(side->sheet);
    ts_buffer_finish(&side->csv);
}

/* ---- rows
 * ------------------------------------------------------------------------------------- */

static const struct ts_column row_columns[] = {{"change", TS_COLUMN_TEXT},
                                               {"prefix", TS_COLUMN_TEXT},
                                               {"category", TS_COLUMN_TEXT},
                                               {"license", TS_COLUMN_TEXT},
                                               {"origin", TS_COLUMN_TEXT},
                                               {"tier", TS_COLUMN_TEXT},
                                               {"description", TS_COLUMN_TEXT},
                                               {"before", TS_COLUMN_TEXT},
                                               {"after", TS_COLUMN_TEXT},
                                               {"difference", TS_COLUMN_TEXT},
                                               {"percent", TS_COLUMN_TEXT},
                                               {"also", TS_COLUMN_TEXT},
                                               {"line_before", TS_COLUMN_NUMBER},
                                               {"line_after", TS_COLUMN_NUMBER}};

struct printer {
    struct ts_table table;
    const struct ts_deck_sheet *before;
    const struct ts_deck_sheet *after;
    struct ts_buffer text;
};

static void print_text(struct ts_table *table, const char *text)
{
    ts_table_text(table, ts_bytes_of(text));
}

static void print_cell(struct printer *printer,
                       const struct ts_deck_sheet *sheet,
                       const struct ts_deck_row *row,
                       const char *column)
{
    ts_buffer_clear(&printer->text);
    if (row == NULL) {
        ts_table_absent(&printer->table);
        return;
    }
    ts_deck_cell(sheet, row, ts_deck_column_of(column), &printer->text);
    ts_table_text(&printer->table, ts_buffer_bytes(&printer->text));
}

/* What tells the rows of one prefix apart, as "from_unit=600 days=mon-fri", without what is as in a
 * deck that says nothing about it. */
static void print_tier(struct printer *printer,
                       const struct ts_deck_sheet *sheet,
                       const struct ts_deck_row *row)
{
    static const struct {
        const char *column;
        const char *usual;
    } parts[] = {{"effective_from", ""},
                 {"from_unit", "0"},
                 {"days", "*"},
                 {"from_time", "00:00"},
                 {"to_time", "24:00"}};
    struct ts_buffer *text = &printer->text;
    ts_buffer_clear(text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t from = text->size;
        ts_buffer_format(text, "%s%s=", from > 0 ? " " : "", parts[i].column);
        size_t value = text->size;
        ts_deck_cell(sheet, row, ts_deck_column_of(parts[i].column), text);
        if (ts_bytes_equal_text((struct ts_bytes){text->data + value, text->size - value},
                                parts[i].usual)) {
            text->size = from;
        }
    }
    ts_table_text(&printer->table, ts_buffer_bytes(text));
}

static void append_value(const struct ts_deck_sheet *sheet,
                         const struct ts_deck_row *row,
                         size_t column,
                         struct ts_buffer *text)
{
    size_t from = text->size;
    ts_deck_cell(sheet, row, column, text);
    ts_buffer_append_text(text, text->size == from ? "(none)" : "");
}

/* Columns that differ, apart from the rate, as "interval_n 60 -> 1". */
static void print_also(struct printer *printer, const struct ts_deck_difference *difference)
{
    struct ts_buffer *text = &printer->text;
    ts_buffer_clear(text);
    for (size_t column = 0; column < ts_deck_diff_column_count(); column++) {
        const char *name = ts_deck_diff_column(column);
        if (difference->before == NULL || difference->after == NULL ||
            ts_deck_diff_is_key(column) || strcmp(name, "rate") == 0) {
            continue;
        }
        size_t from = text->size;
        ts_buffer_format(text, "%s%s ", from > 0 ? "; " : "", name);
        size_t was = text->size;
        append_value(printer->before, difference->before, column, text);
        size_t was_end = text->size;
        ts_buffer_append_text(text, " -> ");
        size_t is = text->size;
        append_value(printer->after, difference->after, column, text);
        if (ts_bytes_equal((struct ts_bytes){text->data + was, was_end - was},
                           (struct ts_bytes){text->data + is, text->size - is})) {
            text->size = from;
        }
    }
    ts_table_text(&printer->table, ts_buffer_bytes(text));
}

static void print_price(struct ts_table *table, int64_t e8)
{
    char text[TS_MONEY_TEXT_MAX];
    ts_money_format_e8(e8, text);
    print_text(table, text);
}

static void print_percent(struct ts_table *table, bool known, int64_t percent_e2)
{
    char text[TS_MONEY_TEXT_MAX];
    int64_t size = percent_e2 < 0 ? -percent_e2 : percent_e2;
    if (!known) {
        ts_table_absent(table);
        return;
    }
    snprintf(text,
             sizeof text,
             "%s%lld.%02lld",
             percent_e2 < 0 ? "-" : "",
             (long long)size / 100,
             (long long)size % 100);
    print_text(table, text);
}

static void print_line(struct ts_table *table, uint32_t line)
{
    if (line == 0) {
        ts_table_absent(table);
    } else {
        ts_table_number(table, line);
    }
}

static bool is_rise(enum ts_deck_change change)
{
    return change == TS_DECK_CHANGE_UP || change == TS_DECK_CHANGE_DOWN;
}

static void print_row(void *self, const struct ts_deck_difference *difference)
{
    struct printer *printer = self;
    struct ts_table *table = &printer->table;
    bool removed = difference->after == NULL;
    const struct ts_deck_sheet *sheet = removed ? printer->before : printer->after;
    const struct ts_deck_row *row = removed ? difference->before : difference->after;
    print_text(table, ts_deck_change_name(difference->change));
    print_cell(printer, sheet, row, "prefix");
    print_cell(printer, sheet, row, "category");
    print_cell(printer, sheet, row, "license");
    print_cell(printer, sheet, row, "origin");
    print_tier(printer, sheet, row);
    print_cell(printer, sheet, row, "description");
    print_cell(printer, printer->before, difference->before, "rate");
    print_cell(printer, printer->after, difference->after, "rate");
    if (is_rise(difference->change)) {
        print_price(table, difference->rise_e8);
    } else {
        ts_table_absent(table);
    }
    print_percent(table, difference->has_percent, difference->percent_e2);
    print_also(printer, difference);
    print_line(table, difference->line_before);
    print_line(table, difference->line_after);
}

/* ---- sums
 * ------------------------------------------------------------------------------------- */

static const struct ts_column sum_columns[] = {{"change", TS_COLUMN_TEXT},
                                               {"rows", TS_COLUMN_NUMBER},
                                               {"mean", TS_COLUMN_TEXT},
                                               {"mean_percent", TS_COLUMN_TEXT},
                                               {"largest", TS_COLUMN_TEXT},
                                               {"largest_percent", TS_COLUMN_TEXT},
                                               {"largest_prefix", TS_COLUMN_TEXT},
                                               {"largest_line", TS_COLUMN_NUMBER}};

static void
print_sum(struct printer *printer, enum ts_deck_change change, const struct ts_deck_diff_sum *sum)
{
    struct ts_table *table = &printer->table;
    print_text(table, ts_deck_change_name(change));
    ts_table_number(table, sum->count);
    if (!is_rise(change) || sum->count == 0) {
        for (size_t i = 2; i < sizeof sum_columns / sizeof *sum_columns; i++) {
            ts_table_absent(table);
        }
        return;
    }
    print_price(table, sum->mean_e8);
    print_percent(table, sum->percent_count > 0, sum->mean_percent_e2);
    print_price(table, sum->largest.rise_e8);
    print_percent(table, sum->largest.has_percent, sum->largest.percent_e2);
    print_cell(printer, printer->after, sum->largest.after, "prefix");
    print_line(table, sum->largest.line_after);
}

static int print(const struct ts_session *session,
                 enum ts_format format,
                 const struct side *a,
                 const struct side *b)
{
    bool sums = format == TS_FORMAT_TABLE || ts_args_flag(&session->args, "summary");
    bool rows = !ts_args_flag(&session->args, "summary");
    struct printer printer = {.before = a->sheet, .after = b->sheet};
    struct ts_deck_diff diff;
    int status = TS_EXIT_OK;
    ts_buffer_init(&printer.text, TEXT_MAX);
    if (rows) {
        size_t columns = sizeof row_columns / sizeof *row_columns;
        ts_table_init(&printer.table, stdout, format, row_columns, columns);
    }
    ts_deck_diff(a->sheet, b->sheet, rows ? print_row : NULL, &printer, &diff);
    if (rows) {
        status = ts_session_finish_table(session, &printer.table);
    }
    if (rows && sums) {
        printf("\n");
    }
    if (sums && status == TS_EXIT_OK) {
        size_t columns = sizeof sum_columns / sizeof *sum_columns;
        ts_table_init(&printer.table, stdout, format, sum_columns, columns);
        for (int change = 0; change < TS_DECK_CHANGE_COUNT; change++) {
            print_sum(&printer, (enum ts_deck_change)change, &diff.sums[change]);
        }
        status = ts_session_finish_table(session, &printer.table);
    }
    ts_buffer_finish(&printer.text);
    return status;
}

int ts_decks_diff(const struct ts_session *session, struct ts_rates_store *store)
{
    const struct ts_args *args = &session->args;
    enum ts_format format;
    struct side a = {.sheet = NULL};
    struct side b = {.sheet = NULL};
    if (!ts_args_count(args, 2, 2) || !ts_args_format(args, &format)) {
        return TS_EXIT_USAGE;
    }
    bool good_a = load(session, store, args->operands[0], &a);
    bool good_b = load(session, store, args->operands[1], &b);
    int status = good_a && good_b ? print(session, format, &a, &b) : TS_EXIT_USAGE;
    unload(&a);
    unload(&b);
    return status;
}
