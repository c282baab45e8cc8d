/* SPDX-License-Identifier: Apache-2.0 */
#include "core/zone_rule.h"

#include "core/timestamp.h"

#include <stddef.h>

struct cursor {
    const char *at;
    const char *end;
};

static bool take_char(struct cursor *c, char wanted)
{
    if (c->at < c->end && *c->at == wanted) {
        c->at++;
        return true;
    }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "CET" or "<+03>". */
static bool take_name(struct cursor *c)
{
    const char *from = c->at;
    if (take_char(c, '<')) {
        while (c->at < c->end && *c->at != '>') {
            c->at++;
        }
        return take_char(c, '>');
    }
    while (c->at < c->end && is_letter(*c->at)) {
        c->at++;
    }
    return c->at - from >= 3;
}

static bool take_number(struct cursor *c, int32_t min, int32_t max, int32_t *out)
{
    const char *from = c->at;
    int32_t value = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - from < 4) {
        value = value * 10 + (*c->at++ - '0');
    }
    if (c->at == from || value < min || value > max) {
        return false;
    }
    *out = value;
    return true;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool take_time(struct cursor *c, int32_t hours_max, int32_t *out_s)
{
    bool negative = take_char(c, '-');
    if (!negative) {
        take_char(c, '+');
    }
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t seconds = 0;
    if (!take_number(c, 0, hours_max, &hours)) {
        return false;
    }
    if (take_char(c, ':')) {
        if (!take_number(c, 0, 59, &minutes)) {
            return false;
        }
        if (take_char(c, ':') && !take_number(c, 0, 59, &seconds)) {
            return false;
        }
    }
    int32_t total = (hours * 60 + minutes) * 60 + seconds;
    *out_s = negative ? -total : total;
    return true;
}

static bool take_day(struct cursor *c, struct ts_zone_day *out)
{
    *out = (struct ts_zone_day){.form = TS_ZONE_DAY_OF_YEAR, .time_s = 2 * 3600};
    bool good = false;
    if (take_char(c, 'J')) {
        out->form = TS_ZONE_DAY_JULIAN;
        good = take_number(c, 1, 365, &out->day);
    } else if (take_char(c, 'M')) {
        out->form = TS_ZONE_DAY_OF_MONTH;
        good = take_number(c, 1, 12, &out->month) && take_char(c, '.') &&
               take_number(c, 1, 5, &out->week) && take_char(c, '.') &&
               take_number(c, 0, 6, &out->day);
    } else {
        good = take_number(c, 0, 365, &out->day);
    }
    return good && (!take_char(c, '/') || take_time(c, 167, &out->time_s));
}

bool ts_zone_rule_parse(struct ts_bytes text, struct ts_zone_rule *out)
{
    struct cursor c = {.at = text.data, .end = text.data + text.size};
    struct ts_zone_rule rule = {.has_summer = false};
    int32_t west_s = 0; /* POSIX counts to the west */
    if (!take_name(&c) || !take_time(&c, 24, &west_s)) {
        return false;
    }
    rule.standard_offset_s = -west_s;
    if (c.at < c.end) {
        rule.has_summer = true;
        rule.summer_offset_s = rule.standard_offset_s + 3600;
        if (!take_name(&c)) {
            return false;
        }
        if (c.at < c.end && *c.at != ',') {
            if (!take_time(&c, 24, &west_s)) {
                return false;
            }
            rule.summer_offset_s = -west_s;
        }
        if (!take_char(&c, ',') || !take_day(&c, &rule.begin) || !take_char(&c, ',') ||
            !take_day(&c, &rule.end) || c.at != c.end) {
            return false;
        }
    }
    *out = rule;
    return true;
}

static int64_t day_in_year(const struct ts_zone_day *day, int32_t year)
{
    int64_t new_year = ts_days_of_civil((struct ts_civil){year, 1, 1});
    if (day->form == TS_ZONE_DAY_OF_YEAR) {
        return new_year + day->day;
    }
    if (day->form == TS_ZONE_DAY_JULIAN) {
        bool after_leap_day = day->day >= 60 && ts_days_in_month(year, 2) == 29;
        return new_year + day->day - 1 + (after_leap_day ? 1 : 0);
    }
    int64_t first = ts_days_of_civil((struct ts_civil){year, day->month, 1});
    int32_t first_weekday = (ts_weekday_of_days(first) + 1) % 7; /* Sunday is 0 */
    int32_t ahead = (day->day - first_weekday + 7) % 7;
    int32_t of_month = ahead + (day->week - 1) * 7;
    if (of_month >= ts_days_in_month(year, day->month)) {
        of_month -= 7;
    }
    return first + of_month;
}

int64_t ts_zone_rule_summer_begin(const struct ts_zone_rule *rule, int32_t year)
{
    return day_in_year(&rule->begin, year) * 86400 + rule->begin.time_s - rule->standard_offset_s;
}

int64_t ts_zone_rule_summer_end(const struct ts_zone_rule *rule, int32_t year)
{
    return day_in_year(&rule->end, year) * 86400 + rule->end.time_s - rule->summer_offset_s;
}
