/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas of writers that an operator keeps in a folder (schemas_dir): read whole when a
 * command starts, in the order of their names, so that what is known does not depend on the file
 * system. */
#ifndef TS_APP_SCHEMA_FILES_H
#define TS_APP_SCHEMA_FILES_H

#include "adapters/avro/codec.h"
#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { TS_SCHEMA_FILES_MAX = 256 };

struct ts_schema_files {
    struct ts_avro_schema *schemas; /* names and texts live in the arena */
    size_t count;
    struct ts_arena arena;
};

/* Every *.avsc of the folder; "" is no folder and no files. Class fatal when the folder or a file
 * can't be read, or there are too many. Finish it anyway. */
bool ts_schema_files_read(struct ts_schema_files *files, const char *folder, struct ts_error *err);
void ts_schema_files_finish(struct ts_schema_files *files);

#endif
