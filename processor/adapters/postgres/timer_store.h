/* SPDX-License-Identifier: Apache-2.0 */
/* What falls due by time, for the duty that puts it on the credits topic. One process has that duty
 * at a time: whose session holds the advisory lock, so it passes on by itself when the process or
 * its connection dies. Two that both believe they have it for a moment do no harm: a timer's
 * command_id is made of what fell due. A connection of its own; used by one thread. */
#ifndef TS_ADAPTERS_POSTGRES_TIMER_STORE_H
#define TS_ADAPTERS_POSTGRES_TIMER_STORE_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/command.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_timer_store;

/* Connects when first used. */
struct ts_timer_store *ts_timer_store_create(const char *url, struct ts_error *err);
void ts_timer_store_destroy(struct ts_timer_store *store);

/* Whether the duty is ours: takes it when nobody has it. Connects anew when the connection broke,
 * which may have cost the duty. To be asked before each read. */
bool ts_timer_store_own(struct ts_timer_store *store, bool *owned, struct ts_error *err);

/* The views live until the visitor returns. */
struct ts_due_timer {
    struct ts_bytes account_id;
    enum ts_timer timer;
    struct ts_bytes subject; /* recharge_expiry: the recharge_id; else absent */
    int64_t due_ms;
};

/* How far a list of them was read; zeroed: nothing yet. */
struct ts_timer_place {
    int64_t at_us; /* since 2000 */
    int64_t account_no;
};

struct ts_timer_visitor {
    void (*visit)(void *self, const struct ts_due_timer *timer);
    void *self;
};

/* A page of the accounts with something due at or before now_ms, the longest due first, at most
 * `max`: those after `place`, which is moved to the last of them; *more says whether there may be
 * another page. They stay due until the command is settled. Only for who has the duty: RETRY when
 * it is not ours. */
bool ts_timer_store_due(struct ts_timer_store *store,
                        int64_t now_ms,
                        int64_t max,
                        struct ts_timer_place *place,
                        const struct ts_timer_visitor *visitor,
                        bool *more,
                        struct ts_error *err);

#endif
