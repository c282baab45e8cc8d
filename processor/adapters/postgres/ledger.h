/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL as a worker uses it: the ports ledger and settle. One object a worker, used from one
 * thread; it holds two connections, because a lookup for the next batch must not wait for the
 * commit of this one: the writing one runs settles, the reading one everything else.
 *
 * It relies on no server state beyond committed rows, so losing either connection at any moment is
 * an ordinary event: the ledger's connect makes both anew. */
#ifndef TS_ADAPTERS_POSTGRES_LEDGER_H
#define TS_ADAPTERS_POSTGRES_LEDGER_H

#include "base/arena.h"
#include "base/error.h"
#include "core/account.h"
#include "ports/lane.h"
#include "ports/ledger.h"
#include "ports/observer.h"
#include "ports/settle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_postgres_options {
    const char *url;                    /* libpq URI or keyword string */
    const char *group;                  /* the consumer group: whose lanes these are */
    const char *topics[TS_INPUT_COUNT]; /* by enum ts_input */
    int connect_timeout_ms;
    int statement_timeout_ms;
    int lock_timeout_ms;                /* waiting for a row that another session holds */
    int idle_in_transaction_timeout_ms; /* a process stopped between LOCKED and write */
    int claim_timeout_ms;               /* then a claim ends the sessions that block it */
    size_t settle_bytes_max;            /* encoded rows of one settlement */
    struct ts_observer observer;        /* ops may be NULL */
};

/* Everything but url, group, topics and observer. */
struct ts_postgres_options ts_postgres_defaults(void);

struct ts_postgres;

/* Copies the options. Connects nothing: that is the ledger port's connect. */
struct ts_postgres *ts_postgres_create(const struct ts_postgres_options *options,
                                       struct ts_error *err);
void ts_postgres_destroy(struct ts_postgres *postgres);

struct ts_ledger ts_postgres_ledger(struct ts_postgres *postgres);
struct ts_settle ts_postgres_settle(struct ts_postgres *postgres);

struct ts_profile_visitor {
    void (*visit)(void *self, const struct ts_account_profile *profile);
    void *self;
};

/* For who will want most accounts: the next `max` behind account number *after, which moves on; it
 * stays when there are no more. A tenth of what asking for them by id costs. The profiles live
 * until the visitor returns, their allowances are put into the arena. */
bool ts_postgres_profiles_page(struct ts_postgres *postgres,
                               int64_t *after,
                               size_t max,
                               const struct ts_profile_visitor *visitor,
                               struct ts_arena *arena,
                               struct ts_error *err);

#endif
