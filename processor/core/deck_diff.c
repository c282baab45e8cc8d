/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deck_diff.h"

#include "base/assert.h"
#include "core/deck_compile.h"

static const char *const change_names[] = {
#define X(symbol, name) [TS_DECK_CHANGE_##symbol] = (name),
    TS_DECK_CHANGES(X)
#undef X
};

const char *ts_deck_change_name(enum ts_deck_change change)
{
    return change < TS_DECK_CHANGE_COUNT ? change_names[change] : "?";
}

size_t ts_deck_diff_column_count(void)
{
    return ts_deck_column_count();
}

const char *ts_deck_diff_column(size_t column)
{
    return ts_deck_column(column)->name;
}

bool ts_deck_diff_is_key(size_t column)
{
    static const char *const others[] = {"from_unit", "days", "from_time", "to_time"};
    bool key = ts_deck_column(column)->key;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        key = key || column == ts_deck_column_of(others[i]);
    }
    return key;
}

/* ---- one row
 * ---------------------------------------------------------------------------------- */

static __int128 divide_half_away(__int128 numerator, __int128 denominator)
{
    __int128 half = denominator / 2;
    return (numerator >= 0 ? numerator + half : numerator - half) / denominator;
}

static int64_t within_64_bits(__int128 value)
{
    return (int64_t)(value > INT64_MAX ? INT64_MAX : value < -INT64_MAX ? -INT64_MAX : value);
}

/* Rates below 1e17, units of at most 1e6: every product is below 2^127. */
static void measure(struct ts_deck_difference *difference)
{
    const struct ts_deck_row *before = difference->before;
    const struct ts_deck_row *after = difference->after;
    __int128 was = (__int128)before->rate_e8 * after->rate_unit;
    __int128 is = (__int128)after->rate_e8 * before->rate_unit;
    if (is == was) {
        return;
    }
    difference->change = is > was ? TS_DECK_CHANGE_UP : TS_DECK_CHANGE_DOWN;
    difference->rise_e8 = within_64_bits(divide_half_away(is - was, before->rate_unit));
    __int128 percent = was > 0 ? divide_half_away((is - was) * 10000, was) : INT64_MAX;
    difference->has_percent = percent < INT64_MAX;
    difference->percent_e2 = difference->has_percent ? (int64_t)percent : 0;
}

/* A sheet without any has no text. */
static struct ts_bytes description_of(const struct ts_deck_sheet *sheet,
                                      const struct ts_deck_row *row)
{
    return (struct ts_bytes){ts_buffer_bytes(&sheet->text).data + row->description,
                             row->description_size};
}

/* Whether any cell differs. */
static bool is_same(const struct ts_deck_sheet *sheet_a,
                    const struct ts_deck_row *a,
                    const struct ts_deck_sheet *sheet_b,
                    const struct ts_deck_row *b)
{
    struct ts_bytes text_a = description_of(sheet_a, a);
    struct ts_bytes text_b = description_of(sheet_b, b);
    return a->rate_e8 == b->rate_e8 && a->blocked == b->blocked && a->unit == b->unit &&
           a->rate_unit == b->rate_unit && a->interval_1 == b->interval_1 &&
           a->interval_n == b->interval_n && a->connect_fee_e8 == b->connect_fee_e8 &&
           a->grace == b->grace && a->min_charge_e8 == b->min_charge_e8 &&
           a->max_charge_e8 == b->max_charge_e8 && a->effective_to_ms == b->effective_to_ms &&
           ts_bytes_equal(text_a, text_b);
}

/* ---- the sums
 * --------------------------------------------------------------------------------- */

struct run {
    void (*tell)(void *self, const struct ts_deck_difference *difference);
    void *self;
    struct ts_deck_diff *out;
    __int128 rises[TS_DECK_CHANGE_COUNT];
    __int128 percents[TS_DECK_CHANGE_COUNT];
};

static int64_t size_of(int64_t rise)
{
    return rise < 0 ? -rise : rise;
}

static void add(struct run *run, const struct ts_deck_difference *difference)
{
    struct ts_deck_diff_sum *sum = &run->out->sums[difference->change];
    if (sum->count == 0 || size_of(difference->rise_e8) > size_of(sum->largest.rise_e8)) {
        sum->largest = *difference;
    }
    sum->count++;
    sum->percent_count += difference->has_percent ? 1 : 0;
    run->rises[difference->change] += difference->rise_e8;
    run->percents[difference->change] += difference->percent_e2;
    if (run->tell != NULL && difference->change != TS_DECK_CHANGE_SAME) {
        run->tell(run->self, difference);
    }
}

static void finish(const struct run *run)
{
    for (int i = 0; i < TS_DECK_CHANGE_COUNT; i++) {
        struct ts_deck_diff_sum *sum = &run->out->sums[i];
        if (sum->count > 0) {
            sum->mean_e8 = (int64_t)divide_half_away(run->rises[i], sum->count);
        }
        if (sum->percent_count > 0) {
            sum->mean_percent_e2 = (int64_t)divide_half_away(run->percents[i], sum->percent_count);
        }
    }
}

/* ---- two decks
 * -------------------------------------------------------------------------------- */

static const struct ts_deck_row *row_at(const struct ts_deck_sheet *sheet, size_t i)
{
    return i < sheet->row_count ? &sheet->rows[sheet->order[i]] : NULL;
}

static void compare(struct run *run,
                    const struct ts_deck_sheet *sheet_before,
                    const struct ts_deck_row *before,
                    const struct ts_deck_sheet *sheet_after,
                    const struct ts_deck_row *after)
{
    struct ts_deck_difference difference = {.before = before, .after = after};
    difference.line_before = before != NULL ? before->line : 0;
    difference.line_after = after != NULL ? after->line : 0;
    if (before == NULL || after == NULL) {
        difference.change = before == NULL ? TS_DECK_CHANGE_ADDED : TS_DECK_CHANGE_REMOVED;
    } else {
        bool same = is_same(sheet_before, before, sheet_after, after);
        difference.change = same ? TS_DECK_CHANGE_SAME : TS_DECK_CHANGE_CHANGED;
        if (!before->blocked && !after->blocked && before->unit == after->unit) {
            measure(&difference);
        }
    }
    add(run, &difference);
}

void ts_deck_diff(const struct ts_deck_sheet *before,
                  const struct ts_deck_sheet *after,
                  void (*tell)(void *self, const struct ts_deck_difference *difference),
                  void *self,
                  struct ts_deck_diff *out)
{
    struct run run = {.tell = tell, .self = self, .out = out};
    size_t a = 0;
    size_t b = 0;
    *out = (struct ts_deck_diff){0};
    TS_ASSERT(before->order != NULL && before->fault_count == 0);
    TS_ASSERT(after->order != NULL && after->fault_count == 0);
    while (a < before->row_count || b < after->row_count) {
        const struct ts_deck_row *x = row_at(before, a);
        const struct ts_deck_row *y = row_at(after, b);
        int order = x == NULL ? 1 : y == NULL ? -1 : ts_deck_row_order(x, y);
        compare(&run, before, order <= 0 ? x : NULL, after, order >= 0 ? y : NULL);
        a += order <= 0 ? 1 : 0;
        b += order >= 0 ? 1 : 0;
    }
    finish(&run);
}
