/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper of the usage partitions ("leaves"): makes them ahead of the calls, never inside a
 * settle, and closes them behind. A hot leaf is cheap to write: its key and a BRIN bloom index on
 * the account. A closed one is cheap to read: frozen, with a btree on (account, start_time).
 *
 * It has a connection of its own and may take minutes over a big leaf, so it runs on a background
 * thread. Any number of processes may run one: an advisory lock lets one of them work at a time.
 *
 * How long detail is kept is the operator's decision: without a retention leaves stay for ever. A
 * leaf whose time is over is taken away in one transaction with a note of what the books need of it
 * (tables usage_carried…), so that balances, audits and reports of the months that are left go on
 * adding up; calls that begin in its time are `too_old` from then on, and no leaf is made for that
 * time again. A detached leaf stays as a table of its own. */
#ifndef TS_ADAPTERS_POSTGRES_PARTITIONS_H
#define TS_ADAPTERS_POSTGRES_PARTITIONS_H

#include "base/error.h"
#include "ports/observer.h"

#include <stdbool.h>
#include <stdint.h>

enum ts_retention_action { TS_RETENTION_DETACH, TS_RETENTION_DROP };

struct ts_partitions_options {
    const char *url;
    int32_t leaf_hours;        /* 1, 6 or 24: a leaf should stay below 3 million rows */
    int32_t history_days;      /* how far back new leaves reach: older calls are `too_old` */
    int32_t ahead_days;        /* at least 2: calls may begin a day ahead of our clock */
    int32_t close_after_hours; /* after a leaf's end, for CDRs that come late */
    int32_t
        retention_days; /* after a leaf's end it is taken away; at least history_days; 0: never */
    enum ts_retention_action retention_action;
    struct ts_observer observer; /* ops may be NULL */
};

/* Everything but url and observer: days of 24 h, 62 back, 3 ahead, closed after 6 h, kept for
 * ever.
 */
struct ts_partitions_options ts_partitions_defaults(void);

struct ts_partitions;

/* Copies the options; connects when first used. REJECT for numbers out of range. */
struct ts_partitions *ts_partitions_create(const struct ts_partitions_options *options,
                                           struct ts_error *err);
void ts_partitions_destroy(struct ts_partitions *partitions);

/* Makes every leaf that is missing from history_days back to ahead_days ahead; leaves that are
 * there are kept, whatever their size. Waits for another process that is at it. To be called before
 * the first settle and then every few minutes. */
bool ts_partitions_ensure(struct ts_partitions *partitions, int64_t now_ms, struct ts_error *err);

/* Brings the hot leaves' index up to date, closes at most one leaf and takes away at most one, the
 * oldest that are due; `more` (may be NULL) tells whether others are. While a long query reads the
 * usage none is taken away. Does nothing while another process is at it. */
bool ts_partitions_tend(struct ts_partitions *partitions,
                        int64_t now_ms,
                        bool *more,
                        struct ts_error *err);

#endif
