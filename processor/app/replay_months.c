/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay.h"
#include "app/replay_profiles.h"
#include "app/replay_sample.h"

#include <inttypes.h>

struct months {
    struct ts_replay *replay;
    struct ts_replay_month month;
    int64_t account_no; /* of the month under way */
    int32_t number;
    const struct ts_account_profile *profile; /* the cache's: … */
    int64_t profile_of;                       /* … of this account, until another is asked for */
};

static bool
use_profile(struct months *months, const struct ts_replay_work_call *call, struct ts_error *err)
{
    if (months->profile_of == call->account_no) {
        return true;
    }
    months->profile_of = call->account_no;
    return ts_replay_profile(months->replay, call->account_id, &months->profile, err) &&
           (months->profile != NULL ||
            ts_error_set(
                err, TS_ERROR_RETRY, 0, "account %.*s is gone", TS_ARGS(call->account_id)));
}

static void fit(const struct months *months,
                const struct ts_replay_work_call *call,
                struct ts_replay_rated *out)
{
    const struct ts_rating rating = {.category = (enum ts_category)call->category,
                                     .unit = (enum ts_unit)call->unit,
                                     .local = call->local,
                                     .billed = call->billed};
    if (months->profile->allowances != NULL) {
        out->fitting_count = ts_allowances_fitting(
            months->profile->allowances, &rating, (enum ts_license)call->license, out->fitting);
    }
}

static bool report(struct months *months,
                   const struct ts_replay_work_call *call,
                   const struct ts_replay_change *change,
                   struct ts_error *err)
{
    struct ts_replay *replay = months->replay;
    struct ts_replay_compared compared = {
        .account_id = call->account_id,
        .category = ts_bytes_of(ts_category_name((enum ts_category)call->category)),
        .prefix = call->prefix,
        .settled_micros = call->settled_micros,
        .rated_micros = change->charge_micros,
        .changed = ts_replay_changes(change),
    };
    for (size_t i = 0; i < change->unit_count; i++) {
        compared.units += change->units[i].units;
    }
    if (!ts_replay_report_call(&replay->report, &compared, err)) {
        return false;
    }
    if (!compared.changed) {
        return true;
    }
    const struct ts_adjustment adjustment = {
        .identity_hash = call->identity_hash,
        .start_ms = call->start_ms,
        .follows = call->follows,
        .amount_micros = change->amount_micros,
        .charge_micros = change->charge_micros,
        .deck_version = call->deck_version,
        .category = compared.category,
        .prefix = call->prefix,
        .month = change->unit_count > 0 ? call->month : 0,
        .units = change->units,
        .unit_count = change->unit_count,
    };
    ts_replay_sample_month(replay, call, change);
    return ts_replay_tell_difference(replay, call->account_id, &adjustment, err);
}

static bool visit(void *self, const struct ts_replay_work_call *call, struct ts_error *err)
{
    struct months *months = self;
    if (months->account_no != call->account_no || months->number != call->month) {
        ts_replay_month_clear(&months->month);
        months->account_no = call->account_no;
        months->number = call->month;
    }
    if (!call->rated) {
        return ts_replay_month_keep(&months->month, call->units, call->unit_count, err);
    }
    const struct ts_replay_settled settled = {.charge_micros = call->settled_micros,
                                              .billed = call->settled_billed,
                                              .units = call->units,
                                              .unit_count = call->unit_count,
                                              .alike = call->alike};
    struct ts_replay_rated rated = {.price_micros = call->price_micros, .billed = call->billed};
    struct ts_replay_change change;
    if (!use_profile(months, call, err)) {
        return false;
    }
    fit(months, call, &rated);
    if (!ts_replay_month_rate(&months->month,
                              ts_rates_snapshot_catalog(months->replay->rates),
                              months->profile->rate_plan,
                              &settled,
                              &rated,
                              &change,
                              err)) {
        return ts_error_prefix(err,
                               "account %.*s, partition %" PRId32 ", offset %" PRId64,
                               TS_ARGS(call->account_id),
                               call->partition,
                               call->offset);
    }
    return report(months, call, &change, err);
}

bool ts_replay_months(struct ts_replay *replay, struct ts_replay_work *work, struct ts_error *err)
{
    struct months months = {.replay = replay, .profile_of = -1, .account_no = -1};
    const struct ts_replay_work_visitor visitor = {.visit = visit, .self = &months};
    ts_replay_month_init(&months.month);
    bool good = ts_replay_work_read(work, &visitor, err);
    ts_replay_month_finish(&months.month);
    return good;
}
