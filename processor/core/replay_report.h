/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of a replay: over everything, by account, by category and by category and prefix, and
 * how the differences spread. Memory grows with the accounts that change and the prefixes of the
 * decks, not with the calls. A sum beyond 64 bits stays at the limit. Pure. */
#ifndef TS_CORE_REPLAY_REPORT_H
#define TS_CORE_REPLAY_REPORT_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What became of records that make no difference. */
#define TS_REPLAY_SKIPS(X)                                                                         \
    X(FILTERED, "filtered_out", "of another account, category or prefix")                          \
    X(DUPLICATE, "duplicate", "settled from another place of the topic")                           \
    X(CONFLICT, "identity_conflict", "settled before with another content")                        \
    X(STILL_REFUSED, "still_refused", "a dead letter, and would be one again")                     \
    X(REQUEUED, "requeued", "a dead letter that was put back, or closed")                          \
    X(RETIRED, "retired", "began before the oldest usage that is kept")                            \
    X(MISSING, "missing", "neither settled nor a dead letter: see `tollstream audit`")

enum ts_replay_skip {
#define X(symbol, name, text) TS_REPLAY_SKIP_##symbol,
    TS_REPLAY_SKIPS(X)
#undef X
        TS_REPLAY_SKIP_COUNT
};
const char *ts_replay_skip_name(enum ts_replay_skip skip);
const char *ts_replay_skip_text(enum ts_replay_skip skip);

/* Charges as settled and as rated now, and the calls between. */
struct ts_replay_tally {
    struct ts_bytes key;
    int64_t calls;
    int64_t up; /* calls that cost more now */
    int64_t down;
    int64_t settled_micros;
    int64_t rated_micros;
};

/* What the charges change by: above 0 when calls cost more now. */
int64_t ts_replay_tally_difference(const struct ts_replay_tally *tally);

/* Tallies by key. */
struct ts_replay_tallies {
    struct ts_replay_tally **slots; /* a hash table */
    size_t capacity;
    size_t count;
    struct ts_arena arena; /* of tallies and keys */
};

/* By the size of a call's difference: below 0.0001, 0.001, …, 1000, and above; either way. */
enum { TS_REPLAY_DECADES = 9, TS_REPLAY_HISTOGRAM = 2 * TS_REPLAY_DECADES };

struct ts_replay_report {
    int64_t read;
    struct ts_replay_tally total; /* calls: all that were compared */
    int64_t units_only;           /* changed, but in included units alone */
    int64_t units;                /* included units used more, or less */
    int64_t skipped[TS_REPLAY_SKIP_COUNT];
    struct ts_replay_tallies accounts; /* that change */
    struct ts_replay_tallies categories;
    struct ts_replay_tallies prefixes; /* "category prefix" */
    struct ts_replay_tallies refused;  /* settled, and refused now: by reason */
    struct ts_replay_tallies first;    /* dead letters that have a price now: by former reason */
    int64_t histogram[TS_REPLAY_HISTOGRAM];
};

void ts_replay_report_init(struct ts_replay_report *report);
void ts_replay_report_finish(struct ts_replay_report *report);

/* A call that was compared. `units` is the sum of its changes in included units. */
struct ts_replay_compared {
    struct ts_bytes account_id;
    struct ts_bytes category;
    struct ts_bytes prefix;
    int64_t settled_micros;
    int64_t rated_micros;
    int64_t units;
    bool changed;
};
bool ts_replay_report_call(struct ts_replay_report *report,
                           const struct ts_replay_compared *call,
                           struct ts_error *err);

bool ts_replay_tallies_add(struct ts_replay_tallies *tallies,
                           struct ts_bytes key,
                           int64_t settled_micros,
                           int64_t rated_micros,
                           struct ts_error *err);

/* Puts those with the largest differences, either way, into `out`, the largest first; equal ones by
 * key. Returns how many. */
size_t ts_replay_tallies_top(const struct ts_replay_tallies *tallies,
                             const struct ts_replay_tally **out,
                             size_t max);

/* Between what a cell of the histogram is, in micro-units; INT64_MIN and INT64_MAX: no bound. A
 * difference that is a bound belongs to the cell further from 0. */
void ts_replay_histogram_bounds(size_t cell, int64_t *low, int64_t *high);

#endif
