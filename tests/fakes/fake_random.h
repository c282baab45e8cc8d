/* SPDX-License-Identifier: Apache-2.0 */
/* The one source of chance in a simulated world: everything that happens is a function of its seed,
 * so a seed replays the same run anywhere (SplitMix64: small, and good from the first number on).
 */
#ifndef TS_TESTS_FAKES_FAKE_RANDOM_H
#define TS_TESTS_FAKES_FAKE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct fake_random {
    uint64_t state;
};

static inline uint64_t fake_random_next(struct fake_random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* From 0 to n - 1; n > 0. */
static inline uint32_t fake_random_below(struct fake_random *random, uint32_t n)
{
    return (uint32_t)((fake_random_next(random) >> 32) * n >> 32);
}

/* From low to high, both included. */
static inline int fake_random_range(struct fake_random *random, int low, int high)
{
    return low + (int)fake_random_below(random, (uint32_t)(high - low + 1));
}

static inline bool fake_random_chance(struct fake_random *random, unsigned permille)
{
    return fake_random_below(random, 1000) < permille;
}

#endif
