/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream run`: the processor. Its main thread starts what there is, waits for a signal, and
 * ends it again: SIGTERM or SIGINT drains (what was charged is settled and published, nothing new
 * is taken), a second one ends the process at once. Either is safe: what was not settled is taken
 * back and decided again by whoever comes next. */
#include "adapters/csv/deck_csv.h"
#include "adapters/tzdata/zone_file.h"
#include "app/cli.h"
#include "app/leaf_keeper.h"
#include "app/monitor.h"
#include "app/rates_loader.h"
#include "app/registry_codec.h"
#include "app/session.h"
#include "app/system_clock.h"
#include "app/timer_keeper.h"
#include "app/worker_thread.h"
#include "core/numbering.h"
#include "core/numbering_data.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, LOOK_EVERY_MS = 100 };

struct run {
    struct ts_session *session;
    struct ts_observer observer;
    struct ts_numbering *numbering;
    struct ts_registry_codec codec;
    struct ts_rates_loader *loader;
    struct ts_leaf_keeper *keeper;
    struct ts_timer_keeper *timers;
    struct ts_worker_shared shared;
    struct ts_worker_thread *workers[WORKERS_MAX];
    size_t worker_count;
    const struct ts_worker_stats *stats[WORKERS_MAX];
    struct ts_monitor *monitor;
};

#define SAY(run, level, event, ...)                                                                \
    (run)->observer.ops->say((run)->observer.self, level, event, __VA_ARGS__)

static bool start_shared(struct run *run, struct ts_error *err)
{
    const struct ts_config *config = &run->session->config;
    run->numbering = ts_numbering_create(ts_numbering_plan_embedded(), err);
    if (run->numbering == NULL ||
        !ts_registry_codec_open(&run->codec, config, run->observer, err)) {
        return false;
    }
    struct ts_rates_loader_options rates = {
        .postgres_url = config->postgres.url,
        .redis_url = config->redis.url,
        .history_days = config->usage.history_days,
        .numbering = run->numbering,
        .decks = ts_csv_decks(NULL),
        .zones = ts_zone_files(),
        .observer = run->observer,
    };
    run->loader = ts_rates_loader_start(&rates, err);
    run->keeper = run->loader == NULL ? NULL : ts_leaf_keeper_start(config, run->observer, err);
    run->timers = run->keeper == NULL ? NULL : ts_timer_keeper_start(config, run->observer, err);
    return run->timers != NULL;
}

static bool start_workers(struct run *run, struct ts_error *err)
{
    run->shared = (struct ts_worker_shared){
        .config = &run->session->config,
        .codec = ts_avro_codec_port(run->codec.codec),
        .rates = ts_rates_loader_port(run->loader),
        .zones = ts_zone_files(),
        .observer = run->observer,
    };
    for (int64_t i = 0; i < run->session->config.workers && i < WORKERS_MAX; i++) {
        struct ts_worker_thread *worker = ts_worker_thread_start(&run->shared, err);
        if (worker == NULL) {
            return false;
        }
        run->workers[run->worker_count++] = worker;
    }
    return true;
}

static bool start_monitor(struct run *run, struct ts_error *err)
{
    const struct ts_config *config = &run->session->config;
    for (size_t i = 0; i < run->worker_count; i++) {
        run->stats[i] = ts_worker_thread_stats(run->workers[i]);
    }
    struct ts_metrics metrics = {
        .workers = run->stats,
        .worker_count = run->worker_count,
        .topics = {[TS_INPUT_CDRS] = config->kafka.topics.cdrs,
                   [TS_INPUT_CREDITS] = config->kafka.topics.credits,
                   [TS_INPUT_ADJUSTMENTS] = config->kafka.topics.adjustments},
        .timers = ts_timer_keeper_stats(run->timers),
        .version = TS_VERSION,
        .start_ms = ts_system_now_ms(),
    };
    run->monitor = ts_monitor_start(config->http.listen, &metrics, &ts_system_clock, err);
    return run->monitor != NULL;
}

static void drain(struct run *run)
{
    for (size_t i = 0; i < run->worker_count; i++) {
        ts_worker_thread_drain(run->workers[i]);
    }
}

static void drain_duties(struct run *run)
{
    if (run->keeper != NULL) {
        ts_duty_drain(ts_leaf_keeper_duty(run->keeper));
    }
    if (run->timers != NULL) {
        ts_duty_drain(ts_timer_keeper_duty(run->timers));
    }
}

static bool duties_ended(const struct run *run)
{
    return (run->keeper == NULL || ts_duty_ended(ts_leaf_keeper_duty(run->keeper))) &&
           (run->timers == NULL || ts_duty_ended(ts_timer_keeper_duty(run->timers)));
}

static size_t ended_workers(const struct run *run)
{
    size_t ended = 0;
    for (size_t i = 0; i < run->worker_count; i++) {
        ended += ts_worker_thread_ended(run->workers[i]);
    }
    return ended;
}

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Until all have ended: drained after a signal or a failed start, or a worker met a fatal error.
 * The background duties last: a worker may wait for a partition that one of them makes. */
static void watch(struct run *run, const sigset_t *signals, bool started)
{
    const struct timespec look = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    int64_t left_ms = -1; /* -1: not draining */
    if (!started) {
        left_ms = run->session->config.shutdown_timeout_ms;
        drain(run);
    }
    while (ended_workers(run) < run->worker_count || !duties_ended(run)) {
        int signal_no = sigtimedwait(signals, NULL, &look);
        if (signal_no > 0 && left_ms >= 0) {
            SAY(run, TS_LEVEL_WARNING, "stopped", "second signal: ended without draining");
            _exit(TS_EXIT_FINDING);
        }
        if (left_ms < 0 && (signal_no > 0 || ended_workers(run) > 0)) {
            SAY(run, TS_LEVEL_INFO, "draining", "settling what was charged, taking nothing new");
            left_ms = run->session->config.shutdown_timeout_ms;
            drain(run);
        } else if (left_ms >= 0 && (left_ms -= LOOK_EVERY_MS) < 0) {
            SAY(run,
                TS_LEVEL_WARNING,
                "stopped",
                "not drained in %lld ms: ended; nothing is lost, it is decided again",
                (long long)run->session->config.shutdown_timeout_ms);
            _exit(TS_EXIT_FINDING);
        }
        if (left_ms >= 0 && ended_workers(run) == run->worker_count) {
            drain_duties(run);
        }
    }
}

static bool stop(struct run *run)
{
    bool drained = true;
    drain(run);
    ts_monitor_stop(run->monitor);
    for (size_t i = 0; i < run->worker_count; i++) {
        drained = ts_worker_thread_join(run->workers[i]) && drained;
    }
    ts_timer_keeper_stop(run->timers);
    ts_leaf_keeper_stop(run->keeper);
    ts_rates_loader_stop(run->loader);
    ts_registry_codec_close(&run->codec);
    ts_numbering_destroy(run->numbering);
    return drained;
}

int ts_cmd_run(int argc, char **argv)
{
    struct ts_session session;
    struct run run = {.session = &session};
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "run", argc, argv)) {
        struct ts_error err = {0};
        sigset_t signals;
        run.observer = ts_log_observer(&session.log);
        block_signals(&signals);
        bool started =
            start_shared(&run, &err) && start_workers(&run, &err) && start_monitor(&run, &err);
        if (started) {
            SAY(&run, TS_LEVEL_INFO, "started", "%zu workers", run.worker_count);
        } else {
            ts_session_fail(&session, &err);
        }
        watch(&run, &signals, started);
        bool drained = stop(&run);
        SAY(&run, TS_LEVEL_INFO, "ended", "%s", drained ? "drained" : "after an error");
        status = started && drained ? TS_EXIT_OK : TS_EXIT_USAGE;
    }
    ts_session_end(&session);
    return status;
}
