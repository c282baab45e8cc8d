/* SPDX-License-Identifier: Apache-2.0 */
/* Writes commands for the credits topic as services do, by the present schema: for the commands of
 * operators, for the timers, and for tests. */
#ifndef TS_ADAPTERS_AVRO_COMMAND_ENCODE_H
#define TS_ADAPTERS_AVRO_COMMAND_ENCODE_H

#include "base/buffer.h"
#include "core/command.h"

/* Appends the message, in single-object encoding. Nothing is validated: what the command holds is
 * written, so let ts_command_validate see it before. The buffer's `failed` tells when memory was
 * short. */
void ts_avro_command_encode(const struct ts_command *command, struct ts_buffer *out);

#endif
