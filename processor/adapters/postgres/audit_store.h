/* SPDX-License-Identifier: Apache-2.0 */
/* The audit of the books in PostgreSQL: that they add up, account by account and input by input. It
 * reads one state of everything, so it may run beside live traffic; it reads every ledger row, so
 * it takes minutes on a big database. It changes nothing. */
#ifndef TS_ADAPTERS_POSTGRES_AUDIT_STORE_H
#define TS_ADAPTERS_POSTGRES_AUDIT_STORE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Something that does not add up. The views live until the visitor returns. */
struct ts_audit_finding {
    const char *check;       /* "balance", "movements", …: a constant name for machines */
    struct ts_bytes subject; /* an account_id, or "topic/partition" */
    struct ts_bytes detail;  /* for a person: what was expected and what is there */
};

struct ts_audit_visitor {
    void (*visit)(void *self, const struct ts_audit_finding *finding);
    void *self;
};

struct ts_audit_totals {
    int64_t accounts;
    int64_t ledger_rows;
    int64_t partitions;
    int64_t inputs;            /* that ended: settled, duplicate or dead letter */
    int64_t difference_micros; /* balances against their ledgers: the absolute differences */
    int64_t findings;          /* all of them; at most 100 a check are visited */
};

/* False with err when it could not be done; findings are no error. */
bool ts_audit_run(const char *url,
                  const struct ts_audit_visitor *visitor,
                  struct ts_audit_totals *totals,
                  struct ts_error *err);

#endif
