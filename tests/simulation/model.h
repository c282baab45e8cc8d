/* SPDX-License-Identifier: Apache-2.0 */
/* An account as the domain has it (section 6): its history, and rules read off that, where the
 * system keeps counters. It is led along the account's rows and says what each of them must have
 * done, and what must have been told of it. It shares no code with the decisions that it judges. */
#ifndef TS_TESTS_SIMULATION_MODEL_H
#define TS_TESTS_SIMULATION_MODEL_H

#include "tests/simulation/world.h"

enum { MODEL_EVENTS = 8192, MODEL_HISTORY = 1024 };

/* Something bought, or asked for to be bought. */
struct model_spent {
    int64_t amount;
    int32_t month; /* it counts in */
    int32_t day;
    bool failed;
};

struct model_list {
    struct model_spent items[MODEL_HISTORY];
    size_t count;
};

struct model {
    const char *account_id;
    bool at_limit;
    const struct ts_decide_settings *settings;

    int64_t balance;
    bool exhausted; /* was told */
    int threshold_count;
    struct model_threshold {
        int64_t micros;
        bool armed;
    } thresholds[TS_THRESHOLDS_MAX];
    int64_t hysteresis;
    enum ts_subscription subscription;
    enum ts_account_status status;
    int64_t closed_ms;
    int64_t ever_closed_ms; /* the earliest time that it was ever closed from; INT64_MAX: never */

    enum ts_payment_method method;
    int invoice_day;
    int amount_count;
    int64_t amounts[TS_CREDIT_AMOUNTS_MAX]; /* that are offered */
    enum ts_card_state card;
    int64_t card_charge; /* 0: none was posted */
    int card_wrong;

    int64_t cap;
    int32_t cap_told; /* month */
    struct model_list purchases;

    bool recharge_on;
    enum ts_recharge_mode mode;
    int64_t recharge_threshold;
    int64_t recharge_amount;
    int per_day;
    int64_t per_month;
    struct model_list recharges;                 /* requests, and successes that came late */
    struct model_spent *requests[MODEL_HISTORY]; /* of them, by their number from 1 on */
    int request_count;
    int open; /* the request in flight; 0: none */
    int64_t expires_ms;
    int failures; /* in a row */
    int64_t next_try_ms;
    int32_t suppressed_day;
    int32_t suppressed_month;
    int64_t look_again_ms;
    int64_t timer_ms;

    int64_t units[FAKE_ALLOWANCES];      /* allowances that calls of this settlement draw on … */
    int64_t units_next[FAKE_ALLOWANCES]; /* … and those after it */
    int64_t settlement;

    /* Of what is being judged now. */
    struct ts_decide_time time; /* of the decision … */
    int64_t clock_ms;           /* … and by the clock of who makes it */
    char cause[96];
    struct fake_told_event *events; /* [MODEL_EVENTS]: all that must have been told, in order */
    size_t event_count;
};

/* `events` is the caller's. */
void model_begin(struct model *model,
                 const struct made_account *made,
                 const char *account_id,
                 const struct ts_decide_settings *settings,
                 struct fake_told_event *events);

/* A record of this settlement is next. */
void model_enter(struct model *model, int64_t settlement, struct ts_decide_time time);

/* A call that was charged this much. */
void model_call(struct model *model, const char *cause, int64_t charge);
/* It used the last unit of an allowance. */
void model_exhaust(struct model *model, const char *allowance, const char *month);

/* What an order must have done. `credited`: its recharge_id was credited before; `at_limit`: it was
 * refused for the limit, which the model leaves to those who see the live balance. */
struct ts_command_effect
model_order(struct model *model, const struct fake_order *order, bool credited, bool at_limit);

/* --- model_recharge.c */
struct fake_told_event *model_tell(struct model *model, enum ts_event_type type);
void model_recharge_fail(struct model *model, const char *reason, int64_t failed_ms);
void model_recharge_expire(struct model *model);
void model_recharge_forgive(struct model *model);
/* Answers the request with this number. */
void model_recharge_succeed(struct model *model, int number, int64_t amount);
void model_recharge_judge(struct model *model);
void model_recharge_timer(struct model *model);
/* The number of this account's request with this id; 0: there is none. */
int model_recharge_number(const struct model *model, const char *recharge_id);
void model_recharge_id(const struct model *model, int number, char out[TS_RECHARGE_ID_MAX]);
/* Bought and asked for in the month that counts now. */
int64_t model_spent(const struct model *model);
void model_add(struct model *model, struct model_list *list, int64_t amount);

#endif
