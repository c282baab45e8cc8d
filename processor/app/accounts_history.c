/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/usage_store.h"
#include "app/accounts.h"
#include "app/currency.h"
#include "core/timestamp.h"

static const struct ts_column columns[] = {
    {"movement", TS_COLUMN_NUMBER},
    {"applied_at", TS_COLUMN_TIME},
    {"kind", TS_COLUMN_TEXT},
    {"amount", TS_COLUMN_AMOUNT},
    {"balance_after", TS_COLUMN_AMOUNT},
    {"currency", TS_COLUMN_TEXT},
    {"call_start", TS_COLUMN_TIME},
    {"destination", TS_COLUMN_TEXT},
    {"ref_id", TS_COLUMN_TEXT},
};

struct history {
    struct ts_table table;
    struct ts_usage_account account;
    int decimals;
};

static void put_movement(void *self, const struct ts_usage_movement *movement)
{
    struct history *history = self;
    struct ts_table *table = &history->table;
    ts_table_number(table, movement->movement);
    ts_table_time(table, movement->applied_ms);
    ts_table_text(table, movement->kind);
    ts_table_amount(table, movement->amount_micros, history->decimals);
    ts_table_amount(table, movement->balance_after_micros, history->decimals);
    ts_table_text(table, ts_bytes_of(history->account.currency));
    if (movement->call_start_ms == INT64_MIN) {
        ts_table_absent(table);
    } else {
        ts_table_time(table, movement->call_start_ms);
    }
    ts_table_text(table, movement->destination);
    ts_table_text(table, movement->ref_id);
}

/* False after telling; `*ms` is untouched when the option was not given. */
static bool time_option(const struct ts_args *args, const char *name, int64_t *ms)
{
    const char *text = ts_args_value(args, name);
    if (text == NULL || ts_timestamp_parse(ts_bytes_of(text), ms)) {
        return true;
    }
    ts_args_refuse(args, "--%s: %s is no time, as 2026-11-01T00:00:00Z", name, text);
    return false;
}

int ts_accounts_history(struct ts_session *session,
                        enum ts_format format,
                        struct ts_accounts_store *store_of_accounts)
{
    (void)store_of_accounts;
    const struct ts_args *args = &session->args;
    struct history history = {.decimals = 0};
    struct ts_usage_stretch stretch = {.from_ms = TS_TIMESTAMP_MIN_MS,
                                       .to_ms = TS_TIMESTAMP_MAX_MS};
    struct ts_usage_movement_visitor visitor = {.visit = put_movement, .self = &history};
    struct ts_error err = {0};
    if (!ts_args_count(args, 1, 1) || !time_option(args, "from", &stretch.from_ms) ||
        !time_option(args, "to", &stretch.to_ms)) {
        return TS_EXIT_USAGE;
    }
    struct ts_usage_store *store = ts_usage_store_begin(
        session->config.postgres.url, args->operands[0], &history.account, &err);
    if (store == NULL) {
        ts_session_fail(session, &err);
        return err.class == TS_ERROR_REJECT ? TS_EXIT_FINDING : TS_EXIT_USAGE;
    }
    stretch.account_no = history.account.account_no;
    history.decimals = ts_currency_decimals(history.account.currency);
    ts_table_init(&history.table, stdout, format, columns, sizeof columns / sizeof *columns);
    bool good = ts_usage_store_movements(store, &stretch, &visitor, &err);
    ts_usage_store_destroy(store);
    if (!good) {
        ts_table_abandon(&history.table);
        return ts_session_fail(session, &err);
    }
    return ts_session_finish_table(session, &history.table);
}
