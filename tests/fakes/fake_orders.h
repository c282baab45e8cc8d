/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated world's commands: their form on the topics, and the codec's side of it. Here
 * they are called orders, since everything that is sent to a server is a command. */
#ifndef TS_TESTS_FAKES_FAKE_ORDERS_H
#define TS_TESTS_FAKES_FAKE_ORDERS_H

#include "tests/fakes/fake_host.h"

#include "core/allowance.h"
#include "core/command.h"

#include <stdbool.h>
#include <stdint.h>

enum fake_order_flaw {
    FAKE_ORDER_SOUND,
    FAKE_ORDER_BYTES,  /* its message is something else */
    FAKE_ORDER_ABSENT, /* its message has no value */
    FAKE_ORDER_REFUSED /* PostgreSQL will refuse its row */
};

enum { FAKE_ORDER_THRESHOLDS = 3, FAKE_ORDER_AMOUNTS = 2 };

/* New settings; those that `set` does not name (bits by enum ts_account_field) are not meant. */
struct fake_change {
    uint32_t set;
    int32_t subscription;
    int32_t payment_method;
    int32_t card_state;
    int32_t invoice_day;
    int32_t status;
    int32_t threshold_count;
    int32_t amount_count;
    int32_t recharge_on;
    int32_t recharge_mode;
    int32_t recharge_per_day;
    int64_t thresholds[FAKE_ORDER_THRESHOLDS];
    int64_t amounts[FAKE_ORDER_AMOUNTS];
    int64_t cap;
    int64_t hysteresis;
    int64_t recharge_threshold;
    int64_t recharge_amount;
    int64_t recharge_per_month;
    int64_t units[FAKE_ALLOWANCES]; /* -1: no such allowance */
    int64_t closed_ms;
    char timezone[16];
    char rate_plan[16];
};

/* What a replay found of a call. */
struct fake_adjustment {
    int32_t number; /* of the call */
    int32_t generation;
    int64_t start_ms;
    int64_t follows;
    uint64_t identity_hash;
    int64_t units[FAKE_ALLOWANCES];
};

/* A message's value: every byte of it is set, so that two can be compared. */
struct fake_order {
    int32_t flaw;       /* enum fake_order_flaw */
    int32_t type;       /* enum ts_command_type */
    int32_t of_the_key; /* the account is named by the message's key only */
    int32_t kind;       /* of a credit */
    int32_t method;     /* of a credit; -1: the account's */
    int32_t timer;
    int64_t amount; /* of a credit, of a card's charge, or of an adjustment */
    int64_t due_ms;
    char account_id[16];
    char command_id[64];
    char issued_by[8];
    char credit_id[64];
    char recharge_id[48]; /* … and a timer's subject */
    struct fake_change change;
    struct fake_adjustment adjustment;
};

/* False: a reject. */
bool fake_order_decode(struct ts_bytes value, struct ts_arena *arena, struct ts_command *out);

/* Whether they say the same: everything but the command's id and who gave it. */
bool fake_order_same(const struct fake_order *a, const struct fake_order *b);

/* The rate plans that there are: its number, 0 for none, and its currency. */
int32_t fake_plan(struct ts_bytes name, char currency[4]);

/* An account's allowances as a change writes them, in `host`'s memory; NULL for none. */
const struct ts_allowances *
fake_allowances_of(struct fake_host *host, const struct ts_allowance_text *texts, size_t count);

/* The world's calendar: days that are short enough to pass, four of them a month. */
enum { FAKE_DAYS_A_MONTH = 4 };
struct ts_decide_time fake_time(const struct fake_host *host, int64_t now_ms);

#endif
