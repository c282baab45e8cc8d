/* SPDX-License-Identifier: Apache-2.0 */
#include "app/duty.h"

#include <time.h>

void ts_duty_init(struct ts_duty *duty, int (*turn)(void *self), void *self)
{
    pthread_condattr_t steady; /* a clock that is set back must not make it sleep for so long */
    *duty = (struct ts_duty){.turn = turn, .self = self};
    pthread_mutex_init(&duty->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&duty->wake, &steady);
    pthread_condattr_destroy(&steady);
}

/* False when told to stop. */
static bool sleep_for(struct ts_duty *duty, int seconds)
{
    struct timespec until;
    int woken = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&duty->lock);
    while (!duty->stopping && woken == 0) {
        woken = pthread_cond_timedwait(&duty->wake, &duty->lock, &until);
    }
    bool going = !duty->stopping;
    pthread_mutex_unlock(&duty->lock);
    return going;
}

static void *work(void *self)
{
    struct ts_duty *duty = self;
    int wait_s = 0;
    while (sleep_for(duty, wait_s)) {
        wait_s = duty->turn(duty->self);
    }
    atomic_store(&duty->ended, true);
    return NULL;
}

bool ts_duty_start(struct ts_duty *duty, struct ts_error *err)
{
    if (pthread_create(&duty->thread, NULL, work, duty) != 0) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "no thread for a background duty");
    }
    duty->running = true;
    return true;
}

void ts_duty_drain(struct ts_duty *duty)
{
    pthread_mutex_lock(&duty->lock);
    duty->stopping = true;
    pthread_cond_signal(&duty->wake);
    pthread_mutex_unlock(&duty->lock);
}

bool ts_duty_ended(const struct ts_duty *duty)
{
    return !duty->running || atomic_load(&duty->ended);
}

void ts_duty_finish(struct ts_duty *duty)
{
    if (duty->running) {
        ts_duty_drain(duty);
        pthread_join(duty->thread, NULL);
    }
    pthread_mutex_destroy(&duty->lock);
    pthread_cond_destroy(&duty->wake);
}
