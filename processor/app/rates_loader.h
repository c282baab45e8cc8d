/* SPDX-License-Identifier: Apache-2.0 */
/* Follows what is published and keeps the rating catalog of the process: a thread looks for another
 * revision twice a second, reads what is new (decks from Redis' cache where it has them, else from
 * PostgreSQL, the truth), compiles it, and puts a new snapshot in the old one's place. Whoever
 * holds the old one keeps it until release. A set that can't be loaded leaves the old snapshot in
 * force and is told; it never makes half a catalog. */
#ifndef TS_APP_RATES_LOADER_H
#define TS_APP_RATES_LOADER_H

#include "base/error.h"
#include "ports/decks.h"
#include "ports/observer.h"
#include "ports/rates.h"
#include "ports/zones.h"

#include <stdint.h>

struct ts_numbering;
struct ts_rates_loader;

struct ts_rates_loader_options {
    const char *postgres_url;
    const char *redis_url; /* of the deck cache */
    int64_t
        history_days; /* calls older than this are never rated: what only they need is left out */
    const struct ts_numbering *numbering; /* outlives the loader */
    struct ts_decks decks;
    struct ts_zones zones;
    struct ts_observer observer;
};

/* Loads once, then follows in the background. A first load that fails with class RETRY is tried
 * again in the background too: until it succeeds there is no catalog. NULL: class FATAL. */
struct ts_rates_loader *ts_rates_loader_start(const struct ts_rates_loader_options *options,
                                              struct ts_error *err);
/* Every catalog must have been released. */
void ts_rates_loader_stop(struct ts_rates_loader *loader);

/* Any thread. */
struct ts_rates ts_rates_loader_port(struct ts_rates_loader *loader);

#endif
