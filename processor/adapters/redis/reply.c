/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/reply.h"

#include <stddef.h>
#include <string.h>

struct reply_kind {
    const char *name;
    enum ts_error_class class;
    const char *advice;
};

static const struct reply_kind kinds[] = {
    {"NOSCRIPT", TS_ERROR_RETRY, "the scripts were flushed; connecting again loads them"},
    {"LOADING", TS_ERROR_RETRY, "the server is still reading its data set; it will pass"},
    {"READONLY", TS_ERROR_RETRY, "the server is a replica now; the url must lead to the master"},
    {"OOM", TS_ERROR_RETRY, "the server reached maxmemory; raise it or free memory"},
    {"MISCONF", TS_ERROR_RETRY, "the server cannot save to disk and refuses writes; see its log"},
    {"BUSY", TS_ERROR_RETRY, "a script runs too long on the server; SCRIPT KILL can end it"},
    {"MOVED", TS_ERROR_RETRY, "the slot is on another cluster node; the url must lead to its node"},
    {"ASK", TS_ERROR_RETRY, "the slot is moving to another cluster node; it will pass"},
    {"TRYAGAIN", TS_ERROR_RETRY, "the slot is moving to another cluster node; it will pass"},
    {"CLUSTERDOWN", TS_ERROR_RETRY, "the cluster does not serve this slot; see its nodes"},
    {"MASTERDOWN", TS_ERROR_RETRY, "the server is a replica that lost its master"},
    {"NOREPLICAS", TS_ERROR_RETRY, "too few replicas are attached (min-replicas-to-write)"},
    {"NOAUTH", TS_ERROR_FATAL, "the server wants a password; put it in the redis url"},
    {"WRONGPASS", TS_ERROR_FATAL, "the user or password in the redis url is not accepted"},
    {"NOPERM", TS_ERROR_FATAL, "the redis user needs " TS_REDIS_RIGHTS},
    {"WRONGTYPE", TS_ERROR_FATAL, "another program uses our keys; give us a database of our own"},
};

static const struct reply_kind *find_kind(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) == size && memcmp(kinds[i].name, name, size) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* The name is the first word; before Redis 7 an error inside a script came wrapped, as in
 * "ERR Error running script (call to f_…): @user_script: 3: -OOM command not allowed". */
static const struct reply_kind *find_kind_in(const char *text)
{
    const struct reply_kind *kind = find_kind(text, strcspn(text, " "));
    const char *wrapped = kind == NULL ? strstr(text, "@user_script:") : NULL;
    for (const char *at = wrapped; kind == NULL && at != NULL; at = strchr(at, ' ')) {
        at += strspn(at, " -");
        kind = find_kind(at, strcspn(at, " "));
    }
    if (kind == NULL && strstr(text, "The user executing the script can't") != NULL) {
        kind = find_kind("NOPERM", strlen("NOPERM")); /* the same, told without the name */
    }
    return kind;
}

bool ts_redis_reply_error(const char *text, struct ts_error *err)
{
    const struct reply_kind *kind = find_kind_in(text);
    if (kind == NULL) {
        return ts_error_set(err, TS_ERROR_RETRY, 0, "answered: %s", text);
    }
    return ts_error_set(err, kind->class, 0, "%s: %s (%s)", kind->name, kind->advice, text);
}

bool ts_redis_reply_error_secret(const char *text, struct ts_error *err)
{
    const struct reply_kind *kind = find_kind_in(text);
    if (kind == NULL) {
        return ts_error_set(err,
                            TS_ERROR_FATAL,
                            0,
                            "refused the login of the redis url (%.*s)",
                            (int)strcspn(text, " "),
                            text);
    }
    return ts_error_set(err, kind->class, 0, "%s: %s", kind->name, kind->advice);
}
