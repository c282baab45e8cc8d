/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL as the pipeline meets it: the tables, row locks held from a settle's statements to its
 * end, statements that wait for them, connections that break before or after a statement ran, and
 * settles whose connection is gone and that commit later all the same. */
#ifndef TS_TESTS_FAKES_FAKE_POSTGRES_H
#define TS_TESTS_FAKES_FAKE_POSTGRES_H

#include "tests/fakes/fake_calls.h"
#include "tests/fakes/fake_host.h"
#include "tests/fakes/fake_orders.h"

#include "ports/ledger.h"
#include "ports/settle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_STANDBYS = 3 };
enum {
    FAKE_ENDS = FAKE_LANES * FAKE_MESSAGES,
    FAKE_OUTBOX = 8192,
    FAKE_IDS = (3 * FAKE_ORDER_LANES + 2 * FAKE_ADJUSTMENT_LANES) * FAKE_MESSAGES,
};

struct fake_account {
    bool exists;
    struct ts_account_profile profile;
    struct ts_account_state state;
    int64_t movements;
    int64_t opening_micros;
    int64_t used[FAKE_COUNTERS]; /* of allowances */
    struct fake_txn *locked_by;
};

struct fake_partition {
    bool exists;
    int64_t epoch;
    int raised_by;   /* the process that raised the epoch … */
    bool raise_told; /* … and whether it knows */
    int64_t first_offset;
    int64_t next_offset;
    bool has_tail;
    uint64_t tail_hash;
    int64_t settled;
    int64_t duplicates;
    int64_t dead_letters;
    int64_t holes;
    struct fake_txn *locked_by;
};

/* How one input ended. */
struct fake_end {
    int lane; /* its number */
    int64_t offset;
    enum ts_outcome outcome;
    enum ts_reason reason;
    int64_t settlement; /* a number that its records share */
    int64_t now_ms;     /* … and its time */
    /* SETTLED only: the ledger row of a call, or what an order did. */
    int account;
    bool order;
    struct ts_command_effect effect; /* of an order */
    bool adjusts;                    /* an order that changes the call with this number … */
    int64_t follows;                 /* … after this movement */
    int32_t number;
    int32_t content;
    int32_t flaw;
    uint64_t identity_hash;
    uint64_t fingerprint;
    int64_t charge_micros;
    int64_t units[FAKE_ALLOWANCES]; /* drawn, or moved by an adjustment */
    int64_t deck_version;
    int64_t balance_after_micros;
    int64_t movement;
};

/* An id that is taken for ever. */
struct fake_id {
    int space; /* 0: a command's, 1: a credit's, 2: a recharge's, 3: a row that is followed */
    char text[64];
    uint64_t fingerprint;
    bool expected_free; /* of a refused credit: it must not be there, and is not taken */
};

struct fake_outbox_row {
    struct ts_outbox_row row;
    bool trimmed;
    bool told; /* kept by whoever judges */
};

/* What is durable. */
struct fake_tables {
    struct fake_partition partitions[FAKE_LANES];
    struct ts_bucket_row buckets[TS_BUCKET_COUNT];
    struct fake_account accounts[FAKE_ACCOUNTS];
    struct fake_end ends[FAKE_ENDS];
    size_t end_count;
    struct fake_id ids[FAKE_IDS];
    size_t id_count;
    struct fake_outbox_row outbox[FAKE_OUTBOX];
    size_t outbox_count;
};

/* Of a settle transaction. */
enum fake_step {
    FAKE_STEP_SHARED, /* the advisory lock */
    FAKE_STEP_LANES,
    FAKE_STEP_BUCKETS,
    FAKE_STEP_ACCOUNTS,
    FAKE_STEP_LOCKED, /* the client decides */
    FAKE_STEP_STATES, /* it asked for states */
    FAKE_STEP_WRITE,  /* all the rest, COMMIT included */
};

/* A settle transaction, in the server. What it will write is its own once `write` was sent. */
struct fake_txn {
    bool open;
    bool orphan; /* its connection is gone */
    int process;
    int step;
    bool shared;  /* holds the advisory lock, shared */
    bool written; /* nothing is needed of the client any more */
    int64_t active_us;
    int64_t blocked_us;               /* since when it waits for a lock, 0: it does not */
    struct ts_settlement *settlement; /* the client's; NULL for an orphan */

    struct ts_settle_lane lanes[FAKE_LANES];
    size_t lane_count;
    struct ts_settle_bucket buckets[FAKE_ACCOUNTS];
    size_t bucket_count;
    struct {
        int account;
        int64_t delta;
        int64_t rows;
    } sums[FAKE_ACCOUNTS];
    size_t sum_count;
    struct {
        int account;
        int counter;
        int64_t units;
    } countings[FAKE_ACCOUNTS * FAKE_COUNTERS];
    size_t counting_count;
    struct fake_end *ends; /* of its records, in their order */
    size_t end_count;
    struct fake_txn_state {
        struct ts_account_state state;
        bool changed;
        uint32_t set;
        int32_t plan_no;
        const struct ts_allowances *allowances;
    } states[FAKE_ACCOUNTS];
    size_t state_count;
    struct fake_id *ids;
    size_t id_count;
    struct ts_outbox_row *outbox;
    size_t outbox_count;
};

struct fake_postgres {
    struct fake_host *host;
    int lane_count;
    struct fake_tables tables;
    struct fake_txn txns[FAKE_PROCESSES];
    struct fake_txn operators; /* somebody's, that holds the row of an account for a while */
    int64_t operators_until_us;
    int64_t raise_waits_us; /* until when somebody waits for the exclusive advisory lock */
    int64_t down_until_us;
    int64_t incarnation; /* connections to a former one are lost */
    int64_t settlements; /* ever begun */
    int64_t window_to_ms;

    /* A standby that lags: what it has is what is left when the primary is lost. */
    bool lags;
    bool lost_commits;          /* it happened */
    struct fake_tables *copies; /* [FAKE_STANDBYS] */
    int copy_count;
    size_t page_max; /* rows of an outbox page, whatever the caller would take */

    /* Called before an outbox row is deleted. */
    void (*on_trim)(void *self, const struct ts_outbox_row *row);
    void *on_trim_self;
};

/* One process's two connections. */
struct fake_session {
    struct fake_postgres *postgres;
    int process;
    int64_t incarnation; /* of the server it is connected to */
    bool reading;
    bool writing;
    struct fake_txn *txn; /* the settle under way, NULL: none, or it was ended by the server */
    bool settling;        /* as far as the client knows */
};

/* Keeps its large memory: zero it before the first use. */
void fake_postgres_init(struct fake_postgres *postgres, struct fake_host *host, int lane_count);

/* Whether the id is taken, and for what. */
const struct fake_id *
fake_id_find(const struct fake_tables *tables, int space, struct ts_bytes text);
/* The account as a client reads it. */
struct ts_account_profile fake_profile(const struct fake_account *account);

/* The server's own work: settles of broken connections end. */
void fake_postgres_tick(struct fake_postgres *postgres);
bool fake_postgres_settled(const struct fake_postgres *postgres);
void fake_postgres_finish(struct fake_postgres *postgres);
void fake_postgres_crash(struct fake_postgres *postgres, int64_t down_us);
/* Somebody's transaction takes this account's row, if it is free. */
void fake_postgres_hold(struct fake_postgres *postgres, int account, int64_t us);
/* The standby takes over, without the last commits. */
void fake_postgres_lose(struct fake_postgres *postgres, int64_t down_us);

/* The process died. */
void fake_session_abandon(struct fake_session *session);

struct ts_ledger fake_ledger_port(struct fake_session *session);
struct ts_settle fake_settle_port(struct fake_session *session);

/* --- fake_txn.c */
/* Rolls it back. */
void fake_txn_roll_back(struct fake_postgres *postgres, struct fake_txn *txn, const char *why);
/* Runs its next statement. PENDING: there is another, or it waits for a lock. */
enum ts_settle_status fake_txn_statement(struct fake_postgres *postgres, struct fake_txn *txn);
/* Ends it, whoever asks: a settle that was sent whole may commit just before. */
void fake_txn_terminate(struct fake_postgres *postgres, struct fake_txn *txn);
/* Its connection broke. */
void fake_txn_orphan(struct fake_postgres *postgres, struct fake_txn *txn);
void fake_txn_tick(struct fake_postgres *postgres, struct fake_txn *txn);

#endif
