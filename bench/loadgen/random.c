/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/random.h"

#include <math.h>

/* SplitMix64: a counter and a mixing function. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

struct lg_random lg_random_of(uint64_t seed, uint64_t kind, uint64_t number)
{
    return (struct lg_random){mix(mix(mix(seed + GOLDEN) ^ kind) + number * GOLDEN)};
}

uint64_t lg_random_next(struct lg_random *random)
{
    return mix(random->state += GOLDEN);
}

uint64_t lg_random_below(struct lg_random *random, uint64_t limit)
{
    return (uint64_t)((unsigned __int128)lg_random_next(random) * limit >> 64);
}

int64_t lg_random_between(struct lg_random *random, int64_t from, int64_t to)
{
    return from + (int64_t)lg_random_below(random, (uint64_t)(to - from) + 1);
}

bool lg_random_chance(struct lg_random *random, uint32_t ppm)
{
    return lg_random_below(random, 1000000) < ppm;
}

double lg_random_fraction(struct lg_random *random)
{
    return ((double)(lg_random_next(random) >> 12) + 0.5) / 4503599627370496.0; /* 2^52 */
}

double lg_random_log_normal(struct lg_random *random, double median, double sigma)
{
    double radius = sqrt(-2.0 * log(lg_random_fraction(random)));
    double normal = radius * cos(6.283185307179586 * lg_random_fraction(random));
    return median * exp(sigma * normal);
}

double lg_random_exponential(struct lg_random *random, double mean)
{
    return -mean * log(lg_random_fraction(random));
}

/* The inverse of the integral of x^-exponent from 1 to count + 1. */
uint64_t lg_random_zipf(struct lg_random *random, uint64_t count, double exponent)
{
    double u = lg_random_fraction(random);
    double power = 1.0 - exponent;
    double top = (double)count + 1.0;
    double x =
        fabs(power) < 1e-6 ? pow(top, u) : pow(u * (pow(top, power) - 1.0) + 1.0, 1.0 / power);
    uint64_t rank = (uint64_t)x - 1;
    return rank < count ? rank : count - 1;
}

unsigned lg_random_weighted(struct lg_random *random, const uint32_t *weights, unsigned count)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        total += weights[i];
    }
    uint64_t at = lg_random_below(random, total);
    unsigned i = 0;
    while (i + 1 < count && at >= weights[i]) {
        at -= weights[i++];
    }
    return i;
}
