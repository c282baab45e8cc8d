/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to one Redis server: pipelined commands out, replies in, never blocking longer
 * than it is told. hiredis connects and parses; sending and receiving is done here, because a large
 * pipeline must read while it writes, and because hiredis writes without MSG_NOSIGNAL.
 *
 * It is not a client that mends itself: nothing is ever sent twice, and after any failure it is
 * closed until `open`. Used by one thread. */
#ifndef TS_ADAPTERS_REDIS_CONNECTION_H
#define TS_ADAPTERS_REDIS_CONNECTION_H

#include "adapters/redis/options.h"
#include "adapters/redis/url.h"
#include "base/buffer.h"
#include "base/error.h"

#include <hiredis/hiredis.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_redis_connection {
    struct ts_redis_url url;
    char client_name[64];
    int connect_timeout_ms;
    int command_timeout_ms;
    redisContext *context; /* NULL: closed */
    struct ts_buffer out;
    size_t sent;         /* of `out` */
    int64_t progress_ms; /* when bytes last moved, or the pipeline began */
};

/* Fails, class FATAL, on a faulty url. */
bool ts_redis_connection_init(struct ts_redis_connection *connection,
                              const struct ts_redis_options *options,
                              struct ts_error *err);
void ts_redis_connection_finish(struct ts_redis_connection *connection);

/* Connects anew, logs in, selects the database. */
bool ts_redis_connection_open(struct ts_redis_connection *connection, struct ts_error *err);
void ts_redis_connection_close(struct ts_redis_connection *connection);

/* Starts a pipeline: returns the buffer to write the commands to, NULL (class RETRY) when closed.
 * The answers of the pipeline before must all have been read. */
struct ts_buffer *ts_redis_connection_begin(struct ts_redis_connection *connection,
                                            struct ts_error *err);

/* Sends what the socket takes at once. */
bool ts_redis_connection_flush(struct ts_redis_connection *connection, struct ts_error *err);

/* Moves bytes both ways, waiting at most `wait_ms` when none can move. Fails when the connection
 * breaks or stays silent for command_timeout_ms. */
bool ts_redis_connection_pump(struct ts_redis_connection *connection,
                              int wait_ms,
                              struct ts_error *err);

/* The next reply if it is there whole, else *reply is NULL. The caller frees it
 * (freeReplyObject). */
bool ts_redis_connection_next(struct ts_redis_connection *connection,
                              redisReply **reply,
                              struct ts_error *err);

/* Waits for the next reply. NULL, and closed, when it does not come or is an error reply. */
redisReply *ts_redis_connection_wait(struct ts_redis_connection *connection, struct ts_error *err);

/* One command (words up to a NULL) and its reply, as by _wait. */
redisReply *ts_redis_connection_call(struct ts_redis_connection *connection,
                                     struct ts_error *err,
                                     ...) __attribute__((sentinel));

/* Sets `err` from an error reply, with the server's address, and closes. Returns false. */
bool ts_redis_connection_refused(struct ts_redis_connection *connection,
                                 const redisReply *reply,
                                 struct ts_error *err);

/* Fails with a text about the server's address, and closes. Returns false. */
bool ts_redis_connection_fail(struct ts_redis_connection *connection,
                              struct ts_error *err,
                              enum ts_error_class class,
                              const char *text);

/* Milliseconds of a clock that only goes forward. */
int64_t ts_redis_now_ms(void);

#endif
