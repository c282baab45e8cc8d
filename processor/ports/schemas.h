/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas of writers by the number that a Schema Registry gave them, as the Confluent wire format
 * carries it. An id means the same schema for ever: what was fetched once need not be asked for
 * again. */
#ifndef TS_PORTS_SCHEMAS_H
#define TS_PORTS_SCHEMAS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_schemas_ops {
    /* Appends the schema's text to `out`. On failure class REJECT, code TS_REASON_UNKNOWN_SCHEMA:
     * there is no such schema, or none that could be used; or class RETRY: it can't be had just
     * now, the same call again later. Waits a moment at most, whatever the registry does, because
     * the worker has more to do. Any number of threads. */
    bool (*fetch)(void *self, uint32_t id, struct ts_buffer *out, struct ts_error *err);
};

struct ts_schemas {
    const struct ts_schemas_ops *ops; /* NULL: there is no registry */
    void *self;
};

#endif
