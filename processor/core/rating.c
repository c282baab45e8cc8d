/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rating.h"

static const char *const category_names[TS_CATEGORY_COUNT] = {
#define X(symbol, name) [TS_CATEGORY_##symbol] = name,
    TS_CATEGORIES(X)
#undef X
};

const char *ts_category_name(enum ts_category category)
{
    return (unsigned)category < TS_CATEGORY_COUNT ? category_names[category] : "?";
}

const char *ts_unit_name(enum ts_unit unit)
{
    return unit == TS_UNIT_PAGE ? "page" : "second";
}
