/* SPDX-License-Identifier: Apache-2.0 */
/* What all fakes of one simulated world share: its chance, its time, its budget of faults, and the
 * places where a process may be left. */
#ifndef TS_TESTS_FAKES_FAKE_HOST_H
#define TS_TESTS_FAKES_FAKE_HOST_H

#include "tests/fakes/fake_random.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "ports/clock.h"
#include "ports/lane.h"
#include "ports/observer.h"

#include <stdbool.h>
#include <stdint.h>

/* Limits of a world. Small: what can go wrong goes wrong with few of each. */
enum {
    FAKE_CALL_LANES = 3,
    FAKE_ORDER_LANES = 2,
    FAKE_ADJUSTMENT_LANES = 2,
    FAKE_LANES = FAKE_CALL_LANES + FAKE_ORDER_LANES + FAKE_ADJUSTMENT_LANES,
    FAKE_ACCOUNTS = 8,
    FAKE_ALLOWANCES = 2, /* of one account, in the order in which they are drawn on */
    FAKE_MONTHS = 2,
    FAKE_COUNTERS = FAKE_ALLOWANCES * FAKE_MONTHS,
    FAKE_MESSAGES = 160, /* of one partition */
    FAKE_PROCESSES = 40,
};

struct fake_host {
    struct fake_random random;
    int64_t now_us;
    bool faulty;              /* false: everything works from now on */
    int faults_left;          /* lost answers, refusals: at most so many */
    unsigned pause_permille;  /* how often a process is left at a port call */
    unsigned linger_permille; /* how often a server is slow */
    const char *without;      /* the piece of the protocol that is taken away, or NULL */
    bool trace;
    int process;                    /* which one runs, 0: the world itself */
    int64_t wake_us;                /* when the one that yielded wants to go on */
    char violation[512];            /* the first one met, "" when none */
    struct ts_arena memory;         /* of everything that lives as long as the world */
    int partitions[TS_INPUT_COUNT]; /* of each input topic */
    int64_t day_ms;                 /* the length of a day there (fake_orders.h) */
};

/* The lanes of a world are numbered through: the partitions of the topic of calls, then those of
 * the credits topic, then those of the adjustments topic. */
int fake_lane_count(const struct fake_host *host);
int fake_lane_number(const struct fake_host *host, struct ts_lane lane);
struct ts_lane fake_lane(const struct fake_host *host, int number);

/* A port call: here others may run, and here this process may be killed or stopped. */
void fake_pause(struct fake_host *host);
/* The same, and sometimes the answer takes its time. */
void fake_linger(struct fake_host *host);
/* Waits: others run until then. */
void fake_sleep(struct fake_host *host, int64_t us);

/* True when a fault shall happen here; takes one from the budget. */
bool fake_fault(struct fake_host *host, unsigned permille);
bool fake_chance(struct fake_host *host, unsigned permille);

/* True for the piece of the protocol that this world is to do without (base/without.h is how the
 * pipeline asks). */
bool fake_without(const struct fake_host *host, const char *piece);
void fake_take_away(struct fake_host *host, const char *piece); /* NULL: nothing */

void fake_trace(struct fake_host *host, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Only the first is kept. */
void fake_violation(struct fake_host *host, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct ts_bytes fake_copy(struct fake_host *host, struct ts_bytes bytes);
void *fake_take(struct fake_host *host, size_t size);

/* A lost connection, a server that is away. Returns false. */
bool fake_away(struct ts_error *err, const char *what);

/* One process's clock (its wall time is off by some skew) and its voice. */
struct fake_clock {
    struct fake_host *host;
    int64_t skew_ms;
};
struct ts_clock fake_clock_port(struct fake_clock *clock);
struct ts_observer fake_observer_port(struct fake_host *host);

#define FAKE_EPOCH_MS INT64_C(1790000000000) /* wall time at now_us = 0: in 2026 */

#endif
