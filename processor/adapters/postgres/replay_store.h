/* SPDX-License-Identifier: Apache-2.0 */
/* The replays that settle something: what each reads, how far it is, what it did. A connection that
 * lasts as long as the store, because the lock on a replay does. One thread. */
#ifndef TS_ADAPTERS_POSTGRES_REPLAY_STORE_H
#define TS_ADAPTERS_POSTGRES_REPLAY_STORE_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/adjustment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_REPLAY_NAME_MAX = 64, TS_REPLAY_TEXT_MAX = 256, TS_REPLAY_PARTITIONS_MAX = 10000 };

/* How far the live stream is in one partition. */
struct ts_replay_position {
    int32_t partition;
    int64_t first_offset; /* where it began */
    int64_t next_offset;
    bool has_tail;
    uint64_t tail_hash; /* of the record at next_offset - 1 */
};

struct ts_replay_range {
    int32_t partition;
    int64_t from;
    int64_t to;
    int64_t next; /* what is below was compared, and its adjustments are on their topic */
};

struct ts_replay_generation {
    int32_t generation;
    char name[TS_REPLAY_NAME_MAX + 1];
    char operator_name[TS_REPLAY_TEXT_MAX + 1];
    char reason[TS_REPLAY_TEXT_MAX + 1];
    char topic[TS_REPLAY_TEXT_MAX + 1];
    char account[TS_REPLAY_TEXT_MAX + 1]; /* "": any; likewise below */
    char category[TS_REPLAY_TEXT_MAX + 1];
    char prefix[TS_REPLAY_TEXT_MAX + 1];
    int64_t deck_version; /* 0: none was chosen */
    bool at_one_moment;
    int64_t effective_ms;
    int64_t versions_max;
    int32_t reverts; /* 0: it is no revert */
    char status[16]; /* as the table has them */
    int64_t created_ms;
    int64_t updated_ms;

    /* Out of `list` alone: what is settled of it. */
    int64_t settled;
    int64_t settled_micros;
    /* And its totals, as far as it told; a revert has `sent` alone. */
    int64_t read;
    int64_t compared;
    int64_t up;
    int64_t down;
    int64_t difference_micros;
    int64_t sent;
    int64_t requeued;
};

struct ts_replay_store;

struct ts_replay_store *ts_replay_store_open(const char *url, struct ts_error *err);
void ts_replay_store_close(struct ts_replay_store *store);

/* By partition; the caller frees *out. */
bool ts_replay_store_positions(struct ts_replay_store *store,
                               const char *group,
                               const char *topic,
                               struct ts_replay_position **out,
                               size_t *count,
                               struct ts_error *err);

/* Makes it and takes its lock. Class REJECT when there is one of the name. */
bool ts_replay_store_create(struct ts_replay_store *store,
                            struct ts_replay_generation *generation,
                            const struct ts_replay_range *ranges,
                            size_t count,
                            struct ts_error *err);

struct ts_replay_visitor {
    void (*visit)(void *self, const struct ts_replay_generation *generation);
    void *self;
};

/* All, or the one that has this name or number. */
bool ts_replay_store_list(struct ts_replay_store *store,
                          const char *name,
                          const struct ts_replay_visitor *visitor,
                          struct ts_error *err);

/* The one that has this name or number. Class REJECT when there is none. */
bool ts_replay_store_find(struct ts_replay_store *store,
                          const char *name,
                          struct ts_replay_generation *out,
                          struct ts_error *err);

/* The caller frees *out. */
bool ts_replay_store_ranges(struct ts_replay_store *store,
                            int32_t generation,
                            struct ts_replay_range **out,
                            size_t *count,
                            struct ts_error *err);

/* So that one process at a time works on it: until the store is closed. Class REJECT when another
 * has it. */
bool ts_replay_store_lock(struct ts_replay_store *store, int32_t generation, struct ts_error *err);

/* `totals` is JSON. Without totals (NULL) or ranges (none) what is stored of them stays. */
bool ts_replay_store_progress(struct ts_replay_store *store,
                              int32_t generation,
                              const char *status,
                              const struct ts_replay_range *ranges,
                              size_t count,
                              const char *totals,
                              int64_t now_ms,
                              struct ts_error *err);

/* Closes its dead letters on the topic that were refused because another replay came before, and
 * counts them: those calls are to be compared again. When there is any, its progress is set back to
 * the beginning by the same commit: the letters were all that told of those calls. */
bool ts_replay_store_superseded(struct ts_replay_store *store,
                                const struct ts_replay_generation *generation,
                                const char *topic,
                                int64_t now_ms,
                                int64_t *count,
                                struct ts_error *err);

/* An adjustment that is to be taken back. */
struct ts_replay_reversal {
    struct ts_bytes account_id;
    struct ts_adjustment adjustment; /* what takes it back, but for the generation */
    bool moved_on;                   /* another replay adjusted the call since */
};

struct ts_replay_reversal_visitor {
    bool (*visit)(void *self, const struct ts_replay_reversal *reversal, struct ts_error *err);
    void *self;
};

/* Those of a generation that `by` (0: none yet) has not taken back, by account. */
bool ts_replay_store_reversals(struct ts_replay_store *store,
                               int32_t generation,
                               int32_t by,
                               const struct ts_replay_reversal_visitor *visitor,
                               struct ts_error *err);

#endif
