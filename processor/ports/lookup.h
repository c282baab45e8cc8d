/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger is asked about records on their way: is it settled already, and how does the
 * account stand. */
#ifndef TS_PORTS_LOOKUP_H
#define TS_PORTS_LOOKUP_H

#include "core/cdr.h"
#include "core/command.h"

#include <stdbool.h>
#include <stdint.h>

enum ts_identity_status {
    TS_IDENTITY_ABSENT,
    TS_IDENTITY_SAME,     /* settled with the same content: a duplicate */
    TS_IDENTITY_CONFLICT, /* settled with another content */
    TS_IDENTITY_COLLISION /* another identity with the same hash and start */
};

struct ts_identity {
    const struct ts_cdr *cdr;
    uint64_t identity_hash;
    uint64_t fingerprint;
    enum ts_identity_status status; /* out */
};

/* What is settled of a command's ids, and what it names. */
struct ts_command_request {
    const struct ts_command *command;
    int64_t account_no;
    uint64_t fingerprint;
    enum ts_identity_status command_id; /* out: ABSENT, SAME or CONFLICT */
    enum ts_identity_status credit_id;  /* out, of a credit: whether it was credited before */
    bool recharge_credited;             /* out, of a credit with a recharge_id */
    bool base_there;                    /* out, of an adjustment: the row that it follows, … */
    bool base_followed;                 /* … and whether another adjustment does */
    int32_t plan_no;       /* out, of a change of the rate plan: 0 when there is none */
    char plan_currency[4]; /* out */
};

/* The whole state of an account, and the time there. */
struct ts_state_reading {
    int64_t account_no;
    struct ts_account_state state; /* out */
    struct ts_decide_time time;    /* out: `now_ms`, in the account's zone */
};

#endif
