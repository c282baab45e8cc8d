/* SPDX-License-Identifier: Apache-2.0 */
#include "app/usage_month.h"

#include "core/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { YEAR_MIN = 2000, YEAR_MAX = 2199, DAY_MS = 86400000, MINUTE_S = 60, HOUR_S = 3600 };

static int64_t first_moment(const struct ts_zone *zone, int32_t year, int32_t month)
{
    struct ts_civil day = {.year = year, .month = month, .day = 1};
    return ts_zone_utc_ms(zone, ts_days_of_civil(day) * DAY_MS);
}

static struct ts_usage_month month_of(const struct ts_zone *zone, int32_t year, int32_t month)
{
    bool last = month == 12;
    return (struct ts_usage_month){
        .year = year,
        .month = month,
        .from_ms = first_moment(zone, year, month),
        .to_ms = first_moment(zone, last ? year + 1 : year, last ? 1 : month + 1)};
}

bool ts_usage_month_parse(const char *text, const struct ts_zone *zone, struct ts_usage_month *out)
{
    static const char shape[] = "dddd-dd";
    if (strlen(text) != sizeof shape - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i]) {
            return false;
        }
    }
    int32_t year = (int32_t)strtol(text, NULL, 10);
    int32_t month = (int32_t)strtol(text + 5, NULL, 10);
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12) {
        return false;
    }
    *out = month_of(zone, year, month);
    return true;
}

struct ts_usage_month ts_usage_month_at(int64_t ms, const struct ts_zone *zone)
{
    struct ts_civil day = ts_civil_of_days(ts_floor_div(ts_zone_local_ms(zone, ms), DAY_MS));
    return month_of(zone, day.year, day.month);
}

void ts_usage_month_format(const struct ts_usage_month *month, char out[TS_USAGE_MONTH_TEXT_MAX])
{
    snprintf(out, TS_USAGE_MONTH_TEXT_MAX, "%04d-%02d", (int)month->year, (int)month->month);
}

void ts_local_time_format(int64_t ms, const struct ts_zone *zone, char out[TS_LOCAL_TIME_TEXT_MAX])
{
    char text[TS_TIMESTAMP_TEXT_MAX];
    int64_t local_ms = ts_zone_local_ms(zone, ms);
    out[0] = '\0';
    if (local_ms < TS_TIMESTAMP_MIN_MS || local_ms > TS_TIMESTAMP_MAX_MS) {
        return;
    }
    size_t size = ts_timestamp_format(local_ms, text) - 1; /* without the Z */
    int offset_s = (int)((local_ms - ms) / 1000);
    int distance_s = abs(offset_s);
    snprintf(out,
             TS_LOCAL_TIME_TEXT_MAX,
             "%.*s%c%02d:%02d",
             (int)size,
             text,
             offset_s < 0 ? '-' : '+',
             distance_s / HOUR_S,
             distance_s % HOUR_S / MINUTE_S);
}
