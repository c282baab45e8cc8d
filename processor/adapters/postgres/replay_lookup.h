/* SPDX-License-Identifier: Apache-2.0 */
/* How the calls of a replay stand in the books, a page of some thousands at a time. A page is asked
 * for and read in two steps, so that the caller prepares the next one on another object meanwhile.
 * A call that is settled at the charge it is rated to now is not even sent back: most are.
 *
 * Each object has a connection of its own and is used by one thread. A connection that breaks ends
 * the replay, which can be resumed. */
#ifndef TS_ADAPTERS_POSTGRES_REPLAY_LOOKUP_H
#define TS_ADAPTERS_POSTGRES_REPLAY_LOOKUP_H

#include "base/error.h"
#include "core/adjustment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ts_replay_standing {
    TS_REPLAY_ABSENT,    /* not settled */
    TS_REPLAY_EQUAL,     /* settled at this charge, never adjusted */
    TS_REPLAY_SETTLED,   /* settled: the fields below tell how */
    TS_REPLAY_ELSEWHERE, /* settled from another place of the topic: this record is a duplicate */
    TS_REPLAY_CONFLICT,  /* settled with another content */
    TS_REPLAY_RETIRED,   /* began before the oldest usage that is kept */
};

enum { TS_REPLAY_WHOLE = -1 };

struct ts_replay_asked {
    int64_t start_ms;
    uint64_t identity_hash; /* of generation 0 */
    uint64_t fingerprint;
    int32_t partition;
    int64_t offset;
    int64_t charge_micros; /* rated; TS_REPLAY_WHOLE: tell how it is settled in any case */
    bool known;            /* `standing` is set already: not asked for */

    /* Out. The units live until the object's next page. */
    enum ts_replay_standing standing;
    bool adjusted;
    int64_t account_no;
    int64_t movement;       /* of the settlement */
    int64_t follows;        /* of the last row about the call: its, or an adjustment's */
    int64_t settled_micros; /* the charge by now */
    int64_t billed;         /* not known (-1) when it was adjusted, like: */
    int32_t category;       /* enum ts_category */
    int32_t unit;           /* enum ts_unit */
    const struct ts_adjustment_units *units; /* of the settlement and all adjustments */
    size_t unit_count;
};

/* A dead letter of the topic, by its place. */
struct ts_replay_letter {
    int32_t partition;
    int64_t offset;

    int64_t id; /* out: 0: there is none here */
    bool open;
    char reason[32];
};

struct ts_replay_lookup;

/* `topic` is the one the places are of. */
struct ts_replay_lookup *
ts_replay_lookup_open(const char *url, const char *topic, struct ts_error *err);
void ts_replay_lookup_close(struct ts_replay_lookup *lookup);

/* Both in one thread, each start followed by its finish; asked[] stands still between. */
bool ts_replay_lookup_start(struct ts_replay_lookup *lookup,
                            struct ts_replay_asked *asked,
                            size_t count,
                            struct ts_error *err);
bool ts_replay_lookup_finish(struct ts_replay_lookup *lookup, struct ts_error *err);

bool ts_replay_lookup_letters(struct ts_replay_lookup *lookup,
                              struct ts_replay_letter *letters,
                              size_t count,
                              struct ts_error *err);

#endif
