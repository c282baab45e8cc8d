/* SPDX-License-Identifier: Apache-2.0 */
/* The live balance of one account, as commands tell it: settled and unsettled charges. Redis may
 * have a balance that counts no more, in a bucket of before a failover or a repair. */
#ifndef TS_APP_LIVE_BALANCE_H
#define TS_APP_LIVE_BALANCE_H

#include "adapters/redis/reader.h"
#include "app/config.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* What Redis has. False when it can't tell. */
bool ts_live_balance_read(const struct ts_config *config,
                          const char *account_id,
                          struct ts_redis_balance *out,
                          struct ts_error *err);

/* The live balance. `generation` is that of the account's bucket as PostgreSQL has it; what has
 * none that counts in Redis has nothing unsettled there, either: its balance is the settled one. */
int64_t
ts_live_balance_of(const struct ts_redis_balance *live, int64_t generation, int64_t settled_micros);

#endif
