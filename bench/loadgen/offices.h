/* SPDX-License-Identifier: Apache-2.0 */
/* The offices that call: where each is, its lines and its people, made from the seed and the
 * office's number whenever they are needed. */
#ifndef LG_OFFICES_H
#define LG_OFFICES_H

#include "bench/loadgen/numbers.h"
#include "bench/loadgen/options.h"

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct lg_offices {
    const struct lg_options *options;
    const struct lg_numbers *numbers;
    uint32_t regions[8]; /* of each country that offices are in, in `numbers` */
};

struct lg_office {
    uint32_t number;
    char id[24];
    size_t id_size;
    uint32_t country; /* index into the countries that offices are in */
    uint32_t region;  /* in `numbers` */
    uint32_t people;  /* lines, too: one each */
};

void lg_offices_init(struct lg_offices *offices,
                     const struct lg_options *options,
                     const struct lg_numbers *numbers);

struct lg_office lg_office_of(const struct lg_offices *offices, uint32_t number);

/* The line of a person, or the office's toll-free number; returns its length. */
size_t lg_office_line(const struct lg_offices *offices,
                      const struct lg_office *office,
                      uint32_t person,
                      char out[LG_NUMBER_MAX]);
size_t lg_office_toll_free(const struct lg_offices *offices,
                           const struct lg_office *office,
                           char out[LG_NUMBER_MAX]);

/* Appends at least `width` digits at out + size; returns the new size. */
size_t lg_append_number(char *out, size_t size, uint32_t number, unsigned width);

const char *lg_office_emergency_number(const struct lg_office *office);

enum { LG_NAME_MAX = 64 };

struct ts_bytes
lg_person_name(const struct lg_office *office, uint32_t person, char out[LG_NAME_MAX]);
struct ts_bytes lg_person_department(const struct lg_office *office, uint32_t person);

/* One JSON line an office, as `tollstream accounts import` reads them. */
void lg_offices_write(const struct lg_offices *offices, FILE *out);

#endif
