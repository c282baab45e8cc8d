/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker asks between two settles. */
#include "adapters/postgres/account_state.h"
#include "adapters/postgres/worker.h"
#include "base/assert.h"

static PGresult *
ask(struct ts_postgres *postgres, enum ts_pg_reading statement, struct ts_error *err)
{
    return ts_pg_call(&postgres->reading, &ts_pg_reading[statement], &postgres->params, err);
}

/* The n of a row that came WITH ORDINALITY, as an index. */
static size_t index_of(const PGresult *rows, int row)
{
    return (size_t)ts_pg_i64(rows, row, 0) - 1;
}

bool ts_pg_buckets(void *self, struct ts_bucket_row rows[TS_BUCKET_COUNT], struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    ts_pg_params_clear(&postgres->params);
    PGresult *result = ask(postgres, TS_PG_READ_BUCKETS, err);
    if (result == NULL) {
        return false;
    }
    for (int i = 0; i < TS_BUCKET_COUNT; i++) {
        rows[i] = (struct ts_bucket_row){0};
    }
    for (int i = 0; i < PQntuples(result); i++) {
        int32_t bucket = ts_pg_i32(result, i, 0);
        if (bucket >= 0 && bucket < TS_BUCKET_COUNT) {
            struct ts_bucket_row *row = &rows[bucket];
            row->generation = ts_pg_i64(result, i, 1);
            ts_pg_text(result, i, 2, row->identity.run_id, sizeof row->identity.run_id);
            ts_pg_text(
                result, i, 3, row->identity.replication_id, sizeof row->identity.replication_id);
        }
    }
    PQclear(result);
    return true;
}

static bool read_balances(const PGresult *rows,
                          struct ts_load_account *accounts,
                          int64_t *generation,
                          struct ts_error *err)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_load_account *account = &accounts[index_of(rows, i)];
        if (!ts_pg_bool(rows, i, 2)) {
            return ts_error_set(err,
                                TS_ERROR_FATAL,
                                0,
                                "account %.*s has a profile but no row: was it deleted?",
                                TS_ARGS(account->account_id));
        }
        account->balance_micros = ts_pg_i64(rows, i, 3);
        *generation = ts_pg_i64(rows, i, 1);
    }
    return true;
}

bool ts_pg_balances(void *self,
                    uint32_t bucket,
                    struct ts_load_account *accounts,
                    size_t count,
                    int64_t *generation,
                    struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_param_i32(params, (int32_t)bucket);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_bytes(params, accounts[i].account_id);
    }
    ts_pg_array_end(params);
    PGresult *rows = ask(postgres, TS_PG_READ_BALANCES, err);
    if (rows == NULL) {
        return false;
    }
    bool ok = (size_t)PQntuples(rows) == count ||
              ts_error_set(err, TS_ERROR_FATAL, 0, "bucket %u is not in redis_bucket", bucket);
    ok = ok && read_balances(rows, accounts, generation, err);
    PQclear(rows);
    return ok;
}

bool ts_pg_counters(void *self,
                    uint32_t bucket,
                    struct ts_counter_request *requests,
                    size_t count,
                    int64_t *generation,
                    struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_param_i32(params, (int32_t)bucket);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, requests[i].account_no);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT4);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i32(params, requests[i].month);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_bytes(params, requests[i].allowance);
    }
    ts_pg_array_end(params);
    PGresult *rows = ask(postgres, TS_PG_READ_COUNTERS, err);
    if (rows == NULL) {
        return false;
    }
    bool ok = (size_t)PQntuples(rows) == count ||
              ts_error_set(err, TS_ERROR_FATAL, 0, "bucket %u is not in redis_bucket", bucket);
    for (int i = 0; ok && i < PQntuples(rows); i++) {
        *generation = ts_pg_i64(rows, i, 1);
        requests[index_of(rows, i)].used = ts_pg_i64(rows, i, 2);
    }
    PQclear(rows);
    return ok;
}

/* A row with the same start and hash: the same identity, and then the same content? */
static enum ts_identity_status
compare_identity(const PGresult *rows, int row, const struct ts_identity *asked)
{
    const struct ts_cdr *cdr = asked->cdr;
    if (!ts_bytes_equal(ts_pg_bytes(rows, row, 1), cdr->source) ||
        !ts_bytes_equal(ts_pg_bytes(rows, row, 2), cdr->cdr_id) ||
        ts_pg_i32(rows, row, 3) != cdr->leg) {
        return TS_IDENTITY_COLLISION;
    }
    return (uint64_t)ts_pg_i64(rows, row, 4) == asked->fingerprint ? TS_IDENTITY_SAME
                                                                   : TS_IDENTITY_CONFLICT;
}

bool ts_pg_identities(void *self,
                      struct ts_identity *identities,
                      size_t count,
                      struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_TIMESTAMPTZ);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_time(params, identities[i].cdr->start_ms);
        identities[i].status = TS_IDENTITY_ABSENT;
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, (int64_t)identities[i].identity_hash);
    }
    ts_pg_array_end(params);
    PGresult *rows = ask(postgres, TS_PG_READ_IDENTITIES, err);
    if (rows == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_identity *identity = &identities[index_of(rows, i)];
        identity->status = compare_identity(rows, i, identity);
    }
    PQclear(rows);
    return true;
}

static bool is_credit(const struct ts_command *command)
{
    return command->type == TS_COMMAND_CREDIT_ADDED;
}

static struct ts_bytes plan_of(const struct ts_command *command)
{
    bool named = command->type == TS_COMMAND_ACCOUNT_CHANGED &&
                 (command->body.change.set & ts_field_bit(TS_FIELD_RATE_PLAN)) != 0;
    return named ? command->body.change.rate_plan : (struct ts_bytes){0};
}

/* One array parameter, NULL for what is no adjustment. */
#define ADD_FOLLOWED(params, element, put, requests, count, expression)                            \
    do {                                                                                           \
        ts_pg_array_begin(params, element);                                                        \
        for (size_t i_ = 0; i_ < (count); i_++) {                                                  \
            const struct ts_command_request *item = &(requests)[i_];                               \
            const struct ts_adjustment *adjustment = &item->command->body.adjustment;              \
            (void)adjustment;                                                                      \
            if (item->command->type == TS_COMMAND_ADJUSTMENT) {                                    \
                put(params, expression);                                                           \
            } else {                                                                               \
                ts_pg_array_null(params);                                                          \
            }                                                                                      \
        }                                                                                          \
        ts_pg_array_end(params);                                                                   \
    } while (0)

static void
add_followed(struct ts_pg_params *params, const struct ts_command_request *requests, size_t count)
{
    ADD_FOLLOWED(params, TS_PG_INT8, ts_pg_array_i64, requests, count, item->account_no);
    ADD_FOLLOWED(params, TS_PG_INT8, ts_pg_array_i64, requests, count, adjustment->follows);
    ADD_FOLLOWED(
        params, TS_PG_TIMESTAMPTZ, ts_pg_array_time, requests, count, adjustment->start_ms);
    ADD_FOLLOWED(
        params, TS_PG_INT8, ts_pg_array_i64, requests, count, (int64_t)adjustment->identity_hash);
}

static void
add_commands(struct ts_pg_params *params, const struct ts_command_request *requests, size_t count)
{
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_bytes(params, requests[i].command->command_id);
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        const struct ts_command *command = requests[i].command;
        ts_pg_array_bytes(
            params, is_credit(command) ? command->body.credit.credit_id : (struct ts_bytes){0});
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        const struct ts_command *command = requests[i].command;
        ts_pg_array_bytes(
            params, is_credit(command) ? command->body.credit.recharge_id : (struct ts_bytes){0});
    }
    ts_pg_array_end(params);
    ts_pg_array_begin(params, TS_PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_bytes(params, plan_of(requests[i].command));
    }
    ts_pg_array_end(params);
    add_followed(params, requests, count);
}

static enum ts_identity_status
compare_fingerprint(const PGresult *rows, int row, int column, uint64_t fingerprint)
{
    if (ts_pg_is_null(rows, row, column)) {
        return TS_IDENTITY_ABSENT;
    }
    return (uint64_t)ts_pg_i64(rows, row, column) == fingerprint ? TS_IDENTITY_SAME
                                                                 : TS_IDENTITY_CONFLICT;
}

bool ts_pg_commands(void *self,
                    struct ts_command_request *requests,
                    size_t count,
                    struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    ts_pg_params_clear(&postgres->params);
    add_commands(&postgres->params, requests, count);
    PGresult *rows = ask(postgres, TS_PG_READ_COMMANDS, err);
    if (rows == NULL) {
        return false;
    }
    TS_ASSERT((size_t)PQntuples(rows) == count);
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_command_request *request = &requests[index_of(rows, i)];
        request->command_id = compare_fingerprint(rows, i, 1, request->fingerprint);
        request->credit_id = compare_fingerprint(rows, i, 2, request->fingerprint);
        request->recharge_credited = ts_pg_bool(rows, i, 3);
        request->plan_no = ts_pg_i32(rows, i, 4);
        ts_pg_text(rows, i, 5, request->plan_currency, sizeof request->plan_currency);
        request->base_there = ts_pg_bool(rows, i, 6);
        request->base_followed = ts_pg_bool(rows, i, 7);
    }
    PQclear(rows);
    return true;
}

bool ts_pg_states(void *self,
                  int64_t now_ms,
                  struct ts_state_reading *readings,
                  size_t count,
                  struct ts_error *err)
{
    struct ts_postgres *postgres = self;
    struct ts_pg_params *params = &postgres->params;
    ts_pg_params_clear(params);
    ts_pg_array_begin(params, TS_PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ts_pg_array_i64(params, readings[i].account_no);
    }
    ts_pg_array_end(params);
    ts_pg_param_time(params, now_ms);
    PGresult *rows = ask(postgres, TS_PG_READ_STATES, err);
    if (rows == NULL) {
        return false;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        struct ts_state_reading *reading = &readings[index_of(rows, i)];
        ts_pg_read_account_state(rows, i, TS_PG_STATES_STATE, &reading->state);
        ts_pg_read_decide_time(rows, i, TS_PG_STATES_TIME, now_ms, &reading->time);
    }
    bool all = (size_t)PQntuples(rows) == count;
    PQclear(rows);
    return all ||
           ts_error_set(
               err, TS_ERROR_FATAL, 0, "an account has a profile but no row: was it deleted?");
}
