/* SPDX-License-Identifier: Apache-2.0 */
#include "app/schema_files.h"

#include "app/deck_file.h"
#include "base/buffer.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEMA_SIZE_MAX = 1024 * 1024, BLOCK_SIZE = 64 * 1024, ARENA_MAX = 64 * 1024 * 1024 };

static int is_schema(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".avsc") == 0;
}

static bool
read_one(struct ts_schema_files *files, const char *folder, const char *name, struct ts_error *err)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (size < 0 || (size_t)size >= sizeof path) {
        return ts_error_set(
            err, TS_ERROR_FATAL, 0, "schemas_dir: the path of %s is too long", name);
    }
    struct ts_buffer text;
    ts_buffer_init(&text, SCHEMA_SIZE_MAX);
    bool ok = ts_file_read(path, &text, err);
    if (ok) {
        struct ts_bytes kept_path = ts_arena_copy(&files->arena, ts_bytes_of(path));
        struct ts_bytes kept_text = ts_arena_copy(&files->arena, ts_buffer_bytes(&text));
        ok = kept_path.size != SIZE_MAX && kept_text.size != SIZE_MAX;
        if (ok) {
            files->schemas[files->count++] =
                (struct ts_avro_schema){.name = kept_path.data, .text = kept_text};
        } else {
            ts_error_no_memory(err);
        }
    }
    ts_buffer_finish(&text);
    return ok;
}

bool ts_schema_files_read(struct ts_schema_files *files, const char *folder, struct ts_error *err)
{
    *files = (struct ts_schema_files){0};
    ts_arena_init(&files->arena, BLOCK_SIZE, ARENA_MAX);
    if (folder[0] == '\0') {
        return true;
    }
    struct dirent **entries;
    int count = scandir(folder, &entries, is_schema, alphasort);
    if (count < 0) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "schemas_dir: %s: %s", folder, strerror(errno));
    }
    bool ok = count <= TS_SCHEMA_FILES_MAX;
    if (!ok) {
        ts_error_set(err,
                     TS_ERROR_FATAL,
                     0,
                     "schemas_dir: %s has %d schemas, at most %d are allowed",
                     folder,
                     count,
                     TS_SCHEMA_FILES_MAX);
    }
    files->schemas = calloc((size_t)count + 1, sizeof *files->schemas);
    if (ok && files->schemas == NULL) {
        ok = ts_error_no_memory(err);
    }
    for (int i = 0; i < count; i++) {
        ok = ok && read_one(files, folder, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

void ts_schema_files_finish(struct ts_schema_files *files)
{
    free(files->schemas);
    ts_arena_finish(&files->arena);
}
