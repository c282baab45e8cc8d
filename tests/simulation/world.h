/* SPDX-License-Identifier: Apache-2.0 */
/* One simulated world: a few processes, each with the real worker on fake ports, and everything
 * that goes wrong around them, all drawn from one seed. First the faults, then calm: whatever was
 * left must end by itself; then a call on each account, so that every balance is in Redis; then the
 * judge looks. */
#ifndef TS_TESTS_SIMULATION_WORLD_H
#define TS_TESTS_SIMULATION_WORLD_H

#include "tests/fakes/fake_calls.h"
#include "tests/fakes/fake_fiber.h"
#include "tests/fakes/fake_host.h"
#include "tests/fakes/fake_kafka.h"
#include "tests/fakes/fake_postgres.h"
#include "tests/fakes/fake_redis.h"

#include "pipeline/worker.h"

#include <stdbool.h>
#include <stdint.h>

struct process {
    struct world *world;
    int number; /* from 1; 0: the slot is unused */
    bool alive;
    bool draining;
    bool failed; /* a partition of it stopped: a person starts it again */
    int64_t wake_us;
    int64_t stopped_until_us; /* SIGSTOP */
    int64_t expires_us;       /* when the group gives it up, 0: it does not */
    struct fake_fiber *fiber;
    struct ts_worker *worker;
    struct fake_member *member;
    struct fake_session session;
    struct fake_redis_client client;
    struct fake_clock clock;
};

/* An account as the world made it, for the judge. */
struct made_account {
    int64_t opening_micros;
    int threshold_count;
    int64_t thresholds_micros[TS_THRESHOLDS_MAX];
    bool absent_at_first;
    int64_t units[FAKE_ALLOWANCES]; /* a month; -1: it has no such allowance */
    int64_t closed_ms;              /* INT64_MAX: never */
    bool at_limit;                  /* so low that charges pass the limit */
};

struct world {
    struct fake_host host;
    struct fake_kafka kafka;
    struct fake_redis redis;
    struct fake_postgres postgres;
    struct fake_rates rates;
    struct process processes[FAKE_PROCESSES];
    int process_count; /* ever started */
    bool crowded;      /* many calls at once on one account: undo slots run out */
    int alive_max;
    int wait_ms; /* of each step */
    struct ts_worker_options options;

    int account_count;
    struct made_account accounts[FAKE_ACCOUNTS];
    struct fake_message planned[FAKE_LANES][FAKE_MESSAGES]; /* to be appended */
    int planned_count[FAKE_LANES];
    int numbers; /* identities used so far */

    int big_faults_left;
    unsigned big_fault_permille;
    unsigned append_permille;
    int64_t faulty_ticks;
    int64_t ticks;
    size_t told_matched; /* how many of the told messages the outbox's flags know of */
};

/* NULL when all is well, else the violation, valid until the next run. Zero the world before the
 * first run; it keeps its large memory between runs. */
const char *world_run(struct world *world, uint64_t seed, const char *without, bool trace);
void world_finish(struct world *world);

/* Ids of the accounts: all in few buckets, so that they meet there. */
const char *world_account_id(int account);
void world_make_accounts(struct world *world);
void world_plan_messages(struct world *world);
void world_plan_probes(struct world *world);

/* --- faults.c */
void world_draw_fault(struct world *world);
void world_heal(struct world *world);
struct process *world_start_process(struct world *world);
void world_kill(struct world *world, struct process *process);

#endif
