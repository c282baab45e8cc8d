/* SPDX-License-Identifier: Apache-2.0 */
#include "core/replay_order.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 1024 };

struct ts_replay_place {
    int64_t account_no; /* 0: an empty slot */
    int32_t partition;  /* of the first call */
    bool several;       /* partitions */
    bool differs;
};

void ts_replay_order_init(struct ts_replay_order *order)
{
    *order = (struct ts_replay_order){0};
}

void ts_replay_order_finish(struct ts_replay_order *order)
{
    free(order->slots);
    *order = (struct ts_replay_order){0};
}

static struct ts_replay_place *
slot_of(struct ts_replay_place *slots, size_t capacity, int64_t account_no)
{
    size_t at = (size_t)((uint64_t)account_no * UINT64_C(0x9e3779b97f4a7c15) >> 20);
    for (at &= capacity - 1; slots[at].account_no != 0 && slots[at].account_no != account_no;) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static bool make_room(struct ts_replay_order *order, struct ts_error *err)
{
    if (2 * (order->count + 1) <= order->capacity) {
        return true;
    }
    size_t capacity = order->capacity == 0 ? SLOTS_FIRST : 2 * order->capacity;
    struct ts_replay_place *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) {
        return ts_error_no_memory(err);
    }
    for (size_t i = 0; i < order->capacity; i++) {
        if (order->slots[i].account_no != 0) {
            *slot_of(slots, capacity, order->slots[i].account_no) = order->slots[i];
        }
    }
    free(order->slots);
    order->slots = slots;
    order->capacity = capacity;
    return true;
}

bool ts_replay_order_call(struct ts_replay_order *order,
                          int64_t account_no,
                          int32_t partition,
                          bool differs,
                          bool *aside,
                          struct ts_error *err)
{
    if (!make_room(order, err)) {
        return false;
    }
    struct ts_replay_place *place = slot_of(order->slots, order->capacity, account_no);
    if (place->account_no == 0) {
        *place = (struct ts_replay_place){.account_no = account_no, .partition = partition};
        order->count++;
    }
    place->several = place->several || place->partition != partition;
    place->differs = place->differs || differs;
    order->mixed = order->mixed || (place->several && place->differs);
    *aside = place->differs;
    return true;
}
