/* SPDX-License-Identifier: Apache-2.0 */
/* What a settle costs in PostgreSQL: settlements through the adapter as the pipeline makes them, in
 * CPU of the session's server process (/proc, so the server must be on this machine) and of the
 * client (this thread, in the adapter only), and in WAL.
 *
 *     bench_settle_cost URL [--accounts N] [--batch N] [--settles N] [--zipf]
 *
 * The database must be empty; it is left full, for a look at what was written. */
#include "adapters/postgres/ledger.h"
#include "adapters/postgres/migrate.h"
#include "adapters/postgres/partitions.h"
#include "base/hash.h"

#include <libpq-fe.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 2, MINUTES_BACK = 10, TEXT_MAX = 24 };

struct settings {
    const char *url;
    size_t accounts;
    size_t batch;
    size_t settles;
    bool zipf;
};

struct bench {
    struct settings settings;
    PGconn *control;
    struct ts_postgres *postgres;
    struct ts_ledger ledger;
    struct ts_settle settle;
    struct ts_account_profile *profiles;
    struct ts_record *records;
    struct ts_record **list;
    const struct ts_settle_account **record_accounts;
    struct ts_settle_account *accounts; /* of one settlement */
    uint32_t *place;                    /* of a profile among accounts[] + 1, 0: not there */
    char (*cdr_ids)[TEXT_MAX];
    double *zipf; /* cumulative, for the choice of accounts only */
    uint64_t random;
    int64_t serial;
    double client_us;
};

static void die(const char *what, const char *text)
{
    (void)fprintf(stderr, "bench_settle_cost: %s: %s\n", what, text);
    exit(1);
}

static double now_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int64_t now_ms(void)
{
    return (int64_t)(now_us(CLOCK_REALTIME) / 1000);
}

static int64_t ask(struct bench *bench, const char *sql)
{
    PGresult *result = PQexec(bench->control, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        die(sql, PQresultErrorMessage(result));
    }
    int64_t value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

static uint64_t next_random(struct bench *bench)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 7;
    bench->random ^= bench->random << 17;
    return bench->random;
}

static size_t pick_account(struct bench *bench)
{
    size_t count = bench->settings.accounts;
    if (!bench->settings.zipf) {
        return next_random(bench) % count;
    }
    double at = (double)(next_random(bench) >> 11) / 9007199254740992.0 * bench->zipf[count - 1];
    size_t low = 0;
    for (size_t high = count - 1; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (bench->zipf[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* CPU of a process, user and system, by its tick. */
static double cpu_us_of(int64_t pid)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file,
                               "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                               &user,
                               &system) != 2) {
        die(path, "is the server on this machine?");
    }
    (void)fclose(file);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* --- the settlements */

static void fill_record(struct bench *bench, size_t i, size_t account, int64_t now)
{
    struct ts_record *record = &bench->records[i];
    int64_t start_ms = now - (int64_t)(next_random(bench) % (MINUTES_BACK * 60000));
    int64_t duration_ms = (int64_t)(next_random(bench) % 300000);
    (void)snprintf(bench->cdr_ids[i], TEXT_MAX, "%016" PRIx64, bench->serial++);
    *record = (struct ts_record){
        .offset = bench->serial - 1,
        .cdr = {.cdr_id = ts_bytes_of(bench->cdr_ids[i]),
                .source = TS_LITERAL("switch-1"),
                .call_id = ts_bytes_of(bench->cdr_ids[i]),
                .account_id = ts_account_profile_id(&bench->profiles[account]),
                .user_id = TS_LITERAL("user-1234"),
                .user_name = TS_LITERAL("Ada Lovelace"),
                .department = TS_LITERAL("Sales"),
                .from_number = TS_LITERAL("+14155550100"),
                .to_number = TS_LITERAL("+442071234567"),
                .start_ms = start_ms,
                .answer_ms = start_ms + 3000,
                .end_ms = start_ms + 3000 + duration_ms,
                .duration_ms = duration_ms,
                .hangup_cause = 16,
                .has_answer = true,
                .has_hangup_cause = true},
        .rating = {.category = TS_CATEGORY_INTERNATIONAL_OUTBOUND,
                   .region = "GB",
                   .billed = 120,
                   .charge_micros = (int64_t)(next_random(bench) % 100000),
                   .rate_e8 = 730000,
                   .prefix = TS_LITERAL("44207"),
                   .description = TS_LITERAL("United Kingdom - London"),
                   .deck_version = 3},
        .decoded = true,
        .account = (uint32_t)account,
    };
    record->identity_hash = ts_cdr_identity_hash(&record->cdr, 0);
    record->fingerprint = ts_cdr_fingerprint(&record->cdr);
    bench->list[i] = record;
}

static int compare_accounts(const void *a, const void *b)
{
    int64_t left = ((const struct ts_settle_account *)a)->profile->account_no;
    int64_t right = ((const struct ts_settle_account *)b)->profile->account_no;
    return (left > right) - (left < right);
}

static void make_settlement(struct bench *bench, struct ts_settlement *s, int64_t now)
{
    memset(bench->place, 0, bench->settings.accounts * sizeof *bench->place);
    for (size_t i = 0; i < bench->settings.batch; i++) {
        size_t account = pick_account(bench);
        fill_record(bench, i, account, now);
        if (bench->place[account] == 0) {
            bench->accounts[s->account_count] =
                (struct ts_settle_account){.profile = &bench->profiles[account]};
            bench->place[account] = (uint32_t)++s->account_count;
        }
        struct ts_settle_account *sum = &bench->accounts[bench->place[account] - 1];
        sum->delta_micros -= bench->records[i].rating.charge_micros;
        sum->rows++;
    }
    qsort(bench->accounts, s->account_count, sizeof *bench->accounts, compare_accounts);
    for (size_t i = 0; i < s->account_count; i++) {
        bench->place[bench->accounts[i].profile - bench->profiles] = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < bench->settings.batch; i++) {
        bench->record_accounts[i] = &bench->accounts[bench->place[bench->records[i].account] - 1];
    }
    s->records = bench->list;
    s->record_accounts = bench->record_accounts;
    s->record_count = bench->settings.batch;
    s->accounts = bench->accounts;
    s->now_ms = now;
}

static enum ts_settle_status wait_for(struct bench *bench, struct ts_error *err)
{
    enum ts_settle_status status;
    do {
        status = bench->settle.ops->poll(bench->settle.self, 1000, err);
    } while (status == TS_SETTLE_PENDING);
    return status;
}

static void settle_once(struct bench *bench, struct ts_claim *claim)
{
    struct ts_error err = {0};
    int64_t count = (int64_t)bench->settings.batch;
    struct ts_settle_lane lane = {.lane = claim->lane,
                                  .epoch = claim->epoch,
                                  .start = claim->next_offset,
                                  .end = claim->next_offset + count,
                                  .settled = count};
    struct ts_settlement settlement = {.lanes = &lane, .lane_count = 1};
    make_settlement(bench, &settlement, now_ms());
    double before = now_us(CLOCK_THREAD_CPUTIME_ID);
    if (!bench->settle.ops->start(bench->settle.self, &settlement, &err) ||
        wait_for(bench, &err) != TS_SETTLE_LOCKED ||
        !bench->settle.ops->write(bench->settle.self, &err) ||
        wait_for(bench, &err) != TS_SETTLE_DONE) {
        die("settle", err.text);
    }
    bench->client_us += now_us(CLOCK_THREAD_CPUTIME_ID) - before;
    claim->next_offset = lane.end;
}

/* --- setting up */

static void make_accounts(struct bench *bench)
{
    char sql[512];
    (void)ask(bench, "INSERT INTO rate_plan (name) VALUES ('standard')");
    (void)snprintf(sql,
                   sizeof sql,
                   "INSERT INTO account (balance_micros, watch_low, watch_high, plan_no,"
                   " account_id, country, timezone, currency, name)"
                   " SELECT 1000000000, 0, 9000000000000001, 1, 'office-' || i, 'US',"
                   " 'America/New_York', 'USD', 'Office number ' || i"
                   " FROM generate_series(1, %zu) i",
                   bench->settings.accounts);
    (void)ask(bench, sql);
    (void)ask(bench, "VACUUM ANALYZE account");
    for (size_t i = 0; i < bench->settings.accounts; i++) {
        struct ts_account_profile *profile = &bench->profiles[i];
        *profile = (struct ts_account_profile){.account_no = (int64_t)i + 1};
        profile->account_id_size =
            (uint8_t)snprintf(profile->account_id, sizeof profile->account_id, "office-%zu", i + 1);
        double before = i > 0 ? bench->zipf[i - 1] : 0;
        bench->zipf[i] = before + 1 / (double)(i + 1);
    }
}

static void set_up(struct bench *bench)
{
    struct ts_error err = {0};
    struct ts_partitions_options keeper = ts_partitions_defaults();
    keeper.url = bench->settings.url;
    keeper.history_days = 2;
    struct ts_partitions *partitions = ts_partitions_create(&keeper, &err);
    struct ts_postgres_options options = ts_postgres_defaults();
    options.url = bench->settings.url;
    options.group = "bench";
    options.topics[TS_INPUT_CDRS] = "bench";
    options.topics[TS_INPUT_CREDITS] = "bench-credits";
    options.topics[TS_INPUT_ADJUSTMENTS] = "bench-adjustments";
    bench->control = PQconnectdb(bench->settings.url);
    bench->postgres = ts_postgres_create(&options, &err);
    if (!ts_postgres_migrate(bench->settings.url, NULL, &err) || partitions == NULL ||
        !ts_partitions_ensure(partitions, now_ms(), &err) || bench->postgres == NULL) {
        die("set up", err.text);
    }
    ts_partitions_destroy(partitions);
    bench->ledger = ts_postgres_ledger(bench->postgres);
    bench->settle = ts_postgres_settle(bench->postgres);
    if (!bench->ledger.ops->connect(bench->ledger.self, &err)) {
        die("connect", err.text);
    }
    size_t batch = bench->settings.batch;
    size_t accounts = bench->settings.accounts;
    bench->profiles = calloc(accounts, sizeof *bench->profiles);
    bench->zipf = calloc(accounts, sizeof *bench->zipf);
    bench->place = calloc(accounts, sizeof *bench->place);
    bench->records = calloc(batch, sizeof *bench->records);
    bench->list = calloc(batch, sizeof(struct ts_record *));
    bench->record_accounts = calloc(batch, sizeof(const struct ts_settle_account *));
    bench->accounts = calloc(batch, sizeof *bench->accounts);
    bench->cdr_ids = calloc(batch, TEXT_MAX);
    if (bench->profiles == NULL || bench->zipf == NULL || bench->place == NULL ||
        bench->records == NULL || bench->list == NULL || bench->record_accounts == NULL ||
        bench->accounts == NULL || bench->cdr_ids == NULL) {
        die("set up", "out of memory");
    }
    make_accounts(bench);
}

static size_t number(const char *option, const char *value)
{
    size_t n = value == NULL ? 0 : strtoull(value, NULL, 10);
    if (n == 0) {
        die(option, "takes a number");
    }
    return n;
}

static struct settings read_arguments(int argc, char **argv)
{
    struct settings settings = {.accounts = 100000, .batch = 20000, .settles = 50};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--zipf") == 0) {
            settings.zipf = true;
        } else if (strcmp(argv[i], "--accounts") == 0) {
            settings.accounts = number(argv[i++], value);
        } else if (strcmp(argv[i], "--batch") == 0) {
            settings.batch = number(argv[i++], value);
        } else if (strcmp(argv[i], "--settles") == 0) {
            settings.settles = number(argv[i++], value);
        } else {
            settings.url = argv[i];
        }
    }
    if (settings.url == NULL) {
        die("usage", "bench_settle_cost URL [--accounts N] [--batch N] [--settles N] [--zipf]");
    }
    return settings;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct ts_error err = {0};
    struct ts_claim claim;
    bench.settings = read_arguments(argc, argv);
    bench.random = UINT64_C(0x9e3779b97f4a7c15);
    set_up(&bench);
    if (!bench.ledger.ops->claim(
            bench.ledger.self, (struct ts_lane){TS_INPUT_CDRS, 0}, 0, now_ms(), &claim, &err)) {
        die("claim", err.text);
    }
    int64_t pid = ask(&bench,
                      "SELECT pid FROM pg_stat_activity WHERE application_name ="
                      " 'tollstream settle'");
    for (int i = 0; i < WARM_UP; i++) {
        settle_once(&bench, &claim);
    }
    bench.client_us = 0;
    double server = cpu_us_of(pid);
    double wall = now_us(CLOCK_MONOTONIC);
    int64_t wal = ask(&bench, "SELECT pg_current_wal_lsn() - '0/0'");
    for (size_t i = 0; i < bench.settings.settles; i++) {
        settle_once(&bench, &claim);
    }
    double cdrs = (double)(bench.settings.settles * bench.settings.batch);
    printf("%zu settles of %zu CDRs, %zu accounts%s: server %.2f us, client %.2f us, wall %.2f us,"
           " WAL %.0f bytes a CDR\n",
           bench.settings.settles,
           bench.settings.batch,
           bench.settings.accounts,
           bench.settings.zipf ? " (Zipf)" : "",
           (cpu_us_of(pid) - server) / cdrs,
           bench.client_us / cdrs,
           (now_us(CLOCK_MONOTONIC) - wall) / cdrs,
           (double)(ask(&bench, "SELECT pg_current_wal_lsn() - '0/0'") - wal) / cdrs);
    ts_postgres_destroy(bench.postgres);
    PQfinish(bench.control);
    return 0;
}
