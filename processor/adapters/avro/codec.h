/* SPDX-License-Identifier: Apache-2.0 */
/* The codec port on Avro. It writes the single-object encoding: two marker bytes, the fingerprint
 * of the writer's schema, the Avro binary; and reads that and the Confluent wire format: a zero,
 * the schema's id in a registry, the Avro binary. Which fingerprints are known is settled when the
 * codec is made: all schemas that were ever part of this program, and those handed in. Ids are
 * learnt as they come. One codec may be used by any number of threads. */
#ifndef TS_ADAPTERS_AVRO_CODEC_H
#define TS_ADAPTERS_AVRO_CODEC_H

#include "base/bytes.h"
#include "base/error.h"
#include "ports/codec.h"
#include "ports/schemas.h"

#include <stddef.h>

struct ts_avro_codec;

/* A further writer schema, from a folder of the operator's. */
struct ts_avro_schema {
    const char *name; /* for messages: the file */
    struct ts_bytes text;
};

/* Schemas that are neither of the record CallDetailRecord nor of a command (alone, or in a union)
 * are passed over, so that a folder may hold others too; one whose records could not be read is
 * refused, as is a text that is no schema: class REJECT, with its name. The texts are not needed
 * afterwards. */
struct ts_avro_codec *
ts_avro_codec_create(const struct ts_avro_schema *schemas, size_t count, struct ts_error *err);
void ts_avro_codec_destroy(struct ts_avro_codec *codec);

/* From where the schemas of ids come; without it such records are refused. Before the codec is used
 * by other threads, and once. `schemas` outlives the codec. */
bool ts_avro_codec_use_registry(struct ts_avro_codec *codec,
                                struct ts_schemas schemas,
                                struct ts_error *err);

struct ts_codec ts_avro_codec_port(struct ts_avro_codec *codec);

#endif
