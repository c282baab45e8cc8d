/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from digit prefixes to 32-bit values, asked for the longest prefix of a number.
 *
 * It serves the numbering plan and the rate decks: tens of thousands of prefixes, built once, then
 * read for every CDR. All nodes are in one array of 8 bytes each. The ten children of a node are
 * side by side, so a step is one addition and one load: no search, no bitmap, no pointer. 50,000
 * prefixes take 0.4 to 4 MiB and a lookup a few tens of nanoseconds. Building and reading
 * must not overlap; once built it may be read by any number of threads.
 *
 * It is not a general map: keys are decimal digits only, and nothing is replaced or removed.
 */
#ifndef TS_CORE_TRIE_H
#define TS_CORE_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_error;
struct ts_trie;

/* "No value": never stored. */
#define TS_TRIE_NONE UINT32_MAX

enum {
    TS_TRIE_DIGITS_MAX = 31,                      /* longest prefix; E.164 has 15 digits */
    TS_TRIE_MATCHES_MAX = TS_TRIE_DIGITS_MAX + 1, /* most prefixes of one number, "" included */
};

/* An empty trie, or NULL with err set when memory is short. */
struct ts_trie *ts_trie_create(struct ts_error *err);

/* NULL is fine. */
void ts_trie_destroy(struct ts_trie *trie);

/*
 * Stores value, which is not TS_TRIE_NONE, under the prefix of n digits; n = 0 is the prefix of
 * every number. False with err set, and no lookup changed, when the prefix is not 0 to
 * TS_TRIE_DIGITS_MAX decimal digits or has a value already (class reject; where that is no fault,
 * ask ts_trie_find() first), or when memory is short (class fatal).
 */
bool ts_trie_insert(
    struct ts_trie *trie, const char *digits, size_t n, uint32_t value, struct ts_error *err);

/* The value stored under exactly this prefix, or TS_TRIE_NONE. */
uint32_t ts_trie_find(const struct ts_trie *trie, const char *digits, size_t n);

/*
 * In these two the number is the leading digits of the n bytes given: reading stops at the first
 * byte that is no digit, so hand over E.164 digits without the '+'.
 *
 * ts_trie_longest(): the value of the longest stored prefix of the number, or TS_TRIE_NONE.
 *
 * ts_trie_matches(): the values of all stored prefixes of the number, from the longest to the
 * shortest, at most max of them (TS_TRIE_MATCHES_MAX is always enough; with fewer the shortest
 * are left out). Returns how many.
 */
uint32_t ts_trie_longest(const struct ts_trie *trie, const char *digits, size_t n);
size_t ts_trie_matches(
    const struct ts_trie *trie, const char *digits, size_t n, uint32_t values[], size_t max);

/* Bytes of heap held. */
size_t ts_trie_memory_bytes(const struct ts_trie *trie);

#endif
