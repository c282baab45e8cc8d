/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated world's calls: their form on the topic, the codec that reads it, and what they
 * cost. The price and whether there is one depend on the published revision, so that two attempts
 * at one record may decide differently. ts_catalog_rate is replaced at link time. */
#ifndef TS_TESTS_FAKES_FAKE_CALLS_H
#define TS_TESTS_FAKES_FAKE_CALLS_H

#include "tests/fakes/fake_host.h"

#include "core/allowance.h"
#include "ports/codec.h"
#include "ports/publisher.h"
#include "ports/rates.h"
#include "ports/zones.h"

#include <stdbool.h>
#include <stdint.h>

enum fake_flaw {
    FAKE_FLAW_NONE,
    FAKE_FLAW_BYTES,  /* its message is something else */
    FAKE_FLAW_ABSENT, /* its message has no value */
    FAKE_FLAW_ORDER,  /* ends before it was answered */
    FAKE_FLAW_REFUSED /* PostgreSQL will refuse its row */
};

/* A message's value. */
struct fake_call {
    int32_t number;  /* of the CDR's identity */
    int32_t content; /* the same identity with another content is a conflict */
    int32_t flaw;    /* enum fake_flaw */
    char account_id[16];
    char cdr_id[16];
    char to_number[16];
};

void fake_call_make(struct fake_call *call,
                    const char *account_id,
                    int32_t number,
                    int32_t content);
int64_t fake_call_start_ms(int32_t number); /* in one of FAKE_MONTHS */
enum { FAKE_BILLED = 60 };                  /* units of every call */

/* The allowances by name, and the place of a counter among an account's FAKE_COUNTERS. */
const char *fake_allowance_name(int allowance);
struct ts_allowance_text fake_allowance_text(int allowance, int64_t units);
int fake_counter(int32_t month, struct ts_bytes allowance);
int fake_counter_of_call(int32_t number, int allowance);
/* By its name in Redis; fails on one of no account. */
void fake_counter_parse(struct ts_bytes name, int *account, int *counter);

/* Charges are 0 or whole multiples of this up to FAKE_PRICE_MAX. */
#define FAKE_PRICE_UNIT INT64_C(1000)
#define FAKE_PRICE_MAX (INT64_C(33) * FAKE_PRICE_UNIT)

/* False: no rate at this revision. */
bool fake_price(int32_t number, int32_t content, int64_t revision, int64_t *charge_micros);

/* What comes out on the topics. */
struct fake_told_event {
    int32_t type;
    int64_t sequence;
    int64_t balance_micros;
    int64_t time_ms;
    int64_t amount; /* what the body has */
    int64_t number;
    int64_t moment_ms;
    char id[64];     /* of a credit or a recharge */
    char reason[32]; /* … or a kind */
    char event_id[48];
    char account_id[16];
    char cause[96];
};
struct fake_told_dead_letter {
    int32_t lane;
    int64_t offset;
    int32_t reason;
};

struct ts_codec fake_codec_port(struct fake_host *host);

/* What is published: the catalog of every revision that a seed can reach. */
enum { FAKE_REVISIONS = 64 };
struct fake_rates {
    struct fake_host *host;
    int64_t revision; /* 0: none yet */
    int held;         /* acquired and not released, by living processes */
};
struct ts_rates fake_rates_port(struct fake_rates *rates);

/* There is UTC, and no other. */
struct ts_zones fake_zones_port(struct fake_host *host);

#endif
