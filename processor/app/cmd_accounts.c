/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/accounts_store.h"
#include "adapters/redis/reader.h"
#include "app/account_import.h"
#include "app/account_json.h"
#include "app/accounts.h"
#include "app/command.h"
#include "app/currency.h"
#include "app/servers.h"
#include "app/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 10000, ARENA_BLOCK = 16 * 1024, ARENA_MAX = 1 << 20, AMOUNTS_TEXT_MAX = 1024 };

/* ---- import and create -------------------------------------------------------------------------
 */

/* A refusal is a finding about the input; anything else is that it could not be done. */
static int refused(const struct ts_session *session, const struct ts_error *err)
{
    ts_session_fail(session, err);
    return err->class == TS_ERROR_REJECT ? TS_EXIT_FINDING : TS_EXIT_USAGE;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int import(const struct ts_session *session, struct ts_accounts_store *store)
{
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
                                       .now_ms = now_ms(),
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
        return refused(session, &err);
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
    int64_t at_ms = now_ms();
    struct ts_json_value root = ts_json_document_root(document);
    return ts_account_json_read(&root, arena, at_ms, account, err) &&
           ts_accounts_store_import_begin(store, err) &&
           ts_accounts_store_import_add(store, account, 1, err) &&
           ts_accounts_store_import_end(store, at_ms, &imported, err);
}

static int create(const struct ts_session *session, struct ts_accounts_store *store)
{
    const struct ts_args *args = &session->args;
    if (!ts_args_count(args, 1, SIZE_MAX)) {
        return TS_EXIT_USAGE;
    }
    struct ts_error err = {0};
    struct ts_arena arena;
    struct ts_stored_account account;
    ts_arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    struct ts_json_document *document =
        ts_json_document_of_pairs(args->operands, args->operand_count, &err);
    int status = TS_EXIT_OK;
    if (document != NULL && create_of(store, document, &arena, &account, &err)) {
        printf("account %s created\n", account.account_id);
    } else {
        status = refused(session, &err);
    }
    ts_json_document_destroy(document);
    ts_arena_finish(&arena);
    return status;
}

/* ---- list and show
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
    ts_table_text(table, ts_bytes_of(ts_account_status_text(account->status)));
    ts_table_text(table, ts_bytes_of(state->currency));
    ts_table_amount(table, state->balance_micros, ts_currency_decimals(state->currency));
    listing->count++;
    memcpy(listing->last, account->account_id, sizeof listing->last);
}

static int
list(const struct ts_session *session, enum ts_format format, struct ts_accounts_store *store)
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

/* The amounts as decimal texts, separated by commas. */
static void
amounts_cell(struct ts_table *table, const int64_t *micros, size_t count, const char *currency)
{
    struct ts_buffer text;
    ts_buffer_init(&text, AMOUNTS_TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        char amount[TS_MONEY_TEXT_MAX];
        ts_money_format_decimals(micros[i], ts_currency_decimals(currency), amount);
        ts_buffer_append_text(&text, i > 0 ? "," : "");
        ts_buffer_append_text(&text, amount);
    }
    ts_table_text(table, ts_buffer_bytes(&text));
    ts_buffer_finish(&text);
}

static const struct ts_column show_columns[] = {
    {"account_id", TS_COLUMN_TEXT},
    {"name", TS_COLUMN_TEXT},
    {"status", TS_COLUMN_TEXT},
    {"country", TS_COLUMN_TEXT},
    {"timezone", TS_COLUMN_TEXT},
    {"currency", TS_COLUMN_TEXT},
    {"rate_plan", TS_COLUMN_TEXT},
    {"subscription", TS_COLUMN_TEXT},
    {"balance", TS_COLUMN_AMOUNT},
    {"live_balance", TS_COLUMN_AMOUNT},
    {"payment_method", TS_COLUMN_TEXT},
    {"card_state", TS_COLUMN_TEXT},
    {"invoice_day", TS_COLUMN_NUMBER},
    {"credit_amounts", TS_COLUMN_TEXT},
    {"monthly_credit_cap", TS_COLUMN_AMOUNT},
    {"alert_thresholds", TS_COLUMN_TEXT},
    {"alert_hysteresis", TS_COLUMN_AMOUNT},
    {"auto_recharge", TS_COLUMN_BOOL},
    {"auto_recharge_mode", TS_COLUMN_TEXT},
    {"auto_recharge_threshold", TS_COLUMN_AMOUNT},
    {"auto_recharge_amount", TS_COLUMN_AMOUNT},
    {"auto_recharge_max_count_per_day", TS_COLUMN_NUMBER},
    {"auto_recharge_max_amount_per_month", TS_COLUMN_AMOUNT},
    {"auto_recharge_in_flight", TS_COLUMN_TEXT},
    {"auto_recharge_failures", TS_COLUMN_NUMBER},
    {"allowances", TS_COLUMN_TEXT},
    {"movements", TS_COLUMN_NUMBER},
    {"event_sequence", TS_COLUMN_NUMBER},
    {"created_at", TS_COLUMN_TIME},
};

struct showing {
    struct ts_table table;
    const struct ts_redis_balance *live; /* NULL: Redis did not answer */
};

static void show_profile(struct ts_table *table, const struct ts_stored_account *account)
{
    const struct ts_account_state *state = &account->state;
    ts_table_text(table, ts_bytes_of(account->account_id));
    ts_table_text(table, account->name);
    ts_table_text(table, ts_bytes_of(ts_account_status_text(account->status)));
    ts_table_text(table, ts_bytes_of(account->country));
    ts_table_text(table, ts_bytes_of(account->timezone));
    ts_table_text(table, ts_bytes_of(state->currency));
    ts_table_text(table, ts_bytes_of(account->rate_plan));
    ts_table_text(table, ts_bytes_of(ts_account_subscription_text(state->subscription)));
}

static void show_recharge(struct ts_table *table, const struct ts_recharge *recharge, int decimals)
{
    ts_table_bool(table, recharge->on);
    ts_table_text(table, ts_bytes_of(ts_account_recharge_mode_text(recharge->mode)));
    ts_table_amount(table, recharge->threshold_micros, decimals);
    ts_table_amount(table, recharge->amount_micros, decimals);
    ts_table_number(table, recharge->count_per_day_max);
    ts_table_amount(table, recharge->amount_per_month_micros_max, decimals);
    ts_table_text(table, ts_bytes_of(recharge->in_flight_id));
    ts_table_number(table, recharge->failures);
}

/* An account that is not in Redis has the balance that PostgreSQL has: nothing is unsettled. */
static void show_account(void *self, const struct ts_stored_account *account)
{
    struct showing *showing = self;
    struct ts_table *table = &showing->table;
    const struct ts_account_state *state = &account->state;
    int decimals = ts_currency_decimals(state->currency);
    show_profile(table, account);
    ts_table_amount(table, state->balance_micros, decimals);
    if (showing->live == NULL) {
        ts_table_absent(table);
    } else {
        ts_table_amount(table,
                        showing->live->present ? showing->live->balance_micros
                                               : state->balance_micros,
                        decimals);
    }
    ts_table_text(table, ts_bytes_of(ts_account_payment_text(state->payment_method)));
    ts_table_text(table, ts_bytes_of(ts_account_card_text(state->card_state)));
    ts_table_number(table, account->invoice_day);
    amounts_cell(table, account->credit_amounts, account->credit_amount_count, state->currency);
    ts_table_amount(table, state->monthly_credit_cap_micros, decimals);
    amounts_cell(table, state->thresholds_micros, state->threshold_count, state->currency);
    ts_table_amount(table, state->hysteresis_micros, decimals);
    show_recharge(table, &state->recharge, decimals);
    ts_table_text(table, account->allowances);
    ts_table_number(table, account->movements);
    ts_table_number(table, state->sequence);
    ts_table_time(table, account->created_ms);
}

/* Redis is asked first: what is settled after it was asked can only make the other side newer. */
static bool
live_balance(const struct ts_session *session, const char *id, struct ts_redis_balance *live)
{
    struct ts_error err = {0};
    struct ts_redis_options options = ts_servers_redis(&session->config);
    struct ts_redis_reader *reader = ts_redis_reader_create(&options, &err);
    bool known = reader != NULL && ts_redis_reader_balance(reader, ts_bytes_of(id), live, &err);
    if (!known) {
        fprintf(stderr, "tollstream accounts: warning: no live balance: %s\n", err.text);
    }
    ts_redis_reader_destroy(reader);
    return known;
}

static int
show(const struct ts_session *session, enum ts_format format, struct ts_accounts_store *store)
{
    const struct ts_args *args = &session->args;
    if (!ts_args_count(args, 1, 1)) {
        return TS_EXIT_USAGE;
    }
    struct ts_error err = {0};
    struct ts_redis_balance live = {0};
    struct showing showing = {.live = NULL};
    struct ts_account_visitor visitor = {.visit = show_account, .self = &showing};
    if (live_balance(session, args->operands[0], &live)) {
        showing.live = &live;
    }
    size_t columns = sizeof show_columns / sizeof *show_columns;
    ts_table_init_record(&showing.table, stdout, format, show_columns, columns);
    if (!ts_accounts_store_show(store, args->operands[0], &visitor, &err)) {
        ts_table_abandon(&showing.table);
        return refused(session, &err);
    }
    return ts_session_finish_table(session, &showing.table);
}

static int act(struct ts_session *session)
{
    enum ts_format format;
    struct ts_error err = {0};
    if (!ts_args_format(&session->args, &format)) {
        return TS_EXIT_USAGE;
    }
    struct ts_accounts_store *store = ts_accounts_store_create(session->config.postgres.url, &err);
    if (store == NULL) {
        return ts_session_fail(session, &err);
    }
    int status = TS_EXIT_USAGE;
    if (ts_args_action_is(&session->args, "import")) {
        status = import(session, store);
    } else if (ts_args_action_is(&session->args, "create")) {
        status = create(session, store);
    } else if (ts_args_action_is(&session->args, "list")) {
        status = list(session, format, store);
    } else if (ts_args_action_is(&session->args, "history")) {
        status = ts_accounts_history(session, format);
    } else if (ts_args_action_is(&session->args, "export")) {
        status = ts_accounts_export(session, store);
    } else {
        status = show(session, format, store);
    }
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
