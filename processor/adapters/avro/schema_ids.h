/* SPDX-License-Identifier: Apache-2.0 */
/* How to read the records of writers whose schemas a registry numbers. The schema of an id is
 * fetched and compiled when the first record with it comes, and kept for ever: an id never means
 * another one. Any number of threads; finding an id that is known takes no lock. */
#ifndef TS_ADAPTERS_AVRO_SCHEMA_IDS_H
#define TS_ADAPTERS_AVRO_SCHEMA_IDS_H

#include "adapters/avro/known.h"
#include "base/error.h"
#include "ports/schemas.h"

#include <stdint.h>

struct ts_avro_ids;

struct ts_avro_ids *ts_avro_ids_create(struct ts_schemas schemas, struct ts_error *err);
void ts_avro_ids_destroy(struct ts_avro_ids *ids);

/* NULL as the decoders of ports/codec.h fail: class REJECT, code UNKNOWN_SCHEMA, when there is no
 * such schema or it is none of ours that can be read; class RETRY when it can't be had
 * just now; class FATAL for want of memory. */
const struct ts_avro_known *
ts_avro_ids_known(struct ts_avro_ids *ids, uint32_t id, struct ts_error *err);

#endif
