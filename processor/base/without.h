/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of the protocol that one build of the simulation can take away, to prove that it would
 * notice (tests/simulation). In every other build the answer is a constant and costs nothing. */
#ifndef TS_BASE_WITHOUT_H
#define TS_BASE_WITHOUT_H

#include <stdbool.h>

#ifdef TS_MUTATIONS
bool ts_without(const char *piece);
#else
static inline bool ts_without(const char *piece)
{
    (void)piece;
    return false;
}
#endif

#endif
