/* SPDX-License-Identifier: Apache-2.0 */
/* Fibers: each simulated process runs on a stack of its own and is left and resumed at any port
 * call, all on one thread. So two workers interleave between any two of their calls, one can be
 * stopped in the middle of a step, and a kill is simply never to come back. */
#ifndef TS_TESTS_FAKES_FAKE_FIBER_H
#define TS_TESTS_FAKES_FAKE_FIBER_H

#include <stdbool.h>

struct fake_fiber;

/* Nothing runs before the first resume. */
struct fake_fiber *fake_fiber_create(void (*run)(void *argument), void *argument);

/* Abandons it where it stands. Its stack is kept for the next one. */
void fake_fiber_destroy(struct fake_fiber *fiber);

/* Runs it until it yields or returns. Not from inside a fiber. */
void fake_fiber_resume(struct fake_fiber *fiber);
bool fake_fiber_done(const struct fake_fiber *fiber);

/* True in a fiber, where yield may be called. */
bool fake_fiber_inside(void);
void fake_fiber_yield(void);

#endif
