/* SPDX-License-Identifier: Apache-2.0 */
/* Which rate of a deck a call has: of those in effect that fit, exact category over `*`, then the
 * longest prefix, then exact origin over `*`, then exact license over `*`, then the latest
 * effective_from. For the core only. */
#ifndef TS_CORE_DECK_FIND_H
#define TS_CORE_DECK_FIND_H

#include "core/cdr.h"
#include "core/deck_compile.h"
#include "core/rating.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_deck_query {
    struct ts_bytes digits; /* without '+'; of size 0 for a short number: only `*` fits it */
    enum ts_category category;
    enum ts_license license;
    uint16_t origin;    /* ts_deck_origin_key */
    bool fax;           /* rates by the page fit faxes only */
    bool category_only; /* rows without a category fit only if their prefix is `*` */
    int64_t answer_ms;
};

/* NULL when nothing fits. Allocates nothing. */
const struct ts_deck_rate *ts_deck_find(const struct ts_deck *deck,
                                        const struct ts_deck_query *query);

/* For those who explain: why a rate of a fitting prefix is out, in a few words; NULL when it fits.
 */
const char *ts_deck_misfit(const struct ts_deck_rate *rate, const struct ts_deck_query *query);

/* The entries whose prefix fits the query's number, the longest first; at most
 * TS_TRIE_MATCHES_MAX + 1. Returns how many. */
size_t ts_deck_prefixes_of(const struct ts_deck *deck,
                           const struct ts_deck_query *query,
                           uint32_t entries[TS_TRIE_MATCHES_MAX + 1]);

struct ts_price_table ts_deck_price_table(const struct ts_deck *deck,
                                          const struct ts_deck_rate *rate);

static inline struct ts_bytes ts_deck_description(const struct ts_deck *deck,
                                                  const struct ts_price_row *row)
{
    return (struct ts_bytes){deck->text + row->description, row->description_size};
}

#endif
