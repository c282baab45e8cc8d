/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of a worker's two sessions, prepared when they connect. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_STATEMENTS_H
#define TS_ADAPTERS_POSTGRES_STATEMENTS_H

#include "adapters/postgres/connection.h"

/* Settles share this lock; raising a bucket's generation takes it alone. "toll", "gene". */
#define TS_PG_GENERATION_LOCK "1953459308, 1734700645"
/* Begins a transaction that takes it alone and asks more than once. All settles wait for such a
 * process: one that is stopped there loses its session, which is an error to try again. */
#define TS_PG_BEGIN_ALONE                                                                          \
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '5s';"

enum ts_pg_reading {
    TS_PG_READ_KNOWN,
    TS_PG_READ_CLAIM,
    TS_PG_READ_BUCKETS,
    TS_PG_READ_REOPEN,
    TS_PG_READ_RAISE_LOCK,
    TS_PG_READ_RAISE,
    TS_PG_READ_PROFILES,
    TS_PG_READ_BALANCES,
    TS_PG_READ_COUNTERS,
    TS_PG_READ_IDENTITIES,
    TS_PG_READ_COMMANDS,
    TS_PG_READ_STATES,
    TS_PG_READ_OUTBOX,
    TS_PG_READ_OUTBOX_OLDER,
    TS_PG_READ_OUTBOX_TRIM,
    TS_PG_READ_TOPIC,
    TS_PG_READING_COUNT
};

enum ts_pg_writing {
    TS_PG_WRITE_BEGIN,
    TS_PG_WRITE_LOCK,
    TS_PG_WRITE_LANES,
    TS_PG_WRITE_BUCKETS,
    TS_PG_WRITE_ACCOUNTS,
    TS_PG_WRITE_COUNTERS,
    TS_PG_WRITE_STATES_READ,
    TS_PG_WRITE_OLDER,
    TS_PG_WRITE_DUPLICATES,
    TS_PG_WRITE_DEAD_LETTERS,
    TS_PG_WRITE_STATES,
    TS_PG_WRITE_COMMAND_IDS,
    TS_PG_WRITE_ENTRIES,
    TS_PG_WRITE_ADJUSTMENTS,
    TS_PG_WRITE_INVOICE_LINES,
    TS_PG_WRITE_CHANGES,
    TS_PG_WRITE_SETTINGS,
    TS_PG_WRITE_OUTBOX,
    TS_PG_WRITE_HOURS,
    TS_PG_WRITE_ATTACHED,
    TS_PG_WRITE_COMMIT,
    TS_PG_WRITE_OVERFLOWS,
    TS_PG_WRITING_COUNT
};

extern const struct ts_pg_statement ts_pg_reading[TS_PG_READING_COUNT];
extern const struct ts_pg_statement ts_pg_writing[TS_PG_WRITING_COUNT];

#endif
