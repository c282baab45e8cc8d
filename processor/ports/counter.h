/* SPDX-License-Identifier: Apache-2.0 */
/* The name of a counter: how many units of one allowance one account used in one month. In text, as
 * the fields of a bucket and undo texts carry it:
 *
 *     <yyyymm>:<size of the account id>:<account id><name of the allowance>
 *
 * Readable to an operator; the size makes any byte in an id or a name harmless. */
#ifndef TS_PORTS_COUNTER_H
#define TS_PORTS_COUNTER_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_counter {
    int32_t month; /* yyyymm, by the account's clocks */
    struct ts_bytes account_id;
    struct ts_bytes allowance;
};

/* Failures stick in the buffer. */
void ts_counter_append(struct ts_buffer *text, const struct ts_counter *counter);

/* False, and nothing set, when the text is not of this form. */
bool ts_counter_parse(struct ts_bytes text, struct ts_counter *counter);

#endif
