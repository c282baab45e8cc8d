/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/connection.h"

#include "adapters/redis/command.h"
#include "adapters/redis/reply.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    CONNECT_TIMEOUT_MS = 2000,
    COMMAND_TIMEOUT_MS = 5000,
    OUT_SIZE_MAX = 64 * 1024 * 1024, /* some hundred times a batch's calls */
    RECEIVE_SIZE = 64 * 1024,
    WORDS_MAX = 8,
};

int64_t ts_redis_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool ts_redis_connection_init(struct ts_redis_connection *connection,
                              const struct ts_redis_options *options,
                              struct ts_error *err)
{
    struct ts_redis_connection made = {
        .connect_timeout_ms =
            options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS,
        .command_timeout_ms =
            options->command_timeout_ms > 0 ? options->command_timeout_ms : COMMAND_TIMEOUT_MS,
    };
    if (!ts_redis_url_parse(options->url, &made.url, err)) {
        return false;
    }
    const char *name = options->client_name != NULL ? options->client_name : "tollstream";
    (void)snprintf(made.client_name, sizeof made.client_name, "%s", name);
    ts_buffer_init(&made.out, OUT_SIZE_MAX);
    *connection = made;
    return true;
}

void ts_redis_connection_close(struct ts_redis_connection *connection)
{
    if (connection->context != NULL) {
        redisFree(connection->context);
        connection->context = NULL;
    }
}

void ts_redis_connection_finish(struct ts_redis_connection *connection)
{
    ts_redis_connection_close(connection);
    ts_buffer_finish(&connection->out);
}

static bool name_server(const struct ts_redis_connection *connection, struct ts_error *err)
{
    return ts_error_prefix(err, "redis %s:%d", connection->url.host, connection->url.port);
}

bool ts_redis_connection_fail(struct ts_redis_connection *connection,
                              struct ts_error *err,
                              enum ts_error_class class,
                              const char *text)
{
    (void)ts_error_set(err, class, 0, "%s", text);
    (void)name_server(connection, err);
    ts_redis_connection_close(connection);
    return false;
}

bool ts_redis_connection_refused(struct ts_redis_connection *connection,
                                 const redisReply *reply,
                                 struct ts_error *err)
{
    (void)ts_redis_reply_error(reply->str, err);
    (void)name_server(connection, err);
    ts_redis_connection_close(connection);
    return false;
}

static bool
fail_errno(struct ts_redis_connection *connection, const char *what, struct ts_error *err)
{
    char text[160];
    (void)snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
    return ts_redis_connection_fail(connection, err, TS_ERROR_RETRY, text);
}

struct ts_buffer *ts_redis_connection_begin(struct ts_redis_connection *connection,
                                            struct ts_error *err)
{
    if (connection->context == NULL) {
        (void)ts_redis_connection_fail(connection, err, TS_ERROR_RETRY, "not connected");
        return NULL;
    }
    ts_buffer_clear(&connection->out);
    connection->sent = 0;
    connection->progress_ms = ts_redis_now_ms();
    return &connection->out;
}

/* Sends what the socket takes now. */
static bool send_some(struct ts_redis_connection *connection, bool *moved, struct ts_error *err)
{
    const struct ts_buffer *out = &connection->out;
    while (connection->sent < out->size) {
        ssize_t n = send(connection->context->fd,
                         out->data + connection->sent,
                         out->size - connection->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR || fail_errno(connection, "sending", err);
        }
        connection->sent += (size_t)n;
        *moved = true;
    }
    return true;
}

bool ts_redis_connection_flush(struct ts_redis_connection *connection, struct ts_error *err)
{
    bool moved = false;
    return send_some(connection, &moved, err);
}

/* Gives the parser what has come. */
static bool receive_some(struct ts_redis_connection *connection, bool *moved, struct ts_error *err)
{
    char data[RECEIVE_SIZE];
    ssize_t n = 0;
    do {
        n = recv(connection->context->fd, data, sizeof data, MSG_DONTWAIT);
        if (n == 0) {
            return ts_redis_connection_fail(
                connection, err, TS_ERROR_RETRY, "the server closed the connection");
        }
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR || fail_errno(connection, "receiving", err);
        }
        if (redisReaderFeed(connection->context->reader, data, (size_t)n) != REDIS_OK) {
            return ts_redis_connection_fail(
                connection, err, TS_ERROR_FATAL, connection->context->reader->errstr);
        }
        *moved = true;
    } while ((size_t)n == sizeof data);
    return true;
}

static bool move_bytes(struct ts_redis_connection *connection, bool *moved, struct ts_error *err)
{
    return send_some(connection, moved, err) && receive_some(connection, moved, err);
}

bool ts_redis_connection_pump(struct ts_redis_connection *connection,
                              int wait_ms,
                              struct ts_error *err)
{
    bool moved = false;
    if (!move_bytes(connection, &moved, err)) {
        return false;
    }
    int64_t left = connection->progress_ms + connection->command_timeout_ms - ts_redis_now_ms();
    if (!moved && left > 0 && wait_ms > 0) {
        bool unsent = connection->sent < connection->out.size;
        struct pollfd ready = {.fd = connection->context->fd,
                               .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
        if (poll(&ready, 1, left < wait_ms ? (int)left : wait_ms) < 0 && errno != EINTR) {
            return fail_errno(connection, "waiting", err);
        }
        if (!move_bytes(connection, &moved, err)) {
            return false;
        }
    }
    int64_t now = ts_redis_now_ms();
    if (moved) {
        connection->progress_ms = now;
    } else if (now - connection->progress_ms >= connection->command_timeout_ms) {
        char text[80];
        int silence_ms = connection->command_timeout_ms;
        (void)snprintf(text, sizeof text, "no answer for %d ms (command timeout)", silence_ms);
        return ts_redis_connection_fail(connection, err, TS_ERROR_RETRY, text);
    }
    return true;
}

bool ts_redis_connection_next(struct ts_redis_connection *connection,
                              redisReply **reply,
                              struct ts_error *err)
{
    void *next = NULL;
    if (redisReaderGetReply(connection->context->reader, &next) != REDIS_OK) {
        return ts_redis_connection_fail(
            connection, err, TS_ERROR_RETRY, connection->context->reader->errstr);
    }
    *reply = next;
    return true;
}

/* The next reply, whatever it says; NULL when it does not come. */
static redisReply *wait_any(struct ts_redis_connection *connection, struct ts_error *err)
{
    redisReply *reply = NULL;
    while (ts_redis_connection_next(connection, &reply, err) && reply == NULL) {
        if (!ts_redis_connection_pump(connection, connection->command_timeout_ms, err)) {
            return NULL;
        }
    }
    return reply;
}

redisReply *ts_redis_connection_wait(struct ts_redis_connection *connection, struct ts_error *err)
{
    redisReply *reply = wait_any(connection, err);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        (void)ts_redis_connection_refused(connection, reply, err);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

redisReply *
ts_redis_connection_call(struct ts_redis_connection *connection, struct ts_error *err, ...)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    va_list args;
    va_start(args, err);
    for (const char *word = NULL;
         count < WORDS_MAX && (word = va_arg(args, const char *)) != NULL;) {
        words[count++] = word;
    }
    va_end(args);

    struct ts_buffer *out = ts_redis_connection_begin(connection, err);
    if (out == NULL) {
        return NULL;
    }
    ts_redis_command_begin(out, count);
    for (size_t i = 0; i < count; i++) {
        ts_redis_command_bytes(out, ts_bytes_of(words[i]));
    }
    if (out->failed) {
        (void)ts_redis_connection_fail(connection, err, TS_ERROR_FATAL, "out of memory");
        return NULL;
    }
    return ts_redis_connection_wait(connection, err);
}

/* AUTH apart from the other commands: nothing of it may reach an error text. */
static bool log_in(struct ts_redis_connection *connection, struct ts_error *err)
{
    const struct ts_redis_url *url = &connection->url;
    struct ts_buffer *out = ts_redis_connection_begin(connection, err);
    if (out == NULL) {
        return false;
    }
    bool named = url->user[0] != '\0';
    ts_redis_command_begin(out, named ? 3 : 2);
    ts_redis_command_bytes(out, TS_LITERAL("AUTH"));
    if (named) {
        ts_redis_command_bytes(out, ts_bytes_of(url->user));
    }
    ts_redis_command_bytes(out, ts_bytes_of(url->password));
    redisReply *reply = out->failed ? NULL : wait_any(connection, err);
    if (reply == NULL) {
        return out->failed
                   ? ts_redis_connection_fail(connection, err, TS_ERROR_FATAL, "out of memory")
                   : false;
    }
    bool accepted = reply->type != REDIS_REPLY_ERROR;
    if (!accepted) {
        (void)ts_redis_reply_error_secret(reply->str, err);
        (void)name_server(connection, err);
        ts_redis_connection_close(connection);
    }
    freeReplyObject(reply);
    return accepted;
}

static bool call_ok(struct ts_redis_connection *connection,
                    const char *command,
                    const char *name,
                    const char *argument,
                    struct ts_error *err)
{
    redisReply *reply = ts_redis_connection_call(connection, err, command, name, argument, NULL);
    freeReplyObject(reply);
    return reply != NULL;
}

bool ts_redis_connection_open(struct ts_redis_connection *connection, struct ts_error *err)
{
    const struct ts_redis_url *url = &connection->url;
    ts_redis_connection_close(connection);
    struct timeval limit = {.tv_sec = connection->connect_timeout_ms / 1000,
                            .tv_usec = connection->connect_timeout_ms % 1000 * 1000};
    connection->context = redisConnectWithTimeout(url->host, url->port, limit);
    if (connection->context == NULL) {
        return ts_redis_connection_fail(connection, err, TS_ERROR_FATAL, "out of memory");
    }
    if (connection->context->err != 0) {
        char text[160];
        (void)snprintf(text, sizeof text, "connecting: %s", connection->context->errstr);
        return ts_redis_connection_fail(connection, err, TS_ERROR_RETRY, text);
    }
    (void)redisEnableKeepAlive(connection->context); /* without it only the time-outs tell */
    if (url->password[0] != '\0' && !log_in(connection, err)) {
        return false;
    }
    char database[12];
    (void)snprintf(database, sizeof database, "%d", url->database);
    return (url->database == 0 || call_ok(connection, "SELECT", database, NULL, err)) &&
           call_ok(connection, "CLIENT", "SETNAME", connection->client_name, err);
}
