/* SPDX-License-Identifier: Apache-2.0 */
/* The rule at the end of a TZif file, in the notation of POSIX's TZ variable with RFC 8536's wider
 * hours: "CET-1CEST,M3.5.0,M10.5.0/3". For core/zone.c only. */
#ifndef TS_CORE_ZONE_RULE_H
#define TS_CORE_ZONE_RULE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum ts_zone_day_form {
    TS_ZONE_DAY_JULIAN,  /* Jn: 1 to 365, 29 February is never counted */
    TS_ZONE_DAY_OF_YEAR, /* n: 0 to 365 */
    TS_ZONE_DAY_OF_MONTH /* Mm.w.d: the w-th weekday d of the month, 5 is the last */
};

struct ts_zone_day {
    enum ts_zone_day_form form;
    int32_t day; /* of the year, or of the week: 0 is Sunday */
    int32_t month;
    int32_t week;
    int32_t time_s; /* wall clock, may be below 0 or beyond a day */
};

struct ts_zone_rule {
    int32_t standard_offset_s; /* wall clock = UTC + offset */
    int32_t summer_offset_s;
    bool has_summer;
    struct ts_zone_day begin; /* of summer time */
    struct ts_zone_day end;
};

bool ts_zone_rule_parse(struct ts_bytes text, struct ts_zone_rule *out);

/* In seconds since the epoch. */
int64_t ts_zone_rule_summer_begin(const struct ts_zone_rule *rule, int32_t year);
int64_t ts_zone_rule_summer_end(const struct ts_zone_rule *rule, int32_t year);

#endif
