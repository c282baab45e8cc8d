/* SPDX-License-Identifier: Apache-2.0 */
/* Rate plans and published decks in PostgreSQL, the truth of both. A connection of its own, made
 * when it is needed and again after it broke; used by one thread. */
#ifndef TS_ADAPTERS_POSTGRES_RATES_STORE_H
#define TS_ADAPTERS_POSTGRES_RATES_STORE_H

#include "base/buffer.h"
#include "base/error.h"
#include "core/rate_plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_rates_store;

struct ts_stored_plan {
    int32_t plan_no;
    struct ts_rate_plan plan;
};

struct ts_stored_version {
    int64_t version;
    int32_t plan_no;
    int64_t effective_ms; /* INT64_MIN: since ever */
    int64_t published_ms;
    int64_t row_count;
    uint64_t content_hash; /* ts_hash64 of the CSV */
    int64_t content_size;
    char operator_name[64];
};

/* Plans by number, versions by number; both on the heap. */
struct ts_stored_rates {
    int64_t revision;      /* of the set: grows with every change */
    int64_t usage_from_ms; /* the oldest call that can be settled; INT64_MAX: no partition yet */
    struct ts_stored_plan *plans;
    size_t plan_count;
    struct ts_stored_version *versions;
    size_t version_count;
};

struct ts_rates_store *ts_rates_store_create(const char *url, struct ts_error *err);
void ts_rates_store_destroy(struct ts_rates_store *store);

bool ts_rates_store_revision(struct ts_rates_store *store, int64_t *revision, struct ts_error *err);

/* One state of plans and versions. End it with ts_stored_rates_finish, also after a failure. */
bool ts_rates_store_read(struct ts_rates_store *store,
                         struct ts_stored_rates *out,
                         struct ts_error *err);
void ts_stored_rates_finish(struct ts_stored_rates *rates);

/* Appends the CSV of a version, byte for byte. */
bool ts_rates_store_content(struct ts_rates_store *store,
                            int64_t version,
                            struct ts_buffer *out,
                            struct ts_error *err);

/* Publishes a deck that was checked: it holds from effective_ms (INT64_MIN: since ever) on, as soon
 * as this returns true. Class REJECT when there is no such plan. */
bool ts_rates_store_publish(struct ts_rates_store *store,
                            const char *plan_name,
                            struct ts_bytes csv,
                            int64_t row_count,
                            int64_t effective_ms,
                            const char *operator_name,
                            int64_t *version,
                            struct ts_error *err);

/* Makes the plan or changes it to these settings. */
bool ts_rates_store_set_plan(struct ts_rates_store *store,
                             const struct ts_rate_plan *plan,
                             struct ts_error *err);

#endif
