/* SPDX-License-Identifier: Apache-2.0 */
/* The two hashes whose values leave the process and so can never change:
 * - ts_hash64 (XXH3, 64 bits, seed 0): identity hashes and content fingerprints, stored in
 *   PostgreSQL's unique keys;
 * - ts_murmur2 (Kafka's Java default partitioner, seed 0x9747b28c): an account's bucket in Redis,
 *   the same function that spreads keys over partitions. */
#ifndef TS_BASE_HASH_H
#define TS_BASE_HASH_H

#include "base/bytes.h"

#include <stdint.h>

uint64_t ts_hash64(struct ts_bytes bytes);

/* Kafka's "positive" form: the top bit cleared. */
uint32_t ts_murmur2(struct ts_bytes bytes);

#endif
