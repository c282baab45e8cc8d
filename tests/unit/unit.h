/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka for unit tests: its header needs these others before it, an order that the formatter of
 * include lists would not keep. */
#ifndef TS_TESTS_UNIT_UNIT_H
#define TS_TESTS_UNIT_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#endif
