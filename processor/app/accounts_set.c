/* SPDX-License-Identifier: Apache-2.0 */
#include "app/account_change.h"
#include "app/account_json.h"
#include "app/accounts.h"
#include "app/accounts_issue.h"
#include "core/timestamp.h"

#include <string.h>

enum { ARENA_BLOCK = 16 * 1024, ARENA_MAX = 4 << 20 };

/* A change under way. */
struct edit {
    struct ts_session *session;
    enum ts_format format;
    struct ts_stored_account account; /* as it is now */
    struct ts_command command;
};

static bool begin(struct edit *edit,
                  struct ts_session *session,
                  enum ts_format format,
                  struct ts_accounts_store *store,
                  const char *account_id,
                  struct ts_error *err)
{
    *edit = (struct edit){
        .session = session, .format = format, .command = {.type = TS_COMMAND_ACCOUNT_CHANGED}};
    return ts_accounts_find(store, account_id, &edit->account, err);
}

static int finish(struct edit *edit, const char *done)
{
    return ts_accounts_issue(edit->session, edit->format, &edit->account, &edit->command, done);
}

static void set(struct edit *edit, enum ts_account_field field)
{
    edit->command.body.change.set |= ts_field_bit(field);
}

/* KEY=VALUE operands from `first` on, each key below `prefix`. */
static bool read_pairs(struct edit *edit,
                       size_t first,
                       const char *prefix,
                       struct ts_arena *arena,
                       struct ts_json_document **document,
                       struct ts_error *err)
{
    const struct ts_args *args = &edit->session->args;
    *document = ts_account_pairs_read(
        args->operands + first, args->operand_count - first, prefix, arena, err);
    if (*document == NULL) {
        return false;
    }
    struct ts_json_value root = ts_json_document_root(*document);
    return ts_account_change_read(&root, arena, &edit->command.body.change, err);
}

/* An amount of 0 would never be requested. */
static bool check_recharge(const struct edit *edit, struct ts_error *err)
{
    const struct ts_account_change *change = &edit->command.body.change;
    const struct ts_recharge *now = &edit->account.state.recharge;
    bool sets_on = (change->set & ts_field_bit(TS_FIELD_RECHARGE_ON)) != 0;
    bool sets_amount = (change->set & ts_field_bit(TS_FIELD_RECHARGE_AMOUNT)) != 0;
    bool on = sets_on ? change->recharge_on : now->on;
    int64_t amount = sets_amount ? change->recharge_amount_micros : now->amount_micros;
    return !(sets_on || sets_amount) || !on || amount > 0 ||
           ts_error_set(
               err, TS_ERROR_REJECT, 0, "auto_recharge.amount should be above 0 where it is on");
}

/* Who raised a cap is kept with every change; why, only if it is told. */
static bool check_cap(const struct edit *edit, struct ts_error *err)
{
    bool sets = (edit->command.body.change.set & ts_field_bit(TS_FIELD_MONTHLY_CREDIT_CAP)) != 0;
    const char *why = ts_args_value(&edit->session->args, "note");
    return !sets || (why != NULL && why[strspn(why, " \t\n")] != '\0') ||
           ts_error_set(err,
                        TS_ERROR_REJECT,
                        0,
                        "monthly_credit_cap: why is kept with the change: say it with --note");
}

int ts_accounts_set(struct ts_session *session,
                    enum ts_format format,
                    struct ts_accounts_store *store)
{
    struct edit edit;
    struct ts_error err = {0};
    struct ts_arena arena;
    struct ts_json_document *document = NULL;
    if (!ts_args_count(&session->args, 2, SIZE_MAX)) {
        return TS_EXIT_USAGE;
    }
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    bool good = begin(&edit, session, format, store, session->args.operands[0], &err) &&
                read_pairs(&edit, 1, "", &arena, &document, &err) && check_recharge(&edit, &err) &&
                check_cap(&edit, &err);
    int status = good ? finish(&edit, "changed") : ts_accounts_refused(session, &err);
    ts_json_document_destroy(document);
    ts_arena_finish(&arena);
    return status;
}

/* on, off or set; false after telling. */
static bool read_switch(const struct ts_args *args, bool *sets, bool *on)
{
    const char *word = args->operands[0];
    *on = strcmp(word, "on") == 0;
    *sets = *on || strcmp(word, "off") == 0;
    if (!*sets && strcmp(word, "set") != 0) {
        ts_args_refuse(args, "\"%s\" should be on, off or set", word);
        return false;
    }
    return ts_args_count(args, *sets ? 2 : 3, SIZE_MAX);
}

int ts_accounts_recharge(struct ts_session *session,
                         enum ts_format format,
                         struct ts_accounts_store *store)
{
    struct edit edit;
    struct ts_error err = {0};
    struct ts_arena arena;
    struct ts_json_document *document = NULL;
    bool sets = false;
    bool on = false;
    if (!ts_args_count(&session->args, 2, SIZE_MAX) || !read_switch(&session->args, &sets, &on)) {
        return TS_EXIT_USAGE;
    }
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    bool good = begin(&edit, session, format, store, session->args.operands[1], &err) &&
                read_pairs(&edit, 2, "auto_recharge.", &arena, &document, &err);
    if (good && sets) {
        edit.command.body.change.recharge_on = on;
        set(&edit, TS_FIELD_RECHARGE_ON);
    }
    good = good && check_recharge(&edit, &err);
    int status = good ? finish(&edit, "changed") : ts_accounts_refused(session, &err);
    ts_json_document_destroy(document);
    ts_arena_finish(&arena);
    return status;
}

int ts_accounts_close(struct ts_session *session,
                      enum ts_format format,
                      struct ts_accounts_store *store)
{
    struct edit edit;
    struct ts_error err = {0};
    int64_t closed_ms = 0;
    const char *at = ts_args_value(&session->args, "at");
    if (!ts_args_count(&session->args, 1, 1)) {
        return TS_EXIT_USAGE;
    }
    if (at != NULL && !ts_timestamp_parse(ts_bytes_of(at), &closed_ms)) {
        return ts_args_refuse(
            &session->args, "--at: \"%s\" is no time, as 2026-12-01T00:00:00Z", at);
    }
    if (!begin(&edit, session, format, store, session->args.operands[0], &err)) {
        return ts_accounts_refused(session, &err);
    }
    edit.command.body.change.status = TS_ACCOUNT_CLOSED;
    edit.command.body.change.closed_ms = closed_ms;
    set(&edit, TS_FIELD_STATUS);
    if (at != NULL) {
        set(&edit, TS_FIELD_CLOSED_AT);
    }
    return finish(&edit, "closed");
}

int ts_accounts_unlock_card(struct ts_session *session,
                            enum ts_format format,
                            struct ts_accounts_store *store)
{
    struct edit edit;
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 1, 1)) {
        return TS_EXIT_USAGE;
    }
    bool good = begin(&edit, session, format, store, session->args.operands[0], &err);
    if (good && edit.account.state.card_state != TS_CARD_LOCKED) {
        good = ts_error_set(&err,
                            TS_ERROR_REJECT,
                            0,
                            "the card of %s is not locked: its state is %s",
                            edit.account.account_id,
                            ts_account_card_text(edit.account.state.card_state));
    }
    if (!good) {
        return ts_accounts_refused(session, &err);
    }
    edit.command.body.change.card_state = TS_CARD_UNCONFIRMED;
    set(&edit, TS_FIELD_CARD_STATE);
    return finish(&edit, "unlocked");
}
