/* SPDX-License-Identifier: Apache-2.0 */
/* What a Schema Registry's answer to GET /schemas/ids/{id} means (Confluent's interface, which
 * others serve as well). Only an answer that a registry gives about that very schema is final; all
 * that a proxy, a login page, a wrong path or a sick server may answer instead is not, because a
 * call must not be refused for them. */
#ifndef TS_ADAPTERS_REGISTRY_ANSWER_H
#define TS_ADAPTERS_REGISTRY_ANSWER_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>

/* Appends the schema's text. On failure class REJECT, code TS_REASON_UNKNOWN_SCHEMA: there is no
 * such schema (404), or one of a kind that is not read here (not Avro, with references to others);
 * class RETRY for everything else. The text says what the schema or the registry has wrong, without
 * naming them. */
bool ts_registry_answer_read(long status,
                             struct ts_bytes body,
                             struct ts_buffer *schema,
                             struct ts_error *err);

#endif
