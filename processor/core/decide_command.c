/* SPDX-License-Identifier: Apache-2.0 */
#include "core/decide_command.h"

#include "base/assert.h"
#include "base/hash.h"
#include "core/decide_inner.h"
#include "core/rating.h"
#include "core/timestamp.h"

#include <inttypes.h>
#include <stdio.h>

enum { CARD_WRONG_MAX = 2, RECHARGE_ID_HEAD = 18 /* 16 hex digits, "-r" */ };

const char *ts_refusal_name(enum ts_refusal refusal)
{
    static const char *const names[] = {
#define X(symbol, name) [TS_REFUSAL_##symbol] = (name),
        TS_REFUSALS(X)
#undef X
    };
    return names[refusal];
}

int32_t ts_next_invoice_date(int32_t day, int32_t invoice_day)
{
    int32_t year = day / 10000;
    int32_t month = day / 100 % 100;
    for (;;) {
        int32_t last = ts_days_in_month(year, month);
        int32_t date = year * 10000 + month * 100 + (invoice_day < last ? invoice_day : last);
        if (date > day) {
            return date;
        }
        year += month == 12;
        month = month == 12 ? 1 : month + 1;
    }
}

/* One command being applied. */
struct applying {
    struct ts_judgement *j;
    const struct ts_command *command;
    const struct ts_command_facts *facts;
    struct ts_command_effect *effect;
};

/* --- credits */

/* Whether this account was ever told to recharge by this id. */
static bool was_requested(const struct ts_judgement *j, struct ts_bytes id)
{
    char head[RECHARGE_ID_HEAD + 1];
    snprintf(head, sizeof head, "%016" PRIx64 "-r", ts_hash64(j->account_id));
    if (id.size <= RECHARGE_ID_HEAD || memcmp(id.data, head, RECHARGE_ID_HEAD) != 0) {
        return false;
    }
    int64_t number = 0;
    for (size_t i = RECHARGE_ID_HEAD; i < id.size; i++) {
        int digit = id.data[i] - '0';
        if (digit < 0 || digit > 9 || (digit == 0 && number == 0) ||
            number > j->state->recharge.requests) {
            return false;
        }
        number = 10 * number + digit;
    }
    return number <= j->state->recharge.requests;
}

static bool answers_request(const struct applying *a)
{
    struct ts_bytes id = a->command->body.credit.recharge_id;
    return id.size > 0 && was_requested(a->j, id);
}

static enum ts_payment_method method_of(const struct applying *a)
{
    const struct ts_command_credit *credit = &a->command->body.credit;
    return credit->has_payment_method ? credit->payment_method : a->j->state->payment_method;
}

static bool is_sold(const struct applying *a)
{
    enum ts_credit_kind kind = a->command->body.credit.kind;
    return kind == TS_CREDIT_PURCHASE || kind == TS_CREDIT_RECHARGE;
}

/* An operator's credit is outside the cap, and need not be one of the amounts offered; an operator
 * who turns automatic recharge on forgives its failures. */
static bool is_by_operator(const struct applying *a)
{
    return a->command->issued_by.size > 0;
}

static bool is_offered(const struct ts_account_state *state, int64_t amount)
{
    bool offered = state->credit_amount_count == 0;
    for (size_t i = 0; i < state->credit_amount_count && !offered; i++) {
        offered = state->credit_amounts_micros[i] == amount;
    }
    return offered;
}

/* A card account's credit does not pass the check by calling itself invoiced. */
static enum ts_refusal refuse_card(const struct applying *a)
{
    const struct ts_account_state *state = a->j->state;
    bool by_card = state->payment_method == TS_PAYMENT_CARD || method_of(a) == TS_PAYMENT_CARD;
    if (!by_card || state->card_state == TS_CARD_CONFIRMED) {
        return TS_REFUSAL_NONE;
    }
    return state->card_state == TS_CARD_LOCKED ? TS_REFUSAL_CARD_LOCKED
                                               : TS_REFUSAL_CARD_NOT_CONFIRMED;
}

static enum ts_refusal refuse_purchase(const struct applying *a)
{
    const struct ts_account_state *state = a->j->state;
    int64_t amount = a->command->body.credit.amount_micros;
    if (state->subscription == TS_SUBSCRIPTION_FREE) {
        return TS_REFUSAL_PLAN_NOT_ELIGIBLE;
    }
    if (!is_by_operator(a) && !is_offered(state, amount)) {
        return TS_REFUSAL_AMOUNT_NOT_OFFERED;
    }
    enum ts_refusal refusal = refuse_card(a);
    if (refusal != TS_REFUSAL_NONE) {
        return refusal;
    }
    bool capped = ts_month_spent(state, a->j->time) > state->monthly_credit_cap_micros - amount;
    return capped && !is_by_operator(a) ? TS_REFUSAL_CAP_REACHED : TS_REFUSAL_NONE;
}

static bool passes_limit(const struct applying *a, int64_t amount)
{
    int64_t sum = a->j->state->balance_micros + amount;
    return a->facts->over_limit || sum > TS_AMOUNT_MAX || sum < -TS_AMOUNT_MAX;
}

/* The answer to a request of ours is always credited: the money was taken. What calls itself one
 * and is not must not pass by the check of the card. */
static enum ts_refusal refuse(const struct applying *a)
{
    const struct ts_command_credit *credit = &a->command->body.credit;
    bool answer = answers_request(a);
    enum ts_refusal refusal = TS_REFUSAL_NONE;
    if (a->j->state->status == TS_ACCOUNT_CLOSED && !answer) {
        refusal = TS_REFUSAL_ACCOUNT_CLOSED;
    } else if (a->facts->recharge_credited) {
        refusal = TS_REFUSAL_DUPLICATE_RECHARGE;
    } else if (credit->kind == TS_CREDIT_PURCHASE && !answer) {
        refusal = refuse_purchase(a);
    } else if (credit->kind == TS_CREDIT_RECHARGE && !answer) {
        refusal = refuse_card(a);
    }
    return refusal == TS_REFUSAL_NONE && passes_limit(a, credit->amount_micros)
               ? TS_REFUSAL_BALANCE_LIMIT
               : refusal;
}

static void tell_refused(struct applying *a)
{
    struct ts_judgement *j = a->j;
    const struct ts_command_credit *credit = &a->command->body.credit;
    struct ts_event *event = ts_judgement_tell(j, TS_EVENT_CREDIT_REFUSED);
    event->body.refused.credit_id = credit->credit_id;
    event->body.refused.amount_micros = credit->amount_micros;
    event->body.refused.reason = ts_refusal_name(a->effect->refusal);
    struct ts_purchases *purchases = &j->state->purchases;
    if (a->effect->refusal == TS_REFUSAL_CAP_REACHED && purchases->capped_month < j->time->month) {
        purchases->capped_month = j->time->month;
        event = ts_judgement_tell(j, TS_EVENT_CAP_REACHED);
        event->body.cap.kind = "monthly_credit";
        event->body.cap.limit_micros = j->state->monthly_credit_cap_micros;
    }
}

static void count_purchase(struct applying *a)
{
    struct ts_purchases *purchases = &a->j->state->purchases;
    if (a->command->body.credit.kind != TS_CREDIT_PURCHASE || is_by_operator(a) ||
        answers_request(a)) { /* which is counted as a recharge */
        return;
    }
    int32_t month = ts_later_period(purchases->month, a->j->time->month);
    purchases->month_micros = (purchases->month == month ? purchases->month_micros : 0) +
                              a->command->body.credit.amount_micros;
    purchases->month = month;
}

/* One that had failed by then is counted again, in the present month. What is in flight since an
 * earlier one comes along: it leaves the month that is counted if it fails. */
static void count_late_recharge(struct applying *a)
{
    struct ts_recharge *recharge = &a->j->state->recharge;
    int32_t month = ts_later_period(recharge->month, a->j->time->month);
    recharge->month_micros =
        (recharge->month == month ? recharge->month_micros : recharge->in_flight_micros) +
        a->command->body.credit.amount_micros;
    recharge->month = month;
}

static void end_recharge(struct applying *a)
{
    const struct ts_command_credit *credit = &a->command->body.credit;
    struct ts_recharge *recharge = &a->j->state->recharge;
    if (!answers_request(a)) {
        return;
    }
    if (ts_bytes_equal_text(credit->recharge_id, recharge->in_flight_id)) {
        recharge->in_flight_id[0] = '\0';
        recharge->in_flight_micros = 0;
        recharge->expires_at_ms = 0;
    } else {
        count_late_recharge(a);
    }
    ts_recharge_forgive(recharge);
    struct ts_event *event = ts_judgement_tell(a->j, TS_EVENT_RECHARGE_SUCCEEDED);
    event->body.succeeded.recharge_id = credit->recharge_id;
    event->body.succeeded.amount_micros = credit->amount_micros;
}

static void invoice(struct applying *a)
{
    if (!is_sold(a) || method_of(a) != TS_PAYMENT_INVOICE) {
        return;
    }
    a->effect->invoiced = true;
    a->effect->invoice_date = ts_next_invoice_date(a->j->time->day, a->j->state->invoice_day);
    struct ts_event *event = ts_judgement_tell(a->j, TS_EVENT_INVOICE_LINE_ADDED);
    event->body.invoice.date = a->effect->invoice_date;
    event->body.invoice.amount_micros = a->effect->delta_micros;
}

static void apply_credit(struct applying *a)
{
    const struct ts_command_credit *credit = &a->command->body.credit;
    a->effect->refusal = refuse(a);
    if (a->effect->refusal != TS_REFUSAL_NONE) {
        tell_refused(a);
        return;
    }
    a->effect->delta_micros = credit->amount_micros;
    a->j->state->balance_micros += credit->amount_micros;
    count_purchase(a);
    struct ts_event *event = ts_judgement_tell(a->j, TS_EVENT_CREDIT_ADDED);
    event->body.credit.credit_id = credit->credit_id;
    event->body.credit.amount_micros = credit->amount_micros;
    event->body.credit.kind = ts_credit_kind_name(credit->kind);
    event->body.credit.payment_method =
        is_sold(a) || credit->has_payment_method ? ts_payment_method_name(method_of(a)) : NULL;
    end_recharge(a);
    invoice(a);
}

/* --- the card */

static void apply_card_charged(struct applying *a)
{
    struct ts_account_state *state = a->j->state;
    if (state->card_state == TS_CARD_CONFIRMED || state->card_state == TS_CARD_LOCKED) {
        return;
    }
    /* Another charge to the same card gives no more attempts. */
    state->card_state = TS_CARD_UNCONFIRMED;
    state->card.charged = true;
    state->card.charge_micros = a->command->body.card.amount_micros;
    ts_judgement_tell(a->j, TS_EVENT_CARD_CONFIRMATION_STARTED);
}

static void tell_wrong(struct applying *a, int32_t attempts_left)
{
    ts_judgement_tell(a->j, TS_EVENT_CARD_CONFIRMATION_FAILED)->body.confirmation.attempts_left =
        attempts_left;
}

static void apply_confirmation(struct applying *a)
{
    struct ts_account_state *state = a->j->state;
    struct ts_card *card = &state->card;
    if (state->card_state == TS_CARD_CONFIRMED) {
        return;
    }
    if (state->card_state == TS_CARD_LOCKED) {
        tell_wrong(a, 0);
    } else if (!card->charged) {
        tell_wrong(a, CARD_WRONG_MAX - card->wrong);
    } else if (a->command->body.card.amount_micros == card->charge_micros) {
        state->card_state = TS_CARD_CONFIRMED;
        *card = (struct ts_card){0};
        ts_judgement_tell(a->j, TS_EVENT_CARD_CONFIRMED);
    } else {
        card->wrong++;
        tell_wrong(a, CARD_WRONG_MAX - card->wrong);
        if (card->wrong >= CARD_WRONG_MAX) {
            state->card_state = TS_CARD_LOCKED;
            ts_judgement_tell(a->j, TS_EVENT_CARD_LOCKED);
        }
    }
}

static void apply_card_replaced(struct applying *a)
{
    struct ts_account_state *state = a->j->state;
    state->card_state = TS_CARD_UNCONFIRMED;
    state->card = (struct ts_card){0};
    ts_recharge_forgive(&state->recharge);
}

/* --- changed settings */

static bool sets(const struct ts_account_change *change, enum ts_account_field field)
{
    return (change->set & ts_field_bit(field)) != 0;
}

/* A threshold that was there stays as it was told; a new one is armed, so that it is told at once
 * when the balance is below it. */
static void set_thresholds(struct ts_account_state *state, const struct ts_account_change *change)
{
    uint8_t armed = 0;
    for (size_t i = 0; i < change->threshold_count; i++) {
        bool is_armed = true;
        for (size_t j = 0; j < state->threshold_count; j++) {
            if (state->thresholds_micros[j] == change->thresholds[i]) {
                is_armed = (state->armed >> j & 1) != 0;
            }
        }
        armed = (uint8_t)(armed | (unsigned)is_armed << i);
    }
    state->armed = armed;
    state->threshold_count = (uint8_t)change->threshold_count;
    for (size_t i = 0; i < change->threshold_count; i++) {
        state->thresholds_micros[i] = change->thresholds[i];
    }
}

static void set_recharge(struct applying *a)
{
    const struct ts_account_change *change = &a->command->body.change;
    struct ts_recharge *recharge = &a->j->state->recharge;
    if (sets(change, TS_FIELD_RECHARGE_ON)) {
        /* A wait or a stop after failures is ended by who answers for it, not by off and on. */
        if (change->recharge_on && is_by_operator(a)) {
            ts_recharge_forgive(recharge);
        }
        recharge->on = change->recharge_on;
    }
    if (sets(change, TS_FIELD_RECHARGE_THRESHOLD)) {
        recharge->threshold_micros = change->recharge_threshold_micros;
    }
    if (sets(change, TS_FIELD_RECHARGE_MODE)) {
        recharge->mode = change->recharge_mode;
    }
    if (sets(change, TS_FIELD_RECHARGE_AMOUNT)) {
        recharge->amount_micros = change->recharge_amount_micros;
    }
    if (sets(change, TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX)) {
        recharge->count_per_day_max = change->recharge_count_per_day_max;
    }
    if (sets(change, TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX)) {
        recharge->amount_per_month_micros_max = change->recharge_amount_per_month_micros_max;
    }
}

static void set_payment(struct ts_account_state *state, const struct ts_account_change *change)
{
    if (sets(change, TS_FIELD_SUBSCRIPTION)) {
        state->subscription = change->subscription;
    }
    if (sets(change, TS_FIELD_PAYMENT_METHOD)) {
        state->payment_method = change->payment_method;
    }
    if (sets(change, TS_FIELD_CARD_STATE)) {
        state->card_state = change->card_state;
        state->card.wrong = 0; /* the charge is remembered: the admin may try again */
    }
    if (sets(change, TS_FIELD_INVOICE_DAY)) {
        state->invoice_day = change->invoice_day;
    }
    if (sets(change, TS_FIELD_CREDIT_AMOUNTS)) {
        state->credit_amount_count = (uint8_t)change->credit_amount_count;
        for (size_t i = 0; i < change->credit_amount_count; i++) {
            state->credit_amounts_micros[i] = change->credit_amounts[i];
        }
    }
    if (sets(change, TS_FIELD_MONTHLY_CREDIT_CAP)) {
        state->monthly_credit_cap_micros = change->monthly_credit_cap_micros;
    }
}

static void apply_change(struct applying *a)
{
    struct ts_account_state *state = a->j->state;
    const struct ts_account_change *change = &a->command->body.change;
    a->effect->changed = true;
    set_payment(state, change);
    set_recharge(a);
    if (sets(change, TS_FIELD_ALERT_THRESHOLDS)) {
        set_thresholds(state, change);
    }
    if (sets(change, TS_FIELD_ALERT_HYSTERESIS)) {
        state->hysteresis_micros = change->hysteresis_micros;
    }
    if (sets(change, TS_FIELD_STATUS)) {
        if (change->status == TS_ACCOUNT_CLOSED && state->status != TS_ACCOUNT_CLOSED) {
            state->closed_ms = a->j->time->now_ms;
        }
        state->status = change->status;
    }
    if (sets(change, TS_FIELD_CLOSED_AT)) {
        state->closed_ms = change->closed_ms;
    }
}

/* --- recharges */

static void apply_failed(struct applying *a)
{
    const struct ts_command *command = a->command;
    struct ts_judgement *j = a->j;
    struct ts_recharge *recharge = &j->state->recharge;
    if (recharge->in_flight_id[0] != '\0' &&
        ts_bytes_equal_text(command->body.failed.recharge_id, recharge->in_flight_id)) {
        struct ts_bytes reason = command->body.failed.reason;
        ts_recharge_fail(j, reason.size > 0 ? reason : TS_LITERAL("unknown"), j->time->now_ms);
    }
}

static void apply_timer(struct applying *a)
{
    const struct ts_command *command = a->command;
    if (command->body.timer.timer == TS_TIMER_RECHARGE_EXPIRY &&
        ts_bytes_equal_text(command->body.timer.subject, a->j->state->recharge.in_flight_id)) {
        ts_judge_expiry(a->j);
    }
}

/* --- adjustments */

/* A replay's finding is not a question. Only the limit of a balance stands in its way. */
static void apply_adjustment(struct applying *a)
{
    int64_t amount = a->command->body.adjustment.amount_micros;
    if (passes_limit(a, amount)) {
        a->effect->refusal = TS_REFUSAL_BALANCE_LIMIT;
        return;
    }
    a->effect->delta_micros = amount;
    a->j->state->balance_micros += amount;
}

static void apply(struct applying *a)
{
    switch (a->command->type) {
    case TS_COMMAND_CREDIT_ADDED:
        apply_credit(a);
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        apply_failed(a);
        break;
    case TS_COMMAND_CARD_CHARGED:
        apply_card_charged(a);
        break;
    case TS_COMMAND_CARD_CONFIRMATION:
        apply_confirmation(a);
        break;
    case TS_COMMAND_CARD_REPLACED:
        apply_card_replaced(a);
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        apply_change(a);
        break;
    case TS_COMMAND_TIMER_DUE:
        apply_timer(a);
        break;
    case TS_COMMAND_ADJUSTMENT:
        apply_adjustment(a);
        break;
    }
}

size_t ts_decide_command(struct ts_account_state *state,
                         const struct ts_decide_settings *settings,
                         const struct ts_decide_time *time,
                         struct ts_bytes account_id,
                         struct ts_bytes cause,
                         const struct ts_command *command,
                         const struct ts_command_facts *facts,
                         struct ts_command_effect *effect,
                         struct ts_event events[TS_DECIDE_COMMAND_EVENTS_MAX])
{
    TS_ASSERT(state->threshold_count <= TS_THRESHOLDS_MAX);
    /* What falls due now by a clock ahead of this one is due all the same. */
    struct ts_decide_time at = *time;
    if (command->type == TS_COMMAND_TIMER_DUE && command->body.timer.due_ms == state->timer_ms &&
        at.now_ms < state->timer_ms) {
        at.now_ms = state->timer_ms;
    }
    struct ts_judgement j = {.state = state,
                             .settings = settings,
                             .time = &at,
                             .account_id = account_id,
                             .cause = cause,
                             .events = events,
                             .max = TS_DECIDE_COMMAND_EVENTS_MAX};
    struct applying applying = {.j = &j, .command = command, .facts = facts, .effect = effect};
    *effect = (struct ts_command_effect){0};
    apply(&applying);
    ts_judge_alerts(&j);
    ts_judge_recharge(&j);
    ts_decide_watch(state);
    ts_decide_timer(state, time->now_ms); /* what is still ahead of this clock falls due again */
    return j.count;
}
