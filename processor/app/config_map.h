/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of the settings: few pairs, sorted by name, kept in the config's arena. */
#ifndef TS_APP_CONFIG_MAP_H
#define TS_APP_CONFIG_MAP_H

#include "app/config.h"

#include <stdbool.h>

enum { TS_CONFIG_PAIRS_MAX = 256 };

/* Copies the pair into the map. One from the environment (line 0) replaces one of the file; a name
 * given twice in the file is refused. */
bool ts_config_map_set(struct ts_config_map *map,
                       const struct ts_config_pair *pair,
                       struct ts_arena *arena,
                       struct ts_error *err);

#endif
