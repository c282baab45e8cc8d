/* SPDX-License-Identifier: Apache-2.0 */
/* tollstream-loadgen: the traffic of an office phone service from a seed, for benchmarks, fault
 * tests and the quick start. It writes inputs only, never what should come out: whoever checks the
 * processor works that out by himself. A tool outside the processor's layers (prefix lg_).
 *
 * Message n depends on the seed and n alone. Threads take stretches of numbers in turn; with one
 * thread the topic's content is the same each time, with more only the order differs. */
#include "bench/loadgen/calls.h"
#include "bench/loadgen/deck.h"
#include "bench/loadgen/numbers.h"
#include "bench/loadgen/offices.h"
#include "bench/loadgen/options.h"
#include "bench/loadgen/records.h"
#include "bench/loadgen/sink.h"

#include "core/numbering_data.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STRETCH = 256 };

struct run {
    const struct lg_options *options;
    const struct lg_records *records;
    struct lg_sink *sink;
    double began;
    atomic_uint_fast64_t next; /* of the messages, from 0 */
    atomic_uint_fast64_t written;
    atomic_uint_fast64_t bytes;
    atomic_uint working;
    atomic_bool failed;
};

static atomic_bool interrupted;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&interrupted, true);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_s(double seconds)
{
    if (seconds > 0) {
        struct timespec wait = {.tv_sec = (time_t)seconds};
        wait.tv_nsec = (long)((seconds - (double)wait.tv_sec) * 1e9);
        nanosleep(&wait, NULL);
    }
}

static int complain(const struct ts_error *err)
{
    fprintf(stderr, "tollstream-loadgen: %s\n", err->text);
    return 1;
}

static bool write_stretch(struct run *run, uint64_t from, uint64_t to, struct lg_record *record)
{
    struct ts_error err = {0};
    uint64_t bytes = 0;
    for (uint64_t i = from; i < to; i++) {
        if (run->options->rate > 0) {
            sleep_s(run->began + (double)i / run->options->rate - now_s());
        }
        if (!lg_records_make(run->records, run->options->first + i, record)) {
            ts_error_no_memory(&err);
        } else if (run->sink->put(run->sink,
                                  record->key,
                                  ts_buffer_bytes(&record->value),
                                  record->partition_shift,
                                  &err)) {
            bytes += record->value.size;
            continue;
        }
        complain(&err);
        atomic_store(&run->failed, true);
        return false;
    }
    atomic_fetch_add(&run->written, to - from);
    atomic_fetch_add(&run->bytes, bytes);
    return true;
}

static void *work(void *argument)
{
    struct run *run = argument;
    struct lg_record record;
    bool ok = true;
    uint64_t stretch = run->options->rate > 0 ? 16 : STRETCH;
    lg_record_init(&record);
    while (ok && !atomic_load(&interrupted) && !atomic_load(&run->failed)) {
        uint64_t from = atomic_fetch_add(&run->next, stretch);
        if (from >= run->options->count) {
            break;
        }
        uint64_t to = from + stretch;
        ok = write_stretch(run, from, to < run->options->count ? to : run->options->count, &record);
    }
    lg_record_finish(&record);
    atomic_fetch_sub(&run->working, 1);
    return NULL;
}

static void show_progress(const struct run *run, const char *end)
{
    uint64_t written = atomic_load(&run->written);
    double elapsed = now_s() - run->began;
    fprintf(stderr,
            "%llu of %llu records, %.1f MB, %.0f records/s%s",
            (unsigned long long)written,
            (unsigned long long)run->options->count,
            (double)atomic_load(&run->bytes) / 1e6,
            elapsed > 0 ? (double)written / elapsed : 0,
            end);
}

/* The main thread only watches. */
static bool write_all(struct run *run)
{
    pthread_t threads[LG_THREADS_MAX];
    uint32_t started = 0;
    double shown = run->began;
    atomic_store(&run->working, run->options->threads);
    while (started < run->options->threads &&
           pthread_create(&threads[started], NULL, work, run) == 0) {
        started++;
    }
    if (started < run->options->threads) {
        fputs("tollstream-loadgen: a thread cannot be started\n", stderr);
        atomic_fetch_sub(&run->working, run->options->threads - started);
        atomic_store(&run->failed, true);
    }
    while (atomic_load(&run->working) > 0) {
        sleep_s(0.01);
        if (now_s() - shown >= 1) {
            shown = now_s();
            show_progress(run, "\n");
        }
    }
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    return !atomic_load(&run->failed);
}

static int run_records(const struct lg_options *options, const struct lg_records *records)
{
    struct ts_error err = {0};
    struct sigaction action = {.sa_handler = on_signal};
    struct run run = {.options = options, .records = records, .began = now_s()};
    run.sink = options->brokers != NULL ? lg_sink_kafka_open(options, &err)
                                        : lg_sink_file_open(options, &err);
    if (run.sink == NULL) {
        return complain(&err);
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    run.began = now_s();
    bool ok = write_all(&run);
    if (!run.sink->close(run.sink, &err)) {
        return complain(&err);
    }
    show_progress(&run, atomic_load(&interrupted) ? ", interrupted\n" : ", done\n");
    return ok && !atomic_load(&interrupted) ? 0 : 1;
}

static int write_file(const char *name,
                      const struct lg_options *options,
                      const struct lg_offices *offices,
                      const struct lg_numbers *numbers)
{
    FILE *out = strcmp(name, "-") == 0 ? stdout : fopen(name, "w");
    bool ok = out != NULL;
    if (ok && name == options->accounts_file) {
        lg_offices_write(offices, out);
    } else if (ok) {
        ok = lg_deck_write(options, numbers, out);
    }
    ok = out != NULL && fflush(out) == 0 && ok;
    ok = (out == NULL || out == stdout || fclose(out) == 0) && ok;
    if (!ok) {
        fprintf(stderr, "tollstream-loadgen: %s: %s\n", name, strerror(errno));
    }
    return ok ? 0 : 1;
}

static int run_all(const struct lg_options *options, const struct lg_numbers *numbers)
{
    struct ts_error err = {0};
    struct lg_offices offices;
    struct lg_records records;
    int status = 0;
    lg_offices_init(&offices, options, numbers);
    if (options->accounts_file != NULL) {
        status = write_file(options->accounts_file, options, &offices, numbers);
    }
    if (status == 0 && options->deck_file != NULL) {
        status = write_file(options->deck_file, options, &offices, numbers);
    }
    if (status != 0 || (options->brokers == NULL && options->output == NULL)) {
        return status;
    }
    struct lg_calls *calls = lg_calls_create(options, &offices, numbers, &err);
    if (calls == NULL || !lg_records_init(&records, options, calls, &err)) {
        status = complain(&err);
    } else {
        status = run_records(options, &records);
    }
    lg_calls_destroy(calls);
    return status;
}

int main(int argc, char **argv)
{
    struct ts_error err = {0};
    struct lg_options options;
    int status = lg_options_parse(&options, argc, argv);
    if (status >= 0) {
        return status;
    }
    struct lg_numbers *numbers = lg_numbers_create(ts_numbering_plan_embedded(), &err);
    if (numbers == NULL) {
        return complain(&err);
    }
    status = run_all(&options, numbers);
    lg_numbers_destroy(numbers);
    return status;
}
