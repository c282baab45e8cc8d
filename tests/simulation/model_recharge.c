/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/model.h"

#include "base/assert.h"
#include "base/hash.h"
#include "core/rating.h"

#include <stdio.h>
#include <string.h>

enum { FAILURES_MAX = 3 };

struct fake_told_event *model_tell(struct model *model, enum ts_event_type type)
{
    TS_ASSERT(model->event_count < MODEL_EVENTS);
    struct fake_told_event *event = &model->events[model->event_count++];
    memset(event, 0, sizeof *event);
    event->type = (int32_t)type;
    event->sequence = (int64_t)model->event_count;
    event->balance_micros = model->balance;
    event->time_ms = model->time.now_ms;
    memcpy(event->cause, model->cause, sizeof event->cause);
    snprintf(event->account_id, sizeof event->account_id, "%s", model->account_id);
    snprintf(event->event_id,
             sizeof event->event_id,
             "%016llx-%zu",
             (unsigned long long)ts_hash64(ts_bytes_of(model->account_id)),
             model->event_count);
    return event;
}

/* --- what was spent */

/* A clock that was set back opens no period again: what is added counts where the last did. */
void model_add(struct model *model, struct model_list *list, int64_t amount)
{
    TS_ASSERT(list->count < MODEL_HISTORY);
    const struct model_spent *last = list->count > 0 ? &list->items[list->count - 1] : NULL;
    struct model_spent *added = &list->items[list->count++];
    *added = (struct model_spent){amount, model->time.month, model->time.day, false};
    if (last != NULL && last->month > added->month) {
        added->month = last->month;
    }
}

static int64_t spent_of(const struct model *model, const struct model_list *list)
{
    int64_t sum = 0;
    int32_t last = list->count > 0 ? list->items[list->count - 1].month : 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct model_spent *spent = &list->items[i];
        bool counts = spent->month >= model->time.month && spent->month == last && !spent->failed;
        sum += counts ? spent->amount : 0;
    }
    return sum;
}

int64_t model_spent(const struct model *model)
{
    return spent_of(model, &model->purchases) + spent_of(model, &model->recharges);
}

/* --- names of requests */

void model_recharge_id(const struct model *model, int number, char out[TS_RECHARGE_ID_MAX])
{
    snprintf(out,
             TS_RECHARGE_ID_MAX,
             "%016llx-r%d",
             (unsigned long long)ts_hash64(ts_bytes_of(model->account_id)),
             number);
}

int model_recharge_number(const struct model *model, const char *recharge_id)
{
    char id[TS_RECHARGE_ID_MAX];
    int number = model->request_count;
    for (; number > 0; number--) {
        model_recharge_id(model, number, id);
        if (strcmp(id, recharge_id) == 0) {
            break;
        }
    }
    return number;
}

/* --- how a request ends */

void model_recharge_fail(struct model *model, const char *reason, int64_t failed_ms)
{
    model->requests[model->open]->failed = true;
    model->failures++;
    int64_t wait_ms = model->settings->recharge_backoff_first_ms << (model->failures - 1);
    if (wait_ms > model->settings->recharge_backoff_longest_ms) {
        wait_ms = model->settings->recharge_backoff_longest_ms;
    }
    model->next_try_ms = failed_ms + wait_ms;
    bool disabled = model->failures >= FAILURES_MAX;
    struct fake_told_event *event = model_tell(model, TS_EVENT_RECHARGE_FAILED);
    model_recharge_id(model, model->open, event->id);
    snprintf(event->reason, sizeof event->reason, "%s", reason);
    event->moment_ms = disabled ? 0 : model->next_try_ms;
    if (disabled) {
        model_tell(model, TS_EVENT_RECHARGE_DISABLED)->number = model->failures;
    }
    model->open = 0;
}

void model_recharge_expire(struct model *model)
{
    if (model->open != 0 && model->time.now_ms >= model->expires_ms) {
        model_recharge_fail(model, "expired", model->expires_ms);
    }
}

void model_recharge_forgive(struct model *model)
{
    model->failures = 0;
    model->next_try_ms = 0;
}

void model_recharge_succeed(struct model *model, int number, int64_t amount)
{
    if (number == model->open) {
        model->open = 0;
    } else { /* it had failed: now it was paid all the same */
        model_add(model, &model->recharges, amount);
        if (model->open != 0) { /* and what is in flight counts where the last one does */
            model->requests[model->open]->month =
                model->recharges.items[model->recharges.count - 1].month;
        }
    }
    model_recharge_forgive(model);
    struct fake_told_event *event = model_tell(model, TS_EVENT_RECHARGE_SUCCEEDED);
    model_recharge_id(model, number, event->id);
    event->amount = amount;
}

/* --- when one is due */

static bool is_usable(const struct model *model)
{
    bool can_pay = model->method == TS_PAYMENT_INVOICE || model->card == TS_CARD_CONFIRMED;
    return model->recharge_on && model->status != TS_ACCOUNT_CLOSED && can_pay &&
           model->subscription != TS_SUBSCRIPTION_FREE && model->failures < FAILURES_MAX;
}

static int64_t wanted(const struct model *model)
{
    switch (model->mode) {
    case TS_RECHARGE_FIXED:
        return model->recharge_amount;
    case TS_RECHARGE_TARGET:
        return model->recharge_amount - model->balance;
    default:
        return model->recharge_threshold - model->balance + model->recharge_amount;
    }
}

/* Told once a period. */
static void suppress(struct model *model, const char *reason, const char *cap, int64_t limit)
{
    bool daily = strcmp(reason, "daily_count_cap") == 0;
    int32_t *told = daily ? &model->suppressed_day : &model->suppressed_month;
    int32_t period = daily ? model->time.day : model->time.month;
    model->look_again_ms = daily ? model->time.next_day_ms : model->time.next_month_ms;
    if (*told >= period) {
        return;
    }
    *told = period;
    struct fake_told_event *event = model_tell(model, TS_EVENT_RECHARGE_SUPPRESSED);
    snprintf(event->reason, sizeof event->reason, "%s", reason);
    if (cap != NULL) {
        event = model_tell(model, TS_EVENT_CAP_REACHED);
        snprintf(event->reason, sizeof event->reason, "%s", cap);
        event->amount = limit;
    }
}

static int requests_today(const struct model *model)
{
    int32_t latest = model->request_count > 0 ? model->requests[model->request_count]->day : 0;
    int count = 0;
    for (int i = 1; i <= model->request_count && latest >= model->time.day; i++) {
        count += model->requests[i]->day == latest;
    }
    return count;
}

static void request(struct model *model, int64_t amount)
{
    TS_ASSERT(model->request_count + 1 < MODEL_HISTORY);
    int32_t latest = model->request_count > 0 ? model->requests[model->request_count]->day : 0;
    model_add(model, &model->recharges, amount);
    struct model_spent *added = &model->recharges.items[model->recharges.count - 1];
    added->day = added->day > latest ? added->day : latest;
    model->requests[++model->request_count] = added;
    model->open = model->request_count;
    model->expires_ms = model->time.now_ms + model->settings->recharge_expires_after_ms;
    struct fake_told_event *event = model_tell(model, TS_EVENT_RECHARGE_REQUESTED);
    model_recharge_id(model, model->open, event->id);
    snprintf(event->reason,
             sizeof event->reason,
             "%s",
             model->method == TS_PAYMENT_INVOICE ? "invoice" : "card");
    event->amount = amount;
    event->number = model->failures + 1;
    event->moment_ms = model->expires_ms;
}

void model_recharge_judge(struct model *model)
{
    model->look_again_ms = 0;
    if (!is_usable(model) || model->balance >= model->recharge_threshold) {
        return;
    }
    model_recharge_expire(model);
    int64_t amount = wanted(model);
    if (model->open != 0 || !is_usable(model) || model->time.now_ms < model->next_try_ms ||
        amount <= 0) {
        return;
    }
    if (amount > TS_AMOUNT_MAX || model->balance + amount > TS_AMOUNT_MAX) {
        suppress(model, "amount_limit", NULL, 0);
    } else if (model->per_month > 0 &&
               spent_of(model, &model->recharges) + amount > model->per_month) {
        suppress(model, "monthly_amount_cap", "recharge_monthly_amount", model->per_month);
    } else if (model_spent(model) + amount > model->cap) {
        suppress(model, "monthly_credit_cap", "monthly_credit", model->cap);
    } else if (model->per_day > 0 && requests_today(model) >= model->per_day) {
        suppress(model, "daily_count_cap", NULL, 0);
    } else {
        request(model, amount);
    }
}

void model_recharge_timer(struct model *model)
{
    model->timer_ms = 0;
    if (model->open != 0) {
        model->timer_ms = model->expires_ms;
    } else if (is_usable(model) && model->balance < model->recharge_threshold) {
        int64_t due_ms =
            model->next_try_ms > model->look_again_ms ? model->next_try_ms : model->look_again_ms;
        model->timer_ms = due_ms > model->clock_ms ? due_ms : 0;
    }
}
