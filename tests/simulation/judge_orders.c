/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/judge.h"

#include <string.h>

const struct fake_order *judge_order_of(const struct world *world, const struct fake_end *end)
{
    return &world->kafka.logs[end->lane].messages[end->offset].order;
}

/* --- what was settled before */

static bool is_settled_order(const struct fake_end *end)
{
    return end->order && end->outcome == TS_OUTCOME_SETTLED;
}

bool judge_is_credited(const struct world *world, size_t before, const char *recharge_id)
{
    const struct fake_tables *tables = &world->postgres.tables;
    bool credited = false;
    for (size_t i = 0; i < before && recharge_id[0] != '\0' && !credited; i++) {
        const struct fake_end *end = &tables->ends[i];
        credited = is_settled_order(end) && end->effect.delta_micros != 0 &&
                   strcmp(judge_order_of(world, end)->recharge_id, recharge_id) == 0;
    }
    return credited;
}

/* The order that took this one's command_id, or its credit_id, before. */
static const struct fake_order *
find_first(const struct world *world, const struct fake_end *end, const struct fake_order *order)
{
    const struct fake_tables *tables = &world->postgres.tables;
    size_t before = (size_t)(end - tables->ends);
    for (size_t i = 0; i < before; i++) {
        const struct fake_end *former = &tables->ends[i];
        if (is_settled_order(former) &&
            strcmp(judge_order_of(world, former)->command_id, order->command_id) == 0) {
            return judge_order_of(world, former);
        }
    }
    for (size_t i = 0; i < before && order->type == TS_COMMAND_CREDIT_ADDED; i++) {
        const struct fake_end *former = &tables->ends[i];
        if (is_settled_order(former) && former->effect.delta_micros != 0 &&
            strcmp(judge_order_of(world, former)->credit_id, order->credit_id) == 0) {
            return judge_order_of(world, former);
        }
    }
    return NULL;
}

/* --- what it must have come to */

static bool is_invalid(const struct fake_order *order)
{
    return order->type == TS_COMMAND_CREDIT_ADDED &&
           (order->amount == 0 || (order->amount < 0 && order->kind != TS_CREDIT_ADJUSTMENT));
}

static bool has(const struct fake_order *order, enum ts_account_field field)
{
    return order->type == TS_COMMAND_ACCOUNT_CHANGED &&
           (order->change.set & ts_field_bit(field)) != 0;
}

/* There is no such zone, no such plan, or none in the account's currency. */
static bool is_impossible(const struct fake_order *order)
{
    bool plan = strcmp(order->change.rate_plan, "plan") == 0 ||
                strcmp(order->change.rate_plan, "other") == 0;
    return (has(order, TS_FIELD_TIMEZONE) && strcmp(order->change.timezone, "UTC") != 0) ||
           (has(order, TS_FIELD_RATE_PLAN) && !plan);
}

static bool
is_plausible(const struct world *world, const struct fake_end *end, const struct fake_order *order)
{
    int account = fake_account_number(ts_bytes_of(order->account_id));
    const struct fake_order *first = find_first(world, end, order);
    switch (end->reason) {
    case TS_REASON_IDENTITY_CONFLICT:
        return first != NULL && !fake_order_same(first, order);
    case TS_REASON_UNKNOWN_ACCOUNT:
        return world->accounts[account].absent_at_first;
    case TS_REASON_INVALID_COMMAND:
        return is_impossible(order);
    case TS_REASON_ROW_REFUSED:
        return order->flaw == FAKE_ORDER_REFUSED;
    default:
        return false;
    }
}

static bool
is_right(const struct world *world, const struct fake_end *end, const struct fake_order *order)
{
    const struct fake_order *first = find_first(world, end, order);
    bool dead = end->outcome == TS_OUTCOME_DEAD_LETTER;
    if (order->flaw == FAKE_ORDER_BYTES || order->flaw == FAKE_ORDER_ABSENT) {
        return dead && end->reason == TS_REASON_DECODE_ERROR;
    }
    bool adjusts = order->type == TS_COMMAND_ADJUSTMENT;
    bool misplaced = adjusts != (fake_lane(&world->host, end->lane).input == TS_INPUT_ADJUSTMENTS);
    if (is_invalid(order) || misplaced) {
        return dead && end->reason == TS_REASON_INVALID_COMMAND;
    }
    if (adjusts) {
        return judge_adjustment(world, end, order, first);
    }
    if (dead) {
        return is_plausible(world, end, order);
    }
    if (end->outcome == TS_OUTCOME_DUPLICATE) {
        return first != NULL && fake_order_same(first, order);
    }
    return first == NULL && !is_impossible(order) && order->flaw == FAKE_ORDER_SOUND;
}

void judge_order(struct world *world, const struct fake_end *end, const struct fake_order *order)
{
    if (!is_right(world, end, order)) {
        fake_violation(&world->host,
                       "I2: %d/%lld, %s %s, ends as %s, which is not true",
                       end->lane,
                       (long long)end->offset,
                       ts_command_type_name((enum ts_command_type)order->type),
                       order->command_id,
                       end->outcome == TS_OUTCOME_SETTLED     ? "settled"
                       : end->outcome == TS_OUTCOME_DUPLICATE ? "a duplicate"
                                                              : ts_reason_name(end->reason));
    }
}
