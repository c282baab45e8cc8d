/* SPDX-License-Identifier: Apache-2.0 */
/* Long division in base 2^64, all terms in step. After a digit is taken from each, what is left of
 * the sum is less than `count` units of that digit; so the whole part is known unless the digits so
 * far lie that close below a whole number. Then the question "is the rest at least the gap?" is of
 * the same kind, one digit further down. Two different sums cannot agree for ever: sums whose
 * denominators are below 2^20 and that differ, differ by at least 2^(-20 x count), which bounds the
 * number of digits. */
#include "core/fraction.h"

#include "base/assert.h"

#include <assert.h>

enum { DIVISOR_BITS = 20, DIGIT_BITS = 64 };

static_assert(TS_FRACTION_DIVISOR_MAX < 1 << DIVISOR_BITS, "divisors have at most 20 bits");

/* The next digit of each term, added up; the terms keep their remainders. */
static unsigned __int128 take_digit(struct ts_fraction_term *terms, size_t count, bool *exact)
{
    unsigned __int128 sum = 0;
    *exact = true;
    for (size_t i = 0; i < count; i++) {
        unsigned __int128 shifted = (unsigned __int128)terms[i].rest << DIGIT_BITS;
        sum += (uint64_t)(shifted / terms[i].divisor);
        terms[i].rest = (uint32_t)(shifted % terms[i].divisor);
        *exact = *exact && terms[i].rest == 0;
    }
    return sum;
}

static struct ts_fraction_sum add(struct ts_fraction_term *terms, size_t count, size_t digits_left)
{
    bool exact = false;
    unsigned __int128 sum = take_digit(terms, count, &exact);
    uint64_t whole = (uint64_t)(sum >> DIGIT_BITS);
    uint64_t digit = (uint64_t)sum;
    if (digit == 0 || digit <= UINT64_MAX - count) {
        return (struct ts_fraction_sum){.whole = whole, .more = digit != 0 || !exact};
    }
    if (digits_left == 0) { /* closer than two different sums can be */
        return (struct ts_fraction_sum){.whole = whole + 1, .more = false};
    }
    uint64_t gap = 0 - digit;
    struct ts_fraction_sum rest = add(terms, count, digits_left - 1);
    return (struct ts_fraction_sum){
        .whole = rest.whole >= gap ? whole + 1 : whole,
        .more = rest.whole != gap || rest.more,
    };
}

struct ts_fraction_sum ts_fraction_add(struct ts_fraction_term *terms, size_t count)
{
    TS_ASSERT(count <= TS_FRACTION_TERMS_MAX);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        TS_ASSERT(terms[i].rest < terms[i].divisor);
        if (terms[i].rest > 0) {
            terms[kept++] = terms[i];
        }
    }
    if (kept <= 1) {
        return (struct ts_fraction_sum){.whole = 0, .more = kept == 1};
    }
    return add(terms, kept, DIVISOR_BITS * kept / DIGIT_BITS + 1);
}
