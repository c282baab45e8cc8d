/* SPDX-License-Identifier: Apache-2.0 */
#include "core/catalog.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/utf8.h"
#include "core/catalog_inner.h"
#include "core/category.h"
#include "core/deck_find.h"
#include "core/explain.h"
#include "core/pricing.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { QUOTED_MAX = 40 };

/* One rating under way. */
struct job {
    const struct ts_catalog *catalog;
    const struct ts_account_profile *account;
    const struct ts_cdr *cdr;
    const struct ts_catalog_plan *plan; /* the account's own */
    const struct ts_explain *explain;   /* or NULL */
    struct ts_rating *out;
    char *message; /* or NULL */
};

/* What was found to price a call with: perhaps in a base plan. */
struct match {
    const struct ts_catalog_plan *plan;
    const struct ts_deck_version *version;
    const struct ts_deck_rate *rate;
};

int64_t ts_catalog_revision(const struct ts_catalog *catalog)
{
    return catalog->revision;
}

bool ts_catalog_has_plan(const struct ts_catalog *catalog, int32_t plan_no)
{
    return ts_catalog_find_plan(catalog, plan_no) != NULL;
}

int64_t ts_catalog_share(const struct ts_catalog *catalog,
                         int32_t plan_no,
                         int64_t micros,
                         int64_t numerator,
                         int64_t denominator)
{
    const struct ts_catalog_plan *plan = ts_catalog_find_plan(catalog, plan_no);
    TS_ASSERT(plan != NULL);
    return ts_money_share(micros, numerator, denominator, plan->plan.rounding, plan->plan.decimals);
}

static void __attribute__((format(printf, 3, 4)))
refuse(const struct job *job, enum ts_reason reason, const char *format, ...)
{
    job->out->reason = reason;
    if (job->message != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(job->message, TS_RATING_MESSAGE_MAX, format, args);
        va_end(args);
    }
}

const struct ts_deck_version *ts_catalog_version_of(const struct ts_catalog *catalog,
                                                    const struct ts_catalog_plan *plan,
                                                    int64_t ms)
{
    const struct ts_deck_version *versions = catalog->versions + plan->version;
    for (size_t i = 0; i < plan->version_count; i++) { /* the newest first, and mostly it is that */
        if (versions[i].effective_ms <= ms) {
            return &versions[i];
        }
    }
    return NULL;
}

static struct ts_deck_query query_of(const struct job *job, enum ts_category category)
{
    const struct ts_cdr *cdr = job->cdr;
    struct ts_bytes number = cdr->to_number; /* called, or for inbound the account's own */
    bool is_short = number.size == 0 || number.data[0] != '+';
    struct ts_bytes origin = cdr->origin_country;
    if (origin.size == 0) {
        origin = ts_bytes_of(job->account->country);
    }
    return (struct ts_deck_query){
        .digits = is_short ? TS_LITERAL("") : (struct ts_bytes){number.data + 1, number.size - 1},
        .category = category,
        .license = cdr->license,
        .origin = ts_deck_origin_key(origin.data, origin.size),
        .fax = cdr->service == TS_SERVICE_FAX,
        .category_only = is_short || ts_category_is_inbound(category),
        .answer_ms = cdr->answer_ms,
    };
}

/* The account's plan, then its base plans; the number of steps was bounded when it was built. */
static bool find(const struct job *job, const struct ts_deck_query *query, struct match *out)
{
    const struct ts_catalog *catalog = job->catalog;
    for (const struct ts_catalog_plan *plan = job->plan; plan != NULL;
         plan = plan->base == TS_CATALOG_NO_PLAN ? NULL : &catalog->plans[plan->base]) {
        const struct ts_deck_version *version =
            ts_catalog_version_of(catalog, plan, query->answer_ms);
        if (version == NULL) {
            if (job->explain != NULL) {
                ts_explain_no_version(job->explain, plan->plan.name);
            }
            continue;
        }
        const struct ts_deck_rate *rate = ts_deck_find(version->deck, query);
        if (job->explain != NULL) {
            ts_explain_search(
                job->explain, plan->plan.name, version->version, version->deck, query, rate);
        }
        if (rate != NULL) {
            *out = (struct match){.plan = plan, .version = version, .rate = rate};
            return true;
        }
    }
    return false;
}

static int64_t quantity_of(const struct ts_cdr *cdr, enum ts_unit unit)
{
    int64_t seconds = ts_category_seconds(cdr);
    if (unit == TS_UNIT_SECOND) {
        return seconds;
    }
    int64_t pages = (seconds + 59) / 60; /* what a fax that counts no pages is taken for */
    return cdr->pages > pages ? cdr->pages : pages;
}

static void price(const struct job *job, const struct match *match)
{
    struct ts_rating *out = job->out;
    const struct ts_rate_plan *plan = &job->plan->plan; /* rounds, also what a base plan prices */
    struct ts_price_table table = ts_deck_price_table(match->version->deck, match->rate);
    struct ts_price price;
    out->unit = table.unit;
    out->quantity = quantity_of(job->cdr, table.unit);
    ts_price_call(&table, match->plan->zone, job->cdr->answer_ms, out->quantity, NULL, &price);
    if (job->explain != NULL) {
        ts_explain_price(job->explain,
                         &table,
                         match->plan->zone,
                         job->cdr->answer_ms,
                         out->quantity,
                         plan,
                         &price);
    }
    out->deck_line = price.row->line;
    out->billed = price.billed;
    out->rate_e8 = price.row->rate_e8;
    out->connect_fee_e8 = price.row->connect_fee_e8;
    out->description = ts_deck_description(match->version->deck, price.row);
    if (!ts_money_round(price.exact, plan->rounding, plan->decimals, &out->charge_micros)) {
        refuse(job,
               TS_REASON_CHARGE_OVERFLOW,
               "%lld %ss at the rate of line %u of deck version %lld cost more than 9000000000",
               (long long)out->billed,
               ts_unit_name(out->unit),
               price.row->line,
               (long long)match->version->version);
    }
}

static void look_up_and_price(const struct job *job)
{
    struct ts_rating *out = job->out;
    char number[QUOTED_MAX];
    struct match match;
    struct ts_deck_query query = query_of(job, out->category);
    if (!find(job, &query, &match)) {
        refuse(job,
               TS_REASON_NO_RATE,
               "to_number %s: rate plan %s has no rate for %s",
               ts_utf8_quote(job->cdr->to_number, number, sizeof number),
               job->plan->plan.name,
               ts_category_name(out->category));
        return;
    }
    out->prefix = ts_bytes_of(match.rate->prefix);
    out->deck_version = match.version->version;
    out->deck_line = match.version->deck->rows[match.rate->row].line;
    if (match.rate->blocked) {
        refuse(job,
               TS_REASON_BLOCKED_DESTINATION,
               "to_number %s: prefix %s is blocked in rate plan %s",
               ts_utf8_quote(job->cdr->to_number, number, sizeof number),
               match.rate->prefix,
               match.plan->plan.name);
        return;
    }
    price(job, &match);
}

static void rate(const struct job *job)
{
    struct ts_rating *out = job->out;
    *out = (struct ts_rating){
        .region = TS_REGION_UNKNOWN,
        .quantity = ts_category_seconds(job->cdr),
        .prefix = TS_LITERAL(""),
        .description = TS_LITERAL(""),
    };
    if (job->plan == NULL) {
        refuse(job,
               TS_REASON_NO_RATE,
               "account_id %.*s: there is no rate plan %d",
               TS_ARGS(ts_account_profile_id(job->account)),
               job->account->rate_plan);
        return;
    }
    struct ts_call_class call;
    ts_category_of(
        job->catalog->numbering, &job->plan->plan, job->account->country, job->cdr, &call);
    out->category = call.category;
    out->local = call.local;
    memcpy(out->region, call.region, sizeof out->region);
    if (job->explain != NULL) {
        ts_explain_class(job->explain, &call, job->account->country);
    }
    if (!ts_category_is_free(call.category)) {
        look_up_and_price(job);
    }
}

void ts_catalog_rate(const struct ts_catalog *catalog,
                     const struct ts_account_profile *account,
                     const struct ts_cdr *cdr,
                     struct ts_rating *out,
                     char *message)
{
    ts_catalog_explain(catalog, account, cdr, NULL, out, message);
}

void ts_catalog_explain(const struct ts_catalog *catalog,
                        const struct ts_account_profile *account,
                        const struct ts_cdr *cdr,
                        const struct ts_explain *explain,
                        struct ts_rating *out,
                        char *message)
{
    struct job job = {
        .catalog = catalog,
        .account = account,
        .cdr = cdr,
        .plan = ts_catalog_find_plan(catalog, account->rate_plan),
        .explain = explain,
        .out = out,
        .message = message,
    };
    rate(&job);
}
