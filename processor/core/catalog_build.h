/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a struct ts_catalog (core/catalog.h): whoever loads plans and decks adds them here, then
 * finishes. Decks, zones and the numbering plan are borrowed, not owned: they are large, do not
 * change, and the next snapshot shares them; they must outlive every catalog that was built with
 * them. Counting references is the caller's. */
#ifndef TS_CORE_CATALOG_BUILD_H
#define TS_CORE_CATALOG_BUILD_H

#include "core/catalog.h"
#include "core/deck.h"
#include "core/rate_plan.h"
#include "core/zone.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_error;
struct ts_numbering;
struct ts_catalog_build;

enum { TS_BASE_PLANS_MAX = 8 }; /* plans that a look-up may go on to, one after the other */

/* A published deck. */
struct ts_deck_version {
    int64_t version; /* its number, what a settlement keeps; > 0 */
    int32_t plan_no;
    int64_t effective_ms; /* since the epoch; INT64_MIN: since ever */
    int64_t published;    /* any number that grows with each publication: breaks ties */
    const struct ts_deck *deck;
};

struct ts_catalog_build *ts_catalog_build_create(const struct ts_numbering *numbering,
                                                 struct ts_error *err);
void ts_catalog_build_destroy(struct ts_catalog_build *build);

/* Copies the plan; `zone` is the one its `timezone` names. In any order; a plan number or name that
 * was added before is refused. */
bool ts_catalog_build_plan(struct ts_catalog_build *build,
                           int32_t plan_no,
                           const struct ts_rate_plan *plan,
                           const struct ts_zone *zone,
                           struct ts_error *err);

/* In any order, also before its plan. */
bool ts_catalog_build_version(struct ts_catalog_build *build,
                              const struct ts_deck_version *version,
                              struct ts_error *err);

/* NULL with err set (reject) when a base plan is unknown, of another currency, in a cycle, or more
 * than TS_BASE_PLANS_MAX deep, or a version's plan is unknown. So this is also the check of a new
 * plan before it is stored. The builder can only be destroyed afterwards. */
struct ts_catalog *
ts_catalog_build_finish(struct ts_catalog_build *build, int64_t revision, struct ts_error *err);

/* NULL is fine. */
void ts_catalog_destroy(struct ts_catalog *catalog);

/* The plan of that number, or NULL: its currency, rounding, zone. Lives as long as the catalog. */
const struct ts_rate_plan *ts_catalog_plan(const struct ts_catalog *catalog, int32_t plan_no);

/* The version that holds for a plan at a moment, base plans not considered; 0 when there is none.
 */
int64_t ts_catalog_version_at(const struct ts_catalog *catalog, int32_t plan_no, int64_t ms);

#endif
