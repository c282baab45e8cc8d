/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pricing.h"

#include "base/assert.h"
#include "core/fraction.h"
#include "core/timestamp.h"

/* Where in the week a call is, and until when (in units since the answer) that stays so. */
struct position {
    const struct ts_price_table *table;
    const struct ts_zone *zone;
    int64_t answer_s;
    struct ts_zone_span span;
    size_t segment;
    int64_t until; /* t at which other rows may be in force */
};

/* What was bought so far: for each different rate unit, the sum of rate x units. The largest call
 * (1.7 million units at 10^17) stays far below 2^127. */
struct basket {
    int64_t billed;
    const struct ts_price_trace *trace;
    unsigned __int128 sums[TS_FRACTION_TERMS_MAX];
    uint32_t divisors[TS_FRACTION_TERMS_MAX];
};

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t segment_end(const struct ts_price_table *table, size_t segment)
{
    return segment + 1 < table->segment_count ? table->segments[segment + 1].start_s
                                              : TS_PRICE_WEEK_S;
}

static bool segment_holds(const struct ts_price_table *table, size_t segment, int64_t week_s)
{
    return segment < table->segment_count && table->segments[segment].start_s <= week_s &&
           week_s < segment_end(table, segment);
}

static size_t find_segment(const struct ts_price_table *table, int64_t week_s)
{
    size_t low = 0;
    size_t high = table->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (table->segments[middle].start_s <= week_s) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Finds the segment of answer + t. Elapsed time is turned into the wall clock by the offset of that
 * moment: a skipped hour never happens, a repeated hour is met twice. */
static void move_to(struct position *at, int64_t t)
{
    const struct ts_price_table *table = at->table;
    int64_t utc_s = at->answer_s + t;
    if (utc_s >= at->span.to_s || utc_s < at->span.from_s) {
        at->span = ts_zone_span_at(at->zone, utc_s);
    }
    int64_t since_monday = utc_s + at->span.offset_s + 3 * 86400; /* the epoch was a Thursday */
    int64_t week_s = since_monday - ts_floor_div(since_monday, TS_PRICE_WEEK_S) * TS_PRICE_WEEK_S;
    if (segment_holds(table, at->segment + 1, week_s)) {
        at->segment++;
    } else if (!segment_holds(table, at->segment, week_s)) {
        at->segment = find_segment(table, week_s);
    }
    int64_t left = segment_end(table, at->segment) - week_s;
    int64_t left_of_span = at->span.to_s == INT64_MAX ? INT64_MAX : at->span.to_s - utc_s;
    /* Pages all belong to the moment of the answer. */
    at->until = table->unit == TS_UNIT_PAGE ? INT64_MAX : t + min_i64(left, left_of_span);
}

static void position_init(struct position *at,
                          const struct ts_price_table *table,
                          const struct ts_zone *zone,
                          int64_t answer_ms)
{
    *at = (struct position){
        .table = table,
        .zone = zone,
        .answer_s = ts_floor_div(answer_ms, 1000), /* windows change on whole minutes */
        .until = INT64_MAX,
    };
    if (table->segment_count > 0) {
        at->span = ts_zone_span_at(zone, at->answer_s);
        move_to(at, 0);
    }
}

static const struct ts_price_row *tier_row(const struct position *at, size_t tier)
{
    const struct ts_price_table *table = at->table;
    if (table->segment_count == 0) {
        return &table->rows[tier];
    }
    return &table->rows[table->tiers[table->segments[at->segment].tier + tier]];
}

/* The row in force at t, and until when at most it is. */
static const struct ts_price_row *row_in_force(struct position *at, int64_t t, int64_t *until)
{
    if (t >= at->until) {
        move_to(at, t);
    }
    size_t count = at->table->segment_count == 0 ? at->table->row_count
                                                 : at->table->segments[at->segment].tier_count;
    size_t low = 0; /* this tier has begun, `high` has not */
    size_t high = count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (tier_row(at, middle)->from_unit <= t) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *until = high < count ? min_i64(at->until, tier_row(at, high)->from_unit) : at->until;
    return tier_row(at, low);
}

static void
buy(struct basket *basket, const struct ts_price_row *row, int64_t count, uint32_t increment)
{
    int64_t units = count * increment;
    if (basket->trace != NULL) {
        basket->trace->bought(basket->trace->self, row, basket->billed, count, increment);
    }
    basket->sums[row->divisor] += (unsigned __int128)row->rate_e8 * (unsigned __int128)units;
    basket->divisors[row->divisor] = row->rate_unit;
    basket->billed += units;
}

/* Buys until the quantity is covered; t is what was bought so far. */
static void buy_all(struct basket *basket,
                    struct position *at,
                    const struct ts_price_row *row,
                    int64_t quantity)
{
    buy(basket, row, 1, row->interval_1);
    while (basket->billed < quantity) {
        int64_t t = basket->billed;
        int64_t until = 0;
        row = row_in_force(at, t, &until);
        int64_t wanted = min_i64(until, quantity) - t;
        int64_t increment = row->interval_n;
        buy(basket, row, (wanted + increment - 1) / increment, row->interval_n);
    }
}

static struct ts_money_exact total(const struct basket *basket, size_t divisor_count)
{
    struct ts_fraction_term terms[TS_FRACTION_TERMS_MAX];
    unsigned __int128 whole = 0;
    size_t count = 0;
    for (size_t i = 0; i < divisor_count; i++) {
        unsigned __int128 sum = basket->sums[i];
        uint32_t divisor = basket->divisors[i];
        if (sum == 0) {
            continue;
        }
        /* A division of 128 bits costs as much as the rest of a plain call. */
        if (sum <= UINT64_MAX) {
            whole += (uint64_t)sum / divisor;
            terms[count].rest = (uint32_t)((uint64_t)sum % divisor);
        } else {
            whole += sum / divisor;
            terms[count].rest = (uint32_t)(sum % divisor);
        }
        terms[count++].divisor = divisor;
    }
    struct ts_fraction_sum fractions = ts_fraction_add(terms, count);
    return (struct ts_money_exact){.whole_e8 = whole + fractions.whole, .more = fractions.more};
}

/* min_charge last: where the two contradict each other, it holds. */
static void apply_bounds(const struct ts_price_row *row, struct ts_money_exact *exact)
{
    if (row->max_charge_e8 != TS_PRICE_NO_BOUND &&
        exact->whole_e8 >= (unsigned __int128)row->max_charge_e8) {
        *exact = (struct ts_money_exact){.whole_e8 = (unsigned __int128)row->max_charge_e8};
    }
    if (row->min_charge_e8 != TS_PRICE_NO_BOUND &&
        exact->whole_e8 < (unsigned __int128)row->min_charge_e8) {
        *exact = (struct ts_money_exact){.whole_e8 = (unsigned __int128)row->min_charge_e8};
    }
}

void ts_price_call(const struct ts_price_table *table,
                   const struct ts_zone *zone,
                   int64_t answer_ms,
                   int64_t quantity,
                   const struct ts_price_trace *trace,
                   struct ts_price *out)
{
    TS_ASSERT(quantity >= 0 && table->row_count > 0);
    TS_ASSERT(table->divisor_count <= TS_FRACTION_TERMS_MAX);
    struct position at;
    position_init(&at, table, zone, answer_ms);
    int64_t until = 0;
    const struct ts_price_row *row = row_in_force(&at, 0, &until);
    *out = (struct ts_price){.row = row};
    if (quantity <= row->grace) {
        return;
    }
    struct basket basket;
    basket.billed = 0;
    basket.trace = trace;
    for (size_t i = 0; i < table->divisor_count; i++) {
        basket.sums[i] = 0;
    }
    buy_all(&basket, &at, row, quantity);
    out->billed = basket.billed;
    out->exact = total(&basket, table->divisor_count);
    out->exact.whole_e8 += (unsigned __int128)row->connect_fee_e8;
    apply_bounds(row, &out->exact);
}
