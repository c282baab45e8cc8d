/* SPDX-License-Identifier: Apache-2.0 */
/* A session with the server, as all of this adapter uses it. Private to adapters/postgres.
 *
 * The socket is non-blocking and every wait has an end on our side too: a server (or a network)
 * that stopped answering does not run its own statement time-out. After a wait that ran out the
 * session is closed, because nobody knows what its next answer would belong to. */
#ifndef TS_ADAPTERS_POSTGRES_CONNECTION_H
#define TS_ADAPTERS_POSTGRES_CONNECTION_H

#include "adapters/postgres/params.h"
#include "base/error.h"

#include <libpq-fe.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_pg_session_options {
    const char *url;  /* a libpq URI or keyword string; what it sets goes before what we set */
    const char *role; /* part of application_name: "tollstream settle" */
    int connect_timeout_ms;
    int statement_timeout_ms; /* of the server; 0: none, nor one of ours */
    int lock_timeout_ms;
    int idle_in_transaction_timeout_ms;
    bool nested_loops; /* plan for statements that look up a sorted array of keys: see .c */
};

struct ts_pg_session {
    PGconn *conn; /* NULL: closed */
    int call_timeout_ms;
};

struct ts_pg_statement {
    const char *name;
    const char *sql;
};

/* Connects, sets the session up and prepares the statements. */
bool ts_pg_open(struct ts_pg_session *session,
                const struct ts_pg_session_options *options,
                const struct ts_pg_statement *statements,
                size_t statement_count,
                struct ts_error *err);
bool ts_pg_prepare(struct ts_pg_session *session,
                   const struct ts_pg_statement *statements,
                   size_t count,
                   struct ts_error *err);
void ts_pg_close(struct ts_pg_session *session); /* also a closed or zeroed one */

/* Waits until the socket can be read (or written, while output is pending) or the time is over.
 * Returns false when the connection is broken. */
bool ts_pg_wait(struct ts_pg_session *session, int wait_ms);

int64_t ts_pg_mono_ms(void); /* the clock of these waits */

/* Runs a statement and returns its one result (PGRES_TUPLES_OK or COMMAND_OK), binary columns; NULL
 * on failure. `params` may be NULL. */
PGresult *ts_pg_call(struct ts_pg_session *session,
                     const struct ts_pg_statement *prepared,
                     const struct ts_pg_params *params,
                     struct ts_error *err);

/* The same in two halves, for a caller that does something while it waits: send, then await until
 * it returns true; *result is NULL on failure. */
bool ts_pg_send(struct ts_pg_session *session,
                const struct ts_pg_statement *prepared,
                const struct ts_pg_params *params,
                struct ts_error *err);
bool ts_pg_await(struct ts_pg_session *session,
                 int64_t until_mono_ms,
                 PGresult **result,
                 struct ts_error *err);

/* Runs SQL that was not prepared: several statements without parameters, or one with. */
PGresult *ts_pg_exec(struct ts_pg_session *session, const char *sql, struct ts_error *err);
PGresult *ts_pg_exec_params(struct ts_pg_session *session,
                            const char *sql,
                            const struct ts_pg_params *params,
                            struct ts_error *err);
bool ts_pg_run(struct ts_pg_session *session, const char *sql, struct ts_error *err);

/* COPY … FROM STDIN: begin, put any number of times, end. After a failed put the session is closed;
 * what the server refuses is told by end. */
bool ts_pg_copy_begin(struct ts_pg_session *session, const char *sql, struct ts_error *err);
bool ts_pg_copy_put(struct ts_pg_session *session, struct ts_bytes data, struct ts_error *err);
bool ts_pg_copy_end(struct ts_pg_session *session, struct ts_error *err);

/* COPY (…) TO STDOUT: each piece that comes, a row or the header with the first. False from `take`
 * ends it with its error, and closes the session. */
bool ts_pg_copy_out(struct ts_pg_session *session,
                    const char *sql,
                    bool (*take)(void *self, struct ts_bytes piece, struct ts_error *err),
                    void *self,
                    struct ts_error *err);

/* The codes of errors that a caller looks at; the texts hold values of rows, and are cut. */
enum ts_pg_code {
    TS_PG_OTHER, /* any other */
    TS_PG_UNIQUE_VIOLATION,
    TS_PG_LOCK_NOT_AVAILABLE, /* in time: somebody else has it */
};

/* Sets `err` from a result (or from the connection when it is NULL), with the class and the code
 * that its SQLSTATE stands for. Returns false. */
bool ts_pg_fail(struct ts_error *err, const PGconn *conn, const PGresult *result);

/* The SQLSTATE of a failed result, "" when it has none. */
const char *ts_pg_sqlstate(const PGresult *result);
enum ts_error_class ts_pg_error_class(const char *sqlstate);

#endif
