/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a settle around its COPY: what each sends and what its answer means. Private
 * to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_SETTLE_SQL_H
#define TS_ADAPTERS_POSTGRES_SETTLE_SQL_H

#include "adapters/postgres/worker.h"

static inline const char *ts_pg_topic_of(const struct ts_postgres *postgres, struct ts_lane lane)
{
    return postgres->options.topics[lane.input];
}

/* Whether this settlement has anything for the statement to do. */
bool ts_pg_step_needed(const struct ts_postgres *postgres, enum ts_pg_writing step);

/* Queues the statement on the writing session. */
bool ts_pg_step_send(struct ts_postgres *postgres, enum ts_pg_writing step, struct ts_error *err);

/* Takes its answer. May set settle.end to REFUSED or STALE, or to FAILED with settle.error. */
void ts_pg_step_read(struct ts_postgres *postgres, enum ts_pg_writing step, PGresult *result);

#endif
