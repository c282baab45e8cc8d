/* SPDX-License-Identifier: Apache-2.0 */
/* One input record on its way: what came in, what it was decoded and rated to, and how it ends.
 * Records live in a batch (pipeline/batch.h); all views point into that batch's arena. */
#ifndef TS_PORTS_RECORD_H
#define TS_PORTS_RECORD_H

#include "base/bytes.h"
#include "core/allowance.h"
#include "core/cdr.h"
#include "core/decide_command.h"
#include "core/rating.h"
#include "core/reason.h"
#include "ports/lane.h"

#include <stdbool.h>
#include <stdint.h>

/* Every input ends in exactly one of these. */
enum ts_outcome { TS_OUTCOME_SETTLED, TS_OUTCOME_DUPLICATE, TS_OUTCOME_DEAD_LETTER };

/* A command on its way. */
struct ts_record_command {
    struct ts_command command;
    struct ts_command_facts facts;
    int32_t plan_no; /* of the rate plan that a change names */
    /* A guess until it is settled: what Redis is charged for. At `write` it is what was decided on
     * the locked row. */
    struct ts_command_effect effect;
};

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
    /* Of the credits topic: then cdr (but for its account_id), rating and included are not set. */
    struct ts_record_command *command; /* NULL: a CDR */
    uint64_t identity_hash;            /* of generation 0; 0 when not decoded */
    uint64_t fingerprint;
    enum ts_outcome outcome;
    enum ts_reason reason;   /* of a dead letter */
    struct ts_bytes message; /* of a dead letter, for a person */
    bool decoded;            /* cdr is whole */
    uint32_t account;        /* index among the batch's accounts; UINT32_MAX when it has none */

    /* Given at settle, on the locked account row. */
    int64_t balance_after_micros;
    int64_t movement; /* the account's order; not given to a command that moves nothing */
};

/* What the record adds to the balance. */
static inline int64_t ts_record_delta(const struct ts_record *record)
{
    return record->command != NULL ? record->command->effect.delta_micros
                                   : -record->rating.charge_micros;
}

/* Whether it gets a row of the account's ledger: each call and each adjustment does, if it moves
 * money or not. */
static inline bool ts_record_has_row(const struct ts_record *record)
{
    return record->outcome == TS_OUTCOME_SETTLED &&
           (record->command == NULL || record->command->effect.delta_micros != 0 ||
            record->command->command.type == TS_COMMAND_ADJUSTMENT);
}

#endif
