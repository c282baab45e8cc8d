/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay_metrics.h"

#include "adapters/http/http_server.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

enum { OK = 200 };

struct ts_replay_metrics {
    const struct ts_replay_stats *stats;
    struct ts_http_route route;
    struct ts_http_server *server;
};

#define PREFIX "tollstream_replay_"

static const struct {
    const char *name; /* without the prefix */
    const char *help;
    size_t offset;
} table[] = {
#define STAT(member) offsetof(struct ts_replay_stats, member)
    {"records_in_range", "Records of the range.", STAT(total)},
    {"records_read", "Records read so far.", STAT(read)},
    {"calls_compared", "Calls compared with what was settled.", STAT(compared)},
    {"calls_up", "Calls that cost more now.", STAT(up)},
    {"calls_down", "Calls that cost less now.", STAT(down)},
    {"difference_micros",
     "What the charges change by so far, in micro-units; above 0: they cost more now.",
     STAT(difference_micros)},
    {"adjustments_sent", "Adjustments put on their topic.", STAT(sent)},
    {"adjustments_unsettled",
     "Adjustments on their topic that were not settled when last seen.",
     STAT(unsettled)},
    {"dead_letters_requeued", "Dead letters put back, as they have a price now.", STAT(requeued)},
    {"live_lag",
     "CDRs that the live stream was behind when last seen; above --max-lag the replay waits.",
     STAT(lag)},
};

static int64_t value_of(const struct ts_replay_stats *stats, size_t offset)
{
    const _Atomic int64_t *stat = (const void *)((const char *)stats + offset);
    return atomic_load_explicit(stat, memory_order_relaxed);
}

void ts_replay_metrics_render(const struct ts_replay_stats *stats, struct ts_buffer *out)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *name = table[i].name;
        ts_buffer_format(out,
                         "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s gauge\n" PREFIX "%s %" PRId64
                         "\n",
                         name,
                         table[i].help,
                         name,
                         name,
                         value_of(stats, table[i].offset));
    }
}

void ts_replay_metrics_document(struct ts_buffer *out)
{
    ts_buffer_append_text(out,
                          "\n# Metrics of a replay\n\nWhat `tollstream replay --listen` tells at "
                          "`/metrics` while it runs. Made from the table in "
                          "`processor/app/replay_metrics.c`.\n\n"
                          "| metric | type | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ts_buffer_format(out, "| `" PREFIX "%s` | gauge | %s |\n", table[i].name, table[i].help);
    }
}

static int body(void *arg, struct ts_buffer *out)
{
    const struct ts_replay_metrics *metrics = arg;
    ts_replay_metrics_render(metrics->stats, out);
    return OK;
}

struct ts_replay_metrics *ts_replay_metrics_start(const char *listen,
                                                  const struct ts_replay_stats *stats,
                                                  struct ts_error *err)
{
    struct ts_replay_metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    metrics->stats = stats;
    metrics->route = (struct ts_http_route){
        "/metrics", "text/plain; version=0.0.4; charset=utf-8", body, metrics};
    metrics->server = ts_http_server_open(listen, &metrics->route, 1, err);
    if (metrics->server == NULL) {
        ts_error_prefix(err, "--listen");
        free(metrics);
        return NULL;
    }
    return metrics;
}

void ts_replay_metrics_stop(struct ts_replay_metrics *metrics)
{
    if (metrics != NULL) {
        ts_http_server_close(metrics->server);
        free(metrics);
    }
}
