/* SPDX-License-Identifier: Apache-2.0 */
#include "app/rates_loader.h"

#include "adapters/postgres/rates_store.h"
#include "adapters/redis/deck_cache.h"
#include "app/rates_catalog.h"
#include "base/assert.h"
#include "core/deck.h"
#include "core/zone.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)

enum { LOOK_EVERY_MS = 500, DECK_BYTES_MAX = 256 * 1024 * 1024, MARGIN_DAYS = 9 };

/* A snapshot and who holds it. The first of the list is the one in force. */
struct held {
    struct held *next;
    struct ts_catalog *catalog;
    int64_t holders;
};

struct loaded_deck {
    int64_t version;
    struct ts_deck *deck;
    int64_t wanted; /* the last revision that was built with it */
};

struct ts_rates_loader {
    struct ts_rates_loader_options options;
    struct ts_rates_store *store;
    struct ts_redis_deck_cache *cache;

    /* Only the loader's thread touches these; catalogs borrow from them. */
    struct loaded_deck *decks;
    size_t deck_count;
    struct ts_zone **zones;
    size_t zone_count;
    int64_t revision;
    bool sweep_due; /* there may be decks that the snapshot in force does not want */

    pthread_mutex_t lock; /* of the list of snapshots and of `stopping` */
    pthread_cond_t wake;
    struct held *snapshots;
    bool stopping;
    bool running;
    pthread_t thread;
};

#define SAY(loader, level, event, ...)                                                             \
    (loader)->options.observer.ops->say((loader)->options.observer.self, level, event, __VA_ARGS__)

/* --- decks and zones, each loaded once */

static bool grow(void **items, size_t count, size_t size, struct ts_error *err)
{
    if ((count & (count - 1)) == 0) { /* full at every power of two */
        void *more = realloc(*items, (count == 0 ? 1 : 2 * count) * size);
        if (more == NULL) {
            return ts_error_no_memory(err);
        }
        *items = more;
    }
    return true;
}

static bool fetch_content(struct ts_rates_loader *loader,
                          const struct ts_stored_version *version,
                          struct ts_buffer *content,
                          struct ts_error *err)
{
    bool found = false;
    struct ts_error miss = {0};
    if (ts_redis_deck_cache_get(
            loader->cache, version->version, version->content_hash, content, &found, &miss) &&
        found) {
        return true;
    }
    ts_buffer_clear(content);
    if (!ts_rates_store_content(loader->store, version->version, content, err)) {
        return false;
    }
    if (!ts_redis_deck_cache_put(
            loader->cache, version->version, ts_buffer_bytes(content), &miss)) {
        SAY(loader, TS_LEVEL_DEBUG, "deck_not_cached", "%s", miss.text);
    }
    return true;
}

static struct ts_deck *deck_of(struct ts_rates_loader *loader,
                               const struct ts_stored_version *version,
                               int64_t revision,
                               struct ts_error *err)
{
    for (size_t i = 0; i < loader->deck_count; i++) {
        if (loader->decks[i].version == version->version) {
            loader->decks[i].wanted = revision;
            return loader->decks[i].deck;
        }
    }
    struct ts_buffer content;
    ts_buffer_init(&content, DECK_BYTES_MAX);
    struct ts_deck *deck = NULL;
    if (fetch_content(loader, version, &content, err)) {
        deck = loader->options.decks.read(
            loader->options.decks.self, ts_buffer_bytes(&content), NULL, err);
    }
    ts_buffer_finish(&content);
    if (deck != NULL &&
        !grow((void **)&loader->decks, loader->deck_count, sizeof *loader->decks, err)) {
        ts_deck_destroy(deck);
        return NULL;
    }
    if (deck != NULL) {
        loader->decks[loader->deck_count++] =
            (struct loaded_deck){version->version, deck, revision};
    }
    return deck;
}

static const struct ts_zone *
zone_of(struct ts_rates_loader *loader, const char *name, struct ts_error *err)
{
    for (size_t i = 0; i < loader->zone_count; i++) {
        if (strcmp(ts_zone_name(loader->zones[i]), name) == 0) {
            return loader->zones[i];
        }
    }
    struct ts_zone *zone = loader->options.zones.load(loader->options.zones.self, name, err);
    if (zone != NULL &&
        !grow((void **)&loader->zones, loader->zone_count, sizeof *loader->zones, err)) {
        ts_zone_destroy(zone);
        return NULL;
    }
    if (zone != NULL) {
        loader->zones[loader->zone_count++] = zone;
    }
    return zone;
}

/* --- one snapshot */

/* No call that is answered before this can be settled, as far as partitions are attached or may
 * soon be. */
static int64_t oldest_answer_ms(const struct ts_rates_loader *loader,
                                const struct ts_stored_rates *rates)
{
    int64_t days = loader->options.history_days + MARGIN_DAYS;
    int64_t kept_ms = ((int64_t)time(NULL) - days * 86400) * 1000;
    int64_t attached_ms =
        rates->usage_from_ms == INT64_MAX ? INT64_MAX : rates->usage_from_ms - DAY_MS;
    return kept_ms < attached_ms ? kept_ms : attached_ms;
}

/* What the catalog is built with: the decks wanted by this revision. */
struct building {
    struct ts_rates_loader *loader;
    int64_t revision;
};

static const struct ts_deck *
building_deck(void *self, const struct ts_stored_version *version, struct ts_error *err)
{
    const struct building *building = self;
    return deck_of(building->loader, version, building->revision, err);
}

static const struct ts_zone *building_zone(void *self, const char *name, struct ts_error *err)
{
    const struct building *building = self;
    return zone_of(building->loader, name, err);
}

static struct ts_catalog *build_catalog(struct ts_rates_loader *loader,
                                        const struct ts_stored_rates *rates,
                                        struct ts_error *err)
{
    struct building building = {loader, rates->revision};
    const struct ts_rates_source source = {.numbering = loader->options.numbering,
                                           .deck = building_deck,
                                           .zone = building_zone,
                                           .self = &building};
    const struct ts_rates_choice choice = {.oldest_answer_ms = oldest_answer_ms(loader, rates)};
    return ts_rates_catalog_build(&source, rates, &choice, err);
}

/* --- snapshots in use */

/* Frees snapshots that were replaced and are held by nobody. Under the lock. */
static void sweep(struct ts_rates_loader *loader)
{
    struct held **link = loader->snapshots == NULL ? NULL : &loader->snapshots->next;
    while (link != NULL && *link != NULL) {
        struct held *old = *link;
        if (old->holders == 0) {
            *link = old->next;
            ts_catalog_destroy(old->catalog);
            free(old);
        } else {
            link = &old->next;
        }
    }
}

static bool
put_in_force(struct ts_rates_loader *loader, struct ts_catalog *catalog, struct ts_error *err)
{
    struct held *held = calloc(1, sizeof *held);
    if (held == NULL) {
        ts_catalog_destroy(catalog);
        return ts_error_no_memory(err);
    }
    held->catalog = catalog;
    pthread_mutex_lock(&loader->lock);
    held->next = loader->snapshots;
    loader->snapshots = held;
    sweep(loader);
    pthread_mutex_unlock(&loader->lock);
    return true;
}

/* Frees decks that were superseded, once no older snapshot borrows from them. */
static void sweep_decks(struct ts_rates_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    bool alone = loader->snapshots != NULL && loader->snapshots->next == NULL;
    pthread_mutex_unlock(&loader->lock);
    if (!loader->sweep_due || !alone) {
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < loader->deck_count; i++) {
        if (loader->decks[i].wanted == loader->revision) {
            loader->decks[kept++] = loader->decks[i];
        } else {
            ts_deck_destroy(loader->decks[i].deck);
        }
    }
    loader->deck_count = kept;
    loader->sweep_due = false;
}

static bool load_if_changed(struct ts_rates_loader *loader, struct ts_error *err)
{
    int64_t revision = 0;
    struct ts_stored_rates rates;
    if (!ts_rates_store_revision(loader->store, &revision, err)) {
        return false;
    }
    if (revision == loader->revision) {
        sweep_decks(loader);
        return true;
    }
    loader->sweep_due = false; /* until it succeeds: what is loaded meanwhile is wanted by it */
    struct ts_catalog *catalog = NULL;
    if (ts_rates_store_read(loader->store, &rates, err)) {
        catalog = build_catalog(loader, &rates, err);
    }
    size_t versions = rates.version_count;
    revision = rates.revision;
    ts_stored_rates_finish(&rates);
    if (catalog == NULL || !put_in_force(loader, catalog, err)) {
        return false;
    }
    loader->revision = revision;
    loader->sweep_due = true;
    SAY(loader,
        TS_LEVEL_INFO,
        "rates_loaded",
        "revision %lld of the rates is in force, %zu deck versions published",
        (long long)revision,
        versions);
    return true;
}

static void *follow(void *self)
{
    struct ts_rates_loader *loader = self;
    pthread_mutex_lock(&loader->lock);
    while (!loader->stopping) {
        pthread_mutex_unlock(&loader->lock);
        struct ts_error err = {0};
        if (!load_if_changed(loader, &err)) {
            SAY(loader,
                err.class == TS_ERROR_RETRY ? TS_LEVEL_WARNING : TS_LEVEL_ERROR,
                "rates_not_loaded",
                "%s; the rates in force stay in force",
                err.text);
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_EVERY_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_mutex_lock(&loader->lock);
        if (!loader->stopping) {
            pthread_cond_timedwait(&loader->wake, &loader->lock, &until);
        }
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* --- the port */

static const struct ts_catalog *acquire(void *self)
{
    struct ts_rates_loader *loader = self;
    const struct ts_catalog *catalog = NULL;
    pthread_mutex_lock(&loader->lock);
    if (loader->snapshots != NULL) {
        loader->snapshots->holders++;
        catalog = loader->snapshots->catalog;
    }
    pthread_mutex_unlock(&loader->lock);
    return catalog;
}

static void release(void *self, const struct ts_catalog *catalog)
{
    struct ts_rates_loader *loader = self;
    pthread_mutex_lock(&loader->lock);
    struct held *held = loader->snapshots;
    while (held != NULL && held->catalog != catalog) {
        held = held->next;
    }
    TS_ASSERT(held != NULL && held->holders > 0);
    held->holders--;
    sweep(loader);
    pthread_mutex_unlock(&loader->lock);
}

struct ts_rates ts_rates_loader_port(struct ts_rates_loader *loader)
{
    static const struct ts_rates_ops ops = {.acquire = acquire, .release = release};
    return (struct ts_rates){&ops, loader};
}

/* --- life */

struct ts_rates_loader *ts_rates_loader_start(const struct ts_rates_loader_options *options,
                                              struct ts_error *err)
{
    struct ts_rates_loader *loader = calloc(1, sizeof *loader);
    if (loader == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    loader->options = *options;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_condattr_t steady; /* a clock that is set back must not make it sleep for so long */
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&loader->wake, &steady);
    pthread_condattr_destroy(&steady);
    struct ts_redis_options redis = {.url = options->redis_url, .client_name = "tollstream-decks"};
    struct ts_error first = {0};
    if ((loader->store = ts_rates_store_create(options->postgres_url, err)) == NULL ||
        (loader->cache = ts_redis_deck_cache_create(&redis, err)) == NULL) {
        ts_rates_loader_stop(loader);
        return NULL;
    }
    if (!load_if_changed(loader, &first) && first.class != TS_ERROR_RETRY) {
        *err = first;
        ts_rates_loader_stop(loader);
        return NULL;
    }
    if (pthread_create(&loader->thread, NULL, follow, loader) != 0) {
        ts_error_set(err, TS_ERROR_FATAL, 0, "no thread for the rates loader");
        ts_rates_loader_stop(loader);
        return NULL;
    }
    loader->running = true;
    return loader;
}

void ts_rates_loader_stop(struct ts_rates_loader *loader)
{
    if (loader == NULL) {
        return;
    }
    if (loader->running) {
        pthread_mutex_lock(&loader->lock);
        loader->stopping = true;
        pthread_cond_signal(&loader->wake);
        pthread_mutex_unlock(&loader->lock);
        pthread_join(loader->thread, NULL);
    }
    while (loader->snapshots != NULL) {
        struct held *held = loader->snapshots;
        TS_ASSERT(held->holders == 0);
        loader->snapshots = held->next;
        ts_catalog_destroy(held->catalog);
        free(held);
    }
    for (size_t i = 0; i < loader->deck_count; i++) {
        ts_deck_destroy(loader->decks[i].deck);
    }
    for (size_t i = 0; i < loader->zone_count; i++) {
        ts_zone_destroy(loader->zones[i]);
    }
    free(loader->decks);
    free(loader->zones);
    ts_redis_deck_cache_destroy(loader->cache);
    ts_rates_store_destroy(loader->store);
    pthread_mutex_destroy(&loader->lock);
    pthread_cond_destroy(&loader->wake);
    free(loader);
}
