/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/tzdata/zone_file.h"
#include "app/account_json.h"
#include "app/accounts.h"
#include "app/currency.h"
#include "app/live_balance.h"
#include "app/system_clock.h"
#include "app/usage_month.h"

enum { AMOUNTS_TEXT_MAX = 1024 };

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
    {"closed_at", TS_COLUMN_TIME},
    {"country", TS_COLUMN_TEXT},
    {"timezone", TS_COLUMN_TEXT},
    {"currency", TS_COLUMN_TEXT},
    {"rate_plan", TS_COLUMN_TEXT},
    {"subscription", TS_COLUMN_TEXT},
    {"balance", TS_COLUMN_AMOUNT},
    {"live_balance", TS_COLUMN_AMOUNT},
    {"payment_method", TS_COLUMN_TEXT},
    {"card_state", TS_COLUMN_TEXT},
    {"card_charge_posted", TS_COLUMN_BOOL},
    {"card_wrong_amounts", TS_COLUMN_NUMBER},
    {"invoice_day", TS_COLUMN_NUMBER},
    {"credit_amounts", TS_COLUMN_TEXT},
    {"monthly_credit_cap", TS_COLUMN_AMOUNT},
    {"purchases_this_month", TS_COLUMN_AMOUNT},
    {"recharges_this_month", TS_COLUMN_AMOUNT},
    {"alert_thresholds", TS_COLUMN_TEXT},
    {"alert_hysteresis", TS_COLUMN_AMOUNT},
    {"auto_recharge", TS_COLUMN_BOOL},
    {"auto_recharge_mode", TS_COLUMN_TEXT},
    {"auto_recharge_threshold", TS_COLUMN_AMOUNT},
    {"auto_recharge_amount", TS_COLUMN_AMOUNT},
    {"auto_recharge_max_count_per_day", TS_COLUMN_NUMBER},
    {"auto_recharge_max_amount_per_month", TS_COLUMN_AMOUNT},
    {"auto_recharge_in_flight", TS_COLUMN_TEXT},
    {"auto_recharge_in_flight_amount", TS_COLUMN_AMOUNT},
    {"auto_recharge_expires_at", TS_COLUMN_TIME},
    {"auto_recharge_failures", TS_COLUMN_NUMBER},
    {"auto_recharge_next_try", TS_COLUMN_TIME},
    {"auto_recharge_stopped", TS_COLUMN_BOOL},
    {"timer_due_at", TS_COLUMN_TIME},
    {"allowances", TS_COLUMN_TEXT},
    {"movements", TS_COLUMN_NUMBER},
    {"event_sequence", TS_COLUMN_NUMBER},
    {"created_at", TS_COLUMN_TIME},
};

struct showing {
    struct ts_table table;
    const struct ts_redis_balance *live; /* NULL: Redis did not answer */
    int64_t generation;                  /* of the account's bucket, as registered */
};

static void time_cell(struct ts_table *table, int64_t ms, bool known)
{
    if (known) {
        ts_table_time(table, ms);
    } else {
        ts_table_absent(table);
    }
}

static void show_profile(struct ts_table *table, const struct ts_stored_account *account)
{
    const struct ts_account_state *state = &account->state;
    ts_table_text(table, ts_bytes_of(account->account_id));
    ts_table_text(table, account->name);
    ts_table_text(table, ts_bytes_of(ts_account_status_text(state->status)));
    time_cell(table, state->closed_ms, state->status == TS_ACCOUNT_CLOSED);
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
    bool in_flight = recharge->in_flight_id[0] != '\0';
    ts_table_text(table, in_flight ? ts_bytes_of(recharge->in_flight_id) : (struct ts_bytes){0});
    ts_table_amount(table, in_flight ? recharge->in_flight_micros : 0, decimals);
    time_cell(table, recharge->expires_at_ms, in_flight);
    ts_table_number(table, recharge->failures);
    time_cell(table, recharge->next_try_ms, recharge->next_try_ms > 0);
    ts_table_bool(table, recharge->failures >= TS_RECHARGE_FAILURES_MAX);
}

static void show_card(struct ts_table *table, const struct ts_account_state *state)
{
    ts_table_text(table, ts_bytes_of(ts_account_payment_text(state->payment_method)));
    ts_table_text(table, ts_bytes_of(ts_account_card_text(state->card_state)));
    ts_table_bool(table, state->card.charged);
    ts_table_number(table, state->card.wrong);
}

/* What counts towards the month's cap; 0 in a month that has none of it yet. */
static void show_month(struct ts_table *table,
                       const struct ts_stored_account *account,
                       int32_t month,
                       int decimals)
{
    const struct ts_account_state *state = &account->state;
    bool purchases = state->purchases.month == month;
    bool recharges = state->recharge.month == month;
    ts_table_amount(table, purchases ? state->purchases.month_micros : 0, decimals);
    ts_table_amount(table, recharges ? state->recharge.month_micros : 0, decimals);
}

/* yyyymm by the account's clocks, by those of UTC when this machine lacks its zone. */
static int32_t present_month(const struct ts_stored_account *account)
{
    struct ts_error err;
    struct ts_zone *zone = ts_zone_file_load(account->timezone, &err);
    zone = zone != NULL ? zone : ts_zone_file_load("UTC", &err);
    if (zone == NULL) {
        return 0;
    }
    struct ts_usage_month month = ts_usage_month_at(ts_system_now_ms(), zone);
    ts_zone_destroy(zone);
    return month.year * 100 + month.month;
}

static void
show_settings(struct ts_table *table, const struct ts_stored_account *account, int decimals)
{
    const struct ts_account_state *state = &account->state;
    show_card(table, state);
    ts_table_number(table, state->invoice_day);
    amounts_cell(table, state->credit_amounts_micros, state->credit_amount_count, state->currency);
    ts_table_amount(table, state->monthly_credit_cap_micros, decimals);
    show_month(table, account, present_month(account), decimals);
    amounts_cell(table, state->thresholds_micros, state->threshold_count, state->currency);
    ts_table_amount(table, state->hysteresis_micros, decimals);
    show_recharge(table, &state->recharge, decimals);
    time_cell(table, state->timer_ms, state->timer_ms > 0);
    ts_table_text(table, account->allowances);
}

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
        ts_table_amount(
            table,
            ts_live_balance_of(showing->live, showing->generation, state->balance_micros),
            decimals);
    }
    show_settings(table, account, decimals);
    ts_table_number(table, account->movements);
    ts_table_number(table, state->sequence);
    ts_table_time(table, account->created_ms);
}

/* Redis is asked first: what is settled after it was asked can only make the other side newer. */
static bool
live_balance(const struct ts_session *session, const char *id, struct ts_redis_balance *live)
{
    struct ts_error err = {0};
    bool known = ts_live_balance_read(&session->config, id, live, &err);
    if (!known) {
        fprintf(stderr, "tollstream accounts: warning: no live balance: %s\n", err.text);
    }
    return known;
}

int ts_accounts_show(struct ts_session *session,
                     enum ts_format format,
                     struct ts_accounts_store *store)
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
    const char *id = args->operands[0];
    if (!ts_accounts_store_generation(store, id, &showing.generation, &err) ||
        !ts_accounts_store_show(store, id, &visitor, &err)) {
        ts_table_abandon(&showing.table);
        return ts_accounts_refused(session, &err);
    }
    return ts_session_finish_table(session, &showing.table);
}
