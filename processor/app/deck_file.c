/* SPDX-License-Identifier: Apache-2.0 */
#include "app/deck_file.h"

#include "adapters/csv/deck_csv.h"

#include <errno.h>
#include <string.h>

enum { CHUNK = 64 * 1024 };

static bool read_all(FILE *in, struct ts_buffer *out)
{
    while (!feof(in)) {
        char *at = ts_buffer_reserve(out, CHUNK);
        if (at == NULL) {
            errno = EFBIG;
            return false;
        }
        ts_buffer_commit(out, fread(at, 1, CHUNK, in));
        if (ferror(in)) {
            return false;
        }
    }
    return true;
}

bool ts_file_read(const char *path, struct ts_buffer *out, struct ts_error *err)
{
    bool standard_input = strcmp(path, "-") == 0;
    FILE *in = standard_input ? stdin : fopen(path, "rb");
    bool good = in != NULL && read_all(in, out);
    int code = errno;
    if (in != NULL && !standard_input) {
        fclose(in);
    }
    return good || ts_error_set(err, TS_ERROR_FATAL, 0, "cannot read %s: %s", path, strerror(code));
}

static void tell(void *self, const struct ts_deck_note *note)
{
    struct ts_deck_notes *notes = self;
    bool fault = note->severity == TS_DECK_FAULT;
    notes->fault_count += fault ? 1 : 0;
    notes->warning_count += fault ? 0 : 1;
    if (fault || notes->warnings) {
        bool column = note->column[0] != '\0';
        fprintf(notes->out,
                "%s:%u: %s%s%s%s%s\n",
                notes->path,
                note->line,
                column ? "column " : "",
                note->column,
                column ? ": " : "",
                fault ? "" : "warning: ",
                note->text);
    }
}

struct ts_deck_listener ts_deck_notes_listener(struct ts_deck_notes *notes)
{
    return (struct ts_deck_listener){.note = tell, .self = notes};
}

struct ts_deck *
ts_deck_file_load(const char *path, const struct ts_numbering *numbering, FILE *notes_file)
{
    struct ts_error err = {0};
    struct ts_buffer text;
    struct ts_deck *deck = NULL;
    struct ts_deck_notes notes = {.path = path, .out = notes_file};
    struct ts_deck_listener listener = ts_deck_notes_listener(&notes);
    ts_buffer_init(&text, TS_DECK_FILE_SIZE_MAX);
    if (ts_file_read(path, &text, &err)) {
        deck = ts_csv_read_deck(ts_buffer_bytes(&text), numbering, &listener, &err);
    }
    if (deck == NULL && notes.fault_count == 0) {
        fprintf(notes_file, "%s\n", err.text);
    }
    ts_buffer_finish(&text);
    return deck;
}
