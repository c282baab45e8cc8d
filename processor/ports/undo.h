/* SPDX-License-Identifier: Apache-2.0 */
/* The undo text of one charge: what each record took from each account, so that it can be given
 * back from any offset on. The worker composes it, the bucket keeps it unread, and only a reopen
 * (and the audit) reads it. One item for the money that a record moved, and one for each allowance
 * that it drew on:
 *
 *     <offset> <delta micros> <size of the id> <account id>\n
 *     <offset> <units> n<size of the name> <name of the counter, ports/counter.h>\n
 *
 * Readable to an operator; the size makes any byte in an id harmless. */
#ifndef TS_PORTS_UNDO_H
#define TS_PORTS_UNDO_H

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_undo_item {
    int64_t offset;
    int64_t delta_micros; /* what was added: negative for a charge */
    struct ts_bytes account_id;
    struct ts_bytes counter; /* not absent: these units were used, and the two above don't count */
    int64_t units;           /* below 0: given back */
};

/* What is 0 needs no item. Failures stick in the buffer. */
void ts_undo_append(struct ts_buffer *text, const struct ts_undo_item *item);

/* Takes the first item off `rest`. False at the end, where rest->size is 0, or when the text is not
 * of this form, where it is not. */
bool ts_undo_next(struct ts_bytes *rest, struct ts_undo_item *item);

#endif
