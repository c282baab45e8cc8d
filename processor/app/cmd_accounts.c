/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/accounts_store.h"
#include "app/account_change.h"
#include "app/account_import.h"
#include "app/account_json.h"
#include "app/accounts.h"
#include "app/cli.h"
#include "app/currency.h"
#include "app/system_clock.h"
#include "base/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 10000, ARENA_BLOCK = 16 * 1024, ARENA_MAX = 1 << 20 };

/* ---- import and create -------------------------------------------------------------------------
 */

int ts_accounts_refused(const struct ts_session *session, const struct ts_error *err)
{
    ts_session_fail(session, err);
    return err->class == TS_ERROR_REJECT ? TS_EXIT_FINDING : TS_EXIT_USAGE;
}

static int
import(struct ts_session *session, enum ts_format format, struct ts_accounts_store *store)
{
    (void)format;
    const struct ts_args *args = &session->args;
    if (!ts_args_count(args, 1, 1)) {
        return TS_EXIT_USAGE;
    }
    struct ts_error err = {0};
    bool standard_input = strcmp(args->operands[0], "-") == 0;
    struct ts_account_import import = {.name = args->operands[0],
                                       .in =
                                           standard_input ? stdin : fopen(args->operands[0], "re"),
                                       .notes = stderr,
                                       .now_ms = ts_system_now_ms(),
                                       .quiet = ts_args_flag(args, "quiet")};
    if (import.in == NULL) {
        ts_error_set(
            &err, TS_ERROR_FATAL, 0, "cannot read %s: %s", args->operands[0], strerror(errno));
        return ts_session_fail(session, &err);
    }
    bool done = ts_account_import_run(&import, store, &err);
    if (!standard_input) {
        fclose(import.in);
    }
    if (!done) {
        return ts_accounts_refused(session, &err);
    }
    printf("%" PRId64 " accounts imported\n", import.imported);
    return TS_EXIT_OK;
}

static bool create_of(struct ts_accounts_store *store,
                      const struct ts_json_document *document,
                      struct ts_arena *arena,
                      struct ts_stored_account *account,
                      struct ts_error *err)
{
    int64_t imported = 0;
    int64_t at_ms = ts_system_now_ms();
    struct ts_json_value root = ts_json_document_root(document);
    return ts_account_json_read(&root, arena, at_ms, account, err) &&
           ts_accounts_store_import_begin(store, err) &&
           ts_accounts_store_import_add(store, account, 1, err) &&
           ts_accounts_store_import_end(store, at_ms, NULL, &imported, err);
}

static int
create(struct ts_session *session, enum ts_format format, struct ts_accounts_store *store)
{
    (void)format;
    const struct ts_args *args = &session->args;
    if (!ts_args_count(args, 1, SIZE_MAX)) {
        return TS_EXIT_USAGE;
    }
    struct ts_error err = {0};
    struct ts_arena arena;
    struct ts_stored_account account;
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    struct ts_json_document *document =
        ts_account_pairs_read(args->operands, args->operand_count, "", &arena, &err);
    int status = TS_EXIT_OK;
    if (document != NULL && create_of(store, document, &arena, &account, &err)) {
        printf("account %s created\n", account.account_id);
    } else {
        status = ts_accounts_refused(session, &err);
    }
    ts_json_document_destroy(document);
    ts_arena_finish(&arena);
    return status;
}

/* ---- list
 * ------------------------------------------------------------------------------- */

static const struct ts_column list_columns[] = {
    {"account_id", TS_COLUMN_TEXT},
    {"name", TS_COLUMN_TEXT},
    {"country", TS_COLUMN_TEXT},
    {"timezone", TS_COLUMN_TEXT},
    {"rate_plan", TS_COLUMN_TEXT},
    {"subscription", TS_COLUMN_TEXT},
    {"status", TS_COLUMN_TEXT},
    {"currency", TS_COLUMN_TEXT},
    {"balance", TS_COLUMN_AMOUNT},
};

struct listing {
    struct ts_table table;
    int64_t count; /* of this page */
    char last[TS_ACCOUNT_ID_MAX + 1];
};

static void list_account(void *self, const struct ts_stored_account *account)
{
    struct listing *listing = self;
    struct ts_table *table = &listing->table;
    const struct ts_account_state *state = &account->state;
    ts_table_text(table, ts_bytes_of(account->account_id));
    ts_table_text(table, account->name);
    ts_table_text(table, ts_bytes_of(account->country));
    ts_table_text(table, ts_bytes_of(account->timezone));
    ts_table_text(table, ts_bytes_of(account->rate_plan));
    ts_table_text(table, ts_bytes_of(ts_account_subscription_text(state->subscription)));
    ts_table_text(table, ts_bytes_of(ts_account_status_text(account->state.status)));
    ts_table_text(table, ts_bytes_of(state->currency));
    ts_table_amount(table, state->balance_micros, ts_currency_decimals(state->currency));
    listing->count++;
    memcpy(listing->last, account->account_id, sizeof listing->last);
}

static int list(struct ts_session *session, enum ts_format format, struct ts_accounts_store *store)
{
    const struct ts_args *args = &session->args;
    struct listing listing = {.count = PAGE};
    struct ts_account_visitor visitor = {.visit = list_account, .self = &listing};
    struct ts_error err = {0};
    int64_t left = INT64_MAX;
    if (!ts_args_count(args, 0, 0) || !ts_args_number(args, "limit", 1, INT64_MAX, &left)) {
        return TS_EXIT_USAGE;
    }
    size_t columns = sizeof list_columns / sizeof *list_columns;
    ts_table_init(&listing.table, stdout, format, list_columns, columns);
    const char *after = ts_args_value(args, "after");
    bool good = true;
    while (good && left > 0 && listing.count == PAGE) {
        char from[TS_ACCOUNT_ID_MAX + 1];
        memcpy(from, listing.last, sizeof from);
        listing.count = 0;
        good = ts_accounts_store_list(
            store, from[0] != '\0' ? from : after, left < PAGE ? left : PAGE, &visitor, &err);
        left -= listing.count;
    }
    if (!good) {
        ts_table_abandon(&listing.table);
        return ts_session_fail(session, &err);
    }
    return ts_session_finish_table(session, &listing.table);
}

struct verb {
    const char *action;
    int (*run)(struct ts_session *session, enum ts_format format, struct ts_accounts_store *store);
};

static const struct verb verbs[] = {
    {"import", import},
    {"create", create},
    {"list", list},
    {"show", ts_accounts_show},
    {"history", ts_accounts_history},
    {"export", ts_accounts_export},
    {"credit", ts_accounts_credit},
    {"confirm-card", ts_accounts_confirm_card},
    {"unlock-card", ts_accounts_unlock_card},
    {"recharge", ts_accounts_recharge},
    {"set", ts_accounts_set},
    {"close", ts_accounts_close},
};

static int act(struct ts_session *session)
{
    enum ts_format format;
    struct ts_error err = {0};
    const struct verb *verb = verbs;
    while (!ts_args_action_is(&session->args, verb->action)) {
        verb++;
        TS_ASSERT(verb < verbs + sizeof verbs / sizeof *verbs);
    }
    if (!ts_args_format(&session->args, &format)) {
        return TS_EXIT_USAGE;
    }
    struct ts_accounts_store *store = ts_accounts_store_create(session->config.postgres.url, &err);
    if (store == NULL) {
        return ts_session_fail(session, &err);
    }
    int status = verb->run(session, format, store);
    ts_accounts_store_destroy(store);
    return status;
}

int ts_cmd_accounts(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "accounts", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
