/* SPDX-License-Identifier: Apache-2.0 */
#include "app/live_balance.h"

#include "app/servers.h"

bool ts_live_balance_read(const struct ts_config *config,
                          const char *account_id,
                          struct ts_redis_balance *out,
                          struct ts_error *err)
{
    struct ts_redis_options options = ts_servers_redis(config);
    struct ts_redis_reader *reader = ts_redis_reader_create(&options, err);
    bool known =
        reader != NULL && ts_redis_reader_balance(reader, ts_bytes_of(account_id), out, err);
    ts_redis_reader_destroy(reader);
    return known;
}

int64_t
ts_live_balance_of(const struct ts_redis_balance *live, int64_t generation, int64_t settled_micros)
{
    bool counts = live->present && live->generation >= generation;
    return counts ? live->balance_micros : settled_micros;
}
