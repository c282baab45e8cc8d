/* SPDX-License-Identifier: Apache-2.0 */
/* Makes buckets in Redis whose generation an operator's repair has raised. A new generation was
 * never used, so such a bucket is empty, and what was charged of older ones cannot settle any more.
 * A worker would make it when it needs it: until then a reader would find the old one. */
#ifndef TS_APP_BUCKET_MAKER_H
#define TS_APP_BUCKET_MAKER_H

#include "app/config.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_redis_balances;

struct ts_bucket_maker {
    const struct ts_config *config;
    struct ts_redis_balances *balances; /* NULL: not connected yet */
    bool failed;                        /* once, and so not tried again */
};

/* Connects when it is first called. Fails once; later calls do nothing and succeed. */
bool ts_bucket_maker_make(struct ts_bucket_maker *maker,
                          uint32_t bucket,
                          int64_t generation,
                          struct ts_error *err);
void ts_bucket_maker_finish(struct ts_bucket_maker *maker);

#endif
