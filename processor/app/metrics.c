/* SPDX-License-Identifier: Apache-2.0 */
#include "app/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct metric;

typedef void
sample_fn(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out);

struct metric {
    const char *name; /* without the prefix */
    const char *type;
    const char *labels; /* for the document */
    const char *help;
    sample_fn *sample;
    size_t offset; /* in struct ts_worker_stats or struct ts_lane_stats */
};

#define PREFIX "tollstream_"

/* ---- samples -----------------------------------------------------------------------------------
 */

static uint64_t load_u64(const struct ts_worker_stats *stats, size_t offset)
{
    const _Atomic uint64_t *counter = (const void *)((const char *)stats + offset);
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static int64_t load_i64(const void *stats, size_t offset)
{
    const _Atomic int64_t *gauge = (const void *)((const char *)stats + offset);
    return atomic_load_explicit(gauge, memory_order_relaxed);
}

static uint64_t sum(const struct ts_metrics *metrics, size_t offset)
{
    uint64_t total = 0;
    for (size_t i = 0; i < metrics->worker_count; i++) {
        total += load_u64(metrics->workers[i], offset);
    }
    return total;
}

static void
sample_sum(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    ts_buffer_format(out, PREFIX "%s %" PRIu64 "\n", metric->name, sum(metrics, metric->offset));
}

static void sample_dead_letters(const struct metric *metric,
                                const struct ts_metrics *metrics,
                                struct ts_buffer *out)
{
    for (int reason = TS_REASON_NONE + 1; reason < TS_REASON_COUNT; reason++) {
        size_t offset = metric->offset + (size_t)reason * sizeof(_Atomic uint64_t);
        ts_buffer_format(out,
                         PREFIX "%s{reason=\"%s\"} %" PRIu64 "\n",
                         metric->name,
                         ts_reason_name((enum ts_reason)reason),
                         sum(metrics, offset));
    }
}

static void
sample_worker(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    for (size_t i = 0; i < metrics->worker_count; i++) {
        ts_buffer_format(out,
                         PREFIX "%s{worker=\"%zu\"} %" PRId64 "\n",
                         metric->name,
                         i,
                         load_i64(metrics->workers[i], metric->offset));
    }
}

/* Milliseconds as seconds, without going through a floating-point number. */
static void append_ms_as_seconds(struct ts_buffer *out, int64_t ms)
{
    ts_buffer_format(out, "%" PRId64 ".%03d\n", ms / 1000, (int)(ms % 1000));
}

static void sample_worker_time(const struct metric *metric,
                               const struct ts_metrics *metrics,
                               struct ts_buffer *out)
{
    for (size_t i = 0; i < metrics->worker_count; i++) {
        ts_buffer_format(out, PREFIX "%s{worker=\"%zu\"} ", metric->name, i);
        append_ms_as_seconds(out, load_i64(metrics->workers[i], metric->offset));
    }
}

static void
sample_phase(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    static const char *const phases[] = {[TS_PHASE_DISCONNECTED] = "disconnected",
                                         [TS_PHASE_REOPENING] = "reopening",
                                         [TS_PHASE_RUNNING] = "running",
                                         [TS_PHASE_STOPPED] = "stopped"};
    for (size_t i = 0; i < metrics->worker_count; i++) {
        int now = atomic_load_explicit(&metrics->workers[i]->phase, memory_order_relaxed);
        for (int phase = 0; phase < (int)(sizeof phases / sizeof *phases); phase++) {
            ts_buffer_format(out,
                             PREFIX "%s{worker=\"%zu\",phase=\"%s\"} %d\n",
                             metric->name,
                             i,
                             phases[phase],
                             phase == now ? 1 : 0);
        }
    }
}

/* ---- histograms ---------------------------------------------------------------------------------
 */

static void append_us_as_seconds(struct ts_buffer *out, uint64_t us)
{
    ts_buffer_format(out, "%" PRIu64 ".%06d", us / 1000000, (int)(us % 1000000));
}

/* `labels` is empty or ends in a comma. */
static void append_histogram(struct ts_buffer *out,
                             const char *name,
                             const char *labels,
                             size_t offset,
                             const struct ts_metrics *metrics)
{
    uint64_t count = 0;
    for (int i = 0; i < TS_HISTOGRAM_BUCKETS; i++) {
        count += sum(metrics,
                     offset + offsetof(struct ts_histogram, buckets[0]) +
                         (size_t)i * sizeof(_Atomic uint64_t));
        ts_buffer_format(out, PREFIX "%s_bucket{%sle=\"", name, labels);
        if (i == TS_HISTOGRAM_BUCKETS - 1) {
            ts_buffer_append_text(out, "+Inf");
        } else {
            append_us_as_seconds(out, (uint64_t)ts_histogram_bound_us(i));
        }
        ts_buffer_format(out, "\"} %" PRIu64 "\n", count);
    }
    int labels_size = (int)strlen(labels);
    const char *open = labels_size > 0 ? "{" : "";
    const char *close = labels_size > 0 ? "}" : "";
    labels_size -= labels_size > 0 ? 1 : 0;
    ts_buffer_format(out, PREFIX "%s_sum%s%.*s%s ", name, open, labels_size, labels, close);
    append_us_as_seconds(out, sum(metrics, offset + offsetof(struct ts_histogram, sum_us)));
    ts_buffer_format(out,
                     "\n" PREFIX "%s_count%s%.*s%s %" PRIu64 "\n",
                     name,
                     open,
                     labels_size,
                     labels,
                     close,
                     count);
}

static void
sample_errors(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    for (int i = 0; i < TS_ERROR_CLASS_COUNT; i++) {
        if (i != TS_ERROR_REJECT) { /* a record's fault: dead_letters_total */
            size_t offset = metric->offset + (size_t)i * sizeof(_Atomic uint64_t);
            ts_buffer_format(out,
                             PREFIX "%s{class=\"%s\"} %" PRIu64 "\n",
                             metric->name,
                             ts_error_class_name((enum ts_error_class)i),
                             sum(metrics, offset));
        }
    }
}

static void sample_histogram(const struct metric *metric,
                             const struct ts_metrics *metrics,
                             struct ts_buffer *out)
{
    append_histogram(out, metric->name, "", metric->offset, metrics);
}

static void
sample_stages(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    for (int stage = 0; stage < TS_STAGE_COUNT; stage++) {
        char labels[48];
        snprintf(labels, sizeof labels, "stage=\"%s\",", ts_stage_name((enum ts_stage)stage));
        size_t offset = metric->offset + (size_t)stage * sizeof(struct ts_histogram);
        append_histogram(out, metric->name, labels, offset, metrics);
    }
}

/* ---- partitions
 * ----------------------------------------------------------------------------------- */

typedef void lane_fn(const struct metric *metric,
                     const struct ts_lane_stats *lane,
                     const char *topic,
                     struct ts_buffer *out);

static void each_lane(const struct metric *metric,
                      const struct ts_metrics *metrics,
                      lane_fn *fn,
                      struct ts_buffer *out)
{
    for (size_t i = 0; i < metrics->worker_count; i++) {
        for (int j = 0; j < TS_LANES_MAX; j++) {
            const struct ts_lane_stats *lane = &metrics->workers[i]->lanes[j];
            int input = atomic_load_explicit(&lane->input, memory_order_relaxed);
            if (input >= 0 && input < TS_INPUT_COUNT) {
                fn(metric, lane, metrics->topics[input], out);
            }
        }
    }
}

static void append_lane(const struct metric *metric,
                        const struct ts_lane_stats *lane,
                        const char *topic,
                        int64_t value,
                        struct ts_buffer *out)
{
    ts_buffer_format(out,
                     PREFIX "%s{topic=\"%s\",partition=\"%" PRId32 "\"} %" PRId64 "\n",
                     metric->name,
                     topic,
                     atomic_load_explicit(&lane->partition, memory_order_relaxed),
                     value);
}

static void lane_value(const struct metric *metric,
                       const struct ts_lane_stats *lane,
                       const char *topic,
                       struct ts_buffer *out)
{
    append_lane(metric, lane, topic, load_i64(lane, metric->offset), out);
}

static void lane_lag(const struct metric *metric,
                     const struct ts_lane_stats *lane,
                     const char *topic,
                     struct ts_buffer *out)
{
    int64_t high = atomic_load_explicit(&lane->high, memory_order_relaxed);
    int64_t done = load_i64(lane, metric->offset);
    if (high >= 0) { /* unknown is not zero: then there is no sample */
        append_lane(metric, lane, topic, high > done ? high - done : 0, out);
    }
}

static void lane_stopped(const struct metric *metric,
                         const struct ts_lane_stats *lane,
                         const char *topic,
                         struct ts_buffer *out)
{
    int stopped = atomic_load_explicit(&lane->stopped, memory_order_relaxed);
    append_lane(metric, lane, topic, stopped, out);
}

static void
sample_lanes(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    each_lane(metric, metrics, lane_value, out);
}

static void
sample_lags(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    each_lane(metric, metrics, lane_lag, out);
}

static void
sample_stopped(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    each_lane(metric, metrics, lane_stopped, out);
}

/* ---- the process
 * ----------------------------------------------------------------------------------- */

static void
sample_build(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    ts_buffer_format(out, PREFIX "%s{version=\"%s\"} 1\n", metric->name, metrics->version);
}

static void
sample_start(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    ts_buffer_format(out, PREFIX "%s ", metric->name);
    append_ms_as_seconds(out, metrics->start_ms);
}

static void
sample_timers(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    uint64_t told = metrics->timers != NULL ? atomic_load(&metrics->timers->told) : 0;
    ts_buffer_format(out, PREFIX "%s %" PRIu64 "\n", metric->name, told);
}

static void
sample_duty(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    int duty = metrics->timers != NULL ? atomic_load(&metrics->timers->duty) : 0;
    ts_buffer_format(out, PREFIX "%s %d\n", metric->name, duty);
}

static void
sample_memory(const struct metric *metric, const struct ts_metrics *metrics, struct ts_buffer *out)
{
    (void)metrics;
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    bool known = file != NULL && fscanf(file, "%*s %ld", &pages) == 1;
    if (file != NULL) {
        fclose(file);
    }
    if (known) {
        ts_buffer_format(
            out, PREFIX "%s %" PRId64 "\n", metric->name, (int64_t)pages * sysconf(_SC_PAGESIZE));
    }
}

/* ---- the table
 * --------------------------------------------------------------------------------------- */

#define WORKER(member) offsetof(struct ts_worker_stats, member)
#define LANE(member) offsetof(struct ts_lane_stats, member)
#define SUM(name, member, help)                                                                    \
    {                                                                                              \
        name, "counter", "", help, sample_sum, WORKER(member)                                      \
    }
#define BY_WORKER(name, member, help)                                                              \
    {                                                                                              \
        name, "gauge", "worker", help, sample_worker, WORKER(member)                               \
    }
#define BY_LANE(name, sample, member, help)                                                        \
    {                                                                                              \
        name, "gauge", "topic, partition", help, sample, LANE(member)                              \
    }
#define DURATION(name, member, help)                                                               \
    {                                                                                              \
        name, "histogram", "", help, sample_histogram, WORKER(member)                              \
    }

static const struct metric table[] = {
    SUM("records_consumed_total", consumed, "Records taken from the input topics."),
    SUM("records_settled_total", settled, "Records settled in PostgreSQL."),
    SUM("records_charged_total", charged, "Records settled with a charge above 0."),
    SUM("duplicates_total", duplicates, "Records that were settled before, left out."),
    {"dead_letters_total",
     "counter",
     "reason",
     "Records that can't be charged, by the reason.",
     sample_dead_letters,
     WORKER(dead_letters)},
    SUM("holes_total", holes, "Offsets that hold no record: control records, compaction."),
    SUM("events_total", events, "Messages for the output topics, put in the outbox."),
    SUM("messages_published_total", published, "Messages the brokers acknowledged."),
    SUM("settlements_total", settlements, "Settle transactions committed."),
    SUM("settle_conflicts_total",
        conflicts,
        "Settle transactions refused because of an identity settled before."),
    SUM("reopens_total", reopens, "Times that work in flight was dropped and decided again."),
    SUM("reconnects_total", reconnects, "Times that connections were made anew."),
    SUM("bucket_raises_total",
        raises,
        "Buckets given a new generation: Redis was restarted, failed over or lost data."),
    SUM("account_loads_total", loads, "Accounts loaded into Redis from PostgreSQL."),
    {"errors_total",
     "counter",
     "class",
     "Failures by class: retry, a server was away or refused for now; fatal, a person must look;"
     " none, something was another worker's by now.",
     sample_errors,
     WORKER(errors)},
    DURATION("append_to_balance_seconds",
             append_to_balance,
             "From the append to the input topic to the charge in Redis."),
    DURATION("append_to_settled_seconds",
             append_to_settled,
             "From the append to the input topic to the commit in PostgreSQL."),
    {"stage_seconds",
     "histogram",
     "stage",
     "Time of each stage, of a batch or a settlement.",
     sample_stages,
     WORKER(stages)},
    BY_LANE("partition_lag", sample_lags, next_offset, "Records not settled yet."),
    BY_LANE("partition_publish_lag",
            sample_lags,
            published,
            "Records whose events are not known to be published yet."),
    BY_LANE("partition_next_offset",
            sample_lanes,
            next_offset,
            "Everything below this offset is settled."),
    BY_LANE("partition_published_offset",
            sample_lanes,
            published,
            "Everything below this offset is published: the group's committed offset."),
    BY_LANE("partition_high_watermark",
            sample_lanes,
            high,
            "End of the partition when last seen, -1 when not yet."),
    BY_LANE("partition_stopped",
            sample_stopped,
            stopped,
            "1: an alarm holds this partition until somebody has looked."),
    {"worker_phase",
     "gauge",
     "worker, phase",
     "1 for the phase that the worker is in.",
     sample_phase,
     WORKER(phase)},
    {"worker_last_progress_timestamp_seconds",
     "gauge",
     "worker",
     "When the worker last settled something or had nothing to do.",
     sample_worker_time,
     WORKER(last_progress_ms)},
    BY_WORKER("batches_in_use", batches_used, "Batches on their way through the stages."),
    BY_WORKER("batches_max", batches_max, "Batches there are: all in use, reading stops."),
    BY_WORKER("messages_unacknowledged", unacknowledged, "Messages handed to the producer."),
    BY_WORKER("messages_unacknowledged_max",
              unacknowledged_max,
              "Messages that may be handed to the producer."),
    BY_WORKER("catalog_revision", catalog_revision, "Revision of the prices in use."),
    {"timers_due_total",
     "counter",
     "",
     "Things that fell due by time, put on the credits topic by this process.",
     sample_timers,
     0},
    {"timer_duty",
     "gauge",
     "",
     "1: this process puts what falls due by time on the credits topic. One of all does.",
     sample_duty,
     0},
    {"build_info", "gauge", "version", "Always 1.", sample_build, 0},
    {"start_time_seconds", "gauge", "", "When the process began.", sample_start, 0},
    {"resident_memory_bytes", "gauge", "", "Memory of the process.", sample_memory, 0},
};

void ts_metrics_render(const struct ts_metrics *metrics, struct ts_buffer *out)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct metric *metric = &table[i];
        ts_buffer_format(out,
                         "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
                         metric->name,
                         metric->help,
                         metric->name,
                         metric->type);
        metric->sample(metric, metrics, out);
    }
}

void ts_metrics_document(struct ts_buffer *out)
{
    ts_buffer_append_text(
        out,
        "# Metrics\n\nWhat `/metrics` tells, in Prometheus' text format. Made from the table in "
        "`processor/app/metrics.c`.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ts_buffer_format(out,
                         "| `" PREFIX "%s` | %s | %s | %s |\n",
                         table[i].name,
                         table[i].type,
                         table[i].labels,
                         table[i].help);
    }
}
