/* SPDX-License-Identifier: Apache-2.0 */
#include "app/account_import.h"

#include "adapters/json/json_value.h"
#include "app/account_json.h"
#include "app/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum { ARENA_BLOCK = 16 * 1024, ARENA_MAX = 1 << 20 };

static int64_t size_of(FILE *in)
{
    struct stat info;
    return fstat(fileno(in), &info) == 0 && S_ISREG(info.st_mode) ? (int64_t)info.st_size : 0;
}

static bool is_blank(struct ts_bytes line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] != ' ' && line.data[i] != '\t') {
            return false;
        }
    }
    return true;
}

static void note_bad(struct ts_account_import *import, int64_t line, const char *text)
{
    import->bad_count++;
    ts_progress_clear(&import->progress);
    fprintf(import->notes, "%s:%" PRId64 ": %s\n", import->name, line, text);
}

/* False when the store failed: there is no use in going on. A bad line is noted; those after it are
 * handed on all the same, to find what is wrong with the whole. */
static bool take_line(struct ts_account_import *import,
                      struct ts_accounts_store *store,
                      struct ts_arena *arena,
                      struct ts_bytes text,
                      int64_t line,
                      struct ts_error *err)
{
    struct ts_error bad = {0};
    struct ts_stored_account account;
    struct ts_json_document *document = ts_json_document_read(text, &bad);
    bool good = document != NULL;
    bool stored = true;
    if (good) {
        struct ts_json_value root = ts_json_document_root(document);
        good = ts_account_json_read(&root, arena, import->now_ms, &account, &bad);
    }
    import->line_count++;
    if (!good) {
        note_bad(import, line, bad.text);
    } else {
        stored = ts_accounts_store_import_add(store, &account, line, err);
    }
    ts_json_document_destroy(document);
    ts_arena_reset(arena);
    return stored;
}

static bool take_lines(struct ts_account_import *import,
                       struct ts_accounts_store *store,
                       struct ts_lines *lines,
                       struct ts_error *err)
{
    struct ts_arena arena;
    bool good = true;
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    ts_progress_init(&import->progress, "accounts", size_of(import->in), import->quiet);
    for (bool ended = false; good && !ended;) {
        struct ts_bytes text;
        switch (ts_lines_next(lines, &text)) {
        case TS_LINES_LINE:
            good = is_blank(text) || take_line(import, store, &arena, text, lines->number, err);
            break;
        case TS_LINES_TOO_LONG:
            import->line_count++;
            note_bad(import, lines->number, "the line is longer than 64 KiB");
            break;
        case TS_LINES_FAILED:
            good = ts_error_set(
                err, TS_ERROR_FATAL, 0, "cannot read %s: %s", import->name, strerror(errno));
            break;
        case TS_LINES_END:
            ended = true;
            break;
        }
        ts_progress_tell(&import->progress, lines->bytes_read, import->line_count);
    }
    ts_progress_finish(&import->progress);
    ts_arena_finish(&arena);
    return good;
}

static void note_in_the_way(void *self, int64_t line, const char *text)
{
    note_bad(self, line, text);
}

/* All lines are handed over. */
static bool
end(struct ts_account_import *import, struct ts_accounts_store *store, struct ts_error *err)
{
    const struct ts_import_visitor visitor = {note_in_the_way, import};
    bool good = false;
    if (import->bad_count == 0) {
        good =
            ts_accounts_store_import_end(store, import->now_ms, &visitor, &import->imported, err);
    } else {
        (void)ts_accounts_store_import_check(store, &visitor, err);
    }
    if (import->bad_count > 0) {
        good = ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "%" PRId64 " of %" PRId64 " accounts are bad; nothing was imported",
                            import->bad_count,
                            import->line_count);
    }
    return good;
}

bool ts_account_import_run(struct ts_account_import *import,
                           struct ts_accounts_store *store,
                           struct ts_error *err)
{
    struct ts_lines lines;
    if (!ts_lines_init(&lines, import->in, TS_LINE_MAX)) {
        return ts_error_no_memory(err);
    }
    import->line_count = 0;
    import->bad_count = 0;
    import->imported = 0;
    bool good =
        ts_accounts_store_import_begin(store, err) && take_lines(import, store, &lines, err);
    ts_lines_finish(&lines);
    if (!good) {
        ts_accounts_store_import_abort(store);
        return false;
    }
    return end(import, store, err);
}
