/* SPDX-License-Identifier: Apache-2.0 */
/* A phone book of numbers that could exist: drawn from the prefixes of the numbering plan that is
 * part of the processor (schemas/numbering-plan). */
#ifndef LG_NUMBERS_H
#define LG_NUMBERS_H

#include "bench/loadgen/random.h"

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum lg_number_kind { LG_NUMBER_ORDINARY, LG_NUMBER_TOLL_FREE, LG_NUMBER_PREMIUM, LG_NUMBER_KINDS };

enum { LG_NUMBER_MAX = 20, LG_PREFIX_MAX = 16 };

struct lg_numbers;

/* One prefix of the plan, with the classes of digits written out. */
struct lg_prefix {
    char digits[LG_PREFIX_MAX];
    char region[4];
    bool mobile;
};

struct lg_numbers *lg_numbers_create(struct ts_bytes plan_csv, struct ts_error *err);
void lg_numbers_destroy(struct lg_numbers *numbers);

/* The index of a region, and how many there are. An unknown region gives the first one. */
uint32_t lg_numbers_region(const struct lg_numbers *numbers, const char *region);
uint32_t lg_numbers_region_count(const struct lg_numbers *numbers);
const char *lg_numbers_region_name(const struct lg_numbers *numbers, uint32_t region);

/* Draws a number, '+' included, NUL-terminated; returns its length. A region without numbers of
 * that kind gives an ordinary one. */
size_t lg_numbers_draw(const struct lg_numbers *numbers,
                       struct lg_random *random,
                       uint32_t region,
                       enum lg_number_kind kind,
                       char out[LG_NUMBER_MAX]);

/* Every prefix once, in order of digits. The caller frees the result; NULL when out of memory. */
struct lg_prefix *lg_numbers_prefixes(const struct lg_numbers *numbers, size_t *count);

#endif
