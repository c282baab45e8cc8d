/* SPDX-License-Identifier: Apache-2.0 */
/* Kazoo: a cost a minute; a minimum in seconds, then increments; no charge for calls shorter than
 * rate_nocharge_time; a surcharge once. A rate is for outbound calls, inbound ones, or both; of
 * several for one prefix the one with the largest weight counts. */
#include "app/deck_import.h"
#include "base/utf8.h"

#include <strings.h>

enum {
    PREFIX,
    RATE_COST,
    RATE_INCREMENT,
    RATE_MINIMUM,
    RATE_NOCHARGE_TIME,
    RATE_SURCHARGE,
    DIRECTION,
    ISO_COUNTRY_CODE,
    WEIGHT,
    DESCRIPTION,
    RATE_NAME,
    RATE_VERSION,
    COLUMN_COUNT
};

static const struct ts_import_column columns[COLUMN_COUNT] = {
    [PREFIX] = {.name = "prefix", .required = true},
    [RATE_COST] = {.name = "rate_cost", .required = true},
    [RATE_INCREMENT] = {.name = "rate_increment"},
    [RATE_MINIMUM] = {.name = "rate_minimum"},
    [RATE_NOCHARGE_TIME] = {.name = "rate_nocharge_time"},
    [RATE_SURCHARGE] = {.name = "rate_surcharge"},
    [DIRECTION] = {.name = "direction"},
    [ISO_COUNTRY_CODE] = {.name = "iso_country_code", .no_price = true},
    [WEIGHT] = {.name = "weight"},
    [DESCRIPTION] = {.name = "description"},
    [RATE_NAME] = {.name = "rate_name", .no_price = true},
    [RATE_VERSION] = {.name = "rate_version", .no_price = true},
};

enum { SECONDS_OF_A_MINUTE = 60, DEFAULT_SECONDS = 60, QUOTED_MAX = 60 };

struct directions {
    bool outbound;
    bool inbound;
};

/* Words as outbound, "inbound,outbound" or [inbound]; none is both. */
static bool
read_directions(struct ts_import *import, const struct ts_import_row *row, struct directions *out)
{
    char quoted[QUOTED_MAX];
    struct ts_bytes rest = row->cells[DIRECTION];
    struct ts_bytes word;
    *out = (struct directions){.outbound = rest.size == 0, .inbound = rest.size == 0};
    while (ts_import_next_word(&rest, &word)) {
        bool outbound = word.size == 8 && strncasecmp(word.data, "outbound", 8) == 0;
        bool inbound = word.size == 7 && strncasecmp(word.data, "inbound", 7) == 0;
        if (!outbound && !inbound) {
            ts_import_note(import,
                           TS_IMPORT_LEFT_OUT,
                           row->line,
                           columns[DIRECTION].name,
                           "%s is neither inbound nor outbound",
                           ts_utf8_quote(word, quoted, sizeof quoted));
            return false;
        }
        out->outbound = out->outbound || outbound;
        out->inbound = out->inbound || inbound;
    }
    return true;
}

/* An absent or empty cell is the default. */
static bool read_count(struct ts_import *import,
                       const struct ts_import_row *row,
                       size_t column,
                       uint32_t if_empty,
                       uint32_t *out)
{
    *out = if_empty;
    return row->cells[column].size == 0 || ts_import_count(import, row, column, 0, out);
}

static bool
read_price(struct ts_import *import, const struct ts_import_row *row, struct ts_import_price *price)
{
    uint32_t minimum = 0;
    uint32_t increment = 0;
    uint32_t nocharge = 0;
    uint32_t weight = 0;
    if (!ts_import_rate(import, row, RATE_COST, SECONDS_OF_A_MINUTE, price) ||
        !ts_import_amount(import, row, RATE_SURCHARGE, 0, &price->connect_fee_e8) ||
        !read_count(import, row, RATE_INCREMENT, DEFAULT_SECONDS, &increment) ||
        !read_count(import, row, RATE_MINIMUM, DEFAULT_SECONDS, &minimum) ||
        !read_count(import, row, RATE_NOCHARGE_TIME, 0, &nocharge) ||
        !read_count(import, row, WEIGHT, 0, &weight)) {
        return false;
    }
    price->interval_n = increment > 0 ? increment : DEFAULT_SECONDS;
    price->interval_1 = minimum > 0 ? minimum : price->interval_n;
    price->grace = nocharge > 0 ? nocharge - 1 : 0; /* shorter than it, not as long as it */
    price->weight = weight;
    return true;
}

static void map(struct ts_import *import, const struct ts_import_row *row)
{
    /* Rows without a category fit outbound calls only. */
    static const char *const inbound_categories[] = {
        "local_inbound", "toll_free_inbound", "fax_inbound"};
    struct ts_import_price price = ts_import_price_of(row->line);
    struct directions directions;
    if (!read_directions(import, row, &directions) || !read_price(import, row, &price)) {
        return;
    }
    price.prefix = row->cells[PREFIX];
    price.description =
        row->cells[row->cells[DESCRIPTION].size > 0 ? DESCRIPTION : ISO_COUNTRY_CODE];
    bool good = !directions.outbound || ts_import_add(import, &price);
    for (size_t i = 0; i < 3 && directions.inbound && good; i++) {
        price.category = inbound_categories[i];
        good = ts_import_add(import, &price);
    }
}

static const struct ts_import_file files[] = {
    {.columns = columns, .column_count = COLUMN_COUNT, .map = map},
};

const struct ts_import_format ts_import_kazoo = {
    .name = "kazoo",
    .files = files,
    .file_count = 1,
};
