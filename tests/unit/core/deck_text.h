/* SPDX-License-Identifier: Apache-2.0 */
/* Decks in tests as plain text: lines and commas, no quotes (CSV proper is an adapter's). A ';'
 * stands for a comma inside a cell. */
#ifndef TS_TESTS_UNIT_CORE_DECK_TEXT_H
#define TS_TESTS_UNIT_CORE_DECK_TEXT_H

#include "base/error.h"
#include "core/deck.h"

#include <stdio.h>
#include <string.h>

enum { NOTES_MAX = 4096, CELLS_MAX = 32 };

/* "2 rate|5 from_unit|": line and column of each fault or warning, in order. */
struct deck_notes {
    char faults[NOTES_MAX];
    char warnings[NOTES_MAX];
    char texts[NOTES_MAX];
};

static inline void deck_note(void *self, const struct ts_deck_note *note)
{
    struct deck_notes *notes = self;
    char *list = note->severity == TS_DECK_FAULT ? notes->faults : notes->warnings;
    size_t size = strlen(list);
    snprintf(list + size, NOTES_MAX - size, "%u %s|", note->line, note->column);
    size = strlen(notes->texts);
    snprintf(notes->texts + size, NOTES_MAX - size, "%s|", note->text);
}

static inline void deck_line(struct ts_deck_sheet *sheet, char *text, uint32_t line)
{
    struct ts_bytes cells[CELLS_MAX];
    size_t count = 0;
    for (char *cell = text; cell != NULL && count < CELLS_MAX;) {
        char *comma = strchr(cell, ',');
        size_t size = comma != NULL ? (size_t)(comma - cell) : strlen(cell);
        for (size_t i = 0; i < size; i++) {
            cell[i] = (char)(cell[i] == ';' ? ',' : cell[i]);
        }
        cells[count++] = (struct ts_bytes){cell, size};
        cell = comma != NULL ? comma + 1 : NULL;
    }
    ts_deck_sheet_row(sheet, cells, count, line);
}

/* NULL when refused. `notes` may be NULL. */
static inline struct ts_deck *
deck_of(const char *text, const struct ts_numbering *numbering, struct deck_notes *notes)
{
    static char copy[65536];
    struct deck_notes unheard;
    struct ts_error err = {0};
    notes = notes != NULL ? notes : &unheard;
    *notes = (struct deck_notes){.faults = ""};
    struct ts_deck_listener listener = {.note = deck_note, .self = notes};
    struct ts_deck_sheet *sheet = ts_deck_sheet_create(&listener, &err);
    snprintf(copy, sizeof copy, "%s", text);
    uint32_t line = 1;
    for (char *at = copy; at != NULL && *at != '\0'; line++) {
        char *end = strchr(at, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        deck_line(sheet, at, line);
        at = end != NULL ? end + 1 : NULL;
    }
    struct ts_deck *deck = ts_deck_sheet_compile(sheet, numbering, &err);
    ts_deck_sheet_destroy(sheet);
    return deck;
}

#endif
