/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the credits and adjustments topics on their way. What one does is decided on the
 * locked account row, at settle; but what it adds to the balance must be in Redis before. So
 * prepare makes a guess: the same decision, on the row as it is now. It is right as long as nobody
 * else changes the account in between. When it was not, the settle is given up, and the record is
 * charged again as decided.
 *
 * Ids are unique for ever by a key in PostgreSQL. A worker has one batch of commands under way at
 * most, so those of a batch need be compared with each other and with PostgreSQL only. */
#include "base/hash.h"
#include "pipeline/stages.h"

#include <stdio.h>
#include <string.h>

/* --- decode */

bool ts_worker_decode_command(struct ts_worker *worker,
                              struct ts_batch *batch,
                              struct ts_record *record,
                              struct ts_error *err)
{
    const struct ts_codec *codec = &worker->ports.codec;
    struct ts_command command = {0};
    if (!codec->ops->decode_command(codec->self, record->value, &batch->arena, &command, err)) {
        if (err->class != TS_ERROR_REJECT) {
            return false;
        }
        ts_record_refuse(batch, record, (enum ts_reason)err->code, err->text);
        return true;
    }
    if (command.account_id.size == 0) {
        command.account_id = record->key;
    }
    char message[TS_COMMAND_MESSAGE_MAX];
    enum ts_reason reason = ts_command_validate(&command, message);
    if (reason == TS_REASON_NONE &&
        (command.type == TS_COMMAND_ADJUSTMENT) != (record->lane.input == TS_INPUT_ADJUSTMENTS)) {
        reason = TS_REASON_INVALID_COMMAND;
        snprintf(message,
                 sizeof message,
                 "%s does not belong on this topic",
                 ts_command_type_name(command.type));
    }
    if (reason != TS_REASON_NONE) {
        ts_record_refuse(batch, record, reason, message);
        return true;
    }
    /* Not before it is decoded: while a writer's schema is missing, that is tried again and again.
     */
    struct ts_record_command *made = ts_arena_take(&batch->arena, sizeof *made);
    if (made == NULL) {
        return ts_error_no_memory(err);
    }
    *made = (struct ts_record_command){.command = command};
    record->command = made;
    record->decoded = true;
    record->cdr.account_id = command.account_id;
    record->identity_hash = ts_command_identity_hash(&command);
    record->fingerprint = ts_command_fingerprint(&command);
    record->account = ts_batch_account(worker->pool, batch, command.account_id);
    return true;
}

bool ts_worker_has_commands(const struct ts_worker *worker)
{
    const struct ts_batch_queue *queues[] = {&worker->charged, &worker->settling.batches};
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        for (const struct ts_batch *batch = queues[i]->first; batch != NULL; batch = batch->next) {
            if (ts_lane_has_commands(batch->lane)) {
                return true;
            }
        }
    }
    return worker->charging != NULL && ts_lane_has_commands(worker->charging->lane);
}

/* --- ids within a batch */

enum space { SPACE_COMMAND, SPACE_CREDIT, SPACE_RECHARGE, SPACE_FOLLOWED };

/* Ids that records of the batch take, by open addressing. */
struct ids {
    struct id {
        const struct ts_record *record; /* NULL: free */
        enum space space;
        struct ts_bytes text;
    } * slots;
    size_t mask;
};

static bool make_ids(struct ts_batch *batch, struct ids *out)
{
    size_t slots = 16;
    while (slots < 6 * batch->record_count) { /* three ids a record, half full */
        slots *= 2;
    }
    out->mask = slots - 1;
    out->slots = ts_arena_take(&batch->arena, slots * sizeof *out->slots);
    if (out->slots != NULL) {
        memset(out->slots, 0, slots * sizeof *out->slots);
    }
    return out->slots != NULL;
}

/* The slot of this id, or the free one where it belongs. */
static struct id *find_id(const struct ids *ids, enum space space, struct ts_bytes text)
{
    size_t at = (size_t)(ts_hash64(text) + space) & ids->mask;
    while (ids->slots[at].record != NULL &&
           (ids->slots[at].space != space || !ts_bytes_equal(ids->slots[at].text, text))) {
        at = (at + 1) & ids->mask;
    }
    return &ids->slots[at];
}

static void
take_id(struct ids *ids, enum space space, struct ts_bytes text, const struct ts_record *record)
{
    if (text.size > 0) {
        *find_id(ids, space, text) = (struct id){record, space, text};
    }
}

/* Whether an earlier record of the batch, or a settled one, has the id already. */
static enum ts_identity_status status_of(const struct ids *ids,
                                         enum space space,
                                         struct ts_bytes text,
                                         const struct ts_record *record,
                                         enum ts_identity_status settled)
{
    const struct ts_record *first = find_id(ids, space, text)->record;
    if (settled != TS_IDENTITY_ABSENT || first == NULL) {
        return settled;
    }
    return first->fingerprint == record->fingerprint ? TS_IDENTITY_SAME : TS_IDENTITY_CONFLICT;
}

/* --- the guess */

/* A batch of commands being prepared. */
struct guessing {
    struct ts_worker *worker;
    struct ts_batch *batch;
    struct ts_command_request *requests; /* of the records that are to be settled, in order */
    struct ts_record **records;
    size_t count;
    struct ts_state_reading *readings; /* of the accounts that were found */
    uint32_t *reading_of;              /* of each of the batch's accounts: its index there */
    size_t reading_count;
    struct ids ids;
};

static bool collect(struct guessing *g, struct ts_error *err)
{
    struct ts_batch *batch = g->batch;
    struct ts_arena *arena = &batch->arena;
    g->requests = ts_arena_take(arena, batch->record_count * sizeof *g->requests);
    g->records = ts_arena_take(arena, batch->record_count * sizeof(struct ts_record *));
    g->readings = ts_arena_take(arena, (batch->account_count + 1) * sizeof *g->readings);
    g->reading_of = ts_arena_take(arena, (batch->account_count + 1) * sizeof *g->reading_of);
    if (g->requests == NULL || g->records == NULL || g->readings == NULL || g->reading_of == NULL ||
        !make_ids(batch, &g->ids)) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < batch->account_count; i++) {
        if (batch->accounts[i].found) {
            g->reading_of[i] = (uint32_t)g->reading_count;
            g->readings[g->reading_count++] =
                (struct ts_state_reading){.account_no = batch->accounts[i].profile.account_no};
        }
    }
    for (size_t i = 0; i < batch->record_count; i++) {
        struct ts_record *record = &batch->records[i];
        if (record->decoded && record->outcome == TS_OUTCOME_SETTLED) {
            g->records[g->count] = record;
            g->requests[g->count++] = (struct ts_command_request){
                .command = &record->command->command,
                .fingerprint = record->fingerprint,
                .account_no = batch->accounts[record->account].profile.account_no};
        }
    }
    return true;
}

static bool read(struct guessing *g, struct ts_error *err)
{
    const struct ts_ledger *ledger = &g->worker->ports.ledger;
    return ledger->ops->commands(ledger->self, g->requests, g->count, err) &&
           ledger->ops->states(
               ledger->self, ts_worker_now_ms(g->worker), g->readings, g->reading_count, err);
}

/* False when it cannot be said just now whether there is such a zone. */
static bool refuse_zone(const struct ts_worker *worker,
                        const struct ts_account_change *change,
                        bool *refused,
                        char *message,
                        struct ts_error *err)
{
    char name[TS_ZONE_NAME_MAX];
    struct ts_error why = {0};
    if ((change->set & ts_field_bit(TS_FIELD_TIMEZONE)) == 0) {
        return true;
    }
    snprintf(name, sizeof name, "%.*s", TS_ARGS(change->timezone));
    struct ts_zone *zone = worker->ports.zones.load(worker->ports.zones.self, name, &why);
    if (zone == NULL && why.class != TS_ERROR_REJECT) {
        *err = why;
        return false;
    }
    *refused = zone == NULL;
    ts_zone_destroy(zone);
    if (*refused) {
        snprintf(message,
                 TS_COMMAND_MESSAGE_MAX,
                 "timezone \"%s\" is not an IANA time zone that is installed",
                 name);
    }
    return true;
}

static bool
refuse_plan(const struct ts_command_request *request, const char *currency, char *message)
{
    const struct ts_account_change *change = &request->command->body.change;
    if ((change->set & ts_field_bit(TS_FIELD_RATE_PLAN)) == 0) {
        return false;
    }
    if (request->plan_no == 0) {
        snprintf(message,
                 TS_COMMAND_MESSAGE_MAX,
                 "rate_plan \"%.*s\" does not exist",
                 TS_ARGS(change->rate_plan));
        return true;
    }
    if (strcmp(request->plan_currency, currency) != 0) {
        snprintf(message,
                 TS_COMMAND_MESSAGE_MAX,
                 "rate_plan \"%.*s\" is in %s, the account's balance in %s",
                 TS_ARGS(change->rate_plan),
                 request->plan_currency,
                 currency);
        return true;
    }
    return false;
}

/* Values of a change that only others know: whether there is such a zone, such a plan. False when
 * that cannot be said just now. */
static bool judge_change(struct guessing *g, size_t i, const char *currency, struct ts_error *err)
{
    const struct ts_command_request *request = &g->requests[i];
    char message[TS_COMMAND_MESSAGE_MAX];
    bool refused = false;
    if (request->command->type != TS_COMMAND_ACCOUNT_CHANGED) {
        return true;
    }
    if (!refuse_zone(g->worker, &request->command->body.change, &refused, message, err)) {
        return false;
    }
    if (refused || refuse_plan(request, currency, message)) {
        ts_record_refuse(g->batch, g->records[i], TS_REASON_INVALID_COMMAND, message);
    }
    return true;
}

/* False: it is not to be applied. */
static bool judge_ids(struct guessing *g, size_t i)
{
    struct ts_record *record = g->records[i];
    const struct ts_command *command = &record->command->command;
    const struct ts_command_credit *credit = &command->body.credit;
    const char *what = "command_id";
    struct ts_bytes id = command->command_id;
    enum ts_identity_status status =
        status_of(&g->ids, SPACE_COMMAND, id, record, g->requests[i].command_id);
    if (status == TS_IDENTITY_ABSENT && command->type == TS_COMMAND_CREDIT_ADDED) {
        what = "credit_id";
        id = credit->credit_id;
        status = status_of(&g->ids, SPACE_CREDIT, id, record, g->requests[i].credit_id);
    }
    if (status == TS_IDENTITY_SAME) {
        record->outcome = TS_OUTCOME_DUPLICATE;
    } else if (status != TS_IDENTITY_ABSENT) {
        char message[TS_COMMAND_MESSAGE_MAX];
        snprintf(message,
                 sizeof message,
                 "%s \"%.*s\" was applied before with another content",
                 what,
                 TS_ARGS(id));
        ts_record_refuse(g->batch, record, TS_REASON_IDENTITY_CONFLICT, message);
    }
    return status == TS_IDENTITY_ABSENT;
}

static bool is_adjustment(const struct ts_command *command)
{
    return command->type == TS_COMMAND_ADJUSTMENT;
}

struct ts_bytes ts_command_cause(const struct ts_command *command, char out[TS_CAUSE_MAX])
{
    const char *kind = command->type == TS_COMMAND_TIMER_DUE ? "timer"
                       : is_adjustment(command)              ? "adjustment"
                                                             : "command";
    snprintf(out, TS_CAUSE_MAX, "%s:%.*s", kind, TS_ARGS(command->command_id));
    return ts_bytes_of(out);
}

enum { FOLLOWED_MAX = 48 };

/* The row that an adjustment follows, as an id of the batch. */
static bool name_followed(struct guessing *g, const struct ts_record *record, struct ts_bytes *out)
{
    char text[FOLLOWED_MAX];
    snprintf(text,
             sizeof text,
             "%lld/%lld",
             (long long)g->batch->accounts[record->account].profile.account_no,
             (long long)record->command->command.body.adjustment.follows);
    *out = ts_arena_copy(&g->batch->arena, ts_bytes_of(text));
    return out->size != SIZE_MAX;
}

/* `followed` is the row of an adjustment that is not refused; absent: none. */
static bool
judge_adjustment(struct guessing *g, size_t i, struct ts_bytes *followed, struct ts_error *err)
{
    struct ts_record *record = g->records[i];
    *followed = (struct ts_bytes){NULL, 0};
    if (!is_adjustment(&record->command->command)) {
        return true;
    }
    if (!name_followed(g, record, followed)) {
        return ts_error_no_memory(err);
    }
    bool taken = find_id(&g->ids, SPACE_FOLLOWED, *followed)->record != NULL;
    if (ts_adjustment_refuse(g->batch, record, &g->requests[i], taken)) {
        return true;
    }
    return ts_adjustment_include(g->batch, record) || ts_error_no_memory(err);
}

static void guess(struct guessing *g, struct ts_record *record)
{
    struct ts_record_command *command = record->command;
    struct ts_state_reading *reading = &g->readings[g->reading_of[record->account]];
    const struct ts_known *known = ts_worker_known(g->worker, record);
    struct ts_event events[TS_DECIDE_COMMAND_EVENTS_MAX];
    command->facts.over_limit = known != NULL && known->over_limit;
    (void)ts_decide_command(&reading->state,
                            &g->worker->options.decide,
                            &reading->time,
                            command->command.account_id,
                            TS_LITERAL(""),
                            &command->command,
                            &command->facts,
                            &command->effect,
                            events);
    if (known != NULL && known->decided) {
        command->effect.delta_micros = known->delta_micros;
    }
}

static bool guess_one(struct guessing *g, size_t i, struct ts_error *err)
{
    struct ts_record *record = g->records[i];
    struct ts_record_command *command = record->command;
    const struct ts_state_reading *reading = &g->readings[g->reading_of[record->account]];
    if (!judge_ids(g, i)) {
        return true;
    }
    struct ts_bytes followed;
    if (!judge_change(g, i, reading->state.currency, err) ||
        !judge_adjustment(g, i, &followed, err)) {
        return false;
    }
    if (record->outcome != TS_OUTCOME_SETTLED) {
        return true;
    }
    command->plan_no = g->requests[i].plan_no;
    const struct ts_command_credit *credit = &command->command.body.credit;
    bool is_credit = command->command.type == TS_COMMAND_CREDIT_ADDED;
    command->facts.recharge_credited =
        is_credit && credit->recharge_id.size > 0 &&
        (g->requests[i].recharge_credited ||
         find_id(&g->ids, SPACE_RECHARGE, credit->recharge_id)->record != NULL);
    guess(g, record);
    if (is_adjustment(&command->command) && command->effect.refusal != TS_REFUSAL_NONE) {
        ts_record_refuse(g->batch,
                         record,
                         TS_REASON_CHARGE_OVERFLOW,
                         "the balance would pass the limit of +-9e15 micro-units");
        return true;
    }
    take_id(&g->ids, SPACE_COMMAND, command->command.command_id, record);
    take_id(&g->ids, SPACE_FOLLOWED, followed, record);
    if (is_credit && command->effect.delta_micros != 0) {
        take_id(&g->ids, SPACE_CREDIT, credit->credit_id, record);
        take_id(&g->ids, SPACE_RECHARGE, credit->recharge_id, record);
    }
    return true;
}

bool ts_worker_prepare_commands(struct ts_worker *worker,
                                struct ts_batch *batch,
                                struct ts_error *err)
{
    struct guessing g = {.worker = worker, .batch = batch};
    if (!collect(&g, err)) {
        return false;
    }
    if (g.count == 0) {
        return true;
    }
    if (!read(&g, err)) {
        return false;
    }
    for (size_t i = 0; i < g.count; i++) {
        if (!guess_one(&g, i, err)) {
            return false;
        }
    }
    return true;
}

/* --- on the locked rows */

/* The profile's part of a change, for the settle to write: the last one that sets a field counts.
 */
static void merge_profile(struct ts_settle_state *state, const struct ts_record_command *command)
{
    const struct ts_account_change *change = &command->command.body.change;
    struct ts_account_change *merged = &state->profile;
    merged->set |= change->set;
    if ((change->set & ts_field_bit(TS_FIELD_NAME)) != 0) {
        merged->name = change->name;
    }
    if ((change->set & ts_field_bit(TS_FIELD_COUNTRY)) != 0) {
        merged->country = change->country;
    }
    if ((change->set & ts_field_bit(TS_FIELD_TIMEZONE)) != 0) {
        merged->timezone = change->timezone;
    }
    if ((change->set & ts_field_bit(TS_FIELD_RATE_PLAN)) != 0) {
        merged->rate_plan = change->rate_plan;
        state->plan_no = command->plan_no;
    }
    if ((change->set & ts_field_bit(TS_FIELD_ALLOWANCES)) != 0) {
        merged->allowances = change->allowances;
        merged->allowance_count = change->allowance_count;
    }
}

size_t ts_settlement_decide_command(struct ts_worker *worker,
                                    struct ts_record *record,
                                    struct ts_settle_state *state,
                                    struct ts_bytes cause,
                                    bool *as_guessed,
                                    struct ts_event events[TS_DECIDE_COMMAND_EVENTS_MAX])
{
    struct ts_record_command *command = record->command;
    struct ts_command_effect effect;
    size_t count = ts_decide_command(&state->state,
                                     &worker->options.decide,
                                     &state->time,
                                     command->command.account_id,
                                     cause,
                                     &command->command,
                                     &command->facts,
                                     &effect,
                                     events);
    if (effect.delta_micros != command->effect.delta_micros) {
        ts_worker_know_decision(worker, record, effect.delta_micros);
        *as_guessed = false;
    }
    if (effect.refusal != TS_REFUSAL_NONE && is_adjustment(&command->command)) {
        ts_worker_know(worker, record, TS_REASON_CHARGE_OVERFLOW);
        *as_guessed = false;
    }
    command->effect = effect;
    if (effect.changed) {
        state->changed = true;
        merge_profile(state, command);
    }
    return count;
}
