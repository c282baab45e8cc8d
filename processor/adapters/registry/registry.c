/* SPDX-License-Identifier: Apache-2.0 */
/* A table of the ids that were asked for, under one lock, and the thread that turns those wanted
 * into found or absent. Only that thread speaks HTTP and touches the disk. */
#include "adapters/registry/registry.h"

#include "adapters/registry/answer.h"
#include "adapters/registry/disk_cache.h"
#include "adapters/registry/http_get.h"
#include "core/reason.h"

#include <curl/curl.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ENTRIES_MAX = 256, /* more ids than that at once: those answered longest ago are forgotten */
    ANSWER_SIZE_MAX = 256 * 1024,
    FIRST_WAIT_MS = 200, /* a registry that is well answers within it */
    FORGET_MS = 60000,   /* an id that nobody fetched again for so long is not asked for any more */
};

enum state { STATE_FREE, STATE_WANTED, STATE_FOUND, STATE_ABSENT };

struct entry {
    uint32_t id;
    enum state state;
    char *text; /* found */
    size_t text_size;
    int64_t believed_until_ms; /* absent */
    int64_t fetched_ms;        /* when somebody asked last */
    struct ts_error err;       /* absent: why. Wanted: what the last request met, NONE if nothing */
};

struct ts_registry {
    struct ts_registry_options options;
    struct ts_registry_http *http;
    struct ts_registry_cache cache;
    struct ts_buffer answer; /* of the thread */
    struct ts_buffer schema;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wanted;
    pthread_cond_t answered;
    struct entry entries[ENTRIES_MAX];
    size_t next_look;   /* where the thread looks on: no id keeps others from being asked for */
    size_t next_forget; /* which entry is taken next for another id */
    int64_t retry_at_ms;

    pthread_t thread;
    bool started;
    atomic_bool stopping;
};

#define SAY(registry, level, event, ...)                                                           \
    (registry)->options.observer.ops->say(                                                         \
        (registry)->options.observer.self, level, event, __VA_ARGS__)

struct ts_registry_options ts_registry_defaults(void)
{
    return (struct ts_registry_options){
        .cache_dir = "",
        .timeout_ms = 5000,
        .retry_ms = 1000,
        .absent_ms = 30000,
    };
}

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False when the time came first. The conditions follow the monotonic clock. */
static bool wait_until(struct ts_registry *registry, pthread_cond_t *condition, int64_t at_ms)
{
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    return pthread_cond_timedwait(condition, &registry->lock, &at) == 0;
}

/* --- the thread */

/* From the disk, or from the registry and then to the disk. */
static bool get(struct ts_registry *registry, uint32_t id, struct ts_error *err)
{
    long status = 200;
    struct ts_error damage;
    ts_buffer_clear(&registry->answer);
    ts_buffer_clear(&registry->schema);
    if (ts_registry_cache_read(&registry->cache, id, &registry->answer) &&
        ts_registry_answer_read(
            status, ts_buffer_bytes(&registry->answer), &registry->schema, &damage)) {
        return true;
    }
    ts_buffer_clear(&registry->answer);
    ts_buffer_clear(&registry->schema);
    if (!ts_registry_http_get(registry->http, id, &registry->answer, &status, err) ||
        !ts_registry_answer_read(
            status, ts_buffer_bytes(&registry->answer), &registry->schema, err)) {
        return false;
    }
    if (!ts_registry_cache_write(
            &registry->cache, id, ts_buffer_bytes(&registry->answer), &damage)) {
        SAY(registry,
            TS_LEVEL_WARNING,
            "schema_cache",
            "schema id %" PRIu32 " is not kept for a restart: %s",
            id,
            damage.text);
    }
    return true;
}

/* Under the lock. */
static void keep(struct ts_registry *registry, struct entry *entry)
{
    struct ts_bytes text = ts_buffer_bytes(&registry->schema);
    entry->text = malloc(text.size + 1);
    if (entry->text == NULL) {
        registry->retry_at_ms = mono_ms() + registry->options.retry_ms;
        return;
    }
    memcpy(entry->text, text.data, text.size);
    entry->text_size = text.size;
    entry->state = STATE_FOUND;
}

/* Under the lock. */
static void note_failure(struct ts_registry *registry, struct entry *entry, struct ts_error *err)
{
    const char *name = ts_registry_http_base(registry->http);
    ts_error_prefix(err, "schema id %" PRIu32 ": schema registry %s", entry->id, name);
    entry->err = *err;
    if (err->class == TS_ERROR_REJECT) {
        entry->state = STATE_ABSENT;
        entry->believed_until_ms = mono_ms() + registry->options.absent_ms;
    } else {
        registry->retry_at_ms = mono_ms() + registry->options.retry_ms;
    }
}

static struct entry *next_wanted(struct ts_registry *registry)
{
    int64_t now_ms = mono_ms();
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        struct entry *entry = &registry->entries[registry->next_look++ % ENTRIES_MAX];
        if (entry->state == STATE_WANTED && now_ms - entry->fetched_ms > FORGET_MS) {
            entry->state = STATE_FREE;
        }
        if (entry->state == STATE_WANTED) {
            return entry;
        }
    }
    return NULL;
}

static void *work(void *self)
{
    struct ts_registry *registry = self;
    pthread_mutex_lock(&registry->lock);
    while (!atomic_load(&registry->stopping)) {
        if (mono_ms() < registry->retry_at_ms) {
            wait_until(registry, &registry->wanted, registry->retry_at_ms);
            continue;
        }
        struct entry *entry = next_wanted(registry);
        if (entry == NULL) {
            pthread_cond_wait(&registry->wanted, &registry->lock);
            continue;
        }
        uint32_t id = entry->id; /* nobody but this thread changes an entry that is wanted */
        struct ts_error err = {0};
        pthread_mutex_unlock(&registry->lock);
        bool found = get(registry, id, &err);
        pthread_mutex_lock(&registry->lock);
        if (found) {
            keep(registry, entry);
        } else {
            note_failure(registry, entry, &err);
        }
        pthread_cond_broadcast(&registry->answered);
    }
    pthread_mutex_unlock(&registry->lock);
    return NULL;
}

/* --- who asks: all under the lock */

static struct entry *find(struct ts_registry *registry, uint32_t id)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        struct entry *entry = &registry->entries[i];
        if (entry->state != STATE_FREE && entry->id == id) {
            return entry;
        }
    }
    return NULL;
}

/* An entry that is free, or was answered long ago; NULL when all are wanted. */
static struct entry *take(struct ts_registry *registry)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        struct entry *entry = &registry->entries[registry->next_forget++ % ENTRIES_MAX];
        if (entry->state != STATE_WANTED) {
            free(entry->text);
            *entry = (struct entry){.state = STATE_FREE};
            return entry;
        }
    }
    return NULL;
}

/* Has the id asked for, and waits a moment for the answer. */
static struct entry *ask(struct ts_registry *registry, struct entry *entry, uint32_t id)
{
    if (entry == NULL && (entry = take(registry)) == NULL) {
        return NULL;
    }
    int64_t now_ms = mono_ms();
    *entry = (struct entry){.id = id, .state = STATE_WANTED, .fetched_ms = now_ms};
    pthread_cond_signal(&registry->wanted);
    int64_t until_ms = now_ms + FIRST_WAIT_MS;
    while (entry != NULL && entry->state == STATE_WANTED && entry->err.class == TS_ERROR_NONE &&
           wait_until(registry, &registry->answered, until_ms)) {
        entry = find(registry, id);
    }
    return find(registry, id);
}

static bool fetch(void *self, uint32_t id, struct ts_buffer *out, struct ts_error *err)
{
    struct ts_registry *registry = self;
    pthread_mutex_lock(&registry->lock);
    struct entry *entry = find(registry, id);
    if (entry == NULL || (entry->state == STATE_ABSENT && mono_ms() >= entry->believed_until_ms)) {
        entry = ask(registry, entry, id);
    }
    bool found = entry != NULL && entry->state == STATE_FOUND;
    if (entry != NULL) {
        entry->fetched_ms = mono_ms();
    }
    if (found) {
        ts_buffer_append(out, entry->text, entry->text_size);
        found = !out->failed || ts_error_no_memory(err);
    } else if (entry != NULL && entry->err.class != TS_ERROR_NONE) {
        *err = entry->err;
    } else {
        ts_error_set(err,
                     TS_ERROR_RETRY,
                     0,
                     "schema id %" PRIu32 ": schema registry %s has not answered yet",
                     id,
                     ts_registry_http_base(registry->http));
    }
    pthread_mutex_unlock(&registry->lock);
    return found;
}

/* --- life */

static bool start(struct ts_registry *registry, struct ts_error *err)
{
    const struct ts_registry_options *options = &registry->options;
    registry->http =
        ts_registry_http_open(options->url, options->timeout_ms, &registry->stopping, err);
    if (registry->http == NULL ||
        !ts_registry_cache_init(
            &registry->cache, options->cache_dir, ts_registry_http_base(registry->http), err)) {
        return false;
    }
    registry->options.url = NULL; /* it holds a password, and is the caller's */
    registry->started = pthread_create(&registry->thread, NULL, work, registry) == 0;
    return registry->started ||
           ts_error_set(err, TS_ERROR_FATAL, 0, "no thread for the schema registry");
}

struct ts_registry *ts_registry_open(const struct ts_registry_options *options,
                                     struct ts_error *err)
{
    struct ts_registry *registry = calloc(1, sizeof *registry);
    if (registry == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(registry);
        ts_error_no_memory(err);
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&registry->wanted, &monotonic);
    pthread_cond_init(&registry->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&registry->lock, NULL);
    ts_buffer_init(&registry->answer, ANSWER_SIZE_MAX);
    ts_buffer_init(&registry->schema, ANSWER_SIZE_MAX);
    registry->options = *options;
    if (!start(registry, err)) {
        ts_registry_close(registry);
        return NULL;
    }
    return registry;
}

void ts_registry_close(struct ts_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    if (registry->started) {
        pthread_mutex_lock(&registry->lock);
        atomic_store(&registry->stopping, true);
        pthread_cond_signal(&registry->wanted);
        pthread_mutex_unlock(&registry->lock);
        pthread_join(registry->thread, NULL);
    }
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        free(registry->entries[i].text);
    }
    ts_registry_http_close(registry->http);
    ts_registry_cache_finish(&registry->cache);
    ts_buffer_finish(&registry->answer);
    ts_buffer_finish(&registry->schema);
    pthread_mutex_destroy(&registry->lock);
    pthread_cond_destroy(&registry->wanted);
    pthread_cond_destroy(&registry->answered);
    curl_global_cleanup();
    free(registry);
}

struct ts_schemas ts_registry_port(struct ts_registry *registry)
{
    static const struct ts_schemas_ops ops = {.fetch = fetch};
    return (struct ts_schemas){&ops, registry};
}
