/* SPDX-License-Identifier: Apache-2.0 */
/* How a record of the credits topic ended, for whoever put it there and waits. Every input ends
 * exactly once, and its place on the topic tells how; so this is the same answer for a command that
 * was applied, refused, a repetition, or could not be read. A connection of its own, made when it
 * is needed and again after it broke; used by one thread. */
#ifndef TS_ADAPTERS_POSTGRES_COMMAND_STORE_H
#define TS_ADAPTERS_POSTGRES_COMMAND_STORE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_command_store;

struct ts_command_store *ts_command_store_create(const char *url, struct ts_error *err);
void ts_command_store_destroy(struct ts_command_store *store); /* NULL is fine */

struct ts_command_place {
    const char *group; /* whose processors read the topic */
    const char *topic;
    int32_t partition;
    int64_t offset;
    const char *account_id;
};

enum ts_command_end {
    TS_COMMAND_END_PENDING,     /* not settled yet */
    TS_COMMAND_END_APPLIED,     /* perhaps with a refusal: that is told by an event only */
    TS_COMMAND_END_DUPLICATE,   /* applied before: nothing happened */
    TS_COMMAND_END_DEAD_LETTER, /* `reason` and `message` */
};

enum { TS_COMMAND_REASON_SIZE = 32, TS_COMMAND_MESSAGE_SIZE = 512 };

struct ts_command_outcome {
    enum ts_command_end end;
    char reason[TS_COMMAND_REASON_SIZE];
    char message[TS_COMMAND_MESSAGE_SIZE];
    bool moved; /* it moved the balance: */
    int64_t amount_micros;
    int64_t balance_after_micros;

    /* Of the account at the same moment. */
    int64_t balance_micros;
    int64_t sequence; /* of its last event */
};

bool ts_command_store_outcome(struct ts_command_store *store,
                              const struct ts_command_place *place,
                              struct ts_command_outcome *out,
                              struct ts_error *err);

#endif
