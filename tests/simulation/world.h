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
#include "tests/fakes/fake_orders.h"
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
    struct ts_account_state opening; /* its settings and its balance */
    bool absent_at_first;
    int64_t units[FAKE_ALLOWANCES]; /* a month; -1: it has no such allowance */
    bool at_limit;                  /* so low, or so high, that movements pass the limit */
};

/* Those who are told of recharges, and who have an eye on what falls due (services.c). */
enum { SERVICE_ANSWERS = 64, SERVICE_SEEN = 512 };
struct services {
    size_t read; /* messages of the output topics */
    char seen[SERVICE_SEEN][48];
    size_t seen_count;
    struct {
        int64_t due_us;
        struct fake_order order;
    } answers[SERVICE_ANSWERS];
    size_t answer_count;
    struct {
        int64_t due_ms; /* the timer that was told last, … */
        int64_t at_us;  /* … when */
        int times;      /* … and how often */
    } timers[FAKE_ACCOUNTS];
    int messages_left; /* what they may still append */
};

/* Somebody who replays calls and finds that they cost something else (replays.c). */
struct replays {
    int messages_left; /* what may still be appended */
    int generations;
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
    int planned_next[FAKE_LANES];
    int numbers; /* identities used so far */
    int order_numbers;
    struct services services;
    struct replays replays;
    int64_t ever_closed_ms[FAKE_ACCOUNTS]; /* the judge's */

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
int world_some_lane(struct world *world, enum ts_input input);
void world_plan_messages(struct world *world);
void world_plan_probes(struct world *world);

/* --- orders.c */
/* What an account has beside its balance. */
void world_draw_settings(struct fake_random *random, struct ts_account_state *state);
/* One that is like a former one, or new. */
void world_draw_order(struct world *world, struct fake_order *out);

/* --- services.c */
void world_serve(struct world *world);
bool world_is_served(const struct world *world);

/* --- replays.c */
void world_replay(struct world *world);
bool world_is_replayed(const struct world *world);

/* --- faults.c */
void world_draw_fault(struct world *world);
void world_heal(struct world *world);
struct process *world_start_process(struct world *world);
void world_kill(struct world *world, struct process *process);

#endif
