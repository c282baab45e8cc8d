/* SPDX-License-Identifier: Apache-2.0 */
/* Which schema wrote this: the parsing canonical form of a schema and its CRC-64-AVRO fingerprint,
 * as the Avro specification defines them. Avro C parses schemas but has neither. */
#ifndef TS_ADAPTERS_AVRO_FINGERPRINT_H
#define TS_ADAPTERS_AVRO_FINGERPRINT_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdint.h>

struct avro_obj_t; /* Avro C's avro_schema_t points to it */

/* Appends the parsing canonical form of a parsed schema. */
void ts_avro_canonical_form(struct avro_obj_t *schema, struct ts_buffer *out);

/* CRC-64-AVRO of a canonical form. */
uint64_t ts_avro_fingerprint(struct ts_bytes canonical_form);

#endif
