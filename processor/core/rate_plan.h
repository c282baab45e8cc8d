/* SPDX-License-Identifier: Apache-2.0 */
/* A rate plan: how an account is priced, apart from the prices themselves (core/deck.h). A plain
 * value: copy it freely. Keys and values have one text form, which `rate-plans set`, the database
 * and `rate-plans show` share. */
#ifndef TS_CORE_RATE_PLAN_H
#define TS_CORE_RATE_PLAN_H

#include "base/bytes.h"
#include "core/account.h"
#include "core/money.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_error;
struct ts_buffer;

enum {
    TS_PLAN_NAME_MAX = 64,
    TS_LOCAL_ZONES_MAX = 32,
    TS_EMERGENCY_NUMBERS_MAX = 32,
    TS_EMERGENCY_NUMBER_MAX = 16, /* digits and '+', with NUL */
};

/* ISO 3166-1 alpha-2 codes, a bit each. */
struct ts_country_set {
    uint64_t bits[11];
};

/* False when the text is not two letters (any case) or is ZZ. */
bool ts_country_set_add(struct ts_country_set *set, struct ts_bytes country);
/* False for regions that are no countries ("001", "ZZ"). */
bool ts_country_set_has(const struct ts_country_set *set, const char *country);

struct ts_rate_plan {
    char name[TS_PLAN_NAME_MAX + 1];
    char currency[4];
    char timezone[TS_ZONE_NAME_MAX];
    enum ts_rounding rounding;
    int32_t decimals;                     /* 0 to 6 */
    char base_plan[TS_PLAN_NAME_MAX + 1]; /* "" when there is none */
    struct ts_country_set local_zones[TS_LOCAL_ZONES_MAX];
    uint32_t local_zone_count;
    bool one_local_zone; /* local_zones[0] holds for every account, whatever its country */
    char emergency_numbers[TS_EMERGENCY_NUMBERS_MAX][TS_EMERGENCY_NUMBER_MAX];
    uint32_t emergency_number_count;
};

/* The defaults: USD, UTC, half_up, 6 decimals, one local zone {US, CA}, 112 911 999. */
void ts_rate_plan_init(struct ts_rate_plan *plan, const char *name);

/* Sets one key from its text; an empty value is the default. Class reject, the plan unchanged, when
 * the key is unknown or the value is malformed.
 *
 *   currency=USD  timezone=America/New_York  rounding=half_up|up|down|half_even  decimals=0..6
 *   local_zones=US,CA;GB,IM,JE,GG   sets by ';', countries by ','; a country is in one set at most
 *   base_plan=NAME   emergency_numbers=112,911,999,110   (112, 911 and 999 always belong to it)
 *
 * Whether the time zone and the base plan exist is not known here (core/catalog_build.h). */
bool ts_rate_plan_set(struct ts_rate_plan *plan,
                      struct ts_bytes key,
                      struct ts_bytes value,
                      struct ts_error *err);

/* The keys in the order they are shown, and a key's value as text that `set` takes. */
size_t ts_rate_plan_key_count(void);
const char *ts_rate_plan_key(size_t i);
void ts_rate_plan_get(const struct ts_rate_plan *plan, size_t i, struct ts_buffer *out);

/* Whether a region is in the local zone of accounts of this country: the set that has the country,
 * or the country alone. */
bool ts_rate_plan_is_local(const struct ts_rate_plan *plan,
                           const char *country,
                           const char *region);

bool ts_rate_plan_is_emergency(const struct ts_rate_plan *plan, struct ts_bytes number);

#endif
