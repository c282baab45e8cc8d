/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/judge.h"
#include "tests/simulation/model.h"

#include <stdio.h>
#include <string.h>

static struct fake_told_event expected_events[MODEL_EVENTS];

static bool is_of_one_lane(const struct world *world, int account)
{
    int lanes = 0;
    for (int p = 0; p < world->host.partitions[TS_INPUT_CDRS]; p++) {
        const struct fake_log *log = &world->kafka.logs[p];
        bool found = false;
        for (int64_t offset = 0; offset < log->high && !found; offset++) {
            const struct fake_message *message = &log->messages[offset];
            found =
                !message->hole && strcmp(message->call.account_id, world_account_id(account)) == 0;
        }
        lanes += found;
    }
    return lanes == 1;
}

static bool is_adjusted(const struct world *world, int account)
{
    bool found = false;
    for (size_t i = 0; i < world->postgres.tables.end_count; i++) {
        const struct fake_end *end = &world->postgres.tables.ends[i];
        found = found || (end->adjusts && end->account == account);
    }
    return found;
}

/* --- along the rows */

/* An account being judged. */
struct walk {
    struct world *world;
    int account;
    bool single_lane; /* all its calls came by one */
    bool adjusted;
    int64_t used[FAKE_COUNTERS];
    struct meant { /* by the rows of one settlement */
        int64_t before;
        int64_t after;
        bool told;
    } meant[FAKE_COUNTERS];
    int64_t movements;
    struct model model;
};

static void judge_movement(struct walk *walk, const struct fake_end *row, int64_t delta)
{
    walk->movements += !row->order || row->adjusts || delta != 0;
    if (row->movement != walk->movements) {
        fake_violation(&walk->world->host,
                       "I1: account %d: %d/%lld has movement %lld, it is the %lldth",
                       walk->account,
                       row->lane,
                       (long long)row->offset,
                       (long long)row->movement,
                       (long long)walk->movements);
    }
    if (row->balance_after_micros != walk->model.balance) {
        fake_violation(&walk->world->host,
                       "I1: account %d: the balance after %d/%lld is said to be %lld, the sum is "
                       "%lld",
                       walk->account,
                       row->lane,
                       (long long)row->offset,
                       (long long)row->balance_after_micros,
                       (long long)walk->model.balance);
    }
}

/* The row is the first of its settlement: what all of them come to. */
static void sum_up(struct walk *walk, const struct fake_end *first)
{
    const struct fake_tables *tables = &walk->world->postgres.tables;
    for (int i = 0; i < FAKE_COUNTERS; i++) {
        walk->meant[i] = (struct meant){walk->used[i], walk->used[i], false};
    }
    for (const struct fake_end *row = first; row < tables->ends + tables->end_count; row++) {
        bool of_it = row->settlement == first->settlement && row->account == walk->account &&
                     row->outcome == TS_OUTCOME_SETTLED && (!row->order || row->adjusts);
        for (int i = 0; of_it && i < FAKE_ALLOWANCES; i++) {
            walk->meant[fake_counter_of_call(row->number, i)].after += row->units[i];
        }
    }
}

/* The units that the row moved have been used. Adjustments of a month that is over tell nothing,
 * and neither do those that the others of their settlement make up for. */
static void use_units(struct walk *walk, const struct fake_end *row, int allowance)
{
    int counter = fake_counter_of_call(row->number, allowance);
    bool earlier = counter % FAKE_MONTHS == 0;
    int64_t limit = walk->model.units[allowance];
    struct meant *meant = &walk->meant[counter];
    bool reaches =
        walk->used[counter] < limit && walk->used[counter] + row->units[allowance] >= limit;
    bool tells = !row->adjusts || (meant->before < limit && meant->after >= limit &&
                                   walk->model.time.month == (earlier ? 202608 : 202609));
    walk->used[counter] += row->units[allowance];
    if (reaches && tells && !meant->told) {
        meant->told = true;
        model_exhaust(
            &walk->model, fake_allowance_name(allowance), earlier ? "2026-08" : "2026-09");
    }
}

/* What the call drew must have been left, and where one lane serves the account, in the order of
 * its calls, all that was left must have been drawn before money was charged. Where adjustments
 * moved units, what was left when the call was charged shows in no row. */
static void draw_units(struct walk *walk, const struct fake_end *row)
{
    int64_t open = FAKE_BILLED;
    for (int i = 0; i < FAKE_ALLOWANCES; i++) {
        int64_t units = walk->model.units[i];
        int64_t used = walk->used[fake_counter_of_call(row->number, i)];
        int64_t left = walk->adjusted ? FAKE_BILLED : units > used ? units - used : 0;
        int64_t most = left < open ? left : open;
        if (row->units[i] < 0 || row->units[i] > most ||
            (walk->single_lane && !walk->adjusted && row->units[i] != most)) {
            fake_violation(&walk->world->host,
                           "account %d: call %d draws %lld units where %lld are left",
                           walk->account,
                           row->number,
                           (long long)row->units[i],
                           (long long)left);
        }
        open -= row->units[i];
        use_units(walk, row, i);
    }
}

static void walk_call(struct walk *walk, const struct fake_end *row)
{
    char cause[96];
    snprintf(cause,
             sizeof cause,
             "cdr:switch/call-%d/0/%lld",
             row->number,
             (long long)fake_call_start_ms(row->number));
    model_call(&walk->model, cause, row->charge_micros);
    judge_movement(walk, row, -row->charge_micros);
    draw_units(walk, row);
}

static void walk_order(struct walk *walk, const struct fake_end *row)
{
    const struct world *world = walk->world;
    const struct fake_order *order = judge_order_of(world, row);
    size_t index = (size_t)(row - world->postgres.tables.ends);
    const struct ts_command_effect *did = &row->effect;
    struct ts_command_effect expected =
        model_order(&walk->model,
                    order,
                    judge_is_credited(world, index, order->recharge_id),
                    did->refusal == TS_REFUSAL_BALANCE_LIMIT);
    if (did->delta_micros != expected.delta_micros || did->refusal != expected.refusal ||
        did->changed != expected.changed || did->invoiced != expected.invoiced ||
        did->invoice_date != expected.invoice_date) {
        fake_violation(&walk->world->host,
                       "account %d: %s adds %lld (%s, invoiced %d); it should be %lld (%s, %d)",
                       walk->account,
                       order->command_id,
                       (long long)did->delta_micros,
                       did->refusal == 0 ? "-" : ts_refusal_name(did->refusal),
                       did->invoice_date,
                       (long long)expected.delta_micros,
                       expected.refusal == 0 ? "-" : ts_refusal_name(expected.refusal),
                       expected.invoice_date);
    }
    judge_movement(walk, row, did->delta_micros);
    for (int i = 0; row->adjusts && i < FAKE_ALLOWANCES; i++) {
        if (row->units[i] != order->adjustment.units[i]) {
            fake_violation(&walk->world->host,
                           "account %d: %s moves %lld units; it should be %lld",
                           walk->account,
                           order->command_id,
                           (long long)row->units[i],
                           (long long)order->adjustment.units[i]);
        }
        use_units(walk, row, i);
    }
}

static void walk_rows(struct walk *walk)
{
    const struct world *world = walk->world;
    const struct fake_tables *tables = &world->postgres.tables;
    const struct fake_end *last = NULL;
    for (size_t i = 0; i < tables->end_count && world->host.violation[0] == '\0'; i++) {
        const struct fake_end *end = &tables->ends[i];
        if (end->outcome != TS_OUTCOME_SETTLED || end->account != walk->account) {
            continue;
        }
        if (last == NULL || last->settlement != end->settlement) {
            sum_up(walk, end);
        }
        last = end;
        model_enter(&walk->model, end->settlement, fake_time(&world->host, end->now_ms));
        if (end->order) {
            walk_order(walk, end);
        } else {
            walk_call(walk, end);
        }
    }
}

/* --- balances */

static void judge_counters(struct walk *walk, const struct fake_redis_accounts *hot)
{
    const struct fake_account *stored = &walk->world->postgres.tables.accounts[walk->account];
    for (int i = 0; i < FAKE_COUNTERS; i++) {
        if (stored->used[i] != walk->used[i]) {
            fake_violation(&walk->world->host,
                           "account %d used %lld units in PostgreSQL, its calls drew %lld",
                           walk->account,
                           (long long)stored->used[i],
                           (long long)walk->used[i]);
        }
        if (hot != NULL && hot->counters[walk->account][i].there &&
            hot->counters[walk->account][i].used != walk->used[i]) {
            fake_violation(&walk->world->host,
                           "I4: account %d used %lld units in Redis and %lld in PostgreSQL",
                           walk->account,
                           (long long)hot->counters[walk->account][i].used,
                           (long long)walk->used[i]);
        }
    }
}

static void judge_balances(struct walk *walk)
{
    struct world *world = walk->world;
    const struct fake_account *stored = &world->postgres.tables.accounts[walk->account];
    uint32_t bucket = ts_account_bucket(ts_account_profile_id(&stored->profile));
    const struct fake_server *server = &world->redis.servers[world->redis.current];
    const struct fake_redis_accounts *hot = &server->data.hot[world->redis.hot_of[bucket]];
    const struct ts_bucket_row *row = &world->postgres.tables.buckets[bucket];
    bool comparable = strcmp(row->identity.run_id, server->identity.run_id) == 0 &&
                      server->data.buckets[bucket].generation == row->generation;
    if (stored->state.balance_micros != walk->model.balance ||
        stored->movements != walk->movements) {
        fake_violation(&world->host,
                       "I1: account %d has %lld in PostgreSQL, its ledger says %lld",
                       walk->account,
                       (long long)stored->state.balance_micros,
                       (long long)walk->model.balance);
    }
    if (comparable && hot->there[walk->account] &&
        hot->balance[walk->account] != walk->model.balance) {
        fake_violation(&world->host,
                       "I4: account %d has %lld in Redis and %lld in PostgreSQL",
                       walk->account,
                       (long long)hot->balance[walk->account],
                       (long long)walk->model.balance);
    }
    judge_counters(walk, comparable ? hot : NULL);
    if (stored->state.timer_ms != walk->model.timer_ms) {
        fake_violation(&world->host,
                       "account %d: its timer is at %lld, it should be at %lld",
                       walk->account,
                       (long long)stored->state.timer_ms,
                       (long long)walk->model.timer_ms);
    }
}

/* --- events */

static void describe(const struct fake_told_event *event, char *text, size_t size)
{
    snprintf(text,
             size,
             "%s %lld/%lld/%lld \"%s\" %s, balance %lld, of %s",
             ts_event_type_name((enum ts_event_type)event->type),
             (long long)event->amount,
             (long long)event->number,
             (long long)event->moment_ms,
             event->id,
             event->reason,
             (long long)event->balance_micros,
             event->cause);
}

/* The account's events are numbered without gaps, and are what its rows mean, in their order. */
static void judge_outbox(struct walk *walk)
{
    const struct fake_tables *tables = &walk->world->postgres.tables;
    size_t count = 0;
    for (size_t i = 0; i < tables->outbox_count; i++) {
        const struct ts_outbox_row *row = &tables->outbox[i].row;
        if (row->output != TS_OUTPUT_EVENTS || row->account_no != walk->account + 1) {
            continue;
        }
        struct fake_told_event event;
        memcpy(&event, row->payload.data, sizeof event);
        const struct fake_told_event *expected = &walk->model.events[count++];
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): padding: a false alarm at most */
        if (count > walk->model.event_count || memcmp(&event, expected, sizeof event) != 0) {
            char there[256];
            char should[256] = "no more";
            describe(&event, there, sizeof there);
            if (count <= walk->model.event_count) {
                describe(expected, should, sizeof should);
            }
            fake_violation(&walk->world->host,
                           "I5: account %d: event %zu is %s; it should be %s",
                           walk->account,
                           count,
                           there,
                           should);
            return;
        }
    }
    if (count != walk->model.event_count ||
        tables->accounts[walk->account].state.sequence != (int64_t)count) {
        fake_violation(&walk->world->host,
                       "I5: account %d: %zu events at sequence %lld; there should be %zu",
                       walk->account,
                       count,
                       (long long)tables->accounts[walk->account].state.sequence,
                       walk->model.event_count);
    }
}

/* Told again, an event is the same, and who goes by `sequence` misses nothing. */
static void judge_told(struct walk *walk)
{
    struct world *world = walk->world;
    int64_t last = 0;
    for (size_t i = 0; i < world->kafka.told_count; i++) {
        const struct fake_told *told = &world->kafka.told[i];
        struct fake_told_event event;
        if (told->output != TS_OUTPUT_EVENTS ||
            !ts_bytes_equal_text(told->key, world_account_id(walk->account))) {
            continue;
        }
        memcpy(&event, told->payload.data, sizeof event);
        if (event.sequence > last + 1) {
            fake_violation(&world->host,
                           "I5: account %d: a reader meets event %lld after %lld",
                           walk->account,
                           (long long)event.sequence,
                           (long long)last);
        }
        last = event.sequence > last ? event.sequence : last;
    }
    if (last != (int64_t)walk->model.event_count) {
        fake_violation(&world->host,
                       "I5: account %d: %lld of %zu events were told",
                       walk->account,
                       (long long)last,
                       walk->model.event_count);
    }
}

/* What a payment service relies on, by what it is told: one request at a time, each answered by one
 * credit at most. */
static void judge_promises(struct walk *walk)
{
    const char *open = NULL;
    for (size_t i = 0; i < walk->model.event_count; i++) {
        const struct fake_told_event *event = &walk->model.events[i];
        bool ends =
            event->type == TS_EVENT_RECHARGE_SUCCEEDED || event->type == TS_EVENT_RECHARGE_FAILED;
        if (event->type == TS_EVENT_RECHARGE_REQUESTED) {
            if (open != NULL) {
                fake_violation(&walk->world->host,
                               "account %d: %s is requested while %s is in flight",
                               walk->account,
                               event->id,
                               open);
            }
            open = event->id;
        }
        if (ends && open != NULL && strcmp(open, event->id) == 0) {
            open = NULL;
        }
        for (size_t j = 0; j < i && event->type == TS_EVENT_RECHARGE_SUCCEEDED; j++) {
            if (walk->model.events[j].type == TS_EVENT_RECHARGE_SUCCEEDED &&
                strcmp(walk->model.events[j].id, event->id) == 0) {
                fake_violation(&walk->world->host, "%s succeeds twice", event->id);
            }
        }
    }
}

void judge_accounts(struct world *world)
{
    for (int account = 0; account < world->account_count; account++) {
        static struct walk walk;
        memset(&walk, 0, sizeof walk);
        walk.world = world;
        walk.account = account;
        walk.single_lane = is_of_one_lane(world, account);
        walk.adjusted = is_adjusted(world, account);
        model_begin(&walk.model,
                    &world->accounts[account],
                    world_account_id(account),
                    &world->options.decide,
                    expected_events);
        walk_rows(&walk);
        world->ever_closed_ms[account] = walk.model.ever_closed_ms;
        if (world->host.violation[0] != '\0') {
            return;
        }
        judge_balances(&walk);
        judge_outbox(&walk);
        judge_promises(&walk);
        if (!world->postgres.lost_commits) { /* then some were told that nobody settled */
            judge_told(&walk);
        }
    }
}
