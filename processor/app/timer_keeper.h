/* SPDX-License-Identifier: Apache-2.0 */
/* The background thread that puts what falls due by time on the credits topic as TimerDue: a
 * recharge that nobody answered, a back-off that is over. So an account without calls is not
 * forgotten, and every change of an account still has a record of an input topic.
 *
 * Every process runs one; an advisory lock in PostgreSQL lets one of them have the duty, and passes
 * it on when that one dies. Nothing is decided here, and nothing rests on being told once: the
 * settle finds what is due on the locked row, and a command_id is applied once. */
#ifndef TS_APP_TIMER_KEEPER_H
#define TS_APP_TIMER_KEEPER_H

#include "app/config.h"
#include "app/duty.h"
#include "base/error.h"
#include "ports/observer.h"

#include <stdatomic.h>
#include <stdint.h>

struct ts_timer_keeper;

/* Written by the keeper's thread, read by any. */
struct ts_timer_stats {
    _Atomic uint64_t told; /* timers put on the topic */
    atomic_int duty;       /* 1: this process has it */
};

/* NULL: class FATAL. Servers that are away are no failure: the thread tries again. The config
 * outlives it. */
struct ts_timer_keeper *ts_timer_keeper_start(const struct ts_config *config,
                                              struct ts_observer observer,
                                              struct ts_error *err);
/* Waits for what it is doing. Takes NULL. */
void ts_timer_keeper_stop(struct ts_timer_keeper *keeper);

/* To be drained ahead of stop. */
struct ts_duty *ts_timer_keeper_duty(struct ts_timer_keeper *keeper);

const struct ts_timer_stats *ts_timer_keeper_stats(const struct ts_timer_keeper *keeper);

#endif
