/* SPDX-License-Identifier: Apache-2.0 */
/* redis://[[user]:password@]host[:port][/database], as the Redis tools write it. */
#ifndef TS_ADAPTERS_REDIS_URL_H
#define TS_ADAPTERS_REDIS_URL_H

#include "base/error.h"

#include <stdbool.h>

enum { TS_REDIS_HOST_MAX = 255, TS_REDIS_SECRET_MAX = 255 };

struct ts_redis_url {
    char host[TS_REDIS_HOST_MAX + 1];
    int port; /* default 6379 */
    char user[TS_REDIS_SECRET_MAX + 1];
    char password[TS_REDIS_SECRET_MAX + 1];
    int database;
};

/* Class FATAL, with a text that names the faulty part and never repeats any of the URL: it may hold
 * a password. */
bool ts_redis_url_parse(const char *text, struct ts_redis_url *url, struct ts_error *err);

#endif
