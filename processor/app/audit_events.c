/* SPDX-License-Identifier: Apache-2.0 */
#include "app/audit_events.h"

#include "adapters/avro/event_head.h"
#include "adapters/kafka/scan.h"
#include "base/arena.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 1 << 20, ARENA_MAX = 1 << 30, DETAIL_MAX = 256, FIRST_CAPACITY = 1024 };

/* Accounts are told apart by 64 bits of hash. */
struct account {
    uint64_t hash;
    int64_t sequence;
    struct ts_bytes id;
};

struct event {
    uint64_t account;
    int64_t sequence;
    uint64_t id; /* hash of the event_id; 0: waits in the outbox */
};

struct gathering {
    struct ts_audit_events *audit;
    struct ts_arena texts;
    struct account *accounts;
    size_t account_count;
    size_t account_capacity;
    struct event *events;
    size_t event_count;
    size_t event_capacity;
};

/* ---- gathering
 * ----------------------------------------------------------------------------------- */

static bool more(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return true;
    }
    size_t larger = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
    void *grown = larger <= TS_AUDIT_EVENTS_MAX * 2UL ? realloc(*items, larger * size) : NULL;
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *capacity = larger;
    return true;
}

static bool take_account(void *self, struct ts_bytes account_id, int64_t sequence)
{
    struct gathering *g = self;
    struct ts_bytes id = ts_arena_copy(&g->texts, account_id);
    if (id.data == NULL ||
        !more((void **)&g->accounts, g->account_count, &g->account_capacity, sizeof *g->accounts)) {
        return false;
    }
    g->accounts[g->account_count++] = (struct account){ts_hash64(account_id), sequence, id};
    return true;
}

static bool add_event(struct gathering *g, struct event event)
{
    if (g->event_count == TS_AUDIT_EVENTS_MAX ||
        !more((void **)&g->events, g->event_count, &g->event_capacity, sizeof *g->events)) {
        return false;
    }
    g->events[g->event_count++] = event;
    return true;
}

static bool take_waiting(void *self, struct ts_bytes account_id, int64_t sequence)
{
    return add_event(self, (struct event){ts_hash64(account_id), sequence, 0});
}

static void
tell(struct ts_audit_events *audit, const char *check, struct ts_bytes subject, const char *detail)
{
    struct ts_audit_finding finding = {
        .check = check, .subject = subject, .detail = ts_bytes_of(detail)};
    audit->findings++;
    audit->visitor.visit(audit->visitor.self, &finding);
}

static bool take_record(void *self, const struct ts_kafka_scan_record *record, struct ts_error *err)
{
    struct gathering *g = self;
    struct ts_avro_event_head head;
    if (!ts_avro_event_head_read(record->value, &head)) {
        char subject[80];
        snprintf(subject,
                 sizeof subject,
                 "partition %" PRId32 " offset %" PRId64,
                 record->partition,
                 record->offset);
        tell(g->audit, "event_unreadable", ts_bytes_of(subject), "this record is no event");
        return true;
    }
    uint64_t id = ts_hash64(head.event_id) | 1; /* never 0 */
    return add_event(g, (struct event){ts_hash64(head.account_id), head.sequence, id}) ||
           ts_error_set(err,
                        TS_ERROR_FATAL,
                        0,
                        "more than %d events are too many to be audited at once",
                        TS_AUDIT_EVENTS_MAX);
}

/* ---- comparing
 * ------------------------------------------------------------------------------------ */

static int by_hash(const void *a, const void *b)
{
    const struct account *left = a;
    const struct account *right = b;
    return (left->hash > right->hash) - (left->hash < right->hash);
}

/* A waiting event behind the same one told. */
static int by_place(const void *a, const void *b)
{
    const struct event *left = a;
    const struct event *right = b;
    if (left->account != right->account) {
        return left->account > right->account ? 1 : -1;
    }
    if (left->sequence != right->sequence) {
        return left->sequence > right->sequence ? 1 : -1;
    }
    return (left->id < right->id) - (left->id > right->id);
}

/* What was seen of one account. */
struct seen {
    int64_t missing;
    int64_t first_missing;
    int64_t twice; /* a number that two different events have; 0: none */
    int64_t last;
};

static void note_gap(struct seen *seen, int64_t from, int64_t to)
{
    if (from < to) {
        seen->first_missing = seen->missing == 0 ? from : seen->first_missing;
        seen->missing += to - from;
    }
}

/* The events of one account, in order, up to `sequence`. */
static struct seen
look_at(struct ts_audit_events *audit, const struct event *events, size_t count, int64_t sequence)
{
    struct seen seen = {.last = audit->trimmed && count > 0 ? events[0].sequence - 1 : 0};
    if (audit->trimmed && count == 0) {
        seen.last = sequence; /* all of it may be what the topic has lost */
    }
    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && events[i].sequence == events[i - 1].sequence;
        if (!again) {
            note_gap(&seen, seen.last + 1, events[i].sequence);
            seen.last = events[i].sequence;
            audit->events += events[i].id != 0 ? 1 : 0;
            audit->waiting += events[i].id == 0 ? 1 : 0;
        } else if (events[i].id != 0 && events[i].id == events[i - 1].id) {
            audit->repeated++;
        } else if (events[i].id != 0) {
            seen.twice = events[i].sequence;
        }
    }
    note_gap(&seen, seen.last + 1, sequence + 1);
    return seen;
}

static void tell_seen(struct ts_audit_events *audit, struct ts_bytes id, const struct seen *seen)
{
    char detail[DETAIL_MAX];
    if (seen->missing > 0) {
        audit->missing += seen->missing;
        snprintf(detail,
                 sizeof detail,
                 "%" PRId64 " events are neither told nor waiting, the first is number %" PRId64,
                 seen->missing,
                 seen->first_missing);
        tell(audit, "events_missing", id, detail);
    }
    if (seen->twice > 0) {
        snprintf(detail, sizeof detail, "two different events have number %" PRId64, seen->twice);
        tell(audit, "events_conflict", id, detail);
    }
}

static void compare(struct gathering *g)
{
    if (g->account_count > 0) {
        qsort(g->accounts, g->account_count, sizeof *g->accounts, by_hash);
    }
    if (g->event_count > 0) {
        qsort(g->events, g->event_count, sizeof *g->events, by_place);
    }
    size_t account = 0;
    for (size_t i = 0; i < g->event_count || account < g->account_count;) {
        uint64_t hash = account < g->account_count ? g->accounts[account].hash : UINT64_MAX;
        size_t from = i;
        if (i < g->event_count && g->events[i].account < hash) {
            hash = g->events[i].account;
        }
        while (i < g->event_count && g->events[i].account == hash) {
            i++;
        }
        bool known = account < g->account_count && g->accounts[account].hash == hash;
        /* An account that had told nothing when PostgreSQL was asked may have since. */
        const struct event *events = g->event_count > 0 ? &g->events[from] : NULL;
        struct seen seen =
            look_at(g->audit, events, i - from, known ? g->accounts[account].sequence : 0);
        tell_seen(g->audit, known ? g->accounts[account].id : TS_LITERAL("(a new account)"), &seen);
        account += known ? 1 : 0;
    }
}

bool ts_audit_events_run(struct ts_audit_events *audit, struct ts_error *err)
{
    struct gathering g = {.audit = audit};
    struct ts_audit_events_visitor visitor = {
        .account = take_account, .waiting = take_waiting, .self = &g};
    struct ts_kafka_scan scan = {.connection = audit->connection,
                                 .consumer = audit->consumer,
                                 .topic = audit->topic,
                                 .timeout_ms = audit->timeout_ms,
                                 .record = take_record,
                                 .self = &g};
    ts_arena_init(&g.texts, ARENA_BLOCK, ARENA_MAX);
    bool good = ts_audit_live_events(audit->live, &visitor, err) && ts_kafka_scan_run(&scan, err);
    if (good) {
        audit->trimmed = scan.trimmed;
        compare(&g);
    }
    ts_arena_finish(&g.texts);
    free(g.accounts);
    free(g.events);
    return good;
}
