/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/csv/deck_csv.h"

#include "adapters/csv/csv_rows.h"

#include <stdint.h>

static bool take_row(void *sheet, const struct ts_bytes *cells, size_t count, uint32_t line)
{
    return ts_deck_sheet_row(sheet, cells, count, line);
}

static void take_fault(void *sheet, uint32_t line, const char *text)
{
    ts_deck_sheet_fault(sheet, line, "", text);
}

/* The sheet, as far as it could be read, and the deck of it; both NULL when memory is short. */
static struct ts_deck_sheet *read_sheet(struct ts_bytes csv,
                                        const struct ts_numbering *numbering,
                                        const struct ts_deck_listener *listener,
                                        struct ts_deck **deck,
                                        struct ts_error *err)
{
    struct ts_deck_sheet *sheet = ts_deck_sheet_create(listener, err);
    struct ts_csv_listener rows = {.row = take_row, .fault = take_fault, .self = sheet};
    *deck = NULL;
    if (sheet == NULL || !ts_csv_read_rows(csv, &rows, err)) {
        ts_deck_sheet_destroy(sheet);
        return NULL;
    }
    *deck = ts_deck_sheet_compile(sheet, numbering, err);
    return sheet;
}

struct ts_deck *ts_csv_read_deck(struct ts_bytes csv,
                                 const struct ts_numbering *numbering,
                                 const struct ts_deck_listener *listener,
                                 struct ts_error *err)
{
    struct ts_deck *deck;
    ts_deck_sheet_destroy(read_sheet(csv, numbering, listener, &deck, err));
    return deck;
}

struct ts_deck_sheet *ts_csv_read_sheet(struct ts_bytes csv,
                                        const struct ts_deck_listener *listener,
                                        struct ts_error *err)
{
    struct ts_deck *deck;
    struct ts_deck_sheet *sheet = read_sheet(csv, NULL, listener, &deck, err);
    bool good = deck != NULL;
    ts_deck_destroy(deck);
    if (!good) {
        ts_deck_sheet_destroy(sheet);
        return NULL;
    }
    return sheet;
}

static struct ts_deck *read_deck(void *self,
                                 struct ts_bytes bytes,
                                 const struct ts_deck_listener *listener,
                                 struct ts_error *err)
{
    return ts_csv_read_deck(bytes, self, listener, err);
}

struct ts_decks ts_csv_decks(const struct ts_numbering *numbering)
{
    return (struct ts_decks){.read = read_deck, .self = (void *)(uintptr_t)numbering};
}
