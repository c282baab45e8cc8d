/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rates_catalog.h"

#include "core/deck.h"
#include "core/zone.h"

#include <stdlib.h>
#include <string.h>

enum { DECK_BYTES_MAX = 256 * 1024 * 1024 };

/* ---- which versions */

static bool is_known(const struct ts_rates_choice *choice, const struct ts_stored_version *version)
{
    return choice->versions_max == 0 || version->version <= choice->versions_max;
}

static bool is_later(const struct ts_stored_version *a, const struct ts_stored_version *b)
{
    return a->effective_ms != b->effective_ms ? a->effective_ms > b->effective_ms
                                              : a->version > b->version;
}

/* True when some other version of the plan holds instead of this one for every call answered at
 * `from_ms` or later. */
static bool is_superseded(const struct ts_stored_rates *rates,
                          const struct ts_rates_choice *choice,
                          const struct ts_stored_version *version,
                          int64_t from_ms)
{
    for (size_t i = 0; i < rates->version_count; i++) {
        const struct ts_stored_version *other = &rates->versions[i];
        if (is_known(choice, other) && other->plan_no == version->plan_no &&
            is_later(other, version) &&
            (other->effective_ms <= from_ms || other->effective_ms == version->effective_ms)) {
            return true;
        }
    }
    return false;
}

/* Of the chosen version; 0 when none was chosen, -1 when there is no such version. */
static int32_t plan_of_choice(const struct ts_stored_rates *rates,
                              const struct ts_rates_choice *choice)
{
    for (size_t i = 0; choice->deck_version != 0 && i < rates->version_count; i++) {
        if (rates->versions[i].version == choice->deck_version) {
            return rates->versions[i].plan_no;
        }
    }
    return choice->deck_version == 0 ? 0 : -1;
}

/* Whether the version is to be in the catalog, and since when it holds there. */
static bool choose(const struct ts_stored_rates *rates,
                   const struct ts_rates_choice *choice,
                   int32_t chosen_plan,
                   const struct ts_stored_version *version,
                   int64_t *effective_ms)
{
    *effective_ms = version->effective_ms;
    if (version->plan_no == chosen_plan) {
        *effective_ms = INT64_MIN;
        return version->version == choice->deck_version;
    }
    if (!is_known(choice, version)) {
        return false;
    }
    if (choice->at_one_moment) {
        *effective_ms = INT64_MIN;
        return version->effective_ms <= choice->effective_ms &&
               !is_superseded(rates, choice, version, choice->effective_ms);
    }
    return !is_superseded(rates, choice, version, choice->oldest_answer_ms);
}

/* ---- the catalog */

static bool add_all(const struct ts_rates_source *source,
                    struct ts_catalog_build *build,
                    const struct ts_stored_rates *rates,
                    const struct ts_rates_choice *choice,
                    struct ts_error *err)
{
    int32_t chosen_plan = plan_of_choice(rates, choice);
    if (chosen_plan < 0) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "there is no deck version %lld: `tollstream decks list` shows them",
                            (long long)choice->deck_version);
    }
    for (size_t i = 0; i < rates->plan_count; i++) {
        const struct ts_stored_plan *stored = &rates->plans[i];
        const struct ts_zone *zone = source->zone(source->self, stored->plan.timezone, err);
        if (zone == NULL ||
            !ts_catalog_build_plan(build, stored->plan_no, &stored->plan, zone, err)) {
            return ts_error_prefix(err, "rate plan \"%s\"", stored->plan.name);
        }
    }
    for (size_t i = 0; i < rates->version_count; i++) {
        const struct ts_stored_version *stored = &rates->versions[i];
        struct ts_deck_version version = {
            .version = stored->version, .plan_no = stored->plan_no, .published = stored->version};
        if (!choose(rates, choice, chosen_plan, stored, &version.effective_ms)) {
            continue;
        }
        version.deck = source->deck(source->self, stored, err);
        if (version.deck == NULL || !ts_catalog_build_version(build, &version, err)) {
            return ts_error_prefix(err, "deck version %lld", (long long)stored->version);
        }
    }
    return true;
}

struct ts_catalog *ts_rates_catalog_build(const struct ts_rates_source *source,
                                          const struct ts_stored_rates *rates,
                                          const struct ts_rates_choice *choice,
                                          struct ts_error *err)
{
    struct ts_catalog_build *build = ts_catalog_build_create(source->numbering, err);
    struct ts_catalog *catalog = NULL;
    if (build != NULL && add_all(source, build, rates, choice, err)) {
        catalog = ts_catalog_build_finish(build, rates->revision, err);
    }
    ts_catalog_build_destroy(build);
    return catalog;
}

int64_t ts_rates_versions_max(const struct ts_stored_rates *rates)
{
    int64_t max = 0;
    for (size_t i = 0; i < rates->version_count; i++) {
        max = rates->versions[i].version > max ? rates->versions[i].version : max;
    }
    return max;
}

/* ---- a snapshot of its own */

struct ts_rates_snapshot {
    struct ts_rates_store *store;
    struct ts_decks reader;
    struct ts_zones files;
    struct ts_deck **decks;
    size_t deck_count;
    struct ts_zone **zones;
    size_t zone_count;
    struct ts_catalog *catalog;
    int64_t versions_max;
};

static const struct ts_deck *
load_deck(void *self, const struct ts_stored_version *version, struct ts_error *err)
{
    struct ts_rates_snapshot *snapshot = self;
    struct ts_buffer content;
    ts_buffer_init(&content, DECK_BYTES_MAX);
    struct ts_deck *deck = NULL;
    if (ts_rates_store_content(snapshot->store, version->version, &content, err)) {
        deck = snapshot->reader.read(snapshot->reader.self, ts_buffer_bytes(&content), NULL, err);
    }
    ts_buffer_finish(&content);
    if (deck != NULL) {
        snapshot->decks[snapshot->deck_count++] = deck;
    }
    return deck;
}

static const struct ts_zone *load_zone(void *self, const char *name, struct ts_error *err)
{
    struct ts_rates_snapshot *snapshot = self;
    for (size_t i = 0; i < snapshot->zone_count; i++) {
        if (strcmp(ts_zone_name(snapshot->zones[i]), name) == 0) {
            return snapshot->zones[i];
        }
    }
    struct ts_zone *zone = snapshot->files.load(snapshot->files.self, name, err);
    if (zone != NULL) {
        snapshot->zones[snapshot->zone_count++] = zone;
    }
    return zone;
}

static bool load(struct ts_rates_snapshot *snapshot,
                 const struct ts_numbering *numbering,
                 const struct ts_stored_rates *rates,
                 const struct ts_rates_choice *choice,
                 struct ts_error *err)
{
    snapshot->decks = calloc(rates->version_count + 1, sizeof *snapshot->decks);
    snapshot->zones = calloc(rates->plan_count + 1, sizeof *snapshot->zones);
    if (snapshot->decks == NULL || snapshot->zones == NULL) {
        return ts_error_no_memory(err);
    }
    const struct ts_rates_source source = {
        .numbering = numbering, .deck = load_deck, .zone = load_zone, .self = snapshot};
    snapshot->versions_max = ts_rates_versions_max(rates);
    snapshot->catalog = ts_rates_catalog_build(&source, rates, choice, err);
    return snapshot->catalog != NULL;
}

struct ts_rates_snapshot *ts_rates_snapshot_load(const char *postgres_url,
                                                 const struct ts_numbering *numbering,
                                                 struct ts_decks decks,
                                                 struct ts_zones zones,
                                                 const struct ts_rates_choice *choice,
                                                 struct ts_error *err)
{
    struct ts_rates_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    struct ts_stored_rates rates = {0};
    snapshot->reader = decks;
    snapshot->files = zones;
    snapshot->store = ts_rates_store_create(postgres_url, err);
    bool good = snapshot->store != NULL && ts_rates_store_read(snapshot->store, &rates, err) &&
                load(snapshot, numbering, &rates, choice, err);
    ts_stored_rates_finish(&rates);
    if (!good) {
        ts_rates_snapshot_destroy(snapshot);
        return NULL;
    }
    return snapshot;
}

void ts_rates_snapshot_destroy(struct ts_rates_snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    ts_catalog_destroy(snapshot->catalog);
    for (size_t i = 0; i < snapshot->deck_count; i++) {
        ts_deck_destroy(snapshot->decks[i]);
    }
    for (size_t i = 0; i < snapshot->zone_count; i++) {
        ts_zone_destroy(snapshot->zones[i]);
    }
    free(snapshot->decks);
    free(snapshot->zones);
    ts_rates_store_destroy(snapshot->store);
    free(snapshot);
}

const struct ts_catalog *ts_rates_snapshot_catalog(const struct ts_rates_snapshot *snapshot)
{
    return snapshot->catalog;
}

int64_t ts_rates_snapshot_versions_max(const struct ts_rates_snapshot *snapshot)
{
    return snapshot->versions_max;
}
