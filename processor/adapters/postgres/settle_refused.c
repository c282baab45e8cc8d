/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of a settlement PostgreSQL refuses. The settlement was rolled back; its encoded
 * rows are tried again in halves, in transactions that never commit, until the single rows are
 * found that fail alone. Commands are few: their statement is tried for one after the other. What
 * repeats a settled identity is not for here: the next attempt meets it as a conflict. */
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
    return err->class == TS_ERROR_REJECT && err->code != TS_PG_UNIQUE_VIOLATION;
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

/* --- commands */

/* Runs the statement that failed for one command alone, and takes it back. */
static bool accepts_command(struct ts_postgres *postgres, size_t command, struct ts_error *err)
{
    struct ts_pg_settle *settle = &postgres->settle;
    enum ts_pg_writing step = settle->failed_step;
    PGresult *result = NULL;
    settle->commands.first = command;
    settle->commands.end = command + 1;
    if (!ts_pg_step_needed(postgres, step)) {
        return true;
    }
    int64_t until = ts_pg_mono_ms() + postgres->writing.call_timeout_ms;
    bool ok = ts_pg_run(&postgres->writing, "BEGIN", err) && ts_pg_step_send(postgres, step, err);
    if (ok && !ts_pg_await(&postgres->writing, until, &result, err)) {
        ts_error_set(err, TS_ERROR_RETRY, 0, "PostgreSQL: no answer in time");
        ts_pg_close(&postgres->writing);
        return false;
    }
    ok = ok && result != NULL;
    PQclear(result);
    return ts_pg_run(&postgres->writing, "ROLLBACK", ok ? err : NULL) && ok;
}

size_t ts_pg_find_refused_commands(struct ts_postgres *postgres, struct ts_error *err)
{
    struct ts_pg_commands *commands = &postgres->settle.commands;
    bool changes = postgres->settle.failed_step == TS_PG_WRITE_SETTINGS;
    int64_t until = ts_pg_mono_ms() + SEARCH_MS_MAX;
    size_t found = 0;
    for (size_t i = 0; i < commands->count && found < FOUND_MAX; i++) {
        struct ts_record *record = commands->items[i].record;
        struct ts_error why = {0};
        if ((changes && record->command->command.type != TS_COMMAND_ACCOUNT_CHANGED) ||
            accepts_command(postgres, i, &why)) {
            continue;
        }
        if (why.class != TS_ERROR_REJECT) {
            *err = why;
            break;
        }
        if (is_about_data(&why)) {
            refuse(record);
            found++;
        }
        if (ts_pg_mono_ms() > until) {
            break;
        }
    }
    if (found == 0 && err->class == TS_ERROR_REJECT) {
        err->class = TS_ERROR_RETRY; /* it does not fail any more */
    }
    return found;
}

/* --- balances */

static bool moves(const struct ts_record *record, bool up)
{
    int64_t delta = record->outcome == TS_OUTCOME_SETTLED ? ts_record_delta(record) : 0;
    return up ? delta > 0 : delta < 0;
}

/* What moved it towards the limit that it would pass. */
static size_t
refuse_overflow(struct ts_settlement *settlement, const struct ts_settle_account *account, bool up)
{
    size_t marked = 0;
    for (size_t i = 0; i < settlement->record_count; i++) {
        struct ts_record *record = settlement->records[i];
        if (settlement->record_accounts[i] == account && moves(record, up)) {
            record->outcome = TS_OUTCOME_DEAD_LETTER;
            record->reason = TS_REASON_CHARGE_OVERFLOW;
            record->message =
                record->command == NULL
                    ? TS_LITERAL("charge: the balance would leave +-9e15 micro-units")
                    : TS_LITERAL("amount_micros: the balance would leave +-9e15 micro-units");
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
        const struct ts_settle_account *account = &settlement->accounts[ts_pg_i64(rows, i, 0) - 1];
        marked += refuse_overflow(settlement, account, ts_pg_bool(rows, i, 1));
    }
    PQclear(rows);
    if (marked == 0) {
        err->class = TS_ERROR_RETRY; /* a credit came between */
    }
    return marked;
}
