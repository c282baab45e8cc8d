/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: one member of the consumer group with its own connections, and the five stages between
 * them: ingest, prepare (decode, validate, rate), charge, settle, publish. It is stepped by its
 * caller on one thread, knows no library and takes time from a port; so a seeded simulation can run
 * the very same code against fakes that fail.
 *
 * What it guarantees, whatever dies: every input ends once as settled, duplicate or dead letter;
 * money moves exactly once; each event is in the outbox before its input counts as done. It does so
 * by one rule: on any trouble it drops what is in flight and *reopens*: asks PostgreSQL where each
 * lane stands, takes back in Redis what is not settled, and decides it afresh. */
#ifndef TS_PIPELINE_WORKER_H
#define TS_PIPELINE_WORKER_H

#include "base/error.h"
#include "core/decide.h"
#include "pipeline/batch.h"
#include "pipeline/stats.h"
#include "ports/clock.h"
#include "ports/codec.h"
#include "ports/observer.h"
#include "ports/publisher.h"
#include "ports/rates.h"
#include "ports/settle.h"
#include "ports/source.h"
#include "ports/zones.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_worker_ports {
    struct ts_source source;
    struct ts_codec codec;
    struct ts_rates rates;
    struct ts_balances balances;
    struct ts_ledger ledger;
    struct ts_settle settle;
    struct ts_publisher publisher;
    struct ts_zones zones; /* of accounts with allowances */
    struct ts_clock clock;
    struct ts_observer observer;
};

struct ts_worker_options {
    struct ts_batch_limits batch;
    int linger_ms;             /* how long a batch waits to fill up */
    size_t settle_records_max; /* of one settle transaction */
    size_t account_cache_entries;
    size_t belief_entries;       /* how much of allowances was used */
    size_t recent_identities;    /* the filter's size */
    size_t unacknowledged_max;   /* messages handed to the producer */
    int retry_first_ms;          /* back-off after trouble: doubles … */
    int retry_max_ms;            /* … up to here */
    int64_t lookups_after_claim; /* records looked up in PostgreSQL, whatever the filter says */
    bool stop_unknown_lanes;     /* one never settled before waits for a person */
    int64_t fenced_retry_ms;     /* a lane we lost but are still assigned: claim again after */
    int64_t idle_probe_ms;       /* an idle worker looks whether PostgreSQL is still there */
    int64_t lane_check_ms;       /* brokers are asked where lanes end, so often */
    /* An empty pool for longer than this: the lanes are held back, so that the source can be polled
     * (and membership kept) without getting messages. Not at once: holding back throws away what
     * was fetched ahead. */
    int64_t hold_back_after_ms;
    int64_t settle_timeout_ms; /* a settle without an end: cut the connection */
    int64_t duration_tolerance_ms;
    /* Tolerance of one source of CDRs; NULL: duration_tolerance_ms for all. */
    int64_t (*tolerance_of)(void *self, struct ts_bytes source);
    void *tolerance_self;
    struct ts_bytes topics[TS_INPUT_COUNT]; /* names, for dead letters */
    struct ts_decide_settings decide;
};

void ts_worker_options_default(struct ts_worker_options *options);

struct ts_worker;

/* Copies the options; the ports must outlive it. */
struct ts_worker *ts_worker_create(const struct ts_worker_ports *ports,
                                   const struct ts_worker_options *options,
                                   struct ts_error *err);
void ts_worker_destroy(struct ts_worker *worker);

/* One turn: does what can be done now, and waits at most `wait_ms` if that is nothing. Returns
 * false when it can't go on (a fatal error, which was said): destroy it and end the process. */
bool ts_worker_step(struct ts_worker *worker, int wait_ms);

/* From now on takes no new input; what was charged is settled and published. May be called from any
 * thread. */
void ts_worker_drain(struct ts_worker *worker);

/* True when draining and nothing is left in flight. */
bool ts_worker_drained(const struct ts_worker *worker);

const struct ts_worker_stats *ts_worker_stats(const struct ts_worker *worker);

#endif
