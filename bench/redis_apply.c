/* SPDX-License-Identifier: Apache-2.0 */
/* What a charge costs in Redis: batches of CDRs through the adapter as the pipeline sends them (one
 * call a bucket, undo text included, committed two batches behind), in CPU of the server (INFO cpu)
 * and of the client (this thread, in the adapter only).
 *
 *     bench_redis_apply URL [--accounts N] [--batch N] [--batches N] [--zipf]
 *
 * The database must be empty, and is emptied again: this makes the buckets that a processor uses.
 */
#include "adapters/redis/balances.h"
#include "adapters/redis/connection.h"
#include "base/buffer.h"
#include "ports/undo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GENERATION = 1000, TOKEN = 1, LOAD_AT_ONCE = 1000, UNDO_MAX = 1 << 20, SETTLE_LAG = 2 };

struct settings {
    const char *url;
    size_t accounts;
    size_t batch;
    size_t batches;
    bool zipf;
};

struct account {
    char id[24];
    size_t id_size;
    uint32_t bucket;
};

struct bench {
    struct settings settings;
    struct ts_redis_connection control;
    struct ts_balances port;
    struct account *accounts;
    double *zipf; /* cumulative, for the choice of accounts only */
    struct ts_apply_account *totals;
    struct ts_buffer undo[TS_BUCKET_COUNT];
    struct ts_apply calls[TS_BUCKET_COUNT];
    size_t charged; /* account totals sent */
    double client_us;
};

static void die(const char *what, const struct ts_error *err)
{
    (void)fprintf(stderr, "bench_redis_apply: %s: %s\n", what, err->text);
    exit(1);
}

static double now_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---- the server */

static double info_number(const char *info, const char *name)
{
    const char *at = strstr(info, name);
    return at == NULL ? 0 : strtod(at + strlen(name), NULL);
}

static double server_cpu_us(struct bench *bench)
{
    struct ts_error err = {0};
    redisReply *reply = ts_redis_connection_call(&bench->control, &err, "INFO", "cpu", NULL);
    if (reply == NULL) {
        die("INFO", &err);
    }
    double seconds =
        info_number(reply->str, "used_cpu_user:") + info_number(reply->str, "used_cpu_sys:");
    freeReplyObject(reply);
    return seconds * 1e6;
}

static long long call_integer(struct bench *bench, const char *command)
{
    struct ts_error err = {0};
    redisReply *reply = ts_redis_connection_call(&bench->control, &err, command, NULL);
    if (reply == NULL) {
        die(command, &err);
    }
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

/* ---- set up */

static void connect_all(struct bench *bench)
{
    struct ts_error err = {0};
    struct ts_balances_identity identity;
    struct ts_redis_options options = {.url = bench->settings.url, .client_name = "bench"};
    struct ts_redis_balances *balances = ts_redis_balances_create(&options, &err);
    if (balances == NULL || !ts_redis_connection_init(&bench->control, &options, &err) ||
        !ts_redis_connection_open(&bench->control, &err)) {
        die("connecting", &err);
    }
    if (call_integer(bench, "DBSIZE") != 0) {
        (void)fprintf(stderr, "bench_redis_apply: the database is not empty; give another\n");
        exit(1);
    }
    bench->port = ts_redis_balances_port(balances);
    if (!bench->port.ops->connect(bench->port.self, &identity, &err)) {
        die("connecting", &err);
    }
}

static void make_buckets(struct bench *bench)
{
    struct ts_error err = {0};
    uint32_t buckets[TS_BUCKET_COUNT];
    int64_t generations[TS_BUCKET_COUNT];
    struct ts_bucket_answer answers[TS_BUCKET_COUNT];
    for (uint32_t i = 0; i < TS_BUCKET_COUNT; i++) {
        buckets[i] = i;
        generations[i] = GENERATION;
        ts_buffer_init(&bench->undo[i], UNDO_MAX);
    }
    struct ts_lane lane = {TS_INPUT_CDRS, 0};
    double from = server_cpu_us(bench);
    if (!bench->port.ops->create(bench->port.self, buckets, generations, TS_BUCKET_COUNT, &err) ||
        !bench->port.ops->open(bench->port.self, lane, TOKEN, 0, generations, answers, &err)) {
        die("making buckets", &err);
    }
    (void)printf("create and open: %.2f us of server CPU a bucket\n",
                 (server_cpu_us(bench) - from) / TS_BUCKET_COUNT);
}

static void load_bucket(struct bench *bench, uint32_t bucket)
{
    struct ts_load_account some[LOAD_AT_ONCE];
    struct ts_bucket_answer answer;
    struct ts_error err = {0};
    size_t count = 0;
    for (size_t i = 0; i <= bench->settings.accounts; i++) {
        const struct account *account = &bench->accounts[i];
        bool last = i == bench->settings.accounts;
        if (!last && account->bucket == bucket) {
            some[count++] =
                (struct ts_load_account){{account->id, account->id_size}, 1000000000 + (int64_t)i};
        }
        if ((last && count > 0) || count == LOAD_AT_ONCE) {
            if (!bench->port.ops->load(
                    bench->port.self, bucket, GENERATION, some, count, NULL, 0, &answer, &err)) {
                die("loading", &err);
            }
            count = 0;
        }
    }
}

static void make_accounts(struct bench *bench)
{
    size_t count = bench->settings.accounts;
    bench->accounts = calloc(count + 1, sizeof *bench->accounts);
    bench->zipf = calloc(count, sizeof *bench->zipf);
    bench->totals = calloc(bench->settings.batch, sizeof *bench->totals);
    if (bench->accounts == NULL || bench->zipf == NULL || bench->totals == NULL) {
        die("setting up", &(struct ts_error){.text = "out of memory"});
    }
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        struct account *account = &bench->accounts[i];
        account->id_size =
            (size_t)snprintf(account->id, sizeof account->id, "acct-%07zu", i * 7919 % count);
        account->bucket = ts_account_bucket((struct ts_bytes){account->id, account->id_size});
        sum += 1.0 / (double)(i + 1);
        bench->zipf[i] = sum;
    }
    double from = server_cpu_us(bench);
    for (uint32_t i = 0; i < TS_BUCKET_COUNT; i++) {
        load_bucket(bench, i);
    }
    (void)printf("load: %.2f us of server CPU an account\n",
                 (server_cpu_us(bench) - from) / (double)count);
}

/* ---- the batches */

static size_t pick_account(const struct bench *bench)
{
    size_t count = bench->settings.accounts;
    if (!bench->settings.zipf) {
        return (size_t)random() % count;
    }
    double wanted = (double)random() / 2147483648.0 * bench->zipf[count - 1];
    size_t low = 0;
    for (size_t high = count - 1; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (bench->zipf[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int by_bucket_and_account(const void *a, const void *b, void *accounts)
{
    const struct account *all = accounts;
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    uint32_t p = all[x].bucket;
    uint32_t q = all[y].bucket;
    return p != q ? (p > q) - (p < q) : (x > y) - (x < y);
}

/* One call for each bucket that has records: totals by account, one undo item a record. */
static size_t make_calls(struct bench *bench, size_t *picked, int64_t number)
{
    size_t batch = bench->settings.batch;
    int64_t start = number * (int64_t)batch;
    int64_t committed = number < SETTLE_LAG ? 0 : start - SETTLE_LAG * (int64_t)batch;
    qsort_r(picked, batch, sizeof *picked, by_bucket_and_account, bench->accounts);
    size_t calls = 0;
    size_t totals = 0;
    for (size_t i = 0; i < batch; i++) {
        const struct account *account = &bench->accounts[picked[i]];
        struct ts_bytes id = {account->id, account->id_size};
        struct ts_apply *call = calls > 0 ? &bench->calls[calls - 1] : NULL;
        if (call == NULL || call->bucket != account->bucket) {
            call = &bench->calls[calls++];
            *call = (struct ts_apply){.bucket = account->bucket,
                                      .generation = GENERATION,
                                      .lane = {TS_INPUT_CDRS, 0},
                                      .token = TOKEN,
                                      .committed = committed,
                                      .first = start + (int64_t)i,
                                      .slot = (uint32_t)(number % TS_UNDO_SLOTS),
                                      .accounts = &bench->totals[totals]};
            ts_buffer_clear(&bench->undo[account->bucket]);
        }
        if (call->account_count == 0 || picked[i] != picked[i - 1]) {
            bench->totals[totals++] = (struct ts_apply_account){.account_id = id};
            call->account_count++;
        }
        bench->totals[totals - 1].delta_micros -= 21900;
        call->last = start + (int64_t)i;
        ts_undo_append(&bench->undo[account->bucket],
                       &(struct ts_undo_item){
                           .offset = start + (int64_t)i, .delta_micros = -21900, .account_id = id});
        call->undo = ts_buffer_bytes(&bench->undo[account->bucket]);
    }
    bench->charged += totals;
    return calls;
}

static void charge(struct bench *bench, size_t calls)
{
    struct ts_error err = {0};
    double from = now_us(CLOCK_THREAD_CPUTIME_ID);
    enum ts_progress progress = TS_PROGRESS_FAILED;
    if (bench->port.ops->apply_start(bench->port.self, bench->calls, calls, &err)) {
        do {
            progress = bench->port.ops->apply_poll(bench->port.self, 1000, &err);
        } while (progress == TS_PROGRESS_PENDING);
    }
    bench->client_us += now_us(CLOCK_THREAD_CPUTIME_ID) - from;
    if (progress != TS_PROGRESS_DONE) {
        die("charging", &err);
    }
    for (size_t i = 0; i < calls; i++) {
        if (bench->calls[i].status != TS_BALANCES_OK) {
            const char *name = ts_balances_status_name(bench->calls[i].status);
            (void)fprintf(stderr, "bench_redis_apply: a call was answered '%s'\n", name);
            exit(1);
        }
    }
}

static void run(struct bench *bench)
{
    size_t batch = bench->settings.batch;
    size_t *picked = calloc(batch, sizeof *picked);
    if (picked == NULL) {
        die("setting up", &(struct ts_error){.text = "out of memory"});
    }
    double server_from = server_cpu_us(bench);
    double wall_us = 0;
    for (size_t number = 0; number < bench->settings.batches; number++) {
        for (size_t i = 0; i < batch; i++) {
            picked[i] = pick_account(bench);
        }
        size_t calls = make_calls(bench, picked, (int64_t)number);
        double from = now_us(CLOCK_MONOTONIC);
        charge(bench, calls);
        wall_us += now_us(CLOCK_MONOTONIC) - from;
    }
    double cdrs = (double)batch * (double)bench->settings.batches;
    (void)printf("apply, %s over %zu accounts, batches of %zu: %.2f us server CPU, %.2f us client "
                 "CPU, %.2f us wall a CDR; %.2f accounts a CDR\n",
                 bench->settings.zipf ? "Zipf" : "uniform",
                 bench->settings.accounts,
                 batch,
                 (server_cpu_us(bench) - server_from) / cdrs,
                 bench->client_us / cdrs,
                 wall_us / cdrs,
                 (double)bench->charged / cdrs);
    free(picked);
}

static size_t positive(const char *text)
{
    char *end = NULL;
    unsigned long long value = text == NULL ? 0 : strtoull(text, &end, 10);
    if (value == 0 || value > 100000000 || *end != '\0') {
        (void)fprintf(stderr, "bench_redis_apply: expected a positive number\n");
        exit(2);
    }
    return (size_t)value;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    bench.settings = (struct settings){.accounts = 100000, .batch = 5000, .batches = 100};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--zipf") == 0) {
            bench.settings.zipf = true;
        } else if (strcmp(argv[i], "--accounts") == 0) {
            bench.settings.accounts = positive(argv[++i]);
        } else if (strcmp(argv[i], "--batch") == 0) {
            bench.settings.batch = positive(argv[++i]);
        } else if (strcmp(argv[i], "--batches") == 0) {
            bench.settings.batches = positive(argv[++i]);
        } else {
            bench.settings.url = argv[i];
        }
    }
    if (bench.settings.url == NULL) {
        (void)fprintf(stderr,
                      "usage: bench_redis_apply URL [--accounts N] [--batch N] [--batches N] "
                      "[--zipf]\n");
        return 2;
    }
    connect_all(&bench);
    make_buckets(&bench);
    make_accounts(&bench);
    run(&bench);
    (void)call_integer(&bench, "FLUSHDB");
    return 0;
}
