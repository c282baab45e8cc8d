/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a rating catalog of what is stored: for the processor (app/rates_loader.h), and for a
 * replay that rates as if other decks held. Decks and zones come from whoever keeps them; the
 * catalog borrows them. */
#ifndef TS_APP_RATES_CATALOG_H
#define TS_APP_RATES_CATALOG_H

#include "adapters/postgres/rates_store.h"
#include "base/error.h"
#include "core/catalog_build.h"
#include "ports/decks.h"
#include "ports/zones.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_numbering;

struct ts_rates_source {
    const struct ts_numbering *numbering;
    /* NULL with err set when it can't be had. */
    const struct ts_deck *(*deck)(void *self,
                                  const struct ts_stored_version *version,
                                  struct ts_error *err);
    const struct ts_zone *(*zone)(void *self, const char *name, struct ts_error *err);
    void *self;
};

/* Which of the versions; all of them when it is all zero but oldest_answer_ms = INT64_MIN. */
struct ts_rates_choice {
    int64_t oldest_answer_ms; /* leave out what only earlier calls need */
    int64_t deck_version;     /* not 0: of its plan only this one, for every call */
    bool at_one_moment;       /* of each plan only the one in force then, for every call: */
    int64_t effective_ms;
    int64_t versions_max; /* not 0: none that was published after this one */
};

/* Class REJECT when the deck version chosen does not exist. */
struct ts_catalog *ts_rates_catalog_build(const struct ts_rates_source *source,
                                          const struct ts_stored_rates *rates,
                                          const struct ts_rates_choice *choice,
                                          struct ts_error *err);

/* The highest version published; 0: none. */
int64_t ts_rates_versions_max(const struct ts_stored_rates *rates);

/* A catalog with the decks and zones it borrows, read from PostgreSQL alone. */
struct ts_rates_snapshot;
struct ts_rates_snapshot *ts_rates_snapshot_load(const char *postgres_url,
                                                 const struct ts_numbering *numbering,
                                                 struct ts_decks decks,
                                                 struct ts_zones zones,
                                                 const struct ts_rates_choice *choice,
                                                 struct ts_error *err);
void ts_rates_snapshot_destroy(struct ts_rates_snapshot *snapshot);
const struct ts_catalog *ts_rates_snapshot_catalog(const struct ts_rates_snapshot *snapshot);
int64_t ts_rates_snapshot_versions_max(const struct ts_rates_snapshot *snapshot);

#endif
