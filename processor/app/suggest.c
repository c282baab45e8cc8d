/* SPDX-License-Identifier: Apache-2.0 */
#include "app/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 128 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t ts_suggest_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    if (a_size > WORD_MAX || b_size > WORD_MAX) {
        return SIZE_MAX;
    }
    size_t rows[3][WORD_MAX + 1]; /* of the distance table: two back, one back, this one */
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *now = rows[2];
    for (size_t j = 0; j <= b_size; j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t replace = last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            now[j] = min3(last[j] + 1, now[j - 1] + 1, replace);
            bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]);
            if (swapped && before[j - 2] + 1 < now[j]) {
                now[j] = before[j - 2] + 1;
            }
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b_size];
}

void ts_suggest_init(struct ts_suggest *suggest, const char *word)
{
    *suggest = (struct ts_suggest){.word = word, .distance = SIZE_MAX};
}

void ts_suggest_offer(struct ts_suggest *suggest, const char *candidate)
{
    size_t word_size = strlen(suggest->word);
    size_t near = 1 + word_size / 5;
    size_t distance = ts_suggest_distance(suggest->word, candidate);
    bool cut_short = word_size > 1 && strncmp(candidate, suggest->word, word_size) == 0;
    if (cut_short && distance > near) {
        distance = near;
    }
    if (distance <= near && distance < suggest->distance) {
        suggest->best = candidate;
        suggest->distance = distance;
    }
}
