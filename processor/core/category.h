/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of call a CDR is (domain: section 3). Country and kind of a number come from the
 * numbering plan, never from a country code. */
#ifndef TS_CORE_CATEGORY_H
#define TS_CORE_CATEGORY_H

#include "core/cdr.h"
#include "core/numbering.h"
#include "core/rate_plan.h"
#include "core/rating.h"

#include <stdbool.h>

struct ts_call_class {
    enum ts_category category;
    bool local;                  /* the other party is in the account's local zone */
    char region[TS_COUNTRY_MAX]; /* of the other party */
    const char *rule;            /* static text: why it is this category */
};

/* The CDR must be validated; `country` is the account's. */
void ts_category_of(const struct ts_numbering *numbering,
                    const struct ts_rate_plan *plan,
                    const char *country,
                    const struct ts_cdr *cdr,
                    struct ts_call_class *out);

/* Rates of these are found by the account's own number, not by the other party's. */
bool ts_category_is_inbound(enum ts_category category);

/* Calls of these cost nothing and have no rate: internal, emergency, unanswered. */
bool ts_category_is_free(enum ts_category category);

/* Seconds of conversation, rounded up. */
int64_t ts_category_seconds(const struct ts_cdr *cdr);

#endif
