/* SPDX-License-Identifier: Apache-2.0 */
/* What changed from one rate deck to another, row by row. Two rows are the same row when they price
 * the same calls at the same time: same prefix, category, license, origin, effective_from, tier and
 * window. Rates are compared for the same number of units, whatever their rate_unit. */
#ifndef TS_CORE_DECK_DIFF_H
#define TS_CORE_DECK_DIFF_H

#include "core/deck.h"
#include "core/deck_cell.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(symbol, "name"). CHANGED: the rate is the same, or cannot be compared (blocked, or by another
 * unit), and something else differs. */
#define TS_DECK_CHANGES(X)                                                                         \
    X(ADDED, "added")                                                                              \
    X(REMOVED, "removed")                                                                          \
    X(UP, "up")                                                                                    \
    X(DOWN, "down")                                                                                \
    X(CHANGED, "changed")                                                                          \
    X(SAME, "same")

enum ts_deck_change {
#define X(symbol, name) TS_DECK_CHANGE_##symbol,
    TS_DECK_CHANGES(X)
#undef X
        TS_DECK_CHANGE_COUNT
};

const char *ts_deck_change_name(enum ts_deck_change change);

struct ts_deck_difference {
    enum ts_deck_change change;
    const struct ts_deck_row *before; /* NULL: added */
    const struct ts_deck_row *after;  /* NULL: removed */
    uint32_t line_before;             /* 0: added */
    uint32_t line_after;              /* 0: removed */
    int64_t rise_e8;    /* UP and DOWN: of the rate, for as many units as the new row's rate buys;
                           rounded half away from 0 where the old row's rate bought others */
    bool has_percent;   /* not from a rate of 0 */
    int64_t percent_e2; /* rise in 1/100 of a percent of the old rate, rounded half away from 0 */
};

/* Of one kind of change. */
struct ts_deck_diff_sum {
    int64_t count;
    int64_t mean_e8;         /* UP and DOWN: of the rises, rounded half away from 0 */
    int64_t mean_percent_e2; /* of those with a percentage */
    int64_t percent_count;
    struct ts_deck_difference largest; /* rise, either way; the first of equal ones */
};

struct ts_deck_diff {
    struct ts_deck_diff_sum sums[TS_DECK_CHANGE_COUNT];
};

/* `tell` (may be NULL) is called for each row that is not the same, by prefix. The sheets were
 * compiled without a fault, and outlive what is told. */
void ts_deck_diff(const struct ts_deck_sheet *before,
                  const struct ts_deck_sheet *after,
                  void (*tell)(void *self, const struct ts_deck_difference *difference),
                  void *self,
                  struct ts_deck_diff *out);

/* The columns of a deck in their order, and whether one tells rows apart, so that it cannot differ.
 */
size_t ts_deck_diff_column_count(void);
const char *ts_deck_diff_column(size_t column);
bool ts_deck_diff_is_key(size_t column);

#endif
