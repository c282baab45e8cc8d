/* SPDX-License-Identifier: Apache-2.0 */
/* A rate deck as a carrier would send it: prices by prefix for wherever the offices call, with
 * dearer mobiles, peak hours, long calls that get cheaper, and destinations that are blocked. */
#ifndef LG_DECK_H
#define LG_DECK_H

#include "bench/loadgen/numbers.h"
#include "bench/loadgen/options.h"

#include <stdbool.h>
#include <stdio.h>

/* False when memory is short. */
bool lg_deck_write(const struct lg_options *options, const struct lg_numbers *numbers, FILE *out);

#endif
