/* SPDX-License-Identifier: Apache-2.0 */
#include "core/timestamp.h"

#include "base/assert.h"

#include <stdio.h>

/* Days are counted from 1 March of year 0, so that the leap day is the last of its year; 400 years
 * are an era of 146,097 days. */
enum { DAYS_OF_ERA = 146097, DAYS_TO_1970 = 719468, MS_OF_DAY = 86400000 };

int64_t ts_days_of_civil(struct ts_civil date)
{
    int64_t year = date.month <= 2 ? (int64_t)date.year - 1 : date.year;
    int64_t era = ts_floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month = date.month > 2 ? date.month - 3 : date.month + 9; /* March is 0 */
    int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970;
}

struct ts_civil ts_civil_of_days(int64_t days)
{
    int64_t since_march = days + DAYS_TO_1970;
    int64_t era = ts_floor_div(since_march, DAYS_OF_ERA);
    int64_t day_of_era = since_march - era * DAYS_OF_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* March is 0 */
    int64_t year = era * 400 + year_of_era + (month >= 10 ? 1 : 0);
    return (struct ts_civil){
        .year = (int32_t)year,
        .month = (int32_t)(month < 10 ? month + 3 : month - 9),
        .day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1),
    };
}

int32_t ts_days_in_month(int32_t year, int32_t month)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    TS_ASSERT(month >= 1 && month <= 12);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

struct cursor {
    struct ts_bytes text;
    size_t at;
};

static bool take_char(struct cursor *cursor, char c)
{
    if (cursor->at < cursor->text.size && cursor->text.data[cursor->at] == c) {
        cursor->at++;
        return true;
    }
    return false;
}

/* Exactly `width` digits, from min to max. */
static bool take_number(struct cursor *cursor, size_t width, int32_t min, int32_t max, int32_t *out)
{
    if (cursor->text.size - cursor->at < width) {
        return false;
    }
    int32_t value = 0;
    for (size_t i = 0; i < width; i++) {
        char c = cursor->text.data[cursor->at + i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    if (value < min || value > max) {
        return false;
    }
    cursor->at += width;
    *out = value;
    return true;
}

/* Nothing, or a point and digits; what is below the millisecond is cut off. */
static bool take_fraction_ms(struct cursor *cursor, int32_t *out)
{
    int32_t ms = 0;
    int32_t weight = 100;
    size_t digits = 0;
    if (take_char(cursor, '.')) {
        int32_t digit = 0;
        while (take_number(cursor, 1, 0, 9, &digit)) {
            ms += digit * weight;
            weight /= 10;
            digits++;
        }
        if (digits == 0) {
            return false;
        }
    }
    *out = ms;
    return true;
}

static bool take_offset_minutes(struct cursor *cursor, int32_t *out)
{
    if (take_char(cursor, 'Z') || take_char(cursor, 'z')) {
        *out = 0;
        return true;
    }
    bool west = take_char(cursor, '-');
    if (!west && !take_char(cursor, '+')) {
        return false;
    }
    int32_t hours = 0;
    int32_t minutes = 0;
    if (!take_number(cursor, 2, 0, 23, &hours) || !take_char(cursor, ':') ||
        !take_number(cursor, 2, 0, 59, &minutes)) {
        return false;
    }
    *out = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

bool ts_timestamp_parse(struct ts_bytes text, int64_t *out_ms)
{
    struct cursor c = {.text = text};
    struct ts_civil date;
    int32_t hour = 0;
    int32_t minute = 0;
    int32_t second = 0;
    int32_t ms = 0;
    int32_t offset = 0;
    if (!take_number(&c, 4, 0, 9999, &date.year) || !take_char(&c, '-') ||
        !take_number(&c, 2, 1, 12, &date.month) || !take_char(&c, '-') ||
        !take_number(&c, 2, 1, ts_days_in_month(date.year, date.month), &date.day)) {
        return false;
    }
    if (!take_char(&c, 'T') && !take_char(&c, 't') && !take_char(&c, ' ')) {
        return false;
    }
    if (!take_number(&c, 2, 0, 23, &hour) || !take_char(&c, ':') ||
        !take_number(&c, 2, 0, 59, &minute) || !take_char(&c, ':') ||
        !take_number(&c, 2, 0, 60, &second) || !take_fraction_ms(&c, &ms) ||
        !take_offset_minutes(&c, &offset) || c.at != text.size) {
        return false;
    }
    int64_t seconds = (hour * 60 + minute - offset) * 60 + second;
    int64_t moment = ts_days_of_civil(date) * MS_OF_DAY + seconds * 1000 + ms;
    if (moment < TS_TIMESTAMP_MIN_MS ||
        moment > TS_TIMESTAMP_MAX_MS) { /* the offset led out of the calendar */
        return false;
    }
    *out_ms = moment;
    return true;
}

size_t ts_timestamp_format(int64_t ms, char out[TS_TIMESTAMP_TEXT_MAX])
{
    TS_ASSERT(ms >= TS_TIMESTAMP_MIN_MS && ms <= TS_TIMESTAMP_MAX_MS);
    int64_t days = ts_floor_div(ms, MS_OF_DAY);
    int32_t of_day = (int32_t)(ms - days * MS_OF_DAY);
    struct ts_civil date = ts_civil_of_days(days);
    char fraction[8] = "";
    if (of_day % 1000 != 0) {
        snprintf(fraction, sizeof fraction, ".%03u", (unsigned)(of_day % 1000) % 1000U);
    }
    int n = snprintf(out,
                     TS_TIMESTAMP_TEXT_MAX,
                     "%04u-%02u-%02uT%02u:%02u:%02u%sZ",
                     (unsigned)date.year % 10000U,
                     (unsigned)date.month % 100U,
                     (unsigned)date.day % 100U,
                     (unsigned)(of_day / 3600000) % 24U,
                     (unsigned)(of_day / 60000) % 60U,
                     (unsigned)(of_day / 1000) % 60U,
                     fraction);
    return (size_t)n;
}
