/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's repair: account rows that do not agree with their ledger are set to what it adds
 * up to. The ledger is the truth; no amount in it is changed.
 *
 * find() reads every row of the ledger in one snapshot, without a lock, beside live traffic. A
 * settle moves an account's row and its ledger by the same amount, so what the two differ by does
 * not change while traffic goes on. So repair() need not read the ledger again while it holds the
 * lock: it adds the difference that was found, some hundred accounts of one bucket at a time, in
 * one transaction under the exclusive lock of a raise, and gives the bucket a new generation. Redis
 * then takes the balances from PostgreSQL again; workers find their settles refused, and decide
 * afresh what was not settled: nothing is lost, or charged twice. Only rows that are numbered wrong
 * are numbered anew under the lock. The balances noted in the ledger's rows are set right after it,
 * when nothing waits.
 *
 * No event is told here. What a new balance means is due at once (ts_decide_repaired), and told
 * through the one door: a record of the account's own or its timer's.
 *
 * One repair at a time: a session lock sees to that. A connection of its own; used by one thread.
 */
#ifndef TS_ADAPTERS_POSTGRES_REPAIR_STORE_H
#define TS_ADAPTERS_POSTGRES_REPAIR_STORE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_repair_store;

/* Connects. */
struct ts_repair_store *ts_repair_store_open(const char *url, struct ts_error *err);
void ts_repair_store_close(struct ts_repair_store *store);

struct ts_repair_found {
    int64_t accounts;  /* that were compared */
    int64_t damaged;   /* of them: something differs */
    int64_t hopeless;  /* of those: the ledger adds up to more than a balance can be */
    int64_t ownerless; /* account numbers that have ledger rows and no account */
};

/* Compares one account (REJECT when there is none), or all when account_id is NULL. Class RETRY
 * when another repair is under way. */
bool ts_repair_store_find(struct ts_repair_store *store,
                          const char *account_id,
                          struct ts_repair_found *out,
                          struct ts_error *err);

/* One thing that differs. The views live until the visitor returns. */
struct ts_repair_difference {
    const char *check; /* "balance", "movements", "numbering", "balance_after", "allowance" */
    const char *unit;  /* "micro-units", "rows", "units" */
    struct ts_bytes account_id;
    struct ts_bytes allowance; /* absent: not of one */
    int64_t stored;
    int64_t ledger;
};

struct ts_repair_visitor {
    void (*visit)(void *self, const struct ts_repair_difference *difference);
    void *self;
};

/* What find() found, by account. */
bool ts_repair_store_visit(struct ts_repair_store *store,
                           const struct ts_repair_visitor *visitor,
                           struct ts_error *err);

struct ts_repair_order {
    const char *operator_name;
    const char *reason; /* may be "" */
    int64_t (*now_ms)(void);
    /* A bucket has a new generation, committed: to be made in Redis, else by the next worker that
     * needs it. */
    void (*raised)(void *self, uint32_t bucket, int64_t generation);
    void (*progress)(void *self, int64_t accounts); /* done so far, of those damaged */
    void *self;
};

struct ts_repair_done {
    int64_t accounts; /* whose rows were set */
    int64_t entries;  /* ledger rows whose noted balance was set */
    int64_t buckets;  /* generations raised */
};

/* Repairs what find() found, hopeless accounts excepted. What was done before an error is done. */
bool ts_repair_store_repair(struct ts_repair_store *store,
                            const struct ts_repair_order *order,
                            struct ts_repair_done *out,
                            struct ts_error *err);

/* Gives buckets whose content in Redis is wrong a new generation. */
bool ts_repair_store_raise(struct ts_repair_store *store,
                           const uint32_t *buckets,
                           size_t count,
                           const struct ts_repair_order *order,
                           struct ts_error *err);

#endif
