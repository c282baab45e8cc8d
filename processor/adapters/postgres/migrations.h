/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations this build carries (embed.cmake), ascending by version. */
#ifndef TS_ADAPTERS_POSTGRES_MIGRATIONS_H
#define TS_ADAPTERS_POSTGRES_MIGRATIONS_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

struct ts_migration {
    int32_t version;          /* 3 */
    const char *name;         /* "0003_accounts" */
    const unsigned char *sql; /* a NUL that is not counted follows */
    const size_t *sql_size;
};

extern const struct ts_migration ts_migrations[];
extern const size_t ts_migrations_count;

static inline struct ts_bytes ts_migration_sql(const struct ts_migration *migration)
{
    return (struct ts_bytes){(const char *)migration->sql, *migration->sql_size};
}

#endif
