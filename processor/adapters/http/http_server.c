/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd is stepped by a thread of ours rather than by its own, because it bounds only the
 * idle time of a connection: a peer that sends a byte every few seconds would hold its place for
 * hours, and a few dozen of them would keep the monitoring out. So between two steps the thread
 * shuts down whatever has lived too long. Only this thread touches the daemon. */
#include "adapters/http/http_server.h"

#include <microhttpd.h>

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { STEP_MS = 100, ADDRESS_MAX = 256 };

struct slot {
    int fd; /* -1: free */
    int64_t deadline_ms;
};

struct ts_http_server {
    struct MHD_Daemon *daemon;
    const struct ts_http_route *routes;
    size_t route_count;
    int port;
    pthread_t thread;
    atomic_bool stopping;
    struct slot slots[TS_HTTP_CONNECTIONS_MAX];
};

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- requests -------------------------------------------------------------------------------- */

static enum MHD_Result respond(struct MHD_Connection *connection,
                               unsigned int status,
                               const char *content_type,
                               struct ts_bytes body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result
respond_text(struct MHD_Connection *connection, unsigned int status, const char *text)
{
    return respond(connection, status, "text/plain; charset=utf-8", ts_bytes_of(text));
}

static enum MHD_Result respond_route(struct MHD_Connection *connection,
                                     const struct ts_http_route *route)
{
    struct ts_buffer body;
    ts_buffer_init(&body, TS_HTTP_BODY_SIZE_MAX);
    int status = route->body(route->arg, &body);
    enum MHD_Result queued =
        body.failed
            ? respond_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is too large\n")
            : respond(
                  connection, (unsigned int)status, route->content_type, ts_buffer_bytes(&body));
    ts_buffer_finish(&body);
    return queued;
}

/* Called with the headers first, then with each piece of a body, then at the end. */
static enum MHD_Result answer(void *self,
                              struct MHD_Connection *connection,
                              const char *url,
                              const char *method,
                              const char *version,
                              const char *upload,
                              size_t *upload_size,
                              void **request)
{
    (void)version;
    (void)upload;
    struct ts_http_server *server = self;
    bool readable =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!readable) {
        return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    if (*request == NULL) {
        *request = server;
        return MHD_YES;
    }
    if (*upload_size != 0) {
        return MHD_NO; /* closes the connection */
    }
    for (size_t i = 0; i < server->route_count; i++) {
        if (strcmp(server->routes[i].path, url) == 0) {
            return respond_route(connection, &server->routes[i]);
        }
    }
    return respond_text(connection, MHD_HTTP_NOT_FOUND, "no such page\n");
}

/* ---- the life of a connection ------------------------------------------------------------------
 */

static void note_connection(void *self,
                            struct MHD_Connection *connection,
                            void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct ts_http_server *server = self;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct slot *slot = *socket_context;
        if (slot != NULL) {
            slot->fd = -1;
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (size_t i = 0; info != NULL && i < TS_HTTP_CONNECTIONS_MAX; i++) {
        struct slot *slot = &server->slots[i];
        if (slot->fd < 0) {
            *slot =
                (struct slot){.fd = info->connect_fd, .deadline_ms = mono_ms() + TS_HTTP_LIFE_MS};
            *socket_context = slot;
            return;
        }
    }
}

/* The descriptor stays the daemon's: it sees the end of the stream and closes it itself. */
static void shut_overdue(struct ts_http_server *server)
{
    int64_t now_ms = mono_ms();
    for (size_t i = 0; i < TS_HTTP_CONNECTIONS_MAX; i++) {
        const struct slot *slot = &server->slots[i];
        if (slot->fd >= 0 && now_ms >= slot->deadline_ms) {
            shutdown(slot->fd, SHUT_RDWR);
        }
    }
}

static void *serve(void *self)
{
    struct ts_http_server *server = self;
    while (!atomic_load(&server->stopping)) {
        MHD_run_wait(server->daemon, STEP_MS);
        shut_overdue(server);
    }
    return NULL;
}

/* ---- open and close
 * ------------------------------------------------------------------------------ */

/* Splits at the last colon, so that "[::1]:9464" works. */
static bool resolve(const char *listen, struct addrinfo **out, struct ts_error *err)
{
    char host[ADDRESS_MAX];
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || colon[1] == '\0' || (size_t)(colon - listen) >= sizeof host) {
        return ts_error_set(
            err, TS_ERROR_FATAL, 0, "\"%s\" should be address:port, as 127.0.0.1:9464", listen);
    }
    bool bracketed = listen[0] == '[' && colon > listen + 1 && colon[-1] == ']';
    const char *from = bracketed ? listen + 1 : listen;
    snprintf(host, sizeof host, "%.*s", (int)(colon - from) - (bracketed ? 1 : 0), from);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int failed = getaddrinfo(host[0] != '\0' ? host : NULL, colon + 1, &hints, out);
    if (failed != 0) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "\"%s\": %s", listen, gai_strerror(failed));
    }
    return true;
}

static struct MHD_Daemon *start_daemon(struct ts_http_server *server,
                                       const struct addrinfo *address)
{
    unsigned int flags = MHD_USE_EPOLL;
    if (address->ai_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    return MHD_start_daemon(flags,
                            0,
                            NULL,
                            NULL,
                            answer,
                            server,
                            MHD_OPTION_SOCK_ADDR,
                            address->ai_addr,
                            MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned int)TS_HTTP_CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned int)TS_HTTP_IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)TS_HTTP_HEADER_BYTES_MAX,
                            MHD_OPTION_STRICT_FOR_CLIENT,
                            1,
                            MHD_OPTION_NOTIFY_CONNECTION,
                            note_connection,
                            server,
                            MHD_OPTION_END);
}

/* Signals are for the program's main thread. */
static bool start_thread(struct ts_http_server *server)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&server->thread, NULL, serve, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0;
}

struct ts_http_server *ts_http_server_open(const char *listen,
                                           const struct ts_http_route *routes,
                                           size_t route_count,
                                           struct ts_error *err)
{
    struct addrinfo *address = NULL;
    if (!resolve(listen, &address, err)) {
        return NULL;
    }
    struct ts_http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        freeaddrinfo(address);
        ts_error_no_memory(err);
        return NULL;
    }
    server->routes = routes;
    server->route_count = route_count;
    for (size_t i = 0; i < TS_HTTP_CONNECTIONS_MAX; i++) {
        server->slots[i].fd = -1;
    }
    server->daemon = start_daemon(server, address);
    freeaddrinfo(address);
    const union MHD_DaemonInfo *info =
        server->daemon == NULL ? NULL
                               : MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info != NULL ? info->port : 0;
    if (server->daemon == NULL || !start_thread(server)) {
        if (server->daemon != NULL) {
            MHD_stop_daemon(server->daemon);
        }
        free(server);
        ts_error_set(err,
                     TS_ERROR_FATAL,
                     0,
                     "cannot listen on %s: is another process listening there?",
                     listen);
        return NULL;
    }
    return server;
}

void ts_http_server_close(struct ts_http_server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->stopping, true);
    pthread_join(server->thread, NULL);
    MHD_stop_daemon(server->daemon);
    free(server);
}

int ts_http_server_port(const struct ts_http_server *server)
{
    return server->port;
}
