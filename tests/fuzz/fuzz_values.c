/* SPDX-License-Identifier: Apache-2.0 */
/* Amounts, moments, quotes and numbers in bytes: what is read and written comes back the same, and
 * arithmetic agrees with a simpler one. */
#include "tests/fuzz/fuzz.h"

#include "base/utf8.h"
#include "base/varint.h"
#include "core/fraction.h"
#include "core/money.h"
#include "core/rating.h"
#include "core/timestamp.h"

#include <string.h>

static void check_amounts(struct ts_bytes text)
{
    int64_t value = 0;
    int64_t again = 0;
    char out[TS_MONEY_TEXT_MAX];
    if (ts_money_parse_e8(text, &value)) {
        TS_ASSERT(value >= 0 && value < INT64_C(100000000000000000));
        size_t size = ts_money_format_e8(value, out);
        TS_ASSERT(ts_money_parse_e8((struct ts_bytes){out, size}, &again) && again == value);
    }
    if (ts_money_parse_micros(text, &value)) {
        TS_ASSERT(value >= -TS_AMOUNT_MAX && value <= TS_AMOUNT_MAX);
        size_t size = ts_money_format_micros(value, out);
        TS_ASSERT(ts_money_parse_micros((struct ts_bytes){out, size}, &again) && again == value);
    }
}

/* What is shown to people is at most half a step away. */
static void check_shown(int64_t micros, int decimals)
{
    char out[TS_MONEY_TEXT_MAX];
    int64_t shown = 0;
    int64_t step = 1;
    for (int i = decimals; i < TS_MONEY_DECIMALS_MAX; i++) {
        step *= 10;
    }
    size_t size = ts_money_format_decimals(micros, decimals, out);
    TS_ASSERT(size == strlen(out) && size < sizeof out);
    if (micros > -TS_AMOUNT_MAX + step && micros < TS_AMOUNT_MAX - step) {
        TS_ASSERT(ts_money_parse_micros((struct ts_bytes){out, size}, &shown));
        int64_t off = shown > micros ? shown - micros : micros - shown;
        TS_ASSERT(2 * off <= step);
    }
}

static void check_share(struct fuzz_input *input)
{
    uint64_t micros = (uint64_t)fuzz_take_i64(input) % (TS_AMOUNT_MAX + 1);
    uint64_t denominator = ((uint64_t)fuzz_take_i64(input) >> 1 | 1);
    uint64_t numerator = (uint64_t)fuzz_take_i64(input) % (denominator + 1);
    int64_t shares[TS_ROUNDING_COUNT];
    for (int i = 0; i < TS_ROUNDING_COUNT; i++) {
        shares[i] = ts_money_share((int64_t)micros,
                                   (int64_t)numerator,
                                   (int64_t)denominator,
                                   (enum ts_rounding)i,
                                   TS_MONEY_DECIMALS_MAX);
        TS_ASSERT(shares[i] >= 0 && shares[i] <= (int64_t)micros);
    }
    unsigned __int128 product = (unsigned __int128)micros * numerator;
    int64_t floor = (int64_t)(product / denominator);
    bool whole = product % denominator == 0;
    TS_ASSERT(shares[TS_ROUNDING_DOWN] == floor);
    TS_ASSERT(shares[TS_ROUNDING_UP] == floor + (whole ? 0 : 1));
    TS_ASSERT(shares[TS_ROUNDING_HALF_UP] == floor ||
              shares[TS_ROUNDING_HALF_UP] == shares[TS_ROUNDING_UP]);
    TS_ASSERT(shares[TS_ROUNDING_HALF_UP] - shares[TS_ROUNDING_HALF_EVEN] <= 1);
}

/* Up to three fractions, against their common denominator. */
static void check_fractions(struct fuzz_input *input)
{
    struct ts_fraction_term terms[3];
    unsigned __int128 numerator = 0;
    unsigned __int128 denominator = 1;
    for (size_t i = 0; i < 3; i++) {
        uint64_t bits = (uint64_t)fuzz_take_i64(input);
        uint32_t divisor = (uint32_t)(bits % TS_FRACTION_DIVISOR_MAX) + 1;
        uint32_t rest = (uint32_t)((bits >> 32) % divisor);
        terms[i] = (struct ts_fraction_term){.rest = rest, .divisor = divisor};
        numerator = numerator * divisor + (unsigned __int128)rest * denominator;
        denominator *= divisor;
    }
    struct ts_fraction_sum sum = ts_fraction_add(terms, 3);
    TS_ASSERT(sum.whole == (uint64_t)(numerator / denominator));
    TS_ASSERT(sum.more == (numerator % denominator != 0));
}

static void check_moments(struct ts_bytes text)
{
    int64_t ms = 0;
    int64_t again = 0;
    char out[TS_TIMESTAMP_TEXT_MAX];
    if (ts_timestamp_parse(text, &ms)) {
        size_t size = ts_timestamp_format(ms, out);
        TS_ASSERT(ts_timestamp_parse((struct ts_bytes){out, size}, &again) && again == ms);
    }
}

static void check_days(int64_t days)
{
    days %= 3652425; /* ten thousand years either way */
    struct ts_civil date = ts_civil_of_days(days);
    TS_ASSERT(date.month >= 1 && date.month <= 12 && date.day >= 1);
    TS_ASSERT(date.day <= ts_days_in_month(date.year, date.month));
    TS_ASSERT(ts_days_of_civil(date) == days);
    int32_t weekday = ts_weekday_of_days(days);
    TS_ASSERT(weekday >= 0 && weekday < 7);
    TS_ASSERT(ts_weekday_of_days(days + 1) == (weekday + 1) % 7);
}

static void check_varint(struct ts_bytes bytes)
{
    int64_t value = 0;
    int64_t again = 0;
    char out[TS_VARINT_MAX];
    const char *next = ts_varint_get(bytes.data, bytes.data + bytes.size, &value);
    if (next != NULL) {
        size_t size = ts_varint_put(out, value);
        TS_ASSERT(size <= (size_t)(next - bytes.data));
        TS_ASSERT(ts_varint_get(out, out + size, &again) == out + size && again == value);
        TS_ASSERT(size == 1 || ts_varint_get(out, out + size - 1, &again) == NULL);
    }
}

static void check_quotes(struct ts_bytes bytes)
{
    char out[100];
    for (size_t size = 16; size <= sizeof out; size += 7) {
        TS_ASSERT(ts_utf8_quote(bytes, out, size) == out);
        TS_ASSERT(strlen(out) < size);
        fuzz_expect_text(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.at = data, .left = size};
    struct ts_bytes bytes = fuzz_bytes(data, size);
    char out[TS_MONEY_TEXT_MAX];
    check_amounts(bytes);
    check_moments(bytes);
    check_quotes(bytes);
    check_varint(bytes);
    int64_t number = fuzz_take_i64(&input);
    TS_ASSERT(ts_money_format_micros(number, out) < sizeof out);
    TS_ASSERT(ts_money_format_e8(number, out) < sizeof out);
    for (int decimals = 0; decimals <= TS_MONEY_DECIMALS_MAX; decimals++) {
        check_shown(number, decimals);
        check_shown(number % 100000000, decimals);
    }
    check_days(number);
    check_share(&input);
    check_fractions(&input);
    return 0;
}
