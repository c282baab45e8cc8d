/* SPDX-License-Identifier: Apache-2.0 */
/* What the actions of `tollstream accounts` that change an account have in common: the account is
 * looked at, one command is sent, and how it ended is printed (app/issue.h). */
#ifndef TS_APP_ACCOUNTS_ISSUE_H
#define TS_APP_ACCOUNTS_ISSUE_H

#include "adapters/postgres/accounts_store.h"
#include "app/session.h"
#include "core/command.h"

#include <stdbool.h>

/* The account as it is now, without its name and allowances. REJECT when there is none. */
bool ts_accounts_find(struct ts_accounts_store *store,
                      const char *account_id,
                      struct ts_stored_account *out,
                      struct ts_error *err);

/* Completes the command (its ids, --operator, --note), checks it, sends it, waits at most --timeout
 * and prints what it did; `done` is the word for that, as "credited". Returns the exit code: a
 * refusal is a finding, and what is not known was not done. */
int ts_accounts_issue(struct ts_session *session,
                      enum ts_format format,
                      const struct ts_stored_account *account,
                      struct ts_command *command,
                      const char *done);

#endif
