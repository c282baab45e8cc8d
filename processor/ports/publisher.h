/* SPDX-License-Identifier: Apache-2.0 */
/* The output topics, written by an idempotent producer: messages of one key arrive in the order
 * they were handed over. Whether something was told is known from its acknowledgement only. */
#ifndef TS_PORTS_PUBLISHER_H
#define TS_PORTS_PUBLISHER_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum ts_output { TS_OUTPUT_EVENTS, TS_OUTPUT_DEAD_LETTERS, TS_OUTPUT_COUNT };

enum ts_send { TS_SEND_OK, TS_SEND_FULL, TS_SEND_FAILED };

struct ts_delivery {
    uint64_t ticket;
    bool delivered; /* false: `error`, and the message must be handed over again */
    struct ts_error error;
};

struct ts_publisher_ops {
    /* Hands a message over; its bytes are copied. FULL: the queue's limit; poll, then again.
     * FAILED: `err`; class RETRY means that the producer was (or must be) remade: everything not
     * yet acknowledged is to be handed over again, oldest first. */
    enum ts_send (*send)(void *self,
                         enum ts_output output,
                         struct ts_bytes key,
                         struct ts_bytes value,
                         uint64_t ticket,
                         struct ts_error *err);

    /* The next acknowledgement or failure; false when there is none now. Never waits. */
    bool (*poll)(void *self, struct ts_delivery *out);

    /* Throws away what is queued and starts with a fresh producer. */
    bool (*reset)(void *self, struct ts_error *err);
};

struct ts_publisher {
    const struct ts_publisher_ops *ops;
    void *self;
};

#endif
