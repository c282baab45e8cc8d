/* SPDX-License-Identifier: Apache-2.0 */
#include "app/monitor.h"

#include "adapters/http/http_server.h"

#include <inttypes.h>
#include <stdlib.h>

enum { OK = 200, UNAVAILABLE = 503, ROUTES = 3 };

struct ts_monitor {
    struct ts_metrics metrics;
    struct ts_clock clock;
    struct ts_http_route routes[ROUTES];
    struct ts_http_server *server; /* NULL: nothing is served */
};

static void judge_lanes(const struct ts_metrics *metrics,
                        const struct ts_worker_stats *stats,
                        struct ts_buffer *reasons)
{
    for (int i = 0; i < TS_LANES_MAX; i++) {
        const struct ts_lane_stats *lane = &stats->lanes[i];
        int input = atomic_load_explicit(&lane->input, memory_order_relaxed);
        if (input >= 0 && input < TS_INPUT_COUNT &&
            atomic_load_explicit(&lane->stopped, memory_order_relaxed) != 0) {
            ts_buffer_format(reasons,
                             "%s partition %" PRId32 " is stopped by an alarm: see the log\n",
                             metrics->topics[input],
                             atomic_load_explicit(&lane->partition, memory_order_relaxed));
        } else if (input >= 0 && input < TS_INPUT_COUNT &&
                   atomic_load_explicit(&lane->stalled, memory_order_relaxed) != 0) {
            ts_buffer_format(reasons,
                             "%s partition %" PRId32 " has records that do not come\n",
                             metrics->topics[input],
                             atomic_load_explicit(&lane->partition, memory_order_relaxed));
        }
    }
}

static void judge_worker(const struct ts_worker_stats *stats,
                         size_t worker,
                         int64_t now_ms,
                         bool for_ready,
                         struct ts_buffer *reasons)
{
    int phase = atomic_load_explicit(&stats->phase, memory_order_relaxed);
    int64_t since_ms =
        now_ms - atomic_load_explicit(&stats->last_progress_ms, memory_order_relaxed);
    if (phase == TS_PHASE_STOPPED) {
        ts_buffer_format(reasons, "worker %zu has stopped: see the log\n", worker);
    } else if (for_ready && phase != TS_PHASE_RUNNING) {
        ts_buffer_format(reasons, "worker %zu is not connected yet\n", worker);
    } else if (since_ms >= (for_ready ? TS_MONITOR_UNREADY_MS : TS_MONITOR_STALL_MS)) {
        ts_buffer_format(reasons,
                         "worker %zu has made no progress for %" PRId64 " s\n",
                         worker,
                         since_ms / 1000);
    }
}

bool ts_monitor_judge(const struct ts_metrics *metrics,
                      int64_t now_ms,
                      bool for_ready,
                      struct ts_buffer *reasons)
{
    size_t before = reasons->size;
    for (size_t i = 0; i < metrics->worker_count; i++) {
        judge_worker(metrics->workers[i], i, now_ms, for_ready, reasons);
        judge_lanes(metrics, metrics->workers[i], reasons);
    }
    return reasons->size == before && !reasons->failed;
}

static int judged(struct ts_monitor *monitor, bool for_ready, struct ts_buffer *out)
{
    int64_t now_ms = monitor->clock.ops->wall_ms(monitor->clock.self);
    if (ts_monitor_judge(&monitor->metrics, now_ms, for_ready, out)) {
        ts_buffer_append_text(out, "ok\n");
        return OK;
    }
    return UNAVAILABLE;
}

static int health_body(void *arg, struct ts_buffer *out)
{
    return judged(arg, false, out);
}

static int ready_body(void *arg, struct ts_buffer *out)
{
    return judged(arg, true, out);
}

static int metrics_body(void *arg, struct ts_buffer *out)
{
    const struct ts_monitor *monitor = arg;
    ts_metrics_render(&monitor->metrics, out);
    return OK;
}

struct ts_monitor *ts_monitor_start(const char *listen,
                                    const struct ts_metrics *metrics,
                                    const struct ts_clock *clock,
                                    struct ts_error *err)
{
    static const char text[] = "text/plain; charset=utf-8";
    struct ts_monitor *monitor = calloc(1, sizeof *monitor);
    if (monitor == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    monitor->metrics = *metrics;
    monitor->clock = *clock;
    monitor->routes[0] = (struct ts_http_route){
        "/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics_body, monitor};
    monitor->routes[1] = (struct ts_http_route){"/healthz", text, health_body, monitor};
    monitor->routes[2] = (struct ts_http_route){"/readyz", text, ready_body, monitor};
    if (listen[0] == '\0') {
        return monitor;
    }
    monitor->server = ts_http_server_open(listen, monitor->routes, ROUTES, err);
    if (monitor->server == NULL) {
        ts_error_prefix(err, "http.listen");
        free(monitor);
        return NULL;
    }
    return monitor;
}

void ts_monitor_stop(struct ts_monitor *monitor)
{
    if (monitor != NULL) {
        ts_http_server_close(monitor->server);
        free(monitor);
    }
}
