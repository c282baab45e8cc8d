/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream rebuild-balances`: the operator's repair. Account rows are set to what their ledgers
 * add up to (adapters/postgres/repair_store.h), and buckets whose balances in Redis are not those
 * of the books are taken from PostgreSQL again. Traffic goes on meanwhile. With --check it only
 * tells what differs. */
#include "adapters/postgres/repair_store.h"
#include "app/audit_balances.h"
#include "app/bucket_maker.h"
#include "app/cli.h"
#include "app/progress.h"
#include "app/servers.h"
#include "app/session.h"
#include "app/system_clock.h"
#include "core/account.h"

#include <inttypes.h>

enum { TIMEOUT_S = 30, TIMEOUT_S_MAX = 86400 };

static const struct ts_column columns[] = {
    {"check", TS_COLUMN_TEXT},
    {"account_id", TS_COLUMN_TEXT},
    {"allowance", TS_COLUMN_TEXT},
    {"unit", TS_COLUMN_TEXT},
    {"stored", TS_COLUMN_NUMBER},
    {"ledger", TS_COLUMN_NUMBER},
    {"difference", TS_COLUMN_NUMBER},
};

struct rebuild {
    struct ts_session *session;
    const char *account_id; /* NULL: all */
    bool check;
    int64_t timeout_ms;
    struct ts_table table;
    struct ts_progress progress;
    struct ts_repair_found found;
    struct ts_repair_done done;
    struct ts_audit_balances live;
    uint32_t buckets[TS_BUCKET_COUNT]; /* that are wrong in Redis */
    size_t bucket_count;
    struct ts_bucket_maker maker;
};

/* ---- telling -----------------------------------------------------------------------------------
 */

static void put(struct rebuild *rebuild,
                const char *check,
                struct ts_bytes account_id,
                struct ts_bytes allowance,
                const char *unit,
                int64_t stored,
                int64_t ledger)
{
    struct ts_table *table = &rebuild->table;
    int64_t difference;
    ts_progress_clear(&rebuild->progress);
    ts_table_text(table, ts_bytes_of(check));
    ts_table_text(table, account_id);
    ts_table_text(table, allowance);
    ts_table_text(table, ts_bytes_of(unit));
    ts_table_number(table, stored);
    ts_table_number(table, ledger);
    if (__builtin_sub_overflow(stored, ledger, &difference)) {
        ts_table_absent(table);
    } else {
        ts_table_number(table, difference);
    }
}

static void take_difference(void *self, const struct ts_repair_difference *d)
{
    put(self, d->check, d->account_id, d->allowance, d->unit, d->stored, d->ledger);
}

/* A counter's name has the account and the allowance in it. */
static void take_live(void *self, const struct ts_audit_difference *d)
{
    struct rebuild *rebuild = self;
    struct ts_bytes none = {0};
    const char *check = !d->known ? "live_unknown" : d->counts ? "live_allowance" : "live_balance";
    put(rebuild,
        check,
        d->counts ? none : d->id,
        d->counts ? d->id : none,
        d->counts ? "units" : "micro-units",
        d->live,
        d->books);
    size_t count = rebuild->bucket_count;
    if (count == 0 || rebuild->buckets[count - 1] != d->bucket) {
        rebuild->buckets[rebuild->bucket_count++] = d->bucket;
    }
}

/* A bucket that never stood still. */
static void take_moving(void *self, const struct ts_audit_finding *finding)
{
    struct rebuild *rebuild = self;
    ts_progress_clear(&rebuild->progress);
    fprintf(stderr,
            "tollstream rebuild-balances: %.*s: %.*s\n",
            TS_ARGS(finding->subject),
            TS_ARGS(finding->detail));
}

static void tell_progress(void *self, int64_t accounts)
{
    struct rebuild *rebuild = self;
    ts_progress_tell(&rebuild->progress, accounts, accounts);
}

/* That a bucket is not made is no failure of the repair: a worker will. */
static void make_bucket(void *self, uint32_t bucket, int64_t generation)
{
    struct rebuild *rebuild = self;
    struct ts_error err = {0};
    if (!ts_bucket_maker_make(&rebuild->maker, bucket, generation, &err)) {
        ts_progress_clear(&rebuild->progress);
        fprintf(stderr, "tollstream rebuild-balances: warning: %s\n", err.text);
    }
}

/* ---- the books ---------------------------------------------------------------------------------
 */

static bool find(struct rebuild *rebuild, struct ts_repair_store *store, struct ts_error *err)
{
    struct ts_repair_visitor visitor = {.visit = take_difference, .self = rebuild};
    if (rebuild->account_id == NULL && rebuild->progress.shown) {
        fputs("reading the ledgers of all accounts", stderr);
    }
    bool found = ts_repair_store_find(store, rebuild->account_id, &rebuild->found, err);
    ts_progress_clear(&rebuild->progress);
    return found && ts_repair_store_visit(store, &visitor, err);
}

static struct ts_repair_order order_of(struct rebuild *rebuild)
{
    const struct ts_args *args = &rebuild->session->args;
    const char *who = ts_args_value(args, "operator");
    const char *why = ts_args_value(args, "reason");
    return (struct ts_repair_order){.operator_name = who != NULL ? who : ts_servers_operator(),
                                    .reason = why != NULL ? why : "",
                                    .now_ms = ts_system_now_ms,
                                    .raised = make_bucket,
                                    .progress = tell_progress,
                                    .self = rebuild};
}

static bool repair(struct rebuild *rebuild, struct ts_repair_store *store, struct ts_error *err)
{
    struct ts_repair_order order = order_of(rebuild);
    rebuild->progress.total = rebuild->found.damaged;
    bool done = ts_repair_store_repair(store, &order, &rebuild->done, err);
    ts_progress_clear(&rebuild->progress);
    return done;
}

/* ---- Redis -------------------------------------------------------------------------------------
 */

static bool compare_live(struct rebuild *rebuild, struct ts_error *err)
{
    const struct ts_config *config = &rebuild->session->config;
    const char *const topics[TS_INPUT_COUNT] = {[TS_INPUT_CDRS] = config->kafka.topics.cdrs,
                                                [TS_INPUT_CREDITS] = config->kafka.topics.credits,
                                                [TS_INPUT_ADJUSTMENTS] =
                                                    config->kafka.topics.adjustments};
    struct ts_redis_options redis = ts_servers_redis(config);
    struct ts_redis_reader *reader = ts_redis_reader_create(&redis, err);
    struct ts_audit_live *live =
        ts_audit_live_create(config->postgres.url, config->kafka.group, topics, err);
    rebuild->live = (struct ts_audit_balances){.live = live,
                                               .reader = reader,
                                               .timeout_ms = rebuild->timeout_ms,
                                               .visitor = {.visit = take_moving, .self = rebuild},
                                               .differ = take_live,
                                               .self = rebuild};
    if (rebuild->account_id != NULL) {
        rebuild->live.account_id = ts_bytes_of(rebuild->account_id);
    }
    bool done = reader != NULL && live != NULL && ts_audit_balances_run(&rebuild->live, err);
    ts_audit_live_destroy(live);
    ts_redis_reader_destroy(reader);
    return done;
}

/* ---- the command -------------------------------------------------------------------------------
 */

static bool
raise_wrong(struct rebuild *rebuild, struct ts_repair_store *store, struct ts_error *err)
{
    struct ts_repair_order order = order_of(rebuild);
    return ts_repair_store_raise(store, rebuild->buckets, rebuild->bucket_count, &order, err);
}

/* The rows first: what they did to Redis is not to be found again as its own fault. */
static bool run(struct rebuild *rebuild, struct ts_repair_store *store, struct ts_error *err)
{
    if (rebuild->check) {
        return find(rebuild, store, err) && compare_live(rebuild, err);
    }
    return find(rebuild, store, err) && repair(rebuild, store, err) && compare_live(rebuild, err) &&
           raise_wrong(rebuild, store, err);
}

static void tell_end(const struct rebuild *rebuild)
{
    printf("%" PRId64 " accounts compared with their ledgers, %" PRId64 " differ; %" PRId64
           " with Redis, %" PRId64 " balances and counters differ\n",
           rebuild->found.accounts,
           rebuild->found.damaged,
           rebuild->live.compared,
           rebuild->live.findings - rebuild->live.not_compared);
    if (!rebuild->check) {
        printf("%" PRId64 " accounts were set, %" PRId64
               " balances noted in their ledgers; %" PRId64
               " buckets are read anew from PostgreSQL\n",
               rebuild->done.accounts,
               rebuild->done.entries,
               rebuild->done.buckets + (int64_t)rebuild->bucket_count);
    }
}

/* What no repair can mend is told in any format. */
static bool tell_left(const struct rebuild *rebuild)
{
    if (rebuild->found.hopeless > 0) {
        fprintf(stderr,
                "tollstream rebuild-balances: the ledgers of %" PRId64
                " accounts add up to more than a balance can be: look for a wrong row\n",
                rebuild->found.hopeless);
    }
    if (rebuild->found.ownerless > 0) {
        fprintf(stderr,
                "tollstream rebuild-balances: %" PRId64
                " account numbers have ledger rows and no account: restore the accounts\n",
                rebuild->found.ownerless);
    }
    return rebuild->found.hopeless > 0 || rebuild->found.ownerless > 0 ||
           rebuild->live.not_compared > 0;
}

static int finish(struct rebuild *rebuild, enum ts_format format)
{
    int status = ts_session_finish_table(rebuild->session, &rebuild->table);
    if (status != TS_EXIT_OK) {
        return status;
    }
    if (format == TS_FORMAT_TABLE) {
        tell_end(rebuild);
    }
    bool left = tell_left(rebuild);
    bool found = rebuild->found.damaged > 0 || rebuild->live.findings > 0;
    return left || (rebuild->check && found) ? TS_EXIT_FINDING : TS_EXIT_OK;
}

static int rebuild_with(struct rebuild *rebuild, enum ts_format format)
{
    struct ts_session *session = rebuild->session;
    struct ts_error err = {0};
    struct ts_repair_store *store = ts_repair_store_open(session->config.postgres.url, &err);
    if (store == NULL) {
        return ts_session_fail(session, &err);
    }
    ts_progress_init(&rebuild->progress, "accounts", 0, false);
    ts_table_init(&rebuild->table, stdout, format, columns, sizeof columns / sizeof *columns);
    bool done = run(rebuild, store, &err);
    ts_progress_finish(&rebuild->progress);
    ts_repair_store_close(store);
    ts_bucket_maker_finish(&rebuild->maker);
    if (done) {
        return finish(rebuild, format);
    }
    ts_session_finish_table(session, &rebuild->table); /* what was found so far */
    ts_session_fail(session, &err);
    if (err.class == TS_ERROR_RETRY && !rebuild->check) {
        fputs("tollstream rebuild-balances: run again it finds what is left\n", stderr);
    }
    return err.class == TS_ERROR_REJECT ? TS_EXIT_FINDING : TS_EXIT_USAGE;
}

static int act(struct ts_session *session)
{
    const struct ts_args *args = &session->args;
    struct rebuild rebuild = {.session = session,
                              .maker = {.config = &session->config},
                              .account_id = ts_args_value(args, "account"),
                              .check = ts_args_flag(args, "check")};
    bool all = ts_args_flag(args, "all");
    int64_t timeout_s = TIMEOUT_S;
    enum ts_format format;
    if (!ts_args_count(args, 0, 0) || !ts_args_format(args, &format) ||
        !ts_args_number(args, "timeout", 0, TIMEOUT_S_MAX, &timeout_s)) {
        return TS_EXIT_USAGE;
    }
    if ((rebuild.account_id != NULL) == all) {
        return ts_args_refuse(args, "which accounts? --account ACCOUNT, or --all");
    }
    rebuild.timeout_ms = timeout_s * 1000;
    return rebuild_with(&rebuild, format);
}

int ts_cmd_rebuild_balances(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "rebuild-balances", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
