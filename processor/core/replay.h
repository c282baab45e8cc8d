/* SPDX-License-Identifier: Apache-2.0 */
/* What a call that is settled would cost now, and the difference (domain: section 8). A call that
 * no allowance fits has a difference of its own. One that may draw on allowances depends on those
 * before it: the calls of an account's month are told in the order of their movements, those that
 * are not rated again too, and each draws on what the ones before it leave.
 *
 * A call that is rated to as many units of the same kind as it was settled by, and before which as
 * much was used as then, draws what it drew: another rate moves money alone. So a replay that
 * changes nothing finds no difference, however late and out of order the calls came, and whatever
 * was done to the account's allowances since. Pure. */
#ifndef TS_CORE_REPLAY_H
#define TS_CORE_REPLAY_H

#include "base/error.h"
#include "core/adjustment.h"
#include "core/allowance.h"
#include "core/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_REPLAY_BILLED_UNKNOWN = -1 };

/* How a call stands: its settlement and all adjustments that followed it. */
struct ts_replay_settled {
    int64_t charge_micros;
    int64_t billed; /* or TS_REPLAY_BILLED_UNKNOWN: adjustments do not keep it */
    const struct ts_adjustment_units *units; /* that it uses; a name may come more than once */
    size_t unit_count;
    bool alike; /* its category and unit are those it is rated to now */
};

/* What it is rated to now. */
struct ts_replay_rated {
    int64_t price_micros; /* of the whole call */
    int64_t billed;
    const struct ts_allowance *fitting[TS_ALLOWANCES_MAX]; /* in the order in which it draws */
    size_t fitting_count;
};

struct ts_replay_change {
    int64_t charge_micros; /* new */
    int64_t amount_micros; /* added to the balance: the charge so far less the new one */
    struct ts_adjustment_units units[TS_ADJUSTMENT_UNITS_MAX]; /* used more, or less; those not 0 */
    size_t unit_count;
};

static inline bool ts_replay_changes(const struct ts_replay_change *change)
{
    return change->amount_micros != 0 || change->unit_count != 0;
}

/* Whether the call draws what it drew, unless calls before it draw something else: it is rated to
 * as many units of the same kind, or to what it stands by. Then *charge_micros is what it costs
 * now. */
bool ts_replay_draws_as_settled(const struct ts_catalog *catalog,
                                int32_t plan_no,
                                const struct ts_replay_settled *settled,
                                const struct ts_replay_rated *rated,
                                int64_t *charge_micros);

/* The sums of one account's month: what the calls so far use as they stand, and as rated now. */
struct ts_replay_month {
    struct ts_replay_sum *sums;
    size_t count;
    size_t capacity;
};

void ts_replay_month_init(struct ts_replay_month *month);
void ts_replay_month_finish(struct ts_replay_month *month);
/* Another account or month. */
void ts_replay_month_clear(struct ts_replay_month *month);

/* A call that stays as it stands, in the order of movements. */
bool ts_replay_month_keep(struct ts_replay_month *month,
                          const struct ts_adjustment_units *units,
                          size_t count,
                          struct ts_error *err);

/* A call that is rated again, likewise. The names of the change's units are views of those handed
 * in. `plan_no` is the account's rate plan, which rounds. Class REJECT when it would change more
 * allowances than an adjustment holds. */
bool ts_replay_month_rate(struct ts_replay_month *month,
                          const struct ts_catalog *catalog,
                          int32_t plan_no,
                          const struct ts_replay_settled *settled,
                          const struct ts_replay_rated *rated,
                          struct ts_replay_change *out,
                          struct ts_error *err);

#endif
