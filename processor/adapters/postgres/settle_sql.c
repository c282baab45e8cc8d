/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/settle_sql.h"

#include "adapters/postgres/account_state.h"
#include "core/reason.h"

#include <stdlib.h>

/* Rows of other settlements told along with ours, at most; the rest is told by their lane's owner.
 */
enum { OLDER_MAX = 10000 };

/* Broker times are as producers set them: beyond these they are shown as unknown. */
#define RECORD_TIME_MS_MAX INT64_C(253402300800000) /* the year 10000 */

/* One array parameter, of an expression over `item` = base[0 .. count). */
#define ADD_ARRAY(params, type, put, base, count, expression)                                      \
    do {                                                                                           \
        ts_pg_array_begin(params, type);                                                           \
        for (size_t i_ = 0; i_ < (count); i_++) {                                                  \
            const __typeof__(*(base)) *item = &(base)[i_];                                         \
            put(params, expression);                                                               \
        }                                                                                          \
        ts_pg_array_end(params);                                                                   \
    } while (0)

static void add_lanes(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    const struct ts_settle_lane *lanes = s->lanes;
    size_t n = s->lane_count;
    ts_pg_param_text(p, postgres->options.group);
    ADD_ARRAY(p,
              TS_PG_TEXT,
              ts_pg_array_bytes,
              lanes,
              n,
              ts_bytes_of(ts_pg_topic_of(postgres, item->lane)));
    ADD_ARRAY(p, TS_PG_INT4, ts_pg_array_i32, lanes, n, item->lane.partition);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, lanes, n, item->epoch);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, lanes, n, item->start);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, lanes, n, item->end);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, lanes, n, (int64_t)item->tail_hash);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, lanes, n, item->settled);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, lanes, n, item->duplicates);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, lanes, n, item->dead_letters);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, lanes, n, item->holes);
}

static void add_buckets(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    ADD_ARRAY(p, TS_PG_INT4, ts_pg_array_i32, s->buckets, s->bucket_count, (int32_t)item->bucket);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, s->buckets, s->bucket_count, item->generation);
}

static void add_accounts(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settle_account *accounts = postgres->settle.settlement->accounts;
    size_t n = postgres->settle.settlement->account_count;
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, accounts, n, item->profile->account_no);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, accounts, n, item->delta_micros);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, accounts, n, item->rows);
}

static void add_counters(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    const struct ts_settle_counter *counters = s->counters;
    size_t n = s->counter_count;
    ADD_ARRAY(p,
              TS_PG_INT8,
              ts_pg_array_i64,
              counters,
              n,
              s->accounts[item->account].profile->account_no);
    ADD_ARRAY(p, TS_PG_INT4, ts_pg_array_i32, counters, n, item->month);
    ADD_ARRAY(p, TS_PG_TEXT, ts_pg_array_bytes, counters, n, ts_allowance_name(item->allowance));
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, counters, n, item->units);
}

static void add_hours(struct ts_postgres *postgres)
{
    ts_pg_hours_add(&postgres->settle.hours, &postgres->settle_params);
}

static void add_overflows(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settle_account *accounts = postgres->settle.settlement->accounts;
    size_t n = postgres->settle.settlement->account_count;
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, accounts, n, item->profile->account_no);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, accounts, n, item->delta_micros);
}

static void add_states_read(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    ADD_ARRAY(p,
              TS_PG_INT8,
              ts_pg_array_i64,
              s->states,
              s->state_count,
              s->accounts[item->account].profile->account_no);
    ts_pg_param_time(p, s->now_ms);
}

/* For each account in outbox[], the lowest sequence that is ours. The rows are by lane and offset,
 * so those of one account may be anywhere; naming one twice only finds its rows twice, hence the
 * distinct accounts: states[] has each once, with the sequence it ended at. */
static void add_older(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    ts_pg_array_begin(p, TS_PG_INT8);
    for (size_t i = 0; i < s->state_count; i++) {
        const struct ts_settle_account *account = &s->accounts[s->states[i].account];
        if (s->states[i].state.sequence != account->sequence) {
            ts_pg_array_i64(p, account->profile->account_no);
        }
    }
    ts_pg_array_end(p);
    ts_pg_array_begin(p, TS_PG_INT8);
    for (size_t i = 0; i < s->state_count; i++) {
        const struct ts_settle_account *account = &s->accounts[s->states[i].account];
        if (s->states[i].state.sequence != account->sequence) {
            ts_pg_array_i64(p, account->sequence + 1);
        }
    }
    ts_pg_array_end(p);
    ts_pg_param_i64(p, OLDER_MAX + 1);
}

/* One array parameter over the records of one outcome. */
#define ADD_RECORDS(params, type, put, settlement, wanted, expression)                             \
    do {                                                                                           \
        ts_pg_array_begin(params, type);                                                           \
        for (size_t i_ = 0; i_ < (settlement)->record_count; i_++) {                               \
            const struct ts_record *record = (settlement)->records[i_];                            \
            if (record->outcome == (wanted)) {                                                     \
                put(params, expression);                                                           \
            }                                                                                      \
        }                                                                                          \
        ts_pg_array_end(params);                                                                   \
    } while (0)

static void add_places(struct ts_postgres *postgres, enum ts_outcome outcome)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    ADD_RECORDS(p,
                TS_PG_TEXT,
                ts_pg_array_bytes,
                s,
                outcome,
                ts_bytes_of(ts_pg_topic_of(postgres, record->lane)));
    ADD_RECORDS(p, TS_PG_INT4, ts_pg_array_i32, s, outcome, record->lane.partition);
    ADD_RECORDS(p, TS_PG_INT8, ts_pg_array_i64, s, outcome, record->offset);
}

static void put_start_time(struct ts_pg_params *params, const struct ts_record *record)
{
    if (record->command != NULL) {
        ts_pg_array_null(params);
    } else {
        ts_pg_array_time(params, record->cdr.start_ms);
    }
}

static void add_duplicates(struct ts_postgres *postgres)
{
    enum ts_outcome outcome = TS_OUTCOME_DUPLICATE;
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    add_places(postgres, outcome);
    ADD_RECORDS(p, TS_PG_TIMESTAMPTZ, put_start_time, s, outcome, record);
    ADD_RECORDS(p, TS_PG_INT8, ts_pg_array_i64, s, outcome, (int64_t)record->identity_hash);
    ts_pg_param_time(p, s->now_ms);
}

static void put_record_time(struct ts_pg_params *params, int64_t ms)
{
    if (ms < 0 || ms >= RECORD_TIME_MS_MAX) {
        ts_pg_array_null(params);
    } else {
        ts_pg_array_time(params, ms);
    }
}

static struct ts_bytes present(struct ts_bytes text)
{
    return text.data != NULL ? text : TS_LITERAL("");
}

static void add_dead_letters(struct ts_postgres *postgres)
{
    enum ts_outcome outcome = TS_OUTCOME_DEAD_LETTER;
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    add_places(postgres, outcome);
    ADD_RECORDS(p, TS_PG_BYTEA, ts_pg_array_bytes, s, outcome, record->key);
    ADD_RECORDS(p, TS_PG_BYTEA, ts_pg_array_bytes, s, outcome, record->value);
    ADD_RECORDS(p, TS_PG_BYTEA, ts_pg_array_bytes, s, outcome, record->headers);
    ADD_RECORDS(p, TS_PG_TIMESTAMPTZ, put_record_time, s, outcome, record->timestamp_ms);
    ADD_RECORDS(
        p, TS_PG_TEXT, ts_pg_array_bytes, s, outcome, ts_bytes_of(ts_reason_name(record->reason)));
    ADD_RECORDS(p, TS_PG_TEXT, ts_pg_array_text_safe, s, outcome, present(record->message));
    ADD_RECORDS(p,
                TS_PG_TEXT,
                ts_pg_array_text_safe,
                s,
                outcome,
                record->decoded ? record->cdr.account_id : (struct ts_bytes){0});
    ts_pg_param_time(p, s->now_ms);
}

static void put_due_time(struct ts_pg_params *params, int64_t ms)
{
    if (ms == 0) {
        ts_pg_array_null(params);
    } else {
        ts_pg_array_time(params, ms);
    }
}

static void put_card_charge(struct ts_pg_params *params, const struct ts_card *card)
{
    if (card->charged) {
        ts_pg_array_i64(params, card->charge_micros);
    } else {
        ts_pg_array_null(params);
    }
}

static void add_recharges(struct ts_pg_params *p, const struct ts_settle_state *states, size_t n)
{
#define ADD(type, put, expression) ADD_ARRAY(p, type, put, states, n, expression)
    ADD(TS_PG_TEXT, ts_pg_array_bytes, ts_bytes_of(item->state.recharge.in_flight_id));
    ADD(TS_PG_INT8, ts_pg_array_i64, item->state.recharge.in_flight_micros);
    ADD(TS_PG_TIMESTAMPTZ, put_due_time, item->state.recharge.expires_at_ms);
    ADD(TS_PG_INT4, ts_pg_array_i32, item->state.recharge.failures);
    ADD(TS_PG_TIMESTAMPTZ, put_due_time, item->state.recharge.next_try_ms);
    ADD(TS_PG_INT4, ts_pg_array_i32, item->state.recharge.day);
    ADD(TS_PG_INT4, ts_pg_array_i32, item->state.recharge.day_count);
    ADD(TS_PG_INT4, ts_pg_array_i32, item->state.recharge.month);
    ADD(TS_PG_INT8, ts_pg_array_i64, item->state.recharge.month_micros);
    ADD(TS_PG_INT4, ts_pg_array_i32, item->state.recharge.suppressed_day);
    ADD(TS_PG_INT4, ts_pg_array_i32, item->state.recharge.suppressed_month);
    ADD(TS_PG_TIMESTAMPTZ, put_due_time, item->state.recharge.look_again_ms);
    ADD(TS_PG_INT8, ts_pg_array_i64, item->state.recharge.requests);
#undef ADD
}

static void add_states(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_settlement *s = postgres->settle.settlement;
    const struct ts_settle_state *states = s->states;
    size_t n = s->state_count;
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, states, n, item->state.account_no);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, states, n, item->state.sequence);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, states, n, item->state.watch_low);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, states, n, item->state.watch_high);
    ADD_ARRAY(p, TS_PG_INT2, ts_pg_array_i16, states, n, (int16_t)item->state.armed);
    ADD_ARRAY(p, TS_PG_BOOL, ts_pg_array_bool, states, n, item->state.exhausted);
    ADD_ARRAY(p, TS_PG_INT2, ts_pg_array_i16, states, n, (int16_t)item->state.card_state);
    ADD_ARRAY(p, TS_PG_INT8, put_card_charge, states, n, &item->state.card);
    ADD_ARRAY(p, TS_PG_INT4, ts_pg_array_i32, states, n, item->state.card.wrong);
    ADD_ARRAY(p, TS_PG_INT4, ts_pg_array_i32, states, n, item->state.purchases.month);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, states, n, item->state.purchases.month_micros);
    ADD_ARRAY(p, TS_PG_INT4, ts_pg_array_i32, states, n, item->state.purchases.capped_month);
    ADD_ARRAY(p, TS_PG_TIMESTAMPTZ, put_due_time, states, n, item->state.timer_ms);
    add_recharges(p, states, n);
}

static void add_outbox(struct ts_postgres *postgres)
{
    struct ts_pg_params *p = &postgres->settle_params;
    const struct ts_outbox_row *rows = postgres->settle.settlement->outbox;
    size_t n = postgres->settle.settlement->outbox_count;
    ADD_ARRAY(p,
              TS_PG_TEXT,
              ts_pg_array_bytes,
              rows,
              n,
              ts_bytes_of(ts_pg_topic_of(postgres, item->lane)));
    ADD_ARRAY(p, TS_PG_INT4, ts_pg_array_i32, rows, n, item->lane.partition);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, rows, n, item->offset);
    ADD_ARRAY(p, TS_PG_INT4, ts_pg_array_i32, rows, n, item->n);
    ADD_ARRAY(p, TS_PG_INT2, ts_pg_array_i16, rows, n, (int16_t)item->output);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, rows, n, item->account_no);
    ADD_ARRAY(p, TS_PG_INT8, ts_pg_array_i64, rows, n, item->sequence);
    ADD_ARRAY(p, TS_PG_BYTEA, ts_pg_array_bytes, rows, n, item->key);
    ADD_ARRAY(p, TS_PG_BYTEA, ts_pg_array_bytes, rows, n, present(item->payload));
}

static void add_attached(struct ts_postgres *postgres)
{
    const struct ts_pg_rows *rows = &postgres->settle.rows;
    ADD_ARRAY(&postgres->settle_params,
              TS_PG_OID,
              ts_pg_array_i32,
              rows->runs,
              rows->run_count,
              (int32_t)item->leaf.oid);
}

static bool has_outcome(const struct ts_settlement *settlement, enum ts_outcome outcome)
{
    for (size_t i = 0; i < settlement->lane_count; i++) {
        const struct ts_settle_lane *lane = &settlement->lanes[i];
        if ((outcome == TS_OUTCOME_DUPLICATE ? lane->duplicates : lane->dead_letters) > 0) {
            return true;
        }
    }
    return false;
}

bool ts_pg_step_needed(const struct ts_postgres *postgres, enum ts_pg_writing step)
{
    const struct ts_settlement *s = postgres->settle.settlement;
    switch (step) {
    case TS_PG_WRITE_BUCKETS:
        return s->bucket_count > 0;
    case TS_PG_WRITE_ACCOUNTS:
        return s->account_count > 0;
    case TS_PG_WRITE_COUNTERS:
        return s->counter_count > 0;
    case TS_PG_WRITE_OLDER:
        return s->outbox_count > 0 && s->state_count > 0;
    case TS_PG_WRITE_STATES:
        return s->state_count > 0;
    case TS_PG_WRITE_COMMAND_IDS:
        return postgres->settle.commands.first < postgres->settle.commands.end;
    case TS_PG_WRITE_ENTRIES:
        return ts_pg_commands_need_entries(postgres);
    case TS_PG_WRITE_ADJUSTMENTS:
        return ts_pg_commands_need_adjustments(postgres);
    case TS_PG_WRITE_INVOICE_LINES:
        return ts_pg_commands_need_invoice_lines(postgres);
    case TS_PG_WRITE_CHANGES:
        return ts_pg_commands_need_changes(postgres);
    case TS_PG_WRITE_SETTINGS:
        return ts_pg_commands_need_settings(postgres);
    case TS_PG_WRITE_DUPLICATES:
        return has_outcome(s, TS_OUTCOME_DUPLICATE);
    case TS_PG_WRITE_DEAD_LETTERS:
        return has_outcome(s, TS_OUTCOME_DEAD_LETTER);
    case TS_PG_WRITE_OUTBOX:
        return s->outbox_count > 0;
    case TS_PG_WRITE_HOURS:
        return postgres->settle.hours.count > 0;
    case TS_PG_WRITE_ATTACHED:
        return postgres->settle.rows.run_count > 0;
    default:
        return true;
    }
}

bool ts_pg_step_send(struct ts_postgres *postgres, enum ts_pg_writing step, struct ts_error *err)
{
    static void (*const add[TS_PG_WRITING_COUNT])(struct ts_postgres *) = {
        [TS_PG_WRITE_LANES] = add_lanes,
        [TS_PG_WRITE_BUCKETS] = add_buckets,
        [TS_PG_WRITE_ACCOUNTS] = add_accounts,
        [TS_PG_WRITE_COUNTERS] = add_counters,
        [TS_PG_WRITE_STATES_READ] = add_states_read,
        [TS_PG_WRITE_OLDER] = add_older,
        [TS_PG_WRITE_DUPLICATES] = add_duplicates,
        [TS_PG_WRITE_DEAD_LETTERS] = add_dead_letters,
        [TS_PG_WRITE_STATES] = add_states,
        [TS_PG_WRITE_COMMAND_IDS] = ts_pg_add_command_ids,
        [TS_PG_WRITE_ENTRIES] = ts_pg_add_entries,
        [TS_PG_WRITE_ADJUSTMENTS] = ts_pg_add_adjustments,
        [TS_PG_WRITE_INVOICE_LINES] = ts_pg_add_invoice_lines,
        [TS_PG_WRITE_CHANGES] = ts_pg_add_changes,
        [TS_PG_WRITE_SETTINGS] = ts_pg_add_settings,
        [TS_PG_WRITE_OUTBOX] = add_outbox,
        [TS_PG_WRITE_HOURS] = add_hours,
        [TS_PG_WRITE_ATTACHED] = add_attached,
        [TS_PG_WRITE_OVERFLOWS] = add_overflows,
    };
    ts_pg_params_clear(&postgres->settle_params);
    if (add[step] != NULL) {
        add[step](postgres);
    }
    return ts_pg_send(&postgres->writing, &ts_pg_writing[step], &postgres->settle_params, err);
}

/* --- answers */

static void read_lanes(struct ts_postgres *postgres, const PGresult *rows)
{
    struct ts_settlement *s = postgres->settle.settlement;
    for (size_t i = 0; i < s->lane_count; i++) {
        s->lanes[i].refused = true;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        s->lanes[ts_pg_i64(rows, i, 0) - 1].refused = false;
    }
    if ((size_t)PQntuples(rows) != s->lane_count) {
        postgres->settle.end = TS_SETTLE_REFUSED;
    }
}

static int compare_account_no(const void *key, const void *member)
{
    int64_t wanted = *(const int64_t *)key;
    int64_t there = ((const struct ts_settle_account *)member)->profile->account_no;
    return (wanted > there) - (wanted < there);
}

/* Rows come in the order of the accounts, except when some had to be waited for. */
static void read_accounts(struct ts_postgres *postgres, const PGresult *rows)
{
    struct ts_settlement *s = postgres->settle.settlement;
    if ((size_t)PQntuples(rows) != s->account_count) {
        postgres->settle.end = TS_SETTLE_FAILED;
        ts_error_set(&postgres->settle.error,
                     TS_ERROR_FATAL,
                     0,
                     "%zu accounts of a settlement have %d rows: were accounts deleted?",
                     s->account_count,
                     PQntuples(rows));
        return;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        int64_t account_no = ts_pg_i64(rows, i, 0);
        struct ts_settle_account *account = &s->accounts[i];
        if (account->profile->account_no != account_no) {
            account = bsearch(&account_no,
                              s->accounts,
                              s->account_count,
                              sizeof *s->accounts,
                              compare_account_no);
        }
        account->balance_micros = ts_pg_i64(rows, i, 1);
        account->movements = ts_pg_i64(rows, i, 2);
        account->sequence = ts_pg_i64(rows, i, 3);
        account->revision = ts_pg_i32(rows, i, 4);
        account->watch_low = ts_pg_i64(rows, i, 5);
        account->watch_high = ts_pg_i64(rows, i, 6);
        postgres->settle.hours.summed[account - s->accounts] = ts_pg_bool(rows, i, 7);
    }
}

static bool is_counter(const struct ts_settlement *settlement,
                       const struct ts_settle_counter *counter,
                       const PGresult *rows,
                       int row)
{
    const struct ts_settle_account *account = &settlement->accounts[counter->account];
    return account->profile->account_no == ts_pg_i64(rows, row, 0) &&
           counter->month == ts_pg_i32(rows, row, 1) &&
           ts_bytes_equal(ts_allowance_name(counter->allowance), ts_pg_bytes(rows, row, 2));
}

/* Rows come in the order in which they were given: an INSERT writes one after the other. */
static void read_counters(struct ts_postgres *postgres, const PGresult *rows)
{
    struct ts_settlement *s = postgres->settle.settlement;
    bool good = (size_t)PQntuples(rows) == s->counter_count;
    for (int i = 0; good && i < PQntuples(rows); i++) {
        good = is_counter(s, &s->counters[i], rows, i);
        s->counters[i].used = ts_pg_i64(rows, i, 3);
    }
    if (!good) {
        postgres->settle.end = TS_SETTLE_FAILED;
        ts_error_set(&postgres->settle.error,
                     TS_ERROR_FATAL,
                     0,
                     "the counters of a settlement came back as others than were written");
    }
}

static void read_state(struct ts_settlement *settlement, const PGresult *rows, int row)
{
    struct ts_settle_state *out = &settlement->states[ts_pg_i64(rows, row, 0) - 1];
    ts_pg_read_account_state(rows, row, TS_PG_STATES_STATE, &out->state);
    ts_pg_read_decide_time(rows, row, TS_PG_STATES_TIME, settlement->now_ms, &out->time);
    out->state.balance_micros -= settlement->accounts[out->account].delta_micros;
}

/* Not const: PQcmdStatus is not. */
static void read_commit(struct ts_postgres *postgres, PGresult *result)
{
    /* The server answers COMMIT with ROLLBACK when the transaction had failed before. */
    postgres->settle.committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
}

void ts_pg_step_read(struct ts_postgres *postgres, enum ts_pg_writing step, PGresult *result)
{
    struct ts_pg_settle *settle = &postgres->settle;
    struct ts_settlement *s = settle->settlement;
    switch (step) {
    case TS_PG_WRITE_LANES:
        read_lanes(postgres, result);
        break;
    case TS_PG_WRITE_BUCKETS:
        if (settle->end == TS_SETTLE_PENDING &&
            ts_pg_i64(result, 0, 0) != (int64_t)s->bucket_count) {
            settle->end = TS_SETTLE_STALE;
        }
        break;
    case TS_PG_WRITE_ACCOUNTS:
        if (settle->end == TS_SETTLE_PENDING) {
            read_accounts(postgres, result);
        }
        break;
    case TS_PG_WRITE_COUNTERS:
        if (settle->end == TS_SETTLE_PENDING) {
            read_counters(postgres, result);
        }
        break;
    case TS_PG_WRITE_STATES_READ:
        for (int i = 0; i < PQntuples(result); i++) {
            read_state(s, result, i);
        }
        break;
    case TS_PG_WRITE_OLDER:
        if (!ts_pg_outbox_page(postgres, result, OLDER_MAX, s->arena, &s->older, NULL)) {
            s->older = (struct ts_outbox_page){.more = true}; /* no memory; the rows stay */
        }
        break;
    case TS_PG_WRITE_COMMIT:
        read_commit(postgres, result);
        break;
    default:
        break;
    }
}
