/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as text (RFC 3339) and as milliseconds since the epoch, and the proleptic Gregorian
 * calendar behind them. No time zones here (core/zone.h) and no clock anywhere in the core. */
#ifndef TS_CORE_TIMESTAMP_H
#define TS_CORE_TIMESTAMP_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_TIMESTAMP_TEXT_MAX = 32 };

/* The moments that have a text: years 0 to 9999 of UTC. */
#define TS_TIMESTAMP_MIN_MS INT64_C(-62167219200000)
#define TS_TIMESTAMP_MAX_MS INT64_C(253402300799999)

/* RFC 3339 date-time with its offset ("2026-11-01T09:30:00.250+01:00", "2026-11-01t08:30:00z").
 * Digits below the millisecond are cut off; a leap second is the first of the next minute. False
 * (out unchanged) for anything else, and for a moment that its offset takes beyond those that have
 * a text, so that what was read can be written. */
bool ts_timestamp_parse(struct ts_bytes text, int64_t *out_ms);

/* "2026-11-01T08:30:00Z", with ".250" when there are milliseconds. `ms` must have a text. Returns
 * the length without the NUL. */
size_t ts_timestamp_format(int64_t ms, char out[TS_TIMESTAMP_TEXT_MAX]);

struct ts_civil {
    int32_t year;
    int32_t month; /* 1 to 12 */
    int32_t day;   /* 1 to 31 */
};

/* Days since 1970-01-01. The date must exist. */
int64_t ts_days_of_civil(struct ts_civil date);
struct ts_civil ts_civil_of_days(int64_t days);
int32_t ts_days_in_month(int32_t year, int32_t month);

/* 0 is Monday. */
static inline int32_t ts_weekday_of_days(int64_t days)
{
    int64_t weekday = (days + 3) % 7;
    return (int32_t)(weekday < 0 ? weekday + 7 : weekday);
}

/* Rounds towards minus infinity; divisor > 0. */
static inline int64_t ts_floor_div(int64_t value, int64_t divisor)
{
    int64_t quotient = value / divisor;
    return quotient - (value % divisor < 0 ? 1 : 0);
}

#endif
