/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbering plan: which country a number belongs to, and what kind of number it is.
 *
 * A country calling code does not tell: +1 is 25 countries and territories, +44 four, and the
 * price of a call to a British number depends on whether it is a mobile or a premium one. The plan
 * is data (schemas/numbering-plan, derived from libphonenumber); here it is only read into a trie
 * and asked. Once built it is immutable and may be read by any number of threads.
 *
 * It does not judge whether a number is valid: a number too short or too long gets the region and
 * type of its range, unless the number of digits is what tells two ranges apart.
 */
#ifndef TS_CORE_NUMBERING_H
#define TS_CORE_NUMBERING_H

#include "base/bytes.h"
#include "core/rating.h"

#include <stddef.h>

struct ts_error;
struct ts_numbering;

/* X(symbol, "name"): the types of libphonenumber, as the plan and `tollstream numbers` name them.
 */
#define TS_NUMBER_TYPES(X)                                                                         \
    X(UNKNOWN, "unknown")                                                                          \
    X(FIXED_LINE, "fixed_line")                                                                    \
    X(MOBILE, "mobile")                                                                            \
    X(FIXED_LINE_OR_MOBILE, "fixed_line_or_mobile")                                                \
    X(TOLL_FREE, "toll_free")                                                                      \
    X(PREMIUM_RATE, "premium_rate")                                                                \
    X(SHARED_COST, "shared_cost")                                                                  \
    X(PERSONAL_NUMBER, "personal_number")                                                          \
    X(VOIP, "voip")                                                                                \
    X(PAGER, "pager")                                                                              \
    X(UAN, "uan")                                                                                  \
    X(VOICEMAIL, "voicemail")

enum ts_number_type {
#define X(symbol, name) TS_NUMBER_TYPE_##symbol,
    TS_NUMBER_TYPES(X)
#undef X
        TS_NUMBER_TYPE_COUNT
};

const char *ts_number_type_name(enum ts_number_type type);

/* Region of what no country is known for, and of numbers that belong to the world (+800, +870). */
#define TS_REGION_UNKNOWN "ZZ"
#define TS_REGION_WORLD "001"

struct ts_number_info {
    char region[TS_COUNTRY_MAX]; /* ISO 3166-1 alpha-2, TS_REGION_WORLD or TS_REGION_UNKNOWN */
    enum ts_number_type type;
};

/*
 * Reads a plan in the format of schemas/numbering-plan/README.md; csv is not needed afterwards.
 * NULL with err set when the CSV is malformed (class reject, the line named) or memory is short
 * (class fatal).
 */
struct ts_numbering *ts_numbering_create(struct ts_bytes csv, struct ts_error *err);

/* NULL is fine. */
void ts_numbering_destroy(struct ts_numbering *plan);

/*
 * Region and type of '+' and E.164 digits, of any length. A number whose range is not in the plan
 * has the main region of its calling code and type unknown; an unknown area code of +1, an unknown
 * calling code, and anything that is not '+' and digits is TS_REGION_UNKNOWN, unknown.
 */
struct ts_number_info ts_numbering_lookup(const struct ts_numbering *plan, struct ts_bytes number);

#endif
