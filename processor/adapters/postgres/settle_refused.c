/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of a settlement PostgreSQL refuses. The settlement was rolled back; its encoded
 * rows are tried again in halves, in transactions that never commit, until the single rows are
 * found that fail alone. Rows that repeat a settled identity are not for here: the next attempt
 * meets them as a conflict. */
#include "adapters/postgres/copy_row.h"
#include "adapters/postgres/settle_sql.h"
#include "adapters/postgres/worker.h"

/* The search blocks the worker: what it did not find is found by the next attempt's. */
enum { FOUND_MAX = 64, SEARCH_MS_MAX = 3000 };

struct search {
    struct ts_postgres *postgres;
    const struct ts_pg_run *run;
    int64_t until_mono_ms;
    size_t found;
    struct ts_error *err;
    bool broken; /* something else failed: stop */
};

static bool is_about_data(const struct ts_error *err)
{
    return err->class == TS_ERROR_REJECT && strstr(err->text, "23505") == NULL;
}

static bool copy_rows(struct search *search, size_t first, size_t end, struct ts_error *err)
{
    struct ts_pg_session *session = &search->postgres->writing;
    const struct ts_pg_rows *rows = &search->postgres->settle.rows;
    size_t begin = rows->rows[first].begin;
    struct ts_bytes body = {rows->bytes.data + begin, rows->rows[end - 1].end - begin};
    char sql[TS_PG_COPY_SQL_MAX];
    ts_pg_rows_copy_sql(&search->run->leaf, sql);
    return ts_pg_copy_begin(session, sql, err) &&
           ts_pg_copy_put(session, ts_pg_copy_header(), err) &&
           ts_pg_copy_put(session, body, err) &&
           ts_pg_copy_put(session, ts_pg_copy_trailer(), err) && ts_pg_copy_end(session, err);
}

/* Whether the server takes these rows. */
static bool accepts(struct search *search, size_t first, size_t end)
{
    struct ts_pg_session *session = &search->postgres->writing;
    struct ts_error why = {0};
    if (!ts_pg_run(session, "BEGIN", &why)) {
        *search->err = why;
        search->broken = true;
        return true;
    }
    bool ok = copy_rows(search, first, end, &why);
    bool back = ts_pg_run(session, "ROLLBACK", ok ? &why : NULL);
    if (!back || (!ok && why.class != TS_ERROR_REJECT)) {
        *search->err = why;
        search->broken = true;
        return true;
    }
    return ok || !is_about_data(&why);
}

static void refuse(struct ts_record *record)
{
    record->outcome = TS_OUTCOME_DEAD_LETTER;
    record->reason = TS_REASON_ROW_REFUSED;
    record->message = TS_LITERAL("PostgreSQL refuses the row of this record");
}

/* Of rows that are known to be refused together. */
static void bisect(struct search *search, size_t first, size_t end)
{
    if (search->broken || search->found >= FOUND_MAX ||
        (search->found > 0 && ts_pg_mono_ms() > search->until_mono_ms)) {
        return;
    }
    if (end - first == 1) {
        refuse(search->postgres->settle.rows.rows[first].record);
        search->found++;
        return;
    }
    size_t middle = first + (end - first) / 2;
    if (!accepts(search, first, middle)) {
        bisect(search, first, middle);
    }
    if (!search->broken && !accepts(search, middle, end)) {
        bisect(search, middle, end);
    }
}

size_t ts_pg_find_refused(struct ts_postgres *postgres, struct ts_error *err)
{
    struct search search = {.postgres = postgres,
                            .run = &postgres->settle.rows.runs[postgres->settle.leaf],
                            .until_mono_ms = ts_pg_mono_ms() + SEARCH_MS_MAX,
                            .err = err};
    if (!accepts(&search, search.run->first_row, search.run->end_row)) {
        bisect(&search, search.run->first_row, search.run->end_row);
    }
    if (search.found == 0 && !search.broken) {
        err->class = TS_ERROR_RETRY; /* it does not fail any more */
    }
    return search.found;
}

static size_t refuse_overflow(struct ts_settlement *settlement,
                              const struct ts_settle_account *account)
{
    size_t marked = 0;
    for (size_t i = 0; i < settlement->record_count; i++) {
        struct ts_record *record = settlement->records[i];
        if (settlement->record_accounts[i] == account && record->outcome == TS_OUTCOME_SETTLED &&
            record->rating.charge_micros != 0) {
            record->outcome = TS_OUTCOME_DEAD_LETTER;
            record->reason = TS_REASON_CHARGE_OVERFLOW;
            record->message = TS_LITERAL("charge: the balance would leave +-9e15 micro-units");
            marked++;
        }
    }
    return marked;
}

size_t ts_pg_find_overflows(struct ts_postgres *postgres, struct ts_error *err)
{
    struct ts_settlement *settlement = postgres->settle.settlement;
    struct ts_error why = {0};
    if (!ts_pg_step_send(postgres, TS_PG_WRITE_OVERFLOWS, &why)) {
        *err = why;
        return 0;
    }
    PGresult *rows = NULL;
    int64_t until = ts_pg_mono_ms() + postgres->writing.call_timeout_ms;
    if (!ts_pg_await(&postgres->writing, until, &rows, &why) || rows == NULL) {
        *err = why;
        err->class = TS_ERROR_RETRY;
        ts_pg_close(&postgres->writing);
        return 0;
    }
    size_t marked = 0;
    for (int i = 0; i < PQntuples(rows); i++) {
        marked += refuse_overflow(settlement, &settlement->accounts[ts_pg_i64(rows, i, 0) - 1]);
    }
    PQclear(rows);
    if (marked == 0) {
        err->class = TS_ERROR_RETRY; /* a credit came between */
    }
    return marked;
}
