/* SPDX-License-Identifier: Apache-2.0 */
/* Rate decks as CSV (adapters/csv/csv_rows.h). The cells go to core/deck.h, which knows what they
 * mean; only what is wrong with the CSV itself is found here. */
#ifndef TS_ADAPTERS_CSV_DECK_CSV_H
#define TS_ADAPTERS_CSV_DECK_CSV_H

#include "base/bytes.h"
#include "base/error.h"
#include "ports/decks.h"

struct ts_numbering;

/* Reads, checks and compiles a whole deck. `numbering` (may be NULL) is for warnings, `listener`
 * (may be NULL) hears every fault and warning. NULL with err set when the deck is refused (class
 * reject, the first fault in its text) or memory is short. `csv` is not needed afterwards. */
struct ts_deck *ts_csv_read_deck(struct ts_bytes csv,
                                 const struct ts_numbering *numbering,
                                 const struct ts_deck_listener *listener,
                                 struct ts_error *err);

/* The rows of a deck that passed all checks, for core/deck_diff.h; NULL as above.
 * The caller owns it (ts_deck_sheet_destroy). */
struct ts_deck_sheet *ts_csv_read_sheet(struct ts_bytes csv,
                                        const struct ts_deck_listener *listener,
                                        struct ts_error *err);

/* Decks as a port. `numbering` (may be NULL) must outlive it. */
struct ts_decks ts_csv_decks(const struct ts_numbering *numbering);

#endif
