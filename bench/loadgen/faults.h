/* SPDX-License-Identifier: Apache-2.0 */
/* What no switch should write, one kind for each rule a CDR can break, and more. */
#ifndef LG_FAULTS_H
#define LG_FAULTS_H

#include "bench/loadgen/calls.h"
#include "bench/loadgen/random.h"

#include "base/buffer.h"

#include <stdbool.h>

enum lg_fault {
    LG_FAULT_NONE,
    LG_FAULT_TRUNCATED,
    LG_FAULT_TRAILING_BYTES,
    LG_FAULT_NO_MARKER,
    LG_FAULT_UNKNOWN_SCHEMA,
    LG_FAULT_UNKNOWN_SCHEMA_ID,
    LG_FAULT_NO_CDR_ID,
    LG_FAULT_NO_TO_NUMBER,
    LG_FAULT_LONG_SOURCE,
    LG_FAULT_MANY_ATTRIBUTES,
    LG_FAULT_LARGE_RECORD,
    LG_FAULT_CONTROL_CHARACTER,
    LG_FAULT_BAD_UTF8,
    LG_FAULT_LETTERS_IN_NUMBER,
    LG_FAULT_LONG_NUMBER,
    LG_FAULT_YEAR_1970,
    LG_FAULT_YEAR_2100,
    LG_FAULT_ENDS_BEFORE_START,
    LG_FAULT_NEGATIVE_DURATION,
    LG_FAULT_ENDLESS_DURATION,
    LG_FAULT_WRONG_DURATION,
    LG_FAULT_WRONG_DISPOSITION,
    LG_FAULT_UNANSWERED_WITH_PAGES,
    LG_FAULT_PAGES_ON_VOICE,
    LG_FAULT_NEGATIVE_PAGES,
    LG_FAULT_UNKNOWN_ACCOUNT,
    LG_FAULT_CONFLICT, /* another record's identity with other content */
    LG_FAULT_COUNT,
};

/* Spoils the CDR; what it then points to is static or the call's own. */
void lg_fault_spoil_call(enum lg_fault fault, struct lg_call *call);

/* Spoils the encoded message. */
void lg_fault_spoil_message(enum lg_fault fault, struct lg_random *random, struct ts_buffer *value);

#endif
