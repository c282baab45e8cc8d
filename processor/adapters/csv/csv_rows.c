/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/csv/csv_rows.h"

#include "base/buffer.h"

#include <csv.h>

/* A cell grows by so much at a time; the library's 128 bytes make a huge one take quadratic time.
 */
enum { ROW_SIZE_MAX = 1024 * 1024, CELL_GROWTH = 64 * 1024 };

struct reader {
    const struct ts_csv_listener *listener;
    struct ts_buffer text; /* of the present row's cells, one after the other */
    size_t ends[TS_CSV_CELLS_MAX];
    size_t cell_count;
    size_t row_size;
    uint32_t line; /* where the present row begins */
    bool stopped;
    bool no_memory;
};

static void on_cell(void *data, size_t size, void *self)
{
    struct reader *reader = self;
    if (reader->cell_count < TS_CSV_CELLS_MAX) {
        ts_buffer_append(&reader->text, data, size);
        reader->ends[reader->cell_count] = reader->text.size;
    }
    reader->row_size += size;
    reader->cell_count++;
}

static void on_row(int terminator, void *self)
{
    struct reader *reader = self;
    struct ts_bytes cells[TS_CSV_CELLS_MAX];
    size_t begin = 0;
    (void)terminator;
    if (reader->cell_count > TS_CSV_CELLS_MAX || reader->row_size > ROW_SIZE_MAX) {
        reader->listener->fault(reader->listener->self, reader->line, "the line is far too long");
        reader->stopped = true;
    } else if (reader->text.failed) {
        reader->no_memory = true;
        reader->stopped = true;
    }
    for (size_t i = 0; i < reader->cell_count && !reader->stopped; i++) {
        cells[i] =
            (struct ts_bytes){ts_buffer_bytes(&reader->text).data + begin, reader->ends[i] - begin};
        begin = reader->ends[i];
    }
    reader->stopped =
        reader->stopped ||
        !reader->listener->row(reader->listener->self, cells, reader->cell_count, reader->line);
    reader->cell_count = 0;
    reader->row_size = 0;
    ts_buffer_clear(&reader->text);
}

/* RFC 4180: spaces belong to a cell. */
static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static bool has_odd_quotes(const char *at, size_t size)
{
    bool odd = false;
    for (size_t i = 0; i < size; i++) {
        odd = odd != (at[i] == '"');
    }
    return odd;
}

static void tell_csv_error(struct reader *reader, struct csv_parser *parser, uint32_t line)
{
    if (csv_error(parser) == CSV_ENOMEM) {
        reader->no_memory = true;
        return;
    }
    bool quoting = csv_error(parser) == CSV_EPARSE;
    reader->listener->fault(reader->listener->self,
                            line,
                            quoting ? "not CSV: a quote stands where none can, or one is missing"
                                    : csv_strerror(csv_error(parser)));
}

/* Line by line, because libcsv does not tell which line it is in, and a quoted cell may hold line
 * ends; where quotes are legal at all, an odd number of them opens or closes a cell. */
static void read_lines(struct reader *reader, struct csv_parser *parser, struct ts_bytes csv)
{
    bool in_quotes = false;
    uint32_t line = 0;
    size_t at = 0;
    while (at < csv.size && !reader->stopped) {
        const char *begin = csv.data + at;
        const char *newline = memchr(begin, '\n', csv.size - at);
        size_t size = newline != NULL ? (size_t)(newline - begin) + 1 : csv.size - at;
        line++;
        reader->line = in_quotes ? reader->line : line;
        if (csv_parse(parser, begin, size, on_cell, on_row, reader) != size) {
            tell_csv_error(reader, parser, line);
            return;
        }
        in_quotes = in_quotes != has_odd_quotes(begin, size);
        at += size;
    }
    if (!reader->stopped && csv_fini(parser, on_cell, on_row, reader) != 0) {
        tell_csv_error(reader, parser, line);
    }
}

static struct ts_bytes without_byte_order_mark(struct ts_bytes csv)
{
    if (csv.size >= 3 && memcmp(csv.data, "\xEF\xBB\xBF", 3) == 0) {
        return (struct ts_bytes){csv.data + 3, csv.size - 3};
    }
    return csv;
}

bool ts_csv_read_rows(struct ts_bytes csv,
                      const struct ts_csv_listener *listener,
                      struct ts_error *err)
{
    struct csv_parser parser;
    struct reader reader = {.listener = listener};
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return ts_error_no_memory(err);
    }
    csv_set_space_func(&parser, no_space);
    csv_set_blk_size(&parser, CELL_GROWTH);
    ts_buffer_init(&reader.text, ROW_SIZE_MAX);
    read_lines(&reader, &parser, without_byte_order_mark(csv));
    ts_buffer_finish(&reader.text);
    csv_free(&parser);
    return !reader.no_memory || ts_error_no_memory(err);
}
