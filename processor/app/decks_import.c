/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream decks import`: the deck goes to a file or standard output, the report to standard
 * error. A file is written whole, or not at all. */
#include "app/deck_file.h"
#include "app/deck_import.h"
#include "app/decks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE_MAX = 4096 };

static const char *const severities[] = {
    [TS_IMPORT_LEFT_OUT] = "left out",
    [TS_IMPORT_CELL] = "not carried over",
    [TS_IMPORT_COLUMN] = "not carried over",
};

static void tell(void *self, const struct ts_import_note *note)
{
    bool column = note->column[0] != '\0';
    (void)self;
    fprintf(stderr,
            "%s:%u: %s%s%s%s: %s\n",
            note->file,
            note->line,
            column ? "column " : "",
            note->column,
            column ? ": " : "",
            severities[note->severity],
            note->text);
}

static void tell_counts(const char *file, const struct ts_import_counts *counts)
{
    fprintf(stderr,
            "%s: %lld rows read, %lld deck rows made, %lld rows left out, %lld cells not carried "
            "over\n",
            file,
            (long long)counts->rows_read,
            (long long)counts->deck_rows,
            (long long)counts->rows_left_out,
            (long long)counts->cells_not_mapped);
}

/* ---- files in
 * --------------------------------------------------------------------------------- */

static const char *path_of(const struct ts_args *args, const struct ts_import_file *file)
{
    return file->option == NULL ? args->operands[0] : ts_args_value(args, file->option);
}

/* Exactly the files that the format has. */
static bool check_files(const struct ts_args *args, const struct ts_import_format *format)
{
    static const char *const options[] = {"destinations", "destination-rates"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        bool wanted = false;
        for (size_t f = 0; f < format->file_count; f++) {
            const char *option = format->files[f].option;
            wanted = wanted || (option != NULL && strcmp(option, options[i]) == 0);
        }
        if (wanted != ts_args_flag(args, options[i])) {
            ts_args_refuse(args,
                           wanted ? "--from %s needs --%s FILE too" : "--from %s has no --%s",
                           format->name,
                           options[i]);
            return false;
        }
    }
    return true;
}

static bool read_files(const struct ts_args *args,
                       const struct ts_import_format *format,
                       struct ts_buffer *texts,
                       struct ts_import_source *sources,
                       struct ts_error *err)
{
    for (size_t i = 0; i < format->file_count; i++) {
        sources[i].name = path_of(args, &format->files[i]);
        if (!ts_file_read(sources[i].name, &texts[i], err)) {
            return false;
        }
        sources[i].csv = ts_buffer_bytes(&texts[i]);
    }
    return true;
}

/* ---- the deck out
 * ----------------------------------------------------------------------------- */

static bool write_all(FILE *out, struct ts_bytes text)
{
    return fwrite(text.data, 1, text.size, out) == text.size && fflush(out) == 0;
}

static bool fail(const char *what, const char *path, struct ts_error *err)
{
    return ts_error_set(err, TS_ERROR_FATAL, 0, "cannot %s %s: %s", what, path, strerror(errno));
}

static bool write_file(const char *path, struct ts_bytes text, struct ts_error *err)
{
    char made[PATH_SIZE_MAX];
    int size = snprintf(made, sizeof made, "%s.new", path);
    if (size < 0 || size >= PATH_SIZE_MAX) {
        errno = ENAMETOOLONG;
        return fail("write", path, err);
    }
    FILE *out = fopen(made, "wb");
    if (out == NULL) {
        return fail("write", made, err);
    }
    bool good = write_all(out, text) || fail("write", made, err);
    fclose(out);
    good = good && (rename(made, path) == 0 || fail("make", path, err));
    if (!good) {
        unlink(made);
    }
    return good;
}

static bool write_deck(const struct ts_args *args, struct ts_bytes text, struct ts_error *err)
{
    const char *path = ts_args_value(args, "output");
    if (path != NULL && strcmp(path, "-") != 0) {
        return write_file(path, text, err);
    }
    return write_all(stdout, text) || fail("write", "the output", err);
}

static int import_files(const struct ts_session *session, const struct ts_import_format *format)
{
    const struct ts_args *args = &session->args;
    struct ts_error err = {0};
    struct ts_import_listener listener = {.note = tell};
    struct ts_import_source sources[TS_IMPORT_FILES_MAX];
    struct ts_buffer texts[TS_IMPORT_FILES_MAX];
    struct ts_buffer deck;
    struct ts_import_counts counts = {0};
    for (size_t i = 0; i < TS_IMPORT_FILES_MAX; i++) {
        ts_buffer_init(&texts[i], TS_DECK_FILE_SIZE_MAX);
    }
    ts_buffer_init(&deck, TS_DECK_FILE_SIZE_MAX);
    bool good = read_files(args, format, texts, sources, &err);
    if (good) {
        good = ts_import_run(format, sources, &listener, &deck, &counts, &err);
        tell_counts(args->operands[0], &counts);
    }
    good = good && write_deck(args, ts_buffer_bytes(&deck), &err);
    for (size_t i = 0; i < TS_IMPORT_FILES_MAX; i++) {
        ts_buffer_finish(&texts[i]);
    }
    ts_buffer_finish(&deck);
    if (!good) {
        return ts_session_fail(session, &err);
    }
    bool all = counts.rows_left_out == 0 && counts.cells_not_mapped == 0;
    return all || !ts_args_flag(args, "strict") ? TS_EXIT_OK : TS_EXIT_FINDING;
}

int ts_decks_import(const struct ts_session *session)
{
    const struct ts_args *args = &session->args;
    const char *from = ts_args_value(args, "from");
    if (!ts_args_count(args, 1, 1)) {
        return TS_EXIT_USAGE;
    }
    const struct ts_import_format *format = from != NULL ? ts_import_format_of(from) : NULL;
    if (format == NULL) {
        return ts_args_refuse(args,
                              "--from %s: should be %s",
                              from != NULL ? from : "is missing",
                              ts_import_format_names);
    }
    if (!check_files(args, format)) {
        return TS_EXIT_USAGE;
    }
    return import_files(session, format);
}
