/* SPDX-License-Identifier: Apache-2.0 */
#include "core/catalog_build.h"

#include "base/assert.h"
#include "base/error.h"
#include "core/catalog_inner.h"

#include <stdlib.h>
#include <string.h>

struct ts_catalog_build {
    struct ts_catalog *catalog; /* NULL once it is finished */
    size_t plan_capacity;
    size_t version_capacity;
};

struct ts_catalog_build *ts_catalog_build_create(const struct ts_numbering *numbering,
                                                 struct ts_error *err)
{
    struct ts_catalog_build *build = calloc(1, sizeof *build);
    struct ts_catalog *catalog = calloc(1, sizeof *catalog);
    if (build == NULL || catalog == NULL) {
        free(build);
        free(catalog);
        ts_error_no_memory(err);
        return NULL;
    }
    catalog->numbering = numbering;
    build->catalog = catalog;
    return build;
}

void ts_catalog_build_destroy(struct ts_catalog_build *build)
{
    if (build != NULL) {
        ts_catalog_destroy(build->catalog);
        free(build);
    }
}

void ts_catalog_destroy(struct ts_catalog *catalog)
{
    if (catalog != NULL) {
        free(catalog->plans);
        free(catalog->versions);
        free(catalog);
    }
}

/* Room for one more item, or NULL (the array stays as it was). */
static void *grown(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *more = realloc(items, wanted * size);
    if (more != NULL) {
        *capacity = wanted;
    }
    return more;
}

bool ts_catalog_build_plan(struct ts_catalog_build *build,
                           int32_t plan_no,
                           const struct ts_rate_plan *plan,
                           const struct ts_zone *zone,
                           struct ts_error *err)
{
    struct ts_catalog *catalog = build->catalog;
    for (size_t i = 0; i < catalog->plan_count; i++) {
        if (catalog->plans[i].plan_no == plan_no ||
            strcmp(catalog->plans[i].plan.name, plan->name) == 0) {
            return ts_error_set(
                err, TS_ERROR_REJECT, 0, "rate plan %d (%s) is there twice", plan_no, plan->name);
        }
    }
    struct ts_catalog_plan *plans =
        grown(catalog->plans, catalog->plan_count, &build->plan_capacity, sizeof *plans);
    if (plans == NULL) {
        return ts_error_no_memory(err);
    }
    catalog->plans = plans;
    plans[catalog->plan_count++] = (struct ts_catalog_plan){
        .plan_no = plan_no, .base = TS_CATALOG_NO_PLAN, .zone = zone, .plan = *plan};
    return true;
}

bool ts_catalog_build_version(struct ts_catalog_build *build,
                              const struct ts_deck_version *version,
                              struct ts_error *err)
{
    struct ts_catalog *catalog = build->catalog;
    struct ts_deck_version *versions = grown(
        catalog->versions, catalog->version_count, &build->version_capacity, sizeof *versions);
    if (versions == NULL) {
        return ts_error_no_memory(err);
    }
    catalog->versions = versions;
    versions[catalog->version_count++] = *version;
    return true;
}

static int order_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_plans(const void *a, const void *b)
{
    return order_of(((const struct ts_catalog_plan *)a)->plan_no,
                    ((const struct ts_catalog_plan *)b)->plan_no);
}

static int compare_versions(const void *a, const void *b)
{
    const struct ts_deck_version *x = a;
    const struct ts_deck_version *y = b;
    int order = order_of(x->plan_no, y->plan_no);
    order = order != 0 ? order : order_of(y->effective_ms, x->effective_ms);
    return order != 0 ? order : order_of(y->published, x->published);
}

const struct ts_catalog_plan *ts_catalog_find_plan(const struct ts_catalog *catalog,
                                                   int32_t plan_no)
{
    size_t low = 0;
    size_t high = catalog->plan_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (catalog->plans[middle].plan_no < plan_no) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < catalog->plan_count && catalog->plans[low].plan_no == plan_no;
    return found ? &catalog->plans[low] : NULL;
}

static bool
link_base(struct ts_catalog *catalog, struct ts_catalog_plan *plan, struct ts_error *err)
{
    if (plan->plan.base_plan[0] == '\0') {
        return true;
    }
    for (size_t i = 0; i < catalog->plan_count; i++) {
        const struct ts_rate_plan *base = &catalog->plans[i].plan;
        if (strcmp(base->name, plan->plan.base_plan) != 0) {
            continue;
        }
        if (strcmp(base->currency, plan->plan.currency) != 0) {
            return ts_error_set(err,
                                TS_ERROR_REJECT,
                                0,
                                "rate plan %s is in %s, its base plan %s in %s",
                                plan->plan.name,
                                plan->plan.currency,
                                base->name,
                                base->currency);
        }
        plan->base = (uint32_t)i;
        return true;
    }
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "rate plan %s: there is no base plan %s",
                        plan->plan.name,
                        plan->plan.base_plan);
}

/* A cycle is deeper than any limit. */
static bool check_depth(const struct ts_catalog *catalog,
                        const struct ts_catalog_plan *plan,
                        struct ts_error *err)
{
    const struct ts_catalog_plan *at = plan;
    for (int depth = 0; at->base != TS_CATALOG_NO_PLAN; depth++) {
        at = &catalog->plans[at->base];
        if (at == plan) {
            return ts_error_set(err,
                                TS_ERROR_REJECT,
                                0,
                                "rate plan %s is a base plan of itself: a cycle",
                                plan->plan.name);
        }
        if (depth == TS_BASE_PLANS_MAX) {
            return ts_error_set(err,
                                TS_ERROR_REJECT,
                                0,
                                "rate plan %s: base plans go more than %d deep",
                                plan->plan.name,
                                TS_BASE_PLANS_MAX);
        }
    }
    return true;
}

static bool link_versions(struct ts_catalog *catalog, struct ts_error *err)
{
    for (size_t i = 0; i < catalog->version_count; i++) {
        int32_t plan_no = catalog->versions[i].plan_no;
        struct ts_catalog_plan *plan =
            (struct ts_catalog_plan *)ts_catalog_find_plan(catalog, plan_no);
        if (plan == NULL) {
            return ts_error_set(err,
                                TS_ERROR_REJECT,
                                0,
                                "deck version %lld belongs to rate plan %d, which is not there",
                                (long long)catalog->versions[i].version,
                                plan_no);
        }
        if (plan->version_count++ == 0) {
            plan->version = (uint32_t)i;
        }
    }
    return true;
}

struct ts_catalog *
ts_catalog_build_finish(struct ts_catalog_build *build, int64_t revision, struct ts_error *err)
{
    struct ts_catalog *catalog = build->catalog;
    TS_ASSERT(catalog != NULL);
    if (catalog->plan_count > 0) {
        qsort(catalog->plans, catalog->plan_count, sizeof *catalog->plans, compare_plans);
    }
    if (catalog->version_count > 0) {
        qsort(
            catalog->versions, catalog->version_count, sizeof *catalog->versions, compare_versions);
    }
    for (size_t i = 0; i < catalog->plan_count; i++) {
        if (!link_base(catalog, &catalog->plans[i], err)) {
            return NULL;
        }
    }
    for (size_t i = 0; i < catalog->plan_count; i++) {
        if (!check_depth(catalog, &catalog->plans[i], err)) {
            return NULL;
        }
    }
    if (!link_versions(catalog, err)) {
        return NULL;
    }
    catalog->revision = revision;
    build->catalog = NULL;
    return catalog;
}

const struct ts_rate_plan *ts_catalog_plan(const struct ts_catalog *catalog, int32_t plan_no)
{
    const struct ts_catalog_plan *plan = ts_catalog_find_plan(catalog, plan_no);
    return plan != NULL ? &plan->plan : NULL;
}

int64_t ts_catalog_version_at(const struct ts_catalog *catalog, int32_t plan_no, int64_t ms)
{
    const struct ts_catalog_plan *plan = ts_catalog_find_plan(catalog, plan_no);
    const struct ts_deck_version *version =
        plan != NULL ? ts_catalog_version_of(catalog, plan, ms) : NULL;
    return version != NULL ? version->version : 0;
}
