/* SPDX-License-Identifier: Apache-2.0 */
/* The usage rows of a settlement, encoded for COPY BINARY before the transaction begins: sorted by
 * (start_time, identity_hash), the order of the unique key, so that its index is walked once. What
 * is known only on the locked account row is patched in later. Private to adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_SETTLE_ROWS_H
#define TS_ADAPTERS_POSTGRES_SETTLE_ROWS_H

#include "adapters/postgres/leaves.h"
#include "base/buffer.h"
#include "ports/settle.h"

struct ts_pg_row {
    struct ts_record *record;
    const struct ts_settle_account *account;
    size_t begin; /* of its bytes */
    size_t end;
    size_t patch; /* of balance_after and movement */
};

/* The rows of one leaf: a COPY of its own. */
struct ts_pg_run {
    struct ts_pg_leaf leaf; /* a copy: the list may be read again meanwhile */
    size_t first_row;
    size_t end_row;
    size_t begin; /* bytes, without COPY's header and trailer */
    size_t end;
};

/* Reused from settlement to settlement. */
struct ts_pg_rows {
    struct ts_buffer bytes;
    struct ts_pg_row *rows;
    size_t row_count;
    size_t row_capacity;
    struct ts_pg_run *runs;
    size_t run_count;
    size_t run_capacity;
};

void ts_pg_rows_init(struct ts_pg_rows *rows, size_t size_max);
void ts_pg_rows_finish(struct ts_pg_rows *rows);

/* Sorts the settled calls of the settlement. False when out of memory. */
bool ts_pg_rows_collect(struct ts_pg_rows *rows,
                        const struct ts_settlement *settlement,
                        struct ts_error *err);

/* Whether each has a leaf. */
bool ts_pg_rows_covered(const struct ts_pg_rows *rows, const struct ts_pg_leaves *leaves);

/* Makes those that began before the oldest leaf dead letters and counts them. False (RETRY) when
 * one lacks a leaf elsewhere. */
bool ts_pg_rows_refuse_too_old(struct ts_pg_rows *rows,
                               const struct ts_pg_leaves *leaves,
                               size_t *refused,
                               struct ts_error *err);

/* Encodes them; each must have a leaf. topic_no by enum ts_input. */
bool ts_pg_rows_encode(struct ts_pg_rows *rows,
                       const struct ts_settlement *settlement,
                       const struct ts_pg_leaves *leaves,
                       const int16_t topic_no[TS_INPUT_COUNT],
                       struct ts_error *err);

/* Writes the records' balance_after and movement into the encoded rows. */
void ts_pg_rows_patch(struct ts_pg_rows *rows);

/* "COPY leaf (columns) FROM STDIN (FORMAT binary)". */
enum { TS_PG_COPY_SQL_MAX = 1024 };
void ts_pg_rows_copy_sql(const struct ts_pg_leaf *leaf, char out[TS_PG_COPY_SQL_MAX]);

#endif
