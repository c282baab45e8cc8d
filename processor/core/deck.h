/* SPDX-License-Identifier: Apache-2.0 */
/* Rate decks: one version of a rate plan's table of prices (domain: section 4, a contract).
 *
 *   cells of a CSV ──► struct ts_deck_sheet ──check──► struct ts_deck (compiled, immutable)
 *
 * A deck is taken whole or not at all: one fault, and there is no struct ts_deck. Every fault is
 * told, with its line and column, so that a user repairs a deck in one go. Reading bytes as CSV is
 * an adapter's (adapters/csv/deck_csv.h, ports/decks.h). */
#ifndef TS_CORE_DECK_H
#define TS_CORE_DECK_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_error;
struct ts_numbering;
struct ts_deck; /* compiled: read by any number of threads, shared by any number of catalogs */

enum { TS_DECK_ROWS_MAX = 2000000, TS_DECK_DESCRIPTION_MAX = 256 };

enum ts_deck_severity { TS_DECK_FAULT, TS_DECK_WARNING };

/* One thing that is wrong (FAULT: the deck is refused) or looks wrong (WARNING). */
struct ts_deck_note {
    enum ts_deck_severity severity;
    uint32_t line;      /* from 1; the header is line 1 as a rule */
    const char *column; /* "" when it concerns the whole line or file */
    const char *text;
};

/* Called for each note, in the order they are found; views live during the call. */
struct ts_deck_listener {
    void (*note)(void *self, const struct ts_deck_note *note);
    void *self;
};

struct ts_deck_sheet;

/* The listener may be NULL. NULL with err set when memory is short. */
struct ts_deck_sheet *ts_deck_sheet_create(const struct ts_deck_listener *listener,
                                           struct ts_error *err);
void ts_deck_sheet_destroy(struct ts_deck_sheet *sheet);

/* The rows of the file in order: the first call is the header. Faults are told and counted; false
 * only when it makes no sense to go on (the header is wrong, memory is short). */
bool ts_deck_sheet_row(struct ts_deck_sheet *sheet,
                       const struct ts_bytes *cells,
                       size_t count,
                       uint32_t line);

/* A fault that whoever reads the file found. */
void ts_deck_sheet_fault(struct ts_deck_sheet *sheet,
                         uint32_t line,
                         const char *column,
                         const char *text);

/* Checks the rows against each other and compiles. NULL with err set (reject: "12 faults, the first
 * in line 7, column rate: ...") when there was any fault; fatal when memory was short. With a
 * numbering plan, which may be NULL, warns of prefixes that belong to no country. */
struct ts_deck *ts_deck_sheet_compile(struct ts_deck_sheet *sheet,
                                      const struct ts_numbering *numbering,
                                      struct ts_error *err);

void ts_deck_destroy(struct ts_deck *deck);

size_t ts_deck_row_count(const struct ts_deck *deck);
size_t ts_deck_memory_bytes(const struct ts_deck *deck);

#endif
