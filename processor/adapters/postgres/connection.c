/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/connection.h"

#include "base/assert.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

/* What we wait beyond the server's own statement time-out before we call it gone. */
enum { GRACE_MS = 5000, COPY_CHUNK = 256 * 1024 };

int64_t ts_pg_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t deadline_of(int timeout_ms)
{
    return timeout_ms > 0 ? ts_pg_mono_ms() + timeout_ms : INT64_MAX;
}

static int left_ms(int64_t deadline)
{
    int64_t left = deadline - ts_pg_mono_ms();
    return left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

enum ts_error_class ts_pg_error_class(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum ts_error_class class;
    } classes[] = {
        {"08", TS_ERROR_RETRY},    /* connection */
        {"25006", TS_ERROR_RETRY}, /* read-only: a standby, until the failover is through */
        {"25P03", TS_ERROR_RETRY}, /* idle in transaction for too long */
        {"40", TS_ERROR_RETRY},    /* deadlock, serialization */
        {"53", TS_ERROR_RETRY},    /* disk full, out of memory, too many connections */
        {"55", TS_ERROR_RETRY},    /* lock not available, object in use */
        {"57", TS_ERROR_RETRY},    /* shutdown, starting up, cancelled, time-out */
        {"58", TS_ERROR_RETRY},    /* I/O */
        {"TS001", TS_ERROR_RETRY}, /* a usage partition went away: the list is read again */
        {"XX000", TS_ERROR_RETRY},
        {"22", TS_ERROR_REJECT}, /* data */
        {"23", TS_ERROR_REJECT}, /* constraints */
    };
    if (sqlstate[0] == '\0') {
        return TS_ERROR_RETRY; /* libpq's own: the connection */
    }
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(sqlstate, classes[i].prefix, strlen(classes[i].prefix)) == 0) {
            return classes[i].class;
        }
    }
    return TS_ERROR_FATAL;
}

const char *ts_pg_sqlstate(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state != NULL ? state : "";
}

static enum ts_pg_code code_of(const char *sqlstate)
{
    return strcmp(sqlstate, "23505") == 0   ? TS_PG_UNIQUE_VIOLATION
           : strcmp(sqlstate, "55P03") == 0 ? TS_PG_LOCK_NOT_AVAILABLE
                                            : TS_PG_OTHER;
}

bool ts_pg_fail(struct ts_error *err, const PGconn *conn, const PGresult *result)
{
    const char *state = result != NULL ? ts_pg_sqlstate(result) : "";
    const char *text = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    if (text == NULL) {
        text = conn != NULL ? PQerrorMessage(conn) : "not connected";
    }
    int size = (int)strcspn(text, "\n");
    return ts_error_set(err,
                        ts_pg_error_class(state),
                        (int)code_of(state),
                        "PostgreSQL: %.*s%s%s%s%s%s",
                        size,
                        text,
                        detail != NULL ? " (" : "",
                        detail != NULL ? detail : "",
                        detail != NULL ? ")" : "",
                        state[0] != '\0' ? ", SQLSTATE " : "",
                        state);
}

void ts_pg_close(struct ts_pg_session *session)
{
    PQfinish(session->conn);
    session->conn = NULL;
}

/* Waits for events on the socket; false when poll itself fails. */
static bool wait_socket(const PGconn *conn, short events, int wait_ms)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = events};
    if (fd.fd < 0) {
        return false;
    }
    return poll(&fd, 1, wait_ms) >= 0 || errno == EINTR;
}

bool ts_pg_wait(struct ts_pg_session *session, int wait_ms)
{
    int pending = PQflush(session->conn);
    if (pending < 0) {
        return false;
    }
    short events = (short)(POLLIN | (pending > 0 ? POLLOUT : 0));
    return wait_socket(session->conn, events, wait_ms) && PQconsumeInput(session->conn) == 1 &&
           PQflush(session->conn) >= 0;
}

static bool finish_connecting(PGconn *conn, int64_t deadline, struct ts_error *err)
{
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    while (step == PGRES_POLLING_WRITING || step == PGRES_POLLING_READING) {
        int wait_ms = left_ms(deadline);
        if (wait_ms == 0) {
            return ts_error_set(err,
                                TS_ERROR_RETRY,
                                0,
                                "PostgreSQL: no connection to %s:%s within the connect time-out",
                                PQhost(conn) != NULL ? PQhost(conn) : "",
                                PQport(conn) != NULL ? PQport(conn) : "");
        }
        if (PQstatus(conn) == CONNECTION_BAD ||
            !wait_socket(conn, step == PGRES_POLLING_WRITING ? POLLOUT : POLLIN, wait_ms)) {
            break;
        }
        step = PQconnectPoll(conn);
    }
    if (step == PGRES_POLLING_OK && PQsetnonblocking(conn, 1) == 0) {
        return true;
    }
    return ts_pg_fail(err, conn, NULL);
}

/* Notices are for a person at a prompt; libpq would print them, and a session's dying words, on
 * stderr. What matters comes back as the error of a call. */
static void ignore_notice(void *self, const PGresult *notice)
{
    (void)self;
    (void)notice;
}

static bool connect_session(struct ts_pg_session *session,
                            const struct ts_pg_session_options *options,
                            struct ts_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "tollstream %s", options->role);
    /* tcp_user_timeout ends a write into a dead network; keepalives end a read from one. A URL
     * of several hosts means the one that takes writes. What the URL sets itself comes later and
     * so wins. */
    const char *keys[] = {"application_name",
                          "client_encoding",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "tcp_user_timeout",
                          "target_session_attrs",
                          "dbname",
                          NULL};
    const char *values[] = {
        name, "UTF8", "10", "5", "3", "30000", "read-write", options->url, NULL};
    session->conn = PQconnectStartParams(keys, values, 1);
    if (session->conn == NULL) {
        return ts_error_no_memory(err);
    }
    PQsetNoticeReceiver(session->conn, ignore_notice, NULL);
    if (PQstatus(session->conn) == CONNECTION_BAD) {
        return ts_pg_fail(err, session->conn, NULL);
    }
    return finish_connecting(session->conn, deadline_of(options->connect_timeout_ms), err);
}

/* nested_loops: the worker's statements look up an array, sorted so that all sessions lock in one
 * order, and read what it names by an index. The planner does not know how long the array is and
 * must not be clever: a hash join would lock in its own order, and scan. */
static bool set_up(struct ts_pg_session *session,
                   const struct ts_pg_session_options *options,
                   struct ts_error *err)
{
    char sql[768];
    snprintf(
        sql,
        sizeof sql,
        "SET statement_timeout = %d; SET lock_timeout = %d;"
        "SET idle_in_transaction_session_timeout = %d;"
        "SET synchronous_commit = on; SET timezone = 'UTC'; SET jit = off;"
        "SET default_transaction_isolation = 'read committed'; SET datestyle = 'ISO';%s",
        options->statement_timeout_ms,
        options->lock_timeout_ms,
        options->idle_in_transaction_timeout_ms,
        options->nested_loops
            ? "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;"
              "SET max_parallel_workers_per_gather = 0; SET plan_cache_mode ="
              " force_generic_plan"
            : "");
    return ts_pg_run(session, sql, err);
}

/* The answer ran out of time: what comes next on this connection is not ours to guess. */
static PGresult *give_up(struct ts_pg_session *session, struct ts_error *err)
{
    ts_pg_close(session);
    ts_error_set(err, TS_ERROR_RETRY, 0, "PostgreSQL: no answer within the statement time-out");
    return NULL;
}

bool ts_pg_await(struct ts_pg_session *session,
                 int64_t until_mono_ms,
                 PGresult **result,
                 struct ts_error *err)
{
    PGresult *last = NULL;
    for (;;) {
        while (PQisBusy(session->conn)) {
            int wait_ms = left_ms(until_mono_ms);
            if (wait_ms == 0) {
                PQclear(last);
                return false;
            }
            if (!ts_pg_wait(session, wait_ms)) {
                break; /* PQgetResult tells what */
            }
        }
        PGresult *next = PQgetResult(session->conn);
        if (next == NULL) {
            break;
        }
        ExecStatusType status = PQresultStatus(next);
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(next); /* the first error is the one that tells */
            continue;
        }
        PQclear(last);
        last = next;
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
            break;
        }
    }
    ExecStatusType status = last != NULL ? PQresultStatus(last) : PGRES_FATAL_ERROR;
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
        ts_pg_fail(err, session->conn, last);
        PQclear(last);
        last = NULL;
    }
    *result = last;
    return true;
}

static PGresult *await_call(struct ts_pg_session *session, struct ts_error *err)
{
    PGresult *result = NULL;
    int64_t deadline = deadline_of(session->call_timeout_ms);
    return ts_pg_await(session, deadline, &result, err) ? result : give_up(session, err);
}

bool ts_pg_prepare(struct ts_pg_session *session,
                   const struct ts_pg_statement *statements,
                   size_t count,
                   struct ts_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (PQsendPrepare(session->conn, statements[i].name, statements[i].sql, 0, NULL) != 1) {
            return ts_pg_fail(err, session->conn, NULL);
        }
        PGresult *result = await_call(session, err);
        PQclear(result);
        if (result == NULL) {
            return ts_error_prefix(err, "statement %s", statements[i].name);
        }
    }
    return true;
}

bool ts_pg_open(struct ts_pg_session *session,
                const struct ts_pg_session_options *options,
                const struct ts_pg_statement *statements,
                size_t statement_count,
                struct ts_error *err)
{
    *session = (struct ts_pg_session){0};
    if (options->statement_timeout_ms > 0) {
        session->call_timeout_ms = options->statement_timeout_ms + GRACE_MS;
    }
    if (connect_session(session, options, err) && set_up(session, options, err) &&
        ts_pg_prepare(session, statements, statement_count, err)) {
        return true;
    }
    ts_pg_close(session);
    return false;
}

static bool closed(struct ts_error *err)
{
    return ts_error_set(err, TS_ERROR_RETRY, 0, "PostgreSQL: not connected");
}

struct values {
    const char *at[TS_PG_PARAMS_MAX];
    int formats[TS_PG_PARAMS_MAX];
};

static bool lay_out(const struct ts_pg_params *params, struct values *out, struct ts_error *err)
{
    if (params->data.failed) {
        return ts_error_set(err,
                            TS_ERROR_FATAL,
                            0,
                            "PostgreSQL: the parameters of a statement exceed %zu bytes",
                            params->data.size_max);
    }
    for (int i = 0; i < params->count; i++) {
        struct ts_bytes data = ts_buffer_bytes(&params->data);
        out->at[i] = params->lengths[i] < 0 ? NULL : data.data + params->starts[i];
        out->formats[i] = 1;
    }
    return true;
}

bool ts_pg_send(struct ts_pg_session *session,
                const struct ts_pg_statement *prepared,
                const struct ts_pg_params *params,
                struct ts_error *err)
{
    if (session->conn == NULL) {
        return closed(err);
    }
    struct values values;
    if (params != NULL && !lay_out(params, &values, err)) {
        return false;
    }
    int sent = PQsendQueryPrepared(session->conn,
                                   prepared->name,
                                   params != NULL ? params->count : 0,
                                   params != NULL ? values.at : NULL,
                                   params != NULL ? params->lengths : NULL,
                                   params != NULL ? values.formats : NULL,
                                   1);
    return sent == 1 || ts_pg_fail(err, session->conn, NULL);
}

PGresult *ts_pg_call(struct ts_pg_session *session,
                     const struct ts_pg_statement *prepared,
                     const struct ts_pg_params *params,
                     struct ts_error *err)
{
    return ts_pg_send(session, prepared, params, err) ? await_call(session, err) : NULL;
}

PGresult *ts_pg_exec(struct ts_pg_session *session, const char *sql, struct ts_error *err)
{
    if (session->conn == NULL) {
        closed(err);
        return NULL;
    }
    if (PQsendQuery(session->conn, sql) != 1) {
        ts_pg_fail(err, session->conn, NULL);
        return NULL;
    }
    return await_call(session, err);
}

PGresult *ts_pg_exec_params(struct ts_pg_session *session,
                            const char *sql,
                            const struct ts_pg_params *params,
                            struct ts_error *err)
{
    struct values values;
    if (session->conn == NULL) {
        closed(err);
        return NULL;
    }
    if (!lay_out(params, &values, err)) {
        return NULL;
    }
    if (PQsendQueryParams(session->conn,
                          sql,
                          params->count,
                          NULL,
                          values.at,
                          params->lengths,
                          values.formats,
                          1) != 1) {
        ts_pg_fail(err, session->conn, NULL);
        return NULL;
    }
    return await_call(session, err);
}

bool ts_pg_run(struct ts_pg_session *session, const char *sql, struct ts_error *err)
{
    PGresult *result = ts_pg_exec(session, sql, err);
    PQclear(result);
    return result != NULL;
}

bool ts_pg_copy_begin(struct ts_pg_session *session, const char *sql, struct ts_error *err)
{
    PGresult *result = ts_pg_exec(session, sql, err);
    if (result == NULL) {
        return false;
    }
    TS_ASSERT(PQresultStatus(result) == PGRES_COPY_IN);
    PQclear(result);
    return true;
}

/* One piece, or the end mark when it is empty; waits for the socket as needed. */
static bool put_piece(struct ts_pg_session *session, struct ts_bytes piece, int64_t deadline)
{
    int put = piece.size == 0 ? PQputCopyEnd(session->conn, NULL)
                              : PQputCopyData(session->conn, piece.data, (int)piece.size);
    int pending = put == 1 ? PQflush(session->conn) : -1;
    while (pending > 0 && left_ms(deadline) > 0 &&
           wait_socket(session->conn, POLLOUT, left_ms(deadline))) {
        pending = PQflush(session->conn);
    }
    return pending == 0;
}

bool ts_pg_copy_put(struct ts_pg_session *session, struct ts_bytes data, struct ts_error *err)
{
    int64_t deadline = deadline_of(session->call_timeout_ms);
    for (size_t at = 0; at < data.size; at += COPY_CHUNK) {
        size_t left = data.size - at;
        struct ts_bytes piece = {data.data + at, left < COPY_CHUNK ? left : COPY_CHUNK};
        if (!put_piece(session, piece, deadline)) {
            ts_pg_fail(err, session->conn, NULL);
            ts_pg_close(session);
            return false;
        }
    }
    return true;
}

bool ts_pg_copy_end(struct ts_pg_session *session, struct ts_error *err)
{
    if (!put_piece(session, (struct ts_bytes){NULL, 0}, deadline_of(session->call_timeout_ms))) {
        ts_pg_fail(err, session->conn, NULL);
        ts_pg_close(session);
        return false;
    }
    PGresult *result = await_call(session, err);
    PQclear(result);
    return result != NULL;
}

/* The next piece; absent at the end. False when the connection is broken. */
static bool next_piece(struct ts_pg_session *session, char **piece, int *size, struct ts_error *err)
{
    int64_t deadline = deadline_of(session->call_timeout_ms);
    while ((*size = PQgetCopyData(session->conn, piece, 1)) == 0) {
        int wait_ms = left_ms(deadline);
        if (wait_ms == 0 || !ts_pg_wait(session, wait_ms)) {
            return ts_pg_fail(err, session->conn, NULL);
        }
    }
    return true;
}

bool ts_pg_copy_out(struct ts_pg_session *session,
                    const char *sql,
                    bool (*take)(void *self, struct ts_bytes piece, struct ts_error *err),
                    void *self,
                    struct ts_error *err)
{
    PGresult *result = ts_pg_exec(session, sql, err);
    if (result == NULL) {
        return false;
    }
    TS_ASSERT(PQresultStatus(result) == PGRES_COPY_OUT);
    PQclear(result);
    bool good = true;
    for (;;) {
        char *piece = NULL;
        int size = 0;
        good = next_piece(session, &piece, &size, err);
        if (!good || size < 0) {
            break;
        }
        good = take(self, (struct ts_bytes){piece, (size_t)size}, err);
        PQfreemem(piece);
        if (!good) {
            break;
        }
    }
    if (!good) {
        ts_pg_close(session);
        return false;
    }
    result = await_call(session, err);
    PQclear(result);
    return result != NULL;
}
