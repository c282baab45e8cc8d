/* SPDX-License-Identifier: Apache-2.0 */
/* CGRateS: rates (a price per unit, in increments, from an interval's start on), destinations (a
 * name for prefixes), and destination rates, which join the two. The intervals of a rate become
 * tiers. */
#include "app/deck_import.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE_ID, CONNECT_FEE, RATE, RATE_UNIT, RATE_INCREMENT, GROUP_INTERVAL_START, RATE_COLUMNS };

static const struct ts_import_column rate_columns[RATE_COLUMNS] = {
    [RATE_ID] = {.name = "Id", .alias = "Tag", .required = true},
    [CONNECT_FEE] = {.name = "ConnectFee"},
    [RATE] = {.name = "Rate", .required = true},
    [RATE_UNIT] = {.name = "RateUnit", .required = true},
    [RATE_INCREMENT] = {.name = "RateIncrement", .required = true},
    [GROUP_INTERVAL_START] = {.name = "GroupIntervalStart", .required = true},
};

enum { DESTINATION_NAME, PREFIX, DESTINATION_COLUMNS };

static const struct ts_import_column destination_columns[DESTINATION_COLUMNS] = {
    [DESTINATION_NAME] = {.name = "Id", .alias = "Tag", .required = true},
    [PREFIX] = {.name = "Prefix", .required = true},
};

enum {
    ID,
    DESTINATION_ID,
    RATES_TAG,
    ROUNDING_METHOD,
    ROUNDING_DECIMALS,
    MAX_COST,
    MAX_COST_STRATEGY,
    JOIN_COLUMNS
};

static const struct ts_import_column join_columns[JOIN_COLUMNS] = {
    [ID] = {.name = "Id", .alias = "Tag", .no_price = true},
    [DESTINATION_ID] = {.name = "DestinationId", .alias = "DestinationsTag", .required = true},
    [RATES_TAG] = {.name = "RatesTag", .alias = "RatesId", .required = true},
    [ROUNDING_METHOD] = {.name = "RoundingMethod"},
    [ROUNDING_DECIMALS] = {.name = "RoundingDecimals"},
    [MAX_COST] = {.name = "MaxCost"},
    [MAX_COST_STRATEGY] = {.name = "MaxCostStrategy"},
};

enum { QUOTED_MAX = 60, SECONDS_MAX = 1000000, ROUNDING_MAX = 40, AT_FIRST = 64 };

/* An interval of a rate. */
struct interval {
    struct ts_bytes id;
    struct ts_import_price price; /* the interval's start in from_unit */
    bool bad;                     /* it was reported, and the rate can't be used */
};

struct destination {
    struct ts_bytes id;
    struct ts_bytes prefix;
    uint32_t line;
};

struct state {
    struct interval *intervals;
    size_t interval_count;
    size_t interval_capacity;
    struct destination *destinations;
    size_t destination_count;
    size_t destination_capacity;
    bool sorted;
    char rounding[ROUNDING_MAX]; /* the last one reported */
};

static void end_state(void *self)
{
    struct state *state = self;
    free(state->intervals);
    free(state->destinations);
}

/* Room for one more item of so many bytes, or NULL. */
static void *
grow(struct ts_import *import, void *items, size_t size, size_t count, size_t *capacity)
{
    if (count < *capacity) {
        return items;
    }
    size_t wanted = *capacity > 0 ? *capacity * 2 : AT_FIRST;
    void *grown = realloc(items, wanted * size);
    if (grown == NULL) {
        ts_import_fail(import);
        return NULL;
    }
    *capacity = wanted;
    return grown;
}

/* ---- rates
 * ------------------------------------------------------------------------------------ */

/* "60s", "1m30s", "2h"; "0" needs no unit. Parts of a second are none of ours. */
static bool parse_duration(struct ts_bytes text, uint32_t *out)
{
    uint64_t seconds = 0;
    size_t at = 0;
    if (ts_bytes_equal_text(text, "0")) {
        *out = 0;
        return true;
    }
    while (at < text.size) {
        uint64_t value = 0;
        size_t digits = at;
        for (;
             at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && value <= SECONDS_MAX;
             at++) {
            value = value * 10 + (uint64_t)(text.data[at] - '0');
        }
        char unit = (char)(at < text.size && at > digits ? text.data[at++] : '\0');
        bool alone = at == text.size || (text.data[at] >= '0' && text.data[at] <= '9');
        uint64_t factor = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
        if (factor == 0 || !alone) { /* "ms", too */
            return false;
        }
        seconds += value * factor;
        if (seconds > SECONDS_MAX) {
            return false;
        }
    }
    *out = (uint32_t)seconds;
    return text.size > 0;
}

static bool read_duration(struct ts_import *import,
                          const struct ts_import_row *row,
                          size_t column,
                          uint32_t *out)
{
    char quoted[QUOTED_MAX];
    if (parse_duration(row->cells[column], out)) {
        return true;
    }
    ts_import_note(import,
                   TS_IMPORT_LEFT_OUT,
                   row->line,
                   rate_columns[column].name,
                   "%s is no whole number of seconds with its unit, as 60s or 1m, of at most %d",
                   ts_utf8_quote(row->cells[column], quoted, sizeof quoted),
                   SECONDS_MAX);
    return false;
}

/* A rate of 0 may be for 0 units. */
static bool read_interval(struct ts_import *import,
                          const struct ts_import_row *row,
                          struct ts_import_price *price)
{
    uint32_t unit = 0;
    uint32_t increment = 0;
    if (!read_duration(import, row, RATE_UNIT, &unit) ||
        !read_duration(import, row, RATE_INCREMENT, &increment) ||
        !read_duration(import, row, GROUP_INTERVAL_START, &price->from_unit) ||
        !ts_import_amount(import, row, CONNECT_FEE, 0, &price->connect_fee_e8) ||
        !ts_import_rate(import, row, RATE, unit > 0 ? unit : 60, price)) {
        return false;
    }
    if (increment == 0 || (unit == 0 && price->rate_e8 != 0)) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       row->line,
                       rate_columns[increment == 0 ? RATE_INCREMENT : RATE_UNIT].name,
                       "0 seconds");
        return false;
    }
    price->interval_1 = increment;
    price->interval_n = increment;
    return true;
}

static void map_rate(struct ts_import *import, const struct ts_import_row *row)
{
    struct state *state = ts_import_state(import);
    struct interval *intervals = grow(import,
                                      state->intervals,
                                      sizeof *intervals,
                                      state->interval_count,
                                      &state->interval_capacity);
    if (intervals == NULL) {
        return;
    }
    state->intervals = intervals;
    struct interval *interval = &intervals[state->interval_count++];
    *interval = (struct interval){.price = ts_import_price_of(row->line)};
    interval->id = ts_arena_copy(ts_import_arena(import), row->cells[RATE_ID]);
    interval->bad = !read_interval(import, row, &interval->price);
    if (interval->id.data == NULL && interval->id.size > 0) {
        interval->id.size = 0;
        ts_import_fail(import);
    }
}

/* ---- destinations
 * ----------------------------------------------------------------------------- */

static void map_destination(struct ts_import *import, const struct ts_import_row *row)
{
    struct state *state = ts_import_state(import);
    struct ts_bytes rest = row->cells[PREFIX];
    struct ts_bytes word;
    while (ts_import_next_word(&rest, &word)) {
        struct destination *destinations = grow(import,
                                                state->destinations,
                                                sizeof *destinations,
                                                state->destination_count,
                                                &state->destination_capacity);
        if (destinations == NULL) {
            return;
        }
        state->destinations = destinations;
        struct destination *destination = &destinations[state->destination_count++];
        destination->line = row->line;
        destination->id = ts_arena_copy(ts_import_arena(import), row->cells[DESTINATION_NAME]);
        destination->prefix = ts_arena_copy(ts_import_arena(import), word);
        if (destination->prefix.data == NULL || destination->id.data == NULL) {
            state->destination_count--;
            ts_import_fail(import);
        }
    }
}

/* ---- destination rates
 * ------------------------------------------------------------------------ */

static int compare_intervals(const void *left, const void *right)
{
    const struct interval *a = left;
    const struct interval *b = right;
    int order = ts_bytes_compare(a->id, b->id);
    if (order != 0 || a->price.from_unit == b->price.from_unit) {
        return order != 0 ? order
                          : (a->price.line > b->price.line) - (a->price.line < b->price.line);
    }
    return a->price.from_unit > b->price.from_unit ? 1 : -1;
}

static int compare_destinations(const void *left, const void *right)
{
    const struct destination *a = left;
    const struct destination *b = right;
    int order = ts_bytes_compare(a->id, b->id);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

static void sort(struct state *state)
{
    if (!state->sorted && state->interval_count > 0) {
        qsort(state->intervals, state->interval_count, sizeof(struct interval), compare_intervals);
    }
    if (!state->sorted && state->destination_count > 0) {
        qsort(state->destinations,
              state->destination_count,
              sizeof(struct destination),
              compare_destinations);
    }
    state->sorted = true;
}

/* The intervals of a rate, by their start; NULL when there are none. */
static struct interval *find_intervals(const struct state *state, struct ts_bytes id, size_t *count)
{
    size_t low = 0;
    size_t high = state->interval_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ts_bytes_compare(state->intervals[middle].id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *count = 0;
    while (low + *count < state->interval_count &&
           ts_bytes_equal(state->intervals[low + *count].id, id)) {
        ++*count;
    }
    return *count > 0 ? state->intervals + low : NULL;
}

static size_t find_destination(const struct state *state, struct ts_bytes id)
{
    size_t low = 0;
    size_t high = state->destination_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ts_bytes_compare(state->destinations[middle].id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Why the intervals are no tiers of ours; NULL when they are. */
static const char *why_no_tiers(const struct interval *intervals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct ts_import_price *price = &intervals[i].price;
        if (intervals[i].bad) {
            return "its rate was left out";
        }
        if (i == 0 && price->from_unit != 0) {
            return "its rate has no interval that starts at 0";
        }
        if (i > 0 && price->connect_fee_e8 != 0 &&
            price->connect_fee_e8 != intervals[0].price.connect_fee_e8) {
            return "the intervals of its rate have different connect fees";
        }
        if (i == 0) {
            continue;
        }
        const struct ts_import_price *before = &intervals[i - 1].price;
        if (before->from_unit == price->from_unit) {
            return "two intervals of its rate start at the same time";
        }
        if ((price->from_unit - before->from_unit) % before->interval_n != 0) {
            return "an interval of its rate starts in the middle of an increment";
        }
    }
    return count == 0 ? "there is no such rate" : NULL;
}

/* Rounding is a rate plan's here. */
static void tell_rounding(struct ts_import *import, const struct ts_import_row *row)
{
    struct state *state = ts_import_state(import);
    char quoted[QUOTED_MAX];
    char rounding[ROUNDING_MAX];
    struct ts_bytes method = row->cells[ROUNDING_METHOD];
    struct ts_bytes decimals = row->cells[ROUNDING_DECIMALS];
    if (method.size == 0 && decimals.size == 0) {
        return;
    }
    snprintf(rounding, sizeof rounding, "%.*s %.*s", TS_ARGS(method), TS_ARGS(decimals));
    if (strcmp(rounding, state->rounding) != 0) {
        memcpy(state->rounding, rounding, sizeof rounding);
        ts_import_note(import,
                       TS_IMPORT_CELL,
                       row->line,
                       join_columns[ROUNDING_METHOD].name,
                       "%s: rounding is the rate plan's, as `rate-plans set NAME rounding=up "
                       "decimals=4` (here and in rows of the same below)",
                       ts_utf8_quote(ts_bytes_of(rounding), quoted, sizeof quoted));
    }
}

static bool has_no_limit(struct ts_import *import, const struct ts_import_row *row)
{
    int64_t limit_e8 = 0;
    if (!ts_import_amount(import, row, MAX_COST, 0, &limit_e8)) {
        return false;
    }
    if (limit_e8 != 0) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       row->line,
                       join_columns[MAX_COST].name,
                       "a limit that ends the call, or makes the rest of it free");
    }
    return limit_e8 == 0;
}

static void add_tiers(struct ts_import *import,
                      uint32_t line,
                      const struct interval *intervals,
                      size_t count,
                      const struct destination *destination)
{
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        struct ts_import_price price = intervals[i].price;
        price.line = line;
        price.prefix = destination->prefix;
        price.description = destination->id;
        price.connect_fee_e8 = intervals[0].price.connect_fee_e8;
        price.interval_1 = intervals[0].price.interval_1;
        good = ts_import_add(import, &price);
    }
}

static void map_join(struct ts_import *import, const struct ts_import_row *row)
{
    static const struct destination any = {TS_LITERAL(""), TS_LITERAL("*"), 0};
    struct state *state = ts_import_state(import);
    struct ts_bytes id = row->cells[DESTINATION_ID];
    size_t count = 0;
    sort(state);
    const struct interval *intervals = find_intervals(state, row->cells[RATES_TAG], &count);
    const char *why = why_no_tiers(intervals, count);
    if (why != NULL) {
        ts_import_note(
            import, TS_IMPORT_LEFT_OUT, row->line, join_columns[RATES_TAG].name, "%s", why);
        return;
    }
    if (!has_no_limit(import, row)) {
        return;
    }
    if (ts_bytes_equal_text(id, "*any")) {
        add_tiers(import, row->line, intervals, count, &any);
    }
    size_t at = find_destination(state, id);
    if (!ts_bytes_equal_text(id, "*any") &&
        (at == state->destination_count || !ts_bytes_equal(state->destinations[at].id, id))) {
        ts_import_note(import,
                       TS_IMPORT_LEFT_OUT,
                       row->line,
                       join_columns[DESTINATION_ID].name,
                       "there is no such destination");
        return;
    }
    for (; at < state->destination_count && ts_bytes_equal(state->destinations[at].id, id); at++) {
        add_tiers(import, row->line, intervals, count, &state->destinations[at]);
    }
    tell_rounding(import, row);
}

static const struct ts_import_file files[] = {
    {.columns = rate_columns, .column_count = RATE_COLUMNS, .comments = true, .map = map_rate},
    {.option = "destinations",
     .columns = destination_columns,
     .column_count = DESTINATION_COLUMNS,
     .comments = true,
     .map = map_destination},
    {.option = "destination-rates",
     .columns = join_columns,
     .column_count = JOIN_COLUMNS,
     .comments = true,
     .map = map_join},
};

const struct ts_import_format ts_import_cgrates = {
    .name = "cgrates",
    .files = files,
    .file_count = sizeof files / sizeof files[0],
    .state_size = sizeof(struct state),
    .end_state = end_state,
};
