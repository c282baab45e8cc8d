/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzzers share. A fuzzer is one source, fuzz_<x>.c, with LLVMFuzzerTestOneInput: it feeds
 * the bytes to one reader of foreign input and asserts, with TS_ASSERT, what must hold of whatever
 * comes out. With libFuzzer (the preset `fuzz`) it looks for inputs; in every other build the same
 * source replays its corpus as a test (standalone_driver.c). */
#ifndef TS_TESTS_FUZZ_FUZZ_H
#define TS_TESTS_FUZZ_FUZZ_H

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "core/cdr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_catalog;
struct ts_deck;
struct ts_numbering;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct ts_bytes fuzz_bytes(const uint8_t *data, size_t size)
{
    return (struct ts_bytes){(const char *)data, size};
}

/* Takes values off the front of the input, for fuzzers that are steered by it; zeros at its end. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};
uint8_t fuzz_take(struct fuzz_input *input);
int64_t fuzz_take_i64(struct fuzz_input *input);

/* A message for a person: one line of UTF-8 without control characters. */
void fuzz_expect_text(const char *text);

/* What a function that just failed has set: this class, and such a text. */
void fuzz_expect_error(const struct ts_error *err, enum ts_error_class class);

/* All decoded fields are equal, attributes entry by entry; encoded_size is not looked at. */
void fuzz_expect_same_cdr(const struct ts_cdr *a, const struct ts_cdr *b);

/* Validates the CDR and, if it is good, rates it by a deck with tiers and windows. */
void fuzz_validate_and_rate(const struct ts_cdr *cdr);

/* Rates a valid CDR for an account of plan 1, twice and with explanations, and checks the outcome:
 * the same each time, within its bounds, with texts where there should be some. */
void fuzz_rate(const struct ts_catalog *catalog, const struct ts_cdr *cdr);

/* A catalog of one plan, number 1, in a time zone with summer time; the deck must outlive it. */
struct ts_catalog *fuzz_catalog_of(const struct ts_deck *deck);

/* The embedded numbering plan, made once. */
const struct ts_numbering *fuzz_numbering(void);

#endif
