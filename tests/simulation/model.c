/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/model.h"

#include "core/rating.h"

#include <stdio.h>
#include <string.h>

enum { CARD_TRIES = 2 };

/* --- the beginning */

void model_begin(struct model *model,
                 const struct made_account *made,
                 const char *account_id,
                 const struct ts_decide_settings *settings,
                 struct fake_told_event *events)
{
    const struct ts_account_state *opening = &made->opening;
    memset(model, 0, sizeof *model);
    model->account_id = account_id;
    model->at_limit = made->at_limit;
    model->settings = settings;
    model->events = events;
    model->balance = opening->balance_micros;
    model->exhausted = model->balance <= 0;
    model->threshold_count = opening->threshold_count;
    for (int i = 0; i < model->threshold_count; i++) {
        model->thresholds[i].micros = opening->thresholds_micros[i];
        model->thresholds[i].armed = model->balance >= opening->thresholds_micros[i];
    }
    model->hysteresis = opening->hysteresis_micros;
    model->subscription = opening->subscription;
    model->ever_closed_ms = INT64_MAX;
    model->method = opening->payment_method;
    model->invoice_day = opening->invoice_day;
    model->amount_count = opening->credit_amount_count;
    memcpy(model->amounts, opening->credit_amounts_micros, sizeof model->amounts);
    model->card = opening->card_state;
    model->cap = opening->monthly_credit_cap_micros;
    model->recharge_on = opening->recharge.on;
    model->mode = opening->recharge.mode;
    model->recharge_threshold = opening->recharge.threshold_micros;
    model->recharge_amount = opening->recharge.amount_micros;
    model->per_day = opening->recharge.count_per_day_max;
    model->per_month = opening->recharge.amount_per_month_micros_max;
    memcpy(model->units, made->units, sizeof model->units);
    memcpy(model->units_next, made->units, sizeof model->units_next);
}

void model_enter(struct model *model, int64_t settlement, struct ts_decide_time time)
{
    model->time = time;
    model->clock_ms = time.now_ms;
    if (model->settlement != settlement) {
        model->settlement = settlement;
        memcpy(model->units, model->units_next, sizeof model->units);
    }
}

/* --- alerts */

/* The lowest threshold that is cleared, or the highest that is crossed downwards; -1: none. */
static int next_threshold(const struct model *model, bool down)
{
    int next = -1;
    for (int i = 0; i < model->threshold_count; i++) {
        int64_t micros = model->thresholds[i].micros;
        bool due = model->thresholds[i].armed == down &&
                   (down ? model->balance < micros : model->balance >= micros + model->hysteresis);
        bool further = next >= 0 && (down ? micros < model->thresholds[next].micros
                                          : micros > model->thresholds[next].micros);
        if (due && !further) {
            next = i;
        }
    }
    return next;
}

static void judge_alerts(struct model *model)
{
    bool below = model->balance <= 0;
    if (model->exhausted && !below) {
        model->exhausted = false;
        model_tell(model, TS_EVENT_BALANCE_RESTORED);
    }
    for (int i; (i = next_threshold(model, false)) >= 0;) {
        model->thresholds[i].armed = true;
        model_tell(model, TS_EVENT_BALANCE_LOW_CLEARED)->amount = model->thresholds[i].micros;
    }
    for (int i; (i = next_threshold(model, true)) >= 0;) {
        model->thresholds[i].armed = false;
        model_tell(model, TS_EVENT_BALANCE_LOW)->amount = model->thresholds[i].micros;
    }
    if (!model->exhausted && below) {
        model->exhausted = true;
        model_tell(model, TS_EVENT_BALANCE_EXHAUSTED);
    }
}

static void judge(struct model *model)
{
    judge_alerts(model);
    model_recharge_judge(model);
    model_recharge_timer(model);
}

/* --- calls */

void model_call(struct model *model, const char *cause, int64_t charge)
{
    memset(model->cause, 0, sizeof model->cause);
    snprintf(model->cause, sizeof model->cause, "%s", cause);
    model->balance -= charge;
    if (charge != 0) {
        judge(model);
    }
}

void model_exhaust(struct model *model, const char *allowance, const char *month)
{
    struct fake_told_event *event = model_tell(model, TS_EVENT_ALLOWANCE_EXHAUSTED);
    snprintf(event->id, sizeof event->id, "%s", allowance);
    snprintf(event->reason, sizeof event->reason, "%s", month);
}

/* --- credits */

struct judged_credit {
    const struct fake_order *order;
    bool by_operator;
    enum ts_payment_method method;
    int answers; /* the request of ours; 0: none */
};

static enum ts_refusal refuse_card(const struct model *model, const struct judged_credit *credit)
{
    bool by_card = credit->method == TS_PAYMENT_CARD || model->method == TS_PAYMENT_CARD;
    if (!by_card || model->card == TS_CARD_CONFIRMED) {
        return TS_REFUSAL_NONE;
    }
    return model->card == TS_CARD_LOCKED ? TS_REFUSAL_CARD_LOCKED : TS_REFUSAL_CARD_NOT_CONFIRMED;
}

static enum ts_refusal refuse_purchase(const struct model *model,
                                       const struct judged_credit *credit)
{
    bool offered = model->amount_count == 0 || credit->by_operator;
    for (int i = 0; i < model->amount_count; i++) {
        offered = offered || model->amounts[i] == credit->order->amount;
    }
    if (model->subscription == TS_SUBSCRIPTION_FREE) {
        return TS_REFUSAL_PLAN_NOT_ELIGIBLE;
    }
    if (!offered) {
        return TS_REFUSAL_AMOUNT_NOT_OFFERED;
    }
    enum ts_refusal refusal = refuse_card(model, credit);
    if (refusal == TS_REFUSAL_NONE && !credit->by_operator &&
        model_spent(model) + credit->order->amount > model->cap) {
        refusal = TS_REFUSAL_CAP_REACHED;
    }
    return refusal;
}

static enum ts_refusal
refuse(const struct model *model, const struct judged_credit *credit, bool credited, bool at_limit)
{
    enum ts_refusal refusal = TS_REFUSAL_NONE;
    if (model->status == TS_ACCOUNT_CLOSED && credit->answers == 0) {
        refusal = TS_REFUSAL_ACCOUNT_CLOSED;
    } else if (credited) {
        refusal = TS_REFUSAL_DUPLICATE_RECHARGE;
    } else if (credit->order->kind == TS_CREDIT_PURCHASE && credit->answers == 0) {
        refusal = refuse_purchase(model, credit);
    } else if (credit->order->kind == TS_CREDIT_RECHARGE && credit->answers == 0) {
        refusal = refuse_card(model, credit);
    }
    int64_t sum = model->balance + credit->order->amount;
    bool beyond = sum > TS_AMOUNT_MAX || sum < -TS_AMOUNT_MAX || (at_limit && model->at_limit);
    return refusal == TS_REFUSAL_NONE && beyond ? TS_REFUSAL_BALANCE_LIMIT : refusal;
}

static void
tell_refused(struct model *model, const struct fake_order *order, enum ts_refusal refusal)
{
    struct fake_told_event *event = model_tell(model, TS_EVENT_CREDIT_REFUSED);
    snprintf(event->id, sizeof event->id, "%s", order->credit_id);
    snprintf(event->reason, sizeof event->reason, "%s", ts_refusal_name(refusal));
    event->amount = order->amount;
    if (refusal == TS_REFUSAL_CAP_REACHED && model->cap_told < model->time.month) {
        model->cap_told = model->time.month;
        event = model_tell(model, TS_EVENT_CAP_REACHED);
        snprintf(event->reason, sizeof event->reason, "monthly_credit");
        event->amount = model->cap;
    }
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* The first day after this one that is the invoice day, or the last of a month that lacks it. */
static int32_t invoice_date(const struct model *model)
{
    int year = model->time.day / 10000;
    int month = model->time.day / 100 % 100;
    int day = model->time.day % 100;
    int due;
    do {
        day++;
        if (day > days_of(year, month)) {
            day = 1;
            year += month == 12;
            month = month % 12 + 1;
        }
        due = model->invoice_day < days_of(year, month) ? model->invoice_day : days_of(year, month);
    } while (day != due);
    return year * 10000 + month * 100 + day;
}

static void tell_added(struct model *model, const struct judged_credit *credit, bool sold)
{
    static const char *const kinds[] = {
        "purchase", "recharge", "promotional", "adjustment", "refund"};
    const struct fake_order *order = credit->order;
    struct fake_told_event *event = model_tell(model, TS_EVENT_CREDIT_ADDED);
    snprintf(event->id, sizeof event->id, "%s", order->credit_id);
    snprintf(event->reason, sizeof event->reason, "%s", kinds[order->kind]);
    event->amount = order->amount;
    event->number = sold || order->method >= 0 ? 1 + (int)credit->method : 0;
}

static struct ts_command_effect
apply_credit(struct model *model, const struct fake_order *order, bool credited, bool at_limit)
{
    struct judged_credit credit = {
        .order = order,
        .by_operator = order->issued_by[0] != '\0',
        .method = order->method >= 0 ? (enum ts_payment_method)order->method : model->method,
        .answers = model_recharge_number(model, order->recharge_id)};
    struct ts_command_effect effect = {.refusal = refuse(model, &credit, credited, at_limit)};
    if (effect.refusal != TS_REFUSAL_NONE) {
        tell_refused(model, order, effect.refusal);
        return effect;
    }
    bool sold = order->kind == TS_CREDIT_PURCHASE || order->kind == TS_CREDIT_RECHARGE;
    effect.delta_micros = order->amount;
    model->balance += order->amount;
    if (order->kind == TS_CREDIT_PURCHASE && !credit.by_operator && credit.answers == 0) {
        model_add(model, &model->purchases, order->amount);
    }
    tell_added(model, &credit, sold);
    if (credit.answers != 0) {
        model_recharge_succeed(model, credit.answers, order->amount);
    }
    if (sold && credit.method == TS_PAYMENT_INVOICE) {
        effect.invoiced = true;
        effect.invoice_date = invoice_date(model);
        struct fake_told_event *event = model_tell(model, TS_EVENT_INVOICE_LINE_ADDED);
        event->amount = order->amount;
        event->number = effect.invoice_date;
    }
    return effect;
}

/* --- the card */

static void post_charge(struct model *model, int64_t amount)
{
    if (model->card == TS_CARD_NONE || model->card == TS_CARD_UNCONFIRMED) {
        model->card = TS_CARD_UNCONFIRMED;
        model->card_charge = amount; /* and no more tries than are left */
        model_tell(model, TS_EVENT_CARD_CONFIRMATION_STARTED);
    }
}

static void confirm(struct model *model, int64_t amount)
{
    if (model->card == TS_CARD_CONFIRMED) {
        return;
    }
    if (model->card != TS_CARD_LOCKED && model->card_charge == amount) {
        model->card = TS_CARD_CONFIRMED;
        model->card_charge = 0;
        model->card_wrong = 0;
        model_tell(model, TS_EVENT_CARD_CONFIRMED);
        return;
    }
    bool counts = model->card != TS_CARD_LOCKED && model->card_charge != 0;
    model->card_wrong += counts;
    model_tell(model, TS_EVENT_CARD_CONFIRMATION_FAILED)->number =
        model->card == TS_CARD_LOCKED ? 0 : CARD_TRIES - model->card_wrong;
    if (counts && model->card_wrong == CARD_TRIES) {
        model->card = TS_CARD_LOCKED;
        model_tell(model, TS_EVENT_CARD_LOCKED);
    }
}

/* --- settings */

static bool has(const struct fake_change *change, enum ts_account_field field)
{
    return (change->set & ts_field_bit(field)) != 0;
}

static void set_thresholds(struct model *model, const struct fake_change *change)
{
    struct model_threshold before[TS_THRESHOLDS_MAX];
    int count = model->threshold_count;
    memcpy(before, model->thresholds, sizeof before);
    model->threshold_count = change->threshold_count;
    for (int i = 0; i < change->threshold_count; i++) {
        model->thresholds[i].micros = change->thresholds[i];
        model->thresholds[i].armed = true;
        for (int j = 0; j < count; j++) {
            if (before[j].micros == change->thresholds[i]) {
                model->thresholds[i].armed = before[j].armed;
            }
        }
    }
}

static void set_recharge(struct model *model, const struct fake_order *order)
{
    const struct fake_change *change = &order->change;
    if (has(change, TS_FIELD_RECHARGE_ON)) {
        if (change->recharge_on && order->issued_by[0] != '\0') {
            model_recharge_forgive(model);
        }
        model->recharge_on = change->recharge_on != 0;
    }
    if (has(change, TS_FIELD_RECHARGE_THRESHOLD)) {
        model->recharge_threshold = change->recharge_threshold;
    }
    if (has(change, TS_FIELD_RECHARGE_MODE)) {
        model->mode = (enum ts_recharge_mode)change->recharge_mode;
    }
    if (has(change, TS_FIELD_RECHARGE_AMOUNT)) {
        model->recharge_amount = change->recharge_amount;
    }
    if (has(change, TS_FIELD_RECHARGE_COUNT_PER_DAY_MAX)) {
        model->per_day = change->recharge_per_day;
    }
    if (has(change, TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX)) {
        model->per_month = change->recharge_per_month;
    }
}

static void set_payment(struct model *model, const struct fake_change *change)
{
    if (has(change, TS_FIELD_SUBSCRIPTION)) {
        model->subscription = (enum ts_subscription)change->subscription;
    }
    if (has(change, TS_FIELD_PAYMENT_METHOD)) {
        model->method = (enum ts_payment_method)change->payment_method;
    }
    if (has(change, TS_FIELD_CARD_STATE)) {
        model->card = (enum ts_card_state)change->card_state;
        model->card_wrong = 0;
    }
    if (has(change, TS_FIELD_INVOICE_DAY)) {
        model->invoice_day = change->invoice_day;
    }
    if (has(change, TS_FIELD_CREDIT_AMOUNTS)) {
        model->amount_count = change->amount_count;
        memcpy(model->amounts, change->amounts, sizeof change->amounts);
    }
    if (has(change, TS_FIELD_MONTHLY_CREDIT_CAP)) {
        model->cap = change->cap;
    }
}

static void apply_change(struct model *model, const struct fake_order *order)
{
    const struct fake_change *change = &order->change;
    set_payment(model, change);
    set_recharge(model, order);
    if (has(change, TS_FIELD_ALERT_THRESHOLDS)) {
        set_thresholds(model, change);
    }
    if (has(change, TS_FIELD_ALERT_HYSTERESIS)) {
        model->hysteresis = change->hysteresis;
    }
    if (has(change, TS_FIELD_ALLOWANCES)) {
        memcpy(model->units_next, change->units, sizeof model->units_next);
    }
    if (has(change, TS_FIELD_STATUS)) {
        bool was_closed = model->status == TS_ACCOUNT_CLOSED;
        model->status = (enum ts_account_status)change->status;
        model->closed_ms = was_closed ? model->closed_ms : model->time.now_ms;
    }
    if (has(change, TS_FIELD_CLOSED_AT)) {
        model->closed_ms = change->closed_ms;
    }
    if (model->status == TS_ACCOUNT_CLOSED && model->closed_ms < model->ever_closed_ms) {
        model->ever_closed_ms = model->closed_ms;
    }
}

/* --- orders */

static bool is_open(const struct model *model, const char *recharge_id)
{
    return model->open != 0 && model_recharge_number(model, recharge_id) == model->open;
}

struct ts_command_effect
model_order(struct model *model, const struct fake_order *order, bool credited, bool at_limit)
{
    struct ts_command_effect effect = {.changed = order->type == TS_COMMAND_ACCOUNT_CHANGED};
    bool timer = order->type == TS_COMMAND_TIMER_DUE;
    memset(model->cause, 0, sizeof model->cause);
    snprintf(model->cause,
             sizeof model->cause,
             "%s:%s",
             timer                                  ? "timer"
             : order->type == TS_COMMAND_ADJUSTMENT ? "adjustment"
                                                    : "command",
             order->command_id);
    if (timer && order->due_ms == model->timer_ms && model->time.now_ms < model->timer_ms) {
        model->time.now_ms = model->timer_ms; /* due by another's clock */
    }
    switch ((enum ts_command_type)order->type) {
    case TS_COMMAND_CREDIT_ADDED:
        effect = apply_credit(model, order, credited, at_limit);
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        if (is_open(model, order->recharge_id)) {
            model_recharge_fail(model, "declined", model->time.now_ms);
        }
        break;
    case TS_COMMAND_CARD_CHARGED:
        post_charge(model, order->amount);
        break;
    case TS_COMMAND_CARD_CONFIRMATION:
        confirm(model, order->amount);
        break;
    case TS_COMMAND_ADJUSTMENT:
        effect.delta_micros = order->amount;
        model->balance += order->amount;
        break;
    case TS_COMMAND_CARD_REPLACED:
        model->card = TS_CARD_UNCONFIRMED;
        model->card_charge = 0;
        model->card_wrong = 0;
        model_recharge_forgive(model);
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        apply_change(model, order);
        break;
    case TS_COMMAND_TIMER_DUE:
        if (order->timer == TS_TIMER_RECHARGE_EXPIRY && is_open(model, order->recharge_id)) {
            model_recharge_expire(model);
        }
        break;
    }
    judge(model);
    return effect;
}
