/* SPDX-License-Identifier: Apache-2.0 */
#include "core/money.h"

#include "base/assert.h"
#include "core/rating.h"

#include <stdio.h>

static const char *const rounding_names[TS_ROUNDING_COUNT] = {
#define X(symbol, name) [TS_ROUNDING_##symbol] = (name),
    TS_ROUNDINGS(X)
#undef X
};

static const int64_t powers_of_ten[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

const char *ts_rounding_name(enum ts_rounding rounding)
{
    return rounding >= 0 && rounding < TS_ROUNDING_COUNT ? rounding_names[rounding] : "unknown";
}

bool ts_rounding_of(struct ts_bytes name, enum ts_rounding *out)
{
    for (int i = 0; i < TS_ROUNDING_COUNT; i++) {
        if (ts_bytes_equal_text(name, rounding_names[i])) {
            *out = (enum ts_rounding)i;
            return true;
        }
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits, perhaps with a point and digits after it, as a whole number of 10^-decimals. */
static bool parse_decimal(struct ts_bytes text, size_t whole_max, int decimals, int64_t *out)
{
    int64_t value = 0;
    size_t at = 0;
    while (at < text.size && is_digit(text.data[at])) {
        if (at == whole_max) {
            return false;
        }
        value = value * 10 + (text.data[at++] - '0');
    }
    if (at == 0) {
        return false;
    }
    int left = decimals;
    if (at < text.size) {
        if (text.data[at++] != '.' || at == text.size) {
            return false;
        }
        for (; at < text.size; at++, left--) {
            if (!is_digit(text.data[at]) || left == 0) {
                return false;
            }
            value = value * 10 + (text.data[at] - '0');
        }
    }
    *out = value * powers_of_ten[left];
    return true;
}

bool ts_money_parse_e8(struct ts_bytes text, int64_t *out_e8)
{
    return parse_decimal(text, 9, 8, out_e8);
}

bool ts_money_parse_micros(struct ts_bytes text, int64_t *out_micros)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    if (negative) {
        text.data++;
        text.size--;
    }
    int64_t micros = 0; /* twelve digits and six decimals fit with room to spare */
    if (!parse_decimal(text, 12, 6, &micros) || micros > TS_AMOUNT_MAX) {
        return false;
    }
    *out_micros = negative ? -micros : micros;
    return true;
}

size_t ts_money_format_micros(int64_t micros, char out[TS_MONEY_TEXT_MAX])
{
    uint64_t size = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    int n = snprintf(out,
                     TS_MONEY_TEXT_MAX,
                     "%s%llu.%06llu",
                     micros < 0 ? "-" : "",
                     (unsigned long long)(size / 1000000),
                     (unsigned long long)(size % 1000000));
    return (size_t)n;
}

size_t ts_money_format_e8(int64_t e8, char out[TS_MONEY_TEXT_MAX])
{
    uint64_t size = e8 < 0 ? 0 - (uint64_t)e8 : (uint64_t)e8;
    int n = snprintf(out,
                     TS_MONEY_TEXT_MAX,
                     "%s%llu.%08llu",
                     e8 < 0 ? "-" : "",
                     (unsigned long long)(size / 100000000),
                     (unsigned long long)(size % 100000000));
    size_t length = (size_t)n;
    while (out[length - 1] == '0') {
        length--;
    }
    if (out[length - 1] == '.') {
        length--;
    }
    out[length] = '\0';
    return length;
}

size_t ts_money_format_decimals(int64_t micros, int decimals, char out[TS_MONEY_TEXT_MAX])
{
    TS_ASSERT(decimals >= 0 && decimals <= TS_MONEY_DECIMALS_MAX);
    uint64_t size = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    uint64_t step = (uint64_t)powers_of_ten[TS_MONEY_DECIMALS_MAX - decimals];
    uint64_t units = size / step + (size % step >= step - step / 2 && step > 1 ? 1 : 0);
    uint64_t one = (uint64_t)powers_of_ten[decimals];
    const char *sign = micros < 0 && units > 0 ? "-" : "";
    int n = decimals == 0
                ? snprintf(out, TS_MONEY_TEXT_MAX, "%s%llu", sign, (unsigned long long)units)
                : snprintf(out,
                           TS_MONEY_TEXT_MAX,
                           "%s%llu.%0*llu",
                           sign,
                           (unsigned long long)(units / one),
                           decimals,
                           (unsigned long long)(units % one));
    return (size_t)n;
}

/* Whether rounding goes up from `steps` whole steps, when `rest` of `step` and perhaps more is
 * left. */
static bool rounds_up(enum ts_rounding rounding, bool odd, int64_t rest, bool more, int64_t step)
{
    int64_t half = step / 2; /* step is even: a power of ten from 100 */
    switch (rounding) {
    case TS_ROUNDING_HALF_UP:
        return rest >= half;
    case TS_ROUNDING_UP:
        return rest > 0 || more;
    case TS_ROUNDING_DOWN:
        return false;
    case TS_ROUNDING_HALF_EVEN:
        return rest > half || (rest == half && (more || odd));
    case TS_ROUNDING_COUNT:
        break;
    }
    TS_ASSERT(false && "a rounding mode");
    return false;
}

bool ts_money_round(struct ts_money_exact exact,
                    enum ts_rounding rounding,
                    int decimals,
                    int64_t *out_micros)
{
    TS_ASSERT(decimals >= 0 && decimals <= TS_MONEY_DECIMALS_MAX);
    if (exact.whole_e8 > (unsigned __int128)TS_AMOUNT_MAX * 100) {
        return false;
    }
    int64_t step = powers_of_ten[8 - decimals];
    int64_t whole = (int64_t)exact.whole_e8; /* at most 9e17 */
    int64_t steps = whole / step;
    if (rounds_up(rounding, steps % 2 != 0, whole % step, exact.more, step)) {
        steps++;
    }
    int64_t micros = steps * powers_of_ten[TS_MONEY_DECIMALS_MAX - decimals];
    if (micros > TS_AMOUNT_MAX) {
        return false;
    }
    *out_micros = micros;
    return true;
}

int64_t ts_money_share(
    int64_t micros, int64_t numerator, int64_t denominator, enum ts_rounding rounding, int decimals)
{
    TS_ASSERT(micros >= 0 && micros <= TS_AMOUNT_MAX);
    TS_ASSERT(numerator >= 0 && denominator > 0 && numerator <= denominator);
    /* Below 9e17 x 2^63 < 2^127. */
    unsigned __int128 product = (unsigned __int128)micros * 100 * (unsigned __int128)numerator;
    unsigned __int128 divisor = (unsigned __int128)denominator;
    struct ts_money_exact exact = {.whole_e8 = product / divisor, .more = product % divisor != 0};
    int64_t share = 0;
    TS_ASSERT(ts_money_round(exact, rounding, decimals, &share));
    return share;
}
