/* SPDX-License-Identifier: Apache-2.0 */
/* ports/balances.h on Redis: each bucket a hash (adapters/redis/fields.h), each operation a script
 * (adapters/redis/scripts), all buckets of an operation in one pipeline.
 *
 * Nothing is retried here. After any failure, an error reply included, the connection is closed and
 * every call fails with class RETRY until `connect`, which also loads the scripts again: so the
 * worker has one rule, to connect and reopen. Used by one thread. */
#ifndef TS_ADAPTERS_REDIS_BALANCES_H
#define TS_ADAPTERS_REDIS_BALANCES_H

#include "adapters/redis/options.h"
#include "base/error.h"
#include "ports/balances.h"

struct ts_redis_balances;

/* Does not connect. The options are copied. Fails, class FATAL, on a faulty url. */
struct ts_redis_balances *ts_redis_balances_create(const struct ts_redis_options *options,
                                                   struct ts_error *err);
void ts_redis_balances_destroy(struct ts_redis_balances *balances);

/* Lives as long as `balances`. */
struct ts_balances ts_redis_balances_port(struct ts_redis_balances *balances);

#endif
