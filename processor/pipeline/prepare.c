/* SPDX-License-Identifier: Apache-2.0 */
/* Prepare: from bytes to a decision about each record of a batch: settle it at this price, call it
 * a duplicate, or a dead letter. Nothing is written anywhere. Several reasons may apply to one
 * record; the order of the passes is the order of enum ts_reason, so that the first is told. */
#include "core/validate.h"
#include "pipeline/stages.h"

#include <stdio.h>
#include <string.h>

enum {
    MESSAGE_MAX = TS_VALIDATE_MESSAGE_MAX,
    WINDOW_AGE_US_MAX = 30000000,
    DECODE_AGAIN_US = 100000,
    SAY_AGAIN_US = 30000000,
    PLAN_AGAIN_US = 100000,
    PLAN_WAIT_US_MAX = 60000000,
};
_Static_assert((int)MESSAGE_MAX >= (int)TS_RATING_MESSAGE_MAX, "one text buffer for both");

void ts_record_refuse(struct ts_batch *batch,
                      struct ts_record *record,
                      enum ts_reason reason,
                      const char *message)
{
    record->outcome = TS_OUTCOME_DEAD_LETTER;
    record->reason = reason;
    record->message = ts_arena_copy(&batch->arena, ts_bytes_of(message));
    if (record->message.size == SIZE_MAX) {
        record->message = TS_LITERAL("(no memory for the text)");
    }
}

/* --- decode and validate */

static int64_t tolerance(const struct ts_worker *worker, struct ts_bytes source)
{
    const struct ts_worker_options *options = &worker->options;
    return options->tolerance_of == NULL ? options->duration_tolerance_ms
                                         : options->tolerance_of(options->tolerance_self, source);
}

/* False when the decoder must be asked again later. */
static bool decode(struct ts_worker *worker,
                   struct ts_batch *batch,
                   struct ts_record *record,
                   int64_t now_ms,
                   struct ts_error *err)
{
    const struct ts_codec *codec = &worker->ports.codec;
    if (ts_lane_has_commands(record->lane)) {
        return ts_worker_decode_command(worker, batch, record, err);
    }
    if (!codec->ops->decode_cdr(codec->self, record->value, &record->cdr, err)) {
        if (err->class != TS_ERROR_REJECT) {
            return false;
        }
        ts_record_refuse(batch, record, (enum ts_reason)err->code, err->text);
        return true;
    }
    struct ts_validate_limits limits = {
        .now_ms = now_ms,
        .duration_tolerance_ms = tolerance(worker, record->cdr.source),
    };
    char message[MESSAGE_MAX];
    enum ts_reason reason = ts_cdr_validate(&record->cdr, &limits, message, sizeof message);
    if (reason != TS_REASON_NONE) {
        ts_record_refuse(batch, record, reason, message);
        return true;
    }
    record->decoded = true;
    record->identity_hash = ts_cdr_identity_hash(&record->cdr, 0);
    record->fingerprint = ts_cdr_fingerprint(&record->cdr);
    record->account = ts_batch_account(worker->pool, batch, record->cdr.account_id);
    return true;
}

static bool decode_all(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err)
{
    int64_t now_ms = ts_worker_now_ms(worker);
    for (size_t i = 0; i < batch->record_count; i++) {
        struct ts_record *record = &batch->records[i];
        if (!record->decoded && record->outcome == TS_OUTCOME_SETTLED &&
            !decode(worker, batch, record, now_ms, err)) {
            return false;
        }
    }
    return true;
}

/* --- accounts */

/* Asks the ledger for the profiles of the accounts marked. */
static bool ask_profiles(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->account_count; i++) {
        count += batch->accounts[i].asked;
    }
    if (count == 0) {
        return true;
    }
    struct ts_profile_request *requests = ts_arena_take(&batch->arena, count * sizeof *requests);
    if (requests == NULL) {
        return ts_error_no_memory(err);
    }
    size_t n = 0;
    for (size_t i = 0; i < batch->account_count; i++) {
        if (batch->accounts[i].asked) {
            requests[n++] = (struct ts_profile_request){
                .account_id = ts_account_profile_id(&batch->accounts[i].profile)};
        }
    }
    const struct ts_ledger *ledger = &worker->ports.ledger;
    if (!ledger->ops->profiles(ledger->self, requests, count, &batch->arena, err)) {
        return false;
    }
    n = 0;
    for (size_t i = 0; i < batch->account_count; i++) {
        struct ts_batch_account *account = &batch->accounts[i];
        if (account->asked) {
            const struct ts_profile_request *request = &requests[n++];
            account->cached = false;
            account->found = request->found;
            if (request->found) {
                account->profile = request->profile;
                ts_account_cache_put(worker->accounts, &request->profile);
            }
        }
    }
    return true;
}

/* The cache may forget the profile before the batch is settled. */
static bool keep_allowances(struct ts_batch *batch, struct ts_account_profile *profile)
{
    if (profile->allowances == NULL) {
        return true;
    }
    size_t size = ts_allowances_size(profile->allowances->count);
    struct ts_allowances *kept = ts_arena_take(&batch->arena, size);
    if (kept != NULL) {
        memcpy(kept, profile->allowances, size);
    }
    profile->allowances = kept;
    return kept != NULL;
}

static bool find_profiles(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err)
{
    for (size_t i = 0; i < batch->account_count; i++) {
        struct ts_batch_account *account = &batch->accounts[i];
        const struct ts_account_profile *known =
            ts_account_cache_get(worker->accounts, ts_account_profile_id(&account->profile));
        account->asked = known == NULL;
        if (known != NULL) {
            account->profile = *known;
            account->found = true;
            account->cached = true;
            if (!keep_allowances(batch, &account->profile)) {
                return ts_error_no_memory(err);
            }
        }
    }
    return ask_profiles(worker, batch, err);
}

/* An account of a plan that was made after the snapshot: the next one has it. To rate without it
 * would make dead letters of good calls. NULL: there is none. */
static const struct ts_batch_account *find_planless(const struct ts_batch *batch)
{
    for (size_t i = 0; i < batch->account_count; i++) {
        const struct ts_batch_account *account = &batch->accounts[i];
        if (account->found && !ts_catalog_has_plan(batch->catalog, account->profile.rate_plan)) {
            return account;
        }
    }
    return NULL;
}

/* The batch waits, and no other lane does. A plan that does not come may be one that the account
 * has no more: then all is read anew. */
static enum ts_prepared wait_for_plan(struct ts_worker *worker,
                                      struct ts_lane_state *lane,
                                      const struct ts_batch_account *account,
                                      struct ts_error *err)
{
    const struct ts_account_profile *profile = &account->profile;
    int64_t now_us = ts_worker_now_us(worker);
    ts_account_cache_forget(worker->accounts, ts_account_profile_id(profile));
    ts_error_set(err,
                 TS_ERROR_RETRY,
                 0,
                 "rate plan %d of account %s is not loaded yet",
                 profile->rate_plan,
                 profile->account_id);
    if (lane->plan_wait_us == 0) {
        lane->plan_wait_us = now_us;
        TS_SAY(worker, TS_LEVEL_INFO, "waits_for_plan", "%s", err->text);
    } else if (now_us - lane->plan_wait_us >= PLAN_WAIT_US_MAX) {
        lane->plan_wait_us = 0;
        return TS_PREPARE_TROUBLE;
    }
    lane->decode_at_us = now_us + PLAN_AGAIN_US;
    return TS_PREPARE_LATER;
}

/* --- rate: a refusal is noted, but not final before the identity is known to be new */

static enum ts_reason refuse_account(const struct ts_batch_account *account,
                                     const struct ts_record *record,
                                     char *message)
{
    struct ts_bytes id = record->cdr.account_id;
    if (!account->found) {
        snprintf(message, MESSAGE_MAX, "account_id \"%.*s\" does not exist", TS_ARGS(id));
        return TS_REASON_UNKNOWN_ACCOUNT;
    }
    const struct ts_account_profile *profile = &account->profile;
    if (record->command == NULL && profile->status == TS_ACCOUNT_CLOSED &&
        record->cdr.start_ms >= profile->closed_ms) {
        snprintf(message,
                 MESSAGE_MAX,
                 "account_id \"%.*s\" was closed before start_time %lld",
                 TS_ARGS(id),
                 (long long)record->cdr.start_ms);
        return TS_REASON_ACCOUNT_CLOSED;
    }
    return TS_REASON_NONE;
}

static void rate(struct ts_worker *worker, struct ts_batch *batch, struct ts_record *record)
{
    char message[MESSAGE_MAX];
    const struct ts_batch_account *account = &batch->accounts[record->account];
    enum ts_reason reason = refuse_account(account, record, message);
    record->outcome = TS_OUTCOME_SETTLED; /* whatever an earlier try made of it */
    record->reason = TS_REASON_NONE;
    if (reason == TS_REASON_NONE && record->command == NULL) {
        ts_catalog_rate(batch->catalog, &account->profile, &record->cdr, &record->rating, message);
        reason = record->rating.reason;
    }
    if (reason == TS_REASON_NONE && record->command == NULL &&
        record->cdr.start_ms < worker->usage_from_ms) {
        snprintf(message,
                 sizeof message,
                 "start_time %lld is before the oldest usage that is kept",
                 (long long)record->cdr.start_ms);
        reason = TS_REASON_TOO_OLD;
    }
    const struct ts_known *known =
        reason == TS_REASON_NONE ? ts_worker_known(worker, record) : NULL;
    if (known != NULL && known->reason != TS_REASON_NONE) {
        reason = known->reason;
        snprintf(message, sizeof message, "refused when it was to be settled");
    }
    if (reason != TS_REASON_NONE) {
        ts_record_refuse(batch, record, reason, message);
    }
}

/* A settled call has its profile's revision checked on the locked row. A refused one has not, and
 * an account whose calls are all refused would be judged by a remembered profile for ever: so no
 * refusal rests on one. */
static bool is_of_the_profile(enum ts_reason reason)
{
    return reason == TS_REASON_ACCOUNT_CLOSED || reason == TS_REASON_NO_RATE ||
           reason == TS_REASON_BLOCKED_DESTINATION || reason == TS_REASON_CHARGE_OVERFLOW;
}

/* Marks the accounts that the refused ones are to be judged by afresh. False: there are none. */
static bool mark_refused(struct ts_batch *batch)
{
    bool marked = false;
    for (size_t i = 0; i < batch->account_count; i++) {
        batch->accounts[i].asked = false;
    }
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct ts_record *record = &batch->records[i];
        if (record->decoded && is_of_the_profile(record->reason)) {
            struct ts_batch_account *account = &batch->accounts[record->account];
            account->asked = account->cached;
            marked = marked || account->asked;
        }
    }
    return marked;
}

static void rate_asked(struct ts_worker *worker, struct ts_batch *batch)
{
    for (size_t i = 0; i < batch->record_count; i++) {
        struct ts_record *record = &batch->records[i];
        if (record->decoded && batch->accounts[record->account].asked) {
            rate(worker, batch, record);
        }
    }
}

/* `planless` is an account whose plan is not there; only calls need one. */
static bool rate_all(struct ts_worker *worker,
                     struct ts_batch *batch,
                     const struct ts_batch_account **planless,
                     struct ts_error *err)
{
    bool commands = ts_lane_has_commands(batch->lane);
    *planless = commands ? NULL : find_planless(batch);
    if (*planless != NULL) {
        return true;
    }
    for (size_t i = 0; i < batch->record_count; i++) {
        if (batch->records[i].decoded) {
            rate(worker, batch, &batch->records[i]);
        }
    }
    if (!mark_refused(batch)) {
        return true;
    }
    if (!ask_profiles(worker, batch, err)) {
        return false;
    }
    *planless = commands ? NULL : find_planless(batch);
    if (*planless == NULL) {
        rate_asked(worker, batch);
    }
    return true;
}

/* --- duplicates */

static bool must_look_up(const struct ts_worker *worker,
                         const struct ts_lane_state *lane,
                         const struct ts_record *record)
{
    return record->outcome != TS_OUTCOME_SETTLED || record->offset < lane->lookup_until ||
           record->included != NULL /* charged twice, it would change what others pay */ ||
           ts_identities_perhaps_settled(worker->identities, record->identity_hash);
}

static void judge(struct ts_batch *batch, struct ts_record *record, enum ts_identity_status status)
{
    const char *what = NULL;
    if (status == TS_IDENTITY_SAME) {
        record->outcome = TS_OUTCOME_DUPLICATE;
        record->reason = TS_REASON_NONE;
    } else if (status == TS_IDENTITY_CONFLICT) {
        what = "was settled before with another content";
    } else if (status == TS_IDENTITY_COLLISION && record->outcome == TS_OUTCOME_SETTLED) {
        what = "shares its identity hash and start_time with another record";
    }
    if (what != NULL) {
        char message[MESSAGE_MAX];
        snprintf(message,
                 sizeof message,
                 "cdr_id \"%.*s\" of source \"%.*s\" %s",
                 TS_ARGS(record->cdr.cdr_id),
                 TS_ARGS(record->cdr.source),
                 what);
        ts_record_refuse(batch,
                         record,
                         status == TS_IDENTITY_CONFLICT ? TS_REASON_IDENTITY_CONFLICT
                                                        : TS_REASON_IDENTITY_COLLISION,
                         message);
    }
}

/* Looks the candidates up, a few thousand a statement, and judges those that are settled. */
static bool look_up_settled(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err)
{
    const struct ts_lane_state *lane = ts_worker_lane(worker, batch->lane);
    const struct ts_ledger *ledger = &worker->ports.ledger;
    struct ts_identity identities[256];
    struct ts_record *records[256];
    size_t count = 0;
    for (size_t i = 0; i <= batch->record_count; i++) {
        struct ts_record *record = i < batch->record_count ? &batch->records[i] : NULL;
        if (record != NULL && record->decoded && must_look_up(worker, lane, record)) {
            records[count] = record;
            identities[count++] = (struct ts_identity){.cdr = &record->cdr,
                                                       .identity_hash = record->identity_hash,
                                                       .fingerprint = record->fingerprint};
        }
        if (count == 256 || (record == NULL && count > 0)) {
            if (!ledger->ops->identities(ledger->self, identities, count, err)) {
                return false;
            }
            for (size_t j = 0; j < count; j++) {
                judge(batch, records[j], identities[j].status);
            }
            count = 0;
        }
    }
    return true;
}

/* Against the records that this worker has not settled yet, in order, so that of two in the batch
 * the first one is charged. */
static void compare_unsettled(struct ts_worker *worker, struct ts_batch *batch)
{
    for (size_t i = 0; i < batch->record_count; i++) {
        struct ts_record *record = &batch->records[i];
        if (!record->decoded || record->outcome == TS_OUTCOME_DUPLICATE) {
            continue;
        }
        const struct ts_record *first =
            ts_identities_unsettled(worker->identities, record->identity_hash);
        if (first != NULL) {
            bool same = ts_cdr_same_identity(&first->cdr, &record->cdr);
            judge(batch,
                  record,
                  !same                                       ? TS_IDENTITY_COLLISION
                  : first->fingerprint == record->fingerprint ? TS_IDENTITY_SAME
                                                              : TS_IDENTITY_CONFLICT);
        } else if (record->outcome == TS_OUTCOME_SETTLED) {
            ts_identities_add(worker->identities, record);
        }
    }
    batch->tracked = true;
}

void ts_batch_untrack(struct ts_worker *worker, struct ts_batch *batch)
{
    for (size_t i = 0; batch->tracked && i < batch->record_count; i++) {
        const struct ts_record *record = &batch->records[i];
        if (record->decoded &&
            ts_identities_unsettled(worker->identities, record->identity_hash) == record) {
            ts_identities_remove(worker->identities, record);
        }
    }
    batch->tracked = false;
}

/* --- the whole */

/* Reads the window of usage leaves when it is old, or when the batch goes beyond it. False: later.
 */
static bool
fits_window(struct ts_worker *worker, const struct ts_batch *batch, struct ts_error *err)
{
    int64_t latest_ms = INT64_MIN;
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct ts_record *record = &batch->records[i];
        if (record->decoded && record->cdr.start_ms > latest_ms) {
            latest_ms = record->cdr.start_ms;
        }
    }
    int64_t now_us = ts_worker_now_us(worker);
    bool old = worker->usage_to_ms == 0 || now_us - worker->usage_read_us > WINDOW_AGE_US_MAX;
    if (old || latest_ms >= worker->usage_to_ms) {
        const struct ts_ledger *ledger = &worker->ports.ledger;
        if (!ledger->ops->usage_window(
                ledger->self, &worker->usage_from_ms, &worker->usage_to_ms, err)) {
            return false;
        }
        worker->usage_read_us = now_us;
    }
    if (latest_ms >= worker->usage_to_ms) {
        return ts_error_set(err,
                            TS_ERROR_RETRY,
                            0,
                            "no usage partition is made yet for start_time %lld",
                            (long long)latest_ms);
    }
    return true;
}

/* A writer's schema can't be had just now. Nothing is given up for that: the batch waits, decoded
 * so far as it is, and what was charged before is settled meanwhile. */
static void
wait_for_schema(struct ts_worker *worker, struct ts_lane_state *lane, const struct ts_error *err)
{
    int64_t now_us = ts_worker_now_us(worker);
    lane->decode_at_us = now_us + DECODE_AGAIN_US;
    lane->schema_said = true;
    if (worker->schema_said_us == 0 || now_us - worker->schema_said_us >= SAY_AGAIN_US) {
        worker->schema_said_us = now_us;
        ts_count(&worker->stats.errors[TS_ERROR_RETRY], 1);
        TS_SAY(worker, TS_LEVEL_WARNING, "waits_for_schema", "%s", err->text);
    }
}

static enum ts_prepared decode_batch(struct ts_worker *worker, struct ts_batch *batch)
{
    struct ts_error err = {0};
    struct ts_lane_state *lane = ts_worker_lane(worker, batch->lane);
    if (ts_worker_now_us(worker) < lane->decode_at_us) {
        return TS_PREPARE_LATER;
    }
    if (decode_all(worker, batch, &err)) {
        if (lane->schema_said) {
            lane->schema_said = false;
            TS_SAY(worker, TS_LEVEL_INFO, "schema_found", "reading goes on");
        }
        return TS_PREPARED;
    }
    if (err.class == TS_ERROR_RETRY) {
        wait_for_schema(worker, lane, &err);
        return TS_PREPARE_LATER;
    }
    ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
    return TS_PREPARE_TROUBLE;
}

static enum ts_prepared
prepare(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err)
{
    struct ts_lane_state *lane = ts_worker_lane(worker, batch->lane);
    bool commands = ts_lane_has_commands(batch->lane);
    /* Tried again, it takes nothing of the batch's memory before the plan is there. */
    const struct ts_batch_account *planless = lane->plan_wait_us != 0 ? find_planless(batch) : NULL;
    if (planless == NULL &&
        ((!commands && !fits_window(worker, batch, err)) || !find_profiles(worker, batch, err) ||
         !rate_all(worker, batch, &planless, err))) {
        return TS_PREPARE_TROUBLE;
    }
    if (planless != NULL) {
        return wait_for_plan(worker, lane, planless, err);
    }
    lane->plan_wait_us = 0;
    if (commands) {
        return ts_worker_prepare_commands(worker, batch, err) ? TS_PREPARED : TS_PREPARE_TROUBLE;
    }
    if (!ts_worker_include(worker, batch, err) || !look_up_settled(worker, batch, err)) {
        return TS_PREPARE_TROUBLE;
    }
    compare_unsettled(worker, batch);
    return TS_PREPARED;
}

/* Another snapshot may be there when it is tried again. */
static void release_catalog(struct ts_worker *worker, struct ts_batch *batch)
{
    worker->ports.rates.ops->release(worker->ports.rates.self, batch->catalog);
    batch->catalog = NULL;
}

enum ts_prepared ts_worker_prepare(struct ts_worker *worker, struct ts_batch *batch)
{
    int64_t begun_us = ts_worker_now_us(worker);
    const struct ts_rates *rates = &worker->ports.rates;
    if (ts_lane_has_commands(batch->lane) && ts_worker_has_commands(worker)) {
        return TS_PREPARE_LATER;
    }
    enum ts_prepared prepared = decode_batch(worker, batch);
    if (prepared != TS_PREPARED) {
        return prepared;
    }
    batch->catalog = rates->ops->acquire(rates->self);
    if (batch->catalog == NULL) {
        return TS_PREPARE_LATER; /* none is loaded yet: as long as that lasts, input waits */
    }
    ts_gauge(&worker->stats.catalog_revision, ts_catalog_revision(batch->catalog));
    struct ts_error err = {0};
    prepared = prepare(worker, batch, &err);
    if (prepared == TS_PREPARE_LATER) {
        release_catalog(worker, batch);
    } else if (prepared == TS_PREPARE_TROUBLE) {
        ts_worker_trouble(worker, TS_PHASE_DISCONNECTED, &err);
    } else {
        batch->prepared = true;
        ts_histogram_add(
            &worker->stats.stages[TS_STAGE_PREPARE], ts_worker_now_us(worker) - begun_us, 1);
    }
    return prepared;
}
