/* SPDX-License-Identifier: Apache-2.0 */
/* The object behind adapters/postgres/ledger.h, for the files that share it. Private to
 * adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_WORKER_H
#define TS_ADAPTERS_POSTGRES_WORKER_H

#include "adapters/postgres/connection.h"
#include "adapters/postgres/leaves.h"
#include "adapters/postgres/ledger.h"
#include "adapters/postgres/settle_commands.h"
#include "adapters/postgres/settle_hours.h"
#include "adapters/postgres/settle_rows.h"
#include "adapters/postgres/statements.h"

enum ts_pg_phase {
    TS_PG_IDLE,
    TS_PG_LOCKING,     /* BEGIN to the account rows, pipelined */
    TS_PG_LOCKED,      /* the caller decides */
    TS_PG_READING,     /* states */
    TS_PG_DECIDING,    /* the caller decides again */
    TS_PG_COPY_ASKED,  /* COPY sent, its go-ahead awaited */
    TS_PG_COPYING,     /* data going out */
    TS_PG_COPY_ENDING, /* its result awaited */
    TS_PG_WRITING,     /* the rest and COMMIT, pipelined */
    TS_PG_ROLLING_BACK,
    TS_PG_CONCLUDED, /* the end status is known and not told yet */
};

enum { TS_PG_STEPS_MAX = 16 };

/* The settle under way. */
struct ts_pg_settle {
    enum ts_pg_phase phase;
    struct ts_settlement *settlement;
    struct ts_pg_rows rows;
    struct ts_pg_commands commands;
    struct ts_pg_hours hours;
    size_t leaf; /* COPY: which run of rows, and how much of it went out */
    size_t copied;
    enum ts_pg_writing steps[TS_PG_STEPS_MAX]; /* of the pipeline under way, in order */
    size_t step_count;
    size_t step;
    bool commit_flushed;
    bool committed;
    int64_t deadline_mono_ms;

    /* What ended it. */
    enum ts_settle_status end;
    struct ts_error error;
    char sqlstate[6];
    bool failed_in_copy;
    bool failed_on_constraint; /* a named one */
    bool failed_in_step;       /* of a pipeline: */
    enum ts_pg_writing failed_step;
};

struct ts_postgres {
    struct ts_postgres_options options;
    char *texts; /* what the options point to */
    struct ts_pg_session reading;
    struct ts_pg_session writing;
    struct ts_pg_params params;        /* of the reading session */
    struct ts_pg_params settle_params; /* of the writing one */
    struct ts_pg_leaves leaves;
    bool leaves_stale; /* a leaf was found missing: read them again first */
    int16_t topic_no[TS_INPUT_COUNT];
    struct ts_pg_settle settle;
};

/* claims.c */
bool ts_pg_raise(void *self,
                 struct ts_raise *items,
                 size_t count,
                 const struct ts_balances_identity *identity,
                 int64_t now_ms,
                 struct ts_error *err);
bool ts_pg_claim(void *self,
                 struct ts_lane lane,
                 int64_t first_offset,
                 int64_t now_ms,
                 struct ts_claim *out,
                 struct ts_error *err);
bool ts_pg_known(void *self, struct ts_lane lane, bool *out, struct ts_error *err);
bool ts_pg_reopen(void *self,
                  struct ts_claim *claims,
                  size_t count,
                  int64_t now_ms,
                  struct ts_bucket_row buckets[TS_BUCKET_COUNT],
                  struct ts_error *err);

/* lookups.c */
bool ts_pg_buckets(void *self, struct ts_bucket_row rows[TS_BUCKET_COUNT], struct ts_error *err);
bool ts_pg_balances(void *self,
                    uint32_t bucket,
                    struct ts_load_account *accounts,
                    size_t count,
                    int64_t *generation,
                    struct ts_error *err);
bool ts_pg_counters(void *self,
                    uint32_t bucket,
                    struct ts_counter_request *requests,
                    size_t count,
                    int64_t *generation,
                    struct ts_error *err);
bool ts_pg_identities(void *self,
                      struct ts_identity *identities,
                      size_t count,
                      struct ts_error *err);
bool ts_pg_commands(void *self,
                    struct ts_command_request *requests,
                    size_t count,
                    struct ts_error *err);
bool ts_pg_states(void *self,
                  int64_t now_ms,
                  struct ts_state_reading *readings,
                  size_t count,
                  struct ts_error *err);

/* profiles.c */
bool ts_pg_profiles(void *self,
                    struct ts_profile_request *requests,
                    size_t count,
                    struct ts_arena *arena,
                    struct ts_error *err);

/* outbox.c */
bool ts_pg_outbox(void *self,
                  struct ts_lane lane,
                  int64_t from,
                  int64_t to,
                  size_t max,
                  struct ts_arena *arena,
                  struct ts_outbox_page *out,
                  struct ts_error *err);
bool ts_pg_outbox_older(void *self,
                        const struct ts_outbox_mark *below,
                        size_t count,
                        struct ts_outbox_mark after,
                        size_t max,
                        struct ts_arena *arena,
                        struct ts_outbox_page *out,
                        struct ts_error *err);
bool ts_pg_outbox_trim(void *self, struct ts_lane lane, int64_t below, struct ts_error *err);
/* Rows of (topic, partition, offset, n, output, account_no, sequence, key, payload), at most `max`
 * of them. */
bool ts_pg_outbox_page(const struct ts_postgres *postgres,
                       const PGresult *rows,
                       size_t max,
                       struct ts_arena *arena,
                       struct ts_outbox_page *out,
                       struct ts_error *err);

/* settle.c */
void ts_pg_settle_init(struct ts_postgres *postgres);
void ts_pg_settle_finish(struct ts_postgres *postgres);
void ts_pg_settle_forget(struct ts_postgres *postgres); /* the connection is gone */
extern const struct ts_settle_ops ts_pg_settle_ops;

/* settle_refused.c: after the rollback, on the writing session. All return how many records they
 * marked; 0 with err set, or when there is nothing to blame. */
size_t ts_pg_find_refused(struct ts_postgres *postgres, struct ts_error *err);
size_t ts_pg_find_refused_commands(struct ts_postgres *postgres, struct ts_error *err);
size_t ts_pg_find_overflows(struct ts_postgres *postgres, struct ts_error *err);

#endif
