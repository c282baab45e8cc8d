/* SPDX-License-Identifier: Apache-2.0 */
/* TS_ASSERT: an invariant of our own code. It stays on in release, because going on with a broken
 * invariant costs somebody money; it never judges input (that is what struct ts_error is for). */
#ifndef TS_BASE_ASSERT_H
#define TS_BASE_ASSERT_H

#define TS_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            ts_assert_failed(#condition, __FILE__, __LINE__);                                      \
        }                                                                                          \
    } while (0)

/* Prints the condition and its place on stderr, then aborts. */
_Noreturn void ts_assert_failed(const char *condition, const char *file, int line);

#endif
