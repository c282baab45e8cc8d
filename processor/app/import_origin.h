/* SPDX-License-Identifier: Apache-2.0 */
/* From where a caller's number begins to the country that a deck's origin names. A set of prefixes
 * is one or more whole countries, or it cannot be said in a deck. */
#ifndef TS_APP_IMPORT_ORIGIN_H
#define TS_APP_IMPORT_ORIGIN_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

enum { TS_ORIGINS_MAX = 300, TS_ORIGIN_WHY_MAX = 120 };

struct ts_origins {
    char countries[TS_ORIGINS_MAX][3];
    size_t count;
    char why[TS_ORIGIN_WHY_MAX]; /* set when it is no whole countries */
};

struct ts_origin_map;

/* Of the numbering plan that this program carries. NULL when memory is short. */
struct ts_origin_map *ts_origin_map_create(void);
void ts_origin_map_destroy(struct ts_origin_map *map);

/* The countries whose numbers are exactly those that begin with one of the prefixes in `cell`,
 * which are separated by spaces, commas or semicolons. False with `why` set when there are none. */
bool ts_origin_map_find(const struct ts_origin_map *map,
                        struct ts_bytes cell,
                        struct ts_origins *out);

#endif
