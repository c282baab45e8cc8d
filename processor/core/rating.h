/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome of rating one CDR: what is settled, shown and explained. Pure values and views that
 * live as long as the rating catalog (deck cells) or static text. */
#ifndef TS_CORE_RATING_H
#define TS_CORE_RATING_H

#include "base/bytes.h"
#include "core/reason.h"

#include <stdbool.h>
#include <stdint.h>

/* X(symbol, "name"): categories of a CDR; the first rule that fits (core/category.h). */
#define TS_CATEGORIES(X)                                                                           \
    X(INTERNAL, "internal")                                                                        \
    X(EMERGENCY, "emergency")                                                                      \
    X(UNANSWERED, "unanswered")                                                                    \
    X(TOLL_FREE_INBOUND, "toll_free_inbound")                                                      \
    X(FAX_OUTBOUND, "fax_outbound")                                                                \
    X(FAX_INBOUND, "fax_inbound")                                                                  \
    X(TOLL_FREE_OUTBOUND, "toll_free_outbound")                                                    \
    X(PREMIUM_OUTBOUND, "premium_outbound")                                                        \
    X(INTERNATIONAL_OUTBOUND, "international_outbound")                                            \
    X(LOCAL_OUTBOUND, "local_outbound")                                                            \
    X(LOCAL_INBOUND, "local_inbound")

enum ts_category {
#define X(symbol, name) TS_CATEGORY_##symbol,
    TS_CATEGORIES(X)
#undef X
        TS_CATEGORY_COUNT
};

const char *ts_category_name(enum ts_category category);

enum ts_unit { TS_UNIT_SECOND, TS_UNIT_PAGE };
const char *ts_unit_name(enum ts_unit unit);

enum {
    TS_COUNTRY_MAX = 4, /* "GB", "001", "ZZ" with NUL */
};
#define TS_AMOUNT_MAX INT64_C(9000000000000000) /* micro-units, either way: below 2^53 for Lua */

struct ts_rating {
    enum ts_reason reason; /* NONE: rated; NO_RATE, BLOCKED_DESTINATION, CHARGE_OVERFLOW: not */
    enum ts_category category;
    enum ts_unit unit;
    bool local;                  /* the other party is in the account's local zone */
    char region[TS_COUNTRY_MAX]; /* of the other party; "ZZ" when not known */
    int64_t quantity;            /* units of conversation: whole seconds, rounded up, or pages */
    int64_t billed;              /* units bought in whole increments */
    int64_t charge_micros;       /* >= 0, rounded once by the rate plan's rule */
    int64_t connect_fee_e8;      /* of the row in force at t = 0, in 1e-8 of the currency */
    int64_t rate_e8;             /* of the row in force at t = 0, per its rate_unit, likewise */
    struct ts_bytes prefix;      /* the deck's own cell, "*" included; "" when not looked up */
    struct ts_bytes description; /* the deck's own cell */
    int64_t deck_version;        /* of the deck that priced it; 0 when not looked up */
    uint32_t deck_line;          /* of that deck: the row in force at t = 0; 0 likewise */
};

#endif
