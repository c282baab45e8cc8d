/* SPDX-License-Identifier: Apache-2.0 */
/* The time zones of accounts with allowances, read when they are first met and kept for good: there
 * are about 600, a few KiB each. Used by the worker's thread only. */
#ifndef TS_PIPELINE_ZONE_CACHE_H
#define TS_PIPELINE_ZONE_CACHE_H

#include "base/error.h"
#include "ports/zones.h"

struct ts_zone_cache;

struct ts_zone_cache *ts_zone_cache_create(struct ts_zones zones, struct ts_error *err);
void ts_zone_cache_destroy(struct ts_zone_cache *cache);

/* NULL, class RETRY, when there is no such zone: it must be installed. */
const struct ts_zone *
ts_zone_cache_get(struct ts_zone_cache *cache, const char *name, struct ts_error *err);

#endif
