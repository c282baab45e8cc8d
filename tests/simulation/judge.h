/* SPDX-License-Identifier: Apache-2.0 */
/* The judge: a model of what must hold, of its own. It knows what was put into the world and looks
 * at what came out; it shares no code with the pipeline, with the decisions on accounts or with the
 * scripts. What it finds is told by fake_violation. */
#ifndef TS_TESTS_SIMULATION_JUDGE_H
#define TS_TESTS_SIMULATION_JUDGE_H

#include "tests/simulation/world.h"

/* At any time, after the group's offset changed / before an outbox row is deleted: what is below
 * the offset, or the row, has been told. `self` is the world. */
void judge_commit(void *self, int lane, int64_t offset);
void judge_trim(void *self, const struct ts_outbox_row *row);

/* At the end, when nothing moves any more. */
void judge_world(struct world *world);

/* --- judge_orders.c: I2 and I3, how an order ended: by what was settled before it */
void judge_order(struct world *world, const struct fake_end *end, const struct fake_order *order);
const struct fake_order *judge_order_of(const struct world *world, const struct fake_end *end);
/* judge_adjustments.c: the same of an adjustment; `first` took its id before, or NULL. */
bool judge_adjustment(const struct world *world,
                      const struct fake_end *end,
                      const struct fake_order *order,
                      const struct fake_order *first);
/* Whether, before the end with this index, a credit answered the request. */
bool judge_is_credited(const struct world *world, size_t before, const char *recharge_id);

/* --- judge_accounts.c: I1, I4 and I5, each account along its rows; notes ever_closed_ms */
void judge_accounts(struct world *world);

#endif
