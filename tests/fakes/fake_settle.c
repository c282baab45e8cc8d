/* SPDX-License-Identifier: Apache-2.0 */
/* The settle port: what a client sends to and hears of its transaction in the fake PostgreSQL. */
#include "tests/fakes/fake_postgres.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

static void copy_head(struct fake_txn *txn, struct ts_settlement *settlement)
{
    TS_ASSERT(settlement->lane_count <= FAKE_LANES && settlement->bucket_count <= FAKE_ACCOUNTS);
    TS_ASSERT(settlement->account_count <= FAKE_ACCOUNTS && settlement->record_count > 0);
    txn->settlement = settlement;
    txn->lane_count = settlement->lane_count;
    txn->bucket_count = settlement->bucket_count;
    for (size_t i = 0; i < txn->lane_count; i++) {
        txn->lanes[i] = settlement->lanes[i];
    }
    for (size_t i = 0; i < txn->bucket_count; i++) {
        txn->buckets[i] = settlement->buckets[i];
    }
}

static bool settle_start(void *self, struct ts_settlement *settlement, struct ts_error *err)
{
    struct fake_session *session = self;
    struct fake_postgres *postgres = session->postgres;
    fake_pause(postgres->host);
    TS_ASSERT(!session->settling);
    if (!session->writing || session->incarnation != postgres->incarnation ||
        postgres->host->now_us < postgres->down_until_us) {
        return fake_away(err, "the connection to PostgreSQL is lost");
    }
    for (int i = 0; i < FAKE_PROCESSES; i++) {
        struct fake_txn *txn = &postgres->txns[i];
        if (!txn->open) {
            *txn = (struct fake_txn){.open = true,
                                     .process = session->process,
                                     .step = FAKE_STEP_SHARED,
                                     .active_us = postgres->host->now_us};
            copy_head(txn, settlement);
            session->txn = txn;
            session->settling = true;
            return true;
        }
    }
    return fake_away(err, "too many connections");
}

static void take_units(struct fake_end *end, const struct ts_included *included)
{
    for (uint32_t i = 0; included != NULL && i < included->count; i++) {
        const struct ts_draw *draw = &included->draws[i];
        int counter = fake_counter(included->month, ts_allowance_name(draw->allowance));
        end->units[counter / FAKE_MONTHS] = draw->units;
    }
}

static void adjust(struct fake_end *end, const struct ts_record *record)
{
    const struct ts_command *command = &record->command->command;
    struct fake_order order;
    if (command->type == TS_COMMAND_ADJUSTMENT) {
        memcpy(&order, record->value.data, sizeof order);
        end->adjusts = true;
        end->follows = command->body.adjustment.follows;
        end->identity_hash = command->body.adjustment.identity_hash;
        end->number = order.adjustment.number;
        take_units(end, record->included);
    }
}

static struct fake_end
end_of(const struct fake_postgres *postgres, const struct ts_settlement *settlement, size_t index)
{
    const struct ts_record *record = settlement->records[index];
    struct fake_end end = {.lane = fake_lane_number(postgres->host, record->lane),
                           .offset = record->offset,
                           .outcome = record->outcome,
                           .reason = record->reason,
                           .settlement = postgres->settlements,
                           .now_ms = settlement->now_ms,
                           .account = -1,
                           .order = ts_lane_has_commands(record->lane)};
    if (record->outcome != TS_OUTCOME_SETTLED) {
        return end;
    }
    end.account = (int)settlement->record_accounts[index]->profile->account_no - 1;
    end.fingerprint = record->fingerprint;
    end.balance_after_micros = record->balance_after_micros;
    end.movement = record->movement;
    if (end.order) {
        struct fake_order order;
        memcpy(&order, record->value.data, sizeof order);
        end.flaw = order.flaw == FAKE_ORDER_REFUSED ? FAKE_FLAW_REFUSED : FAKE_FLAW_NONE;
        end.effect = record->command->effect;
        adjust(&end, record);
    } else {
        struct fake_call call;
        memcpy(&call, record->value.data, sizeof call);
        end.number = call.number;
        end.content = call.content;
        end.flaw = call.flaw;
        end.identity_hash = record->identity_hash;
        end.charge_micros = record->rating.charge_micros;
        take_units(&end, record->included);
        end.deck_version = record->rating.deck_version;
    }
    return end;
}

static void
take_id(struct fake_txn *txn, int space, struct ts_bytes text, const struct ts_record *record)
{
    struct fake_id *id = &txn->ids[txn->id_count++];
    *id = (struct fake_id){.space = space,
                           .fingerprint = record->fingerprint,
                           .expected_free =
                               space != 0 && record->command->effect.refusal != TS_REFUSAL_NONE};
    TS_ASSERT(text.size > 0 && text.size < sizeof id->text);
    memcpy(id->text, text.data, text.size);
}

static void take_followed(struct fake_txn *txn,
                          const struct ts_account_profile *profile,
                          const struct ts_record *record)
{
    char text[48];
    snprintf(text,
             sizeof text,
             "%lld/%lld",
             (long long)profile->account_no,
             (long long)record->command->command.body.adjustment.follows);
    take_id(txn, 3, ts_bytes_of(text), record);
}

/* What is never to be applied again, and what a refusal relies on. */
static void copy_ids(struct fake_host *host, struct fake_txn *txn)
{
    const struct ts_settlement *settlement = txn->settlement;
    txn->ids = fake_take(host, 3 * settlement->record_count * sizeof *txn->ids);
    txn->id_count = 0;
    for (size_t i = 0; i < settlement->record_count; i++) {
        const struct ts_record *record = settlement->records[i];
        if (record->command == NULL || record->outcome != TS_OUTCOME_SETTLED) {
            continue;
        }
        const struct ts_command *command = &record->command->command;
        const struct ts_command_credit *credit = &command->body.credit;
        enum ts_refusal refusal = record->command->effect.refusal;
        take_id(txn, 0, command->command_id, record);
        if (command->type == TS_COMMAND_ADJUSTMENT) {
            take_followed(txn, settlement->record_accounts[i]->profile, record);
            continue;
        }
        if (record->command->effect.delta_micros == 0 && refusal == TS_REFUSAL_NONE) {
            continue;
        }
        take_id(txn, 1, credit->credit_id, record);
        if (credit->recharge_id.size > 0 && !record->command->facts.recharge_credited) {
            take_id(txn, 2, credit->recharge_id, record);
        }
    }
}

static void copy_states(struct fake_host *host, struct fake_txn *txn)
{
    const struct ts_settlement *settlement = txn->settlement;
    txn->state_count = settlement->state_count;
    for (size_t i = 0; i < txn->state_count; i++) {
        const struct ts_settle_state *state = &settlement->states[i];
        txn->states[i] = (struct fake_txn_state){.state = state->state,
                                                 .changed = state->changed,
                                                 .set = state->profile.set,
                                                 .plan_no = state->plan_no};
        if (state->changed && (state->profile.set & ts_field_bit(TS_FIELD_ALLOWANCES)) != 0) {
            txn->states[i].allowances =
                fake_allowances_of(host, state->profile.allowances, state->profile.allowance_count);
        }
    }
}

static void copy_whole(struct fake_postgres *postgres, struct fake_txn *txn)
{
    struct fake_host *host = postgres->host;
    const struct ts_settlement *settlement = txn->settlement;
    txn->sum_count = settlement->account_count;
    for (size_t i = 0; i < txn->sum_count; i++) {
        txn->sums[i].account = (int)settlement->accounts[i].profile->account_no - 1;
        txn->sums[i].delta = settlement->accounts[i].delta_micros;
        txn->sums[i].rows = settlement->accounts[i].rows;
    }
    txn->counting_count = settlement->counter_count;
    TS_ASSERT(txn->counting_count <= FAKE_ACCOUNTS * FAKE_COUNTERS);
    for (size_t i = 0; i < txn->counting_count; i++) {
        const struct ts_settle_counter *counter = &settlement->counters[i];
        txn->countings[i].account =
            (int)settlement->accounts[counter->account].profile->account_no - 1;
        txn->countings[i].counter =
            fake_counter(counter->month, ts_allowance_name(counter->allowance));
        txn->countings[i].units = counter->units;
    }
    postgres->settlements++;
    txn->end_count = settlement->record_count;
    txn->ends = fake_take(host, txn->end_count * sizeof *txn->ends);
    for (size_t i = 0; i < txn->end_count; i++) {
        txn->ends[i] = end_of(postgres, settlement, i);
    }
    copy_ids(host, txn);
    copy_states(host, txn);
    txn->outbox_count = settlement->outbox_count;
    txn->outbox = fake_take(host, (txn->outbox_count + 1) * sizeof *txn->outbox);
    for (size_t i = 0; i < txn->outbox_count; i++) {
        txn->outbox[i] = settlement->outbox[i];
        txn->outbox[i].key = fake_copy(host, settlement->outbox[i].key);
        txn->outbox[i].payload = fake_copy(host, settlement->outbox[i].payload);
    }
}

/* The session's settle; NULL when the server ended it (and perhaps serves another in its place). */
static struct fake_txn *own_txn(struct fake_session *session)
{
    struct fake_txn *txn = session->txn;
    if (txn != NULL && (!txn->open || txn->orphan || txn->process != session->process)) {
        session->txn = NULL;
    }
    return session->txn;
}

static enum ts_settle_status fail(struct fake_session *session, struct ts_error *err)
{
    if (own_txn(session) != NULL) {
        fake_txn_orphan(session->postgres, session->txn);
        session->txn = NULL;
    }
    session->writing = false;
    session->settling = false;
    fake_away(err, "the settle's connection is lost");
    return TS_SETTLE_FAILED;
}

static enum ts_settle_status settle_poll(void *self, int wait_ms, struct ts_error *err)
{
    struct fake_session *session = self;
    struct fake_postgres *postgres = session->postgres;
    struct fake_host *host = postgres->host;
    fake_linger(host);
    TS_ASSERT(session->settling);
    struct fake_txn *txn = own_txn(session);
    if (txn == NULL || fake_fault(host, 5)) {
        return fail(session, err);
    }
    enum ts_settle_status status = TS_SETTLE_PENDING;
    while (txn->step != FAKE_STEP_LOCKED && status == TS_SETTLE_PENDING &&
           !fake_chance(host, 300)) {
        status = fake_txn_statement(postgres, txn);
        txn->active_us = host->now_us;
    }
    if (status == TS_SETTLE_PENDING) {
        if (wait_ms > 0) {
            fake_sleep(host, wait_ms * INT64_C(1000));
        }
        return status;
    }
    if (status == TS_SETTLE_LOCKED || status == TS_SETTLE_STATES) {
        return status;
    }
    if (txn->open) {
        fake_txn_roll_back(postgres, txn, "refused");
    }
    session->txn = NULL;
    if (fake_fault(host, 30)) {
        fake_trace(host, "postgres: the answer to a settle is lost");
        return fail(session, err);
    }
    session->settling = false;
    return status;
}

static bool go_on(struct fake_session *session, enum fake_step step, struct ts_error *err)
{
    struct fake_host *host = session->postgres->host;
    fake_pause(host);
    TS_ASSERT(session->settling);
    struct fake_txn *txn = own_txn(session);
    if (txn == NULL) {
        return fake_away(err, "the settle's connection is lost");
    }
    TS_ASSERT(txn->step == FAKE_STEP_LOCKED);
    txn->step = (int)step;
    txn->active_us = host->now_us;
    return true;
}

static bool settle_states(void *self, struct ts_error *err)
{
    return go_on(self, FAKE_STEP_STATES, err);
}

static bool settle_write(void *self, struct ts_error *err)
{
    struct fake_session *session = self;
    if (!go_on(session, FAKE_STEP_WRITE, err)) {
        return false;
    }
    TS_ASSERT(session->txn != NULL);
    copy_whole(session->postgres, session->txn);
    session->txn->written = true;
    return true;
}

static void settle_abandon(void *self)
{
    struct fake_session *session = self;
    fake_pause(session->postgres->host);
    if (own_txn(session) != NULL) {
        fake_txn_roll_back(session->postgres, session->txn, "abandoned");
    }
    session->txn = NULL;
    session->settling = false;
}

void fake_session_abandon(struct fake_session *session)
{
    if (own_txn(session) != NULL) {
        fake_txn_orphan(session->postgres, session->txn);
    }
    session->txn = NULL;
    session->settling = false;
    session->reading = false;
    session->writing = false;
}

struct ts_settle fake_settle_port(struct fake_session *session)
{
    static const struct ts_settle_ops ops = {
        .start = settle_start,
        .poll = settle_poll,
        .states = settle_states,
        .write = settle_write,
        .abandon = settle_abandon,
    };
    return (struct ts_settle){&ops, session};
}
