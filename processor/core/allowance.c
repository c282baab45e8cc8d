/* SPDX-License-Identifier: Apache-2.0 */
#include "core/allowance.h"

#include "base/utf8.h"
#include "core/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAY_MS INT64_C(86400000)

size_t ts_allowances_size(size_t count)
{
    return sizeof(struct ts_allowances) + count * sizeof(struct ts_allowance);
}

size_t ts_included_size(size_t count)
{
    return sizeof(struct ts_included) + count * sizeof(struct ts_draw);
}

/* --- settings */

static bool same_text(struct ts_bytes text, const char *name)
{
    return text.size == strlen(name) && strncasecmp(text.data, name, text.size) == 0;
}

/* The index of the name, TS_ALLOWANCE_ANY for "*", or -2 for what is none of them. */
static int find_category(struct ts_bytes text)
{
    for (int i = 0; i < TS_CATEGORY_COUNT; i++) {
        if (same_text(text, ts_category_name((enum ts_category)i))) {
            return i;
        }
    }
    return same_text(text, "*") ? TS_ALLOWANCE_ANY : -2;
}

static int find_license(struct ts_bytes text)
{
    for (int i = 0; i < TS_LICENSE_COUNT; i++) {
        if (same_text(text, ts_license_name((enum ts_license)i))) {
            return i;
        }
    }
    return text.data == NULL || same_text(text, "*") ? TS_ALLOWANCE_ANY : -2;
}

static int find_unit(struct ts_bytes text)
{
    if (text.data == NULL || same_text(text, ts_unit_name(TS_UNIT_SECOND))) {
        return TS_UNIT_SECOND;
    }
    return same_text(text, ts_unit_name(TS_UNIT_PAGE)) ? TS_UNIT_PAGE : -2;
}

static bool refuse(struct ts_error *err, const char *field, struct ts_bytes value)
{
    char quoted[100];
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "allowances.%s: %s is not known",
                        field,
                        ts_utf8_quote(value, quoted, sizeof quoted));
}

bool ts_allowance_read(const struct ts_allowance_text *text,
                       struct ts_allowance *out,
                       struct ts_error *err)
{
    int category = find_category(text->category);
    int license = find_license(text->license);
    int unit = find_unit(text->unit);
    if (text->name.size == 0 || text->name.size > TS_ALLOWANCE_NAME_MAX ||
        !ts_utf8_is_text(text->name)) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "allowances.name should have 1 to %d bytes of UTF-8 text without "
                            "control characters",
                            TS_ALLOWANCE_NAME_MAX);
    }
    if (category < TS_ALLOWANCE_ANY) {
        return refuse(err, "category", text->category);
    }
    if (license < TS_ALLOWANCE_ANY) {
        return refuse(err, "license", text->license);
    }
    if (unit < 0) {
        return refuse(err, "unit", text->unit);
    }
    if (text->units < 0 || text->units > TS_AMOUNT_MAX) { /* sums of them stay exact in Redis */
        return ts_error_set(err, TS_ERROR_REJECT, 0, "allowances.units should be from 0 to 9e15");
    }
    *out = (struct ts_allowance){.units = text->units,
                                 .category = (int8_t)category,
                                 .license = (int8_t)license,
                                 .local_only = text->local_only,
                                 .unit = (uint8_t)unit,
                                 .name_size = (uint8_t)text->name.size};
    memcpy(out->name, text->name.data, text->name.size);
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct ts_allowance *left = a;
    const struct ts_allowance *right = b;
    int narrower[] = {(right->category >= 0) - (left->category >= 0),
                      (right->license >= 0) - (left->license >= 0),
                      (int)right->local_only - (int)left->local_only};
    for (size_t i = 0; i < sizeof narrower / sizeof narrower[0]; i++) {
        if (narrower[i] != 0) {
            return narrower[i];
        }
    }
    return ts_bytes_compare(ts_allowance_name(left), ts_allowance_name(right));
}

void ts_allowances_order(struct ts_allowances *allowances)
{
    qsort(allowances->items, allowances->count, sizeof allowances->items[0], compare);
}

/* --- a call */

static bool
fits(const struct ts_allowance *allowance, const struct ts_rating *rating, enum ts_license license)
{
    return allowance->unit == rating->unit &&
           (allowance->category < 0 || allowance->category == (int)rating->category) &&
           (allowance->license < 0 || allowance->license == (int)license) &&
           (!allowance->local_only || rating->local);
}

size_t ts_allowances_fitting(const struct ts_allowances *allowances,
                             const struct ts_rating *rating,
                             enum ts_license license,
                             const struct ts_allowance *out[TS_ALLOWANCES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; rating->billed > 0 && i < allowances->count; i++) {
        if (count < TS_ALLOWANCES_MAX && fits(&allowances->items[i], rating, license)) {
            out[count++] = &allowances->items[i];
        }
    }
    return count;
}

int32_t ts_allowance_month(const struct ts_zone *zone, int64_t utc_ms)
{
    int64_t days = ts_floor_div(ts_zone_local_ms(zone, utc_ms), DAY_MS);
    struct ts_civil date = ts_civil_of_days(days);
    return date.year * 100 + date.month;
}

void ts_allowance_month_text(int32_t month, char out[TS_ALLOWANCE_MONTH_TEXT_MAX])
{
    unsigned year = (unsigned)(month / 100) % 10000;
    snprintf(out, TS_ALLOWANCE_MONTH_TEXT_MAX, "%04u-%02u", year, (unsigned)(month % 100) % 100);
}

int64_t ts_included_draw(struct ts_included *included, int64_t billed, const int64_t used[])
{
    int64_t open = billed;
    for (uint32_t i = 0; i < included->count; i++) {
        struct ts_draw *draw = &included->draws[i];
        int64_t left = draw->allowance->units - used[i];
        int64_t most = left < open ? left : open;
        draw->units = most > 0 ? most : 0;
        open -= draw->units;
    }
    return billed - open;
}
