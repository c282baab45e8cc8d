/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deck_row.h"

#include "core/cdr.h"
#include "core/money.h"
#include "core/pricing.h"
#include "core/timestamp.h"

#include <assert.h>

enum { UNITS_MAX = 1000000, PREFIX_SIZE_BITS = 4, DAYS_OF_WEEK = 7 };

static_assert(TS_LICENSE_COUNT == (int)TS_DECK_LICENSE_ANY, "any license comes after the licenses");

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_any(struct ts_bytes cell)
{
    return cell.size == 1 && cell.data[0] == '*';
}

static bool parse_prefix(struct ts_bytes cell, struct ts_deck_row *row)
{
    uint64_t digits = 0;
    if (is_any(cell)) {
        row->prefix = TS_DECK_PREFIX_ANY;
        return true;
    }
    if (cell.size > TS_DECK_PREFIX_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < TS_DECK_PREFIX_DIGITS_MAX; i++) {
        if (i < cell.size && !is_digit(cell.data[i])) {
            return false;
        }
        digits = digits * 10 + (i < cell.size ? (uint64_t)(cell.data[i] - '0') : 0);
    }
    row->prefix = digits << PREFIX_SIZE_BITS | cell.size;
    return true;
}

size_t ts_deck_prefix_text(uint64_t prefix, char out[TS_DECK_PREFIX_DIGITS_MAX + 1])
{
    size_t size = prefix & ((1U << PREFIX_SIZE_BITS) - 1);
    uint64_t digits = prefix >> PREFIX_SIZE_BITS;
    if (size == 0) {
        memcpy(out, "*", 2);
        return 1;
    }
    for (size_t i = TS_DECK_PREFIX_DIGITS_MAX; i > 0; i--, digits /= 10) {
        out[i - 1] = (char)('0' + digits % 10);
    }
    out[size] = '\0';
    return size;
}

static bool parse_rate(struct ts_bytes cell, struct ts_deck_row *row)
{
    row->blocked = ts_bytes_equal_text(cell, "blocked");
    return row->blocked || ts_money_parse_e8(cell, &row->rate_e8);
}

static bool parse_category(struct ts_bytes cell, struct ts_deck_row *row)
{
    for (int i = 0; i < TS_CATEGORY_COUNT; i++) {
        if (ts_bytes_equal_text(cell, ts_category_name((enum ts_category)i))) {
            row->category = (uint8_t)i;
            return true;
        }
    }
    return is_any(cell);
}

static bool parse_license(struct ts_bytes cell, struct ts_deck_row *row)
{
    static const char *const names[TS_LICENSE_COUNT] = {
        [TS_LICENSE_TALK] = "talk",
        [TS_LICENSE_CONTACT_CENTER] = "contact_center",
        [TS_LICENSE_SELL] = "sell",
    };
    for (int i = 0; i < TS_LICENSE_COUNT; i++) {
        if (ts_bytes_equal_text(cell, names[i])) {
            row->license = (uint8_t)i;
            return true;
        }
    }
    return is_any(cell);
}

static int capital_of(char c)
{
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 'A';
    }
    return c >= 'A' && c <= 'Z' ? c : 0;
}

uint16_t ts_deck_origin_key(const char *country, size_t size)
{
    int first = size == 2 ? capital_of(country[0]) : 0;
    int second = size == 2 ? capital_of(country[1]) : 0;
    return (uint16_t)(first == 0 || second == 0 ? TS_DECK_ORIGIN_ANY : first << 8 | second);
}

static bool parse_origin(struct ts_bytes cell, struct ts_deck_row *row)
{
    row->origin = ts_deck_origin_key(cell.data, cell.size);
    return row->origin != TS_DECK_ORIGIN_ANY || is_any(cell);
}

static bool parse_unit(struct ts_bytes cell, struct ts_deck_row *row)
{
    bool page = ts_bytes_equal_text(cell, "page");
    row->unit = page ? TS_UNIT_PAGE : TS_UNIT_SECOND;
    return page || ts_bytes_equal_text(cell, "second");
}

static bool parse_count(struct ts_bytes cell, uint32_t min, uint32_t *out)
{
    uint32_t value = 0;
    for (size_t i = 0; i < cell.size; i++) {
        if (!is_digit(cell.data[i]) || value > UNITS_MAX) {
            return false;
        }
        value = value * 10 + (uint32_t)(cell.data[i] - '0');
    }
    *out = value;
    return value >= min && value <= UNITS_MAX;
}

static bool parse_rate_unit(struct ts_bytes cell, struct ts_deck_row *row)
{
    return parse_count(cell, 1, &row->rate_unit);
}

static bool parse_interval_1(struct ts_bytes cell, struct ts_deck_row *row)
{
    return parse_count(cell, 1, &row->interval_1);
}

static bool parse_interval_n(struct ts_bytes cell, struct ts_deck_row *row)
{
    return parse_count(cell, 1, &row->interval_n);
}

static bool parse_connect_fee(struct ts_bytes cell, struct ts_deck_row *row)
{
    return ts_money_parse_e8(cell, &row->connect_fee_e8);
}

static bool parse_grace(struct ts_bytes cell, struct ts_deck_row *row)
{
    return parse_count(cell, 0, &row->grace);
}

static bool parse_from_unit(struct ts_bytes cell, struct ts_deck_row *row)
{
    return parse_count(cell, 0, &row->from_unit);
}

/* 0 is Monday; -1 for no day. */
static int day_of(struct ts_bytes name)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (int i = 0; i < DAYS_OF_WEEK; i++) {
        if (ts_bytes_equal_text(name, names[i])) {
            return i;
        }
    }
    return -1;
}

/* "mon", or "fri-mon", which wraps. */
static bool parse_day_range(struct ts_bytes text, uint8_t *days)
{
    const char *dash = text.size == 0 ? NULL : memchr(text.data, '-', text.size);
    size_t head = dash == NULL ? text.size : (size_t)(dash - text.data);
    int first = day_of((struct ts_bytes){text.data, head});
    int last = first;
    if (dash != NULL) {
        last = day_of((struct ts_bytes){dash + 1, text.size - head - 1});
    }
    if (first < 0 || last < 0) {
        return false;
    }
    for (int day = first;; day = (day + 1) % DAYS_OF_WEEK) {
        *days = (uint8_t)(*days | 1 << day);
        if (day == last) {
            return true;
        }
    }
}

static bool parse_days(struct ts_bytes cell, struct ts_deck_row *row)
{
    if (is_any(cell)) {
        row->days = TS_DECK_DAYS_ALL;
        return true;
    }
    row->days = 0;
    for (;;) {
        const char *comma = cell.size == 0 ? NULL : memchr(cell.data, ',', cell.size);
        size_t size = comma == NULL ? cell.size : (size_t)(comma - cell.data);
        if (!parse_day_range((struct ts_bytes){cell.data, size}, &row->days)) {
            return false;
        }
        if (comma == NULL) {
            return true;
        }
        cell = (struct ts_bytes){comma + 1, cell.size - size - 1};
    }
}

static bool parse_minute(struct ts_bytes cell, int max, uint16_t *out)
{
    const char *c = cell.data;
    if (cell.size != 5 || !is_digit(c[0]) || !is_digit(c[1]) || c[2] != ':' || !is_digit(c[3]) ||
        !is_digit(c[4])) {
        return false;
    }
    int hour = (c[0] - '0') * 10 + (c[1] - '0');
    int minute = (c[3] - '0') * 10 + (c[4] - '0');
    *out = (uint16_t)(hour * 60 + minute);
    return minute < 60 && *out <= max;
}

static bool parse_from_time(struct ts_bytes cell, struct ts_deck_row *row)
{
    return parse_minute(cell, TS_DECK_DAY_MINUTES - 1, &row->from_minute);
}

static bool parse_to_time(struct ts_bytes cell, struct ts_deck_row *row)
{
    return parse_minute(cell, TS_DECK_DAY_MINUTES, &row->to_minute);
}

static bool parse_effective_from(struct ts_bytes cell, struct ts_deck_row *row)
{
    return ts_timestamp_parse(cell, &row->effective_from_ms);
}

static bool parse_effective_to(struct ts_bytes cell, struct ts_deck_row *row)
{
    return ts_timestamp_parse(cell, &row->effective_to_ms);
}

static bool parse_min_charge(struct ts_bytes cell, struct ts_deck_row *row)
{
    return ts_money_parse_e8(cell, &row->min_charge_e8);
}

static bool parse_max_charge(struct ts_bytes cell, struct ts_deck_row *row)
{
    return ts_money_parse_e8(cell, &row->max_charge_e8);
}

static const char an_amount[] =
    "a plain decimal: no sign, at most 9 digits before and 8 after the point";
static const char from_one[] = "a whole number from 1 to 1000000";
static const char from_zero[] = "a whole number from 0 to 1000000";
static const char a_moment[] = "an RFC 3339 time with its offset, as 2026-11-01T00:00:00Z";

static const struct ts_deck_column columns[] = {
    {"prefix", true, true, parse_prefix, "destination digits without + (at most 15), or *"},
    {"rate", true, false, parse_rate, "a plain decimal (at most 9 digits, point, 8), or blocked"},
    {"category", false, true, parse_category, "a category, or *"},
    {"license", false, true, parse_license, "talk, contact_center, sell or *"},
    {"origin", false, true, parse_origin, "an ISO country of two letters, or *"},
    {"description", false, false, NULL, "text of at most 256 bytes"},
    {"unit", false, false, parse_unit, "second or page"},
    {"rate_unit", false, false, parse_rate_unit, from_one},
    {"interval_1", false, false, parse_interval_1, from_one},
    {"interval_n", false, false, parse_interval_n, from_one},
    {"connect_fee", false, false, parse_connect_fee, an_amount},
    {"grace", false, false, parse_grace, from_zero},
    {"from_unit", false, false, parse_from_unit, from_zero},
    {"days", false, false, parse_days, "days as mon-fri,sun, or *"},
    {"from_time", false, false, parse_from_time, "a time from 00:00 to 23:59"},
    {"to_time", false, false, parse_to_time, "a time from 00:00 to 24:00"},
    {"effective_from", false, true, parse_effective_from, a_moment},
    {"effective_to", false, false, parse_effective_to, a_moment},
    {"min_charge", false, false, parse_min_charge, an_amount},
    {"max_charge", false, false, parse_max_charge, an_amount},
};

size_t ts_deck_column_count(void)
{
    return sizeof columns / sizeof columns[0];
}

const struct ts_deck_column *ts_deck_column(size_t i)
{
    return &columns[i];
}

void ts_deck_row_init(struct ts_deck_row *row, uint32_t line)
{
    *row = (struct ts_deck_row){
        .prefix = TS_DECK_PREFIX_ANY,
        .min_charge_e8 = TS_PRICE_NO_BOUND,
        .max_charge_e8 = TS_PRICE_NO_BOUND,
        .effective_from_ms = INT64_MIN,
        .effective_to_ms = INT64_MAX,
        .line = line,
        .origin = TS_DECK_ORIGIN_ANY,
        .to_minute = TS_DECK_DAY_MINUTES,
        .category = TS_DECK_CATEGORY_ANY,
        .license = TS_DECK_LICENSE_ANY,
        .unit = TS_UNIT_SECOND,
        .days = TS_DECK_DAYS_ALL,
    };
}

void ts_deck_row_finish(struct ts_deck_row *row)
{
    uint32_t units = row->unit == TS_UNIT_PAGE ? 1 : 60;
    row->rate_unit = row->rate_unit != 0 ? row->rate_unit : units;
    row->interval_1 = row->interval_1 != 0 ? row->interval_1 : units;
    row->interval_n = row->interval_n != 0 ? row->interval_n : units;
}
