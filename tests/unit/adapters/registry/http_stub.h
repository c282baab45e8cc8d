/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP server that answers every request with the bytes that the test sets, also with some that
 * are no HTTP, and as late as it likes. One request a connection. */
#ifndef TS_TESTS_UNIT_ADAPTERS_REGISTRY_HTTP_STUB_H
#define TS_TESTS_UNIT_ADAPTERS_REGISTRY_HTTP_STUB_H

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STUB_REPLY_MAX = 512 * 1024, STUB_REQUEST_MAX = 4096 };

static struct stub {
    pthread_mutex_t lock;
    char reply[STUB_REPLY_MAX];
    size_t reply_size;
    int delay_ms;
    int requests;
    char request[STUB_REQUEST_MAX]; /* the last */
    bool stopping;
    int listener;
    int port; /* kept over a stop, so that it can come back */
    pthread_t thread;
} stub = {.lock = PTHREAD_MUTEX_INITIALIZER, .listener = -1};

static inline void stub_sleep(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static inline bool stub_stopping(void)
{
    pthread_mutex_lock(&stub.lock);
    bool stopping = stub.stopping;
    pthread_mutex_unlock(&stub.lock);
    return stopping;
}

static inline void stub_serve(int fd)
{
    static char reply[STUB_REPLY_MAX];
    char request[STUB_REQUEST_MAX] = "";
    size_t size = 0;
    for (ssize_t n = 1; n > 0 && strstr(request, "\r\n\r\n") == NULL; size += (size_t)n) {
        n = recv(fd, request + size, sizeof request - 1 - size, 0);
        n = n < 0 ? 0 : n;
        request[size + (size_t)n] = '\0';
    }
    pthread_mutex_lock(&stub.lock);
    stub.requests++;
    memcpy(stub.request, request, sizeof request);
    size_t reply_size = stub.reply_size;
    memcpy(reply, stub.reply, reply_size);
    int delay_ms = stub.delay_ms;
    pthread_mutex_unlock(&stub.lock);
    for (int slept_ms = 0; slept_ms < delay_ms && !stub_stopping(); slept_ms += 10) {
        stub_sleep(10);
    }
    send(fd, reply, reply_size, MSG_NOSIGNAL);
    close(fd);
}

static inline void *stub_work(void *arg)
{
    (void)arg;
    while (!stub_stopping()) {
        int fd = accept(stub.listener, NULL, NULL);
        if (fd >= 0) {
            stub_serve(fd);
        }
    }
    return NULL;
}

static inline void stub_start(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)stub.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    stub.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(stub.listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    setsockopt(stub.listener,
               SOL_SOCKET,
               SO_RCVTIMEO,
               &(struct timeval){.tv_usec = 20000},
               sizeof(struct timeval)); /* accept's, too */
    assert_int_equal(bind(stub.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(stub.listener, 64), 0);
    assert_int_equal(getsockname(stub.listener, (struct sockaddr *)&at, &size), 0);
    stub.port = ntohs(at.sin_port);
    stub.stopping = false;
    stub.requests = 0;
    assert_int_equal(pthread_create(&stub.thread, NULL, stub_work, NULL), 0);
}

static inline void stub_stop(void)
{
    if (stub.listener < 0) {
        return;
    }
    pthread_mutex_lock(&stub.lock);
    stub.stopping = true;
    pthread_mutex_unlock(&stub.lock);
    pthread_join(stub.thread, NULL);
    close(stub.listener);
    stub.listener = -1;
}

static inline int stub_requests(void)
{
    pthread_mutex_lock(&stub.lock);
    int requests = stub.requests;
    pthread_mutex_unlock(&stub.lock);
    return requests;
}

static inline void stub_reply_raw(const void *bytes, size_t size, int delay_ms)
{
    pthread_mutex_lock(&stub.lock);
    memcpy(stub.reply, bytes, size);
    stub.reply_size = size;
    stub.delay_ms = delay_ms;
    pthread_mutex_unlock(&stub.lock);
}

static inline void stub_reply(int status, const char *body)
{
    static char reply[STUB_REPLY_MAX];
    int size = snprintf(reply,
                        sizeof reply,
                        "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                        status,
                        strlen(body),
                        body);
    stub_reply_raw(reply, (size_t)size, 0);
}

#endif
