/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct ts_catalog, for core/catalog*.c only. */
#ifndef TS_CORE_CATALOG_INNER_H
#define TS_CORE_CATALOG_INNER_H

#include "core/catalog_build.h"

#include <stddef.h>
#include <stdint.h>

#define TS_CATALOG_NO_PLAN UINT32_MAX

struct ts_catalog_plan {
    int32_t plan_no;
    uint32_t base;    /* index of its base plan, or TS_CATALOG_NO_PLAN */
    uint32_t version; /* the first of its versions, which are newest first */
    uint32_t version_count;
    const struct ts_zone *zone;
    struct ts_rate_plan plan;
};

struct ts_catalog {
    int64_t revision;
    const struct ts_numbering *numbering;
    struct ts_catalog_plan *plans; /* by plan_no */
    size_t plan_count;
    struct ts_deck_version *versions; /* by plan_no, then the latest effective, then published */
    size_t version_count;
};

/* NULL when there is none. */
const struct ts_catalog_plan *ts_catalog_find_plan(const struct ts_catalog *catalog,
                                                   int32_t plan_no);
const struct ts_deck_version *ts_catalog_version_of(const struct ts_catalog *catalog,
                                                    const struct ts_catalog_plan *plan,
                                                    int64_t ms);

#endif
