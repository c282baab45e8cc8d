/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of a stretch. Of an account with very many calls most are there already, by the hour: whole
 * hours of partitions that are summed up are read from there, and only the rest from the calls. */
#include "adapters/postgres/usage_inner.h"
#include "core/rating.h"
#include "core/timestamp.h"

#include <stdlib.h>

#define HOUR_MS INT64_C(3600000)
#define END_OF_TIME_MS INT64_C(253402300800000) /* the year 10000 */

/* One row a category, free or not. */
static const char sums_sql[] = "SELECT category, " TS_USAGE_FREE
                               " AS free, count(*), sum(duration_ms)::bigint, sum(pages)::bigint,"
                               " sum(charge_micros)::bigint" TS_USAGE_OF_STRETCH " GROUP BY 1, 2";

/* $2 and $3 are at whole hours. Partitions that are not complete are read from the calls. */
static const char hours_sql[] =
    "SELECT h.category, h.free, sum(h.calls)::bigint, sum(h.duration_ms)::bigint,"
    " sum(h.pages)::bigint, sum(h.charge_micros)::bigint"
    " FROM usage_summed k JOIN usage_hour h ON h.account_no = k.account_no"
    " AND h.hour >= greatest(k.from_time, $2::timestamptz)"
    " AND h.hour < least(k.to_time, $3::timestamptz)"
    " WHERE k.account_no = $1::bigint AND k.complete GROUP BY 1, 2";

static const char summed_sql[] =
    "SELECT greatest(from_time, $2::timestamptz), least(to_time, $3::timestamptz)"
    " FROM usage_summed WHERE account_no = $1::bigint AND complete"
    " AND to_time > $2::timestamptz AND from_time < $3::timestamptz ORDER BY 1";

static const char entries_sql[] =
    "SELECT coalesce(sum(amount_micros) FILTER (WHERE kind <> 'adjustment'"
    " AND created_at < $3::timestamptz), 0)::bigint,"
    " coalesce(sum(amount_micros) FILTER (WHERE kind = 'adjustment'"
    " AND created_at < $3::timestamptz), 0)::bigint,"
    " coalesce(sum(amount_micros) FILTER (WHERE created_at >= $3::timestamptz), 0)::bigint"
    " FROM ledger_entry WHERE account_no = $1::bigint AND created_at >= $2::timestamptz"
    " AND kind <> 'opening'";

static void add_kind(struct ts_usage_kind *kind, const struct ts_usage_kind *more)
{
    kind->calls += more->calls;
    kind->duration_ms += more->duration_ms;
    kind->pages += more->pages;
    kind->cost_micros += more->cost_micros;
}

static void add_category(struct ts_usage_sums *sums,
                         enum ts_category category,
                         bool is_free,
                         const struct ts_usage_kind *kind)
{
    sums->calls += kind->calls;
    sums->free_calls += is_free ? kind->calls : 0;
    sums->charges_micros += kind->cost_micros;
    switch (category) {
    case TS_CATEGORY_TOLL_FREE_INBOUND:
    case TS_CATEGORY_TOLL_FREE_OUTBOUND:
        add_kind(&sums->toll_free, kind);
        break;
    case TS_CATEGORY_INTERNATIONAL_OUTBOUND:
        add_kind(&sums->international, kind);
        break;
    case TS_CATEGORY_FAX_OUTBOUND:
    case TS_CATEGORY_FAX_INBOUND:
        add_kind(&sums->faxes, kind);
        break;
    case TS_CATEGORY_PREMIUM_OUTBOUND:
        add_kind(&sums->premium, kind);
        break;
    case TS_CATEGORY_LOCAL_OUTBOUND:
    case TS_CATEGORY_LOCAL_INBOUND:
        if (!is_free) {
            add_kind(&sums->metered_local, kind);
        }
        break;
    default: /* internal, emergency and unanswered calls cost nothing: they are counted as free */
        break;
    }
}

/* Adds what the rows (category, free, calls, duration, pages, charges) say. */
static bool add_rows(struct ts_usage_store *store,
                     const char *sql,
                     const struct ts_usage_stretch *stretch,
                     struct ts_usage_sums *out,
                     struct ts_error *err)
{
    ts_usage_set_stretch(store, stretch);
    PGresult *rows = ts_pg_exec_params(&store->base.session, sql, &store->base.params, err);
    for (int i = 0; rows != NULL && i < PQntuples(rows); i++) {
        struct ts_usage_kind kind = {.calls = ts_pg_i64(rows, i, 2),
                                     .duration_ms = ts_pg_i64(rows, i, 3),
                                     .pages = ts_pg_i64(rows, i, 4),
                                     .cost_micros = ts_pg_i64(rows, i, 5)};
        enum ts_category category = (enum ts_category)ts_pg_i16(rows, i, 0);
        add_category(out, category, ts_pg_bool(rows, i, 1), &kind);
    }
    PQclear(rows);
    return rows != NULL;
}

/* The whole hours of a stretch; its begin is not before its end when there is none. */
static struct ts_usage_stretch whole_hours(const struct ts_usage_stretch *stretch)
{
    int64_t from_ms = -ts_floor_div(-stretch->from_ms, HOUR_MS) * HOUR_MS;
    int64_t to_ms = ts_floor_div(stretch->to_ms, HOUR_MS) * HOUR_MS;
    return (struct ts_usage_stretch){
        .account_no = stretch->account_no, .from_ms = from_ms, .to_ms = to_ms};
}

static bool add_calls(struct ts_usage_store *store,
                      const struct ts_usage_stretch *stretch,
                      int64_t from_ms,
                      int64_t to_ms,
                      struct ts_usage_sums *out,
                      struct ts_error *err)
{
    struct ts_usage_stretch part = {stretch->account_no, from_ms, to_ms};
    return from_ms >= to_ms || add_rows(store, sums_sql, &part, out, err);
}

/* The calls before, between and after the partitions that are summed up. */
static bool sum_usage(struct ts_usage_store *store,
                      const struct ts_usage_stretch *stretch,
                      struct ts_usage_sums *out,
                      struct ts_error *err)
{
    struct ts_usage_stretch hours = whole_hours(stretch);
    if (hours.from_ms >= hours.to_ms) {
        return add_calls(store, stretch, stretch->from_ms, stretch->to_ms, out, err);
    }
    ts_usage_set_stretch(store, &hours);
    PGresult *summed =
        ts_pg_exec_params(&store->base.session, summed_sql, &store->base.params, err);
    if (summed == NULL) {
        return false;
    }
    int64_t done_ms = stretch->from_ms;
    bool good = true;
    int count = PQntuples(summed);
    for (int i = 0; good && i < count; i++) {
        good = add_calls(store, stretch, done_ms, ts_pg_time_ms(summed, i, 0), out, err);
        done_ms = ts_pg_time_ms(summed, i, 1);
    }
    PQclear(summed);
    return good && add_calls(store, stretch, done_ms, stretch->to_ms, out, err) &&
           (count == 0 || add_rows(store, hours_sql, &hours, out, err));
}

static bool sum_entries(struct ts_usage_store *store,
                        const struct ts_usage_stretch *stretch,
                        struct ts_usage_sums *out,
                        struct ts_error *err)
{
    ts_usage_set_stretch(store, stretch);
    PGresult *rows = ts_pg_exec_params(&store->base.session, entries_sql, &store->base.params, err);
    if (rows != NULL) {
        out->credits_micros = ts_pg_i64(rows, 0, 0);
        out->adjustments_micros = ts_pg_i64(rows, 0, 1);
        out->later_micros = ts_pg_i64(rows, 0, 2);
    }
    PQclear(rows);
    return rows != NULL;
}

/* What came later is asked for, not what came before: a month that is asked for is recent as a
 * rule, and leaves of long ago may be detached. */
static bool sum_later_charges(struct ts_usage_store *store,
                              const struct ts_usage_stretch *stretch,
                              struct ts_usage_sums *out,
                              struct ts_error *err)
{
    struct ts_usage_sums later = {0};
    struct ts_usage_stretch rest = {stretch->account_no, stretch->to_ms, END_OF_TIME_MS};
    if (!sum_usage(store, &rest, &later, err)) {
        return false;
    }
    out->later_micros -= later.charges_micros;
    return true;
}

bool ts_usage_store_sums(struct ts_usage_store *store,
                         const struct ts_usage_stretch *stretch,
                         struct ts_usage_sums *out,
                         struct ts_error *err)
{
    struct ts_usage_sums sums = {0};
    bool good = sum_usage(store, stretch, &sums, err) && sum_entries(store, stretch, &sums, err) &&
                sum_later_charges(store, stretch, &sums, err);
    if (good) {
        *out = sums;
    }
    return good;
}
