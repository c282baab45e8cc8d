/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "adapters/http/http_server.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int hello(void *arg, struct ts_buffer *out)
{
    ts_buffer_format(out, "hello %s\n", (const char *)arg);
    return 200;
}

static int sick(void *arg, struct ts_buffer *out)
{
    (void)arg;
    ts_buffer_append_text(out, "no\n");
    return 503;
}

static int endless(void *arg, struct ts_buffer *out)
{
    (void)arg;
    while (!out->failed) {
        ts_buffer_append_text(out, "more and more ");
    }
    return 200;
}

static const struct ts_http_route routes[] = {
    {"/metrics", "text/plain; version=0.0.4", hello, "world"},
    {"/readyz", "text/plain", sick, NULL},
    {"/endless", "text/plain", endless, NULL},
};

static struct ts_http_server *server;

static int set_up(void **state)
{
    (void)state;
    struct ts_error err = {0};
    server = ts_http_server_open("127.0.0.1:0", routes, sizeof routes / sizeof *routes, &err);
    return server != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ts_http_server_close(server);
    return 0;
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)ts_http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Sends the bytes and returns all that comes back until the server closes (static storage). */
static const char *ask(const char *request, size_t size)
{
    static char reply[1 << 16];
    size_t got = 0;
    int fd = dial();
    send(fd, request, size, MSG_NOSIGNAL);
    for (ssize_t n = 1; n > 0 && got<sizeof reply - 1; got += n> 0 ? (size_t)n : 0) {
        n = recv(fd, reply + got, sizeof reply - 1 - got, 0);
    }
    close(fd);
    reply[got] = '\0';
    return reply;
}

static const char *ask_text(const char *request)
{
    return ask(request, strlen(request));
}

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void test_get(void **state)
{
    (void)state;
    const char *reply = ask_text("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(begins(reply, "HTTP/1.1 200 "));
    assert_non_null(strstr(reply, "Content-Type: text/plain; version=0.0.4\r\n"));
    assert_non_null(strstr(reply, "Connection: close\r\n"));
    assert_non_null(strstr(reply, "\r\n\r\nhello world\n"));
    assert_non_null(strstr(ask_text("GET /metrics?x=1 HTTP/1.0\r\n\r\n"), "hello world"));
}

static void test_head(void **state)
{
    (void)state;
    const char *reply = ask_text("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(begins(reply, "HTTP/1.1 200 "));
    assert_null(strstr(reply, "hello"));
}

static void test_status_of_the_body(void **state)
{
    (void)state;
    assert_true(begins(ask_text("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 503 "));
    assert_true(begins(ask_text("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 500 "));
}

static void test_refusals(void **state)
{
    (void)state;
    assert_true(begins(ask_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 "));
    assert_true(begins(ask_text("GET /metrics/../x HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 "));
    const char *post = "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    assert_true(begins(ask_text(post), "HTTP/1.1 405 "));
    const char *body = "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    assert_null(strstr(ask_text(body), "hello"));
}

static void test_garbage(void **state)
{
    (void)state;
    static char noise[20000];
    srandom(7);
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (char)random();
    }
    for (size_t size = 1; size < sizeof noise; size = size * 3 + 1) {
        noise[size - 1] = '\n';
        int fd = dial();
        send(fd, noise, size, MSG_NOSIGNAL);
        close(fd);
    }
    memset(noise, 'a', sizeof noise);
    memcpy(noise, "GET /", 5);
    assert_null(strstr(ask(noise, sizeof noise), "hello"));
    assert_non_null(strstr(ask_text("GET /metrics HTTP/1.0\r\n\r\n"), "hello world"));
}

/* Peers that take every place and send a byte now and then: the places are free again within the
 * life of a connection. */
static void test_slow_peers_are_cut_off(void **state)
{
    (void)state;
    int fds[TS_HTTP_CONNECTIONS_MAX];
    for (size_t i = 0; i < TS_HTTP_CONNECTIONS_MAX; i++) {
        fds[i] = dial();
    }
    time_t start = time(NULL);
    bool served = false;
    int waiting = dial();
    struct timeval moment = {.tv_usec = 500000};
    setsockopt(waiting, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    const char *request = "GET /metrics HTTP/1.0\r\n\r\n";
    send(waiting, request, strlen(request), MSG_NOSIGNAL);
    while (!served && time(NULL) - start < 2 * TS_HTTP_LIFE_MS / 1000) {
        for (size_t i = 0; i < TS_HTTP_CONNECTIONS_MAX; i++) {
            send(fds[i], "G", 1, MSG_NOSIGNAL);
        }
        char reply[512];
        served = recv(waiting, reply, sizeof reply, 0) > 0;
    }
    assert_true(served);
    for (size_t i = 0; i < TS_HTTP_CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
    close(waiting);
}

static void test_bad_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "9464", "127.0.0.1:", "127.0.0.1:x", "1.2.3.4.5:80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ts_error err = {0};
        assert_null(ts_http_server_open(bad[i], routes, 1, &err));
        assert_int_equal(err.class, TS_ERROR_FATAL);
    }
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", ts_http_server_port(server));
    struct ts_error err = {0};
    assert_null(ts_http_server_open(taken, routes, 1, &err));
    assert_non_null(strstr(err.text, taken));
    struct ts_http_server *six = ts_http_server_open("[::1]:0", routes, 1, &err);
    if (six != NULL) { /* a machine may have no IPv6 */
        assert_true(ts_http_server_port(six) > 0);
    }
    ts_http_server_close(six);
    ts_http_server_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_status_of_the_body),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_slow_peers_are_cut_off),
        cmocka_unit_test(test_bad_addresses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
