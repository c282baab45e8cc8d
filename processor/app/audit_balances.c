/* SPDX-License-Identifier: Apache-2.0 */
#include "app/audit_balances.h"

#include "base/arena.h"
#include "core/account.h"
#include "ports/counter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ARENA_BLOCK = 1 << 20, ARENA_MAX = 1 << 30, AGAIN_MS = 20, CONFIRM = 3, DETAIL_MAX = 256 };

/* The balance of an account, or one of its counters. */
struct item {
    bool counts;        /* units, not money */
    struct ts_bytes id; /* of the account, or the name of the counter */
    int64_t live;
    int64_t unsettled;
};

struct undo {
    struct ts_lane lane;
    int64_t offset;
    bool counts;
    int64_t delta;
    struct ts_bytes id;
};

/* One look at one bucket in Redis. */
struct look {
    uint32_t bucket;
    struct ts_arena texts;
    struct item *items;
    size_t item_count;
    size_t item_capacity;
    struct undo *undos;
    size_t undo_count;
    size_t undo_capacity;
    bool failed; /* out of memory */
    int64_t generation;
    struct ts_audit_lanes before;
    struct ts_audit_lanes after;
    struct ts_audit_balance *balances; /* of the items, in their order */
};

/* ---- what Redis has -----------------------------------------------------------------------------
 */

/* Room for one more item, or NULL. */
static void *more(struct look *look, void **items, size_t count, size_t *capacity, size_t size)
{
    if (count == *capacity && !look->failed) {
        size_t larger = *capacity == 0 ? 256 : 2 * *capacity;
        void *grown = realloc(*items, larger * size);
        if (grown == NULL) {
            look->failed = true;
            return NULL;
        }
        *items = grown;
        *capacity = larger;
    }
    return look->failed ? NULL : (char *)*items + count * size;
}

static struct ts_bytes keep(struct look *look, struct ts_bytes text)
{
    struct ts_bytes copy = ts_arena_copy(&look->texts, text);
    look->failed = look->failed || copy.data == NULL;
    return copy;
}

static void take_item(struct look *look, bool counts, struct ts_bytes id, int64_t live)
{
    struct item *item =
        more(look, (void **)&look->items, look->item_count, &look->item_capacity, sizeof *item);
    if (item != NULL) {
        *item = (struct item){.counts = counts, .id = keep(look, id), .live = live};
        look->item_count++;
    }
}

static void take_account(void *context, struct ts_bytes account_id, int64_t balance_micros)
{
    take_item(context, false, account_id, balance_micros);
}

static void take_counter(void *context, struct ts_bytes name, int64_t used)
{
    take_item(context, true, name, used);
}

static void take_part(struct look *look,
                      struct ts_lane lane,
                      int64_t offset,
                      bool counts,
                      struct ts_bytes id,
                      int64_t delta)
{
    struct undo *undo =
        more(look, (void **)&look->undos, look->undo_count, &look->undo_capacity, sizeof *undo);
    if (undo != NULL) {
        *undo = (struct undo){lane, offset, counts, delta, keep(look, id)};
        look->undo_count++;
    }
}

static void take_undo(void *context,
                      struct ts_lane lane,
                      int64_t offset,
                      struct ts_bytes account_id,
                      int64_t delta_micros)
{
    take_part(context, lane, offset, false, account_id, delta_micros);
}

static void take_undo_counter(
    void *context, struct ts_lane lane, int64_t offset, struct ts_bytes name, int64_t units)
{
    take_part(context, lane, offset, true, name, units);
}

static int by_id(const void *a, const void *b)
{
    const struct item *left = a;
    const struct item *right = b;
    if (left->counts != right->counts) {
        return left->counts ? 1 : -1;
    }
    return ts_bytes_compare(left->id, right->id);
}

static const struct ts_audit_lane *find_lane(const struct ts_audit_lanes *lanes,
                                             struct ts_lane lane)
{
    for (size_t i = 0; i < lanes->count; i++) {
        if (ts_lane_equal(lanes->items[i].lane, lane)) {
            return &lanes->items[i];
        }
    }
    return NULL;
}

/* Adds up, for each item, what was charged at or above what is settled. */
static void add_unsettled(struct look *look)
{
    if (look->item_count == 0) {
        return;
    }
    qsort(look->items, look->item_count, sizeof *look->items, by_id);
    for (size_t i = 0; i < look->undo_count; i++) {
        const struct undo *undo = &look->undos[i];
        const struct ts_audit_lane *lane = find_lane(&look->before, undo->lane);
        struct item key = {.counts = undo->counts, .id = undo->id};
        struct item *item =
            bsearch(&key, look->items, look->item_count, sizeof *look->items, by_id);
        if (item != NULL && (lane == NULL || undo->offset >= lane->next_offset)) {
            item->unsettled += undo->delta;
        }
    }
}

/* ---- one bucket ---------------------------------------------------------------------------------
 */

enum outcome { COMPARABLE, REBUILDING, MOVED, FAILED };

static bool same_lanes(const struct ts_audit_lanes *a, const struct ts_audit_lanes *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = ts_lane_equal(a->items[i].lane, b->items[i].lane) &&
               a->items[i].next_offset == b->items[i].next_offset;
    }
    return same;
}

/* A counter whose name cannot be read belongs to no account. */
static struct ts_audit_balance asked_for(const struct item *item)
{
    struct ts_counter counter = {.month = 1, .account_id = item->id};
    if (!item->counts) {
        return (struct ts_audit_balance){.account_id = item->id};
    }
    ts_counter_parse(item->id, &counter);
    return (struct ts_audit_balance){
        .account_id = counter.account_id, .month = counter.month, .allowance = counter.allowance};
}

/* Looks at PostgreSQL, Redis, PostgreSQL. */
static enum outcome
look_at(struct ts_audit_balances *audit, struct look *look, uint32_t bucket, struct ts_error *err)
{
    struct ts_redis_bucket_visitor visitor = {.account = take_account,
                                              .counter = take_counter,
                                              .undo = take_undo,
                                              .undo_counter = take_undo_counter,
                                              .context = look};
    int64_t generation = 0;
    look->bucket = bucket;
    look->item_count = 0;
    look->undo_count = 0;
    ts_arena_reset(&look->texts);
    if (!ts_audit_live_lanes(audit->live, &look->before, err) ||
        !ts_redis_reader_bucket(audit->reader, bucket, &visitor, &look->generation, err)) {
        return FAILED;
    }
    free(look->balances);
    look->balances = calloc(look->item_count + 1, sizeof *look->balances);
    if (look->failed || look->balances == NULL) {
        ts_error_no_memory(err);
        return FAILED;
    }
    add_unsettled(look);
    for (size_t i = 0; i < look->item_count; i++) {
        look->balances[i] = asked_for(&look->items[i]);
    }
    if (!ts_audit_live_bucket(audit->live,
                              bucket,
                              &look->after,
                              &generation,
                              look->balances,
                              look->item_count,
                              err)) {
        return FAILED;
    }
    if (!same_lanes(&look->before, &look->after)) {
        return MOVED;
    }
    return look->generation == generation  ? COMPARABLE
           : look->generation < generation ? REBUILDING
                                           : MOVED; /* being raised just now */
}

static int64_t difference_of(const struct item *item, const struct ts_audit_balance *balance)
{
    int64_t books = balance->found ? balance->value : 0;
    return item->live - item->unsettled - books;
}

static bool is_asked_for(const struct ts_audit_balances *audit,
                         const struct ts_audit_balance *balance)
{
    return audit->account_id.data == NULL || ts_bytes_equal(audit->account_id, balance->account_id);
}

static bool differs(const struct ts_audit_balances *audit, const struct look *look, size_t i)
{
    const struct ts_audit_balance *balance = &look->balances[i];
    return is_asked_for(audit, balance) &&
           (!balance->found || difference_of(&look->items[i], balance) != 0);
}

static bool adds_up(const struct ts_audit_balances *audit, const struct look *look)
{
    for (size_t i = 0; i < look->item_count; i++) {
        if (differs(audit, look, i)) {
            return false;
        }
    }
    return true;
}

static void tell(struct ts_audit_balances *audit,
                 const char *check,
                 struct ts_bytes subject,
                 const char *detail)
{
    struct ts_audit_finding finding = {
        .check = check, .subject = subject, .detail = ts_bytes_of(detail)};
    audit->findings++;
    audit->visitor.visit(audit->visitor.self, &finding);
}

static void tell_item(struct ts_audit_balances *audit,
                      const struct item *item,
                      const struct ts_audit_balance *balance)
{
    char detail[DETAIL_MAX];
    int64_t difference = difference_of(item, balance);
    if (!balance->found) {
        tell(audit,
             "live_unknown",
             item->id,
             item->counts ? "Redis counts units of an account that PostgreSQL does not have"
                          : "Redis has an account that PostgreSQL does not");
        return;
    }
    snprintf(detail,
             sizeof detail,
             "the live %s is %" PRId64 ", unsettled %" PRId64 ", the books have %" PRId64
             ": a difference of %" PRId64 " %s",
             item->counts ? "counter" : "balance",
             item->live,
             item->unsettled,
             balance->value,
             difference,
             item->counts ? "units" : "micro-units");
    tell(audit, item->counts ? "live_allowance" : "live_balance", item->id, detail);
    if (!item->counts) {
        audit->difference_micros += difference < 0 ? -difference : difference;
    }
}

static void tell_difference(struct ts_audit_balances *audit,
                            const struct look *look,
                            const struct item *item,
                            const struct ts_audit_balance *balance)
{
    struct ts_audit_difference difference = {.bucket = look->bucket,
                                             .counts = item->counts,
                                             .id = item->id,
                                             .live = item->live - item->unsettled,
                                             .known = balance->found,
                                             .books = balance->found ? balance->value : 0};
    audit->findings++;
    audit->differ(audit->self, &difference);
}

static void take_result(struct ts_audit_balances *audit, const struct look *look)
{
    for (size_t i = 0; i < look->item_count; i++) {
        const struct item *item = &look->items[i];
        const struct ts_audit_balance *balance = &look->balances[i];
        if (!item->counts && is_asked_for(audit, balance)) {
            audit->compared++;
            audit->unsettled_micros += item->unsettled;
        }
        if (differs(audit, look, i) && audit->differ != NULL) {
            tell_difference(audit, look, item, balance);
        } else if (differs(audit, look, i)) {
            tell_item(audit, item, balance);
        }
    }
}

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until it stood still and adds up, or the same difference was there several times, or the time is
 * over. */
static bool audit_bucket(struct ts_audit_balances *audit,
                         struct look *look,
                         uint32_t bucket,
                         int64_t deadline_ms,
                         struct ts_error *err)
{
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
    for (int wrong = 0;;) {
        enum outcome outcome = look_at(audit, look, bucket, err);
        if (outcome == FAILED) {
            return false;
        }
        if (outcome == REBUILDING) {
            audit->rebuilding++;
            return true;
        }
        bool late = mono_ms() >= deadline_ms;
        if (outcome == COMPARABLE && (adds_up(audit, look) || ++wrong == CONFIRM || late)) {
            take_result(audit, look);
            return true;
        }
        if (late) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    char subject[32];
    snprintf(subject, sizeof subject, "bucket %" PRIu32, bucket);
    audit->not_compared++;
    tell(audit,
         "live_moving",
         ts_bytes_of(subject),
         "settlements went on all the time: nothing could be compared; allow more --timeout");
    return true;
}

bool ts_audit_balances_run(struct ts_audit_balances *audit, struct ts_error *err)
{
    struct look *look = calloc(1, sizeof *look);
    if (look == NULL) {
        return ts_error_no_memory(err);
    }
    ts_arena_init(&look->texts, ARENA_BLOCK, ARENA_MAX);
    int64_t deadline_ms = mono_ms() + audit->timeout_ms;
    bool good = true;
    bool one = audit->account_id.data != NULL;
    uint32_t first = one ? ts_account_bucket(audit->account_id) : 0;
    uint32_t end = one ? first + 1 : TS_BUCKET_COUNT;
    for (uint32_t bucket = first; good && bucket < end; bucket++) {
        good = audit_bucket(audit, look, bucket, deadline_ms, err);
    }
    ts_arena_finish(&look->texts);
    free(look->items);
    free(look->undos);
    free(look->balances);
    free(look);
    return good;
}
