/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/info.h"

#include <stdio.h>
#include <string.h>

/* The value of a "name:value" line, cut to `size`; empty when there is no such line. */
static void copy_value(const char *text, const char *name, char *out, size_t size)
{
    size_t name_size = strlen(name);
    out[0] = '\0';
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, name_size) == 0 && line[name_size] == ':') {
            const char *value = line + name_size + 1;
            (void)snprintf(out, size, "%.*s", (int)strcspn(value, "\r\n"), value);
            return;
        }
    }
}

bool ts_redis_info_read(struct ts_redis_info *info,
                        struct ts_redis_connection *connection,
                        struct ts_error *err)
{
    redisReply *reply = ts_redis_connection_call(connection, err, "INFO", NULL);
    if (reply == NULL) {
        return false;
    }
    if (reply->type != REDIS_REPLY_STRING) {
        freeReplyObject(reply);
        return ts_redis_connection_fail(
            connection, err, TS_ERROR_RETRY, "INFO did not answer with text");
    }
    struct ts_redis_info read = {.loading = false};
    char host[64];
    char port[16];
    char loading[2];
    copy_value(reply->str, "run_id", read.identity.run_id, sizeof read.identity.run_id);
    copy_value(reply->str,
               "master_replid",
               read.identity.replication_id,
               sizeof read.identity.replication_id);
    copy_value(reply->str, "role", read.role, sizeof read.role);
    copy_value(reply->str, "master_host", host, sizeof host);
    copy_value(reply->str, "master_port", port, sizeof port);
    copy_value(reply->str, "loading", loading, sizeof loading);
    freeReplyObject(reply);
    (void)snprintf(read.master, sizeof read.master, "%s:%s", host, port);
    read.loading = loading[0] == '1';
    *info = read;
    return true;
}

bool ts_redis_info_check_master(const struct ts_redis_info *info,
                                struct ts_redis_connection *connection,
                                struct ts_error *err)
{
    char text[192];
    if (info->loading) {
        return ts_redis_connection_fail(
            connection, err, TS_ERROR_RETRY, "the server is still loading its data set");
    }
    if (strcmp(info->role, "slave") == 0) {
        (void)snprintf(text,
                       sizeof text,
                       "the server is a replica of %s; the url must lead to the master",
                       info->master);
        return ts_redis_connection_fail(connection, err, TS_ERROR_RETRY, text);
    }
    if (strcmp(info->role, "master") != 0 || info->identity.run_id[0] == '\0') {
        return ts_redis_connection_fail(
            connection, err, TS_ERROR_RETRY, "the server does not say that it is a master");
    }
    return true;
}
