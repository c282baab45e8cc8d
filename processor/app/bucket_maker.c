/* SPDX-License-Identifier: Apache-2.0 */
#include "app/bucket_maker.h"

#include "adapters/redis/balances.h"
#include "app/servers.h"

static bool connected(struct ts_bucket_maker *maker, struct ts_error *err)
{
    struct ts_balances_identity identity;
    if (maker->balances != NULL) {
        return true;
    }
    struct ts_redis_options options = ts_servers_redis(maker->config);
    maker->balances = ts_redis_balances_create(&options, err);
    if (maker->balances == NULL) {
        return false;
    }
    struct ts_balances port = ts_redis_balances_port(maker->balances);
    return port.ops->connect(port.self, &identity, err);
}

bool ts_bucket_maker_make(struct ts_bucket_maker *maker,
                          uint32_t bucket,
                          int64_t generation,
                          struct ts_error *err)
{
    if (maker->failed) {
        return true;
    }
    if (connected(maker, err)) {
        struct ts_balances port = ts_redis_balances_port(maker->balances);
        maker->failed = !port.ops->create(port.self, &bucket, &generation, 1, err);
    } else {
        maker->failed = true;
    }
    return !maker->failed;
}

void ts_bucket_maker_finish(struct ts_bucket_maker *maker)
{
    ts_redis_balances_destroy(maker->balances);
    maker->balances = NULL;
}
