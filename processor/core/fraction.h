/* SPDX-License-Identifier: Apache-2.0 */
/* The exact sum of fractions with different small denominators, as far as rounding needs it: its
 * whole part, and whether anything is left. No common denominator is ever built (twenty tiers with
 * twenty rate units would need hundreds of bits), nothing is allocated. */
#ifndef TS_CORE_FRACTION_H
#define TS_CORE_FRACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_FRACTION_DIVISOR_MAX = 1000000, TS_FRACTION_TERMS_MAX = 256 };

struct ts_fraction_term {
    uint32_t rest;    /* < divisor */
    uint32_t divisor; /* 1 to TS_FRACTION_DIVISOR_MAX */
};

struct ts_fraction_sum {
    uint64_t whole;
    bool more; /* something beyond the whole part is left */
};

/* Of 0 to TS_FRACTION_TERMS_MAX terms, which it overwrites. */
struct ts_fraction_sum ts_fraction_add(struct ts_fraction_term *terms, size_t count);

#endif
