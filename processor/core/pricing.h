/* SPDX-License-Identifier: Apache-2.0 */
/* What a call costs at one rate: the rate's tiers and time windows, increments, connect fee, grace
 * and bounds (domain: section 4, "What it costs").
 *
 * Exact: whole numbers and fractions, rounded by nobody before the end (core/money.h does it once).
 * In closed form: all increments bought from one row in a row are one step, so the time taken grows
 * with the changes of tier, window and clock that a call meets, not with its length. */
#ifndef TS_CORE_PRICING_H
#define TS_CORE_PRICING_H

#include "core/money.h"
#include "core/rating.h"
#include "core/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TS_PRICE_NO_BOUND INT64_C(-1)

enum { TS_PRICE_WEEK_S = 7 * 86400 };

/* A row of a deck, as far as it sets a price. */
struct ts_price_row {
    int64_t rate_e8;
    int64_t connect_fee_e8;
    int64_t min_charge_e8; /* or TS_PRICE_NO_BOUND */
    int64_t max_charge_e8;
    uint32_t rate_unit;
    uint32_t interval_1;
    uint32_t interval_n;
    uint32_t grace;
    uint32_t from_unit;
    uint32_t line;
    uint32_t description; /* where it begins in the deck's text */
    uint16_t description_size;
    uint16_t divisor; /* which of its rate's different rate units it has */
};

/* A part of the week with the same rows in force, up to the start of the next. */
struct ts_price_segment {
    uint32_t start_s; /* wall clock, since Monday 00:00 */
    uint32_t tier;    /* the first of its tiers in tiers[] */
    uint32_t tier_count;
};

struct ts_price_table {
    enum ts_unit unit;
    const struct ts_price_row *rows;
    size_t row_count;
    size_t divisor_count; /* different rate units */

    /* None: all rows are in force all week, and rows[] is by from_unit. */
    const struct ts_price_segment *segments;
    size_t segment_count;
    const uint32_t *tiers; /* indexes into rows[], in each segment by from_unit, the first is 0 */
};

/* For those who explain a price: told of each run of equal increments, in order. */
struct ts_price_trace {
    void (*bought)(void *self,
                   const struct ts_price_row *row,
                   int64_t from_unit,
                   int64_t count,
                   uint32_t increment);
    void *self;
};

struct ts_price {
    const struct ts_price_row *row; /* in force at t = 0 */
    int64_t billed;                 /* units bought; 0 within the grace */
    struct ts_money_exact exact;    /* fee and increments, within the bounds, not rounded */
};

/* `quantity` >= 0 in the table's unit; `zone` is the rate plan's; `trace` may be NULL. */
void ts_price_call(const struct ts_price_table *table,
                   const struct ts_zone *zone,
                   int64_t answer_ms,
                   int64_t quantity,
                   const struct ts_price_trace *trace,
                   struct ts_price *out);

#endif
