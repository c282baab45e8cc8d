/* SPDX-License-Identifier: Apache-2.0 */
/* Which accounts of a replay need their months drawn again. As long as every call of an account
 * draws what it drew, nothing needs to be: so its calls are passed over until the first one that
 * differs, and from then on all are set aside. That is right if they are read in the order in
 * which they were settled, as those of one partition are. An account whose calls are in several
 * partitions and differ is told, and then all must be read again. Pure. */
#ifndef TS_CORE_REPLAY_ORDER_H
#define TS_CORE_REPLAY_ORDER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_replay_order {
    struct ts_replay_place *slots; /* a hash table by account */
    size_t capacity;
    size_t count;
    bool mixed; /* some account is in several partitions and differs */
};

void ts_replay_order_init(struct ts_replay_order *order);
void ts_replay_order_finish(struct ts_replay_order *order);

/* A call that may draw on allowances. *aside: it is to be set aside. account_no is above 0. */
bool ts_replay_order_call(struct ts_replay_order *order,
                          int64_t account_no,
                          int32_t partition,
                          bool differs,
                          bool *aside,
                          struct ts_error *err);

#endif
