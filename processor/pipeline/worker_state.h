/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's inside, shared by the files of its stages and by nobody else. All of it belongs to
 * the worker's thread, except `draining` and the statistics. */
#ifndef TS_PIPELINE_WORKER_STATE_H
#define TS_PIPELINE_WORKER_STATE_H

#include "pipeline/account_cache.h"
#include "pipeline/beliefs.h"
#include "pipeline/identities.h"
#include "pipeline/worker.h"
#include "pipeline/zone_cache.h"

#include <stdatomic.h>

enum ts_lane_phase {
    TS_LANE_ASSIGNED, /* to be claimed */
    TS_LANE_CLAIMED,  /* the epoch is ours; to be opened, then started */
    TS_LANE_OPEN,     /* messages flow */
    TS_LANE_FENCED,   /* somebody else claimed it; the group will tell, or we claim it again */
    TS_LANE_STOPPED   /* an alarm: a person must look */
};

struct ts_lane_state {
    struct ts_lane id;
    enum ts_lane_phase phase;
    int64_t epoch;
    int64_t next_offset;  /* settled below */
    int64_t position;     /* next offset to ingest */
    int64_t published;    /* committed to the group */
    int64_t trimmed;      /* outbox rows below are deleted */
    int64_t lookup_until; /* records below are looked up in PostgreSQL, whatever the filter says */
    int64_t fenced_us;    /* when we learnt it */
    bool epoch_unsure;    /* the answer to a reopen was lost: perhaps it is ours and higher */
    int fenced_opens;     /* since the last open that was not: Redis has a higher token */
    int64_t hole_seen;    /* a jump to this offset was met and asked for again; -1 when none */
    bool expect_tail;     /* the first message is the settled one at next_offset - 1 */
    bool has_tail;
    uint64_t tail_hash;
    bool replay_outbox; /* rows in [outbox_from, next_offset) may not have been told */
    int64_t outbox_from;
    struct ts_batch *filling;
    uint8_t undo_slot[TS_BUCKET_COUNT]; /* of the next call */
    struct ts_lane_stats *stats;
};

/* A decision made for a record that a first attempt could not settle. */
struct ts_known {
    struct ts_lane lane;
    int64_t offset;
    enum ts_reason reason;
};
enum { TS_KNOWN_MAX = 32768 }; /* more than a settlement has records */

/* A lane may be committed up to `end` once every ticket below `tickets` is acknowledged. */
struct ts_fence {
    struct ts_lane lane;
    int64_t end;
    uint64_t tickets;
    int64_t handed_us;
};
enum { TS_FENCES_MAX = 4096 };

enum ts_settling {
    TS_SETTLING_NOTHING,
    TS_SETTLING_LOCKING, /* started, not decided yet */
    TS_SETTLING_READING, /* states asked for */
    TS_SETTLING_WRITING  /* its COMMIT may happen any moment */
};

/* The settlement under way, and the memory that it takes. */
struct ts_settling_state {
    enum ts_settling phase;
    struct ts_settlement settlement;
    struct ts_batch_queue batches;
    struct ts_arena arena;
    struct ts_buffer scratch;
    struct ts_outbox_row *rows; /* of the settlement, growing in the arena */
    size_t row_count;
    size_t row_capacity;
    int64_t started_us;
};

/* The page of one lane's outbox that is being told again, after older rows of the same accounts. */
struct ts_replay {
    bool active;
    struct ts_lane lane;
    int64_t end; /* the lane's next_offset when the page was read */
    struct ts_outbox_page page;
    size_t next;
    struct ts_outbox_mark *below; /* the accounts of the page and their highest sequence in it */
    size_t below_count;
    struct ts_outbox_page older;
    size_t older_next;
    bool older_due; /* there may be more of them, after `after` */
    struct ts_outbox_mark after;
    struct ts_arena arena;
    struct ts_arena older_arena;
};

/* Messages on their way to the producer, in order. */
struct ts_publishing_state {
    const struct ts_outbox_row *rows; /* of the last settlement; NULL when all are handed over. They
                                         live in the settling arena, as `older` */
    size_t row_count;
    size_t row_next;
    const struct ts_outbox_row *older;
    size_t older_count;
    size_t older_next;
    bool fences_due; /* the settlement's lanes get their fences when all rows are handed over */
    bool broken;     /* the producer must be made anew before anything is handed over */
    int failures;    /* shortly after each other: the wait grows with them */
    int64_t failed_us;
    int64_t mend_at_us;
    int64_t trim_at_us;
    struct ts_replay replay;

    uint64_t ticket_next;
    uint64_t ticket_acked; /* all below are acknowledged */
    uint8_t *acked;        /* a ring over the tickets from ticket_acked on */
    size_t ring_size;      /* a power of two */
    struct ts_fence *fences;
    size_t fence_first;
    size_t fence_count;
};

struct ts_worker {
    struct ts_worker_ports ports;
    struct ts_worker_options options;
    enum ts_phase phase;
    atomic_bool draining;

    struct ts_lane_state *lanes[TS_LANES_MAX];
    size_t lane_count;
    struct ts_balances_identity identity;
    int64_t generations[TS_BUCKET_COUNT];

    struct ts_batch_pool *pool;
    struct ts_batch_queue ready;   /* full or old enough, to be prepared and charged */
    struct ts_batch *charging;     /* its calls are in Redis */
    struct ts_batch_queue charged; /* to be settled */
    struct ts_buffer undo;         /* scratch of the charge stage: what a call takes … */
    struct ts_buffer name;         /* … and the name of a counter */
    bool calls_in_flight;
    bool paused;        /* every lane is held back */
    bool worked;        /* it had open lanes: something may be left to take back, or to tell */
    int64_t blocked_us; /* since when the pool is empty; 0: it is not */

    struct ts_settling_state settling;
    struct ts_publishing_state publishing;

    struct ts_account_cache *accounts;
    struct ts_beliefs *beliefs;
    struct ts_zone_cache *zones;
    struct ts_identities *identities;
    struct ts_known known[TS_KNOWN_MAX];
    size_t known_count;
    int64_t usage_from_ms; /* start times that a leaf exists for */
    int64_t usage_to_ms;
    int64_t usage_read_us;

    int64_t decode_at_us;   /* a writer's schema is waited for: not before then again */
    int64_t schema_said_us; /* when that was told last; 0: none is waited for */

    int troubles; /* since the last settlement: the back-off grows with them */
    int64_t retry_at_us;
    int64_t probe_at_us; /* when an idle worker looks at PostgreSQL again */
    struct ts_error fatal;
    struct ts_worker_stats stats;
};

/* --- lanes.c: the lanes, and what the group and the servers say of them */
struct ts_lane_state *ts_worker_lane(struct ts_worker *worker, struct ts_lane id);
/* Handles an event that is no message. */
void ts_worker_source_event(struct ts_worker *worker, const struct ts_source_event *event);
void ts_lane_stop(struct ts_worker *worker, struct ts_lane_state *lane, const char *why);
void ts_worker_pause(struct ts_worker *worker, bool paused);

/* --- reopen.c: connect, claim, open */
/* Drops everything in flight; the next step begins anew at REOPENING or DISCONNECTED. `err` is what
 * happened: FATAL stops the worker. */
void ts_worker_trouble(struct ts_worker *worker, enum ts_phase phase, const struct ts_error *err);
void ts_worker_connect(struct ts_worker *worker);
void ts_worker_reopen(struct ts_worker *worker);

/* --- ingest.c: messages into batches. All stages return true when they got something done. */
bool ts_worker_ingest(struct ts_worker *worker, int wait_ms);

/* --- prepare.c: decode, validate, rate, take out duplicates */
enum ts_prepared { TS_PREPARED, TS_PREPARE_LATER, TS_PREPARE_TROUBLE };
enum ts_prepared ts_worker_prepare(struct ts_worker *worker, struct ts_batch *batch);
void ts_batch_untrack(struct ts_worker *worker, struct ts_batch *batch);
void ts_worker_know(struct ts_worker *worker,
                    const struct ts_record *record,
                    enum ts_reason reason);

/* --- included.c: finds the allowances that each call to be settled may draw on */
bool ts_worker_include(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err);

/* --- charge.c: into Redis */
bool ts_worker_charge(struct ts_worker *worker);
/* Gives a batch's memory back, whatever it was for. */
void ts_worker_discard(struct ts_worker *worker, struct ts_batch *batch);

/* --- settlement.c: from batches to one settlement, and what its movements mean */
bool ts_settlement_build(struct ts_worker *worker, struct ts_error *err);
/* At LOCKED: gives every record its movement and balance, and finds the accounts whose state must
 * be read: settlement.states (without reading them). */
bool ts_settlement_number(struct ts_worker *worker, struct ts_error *err);
/* Judges the states read, and composes the outbox rows. */
bool ts_settlement_tell(struct ts_worker *worker, struct ts_error *err);

/* --- settle_counters.c: the included units of a settlement */
/* Makes settlement.counters; each draw that took something knows its own by its `place`. */
bool ts_settle_counters_add(struct ts_worker *worker);
/* On the locked rows: whether this settlement uses the allowance's last unit. */
bool ts_settle_counter_exhausted(const struct ts_settle_counter *counter);

/* --- settle_stage.c: one settlement at a time */
bool ts_worker_settle(struct ts_worker *worker, int wait_ms);
/* Ends the settlement under way, for a reopen: abandons it, or waits for a COMMIT that was sent.
 * False when its outcome can't be had on this connection. */
bool ts_worker_settle_end(struct ts_worker *worker);
/* After a new connection: the settlement under way is nobody's any more. */
void ts_worker_settle_forget(struct ts_worker *worker);

/* --- publish.c: the outbox to the output topics, and the watermark */
bool ts_worker_publish(struct ts_worker *worker);
/* A settlement is committed: its rows are to be handed over. */
void ts_publish_settled(struct ts_worker *worker);
/* False while rows wait to be handed over, or an outbox is still to be replayed. */
bool ts_publish_ready(const struct ts_worker *worker);
bool ts_publish_idle(const struct ts_worker *worker);
bool ts_publish_init(struct ts_worker *worker, struct ts_error *err);
void ts_publish_finish(struct ts_worker *worker);
/* False when the row can't be taken now. */
bool ts_publish_hand_over(struct ts_worker *worker, const struct ts_outbox_row *row);
/* The same, for a row that must come before another of its account: it need not be handed over
 * again when it was already, in its order. */
bool ts_publish_hand_over_older(struct ts_worker *worker, const struct ts_outbox_row *row);
void ts_publish_add_fence(struct ts_worker *worker, struct ts_lane lane, int64_t end);

/* --- replay.c: rows that were settled and perhaps never told */
bool ts_replay_due(const struct ts_worker *worker);
bool ts_worker_replay(struct ts_worker *worker);
/* Whatever page is being told is read again. */
void ts_replay_forget(struct ts_worker *worker);

static inline int64_t ts_worker_now_ms(const struct ts_worker *worker)
{
    return worker->ports.clock.ops->wall_ms(worker->ports.clock.self);
}

static inline int64_t ts_worker_now_us(const struct ts_worker *worker)
{
    return worker->ports.clock.ops->mono_us(worker->ports.clock.self);
}

#define TS_SAY(worker, level, event, ...)                                                          \
    (worker)->ports.observer.ops->say((worker)->ports.observer.self, level, event, __VA_ARGS__)

#endif
