/* SPDX-License-Identifier: Apache-2.0 */
/* A background thread that does the same thing every few seconds until it is told to stop. It may
 * be in the middle of it then: whoever stops it can wait for the end by looking, and need not. */
#ifndef TS_APP_DUTY_H
#define TS_APP_DUTY_H

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct ts_duty {
    int (*turn)(void *self); /* returns the seconds until the next */
    void *self;
    pthread_mutex_t lock; /* of `stopping` */
    pthread_cond_t wake;
    bool stopping;
    bool running; /* the thread was started; the starter's */
    pthread_t thread;
    atomic_bool ended;
};

void ts_duty_init(struct ts_duty *duty, int (*turn)(void *self), void *self);

/* The first turn comes at once. Class FATAL when there is no thread for it. */
bool ts_duty_start(struct ts_duty *duty, struct ts_error *err);

/* No further turn from now on. Any thread. */
void ts_duty_drain(struct ts_duty *duty);

/* Whether no turn is under way, nor will be. */
bool ts_duty_ended(const struct ts_duty *duty);

/* Drains, waits for the end, and frees what init made. */
void ts_duty_finish(struct ts_duty *duty);

#endif
