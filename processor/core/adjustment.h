/* SPDX-License-Identifier: Apache-2.0 */
/* What a replay found a settled call to cost more or less than it was charged (domain: section 8).
 * An adjustment follows one row of the account's ledger: the call's settlement, or the last
 * adjustment of it; only one may follow each, so that of two replays that compared with the same
 * row the later is refused. */
#ifndef TS_CORE_ADJUSTMENT_H
#define TS_CORE_ADJUSTMENT_H

#include "base/bytes.h"
#include "core/allowance.h"

#include <stddef.h>
#include <stdint.h>

/* Of how many allowances: all that an account has now, and all that the call drew on before they
 * were replaced. */
enum { TS_ADJUSTMENT_UNITS_MAX = 2 * TS_ALLOWANCES_MAX };

/* What one allowance is used more, or less when below 0. */
struct ts_adjustment_units {
    struct ts_bytes allowance;
    int64_t units;
};

/* Views, and units[], live in the arena that it was decoded into. */
struct ts_adjustment {
    int32_t generation; /* of the replay, from 1 */
    uint64_t identity_hash;
    int64_t start_ms;
    int64_t follows;       /* a movement of the account */
    int64_t amount_micros; /* added to the balance; 0 when only units change */
    int64_t charge_micros; /* the new charge */
    int64_t deck_version;
    struct ts_bytes category;
    struct ts_bytes prefix;
    int32_t month; /* yyyymm of the units; 0 without */
    const struct ts_adjustment_units *units;
    size_t unit_count; /* at most TS_ADJUSTMENT_UNITS_MAX */
};

#endif
