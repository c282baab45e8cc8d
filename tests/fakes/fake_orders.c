/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fakes/fake_orders.h"

#include "tests/fakes/fake_calls.h"

#include "base/assert.h"

#include <stddef.h>
#include <string.h>

/* A text of the order, or nothing. */
static struct ts_bytes text_at(const char *value, size_t offset)
{
    struct ts_bytes text = ts_bytes_of(value + offset);
    return text.size > 0 ? text : (struct ts_bytes){NULL, 0};
}

#define TEXT(value, field) text_at(value, offsetof(struct fake_order, field))

static const int64_t *
copy_list(struct ts_arena *arena, const int64_t *values, int32_t count, size_t *count_out)
{
    struct ts_bytes bytes = {(const char *)values, (size_t)count * sizeof *values};
    int64_t *copy = ts_arena_take(arena, bytes.size + sizeof *values);
    TS_ASSERT(copy != NULL);
    memcpy(copy, values, bytes.size);
    *count_out = (size_t)count;
    return copy;
}

static void decode_allowances(const struct fake_change *change,
                              struct ts_arena *arena,
                              struct ts_account_change *out)
{
    struct ts_allowance_text *texts = ts_arena_take(arena, FAKE_ALLOWANCES * sizeof *texts);
    TS_ASSERT(texts != NULL);
    for (int i = 0; i < FAKE_ALLOWANCES; i++) {
        if (change->units[i] >= 0) {
            texts[out->allowance_count++] = fake_allowance_text(i, change->units[i]);
        }
    }
    out->allowances = texts;
}

static void decode_change(const struct fake_order *order,
                          const char *value,
                          struct ts_arena *arena,
                          struct ts_account_change *out)
{
    const struct fake_change *change = &order->change;
    *out = (struct ts_account_change){
        .set = change->set,
        .timezone = TEXT(value, change.timezone),
        .rate_plan = TEXT(value, change.rate_plan),
        .subscription = (enum ts_subscription)change->subscription,
        .payment_method = (enum ts_payment_method)change->payment_method,
        .card_state = (enum ts_card_state)change->card_state,
        .invoice_day = change->invoice_day,
        .monthly_credit_cap_micros = change->cap,
        .hysteresis_micros = change->hysteresis,
        .recharge_on = change->recharge_on != 0,
        .recharge_threshold_micros = change->recharge_threshold,
        .recharge_mode = (enum ts_recharge_mode)change->recharge_mode,
        .recharge_amount_micros = change->recharge_amount,
        .recharge_count_per_day_max = change->recharge_per_day,
        .recharge_amount_per_month_micros_max = change->recharge_per_month,
        .status = (enum ts_account_status)change->status,
        .closed_ms = change->closed_ms,
    };
    out->thresholds =
        copy_list(arena, change->thresholds, change->threshold_count, &out->threshold_count);
    out->credit_amounts =
        copy_list(arena, change->amounts, change->amount_count, &out->credit_amount_count);
    decode_allowances(change, arena, out);
}

static void
decode_adjustment(const struct fake_order *order, struct ts_arena *arena, struct ts_adjustment *out)
{
    const struct fake_adjustment *adjustment = &order->adjustment;
    struct ts_adjustment_units *units = ts_arena_take(arena, FAKE_ALLOWANCES * sizeof *units);
    TS_ASSERT(units != NULL);
    *out = (struct ts_adjustment){
        .generation = adjustment->generation,
        .identity_hash = adjustment->identity_hash,
        .start_ms = adjustment->start_ms,
        .follows = adjustment->follows,
        .amount_micros = order->amount,
        .category = TS_LITERAL("international_outbound"),
        .prefix = TS_LITERAL("44"),
        .month = ts_allowance_month(ts_zone_utc(), adjustment->start_ms),
        .units = units,
    };
    for (int i = 0; i < FAKE_ALLOWANCES; i++) {
        if (adjustment->units[i] != 0) {
            units[out->unit_count++] = (struct ts_adjustment_units){
                ts_bytes_of(fake_allowance_name(i)), adjustment->units[i]};
        }
    }
}

static void decode_body(const struct fake_order *order,
                        const char *value,
                        struct ts_arena *arena,
                        struct ts_command *out)
{
    switch (out->type) {
    case TS_COMMAND_CREDIT_ADDED:
        out->body.credit = (struct ts_command_credit){
            .credit_id = TEXT(value, credit_id),
            .amount_micros = order->amount,
            .kind = (enum ts_credit_kind)order->kind,
            .has_payment_method = order->method >= 0,
            .payment_method =
                order->method >= 0 ? (enum ts_payment_method)order->method : TS_PAYMENT_CARD,
            .recharge_id = TEXT(value, recharge_id),
        };
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        out->body.failed.recharge_id = TEXT(value, recharge_id);
        out->body.failed.reason = TS_LITERAL("declined");
        break;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        out->body.card.amount_micros = order->amount;
        break;
    case TS_COMMAND_CARD_REPLACED:
        break;
    case TS_COMMAND_ADJUSTMENT:
        decode_adjustment(order, arena, &out->body.adjustment);
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        decode_change(order, value, arena, &out->body.change);
        break;
    case TS_COMMAND_TIMER_DUE:
        out->body.timer.timer = (enum ts_timer)order->timer;
        out->body.timer.due_ms = order->due_ms;
        out->body.timer.subject = TEXT(value, recharge_id);
        break;
    }
}

bool fake_order_decode(struct ts_bytes value, struct ts_arena *arena, struct ts_command *out)
{
    struct fake_order order;
    if (value.size != sizeof order) {
        return false;
    }
    memcpy(&order, value.data, sizeof order);
    *out = (struct ts_command){
        .type = (enum ts_command_type)order.type,
        .command_id = TEXT(value.data, command_id),
        .issued_by = TEXT(value.data, issued_by),
    };
    if (order.of_the_key == 0) {
        out->account_id = TEXT(value.data, account_id);
    }
    decode_body(&order, value.data, arena, out);
    return true;
}

bool fake_order_same(const struct fake_order *a, const struct fake_order *b)
{
    struct fake_order sides[2] = {*a, *b};
    for (int i = 0; i < 2; i++) {
        memset(sides[i].command_id, 0, sizeof sides[i].command_id);
        memset(sides[i].issued_by, 0, sizeof sides[i].issued_by);
        sides[i].of_the_key = 0;
        sides[i].flaw = FAKE_ORDER_SOUND;
    }
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): padding: a false alarm at most */
    return memcmp(&sides[0], &sides[1], sizeof sides[0]) == 0;
}

int32_t fake_plan(struct ts_bytes name, char currency[4])
{
    static const struct {
        const char *name;
        const char *currency;
    } plans[] = {{"plan", "USD"}, {"other", "USD"}, {"abroad", "EUR"}};
    for (int32_t i = 0; i < 3; i++) {
        if (ts_bytes_equal_text(name, plans[i].name)) {
            memcpy(currency, plans[i].currency, 4);
            return i + 1;
        }
    }
    return 0;
}

const struct ts_allowances *
fake_allowances_of(struct fake_host *host, const struct ts_allowance_text *texts, size_t count)
{
    if (count == 0) {
        return NULL;
    }
    struct ts_allowances *set = fake_take(host, ts_allowances_size(count));
    set->count = count;
    for (size_t i = 0; i < count; i++) {
        struct ts_error err = {0};
        bool read = ts_allowance_read(&texts[i], &set->items[i], &err);
        TS_ASSERT(read);
    }
    ts_allowances_order(set);
    return set;
}

struct ts_decide_time fake_time(const struct fake_host *host, int64_t now_ms)
{
    /* A clock may be an hour slow: days are counted from long before. */
    int64_t first_ms = FAKE_EPOCH_MS - INT64_C(8000000);
    int64_t days = (now_ms - first_ms) / host->day_ms;
    int64_t months = days / FAKE_DAYS_A_MONTH;
    int64_t number = INT64_C(2026) * 12 + 8 + months; /* where days are long: that of most calls */
    int32_t month = (int32_t)(number / 12 * 100 + number % 12 + 1);
    return (struct ts_decide_time){
        .now_ms = now_ms,
        .day = month * 100 + 1 + (int32_t)(days % FAKE_DAYS_A_MONTH),
        .month = month,
        .next_day_ms = first_ms + (days + 1) * host->day_ms,
        .next_month_ms = first_ms + (months + 1) * FAKE_DAYS_A_MONTH * host->day_ms,
    };
}
