/* SPDX-License-Identifier: Apache-2.0 */
#include "core/replay_report.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BLOCK = 1 << 16,
    ARENA_MAX = 1 << 30,
    SLOTS_FIRST = 64,
    KEY_MAX = 512,
    DECADE_FIRST = 100, /* micro-units: 0.0001 */
};

static const struct {
    const char *name;
    const char *text;
} skips[TS_REPLAY_SKIP_COUNT] = {
#define X(symbol, name, text) [TS_REPLAY_SKIP_##symbol] = {name, text},
    TS_REPLAY_SKIPS(X)
#undef X
};

const char *ts_replay_skip_name(enum ts_replay_skip skip)
{
    return skips[skip].name;
}

const char *ts_replay_skip_text(enum ts_replay_skip skip)
{
    return skips[skip].text;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        return a > 0 ? INT64_MAX : INT64_MIN;
    }
    return sum;
}

int64_t ts_replay_tally_difference(const struct ts_replay_tally *tally)
{
    return add(tally->rated_micros, -tally->settled_micros);
}

static void count(struct ts_replay_tally *tally, int64_t settled_micros, int64_t rated_micros)
{
    tally->calls++;
    tally->up += rated_micros > settled_micros;
    tally->down += rated_micros < settled_micros;
    tally->settled_micros = add(tally->settled_micros, settled_micros);
    tally->rated_micros = add(tally->rated_micros, rated_micros);
}

/* ---- tallies by key */

static void init_tallies(struct ts_replay_tallies *tallies)
{
    *tallies = (struct ts_replay_tallies){0};
    ts_arena_init(&tallies->arena, ARENA_BLOCK, ARENA_MAX);
}

static void finish_tallies(struct ts_replay_tallies *tallies)
{
    free(tallies->slots);
    ts_arena_finish(&tallies->arena);
}

/* The slot of the key, or the empty one where it belongs. */
static struct ts_replay_tally **
slot_of(struct ts_replay_tally **slots, size_t capacity, struct ts_bytes key)
{
    size_t at = (size_t)ts_hash64(key) & (capacity - 1);
    while (slots[at] != NULL && !ts_bytes_equal(slots[at]->key, key)) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static bool make_room(struct ts_replay_tallies *tallies, struct ts_error *err)
{
    if (2 * (tallies->count + 1) <= tallies->capacity) {
        return true;
    }
    size_t capacity = tallies->capacity == 0 ? SLOTS_FIRST : 2 * tallies->capacity;
    struct ts_replay_tally **slots = calloc(capacity, sizeof(struct ts_replay_tally *));
    if (slots == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < tallies->capacity; i++) {
        if (tallies->slots[i] != NULL) {
            *slot_of(slots, capacity, tallies->slots[i]->key) = tallies->slots[i];
        }
    }
    free(tallies->slots);
    tallies->slots = slots;
    tallies->capacity = capacity;
    return true;
}

static struct ts_replay_tally *
tally_of(struct ts_replay_tallies *tallies, struct ts_bytes key, struct ts_error *err)
{
    if (!make_room(tallies, err)) {
        return NULL;
    }
    struct ts_replay_tally **slot = slot_of(tallies->slots, tallies->capacity, key);
    if (*slot == NULL) {
        struct ts_replay_tally *made = ts_arena_take(&tallies->arena, sizeof *made);
        struct ts_bytes copy = made == NULL ? key : ts_arena_copy(&tallies->arena, key);
        if (made == NULL || copy.size == SIZE_MAX) {
            ts_error_no_memory(err);
            return NULL;
        }
        *made = (struct ts_replay_tally){.key = copy};
        *slot = made;
        tallies->count++;
    }
    return *slot;
}

bool ts_replay_tallies_add(struct ts_replay_tallies *tallies,
                           struct ts_bytes key,
                           int64_t settled_micros,
                           int64_t rated_micros,
                           struct ts_error *err)
{
    struct ts_replay_tally *tally = tally_of(tallies, key, err);
    if (tally != NULL) {
        count(tally, settled_micros, rated_micros);
    }
    return tally != NULL;
}

static uint64_t size_of(const struct ts_replay_tally *tally)
{
    int64_t difference = ts_replay_tally_difference(tally);
    return difference < 0 ? (uint64_t)0 - (uint64_t)difference : (uint64_t)difference;
}

static bool goes_before(const struct ts_replay_tally *a, const struct ts_replay_tally *b)
{
    uint64_t left = size_of(a);
    uint64_t right = size_of(b);
    return left != right ? left > right : ts_bytes_compare(a->key, b->key) < 0;
}

size_t ts_replay_tallies_top(const struct ts_replay_tallies *tallies,
                             const struct ts_replay_tally **out,
                             size_t max)
{
    size_t kept = 0;
    for (size_t i = 0; i < tallies->capacity; i++) {
        const struct ts_replay_tally *tally = tallies->slots[i];
        if (tally == NULL || (kept == max && (max == 0 || !goes_before(tally, out[max - 1])))) {
            continue;
        }
        size_t at = kept < max ? kept++ : max - 1;
        for (; at > 0 && goes_before(tally, out[at - 1]); at--) {
            out[at] = out[at - 1];
        }
        out[at] = tally;
    }
    return kept;
}

/* ---- the report */

void ts_replay_report_init(struct ts_replay_report *report)
{
    *report = (struct ts_replay_report){0};
    init_tallies(&report->accounts);
    init_tallies(&report->categories);
    init_tallies(&report->prefixes);
    init_tallies(&report->refused);
    init_tallies(&report->first);
}

void ts_replay_report_finish(struct ts_replay_report *report)
{
    finish_tallies(&report->accounts);
    finish_tallies(&report->categories);
    finish_tallies(&report->prefixes);
    finish_tallies(&report->refused);
    finish_tallies(&report->first);
}

static size_t cell_of(int64_t difference)
{
    uint64_t size = difference < 0 ? (uint64_t)0 - (uint64_t)difference : (uint64_t)difference;
    uint64_t bound = DECADE_FIRST;
    size_t decade = 0;
    while (decade + 1 < TS_REPLAY_DECADES && size >= bound) {
        bound *= 10;
        decade++;
    }
    return difference < 0 ? TS_REPLAY_DECADES - 1 - decade : TS_REPLAY_DECADES + decade;
}

void ts_replay_histogram_bounds(size_t cell, int64_t *low, int64_t *high)
{
    bool below = cell < TS_REPLAY_DECADES;
    size_t decade = below ? TS_REPLAY_DECADES - 1 - cell : cell - TS_REPLAY_DECADES;
    int64_t bound = DECADE_FIRST;
    for (size_t i = 1; i < decade; i++) {
        bound *= 10;
    }
    int64_t near = decade == 0 ? 0 : bound;
    int64_t far = decade + 1 == TS_REPLAY_DECADES ? INT64_MAX
                  : decade == 0                   ? DECADE_FIRST
                                                  : bound * 10;
    *low = below ? (far == INT64_MAX ? INT64_MIN : -far) : near;
    *high = below ? -near : far;
}

bool ts_replay_report_call(struct ts_replay_report *report,
                           const struct ts_replay_compared *call,
                           struct ts_error *err)
{
    int64_t settled = call->settled_micros;
    int64_t rated = call->rated_micros;
    count(&report->total, settled, rated);
    char key[KEY_MAX];
    size_t size = call->category.size;
    memcpy(key, call->category.data, size);
    if (!call->changed) {
        return ts_replay_tallies_add(
            &report->categories, (struct ts_bytes){key, size}, settled, rated, err);
    }
    report->units_only += rated == settled;
    report->units = add(report->units, call->units);
    if (rated != settled) {
        report->histogram[cell_of(rated - settled)]++;
    }
    struct ts_bytes category = {key, size};
    key[size] = ' ';
    size_t prefix = call->prefix.size < KEY_MAX - size - 1 ? call->prefix.size : KEY_MAX - size - 1;
    memcpy(key + size + 1, call->prefix.data, prefix);
    return ts_replay_tallies_add(&report->accounts, call->account_id, settled, rated, err) &&
           ts_replay_tallies_add(&report->categories, category, settled, rated, err) &&
           ts_replay_tallies_add(
               &report->prefixes, (struct ts_bytes){key, size + 1 + prefix}, settled, rated, err);
}
