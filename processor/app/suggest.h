/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the candidate closest to a word nobody knows. Offer every candidate, then look at
 * `best`. Close means a few edits (insert, delete, replace, swap of neighbours), fewer for short
 * words, so that nonsense suggests nothing. */
#ifndef TS_APP_SUGGEST_H
#define TS_APP_SUGGEST_H

#include <stddef.h>

struct ts_suggest {
    const char *word;
    const char *best; /* NULL while no candidate is close; the candidate as it was offered */
    size_t distance;  /* of best */
};

void ts_suggest_init(struct ts_suggest *suggest, const char *word);
void ts_suggest_offer(struct ts_suggest *suggest, const char *candidate);

/* Edits between two words; words longer than 128 bytes count as infinitely far apart (SIZE_MAX).
 * Case does not count. */
size_t ts_suggest_distance(const char *a, const char *b);

#endif
