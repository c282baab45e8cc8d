/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay_page.h"
#include "app/replay_profiles.h"
#include "app/replay_sample.h"

#include <string.h>

static void skip(struct ts_replay *replay, enum ts_replay_skip skipped)
{
    replay->report.skipped[skipped]++;
}

bool ts_replay_tell_difference(struct ts_replay *replay,
                               struct ts_bytes account_id,
                               const struct ts_adjustment *adjustment,
                               struct ts_error *err)
{
    return replay->sink.difference == NULL ||
           replay->sink.difference(replay->sink.self, account_id, adjustment, err);
}

static bool report(struct ts_replay *replay,
                   const struct ts_replay_call *call,
                   int64_t settled_micros,
                   bool changed,
                   struct ts_error *err)
{
    const struct ts_replay_compared compared = {
        .account_id = call->cdr.account_id,
        .category = ts_bytes_of(ts_category_name(call->rating.category)),
        .prefix = call->rating.prefix,
        .settled_micros = settled_micros,
        .rated_micros = call->rating.charge_micros,
        .changed = changed,
    };
    return ts_replay_report_call(&replay->report, &compared, err);
}

static bool judge_changed(struct ts_replay *replay,
                          const struct ts_replay_call *call,
                          const struct ts_replay_asked *asked,
                          struct ts_error *err)
{
    const struct ts_rating *rating = &call->rating;
    const struct ts_adjustment adjustment = {
        .identity_hash = call->identity_hash,
        .start_ms = call->cdr.start_ms,
        .follows = asked->follows,
        .amount_micros = asked->settled_micros - rating->charge_micros,
        .charge_micros = rating->charge_micros,
        .deck_version = rating->deck_version,
        .category = ts_bytes_of(ts_category_name(rating->category)),
        .prefix = rating->prefix,
    };
    ts_replay_sample_call(replay, &call->cdr, rating, asked->settled_micros);
    return report(replay, call, asked->settled_micros, true, err) &&
           ts_replay_tell_difference(replay, call->cdr.account_id, &adjustment, err);
}

static bool is_alike(const struct ts_replay_call *call, int32_t category, int32_t unit)
{
    return category == (int32_t)call->rating.category && unit == (int32_t)call->rating.unit;
}

/* A call that draws what it drew. */
static bool judge_undisturbed(struct ts_replay *replay,
                              const struct ts_replay_call *call,
                              const struct ts_replay_asked *asked,
                              int64_t charge_micros,
                              struct ts_error *err)
{
    struct ts_replay_call priced = *call;
    priced.rating.charge_micros = charge_micros;
    return charge_micros == asked->settled_micros
               ? report(replay, &priced, charge_micros, false, err)
               : judge_changed(replay, &priced, asked, err);
}

static bool set_aside(struct ts_replay *replay,
                      const struct ts_replay_call *call,
                      const struct ts_replay_asked *asked,
                      const struct ts_account_profile *profile,
                      struct ts_error *err)
{
    const char *name = profile != NULL ? profile->timezone : "UTC";
    const struct ts_zone *zone = ts_zone_cache_get(replay->zones, name, err);
    if (zone == NULL) {
        return ts_error_prefix(err, "account %.*s", TS_ARGS(call->cdr.account_id));
    }
    if (replay->work == NULL) {
        replay->work = ts_replay_work_open(replay->session->config.postgres.url, err);
        if (replay->work == NULL) {
            return false;
        }
    }
    replay->set_aside = true;
    const struct ts_replay_work_call work = {
        .account_no = asked->account_no,
        .month = ts_allowance_month(zone, call->cdr.start_ms),
        .movement = asked->movement,
        .rated = true,
        .start_ms = call->cdr.start_ms,
        .identity_hash = call->identity_hash,
        .partition = call->partition,
        .offset = call->offset,
        .follows = asked->follows,
        .settled_micros = asked->settled_micros,
        .settled_billed = asked->billed,
        .units = asked->units,
        .unit_count = asked->unit_count,
        .alike = is_alike(call, asked->category, asked->unit),
        .price_micros = call->rating.charge_micros,
        .billed = call->rating.billed,
        .deck_version = call->rating.deck_version,
        .category = (int32_t)call->rating.category,
        .license = (int32_t)call->cdr.license,
        .unit = (int32_t)call->rating.unit,
        .local = call->rating.local,
        .prefix = call->rating.prefix,
    };
    return ts_replay_work_add(replay->work, &work, err);
}

/* A call that may draw on allowances: it waits for the others of its month, unless all of its
 * account's draw what they drew. */
static bool judge_included(struct ts_replay *replay,
                           const struct ts_replay_call *call,
                           const struct ts_replay_asked *asked,
                           struct ts_error *err)
{
    const struct ts_account_profile *profile = NULL;
    const struct ts_replay_settled settled = {.charge_micros = asked->settled_micros,
                                              .billed = asked->billed,
                                              .units = asked->units,
                                              .unit_count = asked->unit_count,
                                              .alike =
                                                  is_alike(call, asked->category, asked->unit)};
    const struct ts_replay_rated rated = {.price_micros = call->rating.charge_micros,
                                          .billed = call->rating.billed};
    int64_t charge = 0;
    bool aside = true;
    if (!ts_replay_profile(replay, call->cdr.account_id, &profile, err)) {
        return false;
    }
    if (!replay->thorough && profile != NULL) {
        bool differs = !ts_replay_draws_as_settled(ts_rates_snapshot_catalog(replay->rates),
                                                   profile->rate_plan,
                                                   &settled,
                                                   &rated,
                                                   &charge);
        if (!ts_replay_order_call(
                &replay->order, asked->account_no, call->partition, differs, &aside, err)) {
            return false;
        }
    }
    return aside ? set_aside(replay, call, asked, profile, err)
                 : judge_undisturbed(replay, call, asked, charge, err);
}

static bool judge_settled(struct ts_replay *replay,
                          const struct ts_replay_call *call,
                          const struct ts_replay_asked *asked,
                          struct ts_error *err)
{
    int64_t settled = asked->settled_micros;
    if (call->reason != TS_REASON_NONE) {
        const char *reason = ts_reason_name(call->reason);
        return ts_replay_tallies_add(
            &replay->report.refused, ts_bytes_of(reason), settled, settled, err);
    }
    if (call->fits || asked->unit_count > 0) {
        return judge_included(replay, call, asked, err);
    }
    return settled != call->rating.charge_micros ? judge_changed(replay, call, asked, err)
                                                 : report(replay, call, settled, false, err);
}

/* Calls that the books do not have: perhaps dead letters. */
struct absent {
    struct ts_replay_letter *letters;
    const struct ts_replay_call **calls; /* of each */
    size_t count;
};

static bool judge(struct ts_replay *replay,
                  const struct ts_replay_call *call,
                  const struct ts_replay_asked *asked,
                  struct absent *absent,
                  struct ts_error *err)
{
    switch (asked->standing) {
    case TS_REPLAY_EQUAL:
        return report(replay, call, call->rating.charge_micros, false, err);
    case TS_REPLAY_SETTLED:
        return judge_settled(replay, call, asked, err);
    case TS_REPLAY_ABSENT:
        absent->calls[absent->count] = call;
        absent->letters[absent->count++] =
            (struct ts_replay_letter){.partition = asked->partition, .offset = asked->offset};
        return true;
    case TS_REPLAY_ELSEWHERE:
        skip(replay, TS_REPLAY_SKIP_DUPLICATE);
        return true;
    case TS_REPLAY_CONFLICT:
        skip(replay, TS_REPLAY_SKIP_CONFLICT);
        return true;
    case TS_REPLAY_RETIRED:
        skip(replay,
             call->reason == TS_REASON_NONE ? TS_REPLAY_SKIP_RETIRED
                                            : TS_REPLAY_SKIP_STILL_REFUSED);
        return true;
    }
    return true;
}

/* A call that may draw on allowances, of which only the sums are known. *passed: it draws what it
 * drew, and so do its account's before it; else it must be looked up. */
static bool judge_known(struct ts_replay *replay,
                        const struct ts_replay_call *call,
                        const struct ts_replay_asked *asked,
                        const struct ts_replay_bulk_row *row,
                        bool *passed,
                        struct ts_error *err)
{
    const struct ts_adjustment_units units = {TS_LITERAL(""), row->covered};
    const struct ts_replay_settled settled = {.charge_micros = row->charge_micros,
                                              .billed = row->billed,
                                              .units = &units,
                                              .unit_count = 1,
                                              .alike = is_alike(call, row->category, row->unit)};
    const struct ts_replay_rated rated = {.price_micros = call->rating.charge_micros,
                                          .billed = call->rating.billed};
    int64_t charge = 0;
    bool aside = true;
    bool differs = !ts_replay_draws_as_settled(
        ts_rates_snapshot_catalog(replay->rates), call->plan_no, &settled, &rated, &charge);
    if (!ts_replay_order_call(
            &replay->order, call->account_no, call->partition, differs, &aside, err)) {
        return false;
    }
    *passed = !aside;
    return aside || judge_undisturbed(replay, call, asked, charge, err);
}

/* Whether the processors would charge it, if it were put back on the topic. */
static bool is_charged_live(struct ts_replay *replay,
                            const struct ts_replay_call *call,
                            bool *out,
                            struct ts_error *err)
{
    const struct ts_account_profile *profile = NULL;
    struct ts_rating rating;
    *out = replay->live == NULL;
    if (*out) {
        return true;
    }
    if (!ts_replay_profile(replay, call->cdr.account_id, &profile, err)) {
        return false;
    }
    if (profile != NULL) {
        ts_catalog_rate(
            ts_rates_snapshot_catalog(replay->live), profile, &call->cdr, &rating, NULL);
        *out = rating.reason == TS_REASON_NONE;
    }
    return true;
}

static bool judge_letter(struct ts_replay *replay,
                         const struct ts_replay_call *call,
                         const struct ts_replay_letter *letter,
                         struct ts_error *err)
{
    if (letter->id == 0) {
        skip(replay, TS_REPLAY_SKIP_MISSING);
    } else if (!letter->open) {
        skip(replay, TS_REPLAY_SKIP_REQUEUED);
    } else if (call->reason != TS_REASON_NONE) {
        skip(replay, TS_REPLAY_SKIP_STILL_REFUSED);
    } else {
        const struct ts_bytes reason = ts_bytes_of(letter->reason);
        int64_t price = call->rating.charge_micros;
        bool charged = false;
        return ts_replay_tallies_add(&replay->report.first, reason, 0, price, err) &&
               is_charged_live(replay, call, &charged, err) &&
               (!charged || replay->sink.letter == NULL ||
                replay->sink.letter(replay->sink.self, letter->id, err));
    }
    return true;
}

/* What was known of but must be known whole. */
struct again {
    struct ts_replay_asked *asked;
    const struct ts_replay_call **calls;
    size_t count;
};

static void ask_again(struct again *again, const struct ts_replay_call *call)
{
    again->calls[again->count] = call;
    again->asked[again->count++] = (struct ts_replay_asked){
        .start_ms = call->cdr.start_ms,
        .identity_hash = call->identity_hash,
        .fingerprint = ts_cdr_fingerprint(&call->cdr),
        .partition = call->partition,
        .offset = call->offset,
        .charge_micros = TS_REPLAY_WHOLE,
    };
}

static bool judge_page(struct ts_replay *replay,
                       struct ts_replay_page *page,
                       struct again *again,
                       struct absent *absent,
                       struct ts_error *err)
{
    for (size_t i = 0; i < page->asked_count; i++) {
        const struct ts_replay_call *call = &page->calls[page->call_of[i]];
        bool passed = false;
        if (page->rows[i] == NULL || !call->fits) {
            if (!judge(replay, call, &page->asked[i], absent, err)) {
                return false;
            }
            continue;
        }
        if (!judge_known(replay, call, &page->asked[i], page->rows[i], &passed, err)) {
            return false;
        }
        if (!passed) {
            ask_again(again, call);
        }
    }
    return true;
}

static bool judge_again(struct ts_replay *replay,
                        struct ts_replay_page *page,
                        struct again *again,
                        struct absent *absent,
                        struct ts_error *err)
{
    if (again->count == 0) {
        return true;
    }
    if (!ts_replay_lookup_start(page->lookup, again->asked, again->count, err) ||
        !ts_replay_lookup_finish(page->lookup, err)) {
        return false;
    }
    for (size_t i = 0; i < again->count; i++) {
        if (!judge(replay, again->calls[i], &again->asked[i], absent, err)) {
            return false;
        }
    }
    return true;
}

static bool judge_absent(struct ts_replay *replay,
                         struct ts_replay_page *page,
                         const struct absent *absent,
                         struct ts_error *err)
{
    if (absent->count == 0) {
        return true;
    }
    if (!ts_replay_lookup_letters(page->lookup, absent->letters, absent->count, err)) {
        return false;
    }
    for (size_t i = 0; i < absent->count; i++) {
        if (!judge_letter(replay, absent->calls[i], &absent->letters[i], err)) {
            return false;
        }
    }
    return true;
}

bool ts_replay_judge(struct ts_replay *replay, struct ts_replay_page *page, struct ts_error *err)
{
    size_t count = page->asked_count + 1;
    struct ts_arena *arena = &page->arena;
    struct absent absent = {
        .letters = ts_arena_take(arena, count * sizeof *absent.letters),
        .calls = ts_arena_take(arena, count * sizeof(const struct ts_replay_call *))};
    struct again again = {.asked = ts_arena_take(arena, count * sizeof *again.asked),
                          .calls =
                              ts_arena_take(arena, count * sizeof(const struct ts_replay_call *))};
    if (absent.letters == NULL || absent.calls == NULL || again.asked == NULL ||
        again.calls == NULL) {
        return ts_error_no_memory(err);
    }
    return judge_page(replay, page, &again, &absent, err) &&
           judge_again(replay, page, &again, &absent, err) &&
           judge_absent(replay, page, &absent, err);
}
