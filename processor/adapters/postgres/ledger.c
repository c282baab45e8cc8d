/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/ledger.h"

#include "adapters/postgres/schema.h"
#include "adapters/postgres/worker.h"
#include "base/assert.h"

#include <stdlib.h>

enum { PARAMS_MAX = 256 * 1024 * 1024 };

struct ts_postgres_options ts_postgres_defaults(void)
{
    return (struct ts_postgres_options){
        .connect_timeout_ms = 5000,
        .statement_timeout_ms = 30000,
        .lock_timeout_ms = 10000,
        .idle_in_transaction_timeout_ms = 10000,
        .claim_timeout_ms = 2000,
        .settle_bytes_max = (size_t)256 * 1024 * 1024,
    };
}

/* Moves the text to `at` and the option to its copy. Returns the end of it. */
static char *keep(char *at, const char **text)
{
    size_t size = strlen(*text) + 1;
    memcpy(at, *text, size);
    *text = at;
    return at + size;
}

static bool copy_options(struct ts_postgres *postgres, const struct ts_postgres_options *options)
{
    size_t size = strlen(options->url) + strlen(options->group) + 2;
    for (int i = 0; i < TS_INPUT_COUNT; i++) {
        size += strlen(options->topics[i]) + 1;
    }
    postgres->options = *options;
    postgres->texts = malloc(size);
    if (postgres->texts == NULL) {
        return false;
    }
    char *at = keep(postgres->texts, &postgres->options.url);
    at = keep(at, &postgres->options.group);
    for (int i = 0; i < TS_INPUT_COUNT; i++) {
        at = keep(at, &postgres->options.topics[i]);
    }
    return true;
}

struct ts_postgres *ts_postgres_create(const struct ts_postgres_options *options,
                                       struct ts_error *err)
{
    struct ts_postgres *postgres = calloc(1, sizeof *postgres);
    if (postgres == NULL || !copy_options(postgres, options)) {
        free(postgres);
        ts_error_no_memory(err);
        return NULL;
    }
    ts_pg_params_init(&postgres->params, PARAMS_MAX);
    ts_pg_params_init(&postgres->settle_params, PARAMS_MAX);
    ts_pg_settle_init(postgres);
    return postgres;
}

void ts_postgres_destroy(struct ts_postgres *postgres)
{
    if (postgres == NULL) {
        return;
    }
    ts_pg_settle_finish(postgres);
    ts_pg_close(&postgres->reading);
    ts_pg_close(&postgres->writing);
    ts_pg_params_finish(&postgres->params);
    ts_pg_params_finish(&postgres->settle_params);
    ts_pg_leaves_finish(&postgres->leaves);
    free(postgres->texts);
    free(postgres);
}

/* The number of a topic, given when it is first seen. */
static bool number_topic(struct ts_postgres *postgres, int input, struct ts_error *err)
{
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_param_text(params, postgres->options.topics[input]);
    PGresult *made = ts_pg_exec_params(&postgres->reading,
                                       "INSERT INTO topic (name) SELECT $1::text WHERE NOT EXISTS"
                                       " (SELECT 1 FROM topic WHERE name = $1::text)"
                                       " ON CONFLICT DO NOTHING",
                                       params,
                                       err);
    if (made == NULL) {
        return false;
    }
    PQclear(made);
    PGresult *rows = ts_pg_call(&postgres->reading, &ts_pg_reading[TS_PG_READ_TOPIC], params, err);
    if (rows == NULL) {
        return false;
    }
    TS_ASSERT(PQntuples(rows) == 1);
    postgres->topic_no[input] = ts_pg_i16(rows, 0, 0);
    PQclear(rows);
    return true;
}

static bool number_topics(struct ts_postgres *postgres, struct ts_error *err)
{
    bool ok = true;
    for (int i = 0; ok && i < TS_INPUT_COUNT; i++) {
        ok = number_topic(postgres, i, err);
    }
    return ok;
}

static bool open_sessions(struct ts_postgres *postgres, struct ts_error *err)
{
    const struct ts_postgres_options *options = &postgres->options;
    struct ts_pg_session_options session = {
        .url = options->url,
        .role = "worker",
        .connect_timeout_ms = options->connect_timeout_ms,
        .statement_timeout_ms = options->statement_timeout_ms,
        .lock_timeout_ms = options->lock_timeout_ms,
        .idle_in_transaction_timeout_ms = options->idle_in_transaction_timeout_ms,
        .nested_loops = true,
    };
    /* The schema first: statements of another one cannot be prepared. */
    if (!ts_pg_open(&postgres->reading, &session, NULL, 0, err) ||
        !ts_pg_schema_check(&postgres->reading, err) ||
        !ts_pg_prepare(&postgres->reading, ts_pg_reading, TS_PG_READING_COUNT, err)) {
        return false;
    }
    session.role = "settle";
    return ts_pg_open(&postgres->writing, &session, ts_pg_writing, TS_PG_WRITING_COUNT, err) &&
           number_topics(postgres, err) &&
           ts_pg_leaves_load(&postgres->reading, &postgres->leaves, err);
}

static bool connect_anew(void *self, struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    ts_pg_settle_forget(postgres);
    ts_pg_close(&postgres->reading);
    ts_pg_close(&postgres->writing);
    if (open_sessions(postgres, err)) {
        postgres->leaves_stale = false;
        return true;
    }
    ts_pg_close(&postgres->reading);
    ts_pg_close(&postgres->writing);
    return false;
}

static bool usage_window(void *self, int64_t *from_ms, int64_t *to_ms, struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_leaves *leaves = &postgres->leaves;
    if (!ts_pg_leaves_load(&postgres->reading, leaves, err)) {
        return false;
    }
    *from_ms = leaves->count > 0 ? leaves->items[0].from_ms : 0;
    *to_ms = leaves->count > 0 ? leaves->items[leaves->count - 1].to_ms : 0;
    return true;
}

static const struct ts_ledger_ops ops = {
    .connect = connect_anew,
    .buckets = ts_pg_buckets,
    .raise = ts_pg_raise,
    .claim = ts_pg_claim,
    .known = ts_pg_known,
    .reopen = ts_pg_reopen,
    .profiles = ts_pg_profiles,
    .balances = ts_pg_balances,
    .counters = ts_pg_counters,
    .identities = ts_pg_identities,
    .commands = ts_pg_commands,
    .states = ts_pg_states,
    .usage_window = usage_window,
    .outbox = ts_pg_outbox,
    .outbox_older = ts_pg_outbox_older,
    .outbox_trim = ts_pg_outbox_trim,
};

struct ts_ledger ts_postgres_ledger(struct ts_postgres *postgres)
{
    return (struct ts_ledger){.ops = &ops, .self = postgres};
}

struct ts_settle ts_postgres_settle(struct ts_postgres *postgres)
{
    return (struct ts_settle){.ops = &ts_pg_settle_ops, .self = postgres};
}
