/* SPDX-License-Identifier: Apache-2.0 */
/* Why a call costs what it costs: the steps of a rating in words. It is told by the very code that
 * rates (core/catalog.c), so that it cannot tell another story. */
#ifndef TS_CORE_EXPLAIN_H
#define TS_CORE_EXPLAIN_H

#include "core/catalog.h"
#include "core/category.h"
#include "core/deck_find.h"
#include "core/pricing.h"

#include <stddef.h>

enum { TS_EXPLAIN_STEP_MAX = 400 };

/* Called for each step in order; the text is one line and lives during the call. */
struct ts_explain {
    void (*step)(void *self, const char *text);
    void *self;
};

/* ts_catalog_rate, telling its steps. */
void ts_catalog_explain(const struct ts_catalog *catalog,
                        const struct ts_account_profile *account,
                        const struct ts_cdr *cdr,
                        const struct ts_explain *explain,
                        struct ts_rating *out,
                        char *message);

/* The steps, for core/catalog.c. */
void ts_explain_class(const struct ts_explain *explain,
                      const struct ts_call_class *call,
                      const char *country);
void ts_explain_no_version(const struct ts_explain *explain, const char *plan);
void ts_explain_search(const struct ts_explain *explain,
                       const char *plan,
                       int64_t version,
                       const struct ts_deck *deck,
                       const struct ts_deck_query *query,
                       const struct ts_deck_rate *won);
void ts_explain_price(const struct ts_explain *explain,
                      const struct ts_price_table *table,
                      const struct ts_zone *zone,
                      int64_t answer_ms,
                      int64_t quantity,
                      const struct ts_rate_plan *plan,
                      const struct ts_price *price);

#endif
