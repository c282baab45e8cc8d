/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar months of an account's time zone: which one, when it begins and ends, and what its
 * clocks on the wall show. A month with a change of the clocks is an hour longer or shorter. */
#ifndef TS_APP_USAGE_MONTH_H
#define TS_APP_USAGE_MONTH_H

#include "core/zone.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_usage_month {
    int32_t year;
    int32_t month;   /* 1 to 12 */
    int64_t from_ms; /* its first moment, in ms since the epoch */
    int64_t to_ms;   /* the first moment of the next */
};

/* "2026-11", from 2000-01 to 2199-12. False (out unchanged) for anything else. */
bool ts_usage_month_parse(const char *text, const struct ts_zone *zone, struct ts_usage_month *out);

/* The month that holds this moment. */
struct ts_usage_month ts_usage_month_at(int64_t ms, const struct ts_zone *zone);

enum { TS_USAGE_MONTH_TEXT_MAX = 16, TS_LOCAL_TIME_TEXT_MAX = 40 };
void ts_usage_month_format(const struct ts_usage_month *month, char out[TS_USAGE_MONTH_TEXT_MAX]);

/* RFC 3339 with the zone's offset: "2026-11-01T01:30:00-04:00", milliseconds when there are any.
 * "" for a moment that no calendar has. Offsets of odd seconds (before 1972) are cut to minutes. */
void ts_local_time_format(int64_t ms, const struct ts_zone *zone, char out[TS_LOCAL_TIME_TEXT_MAX]);

#endif
