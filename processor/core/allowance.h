/* SPDX-License-Identifier: Apache-2.0 */
/* Allowances: units that an account has each calendar month before calls cost money (domain:
 * section 6). How many are used is counted by (account, month, name) in Redis and PostgreSQL; here
 * is which calls may draw on which, and what is left to pay. Pure. */
#ifndef TS_CORE_ALLOWANCE_H
#define TS_CORE_ALLOWANCE_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/cdr.h"
#include "core/rating.h"
#include "core/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_ALLOWANCES_MAX = 8, TS_ALLOWANCE_NAME_MAX = 64, TS_ALLOWANCE_ANY = -1 };

struct ts_allowance {
    int64_t units;   /* a month */
    int8_t category; /* enum ts_category, or TS_ALLOWANCE_ANY */
    int8_t license;  /* enum ts_license, or TS_ALLOWANCE_ANY */
    bool local_only; /* the other party must be in the account's local zone */
    uint8_t unit;    /* enum ts_unit */
    uint8_t name_size;
    char name[TS_ALLOWANCE_NAME_MAX];
};

static inline struct ts_bytes ts_allowance_name(const struct ts_allowance *allowance)
{
    return (struct ts_bytes){allowance->name, allowance->name_size};
}

/* Those of one account, in the order in which a call draws on them. */
struct ts_allowances {
    size_t count;
    struct ts_allowance items[];
};

size_t ts_allowances_size(size_t count); /* bytes */

/* As an account's settings write one; absent texts stand for any license, and seconds. */
struct ts_allowance_text {
    struct ts_bytes name;
    struct ts_bytes category; /* a category's name, or "*" */
    struct ts_bytes license;  /* "talk", "contact_center", "sell", or "*" */
    struct ts_bytes unit;     /* "second" or "page" */
    int64_t units;
    bool local_only;
};

/* False, class REJECT, naming what is wrong. */
bool ts_allowance_read(const struct ts_allowance_text *text,
                       struct ts_allowance *out,
                       struct ts_error *err);

/* Puts them in order: the narrowest first (a category before any, then a license before any, then
 * local_only before not), then by name. */
void ts_allowances_order(struct ts_allowances *allowances);

/* The units that a call draws on one allowance. */
struct ts_draw {
    const struct ts_allowance *allowance;
    int64_t units;
    uint32_t place; /* for the caller: where the allowance's sum is kept */
};

/* The allowances that fit a rated call, in order, and what it draws on them. */
struct ts_included {
    int64_t price_micros; /* of the whole call, as rated */
    int32_t month;        /* yyyymm: the account's calendar month in which the call began */
    uint32_t count;
    struct ts_draw draws[];
};

size_t ts_included_size(size_t count); /* bytes */

/* The allowances that this call may draw on, in order. A call that bought no units (unanswered,
 * internal, emergency) draws on none. Returns how many. */
size_t ts_allowances_fitting(const struct ts_allowances *allowances,
                             const struct ts_rating *rating,
                             enum ts_license license,
                             const struct ts_allowance *out[TS_ALLOWANCES_MAX]);

/* The calendar month of a moment by the account's clocks: yyyymm. */
int32_t ts_allowance_month(const struct ts_zone *zone, int64_t utc_ms);

enum { TS_ALLOWANCE_MONTH_TEXT_MAX = 8 };
/* "2026-11". */
void ts_allowance_month_text(int32_t month, char out[TS_ALLOWANCE_MONTH_TEXT_MAX]);

/* Shares `billed` units over the draws: each takes what is left in its allowance, until all are
 * covered. Sets draws[].units; `used` is how much of each allowance was used before. Returns the
 * units covered. */
int64_t
ts_included_draw(struct ts_included *included, int64_t billed, const int64_t used[/* count */]);

#endif
