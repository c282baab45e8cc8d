/* SPDX-License-Identifier: Apache-2.0 */
/* A rate deck from a file, with everything that is wrong with it told to the user. */
#ifndef TS_APP_DECK_FILE_H
#define TS_APP_DECK_FILE_H

#include "base/buffer.h"
#include "base/error.h"
#include "core/deck.h"

#include <stdbool.h>
#include <stdio.h>

enum { TS_DECK_FILE_SIZE_MAX = 256 * 1024 * 1024 };

struct ts_numbering;

/* The whole file, or standard input for "-", at the end of `out`. */
bool ts_file_read(const char *path, struct ts_buffer *out, struct ts_error *err);

/* Tells each note as "PATH:LINE: column NAME: text", warnings with "warning: " before the text. */
struct ts_deck_notes {
    const char *path;
    FILE *out;
    bool warnings; /* tell them too */
    size_t fault_count;
    size_t warning_count;
};
struct ts_deck_listener ts_deck_notes_listener(struct ts_deck_notes *notes);

/* Reads and compiles; every fault is told on `notes`, a file that cannot be read too. NULL when
 * refused. */
struct ts_deck *
ts_deck_file_load(const char *path, const struct ts_numbering *numbering, FILE *notes);

#endif
