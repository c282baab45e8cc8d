/* SPDX-License-Identifier: Apache-2.0 */
/* Exact decimal amounts as text and as integers. Two scales: prices have 8 decimals (`_e8`, as in a
 * rate deck), what is stored and charged has 6 (micro-units). No double ever touches money. */
#ifndef TS_CORE_MONEY_H
#define TS_CORE_MONEY_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(symbol, "name"): how a charge is brought to its rate plan's decimals. Charges are never
 * negative, so `up` is away from zero and `down` is towards it. */
#define TS_ROUNDINGS(X)                                                                            \
    X(HALF_UP, "half_up")                                                                          \
    X(UP, "up")                                                                                    \
    X(DOWN, "down")                                                                                \
    X(HALF_EVEN, "half_even")

enum ts_rounding {
#define X(symbol, name) TS_ROUNDING_##symbol,
    TS_ROUNDINGS(X)
#undef X
        TS_ROUNDING_COUNT
};

const char *ts_rounding_name(enum ts_rounding rounding);
bool ts_rounding_of(struct ts_bytes name, enum ts_rounding *out);

enum { TS_MONEY_DECIMALS_MAX = 6, TS_MONEY_TEXT_MAX = 32 };

/* A price as a deck writes it: 1 to 9 digits, perhaps a point and 1 to 8 digits; no sign, no
 * exponent. False (out unchanged) for anything else. */
bool ts_money_parse_e8(struct ts_bytes text, int64_t *out_e8);

/* An amount: perhaps '-', digits, perhaps a point and 1 to 6 digits; at most TS_AMOUNT_MAX either
 * way. False (out unchanged) for anything else. */
bool ts_money_parse_micros(struct ts_bytes text, int64_t *out_micros);

/* Always six decimals: "0.021900", "-3.000000". Returns the length without the NUL. */
size_t ts_money_format_micros(int64_t micros, char out[TS_MONEY_TEXT_MAX]);

/* Without trailing zeros: "0.0073", "12", "0". */
size_t ts_money_format_e8(int64_t e8, char out[TS_MONEY_TEXT_MAX]);

/* For people: rounded half away from zero to `decimals` (0 to 6) of a currency. */
size_t ts_money_format_decimals(int64_t micros, int decimals, char out[TS_MONEY_TEXT_MAX]);

/* An exact amount that is not yet rounded: whole + a fraction of which only its being zero matters,
 * because every rounding step is a whole number of e8. */
struct ts_money_exact {
    unsigned __int128 whole_e8;
    bool more; /* something between whole_e8 and whole_e8 + 1, both excluded, is to be added */
};

/* Rounds once to `decimals` (0 to 6). False when the result is beyond TS_AMOUNT_MAX. */
bool ts_money_round(struct ts_money_exact exact,
                    enum ts_rounding rounding,
                    int decimals,
                    int64_t *out_micros);

/* amount x numerator / denominator, rounded once: what is left of a charge after free units.
 * All not negative, numerator <= denominator, denominator > 0. */
int64_t ts_money_share(int64_t micros,
                       int64_t numerator,
                       int64_t denominator,
                       enum ts_rounding rounding,
                       int decimals);

#endif
