/* SPDX-License-Identifier: Apache-2.0 */
/* ASTPP: a cost a minute in increments, behind seconds that the connection cost includes. Included
 * seconds become a tier that costs nothing; the increments of what is paid begin behind it. */
#include "app/deck_import.h"

enum { PATTERN, COMMENT, CONNECT_COST, INCLUDED_SECONDS, COST, INC, INIT_INC, COLUMN_COUNT };

static const struct ts_import_column columns[COLUMN_COUNT] = {
    [PATTERN] = {.name = "pattern", .alias = "code", .required = true},
    [COMMENT] = {.name = "comment", .alias = "destination"},
    [CONNECT_COST] = {.name = "connectcost"},
    [INCLUDED_SECONDS] = {.name = "includedseconds"},
    [COST] = {.name = "cost", .required = true},
    [INC] = {.name = "inc", .required = true},
    [INIT_INC] = {.name = "init_inc"},
};

enum { SECONDS_OF_A_MINUTE = 60, UNITS_MAX = 1000000 };

/* "^44.*" is "44". */
static struct ts_bytes prefix_of(struct ts_bytes pattern)
{
    if (pattern.size > 0 && pattern.data[0] == '^') {
        pattern = (struct ts_bytes){pattern.data + 1, pattern.size - 1};
    }
    if (pattern.size > 2 && memcmp(pattern.data + pattern.size - 2, ".*", 2) == 0) {
        pattern.size -= 2;
    }
    return pattern;
}

/* An absent or empty cell is 0. */
static bool
read_count(struct ts_import *import, const struct ts_import_row *row, size_t column, uint32_t *out)
{
    *out = 0;
    return row->cells[column].size == 0 || ts_import_count(import, row, column, 0, out);
}

/* The tiers of a cost: what is included, the first increment, all later ones. */
static void add_tiers(struct ts_import *import,
                      const struct ts_import_price *paid,
                      uint32_t included,
                      uint32_t first_increment)
{
    struct ts_import_price tier = *paid;
    if (included == 0) {
        tier.interval_1 = first_increment;
        ts_import_add(import, &tier);
        return;
    }
    tier.rate_e8 = 0;
    tier.interval_1 = included;
    if (!ts_import_add(import, &tier)) {
        return;
    }
    tier.rate_e8 = paid->rate_e8;
    tier.from_unit = included;
    tier.interval_n = first_increment;
    ts_import_add(import, &tier);
    if (first_increment != paid->interval_n) {
        tier.from_unit = included + first_increment;
        tier.interval_n = paid->interval_n;
        ts_import_add(import, &tier);
    }
}

static void map(struct ts_import *import, const struct ts_import_row *row)
{
    struct ts_import_price price = ts_import_price_of(row->line);
    uint32_t included = 0;
    uint32_t first_increment = 0;
    if (!ts_import_rate(import, row, COST, SECONDS_OF_A_MINUTE, &price) ||
        !ts_import_amount(import, row, CONNECT_COST, 0, &price.connect_fee_e8) ||
        !ts_import_count(import, row, INC, 1, &price.interval_n) ||
        !read_count(import, row, INCLUDED_SECONDS, &included) ||
        !read_count(import, row, INIT_INC, &first_increment)) {
        return;
    }
    first_increment = first_increment > 0 ? first_increment : price.interval_n;
    if (included + first_increment > UNITS_MAX) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       row->line,
                       columns[INCLUDED_SECONDS].name,
                       "with the first increment more than the %d seconds a tier can begin at",
                       UNITS_MAX);
        return;
    }
    price.prefix = prefix_of(row->cells[PATTERN]);
    price.description = row->cells[COMMENT];
    add_tiers(import, &price, included, first_increment);
}

static const struct ts_import_file files[] = {
    {.columns = columns, .column_count = COLUMN_COUNT, .map = map},
};

const struct ts_import_format ts_import_astpp = {
    .name = "astpp",
    .files = files,
    .file_count = 1,
};
