/* SPDX-License-Identifier: Apache-2.0 */
/* A real redis-server of a test's own: a free port on loopback, a folder of its own, nothing kept.
 * It dies with the test. A header, because each test file is a program. */
#ifndef TS_TESTS_REDIS_SERVER_H
#define TS_TESTS_REDIS_SERVER_H

#include <hiredis/hiredis.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REDIS_SERVER_ARGS_MAX = 24, REDIS_SERVER_STARTS_MAX = 250 };

struct redis_server {
    pid_t pid;
    int port;
    char dir[32];
    char url[64];
};

static inline int redis_server_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = bind(fd, (struct sockaddr *)&address, size) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    (void)close(fd);
    return ok ? ntohs(address.sin_port) : 0;
}

/* Answers at all, be it to refuse: waits up to 5 s for that. */
static inline bool redis_server_answers(const struct redis_server *server)
{
    for (int i = 0; i < REDIS_SERVER_STARTS_MAX; i++) {
        redisContext *context = redisConnect("127.0.0.1", server->port);
        redisReply *reply =
            context != NULL && context->err == 0 ? redisCommand(context, "PING") : NULL;
        bool answers = reply != NULL;
        freeReplyObject(reply);
        redisFree(context);
        if (answers) {
            return true;
        }
        (void)usleep(20000);
    }
    return false;
}

static inline void redis_server_stop(struct redis_server *server)
{
    char path[64];
    if (server->pid > 0) {
        (void)kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
    (void)snprintf(path, sizeof path, "%s/log", server->dir);
    (void)unlink(path);
    (void)rmdir(server->dir);
}

static inline bool redis_server_start_once(struct redis_server *server, const char *const *extra)
{
    char port[8];
    (void)snprintf(server->dir, sizeof server->dir, "/tmp/ts-redis-XXXXXX");
    server->port = redis_server_free_port();
    if (server->port == 0 || mkdtemp(server->dir) == NULL) {
        return false;
    }
    (void)snprintf(port, sizeof port, "%d", server->port);
    (void)snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%d", server->port);
    const char *args[REDIS_SERVER_ARGS_MAX] = {"redis-server",
                                               "--port",
                                               port,
                                               "--bind",
                                               "127.0.0.1",
                                               "--save",
                                               "",
                                               "--appendonly",
                                               "no",
                                               "--dir",
                                               server->dir,
                                               "--logfile",
                                               "log"};
    size_t count = 13;
    for (; extra != NULL && *extra != NULL && count + 1 < REDIS_SERVER_ARGS_MAX; extra++) {
        args[count++] = *extra;
    }
    server->pid = fork();
    if (server->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execvp(args[0], (char *const *)args);
        _exit(127);
    }
    return server->pid > 0 && redis_server_answers(server) &&
           waitpid(server->pid, NULL, WNOHANG) == 0;
}

/* `extra`: more command line arguments, up to a NULL. Tries again when another process was faster
 * to take the port. */
static inline bool redis_server_start(struct redis_server *server, const char *const *extra)
{
    for (int i = 0; i < 3; i++) {
        if (redis_server_start_once(server, extra)) {
            return true;
        }
        redis_server_stop(server);
    }
    return false;
}

/* A connection of the test's own, to look and to meddle. */
static inline redisContext *redis_server_connect(const struct redis_server *server)
{
    redisContext *context = redisConnect("127.0.0.1", server->port);
    return context != NULL && context->err == 0 ? context : NULL;
}

#endif
