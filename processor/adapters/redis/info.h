/* SPDX-License-Identifier: Apache-2.0 */
/* What INFO says of a server: which one it is, and whether it may be charged. */
#ifndef TS_ADAPTERS_REDIS_INFO_H
#define TS_ADAPTERS_REDIS_INFO_H

#include "adapters/redis/connection.h"
#include "base/error.h"
#include "ports/balances.h"

#include <stdbool.h>

struct ts_redis_info {
    struct ts_balances_identity identity;
    char role[16];
    char master[96]; /* of a replica: "host:port" */
    bool loading;
};

bool ts_redis_info_read(struct ts_redis_info *info,
                        struct ts_redis_connection *connection,
                        struct ts_error *err);

/* Fails, class RETRY, when the server is a replica or still loading: both pass. */
bool ts_redis_info_check_master(const struct ts_redis_info *info,
                                struct ts_redis_connection *connection,
                                struct ts_error *err);

#endif
