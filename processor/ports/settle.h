/* SPDX-License-Identifier: Apache-2.0 */
/* The settle transaction: the moment a charge becomes final. One settlement covers contiguous
 * ranges of one or more lanes. It is driven by polling, so that the worker charges the next batch
 * while this one commits:
 *
 *   start ──► LOCKED ──► (states ──► STATES)? ──► write ──► DONE
 *     └──────────┴────────────┴──────────────────────┴────► any refusal: rolled back
 *
 * At LOCKED the pipeline decides what the movements mean, because only then the account rows stand
 * still. Everything that can be encoded is encoded in `start`, before BEGIN; the movement numbers
 * and balances are patched in at `write`. */
#ifndef TS_PORTS_SETTLE_H
#define TS_PORTS_SETTLE_H

#include "base/error.h"
#include "core/account.h"
#include "core/decide.h"
#include "ports/ledger.h"
#include "ports/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_settle_lane {
    struct ts_lane lane;
    int64_t epoch;
    int64_t start;      /* compared with next_offset */
    int64_t end;        /* the new next_offset: last record + 1 */
    uint64_t tail_hash; /* of the record at end - 1 */
    int64_t settled;
    int64_t duplicates;
    int64_t dead_letters;
    int64_t holes; /* offsets in [start, end) that hold no record */
    bool refused;  /* out: not ours any more */
};

struct ts_settle_bucket {
    uint32_t bucket;
    int64_t generation;
};

struct ts_settle_account {
    const struct ts_account_profile *profile;
    int64_t delta_micros; /* the sum of this settlement's movements */
    int64_t rows;         /* how many ledger rows it gets */

    /* Out, from the locked row after the sum was added. */
    int64_t balance_micros;
    int64_t movements;
    int64_t sequence;
    int32_t revision; /* differs from the profile's: rate again */
    int64_t watch_low;
    int64_t watch_high;
};

/* What this settlement uses of one allowance. */
struct ts_settle_counter {
    uint32_t account; /* index into accounts[] */
    int32_t month;    /* yyyymm */
    const struct ts_allowance *allowance;
    int64_t units; /* below 0 when adjustments give more back */

    /* Out, under the lock of the account's row. */
    int64_t used; /* with `units` */
};

/* The whole state of some accounts of the settlement: asked for at LOCKED, written at `write`. */
struct ts_settle_state {
    uint32_t account;              /* index into accounts[] */
    struct ts_account_state state; /* out; balance_micros is before this settlement */
    struct ts_decide_time time;    /* out: now, in the account's zone */

    /* Given at `write`: settings were changed, so the row's revision goes up by one and its
     * settings are those of `state`; and of the profile, those that profile.set names (NAME,
     * COUNTRY, TIMEZONE, RATE_PLAN with plan_no, ALLOWANCES). */
    bool changed;
    struct ts_account_change profile;
    int32_t plan_no;
};

struct ts_settlement {
    struct ts_settle_lane *lanes;
    size_t lane_count;
    const struct ts_settle_bucket *buckets; /* those that were charged for it */
    size_t bucket_count;
    struct ts_settle_account *accounts; /* by account_no, each once */
    size_t account_count;
    struct ts_settle_counter *counters; /* by (account_no, month, name), each once */
    size_t counter_count;
    struct ts_record **records; /* every record of the ranges, in the order that is decided in */
    const struct ts_settle_account **record_accounts; /* of each record; NULL when it has none */
    size_t record_count;
    int64_t now_ms; /* the time of this settlement: settled_at */

    /* Given at `states` and `write`. */
    struct ts_settle_state *states;
    size_t state_count;
    const struct ts_outbox_row *outbox; /* of this settlement, by (lane, offset, n) */
    size_t outbox_count;

    /* Out at DONE, in this arena: rows of other settlements, still in the outbox, for the accounts
     * that have rows in outbox[] and with a lower sequence: whoever wrote them may have died before
     * telling them, and a reader that goes by `sequence` must meet them first. By (account_no,
     * sequence). */
    struct ts_arena *arena;
    struct ts_outbox_page older;
};

enum ts_settle_status {
    TS_SETTLE_PENDING,
    TS_SETTLE_LOCKED,   /* accounts[] out fields are set: decide, then states or write */
    TS_SETTLE_STATES,   /* states[] out fields are set: decide, then write */
    TS_SETTLE_DONE,     /* committed, durable */
    TS_SETTLE_REFUSED,  /* lanes[].refused: another epoch or position; rolled back */
    TS_SETTLE_STALE,    /* a bucket has another generation; rolled back */
    TS_SETTLE_CONFLICT, /* an identity is settled already; rolled back: look the identities up */
    TS_SETTLE_BAD_ROWS, /* PostgreSQL refuses these records: their outcome is now DEAD_LETTER with
                           reason ROW_REFUSED or TOO_OLD and `message` (static text); rolled back */
    TS_SETTLE_FAILED, /* connection lost, deadlock, time-out, …: COMMIT unknown; see the error */
};

struct ts_settle_ops {
    /* The settlement and all it points to stay the caller's, and live and stand still until the end
     * status or a ledger connect. One settlement at a time. */
    bool (*start)(void *self, struct ts_settlement *settlement, struct ts_error *err);

    /* Moves on, waiting at most `wait_ms` for the server. */
    enum ts_settle_status (*poll)(void *self, int wait_ms, struct ts_error *err);

    /* After LOCKED: reads settlement->states[] (whose `account` are set). */
    bool (*states)(void *self, struct ts_error *err);

    /* After LOCKED or STATES: writes the ledger rows (with the records' balance_after and
     * movement), duplicates, dead letters, states[] and outbox[], and commits. Of each settled
     * command: its command_id; when it credited, its credit_id and recharge_id too (one that is
     * there already: CONFLICT, and so it is for a refused credit, but for a recharge_id that
     * its facts know of); its invoice line; and of a change, who did it and why. */
    bool (*write)(void *self, struct ts_error *err);

    /* Rolls back a settlement that was not written. */
    void (*abandon)(void *self);
};

struct ts_settle {
    const struct ts_settle_ops *ops;
    void *self;
};

#endif
