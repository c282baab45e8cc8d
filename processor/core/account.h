/* SPDX-License-Identifier: Apache-2.0 */
/* An account as rating sees it: its profile. Profiles change rarely and carry a revision; a settle
 * that finds another revision on the locked row than the one rated with decides afresh. What moves
 * with every charge (balance, sequence, armed thresholds) is struct ts_account_state in
 * core/decide.h and is only ever read from a locked row. */
#ifndef TS_CORE_ACCOUNT_H
#define TS_CORE_ACCOUNT_H

#include "base/bytes.h"
#include "core/rating.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_allowances;

enum ts_account_status { TS_ACCOUNT_ACTIVE, TS_ACCOUNT_SUSPENDED, TS_ACCOUNT_CLOSED };

enum { TS_ACCOUNT_ID_MAX = 64, TS_ZONE_NAME_MAX = 40 };

struct ts_account_profile {
    int64_t account_no; /* PostgreSQL's number for it: short, and what ledger rows carry */
    char account_id[TS_ACCOUNT_ID_MAX + 1];
    uint8_t account_id_size;
    char country[TS_COUNTRY_MAX];
    char timezone[TS_ZONE_NAME_MAX]; /* IANA name */
    int32_t rate_plan;               /* its number in PostgreSQL and in struct ts_catalog */
    int32_t revision;                /* goes up with every change of the profile */
    enum ts_account_status status;
    int64_t closed_ms; /* since the epoch; meaningful when closed */
    /* core/allowance.h; NULL: none. Lives as long as who holds the profile says. */
    const struct ts_allowances *allowances;
};

static inline struct ts_bytes ts_account_profile_id(const struct ts_account_profile *profile)
{
    return (struct ts_bytes){profile->account_id, profile->account_id_size};
}

/* The bucket of an account: murmur2 of its id over the number of buckets (256). */
enum { TS_BUCKET_COUNT = 256 };
uint32_t ts_account_bucket(struct ts_bytes account_id);

#endif
