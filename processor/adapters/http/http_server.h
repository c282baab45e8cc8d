/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP server for monitoring: a few fixed paths, GET and HEAD only, each body made by a
 * function at the moment it is asked for. It is not a web server and no API: there is no
 * authentication, so it belongs on loopback or a private network.
 *
 * It has one thread of its own, started by open and ended by close; the body functions run on it.
 * A hostile peer costs little: connections, header bytes, idle time and the whole life of a
 * connection are limited, every connection serves one request, and a request's body is refused. */
#ifndef TS_ADAPTERS_HTTP_HTTP_SERVER_H
#define TS_ADAPTERS_HTTP_HTTP_SERVER_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>

enum {
    TS_HTTP_CONNECTIONS_MAX = 32,
    TS_HTTP_HEADER_BYTES_MAX = 8192, /* request line and headers, and what answers them */
    TS_HTTP_IDLE_S = 5,
    TS_HTTP_LIFE_MS = 10000, /* from accept to the last byte, however busy */
    TS_HTTP_BODY_SIZE_MAX = 4 << 20,
};

struct ts_http_route {
    const char *path; /* "/metrics" */
    const char *content_type;
    /* Appends the body (at most TS_HTTP_BODY_SIZE_MAX) and returns the status, 200 or 503. */
    int (*body)(void *arg, struct ts_buffer *out);
    void *arg;
};

struct ts_http_server;

/* Listens on "address:port" ("127.0.0.1:9464", "[::1]:9464"; port 0: any free one) and starts. The
 * routes must outlive the server. Fails with FATAL: a malformed address, or nothing can be bound
 * there. */
struct ts_http_server *ts_http_server_open(const char *listen,
                                           const struct ts_http_route *routes,
                                           size_t route_count,
                                           struct ts_error *err);
void ts_http_server_close(struct ts_http_server *server);

/* The port it listens on. */
int ts_http_server_port(const struct ts_http_server *server);

#endif
