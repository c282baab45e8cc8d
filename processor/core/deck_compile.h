/* SPDX-License-Identifier: Apache-2.0 */
/* From the rows of a sheet to a compiled deck: rows are grouped into rates, rates are checked
 * (duplicates, overlaps, gaps, tiers that disagree) and laid out for look-up. For core/deck*.c
 * only; users see core/deck.h. */
#ifndef TS_CORE_DECK_COMPILE_H
#define TS_CORE_DECK_COMPILE_H

#include "core/deck_row.h"
#include "core/deck_sheet.h"
#include "core/pricing.h"
#include "core/trie.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_error;
struct ts_numbering;

/* One price of one prefix: rows that share category, license, origin, prefix and effective_from. */
struct ts_deck_rate {
    int64_t effective_from_ms;
    int64_t effective_to_ms;
    uint32_t row; /* the first of its rows in rows[] */
    uint32_t row_count;
    uint32_t segment;
    uint32_t segment_count;
    uint32_t key; /* category, origin and license: ts_deck_key */
    uint16_t divisor_count;
    uint8_t unit; /* enum ts_unit */
    bool blocked;
    char prefix[TS_DECK_PREFIX_DIGITS_MAX + 1]; /* the cell */
};

/* Categories come first and origins next, so that rates of one prefix sort as they are sought. */
static inline uint32_t ts_deck_key(unsigned category, uint16_t origin, unsigned license)
{
    return (uint32_t)category << 24 | (uint32_t)origin << 8 | license;
}

static inline unsigned ts_deck_key_category(uint32_t key)
{
    return key >> 24;
}

static inline uint16_t ts_deck_key_origin(uint32_t key)
{
    return (uint16_t)(key >> 8);
}

static inline unsigned ts_deck_key_license(uint32_t key)
{
    return key & 0xff;
}

/* The rates of a prefix: by key, then the latest effective_from first. */
struct ts_deck_prefix {
    uint32_t rate;
    uint32_t rate_count;
    uint32_t categories; /* bit for each category among its rates, TS_DECK_CATEGORY_ANY too */
};

struct ts_deck {
    struct ts_trie *trie; /* digits -> index into prefixes[] */
    uint32_t any_prefix;  /* index of the prefix `*`, or TS_TRIE_NONE */
    struct ts_deck_prefix *prefixes;
    size_t prefix_count;
    struct ts_deck_rate *rates;
    size_t rate_count;
    struct ts_price_row *rows;
    size_t row_count;
    struct ts_price_segment *segments;
    size_t segment_count;
    size_t segment_capacity;
    uint32_t *tiers;
    size_t tier_count;
    size_t tier_capacity;
    char *text; /* descriptions */
    size_t text_size;
};

/* As qsort has it: by prefix, key, the latest effective_from first; within a rate by from_unit and
 * window. 0: both have the same place, and one deck cannot hold both. */
int ts_deck_row_order(const struct ts_deck_row *x, const struct ts_deck_row *y);

/* Faults are told to the sheet: with any, the deck that is returned must not be used. NULL with err
 * set only when memory is short. */
struct ts_deck *ts_deck_compile(struct ts_deck_sheet *sheet, struct ts_error *err);

/* What looks wrong in a sheet that compiled. */
void ts_deck_warn(struct ts_deck_sheet *sheet, const struct ts_numbering *numbering);

/* The week of one rate: turns days and windows of its `count` rows (sorted by from_unit) into
 * segments and tiers at the end of the deck's arrays, none when all rows are in force all week.
 * Overlaps and, if wanted, gaps are told. False only when memory is short. */
bool ts_deck_week_build(struct ts_deck *deck,
                        struct ts_deck_sheet *sheet,
                        const uint32_t *rows,
                        size_t count,
                        bool tell_gaps,
                        struct ts_deck_rate *rate);

#endif
