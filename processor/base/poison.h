/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that was given back to a pool or an arena, and not to the system, is still readable:
 * whoever holds on to it reads what the next owner wrote. Under the address sanitizer these make
 * such a read fail; in every other build they are nothing. */
#ifndef TS_BASE_POISON_H
#define TS_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define TS_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TS_POISONS 1
#endif
#endif

#ifdef TS_POISONS
#include <sanitizer/asan_interface.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" /* it is not read */
#endif
static inline void ts_poison(const volatile void *memory, size_t size)
{
    __asan_poison_memory_region(memory, size);
}
static inline void ts_unpoison(const volatile void *memory, size_t size)
{
    __asan_unpoison_memory_region(memory, size);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#else
static inline void ts_poison(const volatile void *memory, size_t size)
{
    (void)memory;
    (void)size;
}
static inline void ts_unpoison(const volatile void *memory, size_t size)
{
    (void)memory;
    (void)size;
}
#endif

#endif
