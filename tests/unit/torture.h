/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of an operation fails in turn. Programs named test_*_torture are linked with
 * malloc, calloc, realloc, strdup and strndup replaced (--wrap) where our own code calls them; what
 * libraries allocate for themselves is not touched. */
#ifndef TS_TESTS_UNIT_TORTURE_H
#define TS_TESTS_UNIT_TORTURE_H

#include "tests/unit/unit.h"

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Does something, checks what came of it, and gives everything back; returns whether it succeeded.
 * On failure it has set err. */
typedef bool torture_fn(void *context, struct ts_error *err);

/* Runs the operation with its first allocation failing, then its second, and so on until it runs
 * through; and all that again with every allocation from there on failing. Each failure must be
 * told as class `class`, and every run must give back what it took. Returns how many allocations
 * the operation makes; that is 0 for none, which the caller should not accept. */
size_t torture(torture_fn *operation, void *context, enum ts_error_class class);

/* For operations that have no error: whether an allocation was made to fail in this run. */
bool torture_has_struck(void);

#endif
