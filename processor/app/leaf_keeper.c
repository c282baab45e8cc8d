/* SPDX-License-Identifier: Apache-2.0 */
#include "app/leaf_keeper.h"

#include "adapters/postgres/partitions.h"
#include "app/system_clock.h"

#include <stdlib.h>

enum { ENSURE_EVERY_S = 60, TEND_EVERY_S = 10, RETRY_S = 1 };

struct ts_leaf_keeper {
    struct ts_observer observer;
    struct ts_partitions *partitions;
    struct ts_duty duty;
    int64_t ensured_ms; /* when the leaves ahead were last seen to be there; INT64_MIN: not yet */
};

static void tell(const struct ts_leaf_keeper *keeper, const struct ts_error *err)
{
    keeper->observer.ops->say(keeper->observer.self,
                              err->class == TS_ERROR_RETRY ? TS_LEVEL_WARNING : TS_LEVEL_ERROR,
                              "usage_partitions",
                              "%s",
                              err->text);
}

static bool ensure(struct ts_leaf_keeper *keeper, struct ts_error *err)
{
    int64_t since_ms =
        keeper->ensured_ms == INT64_MIN ? -1 : ts_system_now_ms() - keeper->ensured_ms;
    if (since_ms >= 0 && since_ms < ENSURE_EVERY_S * 1000) {
        return true;
    }
    if (!ts_partitions_ensure(keeper->partitions, ts_system_now_ms(), err)) {
        return false;
    }
    keeper->ensured_ms = ts_system_now_ms();
    return true;
}

static int keep(void *self)
{
    struct ts_leaf_keeper *keeper = self;
    struct ts_error err = {0};
    bool more = false;
    if (ensure(keeper, &err) &&
        ts_partitions_tend(keeper->partitions, ts_system_now_ms(), &more, &err)) {
        return more ? RETRY_S : TEND_EVERY_S;
    }
    tell(keeper, &err);
    return RETRY_S;
}

struct ts_leaf_keeper *ts_leaf_keeper_start(const struct ts_config *config,
                                            struct ts_observer observer,
                                            struct ts_error *err)
{
    static const int32_t hours[] = {[TS_LEAF_DAY] = 24, [TS_LEAF_6H] = 6, [TS_LEAF_1H] = 1};
    static const enum ts_retention_action actions[] = {
        [TS_RETAINED_DETACH] = TS_RETENTION_DETACH, [TS_RETAINED_DROP] = TS_RETENTION_DROP};
    struct ts_partitions_options options = ts_partitions_defaults();
    options.url = config->postgres.url;
    options.leaf_hours = hours[config->usage.leaf];
    options.history_days = (int32_t)config->usage.history_days;
    options.ahead_days = (int32_t)config->usage.ahead_days;
    options.retention_days = (int32_t)config->usage.retention_days;
    options.retention_action = actions[config->usage.retention_action];
    options.observer = observer;
    struct ts_leaf_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    keeper->observer = observer;
    ts_duty_init(&keeper->duty, keep, keeper);
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
    if (!ts_duty_start(&keeper->duty, err)) {
        ts_leaf_keeper_stop(keeper);
        return NULL;
    }
    return keeper;
}

void ts_leaf_keeper_stop(struct ts_leaf_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    ts_duty_finish(&keeper->duty);
    ts_partitions_destroy(keeper->partitions);
    free(keeper);
}

struct ts_duty *ts_leaf_keeper_duty(struct ts_leaf_keeper *keeper)
{
    return &keeper->duty;
}
