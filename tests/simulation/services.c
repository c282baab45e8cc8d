/* SPDX-License-Identifier: Apache-2.0 */
/* Those outside who answer: a payment service that is told of recharges, charges a card and says
 * how that went, not always once, in time or at all; and whoever owns the duty of telling what
 * falls due. Both see only what is durable: the events' topic, and the rows of accounts. */
#include "tests/simulation/world.h"

#include <stdio.h>
#include <string.h>

enum { LATE_US = 60000, TELL_AGAIN_US = 6000 };

/* --- putting orders on the topic */

static bool append(struct world *world, const struct fake_order *order)
{
    int lane = world_some_lane(world, TS_INPUT_CREDITS);
    int64_t room = FAKE_MESSAGES - world->kafka.logs[lane].high -
                   (world->planned_count[lane] - world->planned_next[lane]);
    if (room <= 0 && !world->host.faulty) {
        world->services.messages_left = 0; /* the topic is full: that was all */
    }
    if (room <= 0 || world->services.messages_left == 0) {
        return false;
    }
    struct fake_message message = {.timestamp_ms = FAKE_EPOCH_MS + world->host.now_us / 1000};
    message.order = *order;
    fake_kafka_append(&world->kafka, lane, &message);
    world->services.messages_left--;
    return true;
}

/* --- the payment service */

static void answer(struct world *world, const struct fake_order *order, int64_t within_us)
{
    struct services *services = &world->services;
    if (services->answer_count < SERVICE_ANSWERS) {
        services->answers[services->answer_count].due_us =
            world->host.now_us + fake_random_range(&world->host.random, 0, (int)within_us);
        services->answers[services->answer_count++].order = *order;
    }
}

/* Whatever is sent again says the same under the same ids. */
static struct fake_order success(const struct fake_told_event *event, const char *which)
{
    struct fake_order order;
    memset(&order, 0, sizeof order);
    order.type = TS_COMMAND_CREDIT_ADDED;
    order.kind = event->amount % 3 == 0 ? TS_CREDIT_PURCHASE : TS_CREDIT_RECHARGE;
    order.method = -1;
    order.amount = event->amount;
    snprintf(order.account_id, sizeof order.account_id, "%s", event->account_id);
    snprintf(order.command_id, sizeof order.command_id, "paid-%.40s%s", event->id, which);
    snprintf(order.credit_id, sizeof order.credit_id, "paid-%.40s", event->id);
    snprintf(order.recharge_id, sizeof order.recharge_id, "%.40s", event->id);
    return order;
}

static struct fake_order failure(const struct fake_told_event *event)
{
    struct fake_order order = success(event, "-failed");
    order.type = TS_COMMAND_RECHARGE_FAILED;
    order.kind = 0;
    order.amount = 0;
    memset(order.credit_id, 0, sizeof order.credit_id);
    return order;
}

static void charge(struct world *world, const struct fake_told_event *event)
{
    struct fake_random *random = &world->host.random;
    struct fake_order paid = success(event, "");
    struct fake_order other = success(event, "-again");
    struct fake_order failed = failure(event);
    int soon_us = fake_random_range(random, 1, 6000);
    switch (fake_random_below(random, 16)) {
    case 0: /* the same twice */
        answer(world, &paid, soon_us);
        answer(world, &paid, LATE_US);
        break;
    case 1: /* the same credit by two commands */
        answer(world, &paid, soon_us);
        answer(world, &other, soon_us);
        break;
    case 2: /* two credits for one request */
        snprintf(other.credit_id, sizeof other.credit_id, "paid-twice-%.40s", event->id);
        answer(world, &paid, soon_us);
        answer(world, &other, soon_us);
        break;
    case 3:
        answer(world, &paid, LATE_US);
        break;
    case 4: /* it changes its mind */
        answer(world, &failed, soon_us);
        answer(world, &paid, LATE_US);
        break;
    case 5: /* nothing is heard of it */
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        answer(world, &failed, soon_us);
        break;
    default:
        answer(world, &paid, soon_us);
        break;
    }
}

/* Told again is not asked again: as long as the service remembers. */
static bool is_new(struct world *world, const struct fake_told_event *event)
{
    struct services *services = &world->services;
    for (size_t i = 0; i < services->seen_count; i++) {
        if (strcmp(services->seen[i], event->event_id) == 0) {
            return fake_chance(&world->host, 50);
        }
    }
    if (services->seen_count < SERVICE_SEEN) {
        memcpy(services->seen[services->seen_count++], event->event_id, sizeof event->event_id);
    }
    return true;
}

static void read_events(struct world *world)
{
    struct services *services = &world->services;
    for (; services->read < world->kafka.told_count; services->read++) {
        const struct fake_told *told = &world->kafka.told[services->read];
        struct fake_told_event event;
        if (told->output != TS_OUTPUT_EVENTS) {
            continue;
        }
        memcpy(&event, told->payload.data, sizeof event);
        if (event.type == TS_EVENT_RECHARGE_REQUESTED && is_new(world, &event)) {
            charge(world, &event);
        }
    }
}

static void send_answers(struct world *world)
{
    struct services *services = &world->services;
    size_t kept = 0;
    for (size_t i = 0; i < services->answer_count; i++) {
        bool due = services->answers[i].due_us <= world->host.now_us || !world->host.faulty;
        if (due) {
            append(world, &services->answers[i].order);
        } else {
            services->answers[kept++] = services->answers[i];
        }
    }
    services->answer_count = kept;
}

/* --- what falls due */

static bool is_due(const struct world *world, int account)
{
    int64_t due_ms = world->postgres.tables.accounts[account].state.timer_ms;
    return due_ms != 0 && due_ms <= FAKE_EPOCH_MS + world->host.now_us / 1000 &&
           (world->services.timers[account].due_ms != due_ms ||
            world->services.timers[account].at_us + TELL_AGAIN_US <= world->host.now_us);
}

static void tell_due(struct world *world, int account)
{
    struct services *services = &world->services;
    const struct ts_account_state *state = &world->postgres.tables.accounts[account].state;
    bool in_flight = state->recharge.in_flight_id[0] != '\0';
    bool again = services->timers[account].due_ms == state->timer_ms;
    int times = again ? services->timers[account].times + 1 : 0;
    struct fake_order order;
    memset(&order, 0, sizeof order);
    order.type = TS_COMMAND_TIMER_DUE;
    order.timer = in_flight ? TS_TIMER_RECHARGE_EXPIRY : TS_TIMER_RECHARGE_RETRY;
    order.due_ms = state->timer_ms;
    snprintf(order.account_id, sizeof order.account_id, "%s", world_account_id(account));
    snprintf(order.recharge_id, sizeof order.recharge_id, "%.40s", state->recharge.in_flight_id);
    snprintf(order.command_id,
             sizeof order.command_id,
             "%s/%d/%lld/%d",
             order.account_id,
             order.timer,
             (long long)order.due_ms,
             fake_chance(&world->host, 800) ? times : 0);
    if (append(world, &order)) {
        services->timers[account].due_ms = state->timer_ms;
        services->timers[account].at_us = world->host.now_us;
        services->timers[account].times = times;
    }
}

void world_serve(struct world *world)
{
    if (world->host.partitions[TS_INPUT_CREDITS] == 0) {
        return;
    }
    if (!world->host.faulty || fake_chance(&world->host, 300)) {
        read_events(world);
        send_answers(world);
    }
    for (int i = 0; i < world->account_count; i++) {
        if (is_due(world, i) && (!world->host.faulty || fake_chance(&world->host, 100))) {
            tell_due(world, i);
        }
    }
}

bool world_is_served(const struct world *world)
{
    const struct services *services = &world->services;
    if (world->host.partitions[TS_INPUT_CREDITS] == 0 || services->messages_left == 0) {
        return true;
    }
    bool served = services->read == world->kafka.told_count && services->answer_count == 0;
    for (int i = 0; i < world->account_count; i++) {
        served = served && !is_due(world, i);
    }
    return served;
}
