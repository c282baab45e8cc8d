/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a database's schema to the version of this build, and tells whether it is there.
 *
 * Each migration runs in a transaction of its own that also records it (table schema_migration:
 * version, name, checksum, time), under an advisory lock, so any number of starting processes may
 * call this at once and a failed one leaves nothing half done. A database that is ahead of this
 * build, or in which an applied migration differs from ours, is refused: neither is for a program
 * to repair. */
#ifndef TS_ADAPTERS_POSTGRES_MIGRATE_H
#define TS_ADAPTERS_POSTGRES_MIGRATE_H

#include "base/error.h"
#include "ports/observer.h"

#include <stdbool.h>
#include <stdint.h>

/* Applies what is missing. `observer` (may be NULL) is told each one as `schema_migrated`. Fails
 * with RETRY when the server is away, FATAL when the schema is refused or a migration fails. */
bool ts_postgres_migrate(const char *url, const struct ts_observer *observer, struct ts_error *err);

/* The newest version this build knows. */
int32_t ts_postgres_schema_version(void);

#endif
