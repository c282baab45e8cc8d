/* SPDX-License-Identifier: Apache-2.0 */
#include "core/explain.h"

#include "core/money.h"

#include <stdarg.h>
#include <stdio.h>

enum { CONSIDERED_MAX = 50 };

static void __attribute__((format(printf, 2, 3)))
tell(const struct ts_explain *explain, const char *format, ...)
{
    char text[TS_EXPLAIN_STEP_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    explain->step(explain->self, text);
}

void ts_explain_class(const struct ts_explain *explain,
                      const struct ts_call_class *call,
                      const char *country)
{
    tell(explain,
         "category %s: %s (account in %s, other party in %s, %s the local zone)",
         ts_category_name(call->category),
         call->rule,
         country,
         call->region,
         call->local ? "inside" : "outside");
    if (ts_category_is_free(call->category)) {
        tell(explain, "%s is free and is not looked up", ts_category_name(call->category));
    }
}

void ts_explain_no_version(const struct ts_explain *explain, const char *plan)
{
    tell(explain, "rate plan %s: no deck was in effect at the answer", plan);
}

struct rate_text {
    char text[160];
};

static struct rate_text describe(const struct ts_deck *deck, const struct ts_deck_rate *rate)
{
    unsigned category = ts_deck_key_category(rate->key);
    unsigned license = ts_deck_key_license(rate->key);
    uint16_t origin = ts_deck_key_origin(rate->key);
    const char origin_text[] = {(char)(origin >> 8), (char)(origin & 0xff), '\0'};
    struct rate_text out;
    snprintf(out.text,
             sizeof out.text,
             "line %u%s: prefix %s, category %s, origin %s, license %s",
             deck->rows[rate->row].line,
             rate->row_count > 1 ? " and more" : "",
             rate->prefix,
             category == TS_DECK_CATEGORY_ANY ? "*" : ts_category_name((enum ts_category)category),
             origin == TS_DECK_ORIGIN_ANY ? "*" : origin_text,
             license == TS_DECK_LICENSE_ANY ? "*" : ts_license_name((enum ts_license)license));
    return out;
}

/* In what a rate that fits is worse than the one that won, in the order of the contract. */
static const char *why_lost(const struct ts_deck_rate *rate, const struct ts_deck_rate *won)
{
    if (ts_deck_key_category(rate->key) != ts_deck_key_category(won->key)) {
        return "an exact category counts more";
    }
    if (strcmp(rate->prefix, won->prefix) != 0) {
        return "a longer prefix counts more";
    }
    if (ts_deck_key_origin(rate->key) != ts_deck_key_origin(won->key)) {
        return "an exact origin counts more";
    }
    if (ts_deck_key_license(rate->key) != ts_deck_key_license(won->key)) {
        return "an exact license counts more";
    }
    return "a later effective_from counts more";
}

void ts_explain_search(const struct ts_explain *explain,
                       const char *plan,
                       int64_t version,
                       const struct ts_deck *deck,
                       const struct ts_deck_query *query,
                       const struct ts_deck_rate *won)
{
    uint32_t entries[TS_TRIE_MATCHES_MAX + 1];
    size_t count = ts_deck_prefixes_of(deck, query, entries);
    size_t considered = 0;
    tell(explain, "rate plan %s, deck version %lld", plan, (long long)version);
    for (size_t i = 0; i < count; i++) {
        const struct ts_deck_prefix *entry = &deck->prefixes[entries[i]];
        for (uint32_t r = entry->rate; r < entry->rate + entry->rate_count; r++) {
            const struct ts_deck_rate *rate = &deck->rates[r];
            const char *misfit = ts_deck_misfit(rate, query);
            if (rate == won || considered++ >= CONSIDERED_MAX) {
                continue;
            }
            tell(explain,
                 "considered %s: %s%s",
                 describe(deck, rate).text,
                 misfit != NULL ? "does not fit, " : "",
                 misfit != NULL ? misfit : why_lost(rate, won));
        }
    }
    if (considered > CONSIDERED_MAX) {
        tell(explain, "considered %zu more", considered - CONSIDERED_MAX);
    }
    if (won == NULL) {
        tell(explain, "rate plan %s: nothing fits", plan);
    } else {
        tell(explain, "won %s%s", describe(deck, won).text, won->blocked ? ", blocked" : "");
    }
}

struct run {
    const struct ts_explain *explain;
    const char *unit;
};

static void tell_bought(void *self,
                        const struct ts_price_row *row,
                        int64_t from_unit,
                        int64_t count,
                        uint32_t increment)
{
    const struct run *run = self;
    char rate[TS_MONEY_TEXT_MAX];
    ts_money_format_e8(row->rate_e8, rate);
    tell(run->explain,
         "line %u: at %s %lld, %lld x %u %ss at %s for %u = %lld x %s / %u",
         row->line,
         run->unit,
         (long long)from_unit,
         (long long)count,
         increment,
         run->unit,
         rate,
         row->rate_unit,
         (long long)count * increment,
         rate,
         row->rate_unit);
}

static void tell_bound(const struct ts_explain *explain, const char *name, int64_t bound_e8)
{
    char text[TS_MONEY_TEXT_MAX];
    if (bound_e8 != TS_PRICE_NO_BOUND) {
        ts_money_format_e8(bound_e8, text);
        tell(explain, "%s %s", name, text);
    }
}

static void tell_total(const struct ts_explain *explain,
                       const struct ts_rate_plan *plan,
                       const struct ts_price *price)
{
    char fee[TS_MONEY_TEXT_MAX];
    char exact[TS_MONEY_TEXT_MAX] = "too much";
    char charge[TS_MONEY_TEXT_MAX] = "beyond the limit";
    int64_t micros = 0;
    if (price->exact.whole_e8 <= INT64_MAX) {
        ts_money_format_e8((int64_t)price->exact.whole_e8, exact);
    }
    if (ts_money_round(price->exact, plan->rounding, plan->decimals, &micros)) {
        ts_money_format_micros(micros, charge);
    }
    ts_money_format_e8(price->row->connect_fee_e8, fee);
    tell(explain, "connect fee %s, once", fee);
    tell_bound(explain, "at most: max_charge", price->row->max_charge_e8);
    tell_bound(explain, "at least: min_charge", price->row->min_charge_e8);
    tell(explain,
         "sum %s%s, rounded %s to %d decimals: %s",
         exact,
         price->exact.more ? "..." : "",
         ts_rounding_name(plan->rounding),
         plan->decimals,
         charge);
}

void ts_explain_price(const struct ts_explain *explain,
                      const struct ts_price_table *table,
                      const struct ts_zone *zone,
                      int64_t answer_ms,
                      int64_t quantity,
                      const struct ts_rate_plan *plan,
                      const struct ts_price *price)
{
    struct run run = {.explain = explain, .unit = ts_unit_name(table->unit)};
    struct ts_price_trace trace = {.bought = tell_bought, .self = &run};
    struct ts_price again;
    if (quantity <= price->row->grace) {
        tell(explain,
             "%lld %ss are within the grace of %u: nothing to pay",
             (long long)quantity,
             run.unit,
             price->row->grace);
        return;
    }
    tell(explain,
         "quantity %lld %ss, windows in %s",
         (long long)quantity,
         run.unit,
         ts_zone_name(zone));
    ts_price_call(table, zone, answer_ms, quantity, &trace, &again);
    tell_total(explain, plan, price);
}
