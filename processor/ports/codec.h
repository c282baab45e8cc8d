/* SPDX-License-Identifier: Apache-2.0 */
/* Between bytes on a topic and our values. */
#ifndef TS_PORTS_CODEC_H
#define TS_PORTS_CODEC_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "core/cdr.h"
#include "core/command.h"
#include "core/event.h"
#include "ports/record.h"

#include <stdbool.h>

struct ts_codec_ops {
    /* Decodes one CDR. Its strings are views into `value`. On failure class REJECT, with an enum
     * ts_reason as code (DECODE_ERROR, UNKNOWN_SCHEMA, UNKNOWN_ENUM, MISSING_FIELD,
     * FIELD_TOO_LONG) and a text naming the field; or class RETRY when the writer's schema can't
     * be had just now: the same call again later. `out` may be partly filled then. */
    bool (*decode_cdr)(void *self, struct ts_bytes value, struct ts_cdr *out, struct ts_error *err);

    /* Decodes one record of the credits topic, as decode_cdr does. What is not a view into `value`
     * is in the arena. */
    bool (*decode_command)(void *self,
                           struct ts_bytes value,
                           struct ts_arena *arena,
                           struct ts_command *out,
                           struct ts_error *err);

    /* Append the message for the events topic, or for the dead-letter topic. Fail only for want of
     * memory (the buffer's `failed`). `topic` is the name of the source topic. */
    void (*encode_event)(void *self, const struct ts_event *event, struct ts_buffer *out);
    void (*encode_dead_letter)(void *self,
                               const struct ts_record *record,
                               struct ts_bytes topic,
                               int64_t now_ms,
                               struct ts_buffer *out);
};

struct ts_codec {
    const struct ts_codec_ops *ops;
    void *self;
};

#endif
