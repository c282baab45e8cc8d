/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters as an operator reads and requeues them. Requeueing itself is a matter of the input
 * topic: whoever put the record there again marks it here, and the record's second life is an
 * input of its own. A connection of its own, made when it is needed and again after it broke; used
 * by one thread. */
#ifndef TS_ADAPTERS_POSTGRES_DEAD_LETTER_STORE_H
#define TS_ADAPTERS_POSTGRES_DEAD_LETTER_STORE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The views live until the visitor returns. */
struct ts_dead_letter {
    int64_t id;
    struct ts_bytes topic;
    int32_t partition;
    int64_t offset;
    struct ts_bytes key;        /* as received; absent when it was */
    struct ts_bytes value;      /* as received; absent when it was, or not asked for */
    struct ts_bytes headers;    /* ports/headers.h; likewise */
    int64_t record_ms;          /* the broker's time; -1 when unknown */
    struct ts_bytes reason;     /* a name of core/reason.h */
    struct ts_bytes message;    /* for a person */
    struct ts_bytes account_id; /* absent when the record could not be decoded */
    int64_t created_ms;
    struct ts_bytes status; /* "open", "requeued", "closed" */
    int64_t status_ms;      /* of the last change; 0: never */
};

struct ts_dead_letter_visitor {
    void (*visit)(void *self, const struct ts_dead_letter *letter);
    void *self;
};

/* What is NULL or 0 does not narrow. */
struct ts_dead_letter_filter {
    const char *status;
    const char *reason;
    const char *account_id;
    int64_t id;    /* only this one */
    int64_t after; /* only those with a higher id */
    int64_t max;   /* at most so many; 0: 1000 */
    bool contents; /* value and headers too */
};

struct ts_dead_letter_store;

struct ts_dead_letter_store *ts_dead_letter_store_create(const char *url, struct ts_error *err);
void ts_dead_letter_store_destroy(struct ts_dead_letter_store *store);

/* In order of id. */
bool ts_dead_letter_store_list(struct ts_dead_letter_store *store,
                               const struct ts_dead_letter_filter *filter,
                               const struct ts_dead_letter_visitor *visitor,
                               struct ts_error *err);

/* Gives these letters the status; `marked` counts those that did not have it before. */
bool ts_dead_letter_store_mark(struct ts_dead_letter_store *store,
                               const int64_t *ids,
                               size_t count,
                               const char *status,
                               int64_t now_ms,
                               int64_t *marked,
                               struct ts_error *err);

#endif
