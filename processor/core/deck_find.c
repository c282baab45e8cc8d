/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deck_find.h"

/* The first of the entry's rates whose key is not below `key`. */
static uint32_t
lower_bound(const struct ts_deck *deck, const struct ts_deck_prefix *entry, uint32_t key)
{
    uint32_t low = entry->rate;
    uint32_t high = entry->rate + entry->rate_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (deck->rates[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool fits_time_and_unit(const struct ts_deck_rate *rate, const struct ts_deck_query *query)
{
    return rate->effective_from_ms <= query->answer_ms &&
           query->answer_ms < rate->effective_to_ms && (rate->unit == TS_UNIT_SECOND || query->fax);
}

/* The latest of the rates with exactly this key. */
static const struct ts_deck_rate *find_key(const struct ts_deck *deck,
                                           const struct ts_deck_prefix *entry,
                                           const struct ts_deck_query *query,
                                           uint32_t key)
{
    uint32_t end = entry->rate + entry->rate_count;
    for (uint32_t i = lower_bound(deck, entry, key); i < end && deck->rates[i].key == key; i++) {
        if (fits_time_and_unit(&deck->rates[i], query)) {
            return &deck->rates[i];
        }
    }
    return NULL;
}

static const struct ts_deck_rate *find_in_prefix(const struct ts_deck *deck,
                                                 const struct ts_deck_prefix *entry,
                                                 const struct ts_deck_query *query,
                                                 unsigned category)
{
    if ((entry->categories >> category & 1) == 0) {
        return NULL;
    }
    const uint16_t origins[] = {query->origin, TS_DECK_ORIGIN_ANY};
    const unsigned licenses[] = {(unsigned)query->license, TS_DECK_LICENSE_ANY};
    for (size_t o = query->origin == TS_DECK_ORIGIN_ANY ? 1 : 0; o < 2; o++) {
        for (size_t l = 0; l < 2; l++) {
            const struct ts_deck_rate *rate =
                find_key(deck, entry, query, ts_deck_key(category, origins[o], licenses[l]));
            if (rate != NULL) {
                return rate;
            }
        }
    }
    return NULL;
}

size_t ts_deck_prefixes_of(const struct ts_deck *deck,
                           const struct ts_deck_query *query,
                           uint32_t entries[TS_TRIE_MATCHES_MAX + 1])
{
    size_t count = 0;
    if (query->digits.size > 0) {
        count = ts_trie_matches(
            deck->trie, query->digits.data, query->digits.size, entries, TS_TRIE_MATCHES_MAX);
    }
    if (deck->any_prefix != TS_TRIE_NONE) {
        entries[count++] = deck->any_prefix;
    }
    return count;
}

const struct ts_deck_rate *ts_deck_find(const struct ts_deck *deck,
                                        const struct ts_deck_query *query)
{
    uint32_t entries[TS_TRIE_MATCHES_MAX + 1];
    size_t count = ts_deck_prefixes_of(deck, query, entries);
    for (size_t i = 0; i < count; i++) {
        const struct ts_deck_rate *rate =
            find_in_prefix(deck, &deck->prefixes[entries[i]], query, (unsigned)query->category);
        if (rate != NULL) {
            return rate;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (query->category_only && entries[i] != deck->any_prefix) {
            continue;
        }
        const struct ts_deck_rate *rate =
            find_in_prefix(deck, &deck->prefixes[entries[i]], query, TS_DECK_CATEGORY_ANY);
        if (rate != NULL) {
            return rate;
        }
    }
    return NULL;
}

const char *ts_deck_misfit(const struct ts_deck_rate *rate, const struct ts_deck_query *query)
{
    unsigned category = ts_deck_key_category(rate->key);
    uint16_t origin = ts_deck_key_origin(rate->key);
    unsigned license = ts_deck_key_license(rate->key);
    if (category != TS_DECK_CATEGORY_ANY && category != (unsigned)query->category) {
        return "another category";
    }
    if (category == TS_DECK_CATEGORY_ANY && query->category_only && rate->prefix[0] != '*') {
        return "for inbound calls and short numbers a row without a category fits only by *";
    }
    if (origin != TS_DECK_ORIGIN_ANY && origin != query->origin) {
        return "another origin";
    }
    if (license != TS_DECK_LICENSE_ANY && license != (unsigned)query->license) {
        return "another license";
    }
    if (query->answer_ms < rate->effective_from_ms) {
        return "not in effect yet";
    }
    if (query->answer_ms >= rate->effective_to_ms) {
        return "not in effect any more";
    }
    if (rate->unit == TS_UNIT_PAGE && !query->fax) {
        return "priced by the page, and this is no fax";
    }
    return NULL;
}

struct ts_price_table ts_deck_price_table(const struct ts_deck *deck,
                                          const struct ts_deck_rate *rate)
{
    return (struct ts_price_table){
        .unit = (enum ts_unit)rate->unit,
        .rows = deck->rows + rate->row,
        .row_count = rate->row_count,
        .divisor_count = rate->divisor_count,
        .segments = rate->segment_count > 0 ? deck->segments + rate->segment : NULL,
        .segment_count = rate->segment_count,
        .tiers = deck->tiers,
    };
}
