/* SPDX-License-Identifier: Apache-2.0 */
#include "core/trie.h"

#include "base/assert.h"
#include "base/error.h"

#include <stdlib.h>

enum { DIGITS = 10, BLOCKS_AT_FIRST = 64 };

/* Children are a block of ten nodes. Block 0 is never anybody's children: its first node is the
 * root, so 0 can mean "no children". */
struct node {
    uint32_t children; /* index of the node for digit 0; 0: none */
    uint32_t value;
};

struct ts_trie {
    struct node *nodes;
    uint32_t count;
    uint32_t capacity;
};

/* Index of a new block of ten nodes without values, 0 when memory is short. */
static uint32_t add_block(struct ts_trie *trie)
{
    if (trie->capacity - trie->count < DIGITS) {
        if (trie->capacity > UINT32_MAX / 2) {
            return 0;
        }
        uint32_t capacity = trie->capacity * 2;
        struct node *nodes = realloc(trie->nodes, capacity * sizeof *nodes);
        if (nodes == NULL) {
            return 0;
        }
        trie->nodes = nodes;
        trie->capacity = capacity;
    }
    uint32_t first = trie->count;
    for (uint32_t i = first; i < first + DIGITS; i++) {
        trie->nodes[i] = (struct node){.children = 0, .value = TS_TRIE_NONE};
    }
    trie->count += DIGITS;
    return first;
}

struct ts_trie *ts_trie_create(struct ts_error *err)
{
    struct ts_trie *trie = malloc(sizeof *trie);
    struct node *nodes = malloc(BLOCKS_AT_FIRST * DIGITS * sizeof *nodes);
    if (trie == NULL || nodes == NULL) {
        free(trie);
        free(nodes);
        ts_error_no_memory(err);
        return NULL;
    }
    *trie = (struct ts_trie){.nodes = nodes, .count = 0, .capacity = BLOCKS_AT_FIRST * DIGITS};
    add_block(trie);
    return trie;
}

void ts_trie_destroy(struct ts_trie *trie)
{
    if (trie != NULL) {
        free(trie->nodes);
        free(trie);
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool check_prefix(const char *digits, size_t n, struct ts_error *err)
{
    if (n > TS_TRIE_DIGITS_MAX) {
        return ts_error_set(err,
                            TS_ERROR_REJECT,
                            0,
                            "prefix %.*s... is longer than %d digits",
                            TS_TRIE_DIGITS_MAX,
                            digits,
                            TS_TRIE_DIGITS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(digits[i])) {
            return ts_error_set(
                err, TS_ERROR_REJECT, 0, "prefix \"%.*s\" is not digits only", (int)n, digits);
        }
    }
    return true;
}

/* The child of a node for a digit, 0 when there is none. */
static uint32_t child(const struct ts_trie *trie, uint32_t at, char digit)
{
    uint32_t children = trie->nodes[at].children;
    return children == 0 ? 0 : children + (uint32_t)(digit - '0');
}

bool ts_trie_insert(
    struct ts_trie *trie, const char *digits, size_t n, uint32_t value, struct ts_error *err)
{
    TS_ASSERT(value != TS_TRIE_NONE);
    if (!check_prefix(digits, n, err)) {
        return false;
    }
    uint32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (trie->nodes[at].children == 0) {
            uint32_t block = add_block(trie);
            if (block == 0) {
                return ts_error_no_memory(err);
            }
            trie->nodes[at].children = block;
        }
        at = child(trie, at, digits[i]);
    }
    if (trie->nodes[at].value != TS_TRIE_NONE) {
        return ts_error_set(
            err, TS_ERROR_REJECT, 0, "prefix \"%.*s\" is there twice", (int)n, digits);
    }
    trie->nodes[at].value = value;
    return true;
}

uint32_t ts_trie_find(const struct ts_trie *trie, const char *digits, size_t n)
{
    uint32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        at = is_digit(digits[i]) ? child(trie, at, digits[i]) : 0;
        if (at == 0) {
            return TS_TRIE_NONE;
        }
    }
    return trie->nodes[at].value;
}

uint32_t ts_trie_longest(const struct ts_trie *trie, const char *digits, size_t n)
{
    uint32_t at = 0;
    uint32_t longest = trie->nodes[0].value;
    for (size_t i = 0; i < n && is_digit(digits[i]); i++) {
        at = child(trie, at, digits[i]);
        if (at == 0) {
            break;
        }
        uint32_t value = trie->nodes[at].value;
        longest = value == TS_TRIE_NONE ? longest : value;
    }
    return longest;
}

size_t ts_trie_matches(
    const struct ts_trie *trie, const char *digits, size_t n, uint32_t values[], size_t max)
{
    uint32_t found[TS_TRIE_MATCHES_MAX]; /* from the shortest to the longest */
    size_t count = 0;
    uint32_t at = 0;
    for (size_t i = 0;; i++) {
        if (trie->nodes[at].value != TS_TRIE_NONE) {
            found[count++] = trie->nodes[at].value;
        }
        if (i == n || !is_digit(digits[i])) {
            break;
        }
        at = child(trie, at, digits[i]);
        if (at == 0) {
            break;
        }
    }
    size_t given = count < max ? count : max;
    for (size_t i = 0; i < given; i++) {
        values[i] = found[count - 1 - i];
    }
    return given;
}

size_t ts_trie_memory_bytes(const struct ts_trie *trie)
{
    return sizeof *trie + trie->capacity * sizeof *trie->nodes;
}
