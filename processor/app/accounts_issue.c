/* SPDX-License-Identifier: Apache-2.0 */
#include "app/accounts_issue.h"

#include "adapters/json/json_value.h"
#include "app/currency.h"
#include "app/issue.h"
#include "app/json_text.h"
#include "app/servers.h"
#include "core/decide_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TIMEOUT_S = 30, TIMEOUT_S_MAX = 86400, EVENTS_SIZE_MAX = 1 << 20, ATTEMPTS = 2 };

/* What the events of the command say. */
struct effect {
    struct ts_buffer json;  /* all of them, a list */
    struct ts_buffer names; /* their types, with commas */
    const char *reason;     /* of a refusal, static text; NULL: none */
    const char *hint;       /* what to do about it; NULL: nothing is known */
};

/* ---- the account
 * ------------------------------------------------------------------------------------- */

static void copy_account(void *self, const struct ts_stored_account *account)
{
    struct ts_stored_account *out = self;
    *out = *account;
    out->name = (struct ts_bytes){NULL, 0}; /* views that end now */
    out->allowances = (struct ts_bytes){NULL, 0};
}

bool ts_accounts_find(struct ts_accounts_store *store,
                      const char *account_id,
                      struct ts_stored_account *out,
                      struct ts_error *err)
{
    struct ts_account_visitor visitor = {.visit = copy_account, .self = out};
    return ts_accounts_store_show(store, account_id, &visitor, err);
}

/* ---- events
 * ------------------------------------------------------------------------------------------ */

struct advice {
    enum ts_refusal refusal;
    const char *text;
};

static const struct advice advices[] = {
    {TS_REFUSAL_ACCOUNT_CLOSED, "accounts set ACCOUNT status=active opens it again"},
    {TS_REFUSAL_DUPLICATE_RECHARGE, "this request was answered by another credit before"},
    {TS_REFUSAL_PLAN_NOT_ELIGIBLE, "credit is sold from subscription standard on"},
    {TS_REFUSAL_AMOUNT_NOT_OFFERED, "accounts show ACCOUNT lists the credit_amounts"},
    {TS_REFUSAL_CARD_LOCKED, "accounts unlock-card ACCOUNT, then the amount is entered again"},
    {TS_REFUSAL_CARD_NOT_CONFIRMED, "accounts confirm-card ACCOUNT AMOUNT comes first"},
    {TS_REFUSAL_CAP_REACHED, "accounts set ACCOUNT monthly_credit_cap=AMOUNT --note WHY raises it"},
    {TS_REFUSAL_BALANCE_LIMIT, "no balance goes beyond 9,000,000,000"},
};

static void note_refused_credit(struct effect *effect, struct ts_bytes reason)
{
    effect->reason = "refused";
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++) {
        const char *name = ts_refusal_name(advices[i].refusal);
        if (ts_bytes_equal_text(reason, name)) {
            effect->reason = name;
            effect->hint = advices[i].text;
        }
    }
}

static void note_failed_confirmation(struct effect *effect, int64_t attempts_left)
{
    if (attempts_left >= ATTEMPTS) {
        effect->reason = "no_charge_posted";
        effect->hint = "the card has no confirmation charge yet; this entry does not count";
    } else if (attempts_left > 0) {
        effect->reason = "wrong_amount";
        effect->hint = "one more wrong amount locks the card";
    } else {
        effect->reason = ts_refusal_name(TS_REFUSAL_CARD_LOCKED);
        effect->hint = "accounts unlock-card ACCOUNT allows two more";
    }
}

static void note_refusal(struct effect *effect, const struct ts_avro_event_text *event)
{
    struct ts_error err;
    bool credit = ts_bytes_equal_text(event->type, ts_event_type_name(TS_EVENT_CREDIT_REFUSED));
    bool card =
        ts_bytes_equal_text(event->type, ts_event_type_name(TS_EVENT_CARD_CONFIRMATION_FAILED));
    struct ts_json_document *document = (credit || card) && event->body.data != NULL
                                            ? ts_json_document_read(event->body, &err)
                                            : NULL;
    if (document == NULL) {
        return;
    }
    struct ts_json_value body = ts_json_document_root(document);
    if (credit) {
        note_refused_credit(effect, ts_json_member(&body, "reason").text);
    } else {
        note_failed_confirmation(effect, ts_json_member(&body, "attempts_left").integer);
    }
    ts_json_document_destroy(document);
}

static void take_event(void *self, const struct ts_avro_event_text *event)
{
    struct effect *effect = self;
    bool first = effect->names.size == 0;
    ts_buffer_append_text(&effect->names, first ? "" : ", ");
    ts_buffer_append_bytes(&effect->names, event->type);
    ts_buffer_format(
        &effect->json, "%s{\"sequence\":%" PRId64 ",\"type\":", first ? "[" : ",", event->sequence);
    ts_json_append_string(&effect->json, event->type);
    ts_buffer_append_text(&effect->json, ",\"body\":");
    ts_buffer_append_bytes(&effect->json,
                           event->body.data != NULL ? event->body : TS_LITERAL("null"));
    ts_buffer_append_char(&effect->json, '}');
    note_refusal(effect, event);
}

/* ---- printing
 * ---------------------------------------------------------------------------------------- */

static const struct ts_column columns[] = {
    {"account_id", TS_COLUMN_TEXT},
    {"command_id", TS_COLUMN_TEXT},
    {"credit_id", TS_COLUMN_TEXT},
    {"result", TS_COLUMN_TEXT},
    {"reason", TS_COLUMN_TEXT},
    {"amount", TS_COLUMN_AMOUNT},
    {"balance", TS_COLUMN_AMOUNT},
    {"currency", TS_COLUMN_TEXT},
    {"events", TS_COLUMN_TEXT},
};

struct verdict {
    const char *result;
    const char *reason; /* NULL: none */
    bool unknown;
};

/* A refusal is told by an event only. Without all of them only a balance that moved says that it
 * was none. */
static struct verdict
verdict_of(const struct ts_issue *issue, const struct effect *effect, const char *done)
{
    switch (issue->outcome.end) {
    case TS_COMMAND_END_DUPLICATE:
        return (struct verdict){.result = "duplicate"};
    case TS_COMMAND_END_DEAD_LETTER:
        return (struct verdict){.result = "dead_letter", .reason = issue->outcome.reason};
    case TS_COMMAND_END_PENDING:
    case TS_COMMAND_END_APPLIED:
        break;
    }
    if (effect->reason != NULL) {
        return (struct verdict){.result = "refused", .reason = effect->reason};
    }
    bool credit = issue->command->type == TS_COMMAND_CREDIT_ADDED;
    if (!issue->outcome.moved && (credit || issue->untold)) {
        return (struct verdict){.result = "unknown", .unknown = true};
    }
    return (struct verdict){.result = done};
}

static void put_verdict(struct ts_table *table,
                        const struct ts_issue *issue,
                        const struct effect *effect,
                        const struct verdict *verdict,
                        const char *currency)
{
    const struct ts_command *command = issue->command;
    const struct ts_command_outcome *outcome = &issue->outcome;
    bool credit = command->type == TS_COMMAND_CREDIT_ADDED;
    int decimals = ts_currency_decimals(currency);
    ts_table_text(table, command->account_id);
    ts_table_text(table, command->command_id);
    ts_table_text(table, credit ? command->body.credit.credit_id : (struct ts_bytes){NULL, 0});
    ts_table_text(table, ts_bytes_of(verdict->result));
    ts_table_text(table, ts_bytes_of(verdict->reason));
    if (outcome->moved) {
        ts_table_amount(table, outcome->amount_micros, decimals);
    } else {
        ts_table_absent(table);
    }
    ts_table_amount(
        table, outcome->moved ? outcome->balance_after_micros : outcome->balance_micros, decimals);
    ts_table_text(table, ts_bytes_of(currency));
    if (table->format == TS_FORMAT_JSON) {
        ts_table_json(table,
                      effect->json.size > 0 ? ts_buffer_bytes(&effect->json) : TS_LITERAL("[]"));
    } else {
        ts_table_text(table, ts_buffer_bytes(&effect->names));
    }
}

static int print(const struct ts_session *session,
                 enum ts_format format,
                 const struct ts_issue *issue,
                 struct effect *effect,
                 const char *done,
                 const char *currency)
{
    struct ts_table table;
    struct verdict verdict = verdict_of(issue, effect, done);
    ts_buffer_append_text(&effect->json, effect->json.size > 0 ? "]" : "");
    ts_table_init_record(&table, stdout, format, columns, sizeof columns / sizeof *columns);
    put_verdict(&table, issue, effect, &verdict, currency);
    int status = ts_session_finish_table(session, &table);
    if (verdict.unknown) {
        fprintf(stderr,
                "tollstream accounts: it was settled, and what it did is not told in time: look for"
                " the cause command:%.*s with `tollstream events tail --account %.*s`\n",
                TS_ARGS(issue->command->command_id),
                TS_ARGS(issue->command->account_id));
        return TS_EXIT_USAGE;
    }
    if (issue->outcome.end == TS_COMMAND_END_DEAD_LETTER) {
        fprintf(stderr, "tollstream accounts: %s\n", issue->outcome.message);
    } else if (verdict.reason != NULL) {
        fprintf(stderr,
                "tollstream accounts: %s%s%s\n",
                verdict.reason,
                effect->hint != NULL ? ": " : "",
                effect->hint != NULL ? effect->hint : "");
    } else if (issue->untold) {
        fputs("tollstream accounts: warning: its events are not on the topic yet\n", stderr);
    }
    return status == TS_EXIT_OK && verdict.reason != NULL ? TS_EXIT_FINDING : status;
}

/* ---- the command
 * ------------------------------------------------------------------------------------- */

static void complete(struct ts_command *command, const struct ts_args *args, const char *id)
{
    const char *who = ts_args_value(args, "operator");
    command->command_id = ts_bytes_of(id);
    command->issued_by = ts_bytes_of(who != NULL ? who : ts_servers_operator());
    command->note = ts_bytes_of(ts_args_value(args, "note"));
    if (command->type == TS_COMMAND_CREDIT_ADDED && command->body.credit.credit_id.data == NULL) {
        command->body.credit.credit_id = command->command_id;
    }
}

int ts_accounts_issue(struct ts_session *session,
                      enum ts_format format,
                      const struct ts_stored_account *account,
                      struct ts_command *command,
                      const char *done)
{
    char id[TS_ISSUE_ID_MAX];
    char message[TS_COMMAND_MESSAGE_MAX];
    int64_t timeout_s = TIMEOUT_S;
    struct ts_error err = {0};
    if (!ts_args_number(&session->args, "timeout", 1, TIMEOUT_S_MAX, &timeout_s)) {
        return TS_EXIT_USAGE;
    }
    ts_issue_new_id(id);
    command->account_id = ts_bytes_of(account->account_id);
    complete(command, &session->args, id);
    if (ts_command_validate(command, message) != TS_REASON_NONE) {
        return ts_args_refuse(&session->args, "%s", message);
    }
    struct effect effect = {.reason = NULL};
    ts_buffer_init(&effect.json, EVENTS_SIZE_MAX);
    ts_buffer_init(&effect.names, EVENTS_SIZE_MAX);
    struct ts_issue issue = {.session = session,
                             .command = command,
                             .sequence = account->state.sequence,
                             .timeout_ms = timeout_s * 1000,
                             .event = take_event,
                             .self = &effect};
    int status = ts_issue_run(&issue, &err)
                     ? print(session, format, &issue, &effect, done, account->state.currency)
                     : ts_session_fail(session, &err);
    ts_buffer_finish(&effect.json);
    ts_buffer_finish(&effect.names);
    return status;
}
