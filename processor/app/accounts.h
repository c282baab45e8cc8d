/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of `tollstream accounts` that have a file of their own. Each returns the exit code. */
#ifndef TS_APP_ACCOUNTS_H
#define TS_APP_ACCOUNTS_H

#include "adapters/postgres/accounts_store.h"
#include "app/session.h"

/* Every movement of one account's balance. */
int ts_accounts_history(const struct ts_session *session, enum ts_format format);

/* All accounts as JSON lines. */
int ts_accounts_export(const struct ts_session *session, struct ts_accounts_store *store);

#endif
