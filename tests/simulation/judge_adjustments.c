/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/judge.h"

/* What was settled before an adjustment. */
struct chain {
    bool there;    /* the row that it follows, of the same call */
    bool followed; /* and another adjustment after that */
};

static struct chain
chain_before(const struct world *world, const struct fake_end *end, const struct fake_order *order)
{
    const struct fake_tables *tables = &world->postgres.tables;
    int account = fake_account_number(ts_bytes_of(order->account_id));
    struct chain chain = {.there = false};
    for (const struct fake_end *row = tables->ends; row < end; row++) {
        if (row->outcome != TS_OUTCOME_SETTLED || row->account != account) {
            continue;
        }
        bool of_call = !row->order || row->adjusts;
        chain.there = chain.there || (of_call && row->number == order->adjustment.number &&
                                      row->movement == order->adjustment.follows);
        chain.followed =
            chain.followed || (row->adjusts && row->follows == order->adjustment.follows);
    }
    return chain;
}

/* Whether a dead letter's reason can be true. */
static bool is_plausible(const struct world *world,
                         const struct fake_end *end,
                         const struct fake_order *order,
                         const struct fake_order *first)
{
    struct chain chain = chain_before(world, end, order);
    const struct made_account *made =
        &world->accounts[fake_account_number(ts_bytes_of(order->account_id))];
    switch (end->reason) {
    case TS_REASON_IDENTITY_CONFLICT:
        return first != NULL && !fake_order_same(first, order);
    case TS_REASON_ADJUSTMENT_SUPERSEDED:
        return chain.there && chain.followed;
    case TS_REASON_INVALID_COMMAND: /* a call that is lost with a server may be settled again */
        return !chain.there || world->postgres.lost_commits;
    case TS_REASON_UNKNOWN_ACCOUNT:
        return made->absent_at_first;
    case TS_REASON_CHARGE_OVERFLOW:
        return made->at_limit;
    case TS_REASON_ROW_REFUSED:
        return order->flaw == FAKE_ORDER_REFUSED;
    default:
        return false;
    }
}

bool judge_adjustment(const struct world *world,
                      const struct fake_end *end,
                      const struct fake_order *order,
                      const struct fake_order *first)
{
    struct chain chain = chain_before(world, end, order);
    switch (end->outcome) {
    case TS_OUTCOME_DEAD_LETTER:
        return is_plausible(world, end, order, first);
    case TS_OUTCOME_DUPLICATE:
        return first != NULL && fake_order_same(first, order);
    case TS_OUTCOME_SETTLED:
        break;
    }
    return first == NULL && chain.there && !chain.followed && order->flaw == FAKE_ORDER_SOUND;
}
