/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deck_cell.h"

#include "base/assert.h"
#include "core/cdr.h"
#include "core/deck_sheet.h"
#include "core/money.h"
#include "core/pricing.h"
#include "core/timestamp.h"

#include <ctype.h>

enum { DAYS_OF_WEEK = 7, MINUTES_OF_HOUR = 60 };

static void append_prefix(const struct ts_deck_row *row, struct ts_buffer *out)
{
    char text[TS_DECK_PREFIX_DIGITS_MAX + 1];
    ts_buffer_append(out, text, ts_deck_prefix_text(row->prefix, text));
}

static void append_price(int64_t e8, struct ts_buffer *out)
{
    char text[TS_MONEY_TEXT_MAX];
    if (e8 != TS_PRICE_NO_BOUND) {
        ts_buffer_append(out, text, ts_money_format_e8(e8, text));
    }
}

static void append_rate(const struct ts_deck_row *row, struct ts_buffer *out)
{
    if (row->blocked) {
        ts_buffer_append_text(out, "blocked");
    } else {
        append_price(row->rate_e8, out);
    }
}

static void append_category(const struct ts_deck_row *row, struct ts_buffer *out)
{
    bool any = row->category == TS_DECK_CATEGORY_ANY;
    ts_buffer_append_text(out, any ? "*" : ts_category_name((enum ts_category)row->category));
}

static void append_license(const struct ts_deck_row *row, struct ts_buffer *out)
{
    bool any = row->license == TS_DECK_LICENSE_ANY;
    const char *name = any ? "*" : ts_license_name((enum ts_license)row->license);
    for (; *name != '\0'; name++) {
        ts_buffer_append_char(out, (char)tolower((unsigned char)*name));
    }
}

static void append_origin(const struct ts_deck_row *row, struct ts_buffer *out)
{
    if (row->origin == TS_DECK_ORIGIN_ANY) {
        ts_buffer_append_char(out, '*');
    } else {
        ts_buffer_append_char(out, (char)(row->origin >> 8));
        ts_buffer_append_char(out, (char)(row->origin & 0xff));
    }
}

static void append_unit(const struct ts_deck_row *row, struct ts_buffer *out)
{
    ts_buffer_append_text(out, ts_unit_name((enum ts_unit)row->unit));
}

static void append_rate_unit(const struct ts_deck_row *row, struct ts_buffer *out)
{
    ts_buffer_append_i64(out, row->rate_unit);
}

static void append_interval_1(const struct ts_deck_row *row, struct ts_buffer *out)
{
    ts_buffer_append_i64(out, row->interval_1);
}

static void append_interval_n(const struct ts_deck_row *row, struct ts_buffer *out)
{
    ts_buffer_append_i64(out, row->interval_n);
}

static void append_connect_fee(const struct ts_deck_row *row, struct ts_buffer *out)
{
    append_price(row->connect_fee_e8, out);
}

static void append_grace(const struct ts_deck_row *row, struct ts_buffer *out)
{
    ts_buffer_append_i64(out, row->grace);
}

static void append_from_unit(const struct ts_deck_row *row, struct ts_buffer *out)
{
    ts_buffer_append_i64(out, row->from_unit);
}

/* Days that follow each other as a range. */
static void append_days(const struct ts_deck_row *row, struct ts_buffer *out)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    bool first = true;
    if (row->days == TS_DECK_DAYS_ALL) {
        ts_buffer_append_char(out, '*');
        return;
    }
    for (int day = 0; day < DAYS_OF_WEEK; day++) {
        if ((row->days >> day & 1) == 0) {
            continue;
        }
        int last = day;
        while (last + 1 < DAYS_OF_WEEK && (row->days >> (last + 1) & 1) != 0) {
            last++;
        }
        ts_buffer_format(out, "%s%s", first ? "" : ",", names[day]);
        if (last > day) {
            ts_buffer_format(out, "-%s", names[last]);
        }
        first = false;
        day = last;
    }
}

static void append_minute(uint16_t minute, struct ts_buffer *out)
{
    ts_buffer_format(out, "%02d:%02d", minute / MINUTES_OF_HOUR, minute % MINUTES_OF_HOUR);
}

static void append_from_time(const struct ts_deck_row *row, struct ts_buffer *out)
{
    append_minute(row->from_minute, out);
}

static void append_to_time(const struct ts_deck_row *row, struct ts_buffer *out)
{
    append_minute(row->to_minute, out);
}

static void append_moment(int64_t ms, int64_t none, struct ts_buffer *out)
{
    char text[TS_TIMESTAMP_TEXT_MAX];
    if (ms != none) {
        ts_buffer_append(out, text, ts_timestamp_format(ms, text));
    }
}

static void append_effective_from(const struct ts_deck_row *row, struct ts_buffer *out)
{
    append_moment(row->effective_from_ms, INT64_MIN, out);
}

static void append_effective_to(const struct ts_deck_row *row, struct ts_buffer *out)
{
    append_moment(row->effective_to_ms, INT64_MAX, out);
}

static void append_min_charge(const struct ts_deck_row *row, struct ts_buffer *out)
{
    append_price(row->min_charge_e8, out);
}

static void append_max_charge(const struct ts_deck_row *row, struct ts_buffer *out)
{
    append_price(row->max_charge_e8, out);
}

/* In the order of core/deck_row.c; the description is the sheet's. */
static void (*const appenders[TS_DECK_COLUMNS_MAX])(const struct ts_deck_row *row,
                                                    struct ts_buffer *out) = {
    append_prefix,     append_rate,           append_category,
    append_license,    append_origin,         NULL,
    append_unit,       append_rate_unit,      append_interval_1,
    append_interval_n, append_connect_fee,    append_grace,
    append_from_unit,  append_days,           append_from_time,
    append_to_time,    append_effective_from, append_effective_to,
    append_min_charge, append_max_charge,
};

void ts_deck_cell(const struct ts_deck_sheet *sheet,
                  const struct ts_deck_row *row,
                  size_t column,
                  struct ts_buffer *out)
{
    TS_ASSERT(column < TS_DECK_COLUMNS_MAX);
    if (appenders[column] != NULL) {
        appenders[column](row, out);
    } else {
        ts_buffer_append(
            out, ts_buffer_bytes(&sheet->text).data + row->description, row->description_size);
    }
}

size_t ts_deck_column_of(const char *name)
{
    size_t column = 0;
    while (column < TS_DECK_COLUMNS_MAX && strcmp(ts_deck_column(column)->name, name) != 0) {
        column++;
    }
    TS_ASSERT(column < TS_DECK_COLUMNS_MAX);
    return column;
}
