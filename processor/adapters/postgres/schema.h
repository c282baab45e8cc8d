/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the schema is exactly the one this build needs. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_SCHEMA_H
#define TS_ADAPTERS_POSTGRES_SCHEMA_H

#include "adapters/postgres/connection.h"

/* FATAL, with what to do, when the schema is older, newer or another build's. */
bool ts_pg_schema_check(struct ts_pg_session *session, struct ts_error *err);

#endif
