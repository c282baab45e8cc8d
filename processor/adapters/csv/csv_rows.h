/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a CSV (RFC 4180; a byte-order mark and CRLF are accepted) as cells, read with libcsv.
 * Lines without any cell are passed over. */
#ifndef TS_ADAPTERS_CSV_CSV_ROWS_H
#define TS_ADAPTERS_CSV_CSV_ROWS_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_CSV_CELLS_MAX = 128 };

struct ts_csv_listener {
    /* A row, and the line it begins in, from 1; views live during the call. False ends the reading.
     */
    bool (*row)(void *self, const struct ts_bytes *cells, size_t count, uint32_t line);
    /* What is wrong with the CSV itself; nothing comes after it. */
    void (*fault)(void *self, uint32_t line, const char *text);
    void *self;
};

/* False with err set only when memory is short. */
bool ts_csv_read_rows(struct ts_bytes csv,
                      const struct ts_csv_listener *listener,
                      struct ts_error *err);

#endif
