/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deck_compile.h"

#include "base/assert.h"
#include "base/error.h"
#include "core/fraction.h"

#include <stdlib.h>
#include <string.h>

enum { RATES_AT_FIRST = 256 };

static uint32_t key_of(const struct ts_deck_row *row)
{
    return ts_deck_key(row->category, row->origin, row->license);
}

static bool same_rate(const struct ts_deck_row *a, const struct ts_deck_row *b)
{
    return a->prefix == b->prefix && key_of(a) == key_of(b) &&
           a->effective_from_ms == b->effective_from_ms;
}

static bool same_place(const struct ts_deck_row *a, const struct ts_deck_row *b)
{
    return a->from_unit == b->from_unit && a->days == b->days && a->from_minute == b->from_minute &&
           a->to_minute == b->to_minute;
}

static int order_of(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int ts_deck_row_order(const struct ts_deck_row *x, const struct ts_deck_row *y)
{
    int order = order_of(x->prefix, y->prefix);
    order = order != 0 ? order : order_of(key_of(x), key_of(y));
    if (order == 0 && x->effective_from_ms != y->effective_from_ms) {
        return x->effective_from_ms > y->effective_from_ms ? -1 : 1;
    }
    order = order != 0 ? order : order_of(x->from_unit, y->from_unit);
    order = order != 0 ? order : order_of(x->days, y->days);
    order = order != 0 ? order : order_of(x->from_minute, y->from_minute);
    return order != 0 ? order : order_of(x->to_minute, y->to_minute);
}

static int compare_rows(const void *a, const void *b, void *rows)
{
    const struct ts_deck_row *x = (const struct ts_deck_row *)rows + *(const uint32_t *)a;
    const struct ts_deck_row *y = (const struct ts_deck_row *)rows + *(const uint32_t *)b;
    int order = ts_deck_row_order(x, y);
    return order != 0 ? order : order_of(x->line, y->line);
}

static bool sort_rows(struct ts_deck_sheet *sheet)
{
    free(sheet->order);
    sheet->order = malloc(sheet->row_count * sizeof *sheet->order);
    if (sheet->order == NULL) {
        return false;
    }
    for (size_t i = 0; i < sheet->row_count; i++) {
        sheet->order[i] = (uint32_t)i;
    }
    qsort_r(sheet->order, sheet->row_count, sizeof *sheet->order, compare_rows, sheet->rows);
    return true;
}

static void tell_disagreement(struct ts_deck_sheet *sheet,
                              const struct ts_deck_row *row,
                              const struct ts_deck_row *first,
                              const char *column)
{
    ts_deck_sheet_note(sheet,
                       TS_DECK_FAULT,
                       row->line,
                       column,
                       "the rows of one rate must agree on it: line %u says otherwise",
                       first->line);
}

static void check_agreement(struct ts_deck_sheet *sheet, const uint32_t *rows, size_t count)
{
    const struct ts_deck_row *first = &sheet->rows[rows[0]];
    for (size_t i = 1; i < count; i++) {
        const struct ts_deck_row *row = &sheet->rows[rows[i]];
        first = row->line < first->line ? row : first;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ts_deck_row *row = &sheet->rows[rows[i]];
        if (row->unit != first->unit) {
            tell_disagreement(sheet, row, first, "unit");
        }
        if (row->effective_to_ms != first->effective_to_ms) {
            tell_disagreement(sheet, row, first, "effective_to");
        }
        if (row->blocked != first->blocked) {
            tell_disagreement(sheet, row, first, "rate");
        }
    }
}

/* Keeps the rows that take part, in place: no faulty ones, no duplicates. Returns how many. */
static size_t keep_good_rows(struct ts_deck_sheet *sheet, uint32_t *rows, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ts_deck_row *row = &sheet->rows[rows[i]];
        if (row->faulty) {
            continue;
        }
        if (kept > 0 && same_place(row, &sheet->rows[rows[kept - 1]])) {
            ts_deck_sheet_note(sheet,
                               TS_DECK_FAULT,
                               row->line,
                               "prefix",
                               "duplicate: the same row is in line %u",
                               sheet->rows[rows[kept - 1]].line);
            continue;
        }
        rows[kept++] = rows[i];
    }
    return kept;
}

static struct ts_price_row price_row(const struct ts_deck_row *row)
{
    return (struct ts_price_row){
        .rate_e8 = row->rate_e8,
        .connect_fee_e8 = row->connect_fee_e8,
        .min_charge_e8 = row->min_charge_e8,
        .max_charge_e8 = row->max_charge_e8,
        .rate_unit = row->rate_unit,
        .interval_1 = row->interval_1,
        .interval_n = row->interval_n,
        .grace = row->grace,
        .from_unit = row->from_unit,
        .line = row->line,
        .description = row->description,
        .description_size = row->description_size,
    };
}

/* The different rate units of a rate, numbered as they come. */
struct rate_units {
    uint32_t values[TS_FRACTION_TERMS_MAX];
    uint16_t count;
};

/* TS_FRACTION_TERMS_MAX when there is no number left. */
static uint16_t number_of_unit(struct rate_units *units, uint32_t rate_unit)
{
    uint16_t number = 0;
    while (number < units->count && units->values[number] != rate_unit) {
        number++;
    }
    if (number == units->count && number < TS_FRACTION_TERMS_MAX) {
        units->values[units->count++] = rate_unit;
    }
    return number;
}

static void add_price_row(struct ts_deck *deck,
                          struct ts_deck_sheet *sheet,
                          struct ts_deck_rate *rate,
                          struct rate_units *units,
                          const struct ts_deck_row *row)
{
    struct ts_price_row *added = &deck->rows[deck->row_count++];
    *added = price_row(row);
    added->divisor = number_of_unit(units, row->rate_unit);
    if (added->divisor == TS_FRACTION_TERMS_MAX) {
        ts_deck_sheet_note(sheet,
                           TS_DECK_FAULT,
                           row->line,
                           "rate_unit",
                           "a rate has at most %d different rate units",
                           TS_FRACTION_TERMS_MAX);
    }
    rate->row_count++;
    rate->divisor_count = units->count;
}

static bool
add_rate(struct ts_deck *deck, struct ts_deck_sheet *sheet, uint32_t *rows, size_t count)
{
    size_t kept = keep_good_rows(sheet, rows, count);
    if (kept == 0) {
        return true;
    }
    const struct ts_deck_row *first = &sheet->rows[rows[0]];
    struct ts_deck_rate *rate = &deck->rates[deck->rate_count++];
    *rate = (struct ts_deck_rate){
        .effective_from_ms = first->effective_from_ms,
        .effective_to_ms = first->effective_to_ms,
        .row = (uint32_t)deck->row_count,
        .key = key_of(first),
        .unit = first->unit,
        .blocked = first->blocked,
    };
    ts_deck_prefix_text(first->prefix, rate->prefix);
    check_agreement(sheet, rows, kept);
    struct rate_units units = {.count = 0};
    for (size_t i = 0; i < kept; i++) {
        add_price_row(deck, sheet, rate, &units, &sheet->rows[rows[i]]);
    }
    return ts_deck_week_build(deck, sheet, rows, kept, kept == count, rate);
}

/* The rates from `first_rate` on are those of one prefix. */
static bool
add_prefix(struct ts_deck *deck, size_t first_rate, uint64_t prefix, struct ts_error *err)
{
    if (first_rate == deck->rate_count) {
        return true;
    }
    uint32_t index = (uint32_t)deck->prefix_count++;
    struct ts_deck_prefix *entry = &deck->prefixes[index];
    *entry = (struct ts_deck_prefix){
        .rate = (uint32_t)first_rate,
        .rate_count = (uint32_t)(deck->rate_count - first_rate),
    };
    for (size_t i = first_rate; i < deck->rate_count; i++) {
        entry->categories |= 1U << ts_deck_key_category(deck->rates[i].key);
    }
    if (prefix == TS_DECK_PREFIX_ANY) {
        deck->any_prefix = index;
        return true;
    }
    const char *digits = deck->rates[first_rate].prefix;
    return ts_trie_insert(deck->trie, digits, strlen(digits), index, err);
}

static bool add_all(struct ts_deck *deck, struct ts_deck_sheet *sheet, struct ts_error *err)
{
    size_t at = 0;
    while (at < sheet->row_count) {
        uint64_t prefix = sheet->rows[sheet->order[at]].prefix;
        size_t first_rate = deck->rate_count;
        while (at < sheet->row_count && sheet->rows[sheet->order[at]].prefix == prefix) {
            size_t end = at + 1;
            while (end < sheet->row_count &&
                   same_rate(&sheet->rows[sheet->order[at]], &sheet->rows[sheet->order[end]])) {
                end++;
            }
            if (!add_rate(deck, sheet, sheet->order + at, end - at)) {
                return ts_error_no_memory(err);
            }
            at = end;
        }
        if (!add_prefix(deck, first_rate, prefix, err)) {
            return false;
        }
    }
    return true;
}

struct ts_deck *ts_deck_compile(struct ts_deck_sheet *sheet, struct ts_error *err)
{
    struct ts_deck *deck = calloc(1, sizeof *deck);
    if (deck == NULL || !sort_rows(sheet)) {
        free(deck);
        ts_error_no_memory(err);
        return NULL;
    }
    deck->any_prefix = TS_TRIE_NONE;
    deck->trie = ts_trie_create(NULL);
    deck->rows = calloc(sheet->row_count, sizeof *deck->rows);
    deck->rates = malloc(sheet->row_count * sizeof *deck->rates);
    deck->prefixes = malloc(sheet->row_count * sizeof *deck->prefixes);
    deck->text_size = sheet->text.size;
    deck->text = malloc(deck->text_size + 1);
    if (deck->trie == NULL || deck->rows == NULL || deck->rates == NULL || deck->prefixes == NULL ||
        deck->text == NULL) {
        ts_deck_destroy(deck);
        ts_error_no_memory(err);
        return NULL;
    }
    if (deck->text_size > 0) {
        memcpy(deck->text, sheet->text.data, deck->text_size);
    }
    if (!add_all(deck, sheet, err)) {
        ts_deck_destroy(deck);
        return NULL;
    }
    return deck;
}

void ts_deck_destroy(struct ts_deck *deck)
{
    if (deck != NULL) {
        ts_trie_destroy(deck->trie);
        free(deck->rows);
        free(deck->rates);
        free(deck->prefixes);
        free(deck->segments);
        free(deck->tiers);
        free(deck->text);
        free(deck);
    }
}

size_t ts_deck_row_count(const struct ts_deck *deck)
{
    return deck->row_count;
}

size_t ts_deck_memory_bytes(const struct ts_deck *deck)
{
    return sizeof *deck + ts_trie_memory_bytes(deck->trie) + deck->row_count * sizeof *deck->rows +
           deck->rate_count * sizeof *deck->rates + deck->prefix_count * sizeof *deck->prefixes +
           deck->segment_capacity * sizeof *deck->segments +
           deck->tier_capacity * sizeof *deck->tiers + deck->text_size;
}
