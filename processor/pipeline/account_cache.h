/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of accounts seen lately, with copies of their allowances, so that rating asks PostgreSQL
 * once an account. Set-associative with a fixed number of entries: a full set forgets its oldest,
 * memory never grows. An entry may be out of date: the settle compares its revision with the locked
 * row's. Absent accounts are never remembered, because they may be created any moment. */
#ifndef TS_PIPELINE_ACCOUNT_CACHE_H
#define TS_PIPELINE_ACCOUNT_CACHE_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/account.h"

#include <stddef.h>

struct ts_account_cache;

/* `entries` is rounded up to a power of two. */
struct ts_account_cache *ts_account_cache_create(size_t entries, struct ts_error *err);
void ts_account_cache_destroy(struct ts_account_cache *cache);

/* NULL when it is not there. Valid until the next put. */
const struct ts_account_profile *ts_account_cache_get(const struct ts_account_cache *cache,
                                                      struct ts_bytes account_id);
void ts_account_cache_put(struct ts_account_cache *cache, const struct ts_account_profile *profile);
void ts_account_cache_forget(struct ts_account_cache *cache, struct ts_bytes account_id);
void ts_account_cache_clear(struct ts_account_cache *cache);

#endif
