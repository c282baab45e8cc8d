/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who replays: compares what settled calls cost, as PostgreSQL has it, with another price,
 * and puts the difference on the adjustments topic: not always once, and not always after the row
 * that is the last by then. */
#include "tests/simulation/world.h"

#include <stdio.h>
#include <string.h>

/* --- putting them on a topic */

static void append(struct world *world, enum ts_input input, const struct fake_order *order)
{
    if (world->host.partitions[input] == 0 || world->replays.messages_left == 0) {
        return;
    }
    int lane = world_some_lane(world, input);
    int planned = world->planned_count[lane] - world->planned_next[lane];
    world->replays.messages_left--;
    if (world->kafka.logs[lane].high + planned < FAKE_MESSAGES) {
        struct fake_message message = {.timestamp_ms = FAKE_EPOCH_MS + world->host.now_us / 1000};
        message.order = *order;
        fake_kafka_append(&world->kafka, lane, &message);
    }
}

/* --- comparing */

/* A call as it stands: its settlement and all its adjustments. */
struct standing {
    const struct fake_end *call;
    int64_t last; /* movement */
    int64_t charge;
    int64_t units[FAKE_ALLOWANCES];
};

static struct standing stand(const struct world *world, const struct fake_end *call)
{
    const struct fake_tables *tables = &world->postgres.tables;
    struct standing standing = {
        .call = call, .last = call->movement, .charge = call->charge_micros};
    memcpy(standing.units, call->units, sizeof standing.units);
    for (size_t i = 0; i < tables->end_count; i++) {
        const struct fake_end *end = &tables->ends[i];
        if (!end->adjusts || end->number != call->number) {
            continue;
        }
        standing.last = end->movement;
        standing.charge -= end->effect.delta_micros;
        for (int j = 0; j < FAKE_ALLOWANCES; j++) {
            standing.units[j] += end->units[j];
        }
    }
    return standing;
}

/* Some settled call, or NULL. */
static const struct fake_end *some_call(struct world *world)
{
    const struct fake_tables *tables = &world->postgres.tables;
    if (tables->end_count == 0) {
        return NULL;
    }
    uint32_t number = fake_random_below(&world->host.random, (uint32_t)tables->end_count);
    const struct fake_end *end = &tables->ends[number];
    return end->outcome == TS_OUTCOME_SETTLED && !end->order ? end : NULL;
}

/* A movement of the account that is not of this call; or of nothing. */
static int64_t row_of_another(struct world *world, const struct fake_end *call)
{
    const struct fake_end *other = some_call(world);
    bool fits = other != NULL && other->account == call->account && other->number != call->number;
    return fits ? other->movement : 1000 + call->movement;
}

/* Another price for it, and often other units. */
static struct fake_order find_difference(struct world *world, const struct standing *standing)
{
    struct fake_random *random = &world->host.random;
    const struct fake_end *call = standing->call;
    struct fake_order order;
    memset(&order, 0, sizeof order);
    order.type = TS_COMMAND_ADJUSTMENT;
    order.amount = standing->charge - FAKE_PRICE_UNIT * fake_random_range(random, 0, 33);
    order.adjustment.number = call->number;
    order.adjustment.generation = ++world->replays.generations;
    order.adjustment.start_ms = fake_call_start_ms(call->number);
    order.adjustment.follows = standing->last;
    order.adjustment.identity_hash = call->identity_hash;
    int left = FAKE_BILLED;
    for (int i = 0; i < FAKE_ALLOWANCES && fake_random_chance(random, 700); i++) {
        int units = fake_random_chance(random, 400) ? 0 : fake_random_range(random, 0, left);
        order.adjustment.units[i] = units - standing->units[i];
        left -= units;
    }
    snprintf(order.account_id, sizeof order.account_id, "%s", world_account_id(call->account));
    snprintf(order.issued_by, sizeof order.issued_by, "ann");
    snprintf(order.command_id,
             sizeof order.command_id,
             "g%d/%d",
             order.adjustment.generation,
             call->number);
    return order;
}

static void send(struct world *world, const struct standing *standing)
{
    struct fake_random *random = &world->host.random;
    struct fake_order order = find_difference(world, standing);
    struct fake_order other = find_difference(world, standing);
    switch (fake_random_below(random, 16)) {
    case 0: /* the same twice */
    case 1:
        append(world, TS_INPUT_ADJUSTMENTS, &order);
        break;
    case 2: /* another replay compared with the same row */
    case 3:
    case 4:
        append(world, TS_INPUT_ADJUSTMENTS, &other);
        break;
    case 5: /* as it was, whatever came since */
        order.adjustment.follows = standing->call->movement;
        break;
    case 6: /* no row of that call */
        order.adjustment.follows = row_of_another(world, standing->call);
        break;
    case 7: /* the same id, another amount */
        memcpy(other.command_id, order.command_id, sizeof other.command_id);
        append(world, TS_INPUT_ADJUSTMENTS, &other);
        break;
    case 8: /* where it does not belong */
        append(world, TS_INPUT_CREDITS, &other);
        other.type = TS_COMMAND_CARD_REPLACED;
        append(world, TS_INPUT_ADJUSTMENTS, &other);
        break;
    case 9:
        order.flaw = fake_random_range(random, FAKE_ORDER_BYTES, FAKE_ORDER_REFUSED);
        break;
    default:
        break;
    }
    append(world, TS_INPUT_ADJUSTMENTS, &order);
}

void world_replay(struct world *world)
{
    struct replays *replays = &world->replays;
    if (world_is_replayed(world) || (world->host.faulty && !fake_chance(&world->host, 60))) {
        return;
    }
    const struct fake_end *call = some_call(world);
    if (call != NULL) {
        struct standing standing = stand(world, call);
        send(world, &standing);
    } else if (!world->host.faulty) {
        replays->messages_left--; /* there may be none, ever */
    }
}

bool world_is_replayed(const struct world *world)
{
    return world->host.partitions[TS_INPUT_ADJUSTMENTS] == 0 || world->replays.messages_left == 0;
}
