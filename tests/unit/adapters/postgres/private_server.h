/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL of the test's own: a server in a temporary folder on a free port of the loopback,
 * or, with TOLLSTREAM_TEST_POSTGRES_URL, a database of the test's own on that server. */
#ifndef TS_TESTS_POSTGRES_PRIVATE_SERVER_H
#define TS_TESTS_POSTGRES_PRIVATE_SERVER_H

#include <libpq-fe.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct private_server {
    char folder[64]; /* "" when the server is somebody else's */
    char admin_url[512];
    char url[640]; /* of the database made last */
    char database[64];
    int databases;
};

static inline void server_fail(const char *what)
{
    fprintf(stderr, "private PostgreSQL: %s\n", what);
    exit(1);
}

static inline void server_shell(const char *format, ...)
{
    char command[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command) != 0) {
        server_fail(command);
    }
}

static inline int server_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        server_fail("no free port");
    }
    close(fd);
    return ntohs(address.sin_port);
}

/* Runs a command of PostgreSQL's as a user that may: the server refuses to be root. */
#define SERVER_AS_USER(command)                                                                    \
    "PATH=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1):$PATH; export PATH; "           \
    "if [ $(id -u) = 0 ]; then runuser -u postgres -- " command "; else " command "; fi"

static inline void server_start(struct private_server *server)
{
    *server = (struct private_server){0};
    const char *given = getenv("TOLLSTREAM_TEST_POSTGRES_URL");
    if (given != NULL && given[0] != '\0') {
        snprintf(server->admin_url, sizeof server->admin_url, "%s", given);
        return;
    }
    snprintf(server->folder, sizeof server->folder, "/tmp/ts-postgres-XXXXXX");
    if (mkdtemp(server->folder) == NULL) {
        server_fail("mkdtemp");
    }
    int port = server_free_port();
    server_shell("if [ $(id -u) = 0 ]; then chown postgres %s; fi", server->folder);
    server_shell(SERVER_AS_USER("initdb -D %s/data -U tollstream -A trust -E UTF8 --no-locale "
                                "--no-sync >/dev/null"),
                 server->folder,
                 server->folder);
    server_shell(SERVER_AS_USER("pg_ctl -w -s -D %s/data -l %s/log -o '-p %d -k %s -c fsync=off -c "
                                "listen_addresses=127.0.0.1 -c max_wal_size=4GB -c "
                                "deadlock_timeout=200ms' start"),
                 server->folder,
                 server->folder,
                 port,
                 server->folder,
                 server->folder,
                 server->folder,
                 port,
                 server->folder);
    snprintf(server->admin_url,
             sizeof server->admin_url,
             "host=127.0.0.1 port=%d user=tollstream dbname=postgres",
             port);
}

static inline PGconn *server_connect(const char *url)
{
    PGconn *conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK) {
        server_fail(PQerrorMessage(conn));
    }
    return conn;
}

static inline void server_admin(const struct private_server *server, const char *sql)
{
    PGconn *conn = server_connect(server->admin_url);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        server_fail(PQresultErrorMessage(result));
    }
    PQclear(result);
    PQfinish(conn);
}

static inline void server_drop_database(struct private_server *server)
{
    char sql[160];
    if (server->database[0] != '\0') {
        snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", server->database);
        server_admin(server, sql);
        server->database[0] = '\0';
    }
}

/* A fresh, empty database; server->url names it. */
static inline void server_make_database(struct private_server *server)
{
    char sql[160];
    server_drop_database(server);
    snprintf(server->database,
             sizeof server->database,
             "ts_test_%d_%d",
             (int)getpid(),
             ++server->databases);
    snprintf(
        sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", server->database);
    server_admin(server, sql);
    PQconninfoOption *options = PQconninfoParse(server->admin_url, NULL);
    int used = snprintf(server->url, sizeof server->url, "dbname='%s'", server->database);
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (o->val != NULL && strcmp(o->keyword, "dbname") != 0) {
            size_t left = sizeof server->url - (size_t)used;
            used += snprintf(server->url + used, left, " %s='%s'", o->keyword, o->val);
        }
    }
    PQconninfoFree(options);
}

static inline void server_stop(struct private_server *server)
{
    server_drop_database(server);
    if (server->folder[0] != '\0') {
        server_shell(SERVER_AS_USER("pg_ctl -s -m immediate -D %s/data stop"),
                     server->folder,
                     server->folder);
        server_shell("rm -rf %s", server->folder);
    }
}

#endif
