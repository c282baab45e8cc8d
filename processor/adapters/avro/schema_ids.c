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

struct entry {
    uint32_t id;
    struct ts_avro_known known; /* foreign: refused */
    struct ts_error refusal;
};

struct ts_avro_ids {
    struct ts_schemas schemas;
    _Atomic(struct entry *) slots[SLOTS];
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

static void destroy_entry(struct entry *entry)
{
    if (entry != NULL) {
        ts_avro_known_finish(&entry->known);
        free(entry);
    }
}

void ts_avro_ids_destroy(struct ts_avro_ids *ids)
{
    if (ids == NULL) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        destroy_entry(ids->slots[i]);
    }
    pthread_mutex_destroy(&ids->lock);
    free(ids);
}

/* The slot of the id, or the free one where it belongs. Ids are small numbers in a row. */
static _Atomic(struct entry *) *find(struct ts_avro_ids *ids, uint32_t id)
{
    size_t at = id % SLOTS;
    for (;;) {
        const struct entry *entry = atomic_load_explicit(&ids->slots[at], memory_order_acquire);
        if (entry == NULL || entry->id == id) {
            return &ids->slots[at];
        }
        at = (at + 1) % SLOTS;
    }
}

/* Why a schema is refused that is neither of CDRs nor of commands. */
static bool refuse_foreign(avro_schema_t schema, const char *name, struct ts_error *err)
{
    bool is_record = is_avro_record(schema);
    return ts_error_set(err,
                        TS_ERROR_REJECT,
                        TS_REASON_UNKNOWN_SCHEMA,
                        "schema %s: it is of %s%s, neither of CallDetailRecord nor of a command",
                        name,
                        is_record ? "the record " : "type ",
                        avro_schema_type_name(schema));
}

static bool
compile(uint32_t id, struct ts_bytes text, struct ts_avro_known *known, struct ts_error *err)
{
    char name[sizeof "id 4294967295"];
    snprintf(name, sizeof name, "id %" PRIu32, id);
    avro_schema_t schema = ts_avro_schema_parse(text, name, NULL, err);
    if (schema == NULL) {
        return false;
    }
    bool ok = ts_avro_known_init(known, schema, err);
    if (!ok) {
        ts_error_prefix(err, "schema %s", name);
    } else if (ts_avro_known_is_foreign(known)) {
        ok = refuse_foreign(schema, name, err);
    }
    avro_schema_decref(schema);
    return ok;
}

/* Under the lock, and only when another thread has not done it meanwhile. A refusal is kept like a
 * plan; what may pass (class FATAL) is not. */
static struct entry *
add(struct ts_avro_ids *ids, uint32_t id, struct ts_bytes text, struct ts_error *err)
{
    _Atomic(struct entry *) *slot = find(ids, id);
    struct entry *entry = atomic_load_explicit(slot, memory_order_relaxed);
    if (entry != NULL) {
        return entry;
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
    entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    entry->id = id;
    if (!compile(id, text, &entry->known, &entry->refusal) &&
        entry->refusal.class != TS_ERROR_REJECT) {
        *err = entry->refusal;
        free(entry);
        return NULL;
    }
    ids->count++;
    atomic_store_explicit(slot, entry, memory_order_release);
    return entry;
}

static struct entry *learn(struct ts_avro_ids *ids, uint32_t id, struct ts_error *err)
{
    struct entry *entry = NULL;
    struct ts_buffer text;
    ts_buffer_init(&text, SCHEMA_SIZE_MAX);
    if (ids->schemas.ops->fetch(ids->schemas.self, id, &text, err)) {
        pthread_mutex_lock(&ids->lock);
        entry = add(ids, id, ts_buffer_bytes(&text), err);
        pthread_mutex_unlock(&ids->lock);
    }
    ts_buffer_finish(&text);
    return entry;
}

const struct ts_avro_known *
ts_avro_ids_known(struct ts_avro_ids *ids, uint32_t id, struct ts_error *err)
{
    const struct entry *entry = atomic_load_explicit(find(ids, id), memory_order_acquire);
    if (entry == NULL) {
        entry = learn(ids, id, err);
    }
    if (entry == NULL) {
        return NULL;
    }
    if (ts_avro_known_is_foreign(&entry->known)) {
        *err = entry->refusal;
        return NULL;
    }
    return &entry->known;
}
