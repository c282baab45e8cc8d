/* SPDX-License-Identifier: Apache-2.0 */
/* What an account used, as its admin reads it: sums of a stretch of time, the calls in it, and
 * every movement of the balance. All that is asked between begin and destroy is read from one state
 * of the books. Rows come through a cursor, so a heavy account's month takes no memory; each
 * question names the account and a range of start times, so that it reads that account's rows of
 * those leaves only. A connection of its own; used by one thread. Moments are ms since the epoch;
 * stretches hold their begin and not their end. */
#ifndef TS_ADAPTERS_POSTGRES_USAGE_STORE_H
#define TS_ADAPTERS_POSTGRES_USAGE_STORE_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/account.h"
#include "core/rate_plan.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_usage_store;

struct ts_usage_account {
    int64_t account_no;
    int64_t balance_micros; /* settled */
    int64_t generation;     /* of its bucket in Redis, as registered; 0: never */
    char account_id[TS_ACCOUNT_ID_MAX + 1];
    char timezone[TS_ZONE_NAME_MAX];
    char currency[4];
};

/* Connects, begins and finds the account; NULL when it can't, class REJECT when there is no such
 * account. */
struct ts_usage_store *ts_usage_store_begin(const char *url,
                                            const char *account_id,
                                            struct ts_usage_account *account,
                                            struct ts_error *err);
void ts_usage_store_destroy(struct ts_usage_store *store); /* NULL is fine */

struct ts_usage_stretch {
    int64_t account_no;
    int64_t from_ms;
    int64_t to_ms;
};

/* One kind of calls. */
struct ts_usage_kind {
    int64_t calls;
    int64_t duration_ms;
    int64_t pages;
    int64_t cost_micros;
};

struct ts_usage_sums {
    int64_t calls;                      /* all of them */
    int64_t free_calls;                 /* no charge, and no allowance used */
    struct ts_usage_kind toll_free;     /* in and out */
    struct ts_usage_kind international; /* voice, out */
    struct ts_usage_kind faxes;         /* in and out, but not those to our toll-free numbers */
    struct ts_usage_kind metered_local; /* in and out, those that are not free */
    struct ts_usage_kind premium;       /* out */
    int64_t charges_micros;             /* calls that began in the stretch */
    int64_t credits_micros;             /* applied in the stretch; the opening is in none */
    int64_t adjustments_micros;         /* applied in the stretch */
    int64_t later_micros;               /* what all movements dated later add to the balance */
};
bool ts_usage_store_sums(struct ts_usage_store *store,
                         const struct ts_usage_stretch *stretch,
                         struct ts_usage_sums *out,
                         struct ts_error *err);

/* A settled call. Views live until the visitor returns; absent: not told by the switch. */
struct ts_usage_call {
    int64_t start_ms;
    int16_t category; /* enum ts_category */
    int16_t direction;
    int16_t license;
    int16_t service;
    int16_t disposition;
    int16_t unit;
    struct ts_bytes user_id;
    struct ts_bytes user_name;
    struct ts_bytes department;
    struct ts_bytes own_number; /* the account's */
    struct ts_bytes other_number;
    struct ts_bytes country; /* of the other number */
    struct ts_bytes destination;
    int64_t duration_ms;
    int64_t pages;
    int64_t billed;          /* units */
    int64_t allowance_units; /* of them, paid for by allowances */
    int64_t rate_e8;
    int64_t connect_fee_e8;
    int64_t cost_micros;
    int64_t balance_after_micros;
    struct ts_bytes cdr_id;
    struct ts_bytes source;
    int64_t leg;
    struct ts_bytes call_id;
};

struct ts_usage_call_visitor {
    void (*visit)(void *self, const struct ts_usage_call *call);
    void *self;
};

/* In order of their start. */
bool ts_usage_store_calls(struct ts_usage_store *store,
                          const struct ts_usage_stretch *stretch,
                          const struct ts_usage_call_visitor *visitor,
                          struct ts_error *err);

enum ts_usage_by {
    TS_USAGE_BY_DAY,  /* of the account's time zone; in order */
    TS_USAGE_BY_USER, /* this and the others: the dearest first */
    TS_USAGE_BY_DEPARTMENT,
    TS_USAGE_BY_NUMBER,  /* the account's own */
    TS_USAGE_BY_COUNTRY, /* of the other party */
};

/* Calls with one key in common. */
struct ts_usage_group {
    struct ts_bytes key;   /* a day as 2026-11-30; absent: the calls that have none */
    struct ts_bytes label; /* the name of a user; otherwise absent */
    int64_t calls;
    int64_t answered_calls;
    int64_t free_calls;
    int64_t duration_ms;
    int64_t pages;
    int64_t cost_micros;
};

struct ts_usage_group_visitor {
    void (*visit)(void *self, const struct ts_usage_group *group);
    void *self;
};

bool ts_usage_store_groups(struct ts_usage_store *store,
                           const struct ts_usage_stretch *stretch,
                           enum ts_usage_by by,
                           const char *timezone,
                           const struct ts_usage_group_visitor *visitor,
                           struct ts_error *err);

/* A movement of the balance. */
struct ts_usage_movement {
    int64_t movement; /* the account's order, from 1, without gaps */
    int64_t applied_ms;
    struct ts_bytes kind; /* usage, opening, purchase, ... */
    int64_t amount_micros;
    int64_t balance_after_micros;
    int64_t call_start_ms;       /* INT64_MIN: no call */
    struct ts_bytes ref_id;      /* source/cdr_id/leg, or the id of a credit */
    struct ts_bytes destination; /* of a call */
};

struct ts_usage_movement_visitor {
    void (*visit)(void *self, const struct ts_usage_movement *movement);
    void *self;
};

/* Those applied in the stretch, in their order. */
bool ts_usage_store_movements(struct ts_usage_store *store,
                              const struct ts_usage_stretch *stretch,
                              const struct ts_usage_movement_visitor *visitor,
                              struct ts_error *err);

#endif
