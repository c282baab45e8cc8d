/* SPDX-License-Identifier: Apache-2.0 */
#include "app/accounts.h"
#include "app/accounts_issue.h"
#include "app/credit_args.h"

int ts_accounts_credit(struct ts_session *session,
                       enum ts_format format,
                       struct ts_accounts_store *store)
{
    struct ts_stored_account account;
    struct ts_command command = {.type = TS_COMMAND_CREDIT_ADDED};
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 2, 2) ||
        !ts_credit_args_read(&session->args, &command.body.credit)) {
        return TS_EXIT_USAGE;
    }
    if (!ts_accounts_find(store, session->args.operands[0], &account, &err)) {
        return ts_accounts_refused(session, &err);
    }
    return ts_accounts_issue(session, format, &account, &command, "credited");
}

int ts_accounts_confirm_card(struct ts_session *session,
                             enum ts_format format,
                             struct ts_accounts_store *store)
{
    struct ts_stored_account account;
    struct ts_command command = {.type = TS_COMMAND_CARD_CONFIRMATION};
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 2, 2) ||
        !ts_credit_args_amount(&session->args, false, &command.body.card.amount_micros)) {
        return TS_EXIT_USAGE;
    }
    if (!ts_accounts_find(store, session->args.operands[0], &account, &err)) {
        return ts_accounts_refused(session, &err);
    }
    return ts_accounts_issue(session, format, &account, &command, "confirmed");
}
