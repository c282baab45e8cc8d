/* SPDX-License-Identifier: Apache-2.0 */
/* The orders that come in on the credits topic whatever the system does: from billing, from
 * operators, and from whoever sends one twice. */
#include "tests/simulation/world.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

static int64_t draw_amount(struct fake_random *random, int low, int high)
{
    return FAKE_PRICE_UNIT * fake_random_range(random, low, high);
}

/* --- settings */

void world_draw_settings(struct fake_random *random, struct ts_account_state *state)
{
    static const enum ts_card_state cards[] = {TS_CARD_CONFIRMED,
                                               TS_CARD_CONFIRMED,
                                               TS_CARD_CONFIRMED,
                                               TS_CARD_NONE,
                                               TS_CARD_UNCONFIRMED,
                                               TS_CARD_LOCKED};
    state->subscription =
        fake_random_chance(random, 120) ? TS_SUBSCRIPTION_FREE : TS_SUBSCRIPTION_PRO;
    state->payment_method = fake_random_chance(random, 350) ? TS_PAYMENT_INVOICE : TS_PAYMENT_CARD;
    state->card_state = cards[fake_random_below(random, 6)];
    state->invoice_day = fake_random_range(random, 1, 31);
    state->hysteresis_micros = fake_random_chance(random, 500) ? 0 : draw_amount(random, 0, 30);
    state->monthly_credit_cap_micros = draw_amount(random, 50, 700);
    if (fake_random_chance(random, 400)) {
        state->credit_amount_count = 2;
        state->credit_amounts_micros[0] = 50 * FAKE_PRICE_UNIT;
        state->credit_amounts_micros[1] = 100 * FAKE_PRICE_UNIT;
    }
    state->recharge.on = fake_random_chance(random, 500);
    state->recharge.mode = (enum ts_recharge_mode)fake_random_below(random, 3);
    state->recharge.threshold_micros = draw_amount(random, 5, 250);
    state->recharge.amount_micros = draw_amount(random, 5, 300);
    state->recharge.count_per_day_max = fake_random_range(random, 0, 3);
    state->recharge.amount_per_month_micros_max =
        fake_random_chance(random, 600) ? 0 : draw_amount(random, 50, 500);
}

/* --- one field of a change */

static void
change_payment(struct fake_random *random, struct fake_change *change, enum ts_account_field field)
{
    switch (field) {
    case TS_FIELD_SUBSCRIPTION:
        change->subscription = fake_random_range(random, 0, 3);
        break;
    case TS_FIELD_PAYMENT_METHOD:
        change->payment_method = fake_random_range(random, 0, 1);
        break;
    case TS_FIELD_CARD_STATE:
        change->card_state = fake_random_range(random, 0, 3);
        break;
    case TS_FIELD_INVOICE_DAY:
        change->invoice_day = fake_random_range(random, 1, 31);
        break;
    case TS_FIELD_CREDIT_AMOUNTS:
        change->amount_count = fake_random_range(random, 0, FAKE_ORDER_AMOUNTS);
        for (int i = 0; i < change->amount_count; i++) {
            change->amounts[i] = (i + 1) * 50 * FAKE_PRICE_UNIT;
        }
        break;
    case TS_FIELD_MONTHLY_CREDIT_CAP:
        change->cap = draw_amount(random, 0, 900);
        break;
    default:
        break;
    }
}

static void
change_recharge(struct fake_random *random, struct fake_change *change, enum ts_account_field field)
{
    switch (field) {
    case TS_FIELD_RECHARGE_ON:
        change->recharge_on = fake_random_chance(random, 750);
        break;
    case TS_FIELD_RECHARGE_THRESHOLD:
        change->recharge_threshold = draw_amount(random, 0, 300);
        break;
    case TS_FIELD_RECHARGE_MODE:
        change->recharge_mode = fake_random_range(random, 0, 2);
        break;
    case TS_FIELD_RECHARGE_AMOUNT:
        change->recharge_amount = draw_amount(random, 0, 200);
        break;
    case TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX:
        change->recharge_per_day = fake_random_range(random, 0, 3);
        break;
    case TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX:
        change->recharge_per_month = draw_amount(random, 0, 400);
        break;
    default:
        break;
    }
}

static void
change_alerts(struct fake_random *random, struct fake_change *change, enum ts_account_field field)
{
    if (field == TS_FIELD_ALERT_THRESHOLDS) {
        change->threshold_count = fake_random_range(random, 0, FAKE_ORDER_THRESHOLDS);
        for (int i = 0; i < change->threshold_count; i++) { /* coarse: some are there already */
            change->thresholds[i] =
                40 * FAKE_PRICE_UNIT * (fake_random_range(random, 0, 1) + 2 * (i - 1));
        }
    } else if (field == TS_FIELD_ALERT_HYSTERESIS) {
        change->hysteresis = draw_amount(random, 0, 40);
    }
}

static void
change_account(struct world *world, struct fake_change *change, enum ts_account_field field)
{
    struct fake_random *random = &world->host.random;
    static const char *const zones[] = {"UTC", "UTC", "Moon/Mare"};
    static const char *const plans[] = {"plan", "other", "abroad", "nothing"};
    switch (field) {
    case TS_FIELD_TIMEZONE:
        snprintf(
            change->timezone, sizeof change->timezone, "%s", zones[fake_random_below(random, 3)]);
        break;
    case TS_FIELD_RATE_PLAN:
        snprintf(
            change->rate_plan, sizeof change->rate_plan, "%s", plans[fake_random_below(random, 4)]);
        break;
    case TS_FIELD_ALLOWANCES:
        for (int i = 0; i < FAKE_ALLOWANCES; i++) {
            change->units[i] =
                fake_random_chance(random, 400) ? -1 : fake_random_range(random, 0, 400);
        }
        break;
    case TS_FIELD_STATUS:
        change->status =
            fake_random_chance(random, 400) ? TS_ACCOUNT_CLOSED : fake_random_range(random, 0, 1);
        break;
    case TS_FIELD_CLOSED_AT:
        change->closed_ms = fake_call_start_ms(world->numbers - fake_random_range(random, 0, 40));
        break;
    default:
        change_payment(random, change, field);
        change_recharge(random, change, field);
        change_alerts(random, change, field);
        break;
    }
}

static void draw_change(struct world *world, struct fake_change *change)
{
    struct fake_random *random = &world->host.random;
    static const enum ts_account_field likely[] = {TS_FIELD_RECHARGE_ON,
                                                   TS_FIELD_MONTHLY_CREDIT_CAP,
                                                   TS_FIELD_CARD_STATE,
                                                   TS_FIELD_ALERT_THRESHOLDS,
                                                   TS_FIELD_RECHARGE_THRESHOLD,
                                                   TS_FIELD_ALLOWANCES};
    for (int left = fake_random_range(random, 1, 4); left > 0; left--) {
        enum ts_account_field field = fake_random_chance(random, 500)
                                          ? likely[fake_random_below(random, 6)]
                                          : (enum ts_account_field)fake_random_range(
                                                random, TS_FIELD_TIMEZONE, TS_FIELD_CLOSED_AT);
        /* What is settled again after it was lost closes the account at another time. */
        if (world->postgres.lags && fake_random_chance(random, 400)) {
            field = TS_FIELD_STATUS;
        }
        change->set |= ts_field_bit(field);
        change_account(world, change, field);
    }
}

/* --- orders */

static void draw_credit(struct world *world, struct fake_order *order)
{
    struct fake_random *random = &world->host.random;
    static const enum ts_credit_kind kinds[] = {TS_CREDIT_PURCHASE,
                                                TS_CREDIT_PURCHASE,
                                                TS_CREDIT_PURCHASE,
                                                TS_CREDIT_PROMOTIONAL,
                                                TS_CREDIT_ADJUSTMENT,
                                                TS_CREDIT_REFUND,
                                                TS_CREDIT_RECHARGE};
    order->kind = kinds[fake_random_below(random, 7)];
    order->amount = fake_random_chance(random, 500)
                        ? 50 * FAKE_PRICE_UNIT * fake_random_range(random, 1, 2)
                        : draw_amount(random, 1, 200);
    if (order->kind == TS_CREDIT_ADJUSTMENT && fake_random_chance(random, 500)) {
        order->amount = -order->amount;
    }
    if (fake_random_chance(random, 20)) {
        order->amount = order->amount > 50 * FAKE_PRICE_UNIT ? 0 : -order->amount;
    }
    if (fake_random_chance(random, 300)) {
        order->method = fake_random_range(random, 0, 1);
    }
    snprintf(order->credit_id, sizeof order->credit_id, "credit-%d", world->order_numbers);
    if (order->kind == TS_CREDIT_RECHARGE) { /* nobody's, or guessed, or one that may come */
        bool guessed = fake_random_chance(random, 500);
        snprintf(order->recharge_id,
                 sizeof order->recharge_id,
                 "%016llx-r%s%d",
                 (unsigned long long)ts_hash64(ts_bytes_of(order->account_id)) + !guessed,
                 fake_random_chance(random, 100) ? "0" : "",
                 fake_random_range(random, 0, 3));
    }
}

static void draw_body(struct world *world, struct fake_order *order)
{
    struct fake_random *random = &world->host.random;
    static const enum ts_command_type types[] = {
        TS_COMMAND_CREDIT_ADDED,
        TS_COMMAND_CREDIT_ADDED,
        TS_COMMAND_CREDIT_ADDED,
        TS_COMMAND_CREDIT_ADDED,
        TS_COMMAND_CREDIT_ADDED,
        TS_COMMAND_CREDIT_ADDED,
        TS_COMMAND_CARD_CHARGED,
        TS_COMMAND_CARD_CONFIRMATION,
        TS_COMMAND_CARD_CONFIRMATION,
        TS_COMMAND_ACCOUNT_CHANGED,
        TS_COMMAND_ACCOUNT_CHANGED,
        TS_COMMAND_ACCOUNT_CHANGED,
        TS_COMMAND_RECHARGE_FAILED,
        TS_COMMAND_TIMER_DUE,
        TS_COMMAND_CARD_REPLACED,
    };
    order->type = types[fake_random_below(random, sizeof types / sizeof *types)];
    switch ((enum ts_command_type)order->type) {
    case TS_COMMAND_CREDIT_ADDED:
        draw_credit(world, order);
        break;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        order->amount = fake_random_range(random, 1, 2);
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        draw_change(world, &order->change);
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        snprintf(order->recharge_id, sizeof order->recharge_id, "nobody's");
        break;
    case TS_COMMAND_TIMER_DUE:
        order->timer = fake_random_range(random, TS_TIMER_RECHARGE_RETRY, TS_TIMER_INVOICE);
        order->due_ms = FAKE_EPOCH_MS + fake_random_range(random, 0, 100);
        break;
    case TS_COMMAND_ADJUSTMENT:
    case TS_COMMAND_CARD_REPLACED:
        break;
    }
}

static void draw_new(struct world *world, struct fake_order *order)
{
    struct fake_random *random = &world->host.random;
    int account = fake_random_range(random, 0, world->account_count - 1);
    world->order_numbers++;
    order->method = -1;
    order->of_the_key = fake_random_chance(random, 200);
    snprintf(order->account_id, sizeof order->account_id, "%s", world_account_id(account));
    snprintf(order->command_id, sizeof order->command_id, "order-%d", world->order_numbers);
    if (fake_random_chance(random, 150)) {
        snprintf(order->issued_by, sizeof order->issued_by, "anna");
    }
    draw_body(world, order);
    static const enum fake_order_flaw flaws[] = {
        FAKE_ORDER_BYTES, FAKE_ORDER_ABSENT, FAKE_ORDER_REFUSED};
    if (fake_random_chance(random, 40)) {
        order->flaw = flaws[fake_random_below(random, 3)];
    }
}

static const struct fake_order *some_planned(struct world *world)
{
    struct fake_random *random = &world->host.random;
    int lane = world_some_lane(world, TS_INPUT_CREDITS);
    if (world->planned_count[lane] == 0) {
        return NULL;
    }
    const struct fake_message *message =
        &world->planned[lane][fake_random_below(random, (uint32_t)world->planned_count[lane])];
    return message->hole || message->order.flaw != FAKE_ORDER_SOUND ? NULL : &message->order;
}

/* In what its type has, or not at all. */
static void say_otherwise(struct fake_order *order)
{
    switch ((enum ts_command_type)order->type) {
    case TS_COMMAND_CREDIT_ADDED:
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        order->amount += FAKE_PRICE_UNIT;
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        order->change.set |= ts_field_bit(TS_FIELD_ALERT_HYSTERESIS);
        order->change.hysteresis += FAKE_PRICE_UNIT;
        break;
    case TS_COMMAND_TIMER_DUE:
        order->due_ms++;
        break;
    case TS_COMMAND_RECHARGE_FAILED:
    case TS_COMMAND_CARD_REPLACED:
    case TS_COMMAND_ADJUSTMENT:
        break;
    }
}

void world_draw_order(struct world *world, struct fake_order *out)
{
    struct fake_random *random = &world->host.random;
    const struct fake_order *former = fake_random_chance(random, 300) ? some_planned(world) : NULL;
    memset(out, 0, sizeof *out);
    if (former == NULL) {
        draw_new(world, out);
        return;
    }
    *out = *former; /* sent again … */
    world->order_numbers++;
    switch (fake_random_below(random, 6)) {
    case 0: /* … by somebody else */
        snprintf(out->command_id, sizeof out->command_id, "order-%d", world->order_numbers);
        break;
    case 1: /* … with the same id for something else */
        say_otherwise(out);
        break;
    case 2: /* … and the credit's id for something else */
        snprintf(out->command_id, sizeof out->command_id, "order-%d", world->order_numbers);
        say_otherwise(out);
        break;
    case 3: /* … as another credit for the same request */
        snprintf(out->command_id, sizeof out->command_id, "order-%d", world->order_numbers);
        if (out->type == TS_COMMAND_CREDIT_ADDED) {
            snprintf(out->credit_id, sizeof out->credit_id, "credit-%d", world->order_numbers);
        }
        break;
    default:
        break;
    }
}
