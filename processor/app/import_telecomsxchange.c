/* SPDX-License-Identifier: Apache-2.0 */
/* TelecomsXchange: Price 1 a minute for the first interval, Price N for all later ones. Where they
 * differ, the deck gets a tier that begins where the first interval ends. */
#include "app/deck_import.h"
#include "base/utf8.h"
#include "core/timestamp.h"

#include <stdio.h>

enum {
    COUNTRY,
    DESCRIPTION,
    PREFIX,
    EFFECTIVE_FROM,
    RATE_ID,
    FORBIDDEN,
    DISCONTINUED,
    PRICE_1,
    PRICE_N,
    INTERVAL_1,
    INTERVAL_N,
    COLUMN_COUNT
};

static const struct ts_import_column columns[COLUMN_COUNT] = {
    [COUNTRY] = {.name = "Country", .no_price = true},
    [DESCRIPTION] = {.name = "Description"},
    [PREFIX] = {.name = "Prefix", .required = true},
    [EFFECTIVE_FROM] = {.name = "Effective from"},
    [RATE_ID] = {.name = "Rate Id", .no_price = true},
    [FORBIDDEN] = {.name = "Forbidden"},
    [DISCONTINUED] = {.name = "Discontinued"},
    [PRICE_1] = {.name = "Price 1", .required = true},
    [PRICE_N] = {.name = "Price N", .required = true},
    [INTERVAL_1] = {.name = "Interval 1", .required = true},
    [INTERVAL_N] = {.name = "Interval N", .required = true},
};

enum { SECONDS_OF_A_MINUTE = 60, TIME_MAX = 40, QUOTED_MAX = 60 };

struct state {
    bool told_utc;
};

/* "2026-11-01", "2026-11-01 08:00" or "2026-11-01 08:00:00", without an offset. */
static bool parse_local(struct ts_bytes cell, int64_t *ms)
{
    static const char rests[][12] = {"T00:00:00Z", ":00Z", "Z"};
    static const size_t sizes[] = {10, 16, 19};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char text[TIME_MAX];
        if (cell.size == sizes[i]) {
            snprintf(text, sizeof text, "%.*s%s", TS_ARGS(cell), rests[i]);
            text[10] = 'T';
            return ts_timestamp_parse(ts_bytes_of(text), ms);
        }
    }
    return false;
}

/* False after reporting. */
static bool read_time(struct ts_import *import, const struct ts_import_row *row, int64_t *ms)
{
    struct state *state = ts_import_state(import);
    struct ts_bytes cell = row->cells[EFFECTIVE_FROM];
    char quoted[QUOTED_MAX];
    if (cell.size == 0 || ts_timestamp_parse(cell, ms)) {
        return true;
    }
    if (!parse_local(cell, ms)) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       row->line,
                       columns[EFFECTIVE_FROM].name,
                       "%s is no time as 2026-11-01 08:00:00",
                       ts_utf8_quote(cell, quoted, sizeof quoted));
        return false;
    }
    if (!state->told_utc) {
        state->told_utc = true;
        ts_import_note(import,
                       TS_IMPORT_CELL,
                       row->line,
                       columns[EFFECTIVE_FROM].name,
                       "the time has no offset and is taken as UTC, here and below");
    }
    return true;
}

static void discontinue(struct ts_import *import, const struct ts_import_row *row, int64_t from_ms)
{
    ts_import_end_prefix(import, row->cells[PREFIX], from_ms);
    ts_import_note(import,
                   TS_IMPORT_LEFT_OUT,
                   row->line,
                   columns[DISCONTINUED].name,
                   "the prefix has no rate any more: from then on a shorter one prices it, if "
                   "there is one");
}

static bool same_rate(const struct ts_import_price *a, const struct ts_import_price *b)
{
    return a->rate_e8 == b->rate_e8 && a->rate_unit == b->rate_unit;
}

static void
add_prices(struct ts_import *import, const struct ts_import_row *row, struct ts_import_price *price)
{
    struct ts_import_price later = *price;
    if (!ts_import_rate(import, row, PRICE_1, SECONDS_OF_A_MINUTE, price) ||
        !ts_import_rate(import, row, PRICE_N, SECONDS_OF_A_MINUTE, &later) ||
        !ts_import_count(import, row, INTERVAL_1, 1, &price->interval_1) ||
        !ts_import_count(import, row, INTERVAL_N, 1, &price->interval_n)) {
        return;
    }
    later.interval_1 = price->interval_1;
    later.interval_n = price->interval_n;
    later.from_unit = price->interval_1;
    if (ts_import_add(import, price) && !same_rate(price, &later)) {
        ts_import_add(import, &later);
    }
}

static void map(struct ts_import *import, const struct ts_import_row *row)
{
    struct ts_import_price price = ts_import_price_of(row->line);
    bool discontinued = false;
    if (!ts_import_flag(import, row, FORBIDDEN, &price.blocked) ||
        !ts_import_flag(import, row, DISCONTINUED, &discontinued) ||
        !read_time(import, row, &price.effective_from_ms)) {
        return;
    }
    price.prefix = row->cells[PREFIX];
    price.description = row->cells[row->cells[DESCRIPTION].size > 0 ? DESCRIPTION : COUNTRY];
    if (discontinued) {
        discontinue(import, row, price.effective_from_ms);
    } else if (price.blocked) {
        ts_import_add(import, &price);
    } else {
        add_prices(import, row, &price);
    }
}

static const struct ts_import_file files[] = {
    {.columns = columns, .column_count = COLUMN_COUNT, .map = map},
};

const struct ts_import_format ts_import_telecomsxchange = {
    .name = "telecomsxchange",
    .files = files,
    .file_count = 1,
    .state_size = sizeof(struct state),
};
