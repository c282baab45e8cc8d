/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A map from digit prefixes to 32-bit values, asked for the longest prefix of a number.
 *
 * It serves the numbering plan and the rate decks: tens of thousands of prefixes, built once,
 * then read for every CDR. So it has two phases. While it is built, nodes have ten child links
 * and inserting is simple. ts_trie_freeze() lays the nodes out breadth first in one flat array of
 * 12 bytes each, children side by side behind a bitmap: 50,000 prefixes take well under 2 MiB
 * and stay in the cache. A frozen trie is immutable and may be read by any number of threads.
 *
 * It is not a general map: keys are decimal digits only, and there is no removal.
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

/* Longest prefix, in digits. E.164 has 15; a longer key is refused by ts_trie_insert(). */
#define TS_TRIE_DIGITS_MAX 31U

/* Most values one number can match: one per prefix length, the empty prefix included. */
#define TS_TRIE_MATCHES_MAX (TS_TRIE_DIGITS_MAX + 1U)

/* An empty trie, or NULL with err set (class retry) when memory is short. */
struct ts_trie *ts_trie_create(struct ts_error *err);

/* NULL is fine. */
void ts_trie_destroy(struct ts_trie *trie);

/*
 * Stores value under the prefix of n digits; n = 0 is the prefix of every number. Only before
 * ts_trie_freeze(). False with err set when the prefix is not 0 to TS_TRIE_DIGITS_MAX digits,
 * when it has a value already (find it with ts_trie_find() if that can happen), or when memory is
 * short; the trie is then as it was, as far as lookups can tell.
 */
bool ts_trie_insert(
    struct ts_trie *trie, const char *digits, size_t n, uint32_t value, struct ts_error *err);

/* Value stored under exactly this prefix, or TS_TRIE_NONE. Before and after the freeze. */
uint32_t ts_trie_find(const struct ts_trie *trie, const char *digits, size_t n);

/* Ends building. False with err set when memory is short: the trie can then only be destroyed. */
bool ts_trie_freeze(struct ts_trie *trie, struct ts_error *err);

/*
 * Only after the freeze. The number is the leading digits of the n bytes given: reading stops at
 * the first byte that is no digit, so hand over E.164 digits without the '+'.
 *
 * ts_trie_longest(): value of the longest stored prefix of the number, or TS_TRIE_NONE.
 *
 * ts_trie_matches(): values of all stored prefixes of the number, from the longest to the
 * shortest, at most max of them (TS_TRIE_MATCHES_MAX is always enough; with fewer, the longest
 * are kept). Returns how many.
 */
uint32_t ts_trie_longest(const struct ts_trie *trie, const char *digits, size_t n);
size_t ts_trie_matches(
    const struct ts_trie *trie, const char *digits, size_t n, uint32_t values[], size_t max);

/* Bytes held, for the memory accounts of what is built on it. */
size_t ts_trie_memory_bytes(const struct ts_trie *trie);

#endif
