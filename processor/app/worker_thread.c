/* SPDX-License-Identifier: Apache-2.0 */
#include "app/worker_thread.h"

#include "adapters/kafka/publisher.h"
#include "adapters/kafka/source.h"
#include "adapters/postgres/ledger.h"
#include "adapters/redis/balances.h"
#include "app/system_clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { STEP_WAIT_MS = 20, CLOSE_TIMEOUT_MS = 5000 };

/* A map of the settings in librdkafka's shape. */
struct properties {
    struct ts_kafka_property *items;
    size_t count;
};

struct ts_worker_thread {
    const struct ts_worker_shared *shared;
    struct properties all;
    struct properties consumer;
    struct properties producer;
    struct ts_kafka_source_options source_options;
    struct ts_kafka_publisher_options publisher_options;
    struct ts_kafka_source *source;
    struct ts_kafka_publisher *publisher;
    struct ts_redis_balances *balances;
    struct ts_postgres *postgres;
    struct ts_worker *worker;
    pthread_t thread;
    atomic_bool ended;
    bool drained; /* written before `ended` */
};

static int64_t tolerance_of(void *self, struct ts_bytes source)
{
    const struct ts_config *config = self;
    const struct ts_config_map *map = &config->validate.source_duration_tolerance_ms;
    for (size_t i = 0; i < map->count; i++) {
        if (ts_bytes_equal_text(source, map->pairs[i].name)) {
            return map->pairs[i].number;
        }
    }
    return config->validate.duration_tolerance_ms;
}

/* --- from settings to options */

static bool to_properties(const struct ts_config_map *map, struct properties *out)
{
    out->items = calloc(map->count + 1, sizeof *out->items);
    for (size_t i = 0; out->items != NULL && i < map->count; i++) {
        out->items[i] = (struct ts_kafka_property){map->pairs[i].name, map->pairs[i].value};
    }
    out->count = map->count;
    return out->items != NULL;
}

static bool open_kafka(struct ts_worker_thread *thread, struct ts_error *err)
{
    const struct ts_config *config = thread->shared->config;
    if (!to_properties(&config->kafka.properties, &thread->all) ||
        !to_properties(&config->kafka.consumer, &thread->consumer) ||
        !to_properties(&config->kafka.producer, &thread->producer)) {
        return ts_error_no_memory(err);
    }
    struct ts_kafka_connection connection = {
        .brokers = config->kafka.brokers,
        .properties = {thread->all.items, thread->all.count},
        .observer = thread->shared->observer,
    };
    thread->source_options = (struct ts_kafka_source_options){
        .connection = connection,
        .properties = {thread->consumer.items, thread->consumer.count},
        .group = config->kafka.group,
        .topics = {[TS_INPUT_CDRS] = config->kafka.topics.cdrs,
                   [TS_INPUT_CREDITS] = config->kafka.topics.credits,
                   [TS_INPUT_ADJUSTMENTS] = config->kafka.topics.adjustments},
        .assignment =
            config->kafka.assignment == TS_ASSIGNMENT_EAGER ? TS_KAFKA_EAGER : TS_KAFKA_COOPERATIVE,
        .session_timeout_ms = (int)config->kafka.session_timeout_ms,
    };
    thread->publisher_options = (struct ts_kafka_publisher_options){
        .connection = connection,
        .properties = {thread->producer.items, thread->producer.count},
        .topics = {[TS_OUTPUT_EVENTS] = config->kafka.topics.events,
                   [TS_OUTPUT_DEAD_LETTERS] = config->kafka.topics.dead_letters},
    };
    return ts_kafka_publisher_open(&thread->publisher_options, &thread->publisher, err) &&
           ts_kafka_source_open(&thread->source_options, &thread->source, err);
}

static bool make_servers(struct ts_worker_thread *thread, struct ts_error *err)
{
    const struct ts_config *config = thread->shared->config;
    struct ts_redis_options redis = {
        .url = config->redis.url,
        .connect_timeout_ms = (int)config->redis.connect_timeout_ms,
        .command_timeout_ms = (int)config->redis.command_timeout_ms,
    };
    struct ts_postgres_options postgres = ts_postgres_defaults();
    postgres.url = config->postgres.url;
    postgres.group = config->kafka.group;
    postgres.topics[TS_INPUT_CDRS] = config->kafka.topics.cdrs;
    postgres.topics[TS_INPUT_CREDITS] = config->kafka.topics.credits;
    postgres.topics[TS_INPUT_ADJUSTMENTS] = config->kafka.topics.adjustments;
    postgres.connect_timeout_ms = (int)config->postgres.connect_timeout_ms;
    postgres.claim_timeout_ms = (int)config->postgres.claim_timeout_ms;
    postgres.statement_timeout_ms = (int)config->postgres.statement_timeout_ms;
    postgres.lock_timeout_ms = (int)config->postgres.lock_timeout_ms;
    postgres.observer = thread->shared->observer;
    thread->balances = ts_redis_balances_create(&redis, err);
    thread->postgres = thread->balances == NULL ? NULL : ts_postgres_create(&postgres, err);
    return thread->postgres != NULL;
}

static bool make_worker(struct ts_worker_thread *thread, struct ts_error *err)
{
    const struct ts_config *config = thread->shared->config;
    struct ts_worker_options options;
    ts_worker_options_default(&options);
    options.batch.records_max = (size_t)config->batch.records_max;
    options.batch.bytes_max = (size_t)config->batch.bytes_max;
    options.batch.pool_size = (size_t)config->batch.pool;
    options.linger_ms = (int)config->batch.linger_ms;
    options.settle_timeout_ms = config->postgres.statement_timeout_ms > options.settle_timeout_ms
                                    ? config->postgres.statement_timeout_ms
                                    : options.settle_timeout_ms;
    options.settle_records_max = (size_t)config->settle.records_max;
    options.stop_unknown_lanes = config->start_from == TS_START_STOP;
    options.tolerance_of = tolerance_of;
    options.tolerance_self = (void *)config;
    options.topics[TS_INPUT_CDRS] = ts_bytes_of(config->kafka.topics.cdrs);
    options.topics[TS_INPUT_CREDITS] = ts_bytes_of(config->kafka.topics.credits);
    options.topics[TS_INPUT_ADJUSTMENTS] = ts_bytes_of(config->kafka.topics.adjustments);
    options.decide = (struct ts_decide_settings){
        .recharge_expires_after_ms = config->recharge.expires_after_ms,
        .recharge_backoff_first_ms = config->recharge.backoff_first_ms,
        .recharge_backoff_longest_ms = config->recharge.backoff_longest_ms,
    };
    struct ts_worker_ports ports = {
        .source = ts_kafka_source_port(thread->source),
        .codec = thread->shared->codec,
        .rates = thread->shared->rates,
        .balances = ts_redis_balances_port(thread->balances),
        .ledger = ts_postgres_ledger(thread->postgres),
        .settle = ts_postgres_settle(thread->postgres),
        .publisher = ts_kafka_publisher_port(thread->publisher),
        .zones = thread->shared->zones,
        .clock = ts_system_clock,
        .observer = thread->shared->observer,
    };
    thread->worker = ts_worker_create(&ports, &options, err);
    return thread->worker != NULL;
}

/* --- life */

static void *work(void *self)
{
    struct ts_worker_thread *thread = self;
    bool going = true;
    while (going && !thread->drained) {
        going = ts_worker_step(thread->worker, STEP_WAIT_MS);
        thread->drained = ts_worker_drained(thread->worker);
    }
    atomic_store(&thread->ended, true);
    return NULL;
}

static void destroy(struct ts_worker_thread *thread)
{
    ts_worker_destroy(thread->worker);
    bool closed = ts_kafka_source_close(thread->source, CLOSE_TIMEOUT_MS);
    closed = ts_kafka_publisher_close(thread->publisher, CLOSE_TIMEOUT_MS) && closed;
    ts_redis_balances_destroy(thread->balances);
    ts_postgres_destroy(thread->postgres);
    if (!closed) {
        return; /* NOLINT(clang-analyzer-unix.Malloc): librdkafka's threads may still read it */
    }
    free(thread->all.items);
    free(thread->consumer.items);
    free(thread->producer.items);
    free(thread);
}

struct ts_worker_thread *ts_worker_thread_start(const struct ts_worker_shared *shared,
                                                struct ts_error *err)
{
    struct ts_worker_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    thread->shared = shared;
    if (!make_servers(thread, err) || !open_kafka(thread, err) || !make_worker(thread, err)) {
        destroy(thread);
        return NULL; /* NOLINT(clang-analyzer-unix.Malloc): destroy() says what it leaves behind */
    }
    if (pthread_create(&thread->thread, NULL, work, thread) != 0) {
        ts_error_set(err, TS_ERROR_FATAL, 0, "no thread for a worker");
        destroy(thread);
        return NULL;
    }
    return thread;
}

void ts_worker_thread_drain(struct ts_worker_thread *thread)
{
    ts_worker_drain(thread->worker);
}

bool ts_worker_thread_ended(const struct ts_worker_thread *thread)
{
    return atomic_load(&thread->ended);
}

const struct ts_worker_stats *ts_worker_thread_stats(const struct ts_worker_thread *thread)
{
    return ts_worker_stats(thread->worker);
}

bool ts_worker_thread_join(struct ts_worker_thread *thread)
{
    pthread_join(thread->thread, NULL);
    bool drained = thread->drained;
    destroy(thread);
    return drained;
}
