/* SPDX-License-Identifier: Apache-2.0 */
/* A CDR as a JSON object, one a line: the fields of the CDR contract, times as RFC 3339 or epoch
 * milliseconds, enums in any case, absent or null fields at their defaults, unknown ones ignored.
 * Finds what only a decoder can find (decode_error, unknown_enum, missing_field, in this order);
 * the rest is ts_cdr_validate's. */
#ifndef TS_ADAPTERS_JSON_CDR_JSON_H
#define TS_ADAPTERS_JSON_CDR_JSON_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/cdr.h"
#include "core/reason.h"

#include <stddef.h>

struct ts_json_cdr_reader;

enum ts_json_cdr_status {
    TS_JSON_CDR_GOOD,
    TS_JSON_CDR_REFUSED,   /* for the reason */
    TS_JSON_CDR_MALFORMED, /* not JSON */
};

struct ts_json_cdr_reader *ts_json_cdr_reader_create(struct ts_error *err);
void ts_json_cdr_reader_destroy(struct ts_json_cdr_reader *reader);

/* Fills `cdr` with views that live until the next read, as long as `line` does. Of a refused one
 * only cdr_id can be used (absent when not known). `message` is set unless the status is GOOD. */
enum ts_json_cdr_status ts_json_cdr_read(struct ts_json_cdr_reader *reader,
                                         struct ts_bytes line,
                                         struct ts_cdr *cdr,
                                         enum ts_reason *reason,
                                         char *message,
                                         size_t message_size);

#endif
