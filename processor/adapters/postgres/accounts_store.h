/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts as an operator makes and reads them. Import inserts new accounts only, all of a file or
 * none: an existing account is changed only by a record of an input topic. A connection of its own,
 * made when it is needed and again after it broke; used by one thread. */
#ifndef TS_ADAPTERS_POSTGRES_ACCOUNTS_STORE_H
#define TS_ADAPTERS_POSTGRES_ACCOUNTS_STORE_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/account.h"
#include "core/decide.h"
#include "core/rate_plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_ACCOUNT_NAME_MAX = 256, TS_CURRENCY_MAX = 4 };

/* A whole account. The views live as long as the caller's text (import) or until the visitor
 * returns (list). */
struct ts_stored_account {
    char account_id[TS_ACCOUNT_ID_MAX + 1];
    char country[TS_COUNTRY_MAX];
    char timezone[TS_ZONE_NAME_MAX];
    char rate_plan[TS_PLAN_NAME_MAX + 1];
    struct ts_bytes name;
    struct ts_bytes allowances; /* JSON; absent: none */

    /* Import: balance_micros is the opening balance, currency may be "" (the plan's), and armed,
     * exhausted, the watch levels and the timer are as ts_decide_opening left them. */
    struct ts_account_state state;

    /* Out only. */
    int64_t opening_micros; /* what it was imported with */
    int64_t movements;
    int32_t revision;
    int64_t created_ms;
};

struct ts_accounts_store;

struct ts_accounts_store *ts_accounts_store_create(const char *url, struct ts_error *err);
void ts_accounts_store_destroy(struct ts_accounts_store *store);

/* Who is told of each account that can't be imported, in the order of their lines. */
struct ts_import_visitor {
    void (*bad)(void *self, int64_t line, const char *text);
    void *self;
};

/* begin, add for each account, end; or abort. end refuses the whole (REJECT with the first, the
 * visitor, if any, is told of all, at most 100,000) when one exists already, comes twice, names an
 * unknown rate plan or time zone, or has another currency than its plan. Each account gets the
 * ledger row `opening`, its movement 1. After any failure nothing was imported and the next begin
 * may follow. */
bool ts_accounts_store_import_begin(struct ts_accounts_store *store, struct ts_error *err);
bool ts_accounts_store_import_add(struct ts_accounts_store *store,
                                  const struct ts_stored_account *account,
                                  int64_t line,
                                  struct ts_error *err);
bool ts_accounts_store_import_end(struct ts_accounts_store *store,
                                  int64_t now_ms,
                                  const struct ts_import_visitor *visitor,
                                  int64_t *imported,
                                  struct ts_error *err);
/* Instead of the end: tells what it would refuse, and imports nothing. */
bool ts_accounts_store_import_check(struct ts_accounts_store *store,
                                    const struct ts_import_visitor *visitor,
                                    struct ts_error *err);
void ts_accounts_store_import_abort(struct ts_accounts_store *store);

struct ts_account_visitor {
    void (*visit)(void *self, const struct ts_stored_account *account);
    void *self;
};

/* Accounts in order of account_id, those after `after` (NULL: from the first), at most `max`. */
bool ts_accounts_store_list(struct ts_accounts_store *store,
                            const char *after,
                            int64_t max,
                            const struct ts_account_visitor *visitor,
                            struct ts_error *err);

/* The generation of the account's bucket in Redis, as registered; 0: never. */
bool ts_accounts_store_generation(struct ts_accounts_store *store,
                                  const char *account_id,
                                  int64_t *out,
                                  struct ts_error *err);

/* One account; REJECT when there is none. */
bool ts_accounts_store_show(struct ts_accounts_store *store,
                            const char *account_id,
                            const struct ts_account_visitor *visitor,
                            struct ts_error *err);

#endif
