/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's inside, shared by the files of its stages and by nobody else. All of it belongs to
 * the worker's thread, except `draining` and the statistics. */
#ifndef TS_PIPELINE_WORKER_STATE_H
#define TS_PIPELINE_WORKER_STATE_H

#include "pipeline/account_cache.h"
#include "pipeline/beliefs.h"
#include "pipeline/identities.h"
#include "pipeline/jumps.h"
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
    int64_t claim_at_us;  /* its broker did not answer: not before then again */
    bool epoch_unsure;    /* the answer to a reopen was lost: perhaps it is ours and higher */
    bool waits;           /* no batch of it can be prepared in this turn */
    int64_t decode_at_us; /* a writer's schema or a rate plan is waited for: not before then */
    bool schema_said;     /* the former, and that was told */
    int64_t plan_wait_us; /* the latter, since then; 0: none is */
    int fenced_opens;     /* since the last open that was not: Redis has a higher token */
    int64_t checked_position; /* at the last look at its end … */
    int64_t checked_high;     /* … which was there */
    int strikes;              /* looks at which records were there and did not come */
    bool expect_tail;         /* the first message is the settled one at next_offset - 1 */
    bool has_tail;
    uint64_t tail_hash;
    bool replay_outbox; /* rows in [outbox_from, next_offset) may not have been told */
    int64_t outbox_from;
    struct ts_jumps jumps;
    struct ts_batch *filling;
    uint8_t undo_slot[TS_BUCKET_COUNT]; /* of the next call */
    struct ts_lane_stats *stats;
};

/* A decision made for a record that a first attempt could not settle. */
struct ts_known {
    struct ts_lane lane;
    int64_t offset;
    enum ts_reason reason; /* NONE: of a command, the rest: */
    bool over_limit;
    bool decided;
    int64_t delta_micros; /* when decided */
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
    size_t records_limit;       /* of the next one: less after one that did not end in time */
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

    int64_t schema_said_us; /* when a lane's wait for a writer's schema was told last; 0: never */

    bool source_answers; /* the last question to a broker was answered */
    int64_t check_at_us; /* when lanes are looked at again, … */
    size_t check_next;   /* … from this one on */

    int troubles; /* since the last settlement: the back-off grows with them */
    int64_t retry_at_us;
    int64_t probe_at_us; /* when an idle worker looks at PostgreSQL again */
    struct ts_error fatal;
    struct ts_worker_stats stats;
};

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
