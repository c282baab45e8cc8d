/* SPDX-License-Identifier: Apache-2.0 */
/* One input record on its way: what came in, what it was decoded and rated to, and how it ends.
 * Records live in a batch (pipeline/batch.h); all views point into that batch's arena. */
#ifndef TS_PORTS_RECORD_H
#define TS_PORTS_RECORD_H

#include "base/bytes.h"
#include "core/allowance.h"
#include "core/cdr.h"
#include "core/rating.h"
#include "core/reason.h"
#include "ports/lane.h"

#include <stdbool.h>
#include <stdint.h>

/* Every input ends in exactly one of these. */
enum ts_outcome { TS_OUTCOME_SETTLED, TS_OUTCOME_DUPLICATE, TS_OUTCOME_DEAD_LETTER };

struct ts_record {
    struct ts_lane lane;
    int64_t offset;
    int64_t timestamp_ms;
    struct ts_bytes key;
    struct ts_bytes value;
    struct ts_bytes headers;
    struct ts_cdr cdr;
    struct ts_rating rating;      /* its charge is what is left to pay after included units */
    struct ts_included *included; /* NULL: no allowance fits */
    uint64_t identity_hash;       /* of generation 0; 0 when not decoded */
    uint64_t fingerprint;
    enum ts_outcome outcome;
    enum ts_reason reason;   /* of a dead letter */
    struct ts_bytes message; /* of a dead letter, for a person */
    bool decoded;            /* cdr is whole */
    uint32_t account;        /* index among the batch's accounts; UINT32_MAX when it has none */

    /* Given at settle, on the locked account row. */
    int64_t balance_after_micros;
    int64_t movement; /* the account's order */
};

#endif
