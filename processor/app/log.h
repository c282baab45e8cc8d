/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line an event on standard error, as logfmt or JSON, written by one write(2) so that
 * lines of several threads never mix. Any thread may log.
 *
 * A fault that repeats must not fill a disk: of each event name only the first few lines of a
 * period are written, and the next line after it tells how many were left out. Text passes through
 * ts_redact, and control characters are escaped, so neither a secret nor a forged line gets in. */
#ifndef TS_APP_LOG_H
#define TS_APP_LOG_H

#include "ports/observer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    TS_LOG_EVENTS_MAX = 64, /* names whose repeats are counted one by one; the rest share a slot */
    TS_LOG_NAME_MAX = 48,
    TS_LOG_BURST = 10,        /* lines of one event … */
    TS_LOG_PERIOD_MS = 10000, /* … in so long */
    TS_LOG_LINE_MAX = 2048,
};

struct ts_log_settings {
    enum ts_level level;
    bool json;
    int fd;                   /* standard error; a test's pipe */
    int64_t (*mono_ms)(void); /* NULL: CLOCK_MONOTONIC */
};

struct ts_log {
    struct ts_log_settings settings;
    pthread_mutex_t lock; /* of what follows */
    struct ts_log_slot {
        char event[TS_LOG_NAME_MAX];
        int64_t period_start_ms;
        uint32_t written;
        uint64_t suppressed;
    } slots[TS_LOG_EVENTS_MAX];
};

void ts_log_init(struct ts_log *log, const struct ts_log_settings *settings);
void ts_log_finish(struct ts_log *log);

/* The port by which everything else logs. Valid while the log lives. */
struct ts_observer ts_log_observer(struct ts_log *log);

#endif
