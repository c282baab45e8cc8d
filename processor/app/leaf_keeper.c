/* SPDX-License-Identifier: Apache-2.0 */
#include "app/leaf_keeper.h"

#include "adapters/postgres/partitions.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { ENSURE_EVERY_S = 60, TEND_EVERY_S = 10, RETRY_S = 1 };

struct ts_leaf_keeper {
    struct ts_observer observer;
    struct ts_partitions *partitions;
    pthread_mutex_t lock; /* of `stopping` */
    pthread_cond_t wake;
    bool stopping;
    bool running;
    pthread_t thread;
    int64_t ensured_ms; /* when the leaves ahead were last seen to be there; INT64_MIN: not yet */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell(const struct ts_leaf_keeper *keeper, const struct ts_error *err)
{
    keeper->observer.ops->say(keeper->observer.self,
                              err->class == TS_ERROR_RETRY ? TS_LEVEL_WARNING : TS_LEVEL_ERROR,
                              "usage_partitions",
                              "%s",
                              err->text);
}

/* False when told to stop. */
static bool sleep_for(struct ts_leaf_keeper *keeper, int seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&keeper->lock);
    if (!keeper->stopping) {
        pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until);
    }
    bool going = !keeper->stopping;
    pthread_mutex_unlock(&keeper->lock);
    return going;
}

static bool ensure(struct ts_leaf_keeper *keeper, struct ts_error *err)
{
    int64_t since_ms = keeper->ensured_ms == INT64_MIN ? -1 : now_ms() - keeper->ensured_ms;
    if (since_ms >= 0 && since_ms < ENSURE_EVERY_S * 1000) {
        return true;
    }
    if (!ts_partitions_ensure(keeper->partitions, now_ms(), err)) {
        return false;
    }
    keeper->ensured_ms = now_ms();
    return true;
}

static void *keep(void *self)
{
    struct ts_leaf_keeper *keeper = self;
    int wait_s = RETRY_S;
    while (sleep_for(keeper, wait_s)) {
        struct ts_error err = {0};
        bool more = false;
        if (ensure(keeper, &err) && ts_partitions_tend(keeper->partitions, now_ms(), &more, &err)) {
            wait_s = more ? RETRY_S : TEND_EVERY_S;
        } else {
            tell(keeper, &err);
            wait_s = RETRY_S;
        }
    }
    return NULL;
}

struct ts_leaf_keeper *ts_leaf_keeper_start(const struct ts_config *config,
                                            struct ts_observer observer,
                                            struct ts_error *err)
{
    static const int32_t hours[] = {[TS_LEAF_DAY] = 24, [TS_LEAF_6H] = 6, [TS_LEAF_1H] = 1};
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = config->postgres.url;
    options.leaf_hours = hours[config->usage.leaf];
    options.history_days = (int32_t)config->usage.history_days;
    options.ahead_days = (int32_t)config->usage.ahead_days;
    options.observer = observer;
    struct ts_leaf_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    keeper->observer = observer;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_t steady; /* a clock that is set back must not make it sleep for so long */
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->wake, &steady);
    pthread_condattr_destroy(&steady);
    keeper->partitions = ts_partitions_create(&options, err);
    if (keeper->partitions == NULL) {
        ts_leaf_keeper_stop(keeper);
        return NULL;
    }
    struct ts_error first = {0};
    keeper->ensured_ms = INT64_MIN;
    if (!ensure(keeper, &first)) { /* the thread tries again; a worker waits for its leaf */
        tell(keeper, &first);
    }
    if (pthread_create(&keeper->thread, NULL, keep, keeper) != 0) {
        ts_error_set(err, TS_ERROR_FATAL, 0, "no thread for the keeper of usage partitions");
        ts_leaf_keeper_stop(keeper);
        return NULL;
    }
    keeper->running = true;
    return keeper;
}

void ts_leaf_keeper_stop(struct ts_leaf_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    if (keeper->running) {
        pthread_mutex_lock(&keeper->lock);
        keeper->stopping = true;
        pthread_cond_signal(&keeper->wake);
        pthread_mutex_unlock(&keeper->lock);
        pthread_join(keeper->thread, NULL);
    }
    ts_partitions_destroy(keeper->partitions);
    pthread_mutex_destroy(&keeper->lock);
    pthread_cond_destroy(&keeper->wake);
    free(keeper);
}
