/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of pointers that are set once: readers load them, one writer at a time adds. It is
 * never more than half full, and nothing is ever taken out. */
#include "adapters/avro/schema_ids.h"

#include "adapters/avro/embedded.h"
#include "core/reason.h"

#include <avro.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { IDS_MAX = 4096, SLOTS = 2 * IDS_MAX, SCHEMA_SIZE_MAX = 1024 * 1024 };

struct known {
    uint32_t id;
    struct ts_avro_plan *plan; /* NULL: refused */
    struct ts_error refusal;
};

struct ts_avro_ids {
    struct ts_schemas schemas;
    _Atomic(struct known *) slots[SLOTS];
    pthread_mutex_t lock; /* who adds */
    size_t count;
};

struct ts_avro_ids *ts_avro_ids_create(struct ts_schemas schemas, struct ts_error *err)
{
    struct ts_avro_ids *ids = calloc(1, sizeof *ids);
    if (ids == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    ids->schemas = schemas;
    pthread_mutex_init(&ids->lock, NULL);
    return ids;
}

static void destroy_known(struct known *known)
{
    if (known != NULL) {
        ts_avro_plan_destroy(known->plan);
        free(known);
    }
}

void ts_avro_ids_destroy(struct ts_avro_ids *ids)
{
    if (ids == NULL) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        destroy_known(ids->slots[i]);
    }
    pthread_mutex_destroy(&ids->lock);
    free(ids);
}

/* The slot of the id, or the free one where it belongs. Ids are small numbers in a row. */
static _Atomic(struct known *) *find(struct ts_avro_ids *ids, uint32_t id)
{
    size_t at = id % SLOTS;
    for (;;) {
        const struct known *known = atomic_load_explicit(&ids->slots[at], memory_order_acquire);
        if (known == NULL || known->id == id) {
            return &ids->slots[at];
        }
        at = (at + 1) % SLOTS;
    }
}

static struct ts_avro_plan *compile(uint32_t id, struct ts_bytes text, struct ts_error *err)
{
    char name[sizeof "id 4294967295"];
    snprintf(name, sizeof name, "id %" PRIu32, id);
    avro_schema_t schema = ts_avro_schema_parse(text, name, NULL, err);
    if (schema == NULL) {
        return NULL;
    }
    struct ts_avro_plan *plan = NULL;
    if (is_avro_record(schema) && strcmp(avro_schema_name(schema), "CallDetailRecord") != 0) {
        ts_error_set(err,
                     TS_ERROR_REJECT,
                     TS_REASON_UNKNOWN_SCHEMA,
                     "schema %s: it is of the record %s, not of CallDetailRecord",
                     name,
                     avro_schema_name(schema));
    } else {
        plan = ts_avro_plan_create(schema, err);
        if (plan == NULL) {
            ts_error_prefix(err, "schema %s", name);
        }
    }
    avro_schema_decref(schema);
    return plan;
}

/* Under the lock, and only when another thread has not done it meanwhile. A refusal is kept like a
 * plan; what may pass (class FATAL) is not. */
static struct known *
add(struct ts_avro_ids *ids, uint32_t id, struct ts_bytes text, struct ts_error *err)
{
    _Atomic(struct known *) *slot = find(ids, id);
    struct known *known = atomic_load_explicit(slot, memory_order_relaxed);
    if (known != NULL) {
        return known;
    }
    if (ids->count == IDS_MAX) {
        ts_error_set(err,
                     TS_ERROR_RETRY,
                     0,
                     "schema id %" PRIu32 ": more than %d ids were met since the start; restart, "
                     "and look at who writes so many",
                     id,
                     IDS_MAX);
        return NULL;
    }
    known = calloc(1, sizeof *known);
    if (known == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    known->id = id;
    known->plan = compile(id, text, &known->refusal);
    if (known->plan == NULL && known->refusal.class != TS_ERROR_REJECT) {
        *err = known->refusal;
        free(known);
        return NULL;
    }
    ids->count++;
    atomic_store_explicit(slot, known, memory_order_release);
    return known;
}

static struct known *learn(struct ts_avro_ids *ids, uint32_t id, struct ts_error *err)
{
    struct known *known = NULL;
    struct ts_buffer text;
    ts_buffer_init(&text, SCHEMA_SIZE_MAX);
    if (ids->schemas.ops->fetch(ids->schemas.self, id, &text, err)) {
        pthread_mutex_lock(&ids->lock);
        known = add(ids, id, ts_buffer_bytes(&text), err);
        pthread_mutex_unlock(&ids->lock);
    }
    ts_buffer_finish(&text);
    return known;
}

const struct ts_avro_plan *
ts_avro_ids_plan(struct ts_avro_ids *ids, uint32_t id, struct ts_error *err)
{
    const struct known *known = atomic_load_explicit(find(ids, id), memory_order_acquire);
    if (known == NULL) {
        known = learn(ids, id, err);
    }
    if (known != NULL && known->plan == NULL) {
        *err = known->refusal;
    }
    return known == NULL ? NULL : known->plan;
}
