/* SPDX-License-Identifier: Apache-2.0 */
/* Does a decoded CDR make sense: the rules of the CDR contract that need nothing but the record
 * itself and the clock. The same function judges the stream and the calculator. */
#ifndef TS_CORE_VALIDATE_H
#define TS_CORE_VALIDATE_H

#include "core/cdr.h"
#include "core/reason.h"

#include <stddef.h>
#include <stdint.h>

/* For now_ms: no clock; times from 2000-01-01 to 2100-01-01 UTC pass. */
#define TS_VALIDATE_NO_CLOCK INT64_MIN

enum {
    TS_VALIDATE_MESSAGE_MAX = 256,
    TS_DURATION_TOLERANCE_MS_DEFAULT = 2000,

    TS_CDR_ID_MAX = 64,    /* bytes of cdr_id, source, account_id, and of a caller as passed on */
    TS_CDR_NAME_MAX = 256, /* bytes of user_id, user_name, department */
    TS_CDR_ATTRIBUTES_MAX = 32,
    TS_CDR_ENCODED_MAX = 64 * 1024, /* bytes of the whole record */
};

struct ts_validate_limits {
    int64_t now_ms;                /* times up to one day later pass; or TS_VALIDATE_NO_CLOCK */
    int64_t duration_tolerance_ms; /* of this CDR's source: how far duration_ms may be from
                                      end - answer */
};

/* TS_REASON_NONE, or the first reason in the order of the enum that applies, from MISSING_FIELD to
 * INVALID_PAGES. `message` (may be NULL; TS_VALIDATE_MESSAGE_MAX is always enough) gets a text that
 * names the field and the value, itself always printable UTF-8; untouched when nothing is wrong.
 * Pure, allocates nothing. */
enum ts_reason ts_cdr_validate(const struct ts_cdr *cdr,
                               const struct ts_validate_limits *limits,
                               char *message,
                               size_t message_size);

#endif
