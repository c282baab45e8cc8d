/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/judge.h"

#include <string.h>

/* --- what was told */

static bool is_told_by(const struct ts_outbox_row *row, const struct fake_told *told)
{
    return (int)told->output == row->output && ts_bytes_equal(told->payload, row->payload) &&
           ts_bytes_equal(told->key, row->key);
}

/* Brings the flags of the outbox rows up to date. */
static void match_told(struct world *world)
{
    struct fake_tables *tables = &world->postgres.tables;
    for (; world->told_matched < world->kafka.told_count; world->told_matched++) {
        const struct fake_told *told = &world->kafka.told[world->told_matched];
        bool found = false;
        for (size_t i = 0; i < tables->outbox_count; i++) {
            if (is_told_by(&tables->outbox[i].row, told)) {
                tables->outbox[i].told = true;
                found = true;
            }
        }
        if (!found && !world->postgres.lost_commits) {
            fake_violation(&world->host, "I5: something was told that is in no outbox row");
        }
    }
}

void judge_commit(void *self, int lane, int64_t offset)
{
    struct world *world = self;
    const struct fake_tables *tables = &world->postgres.tables;
    match_told(world);
    if (world->postgres.lost_commits) {
        return;
    }
    if (offset > tables->partitions[lane].next_offset) {
        fake_violation(&world->host, "the watermark of %d is beyond next_offset", lane);
    }
    for (size_t i = 0; i < tables->outbox_count; i++) {
        const struct fake_outbox_row *row = &tables->outbox[i];
        if (fake_lane_number(&world->host, row->row.lane) == lane && row->row.offset < offset &&
            !row->told) {
            fake_violation(&world->host,
                           "I5: the watermark of %d is at %lld, a message of %lld was not told",
                           lane,
                           (long long)offset,
                           (long long)row->row.offset);
        }
    }
}

void judge_trim(void *self, const struct ts_outbox_row *row)
{
    struct world *world = self;
    match_told(world);
    for (size_t i = 0; i < world->postgres.tables.outbox_count; i++) {
        const struct fake_outbox_row *kept = &world->postgres.tables.outbox[i];
        if (&kept->row == row && !kept->told) {
            fake_violation(&world->host,
                           "I5: a message of %d/%lld is deleted and was not told",
                           fake_lane_number(&world->host, row->lane),
                           (long long)row->offset);
        }
    }
}

/* --- I2 and I3: how each input ended */

static const struct fake_end *settled_as(const struct world *world, int32_t number)
{
    const struct fake_tables *tables = &world->postgres.tables;
    for (size_t i = 0; i < tables->end_count; i++) {
        if (tables->ends[i].outcome == TS_OUTCOME_SETTLED && !tables->ends[i].order &&
            tables->ends[i].number == number) {
            return &tables->ends[i];
        }
    }
    return NULL;
}

static bool any_revision_refuses(const struct world *world, const struct fake_call *call)
{
    for (int64_t revision = 1; revision <= world->rates.revision; revision++) {
        int64_t charge;
        if (!fake_price(call->number, call->content, revision, &charge)) {
            return true;
        }
    }
    return false;
}

/* Whether a dead letter's reason can be true. */
static bool
is_plausible(const struct world *world, const struct fake_call *call, enum ts_reason reason)
{
    int account = fake_account_number(ts_bytes_of(call->account_id));
    const struct made_account *made = &world->accounts[account];
    const struct fake_end *first = settled_as(world, call->number);
    switch (call->flaw) {
    case FAKE_FLAW_BYTES:
    case FAKE_FLAW_ABSENT:
        return reason == TS_REASON_DECODE_ERROR;
    case FAKE_FLAW_ORDER:
        return reason == TS_REASON_TIME_ORDER;
    default:
        break;
    }
    switch (reason) {
    case TS_REASON_IDENTITY_CONFLICT:
        return first != NULL && (first->content != call->content || first->account != account);
    case TS_REASON_UNKNOWN_ACCOUNT:
        return made->absent_at_first;
    case TS_REASON_ACCOUNT_CLOSED:
        return fake_call_start_ms(call->number) >= world->ever_closed_ms[account];
    case TS_REASON_NO_RATE:
        return any_revision_refuses(world, call);
    case TS_REASON_CHARGE_OVERFLOW:
        return made->at_limit;
    case TS_REASON_ROW_REFUSED:
        return call->flaw == FAKE_FLAW_REFUSED;
    default:
        return false;
    }
}

static void judge_row(struct world *world, const struct fake_end *row, const struct fake_call *call)
{
    int64_t charge = -1;
    bool priced = fake_price(call->number, call->content, row->deck_version, &charge);
    int64_t left = FAKE_BILLED;
    for (int i = 0; i < FAKE_ALLOWANCES; i++) {
        left -= row->units[i];
    }
    charge = (2 * charge * left + FAKE_BILLED) / (2 * FAKE_BILLED); /* half up */
    int account = fake_account_number(ts_bytes_of(call->account_id));
    if (!priced || charge != row->charge_micros || row->number != call->number ||
        row->account != account || row->flaw != FAKE_FLAW_NONE) {
        fake_violation(&world->host,
                       "I1: %d/%lld is settled at another price or account than its own",
                       row->lane,
                       (long long)row->offset);
    }
    if (settled_as(world, call->number) != row) {
        fake_violation(&world->host, "I3: call %d is settled twice", call->number);
    }
}

static void
judge_call(struct world *world, const struct fake_end *end, const struct fake_call *call)
{
    const struct fake_end *first = settled_as(world, call->number);
    switch (end->outcome) {
    case TS_OUTCOME_SETTLED:
        judge_row(world, end, call);
        break;
    case TS_OUTCOME_DUPLICATE:
        if (first == NULL || first->content != call->content) {
            fake_violation(&world->host,
                           "I2: %d/%lld is called a duplicate of nothing",
                           end->lane,
                           (long long)end->offset);
        }
        break;
    case TS_OUTCOME_DEAD_LETTER:
        if (!is_plausible(world, call, end->reason)) {
            fake_violation(&world->host,
                           "I2: %d/%lld is a dead letter for %s, which is not true",
                           end->lane,
                           (long long)end->offset,
                           ts_reason_name(end->reason));
        }
        break;
    }
}

static void judge_input(struct world *world, int lane, int64_t offset)
{
    const struct fake_tables *tables = &world->postgres.tables;
    const struct fake_message *message = &world->kafka.logs[lane].messages[offset];
    const struct fake_end *end = NULL;
    int count = 0;
    for (size_t i = 0; i < tables->end_count; i++) {
        if (tables->ends[i].lane == lane && tables->ends[i].offset == offset) {
            end = &tables->ends[i];
            count++;
        }
    }
    if (count != (message->hole ? 0 : 1)) {
        fake_violation(&world->host, "I2: %d/%lld ended %d times", lane, (long long)offset, count);
    } else if (message->hole) {
        return;
    } else if (end->order) {
        judge_order(world, end, &message->order);
    } else {
        judge_call(world, end, &message->call);
    }
}

static void judge_inputs(struct world *world)
{
    for (int lane = 0; lane < world->kafka.lane_count; lane++) {
        const struct fake_partition *partition = &world->postgres.tables.partitions[lane];
        for (int64_t offset = 0; offset < world->kafka.logs[lane].high; offset++) {
            judge_input(world, lane, offset);
        }
        int64_t sum =
            partition->settled + partition->duplicates + partition->dead_letters + partition->holes;
        if (sum != partition->next_offset - partition->first_offset) {
            fake_violation(&world->host, "I2: the counters of %d do not add up", lane);
        }
    }
}

static void judge_dead_letters(struct world *world)
{
    const struct fake_tables *tables = &world->postgres.tables;
    for (size_t i = 0; i < tables->end_count; i++) {
        const struct fake_end *end = &tables->ends[i];
        bool told = end->outcome != TS_OUTCOME_DEAD_LETTER;
        for (size_t j = 0; j < world->kafka.told_count && !told; j++) {
            const struct fake_told *message = &world->kafka.told[j];
            const struct fake_told_dead_letter *letter = (const void *)message->payload.data;
            told = message->output == TS_OUTPUT_DEAD_LETTERS && letter->lane == end->lane &&
                   letter->offset == end->offset && letter->reason == (int32_t)end->reason;
        }
        if (!told) {
            fake_violation(&world->host,
                           "I5: the dead letter %d/%lld was not told",
                           end->lane,
                           (long long)end->offset);
        }
    }
}

void judge_world(struct world *world)
{
    match_told(world);
    judge_accounts(world);
    judge_inputs(world);
    judge_dead_letters(world);
}
