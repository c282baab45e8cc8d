/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of `tollstream accounts` that have a file of their own. Each returns the exit code. */
#ifndef TS_APP_ACCOUNTS_H
#define TS_APP_ACCOUNTS_H

#include "adapters/postgres/accounts_store.h"
#include "app/cli.h"
#include "app/session.h"

/* Tells the error. A refusal is a finding about the input; anything else is that it could not be
 * done. */
int ts_accounts_refused(const struct ts_session *session, const struct ts_error *err);

/* accounts_show.c: one account, with its live balance. */
int ts_accounts_show(struct ts_session *session,
                     enum ts_format format,
                     struct ts_accounts_store *store);

/* accounts_history.c: every movement of one account's balance. */
int ts_accounts_history(struct ts_session *session,
                        enum ts_format format,
                        struct ts_accounts_store *store);

/* accounts_export.c: all accounts as JSON lines. */
int ts_accounts_export(struct ts_session *session,
                       enum ts_format format,
                       struct ts_accounts_store *store);

/* accounts_credit.c: a credit, the amount of a confirmation charge. */
int ts_accounts_credit(struct ts_session *session,
                       enum ts_format format,
                       struct ts_accounts_store *store);
int ts_accounts_confirm_card(struct ts_session *session,
                             enum ts_format format,
                             struct ts_accounts_store *store);

/* accounts_set.c: changed settings. */
int ts_accounts_set(struct ts_session *session,
                    enum ts_format format,
                    struct ts_accounts_store *store);
int ts_accounts_recharge(struct ts_session *session,
                         enum ts_format format,
                         struct ts_accounts_store *store);
int ts_accounts_close(struct ts_session *session,
                      enum ts_format format,
                      struct ts_accounts_store *store);
int ts_accounts_unlock_card(struct ts_session *session,
                            enum ts_format format,
                            struct ts_accounts_store *store);

#endif
