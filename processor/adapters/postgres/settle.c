/* SPDX-License-Identifier: Apache-2.0 */
/* The settle transaction, as a machine that never waits: each poll takes what the server has said,
 * sends what comes next, and returns.
 *
 *   start   BEGIN, lanes, buckets, accounts: one pipeline, one round trip         LOCKING
 *   states  whole account rows, for the few that tell something                   READING
 *   write   one COPY a leaf (COPY cannot be pipelined)                            COPY_*
 *           older outbox rows, commands, the rest, COMMIT: one pipeline           WRITING
 *
 * Encoding happens in start, before BEGIN: a session whose client stopped in mid-COPY answers none
 * of the server's time-outs. */
#include "adapters/postgres/copy_row.h"
#include "adapters/postgres/settle_sql.h"
#include "adapters/postgres/worker.h"
#include "base/assert.h"
#include "base/fault.h"

#include <stdio.h>

enum { COPY_CHUNK = 64 * 1024, ABANDON_WAIT_MS = 2000 };

void ts_pg_settle_init(struct ts_postgres *postgres)
{
    ts_pg_rows_init(&postgres->settle.rows, postgres->options.settle_bytes_max);
    ts_pg_commands_init(&postgres->settle.commands);
    ts_pg_hours_init(&postgres->settle.hours);
}

void ts_pg_settle_finish(struct ts_postgres *postgres)
{
    ts_pg_rows_finish(&postgres->settle.rows);
    ts_pg_commands_finish(&postgres->settle.commands);
    ts_pg_hours_finish(&postgres->settle.hours);
}

void ts_pg_settle_forget(struct ts_postgres *postgres)
{
    struct ts_pg_settle *settle = &postgres->settle;
    settle->phase = TS_PG_IDLE;
    settle->settlement = NULL;
}

static void conclude(struct ts_postgres *postgres, enum ts_settle_status end)
{
    postgres->settle.end = end;
    postgres->settle.phase = TS_PG_CONCLUDED;
}

/* The connection is gone, or nobody knows what state it is in. */
static void lose_connection(struct ts_postgres *postgres)
{
    struct ts_pg_settle *settle = &postgres->settle;
    if (settle->error.class == TS_ERROR_NONE) {
        ts_pg_fail(&settle->error, postgres->writing.conn, NULL);
        settle->error.class = TS_ERROR_RETRY;
    }
    ts_pg_close(&postgres->writing);
    conclude(postgres, TS_SETTLE_FAILED);
}

static void set_deadline(struct ts_postgres *postgres)
{
    postgres->settle.deadline_mono_ms = ts_pg_mono_ms() + postgres->writing.call_timeout_ms;
}

/* --- sending */

/* Queues the steps that this settlement needs as one pipeline. */
static bool send_pipeline(struct ts_postgres *postgres,
                          const enum ts_pg_writing *steps,
                          size_t count,
                          enum ts_pg_phase phase,
                          struct ts_error *err)
{
    struct ts_pg_settle *settle = &postgres->settle;
    PGconn *conn = postgres->writing.conn;
    settle->step = 0;
    settle->step_count = 0;
    if (PQenterPipelineMode(conn) != 1) {
        return ts_pg_fail(err, conn, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        if (ts_pg_step_needed(postgres, steps[i])) {
            if (!ts_pg_step_send(postgres, steps[i], err)) {
                return false;
            }
            settle->steps[settle->step_count++] = steps[i];
        }
    }
    if (PQpipelineSync(conn) != 1 || PQflush(conn) < 0) {
        return ts_pg_fail(err, conn, NULL);
    }
    settle->phase = phase;
    set_deadline(postgres);
    return true;
}

static bool send_lock(struct ts_postgres *postgres, struct ts_error *err)
{
    static const enum ts_pg_writing steps[] = {TS_PG_WRITE_BEGIN,
                                               TS_PG_WRITE_LOCK,
                                               TS_PG_WRITE_LANES,
                                               TS_PG_WRITE_BUCKETS,
                                               TS_PG_WRITE_ACCOUNTS,
                                               TS_PG_WRITE_COUNTERS};
    return send_pipeline(postgres, steps, sizeof steps / sizeof steps[0], TS_PG_LOCKING, err);
}

static bool send_rest(struct ts_postgres *postgres, struct ts_error *err)
{
    static const enum ts_pg_writing steps[] = {TS_PG_WRITE_OLDER,
                                               TS_PG_WRITE_DUPLICATES,
                                               TS_PG_WRITE_DEAD_LETTERS,
                                               TS_PG_WRITE_COMMAND_IDS,
                                               TS_PG_WRITE_ENTRIES,
                                               TS_PG_WRITE_ADJUSTMENTS,
                                               TS_PG_WRITE_INVOICE_LINES,
                                               TS_PG_WRITE_CHANGES,
                                               TS_PG_WRITE_STATES,
                                               TS_PG_WRITE_SETTINGS,
                                               TS_PG_WRITE_OUTBOX,
                                               TS_PG_WRITE_HOURS,
                                               TS_PG_WRITE_ATTACHED,
                                               TS_PG_WRITE_COMMIT};
    ts_fault_point("copy_sent");
    return send_pipeline(postgres, steps, sizeof steps / sizeof steps[0], TS_PG_WRITING, err);
}

/* The COPY of the next leaf, or what follows the last. */
static bool send_next(struct ts_postgres *postgres, struct ts_error *err)
{
    struct ts_pg_settle *settle = &postgres->settle;
    if (settle->leaf == settle->rows.run_count) {
        return send_rest(postgres, err);
    }
    char sql[TS_PG_COPY_SQL_MAX];
    ts_pg_rows_copy_sql(&settle->rows.runs[settle->leaf].leaf, sql);
    if (PQsendQuery(postgres->writing.conn, sql) != 1) {
        return ts_pg_fail(err, postgres->writing.conn, NULL);
    }
    settle->copied = 0;
    settle->phase = TS_PG_COPY_ASKED;
    set_deadline(postgres);
    return true;
}

static void send_rollback(struct ts_postgres *postgres)
{
    if (PQsendQuery(postgres->writing.conn, "ROLLBACK") != 1) {
        lose_connection(postgres);
        return;
    }
    postgres->settle.phase = TS_PG_ROLLING_BACK;
    set_deadline(postgres);
}

/* --- what went wrong */

static void note_failure(struct ts_postgres *postgres, const PGresult *result)
{
    struct ts_pg_settle *settle = &postgres->settle;
    if (settle->end != TS_SETTLE_PENDING) {
        return; /* the first one tells */
    }
    settle->end = TS_SETTLE_FAILED;
    ts_pg_fail(&settle->error, postgres->writing.conn, result);
    snprintf(settle->sqlstate, sizeof settle->sqlstate, "%s", ts_pg_sqlstate(result));
    settle->failed_on_constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) != NULL;
    settle->failed_in_copy =
        settle->phase == TS_PG_COPY_ASKED || settle->phase == TS_PG_COPY_ENDING;
    settle->failed_in_step = !settle->failed_in_copy && settle->step < settle->step_count;
    if (settle->failed_in_step) {
        settle->failed_step = settle->steps[settle->step];
    }
}

static bool sqlstate_begins(const struct ts_pg_settle *settle, const char *prefix)
{
    return strncmp(settle->sqlstate, prefix, strlen(prefix)) == 0;
}

static bool failed_on(const struct ts_pg_settle *settle, enum ts_pg_writing step)
{
    return settle->failed_in_step && settle->failed_step == step;
}

static bool failed_on_commands(const struct ts_pg_settle *settle)
{
    return failed_on(settle, TS_PG_WRITE_COMMAND_IDS) || failed_on(settle, TS_PG_WRITE_ENTRIES) ||
           failed_on(settle, TS_PG_WRITE_ADJUSTMENTS) ||
           failed_on(settle, TS_PG_WRITE_INVOICE_LINES) || failed_on(settle, TS_PG_WRITE_CHANGES) ||
           failed_on(settle, TS_PG_WRITE_SETTINGS);
}

/* Which end a failed transaction comes to, now that it is rolled back and the session is free. */
static void judge(struct ts_postgres *postgres)
{
    struct ts_pg_settle *settle = &postgres->settle;
    struct ts_error *err = &settle->error;
    if (settle->end != TS_SETTLE_FAILED) {
        conclude(postgres, settle->end);
        return;
    }
    bool data = sqlstate_begins(settle, "22") || sqlstate_begins(settle, "23");
    size_t blamed = 0;
    if (sqlstate_begins(settle, "23505") &&
        (settle->failed_in_copy || failed_on(settle, TS_PG_WRITE_COMMAND_IDS) ||
         failed_on(settle, TS_PG_WRITE_ADJUSTMENTS))) {
        conclude(postgres, TS_SETTLE_CONFLICT);
        return;
    }
    if (settle->failed_in_copy && sqlstate_begins(settle, "23514") &&
        !settle->failed_on_constraint) {
        /* Outside the leaf's bounds: another leaf has this name now. */
        postgres->leaves_stale = true;
        err->class = TS_ERROR_RETRY;
    } else if (settle->failed_in_copy && data) {
        blamed = ts_pg_find_refused(postgres, err);
    } else if (failed_on(settle, TS_PG_WRITE_ACCOUNTS) && data) {
        blamed = ts_pg_find_overflows(postgres, err);
    } else if (failed_on_commands(settle) && data) {
        blamed = ts_pg_find_refused_commands(postgres, err);
    } else if (sqlstate_begins(settle, "42P01") || sqlstate_begins(settle, "TS001")) {
        postgres->leaves_stale = true; /* a leaf went away */
        err->class = TS_ERROR_RETRY;
    } else if (err->class == TS_ERROR_REJECT) {
        err->class = TS_ERROR_FATAL; /* of no record's making */
    }
    conclude(postgres, blamed > 0 ? TS_SETTLE_BAD_ROWS : TS_SETTLE_FAILED);
}

/* --- taking answers: each returns true when it made progress */

static void end_pipeline(struct ts_postgres *postgres)
{
    struct ts_pg_settle *settle = &postgres->settle;
    if (PQexitPipelineMode(postgres->writing.conn) != 1) {
        lose_connection(postgres);
    } else if (settle->committed) {
        conclude(postgres, TS_SETTLE_DONE);
    } else if (settle->end != TS_SETTLE_PENDING) {
        send_rollback(postgres);
    } else if (settle->phase == TS_PG_WRITING) {
        ts_error_set(&settle->error, TS_ERROR_RETRY, 0, "PostgreSQL: COMMIT was not carried out");
        settle->end = TS_SETTLE_FAILED;
        send_rollback(postgres);
    } else {
        settle->phase = settle->phase == TS_PG_LOCKING ? TS_PG_LOCKED : TS_PG_DECIDING;
    }
}

static bool take_pipeline(struct ts_postgres *postgres)
{
    struct ts_pg_settle *settle = &postgres->settle;
    PGresult *result = PQgetResult(postgres->writing.conn);
    if (result == NULL) {
        /* Between two statements; more often than that only when the connection is gone. */
        if (++settle->step > settle->step_count) {
            lose_connection(postgres);
        }
        return true;
    }
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        ts_pg_step_read(postgres, settle->steps[settle->step], result);
        break;
    case PGRES_PIPELINE_SYNC:
        end_pipeline(postgres);
        break;
    case PGRES_PIPELINE_ABORTED:
        break;
    default:
        note_failure(postgres, result);
        break;
    }
    PQclear(result);
    return true;
}

static bool take_copy(struct ts_postgres *postgres)
{
    struct ts_pg_settle *settle = &postgres->settle;
    PGresult *result = PQgetResult(postgres->writing.conn);
    if (result == NULL) {
        struct ts_error *err = &settle->error;
        if (settle->end != TS_SETTLE_PENDING) {
            send_rollback(postgres);
            return true;
        }
        settle->leaf++;
        if (!send_next(postgres, err)) {
            lose_connection(postgres);
        }
        return true;
    }
    switch (PQresultStatus(result)) {
    case PGRES_COPY_IN:
        settle->phase = TS_PG_COPYING;
        break;
    case PGRES_COMMAND_OK:
        break;
    default:
        note_failure(postgres, result);
        break;
    }
    PQclear(result);
    return true;
}

static bool take_rollback(struct ts_postgres *postgres)
{
    PGresult *result = PQgetResult(postgres->writing.conn);
    if (result == NULL) {
        judge(postgres);
    } else if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        lose_connection(postgres);
    }
    PQclear(result);
    return true;
}

/* The next piece of header, rows and trailer that follows settle->copied. */
static struct ts_bytes copy_piece(const struct ts_pg_settle *settle)
{
    const struct ts_pg_run *run = &settle->rows.runs[settle->leaf];
    struct ts_bytes pieces[] = {ts_pg_copy_header(),
                                {settle->rows.bytes.data + run->begin, run->end - run->begin},
                                ts_pg_copy_trailer()};
    size_t at = settle->copied;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        if (at < pieces[i].size) {
            size_t left = pieces[i].size - at;
            return (struct ts_bytes){pieces[i].data + at, left < COPY_CHUNK ? left : COPY_CHUNK};
        }
        at -= pieces[i].size;
    }
    return (struct ts_bytes){NULL, 0};
}

/* Puts data out while the socket takes it. */
static bool give_copy(struct ts_postgres *postgres)
{
    struct ts_pg_settle *settle = &postgres->settle;
    PGconn *conn = postgres->writing.conn;
    int pending = PQflush(conn);
    while (pending == 0) {
        struct ts_bytes piece = copy_piece(settle);
        if (piece.size == 0) {
            if (PQputCopyEnd(conn, NULL) != 1) {
                break;
            }
            settle->phase = TS_PG_COPY_ENDING;
            return true;
        }
        if (PQputCopyData(conn, piece.data, (int)piece.size) != 1) {
            pending = -1;
            break;
        }
        settle->copied += piece.size;
        pending = PQflush(conn);
    }
    if (pending < 0) {
        lose_connection(postgres);
        return true;
    }
    return false;
}

/* Fault tests kill the process here: the server has the COMMIT, we do not know. */
static void note_commit_flushed(struct ts_postgres *postgres)
{
    struct ts_pg_settle *settle = &postgres->settle;
    if (settle->phase == TS_PG_WRITING && !settle->commit_flushed &&
        PQflush(postgres->writing.conn) == 0) {
        settle->commit_flushed = true;
        ts_fault_point("commit_sent");
    }
}

/* One step of the machine. False: nothing to do before the socket says more. */
static bool advance(struct ts_postgres *postgres)
{
    note_commit_flushed(postgres);
    if (postgres->settle.phase == TS_PG_COPYING) {
        return give_copy(postgres);
    }
    if (PQisBusy(postgres->writing.conn)) {
        return false;
    }
    switch (postgres->settle.phase) {
    case TS_PG_LOCKING:
    case TS_PG_READING:
    case TS_PG_WRITING:
        return take_pipeline(postgres);
    case TS_PG_COPY_ASKED:
    case TS_PG_COPY_ENDING:
        return take_copy(postgres);
    case TS_PG_ROLLING_BACK:
        return take_rollback(postgres);
    default:
        return false;
    }
}

/* --- the port */

static bool begin(struct ts_postgres *postgres, struct ts_error *err)
{
    struct ts_pg_settle *settle = &postgres->settle;
    if (!ts_pg_rows_collect(&settle->rows, settle->settlement, err) ||
        !ts_pg_commands_collect(&settle->commands, settle->settlement, err)) {
        return false;
    }
    if (!ts_pg_hours_begin(&settle->hours, settle->settlement)) {
        return ts_error_no_memory(err);
    }
    bool covered = ts_pg_rows_covered(&settle->rows, &postgres->leaves);
    if (postgres->leaves_stale || !covered) {
        if (!ts_pg_leaves_load(&postgres->writing, &postgres->leaves, err)) {
            return false;
        }
        postgres->leaves_stale = false;
        covered = ts_pg_rows_covered(&settle->rows, &postgres->leaves);
    }
    size_t too_old = 0;
    if (!covered && !ts_pg_rows_refuse_too_old(&settle->rows, &postgres->leaves, &too_old, err)) {
        return false;
    }
    if (too_old > 0) {
        conclude(postgres, TS_SETTLE_BAD_ROWS); /* told by the next poll; nothing was begun */
        return true;
    }
    return ts_pg_rows_encode(
               &settle->rows, settle->settlement, &postgres->leaves, postgres->topic_no, err) &&
           send_lock(postgres, err);
}

static bool start(void *self, struct ts_settlement *settlement, struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_settle *settle = &postgres->settle;
    TS_ASSERT(settle->phase == TS_PG_IDLE);
    if (postgres->writing.conn == NULL) {
        return ts_error_set(err, TS_ERROR_RETRY, 0, "PostgreSQL: not connected");
    }
    settle->settlement = settlement;
    settle->leaf = 0;
    settle->commit_flushed = false;
    settle->committed = false;
    settle->end = TS_SETTLE_PENDING;
    settle->error = (struct ts_error){0};
    settle->sqlstate[0] = '\0';
    settlement->older = (struct ts_outbox_page){0};
    if (begin(postgres, err)) {
        return true;
    }
    ts_pg_settle_forget(postgres);
    return false;
}

/* The status that the present phase stands for. */
static enum ts_settle_status tell(struct ts_postgres *postgres, struct ts_error *err)
{
    struct ts_pg_settle *settle = &postgres->settle;
    switch (settle->phase) {
    case TS_PG_LOCKED:
        return TS_SETTLE_LOCKED;
    case TS_PG_DECIDING:
        return TS_SETTLE_STATES;
    case TS_PG_CONCLUDED:
        ts_pg_settle_forget(postgres);
        if (settle->end == TS_SETTLE_FAILED && err != NULL) {
            *err = settle->error;
        }
        return settle->end;
    default:
        return TS_SETTLE_PENDING;
    }
}

static bool is_moving(enum ts_pg_phase phase)
{
    return phase != TS_PG_IDLE && phase != TS_PG_LOCKED && phase != TS_PG_DECIDING &&
           phase != TS_PG_CONCLUDED;
}

static enum ts_settle_status poll_settle(void *self, int wait_ms, struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_settle *settle = &postgres->settle;
    TS_ASSERT(settle->phase != TS_PG_IDLE);
    int64_t until = ts_pg_mono_ms() + wait_ms;
    bool looked = false;
    while (is_moving(settle->phase)) {
        if (advance(postgres)) {
            continue;
        }
        int64_t now = ts_pg_mono_ms();
        if (now >= settle->deadline_mono_ms) {
            ts_error_set(
                &settle->error, TS_ERROR_RETRY, 0, "PostgreSQL: a settle got no answer in time");
            lose_connection(postgres);
        } else if (looked && now >= until) {
            break;
        } else if (!ts_pg_wait(&postgres->writing, now < until ? (int)(until - now) : 0) &&
                   PQstatus(postgres->writing.conn) == CONNECTION_BAD) {
            lose_connection(postgres);
        }
        looked = true;
    }
    return tell(postgres, err);
}

static bool read_states(void *self, struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    static const enum ts_pg_writing steps[] = {TS_PG_WRITE_STATES_READ};
    TS_ASSERT(postgres->settle.phase == TS_PG_LOCKED);
    return send_pipeline(postgres, steps, 1, TS_PG_READING, err);
}

static bool write_rows(void *self, struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_settle *settle = &postgres->settle;
    TS_ASSERT(settle->phase == TS_PG_LOCKED || settle->phase == TS_PG_DECIDING);
    const struct ts_settlement *settlement = settle->settlement;
    for (size_t i = 0; i < settlement->state_count; i++) {
        const struct ts_settle_state *state = &settlement->states[i];
        TS_ASSERT(state->state.balance_micros ==
                  settlement->accounts[state->account].balance_micros);
    }
    ts_pg_rows_patch(&settle->rows);
    ts_pg_hours_collect(&settle->hours, &settle->rows, settlement);
    return send_next(postgres, err);
}

/* Ends a statement under way, so that the session is free to roll back. */
static bool cancel(struct ts_postgres *postgres)
{
    char ignored[256];
    PGcancel *cancel = PQgetCancel(postgres->writing.conn);
    bool sent = cancel != NULL && PQcancel(cancel, ignored, sizeof ignored) == 1;
    PQfreeCancel(cancel);
    struct ts_pg_settle *settle = &postgres->settle;
    int64_t until = ts_pg_mono_ms() + ABANDON_WAIT_MS;
    while (sent && is_moving(settle->phase) && ts_pg_mono_ms() < until) {
        poll_settle(postgres, ABANDON_WAIT_MS, NULL);
        if (settle->phase == TS_PG_IDLE) {
            return true; /* it was rolled back on the way */
        }
    }
    return sent && !is_moving(settle->phase);
}

static void abandon(void *self)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_settle *settle = &postgres->settle;
    if (settle->phase == TS_PG_CONCLUDED || postgres->writing.conn == NULL) {
        ts_pg_settle_forget(postgres);
        return;
    }
    bool is_free = !is_moving(settle->phase) || cancel(postgres);
    if (settle->phase != TS_PG_IDLE &&
        (!is_free || !ts_pg_run(&postgres->writing, "ROLLBACK", NULL))) {
        ts_pg_close(&postgres->writing);
    }
    ts_pg_settle_forget(postgres);
}

const struct ts_settle_ops ts_pg_settle_ops = {
    .start = start,
    .poll = poll_settle,
    .states = read_states,
    .write = write_rows,
    .abandon = abandon,
};
