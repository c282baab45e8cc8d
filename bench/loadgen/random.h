/* SPDX-License-Identifier: Apache-2.0 */
/* Chance from a seed. A generator is made for each thing that is drawn (a call, an office, a line)
 * from the seed, what it is, and its number: so the n-th call is the same whichever thread draws it
 * and however often, and nothing has to be kept. */
#ifndef LG_RANDOM_H
#define LG_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct lg_random {
    uint64_t state;
};

struct lg_random lg_random_of(uint64_t seed, uint64_t kind, uint64_t number);

uint64_t lg_random_next(struct lg_random *random);

/* 0 <= result < limit; limit > 0 */
uint64_t lg_random_below(struct lg_random *random, uint64_t limit);

/* from <= result <= to */
int64_t lg_random_between(struct lg_random *random, int64_t from, int64_t to);

/* True in so many of a million. */
bool lg_random_chance(struct lg_random *random, uint32_t ppm);

/* 0 < result < 1 */
double lg_random_fraction(struct lg_random *random);

/* Log-normal with this median; sigma is of the logarithm. */
double lg_random_log_normal(struct lg_random *random, double median, double sigma);

double lg_random_exponential(struct lg_random *random, double mean);

/* A rank below `count`, rank r with a probability of about 1 / (r + 1)^exponent. */
uint64_t lg_random_zipf(struct lg_random *random, uint64_t count, double exponent);

/* An index into weights[count], each with its weight. */
unsigned lg_random_weighted(struct lg_random *random, const uint32_t *weights, unsigned count);

#endif
