/* SPDX-License-Identifier: Apache-2.0 */
/* Every event is told, and told as one: the events topic is read from its beginning and compared
 * with what the accounts have numbered. Asked of PostgreSQL first, then of the topic: so an event
 * that the books had numbered is in the topic, or waits in the outbox, or is missing. */
#ifndef TS_APP_AUDIT_EVENTS_H
#define TS_APP_AUDIT_EVENTS_H

#include "adapters/kafka/connection.h"
#include "adapters/postgres/audit_live.h"
#include "adapters/postgres/audit_store.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { TS_AUDIT_EVENTS_MAX = 50000000 }; /* 24 bytes each, while it runs */

struct ts_audit_events {
    struct ts_audit_live *live;
    const struct ts_kafka_connection *connection;
    const struct ts_kafka_properties *consumer;
    const char *topic;
    int timeout_ms;
    struct ts_audit_visitor visitor;

    /* Out. */
    int64_t events;   /* different ones in the topic */
    int64_t repeated; /* told again, with the same event_id: legal */
    int64_t waiting;  /* in the outbox, not in the topic yet */
    int64_t missing;
    int64_t findings; /* accounts with a gap, or with one number on two different events */
    bool trimmed;     /* the topic has lost its beginning: what is before it can't be checked */
};

bool ts_audit_events_run(struct ts_audit_events *audit, struct ts_error *err);

#endif
