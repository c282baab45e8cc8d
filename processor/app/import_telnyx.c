/* SPDX-License-Identifier: Apache-2.0 */
/* Telnyx: a rate a minute for the destinations and, with origination prefixes, for the callers that
 * a row lists; intervals in seconds; a price per call on top. */
#include "app/deck_import.h"
#include "app/import_origin.h"

enum {
    ISO,
    COUNTRY,
    ORIGINATION,
    DESTINATION,
    DESCRIPTION,
    INTERVAL_1,
    INTERVAL_N,
    RATE,
    PRICE_PER_CALL,
    EXACT_MATCH,
    COLUMN_COUNT
};

static const struct ts_import_column columns[COLUMN_COUNT] = {
    [ISO] = {.name = "ISO", .no_price = true},
    [COUNTRY] = {.name = "Country", .no_price = true},
    [ORIGINATION] = {.name = "Origination Prefixes"},
    [DESTINATION] = {.name = "Destination Prefixes", .required = true},
    [DESCRIPTION] = {.name = "Description"},
    [INTERVAL_1] = {.name = "Interval 1", .required = true},
    [INTERVAL_N] = {.name = "Interval N", .required = true},
    [RATE] = {.name = "Rate", .required = true},
    [PRICE_PER_CALL] = {.name = "Price Per Call"},
    [EXACT_MATCH] = {.name = "Exact Match"},
};

enum { SECONDS_OF_A_MINUTE = 60 };

/* Most rows have the origins of the row before. */
struct state {
    struct ts_origin_map *map;
    struct ts_buffer cell;
    struct ts_origins origins;
    bool whole; /* countries */
};

static void end_state(void *self)
{
    struct state *state = self;
    ts_origin_map_destroy(state->map);
    ts_buffer_finish(&state->cell);
}

/* False after reporting. None: any origin. */
static bool find_origins(struct ts_import *import,
                         const struct ts_import_row *row,
                         const struct ts_origins **out)
{
    struct state *state = ts_import_state(import);
    struct ts_bytes cell = row->cells[ORIGINATION];
    *out = NULL;
    if (cell.size == 0 || ts_bytes_equal_text(cell, "*")) {
        return true;
    }
    if (state->map == NULL) {
        ts_buffer_init(&state->cell, SIZE_MAX / 2);
        state->map = ts_origin_map_create();
    }
    if (state->map == NULL) {
        ts_import_fail(import);
        return false;
    }
    if (!ts_bytes_equal(ts_buffer_bytes(&state->cell), cell)) {
        ts_buffer_clear(&state->cell);
        ts_buffer_append_bytes(&state->cell, cell);
        state->whole = ts_origin_map_find(state->map, cell, &state->origins);
    }
    if (!state->whole) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       row->line,
                       columns[ORIGINATION].name,
                       "%s: a deck's origin is a whole country",
                       state->origins.why);
        return false;
    }
    *out = &state->origins;
    return true;
}

static bool is_exact(struct ts_import *import, const struct ts_import_row *row)
{
    bool exact = false;
    if (!ts_import_flag(import, row, EXACT_MATCH, &exact)) {
        return true;
    }
    if (exact) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       row->line,
                       columns[EXACT_MATCH].name,
                       "a deck prices all numbers that begin with a prefix, not the one number");
    }
    return exact;
}

static bool
read_price(struct ts_import *import, const struct ts_import_row *row, struct ts_import_price *price)
{
    return ts_import_count(import, row, INTERVAL_1, 1, &price->interval_1) &&
           ts_import_count(import, row, INTERVAL_N, 1, &price->interval_n) &&
           ts_import_rate(import, row, RATE, SECONDS_OF_A_MINUTE, price) &&
           ts_import_amount(import, row, PRICE_PER_CALL, 0, &price->connect_fee_e8);
}

static void map(struct ts_import *import, const struct ts_import_row *row)
{
    struct ts_import_price price = ts_import_price_of(row->line);
    const struct ts_origins *origins = NULL;
    struct ts_bytes rest = row->cells[DESTINATION];
    if (rest.size == 0) {
        ts_import_note(
            import, TS_IMPORT_LEFT_OUT, row->line, columns[DESTINATION].name, "the cell is empty");
        return;
    }
    if (is_exact(import, row) || !find_origins(import, row, &origins) ||
        !read_price(import, row, &price)) {
        return;
    }
    price.description = row->cells[row->cells[DESCRIPTION].size > 0 ? DESCRIPTION : COUNTRY];
    while (ts_import_next_word(&rest, &price.prefix)) {
        price.origin[0] = '\0';
        if (origins == NULL) {
            ts_import_add(import, &price);
        }
        for (size_t i = 0; origins != NULL && i < origins->count; i++) {
            memcpy(price.origin, origins->countries[i], sizeof price.origin);
            ts_import_add(import, &price);
        }
    }
}

static const struct ts_import_file files[] = {
    {.columns = columns, .column_count = COLUMN_COUNT, .map = map},
};

const struct ts_import_format ts_import_telnyx = {
    .name = "telnyx",
    .files = files,
    .file_count = 1,
    .state_size = sizeof(struct state),
    .end_state = end_state,
};
