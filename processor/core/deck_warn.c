/* SPDX-License-Identifier: Apache-2.0 */
/* What is allowed in a deck, and yet is hardly meant. */
#include "core/category.h"
#include "core/deck_compile.h"
#include "core/numbering.h"

#include <string.h>

enum { CALLING_CODE_DIGITS_MAX = 4 }; /* enough to know a country, of +1 too */

/* A rate that is in effect never. */
static void warn_of_no_time(struct ts_deck_sheet *sheet)
{
    for (size_t i = 0; i < sheet->row_count; i++) {
        const struct ts_deck_row *row = &sheet->rows[i];
        if (row->effective_to_ms <= row->effective_from_ms) {
            ts_deck_sheet_note(sheet,
                               TS_DECK_WARNING,
                               row->line,
                               "effective_to",
                               "the rate is never in effect: this is not after effective_from");
        }
    }
}

/* An exact category counts more than a longer prefix, so the `*` row of a category takes all its
 * calls away from rows without a category. Rows without one never fit inbound categories. */
static void warn_of_hidden_rows(struct ts_deck_sheet *sheet)
{
    size_t hidden = 0;
    uint32_t first = UINT32_MAX;
    for (size_t i = 0; i < sheet->row_count; i++) {
        const struct ts_deck_row *row = &sheet->rows[i];
        if (row->category == TS_DECK_CATEGORY_ANY && row->prefix != TS_DECK_PREFIX_ANY) {
            hidden++;
            first = row->line < first ? row->line : first;
        }
    }
    bool told[TS_CATEGORY_COUNT] = {false};
    for (size_t i = 0; i < sheet->row_count && hidden > 0; i++) {
        const struct ts_deck_row *row = &sheet->rows[i];
        if (row->prefix != TS_DECK_PREFIX_ANY || row->category == TS_DECK_CATEGORY_ANY) {
            continue;
        }
        enum ts_category category = (enum ts_category)row->category;
        if (told[category] || ts_category_is_inbound(category) || ts_category_is_free(category)) {
            continue;
        }
        told[category] = true;
        ts_deck_sheet_note(sheet,
                           TS_DECK_WARNING,
                           row->line,
                           "prefix",
                           "this * row hides %zu longer row%s without a category (the first in "
                           "line %u) from %s calls",
                           hidden,
                           hidden == 1 ? "" : "s",
                           first,
                           ts_category_name(category));
    }
}

/* Whether numbers that begin so belong to any country; a few digits may be part of several
 * countries' codes, so what can follow them is looked at. */
static bool is_somewhere(const struct ts_numbering *numbering, char *number, size_t size)
{
    struct ts_number_info info = ts_numbering_lookup(numbering, (struct ts_bytes){number, size});
    if (strcmp(info.region, TS_REGION_UNKNOWN) != 0) {
        return true;
    }
    if (size > CALLING_CODE_DIGITS_MAX) {
        return false;
    }
    for (int digit = 0; digit < 10; digit++) {
        number[size] = (char)('0' + digit);
        if (is_somewhere(numbering, number, size + 1)) {
            return true;
        }
    }
    return false;
}

static void warn_of_nowhere(struct ts_deck_sheet *sheet, const struct ts_numbering *numbering)
{
    uint64_t before = TS_DECK_PREFIX_ANY;
    for (size_t i = 0; i < sheet->row_count; i++) {
        const struct ts_deck_row *row = &sheet->rows[sheet->order[i]];
        if (row->prefix == before || row->prefix == TS_DECK_PREFIX_ANY) {
            continue;
        }
        before = row->prefix;
        char number[TS_DECK_PREFIX_DIGITS_MAX + 2] = "+";
        size_t size = 1 + ts_deck_prefix_text(row->prefix, number + 1);
        if (!is_somewhere(numbering, number, size)) {
            number[size] = '\0';
            ts_deck_sheet_note(sheet,
                               TS_DECK_WARNING,
                               row->line,
                               "prefix",
                               "no country of the numbering plan has numbers that begin with %s",
                               number);
        }
    }
}

void ts_deck_warn(struct ts_deck_sheet *sheet, const struct ts_numbering *numbering)
{
    warn_of_no_time(sheet);
    warn_of_hidden_rows(sheet);
    if (numbering != NULL) {
        warn_of_nowhere(sheet, numbering);
    }
}
