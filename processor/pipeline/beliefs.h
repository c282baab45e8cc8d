/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker believes has been used of allowances, so that it can say what a call costs before
 * it asks Redis. Redis refuses a charge that rests on a wrong belief, so losing one costs a round
 * trip and nothing else: a table of fixed size, whose newest entry takes the place of whatever was
 * there. */
#ifndef TS_PIPELINE_BELIEFS_H
#define TS_PIPELINE_BELIEFS_H

#include "base/bytes.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct ts_beliefs;

/* `entries` is rounded up to a power of two. */
struct ts_beliefs *ts_beliefs_create(size_t entries, struct ts_error *err);
void ts_beliefs_destroy(struct ts_beliefs *beliefs);

/* Units used of the counter of this name (ports/counter.h); 0 when nothing is known. */
int64_t ts_beliefs_get(const struct ts_beliefs *beliefs, struct ts_bytes counter);
void ts_beliefs_set(struct ts_beliefs *beliefs, struct ts_bytes counter, int64_t used);
void ts_beliefs_clear(struct ts_beliefs *beliefs);

#endif
