/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in the Redis protocol, written straight into a buffer: no allocation per argument.
 * `begin` tells how many arguments follow, the command's name included. Failures stick in the
 * buffer. */
#ifndef TS_ADAPTERS_REDIS_COMMAND_H
#define TS_ADAPTERS_REDIS_COMMAND_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

void ts_redis_command_begin(struct ts_buffer *out, size_t argument_count);
void ts_redis_command_bytes(struct ts_buffer *out, struct ts_bytes argument);
void ts_redis_command_i64(struct ts_buffer *out, int64_t argument);

/* One argument made of two pieces. */
void ts_redis_command_pair(struct ts_buffer *out, struct ts_bytes head, struct ts_bytes tail);

#endif
