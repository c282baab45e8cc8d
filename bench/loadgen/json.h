/* SPDX-License-Identifier: Apache-2.0 */
/* A CDR as a line of JSON, as `tollstream rate` reads it. */
#ifndef LG_JSON_H
#define LG_JSON_H

#include "base/buffer.h"
#include "core/cdr.h"

void lg_json_write(const struct ts_cdr *cdr, struct ts_buffer *out);

#endif
