/* SPDX-License-Identifier: Apache-2.0 */
/* Writes commands as services do, by the present schema: for the commands of operators, for the
 * timers, for replays, and for tests. */
#ifndef TS_ADAPTERS_AVRO_COMMAND_ENCODE_H
#define TS_ADAPTERS_AVRO_COMMAND_ENCODE_H

#include "base/buffer.h"
#include "core/command.h"

/* Appends the message, in single-object encoding: of an adjustment, by the schema of its own topic;
 * of all others, by the union of the credits topic. Nothing is validated: what the command holds is
 * written, so let ts_command_validate see it before. The buffer's `failed` tells when memory was
 * short. */
void ts_avro_command_encode(const struct ts_command *command, struct ts_buffer *out);

#endif
