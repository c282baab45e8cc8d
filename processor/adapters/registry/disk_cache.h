/* SPDX-License-Identifier: Apache-2.0 */
/* A registry's answers kept in a folder, a file for each schema, so that a restart needs no
 * registry. The files are those of one registry: its address is part of their names, because an id
 * means another schema elsewhere. A file that is damaged counts as absent: it is no JSON then. */
#ifndef TS_ADAPTERS_REGISTRY_DISK_CACHE_H
#define TS_ADAPTERS_REGISTRY_DISK_CACHE_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_registry_cache {
    char *folder; /* NULL: nothing is kept */
    uint64_t registry;
};

/* Makes the folder if it is not there. `folder` "": nothing is kept. Fails, class FATAL, when the
 * folder can't be written. */
bool ts_registry_cache_init(struct ts_registry_cache *cache,
                            const char *folder,
                            const char *registry,
                            struct ts_error *err);
void ts_registry_cache_finish(struct ts_registry_cache *cache);

/* Appends what is kept for the id. False: nothing, or more than fits. */
bool ts_registry_cache_read(const struct ts_registry_cache *cache,
                            uint32_t id,
                            struct ts_buffer *out);

/* Whole or not at all, also when the process is killed. */
bool ts_registry_cache_write(const struct ts_registry_cache *cache,
                             uint32_t id,
                             struct ts_bytes answer,
                             struct ts_error *err);

#endif
