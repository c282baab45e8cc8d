/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream usage`: what an office used in a month, for its admin. The month's sums add up by
 * construction: the opening is the closing less what moved in between. What is charged in Redis and
 * not settled yet is in the present month's charges, so its closing is the live balance. */
#include "adapters/postgres/usage_store.h"
#include "adapters/tzdata/zone_file.h"
#include "app/cli.h"
#include "app/currency.h"
#include "app/live_balance.h"
#include "app/session.h"
#include "app/system_clock.h"
#include "app/usage_month.h"
#include "core/cdr.h"
#include "core/money.h"
#include "core/rating.h"

#include <inttypes.h>
#include <string.h>

enum { MS_OF_MINUTE = 60000, MINUTES_TEXT_MAX = 32, CENTS = 100, PRICE_DECIMALS_MIN = 6 };

struct usage {
    const struct ts_session *session;
    struct ts_usage_store *store;
    struct ts_usage_account account;
    struct ts_zone *zone;
    struct ts_usage_month month;
    struct ts_usage_stretch stretch; /* the account's month */
    int64_t now_ms;
    int decimals;
    struct ts_table table;
};

/* ---- cells
 * ---------------------------------------------------------------------------------------- */

static void text_cell(struct ts_table *table, const char *text)
{
    ts_table_text(table, ts_bytes_of(text));
}

/* Minutes of conversation, rounded to a hundredth. */
static void minutes_cell(struct ts_table *table, int64_t duration_ms)
{
    char text[MINUTES_TEXT_MAX];
    int64_t hundredths = (duration_ms * CENTS + MS_OF_MINUTE / 2) / MS_OF_MINUTE;
    snprintf(text, sizeof text, "%" PRId64 ".%02" PRId64, hundredths / CENTS, hundredths % CENTS);
    ts_table_decimal(table, text);
}

/* A price as the deck has it. A fee is an amount, too, so outside of tables it has six decimals, or
 * as many as it needs. */
static void price_cell(struct ts_table *table, int64_t e8)
{
    char text[TS_MONEY_TEXT_MAX];
    ts_money_format_e8(e8, text);
    text_cell(table, text);
}

static void fee_cell(struct ts_table *table, int64_t e8)
{
    if (table->format == TS_FORMAT_TABLE || e8 % CENTS != 0) {
        price_cell(table, e8);
        return;
    }
    char text[TS_MONEY_TEXT_MAX];
    ts_money_format_micros(e8 / CENTS, text);
    text_cell(table, text);
}

static void kind_cells(struct usage *usage, const struct ts_usage_kind *kind)
{
    ts_table_number(&usage->table, kind->calls);
    minutes_cell(&usage->table, kind->duration_ms);
    ts_table_amount(&usage->table, kind->cost_micros, usage->decimals);
}

/* ---- the summary
 * ---------------------------------------------------------------------------------- */

static const struct ts_column summary_columns[] = {
    {"account_id", TS_COLUMN_TEXT},
    {"month", TS_COLUMN_TEXT},
    {"timezone", TS_COLUMN_TEXT},
    {"currency", TS_COLUMN_TEXT},
    {"calls", TS_COLUMN_NUMBER},
    {"toll_free_calls", TS_COLUMN_NUMBER},
    {"toll_free_minutes", TS_COLUMN_NUMBER},
    {"toll_free_cost", TS_COLUMN_AMOUNT},
    {"international_calls", TS_COLUMN_NUMBER},
    {"international_minutes", TS_COLUMN_NUMBER},
    {"international_cost", TS_COLUMN_AMOUNT},
    {"faxes", TS_COLUMN_NUMBER},
    {"fax_pages", TS_COLUMN_NUMBER},
    {"fax_cost", TS_COLUMN_AMOUNT},
    {"metered_local_calls", TS_COLUMN_NUMBER},
    {"metered_local_minutes", TS_COLUMN_NUMBER},
    {"metered_local_cost", TS_COLUMN_AMOUNT},
    {"premium_calls", TS_COLUMN_NUMBER},
    {"premium_minutes", TS_COLUMN_NUMBER},
    {"premium_cost", TS_COLUMN_AMOUNT},
    {"free_calls", TS_COLUMN_NUMBER},
    {"opening_balance", TS_COLUMN_AMOUNT},
    {"credits_added", TS_COLUMN_AMOUNT},
    {"adjustments", TS_COLUMN_AMOUNT},
    {"charges", TS_COLUMN_AMOUNT},
    {"closing_balance", TS_COLUMN_AMOUNT},
    {"unsettled", TS_COLUMN_AMOUNT}, /* of the charges; below 0: of the credits */
};

/* What Redis has taken from the account and PostgreSQL had not at the moment of its answers: Redis
 * is asked later, and has all that is settled. 0 when Redis can't tell. */
static int64_t unsettled(const struct usage *usage)
{
    struct ts_error err = {0};
    struct ts_redis_balance live = {0};
    const struct ts_usage_account *account = &usage->account;
    if (!ts_live_balance_read(&usage->session->config, account->account_id, &live, &err)) {
        fprintf(stderr,
                "tollstream usage: warning: the closing balance is the settled one: %s\n",
                err.text);
        return 0;
    }
    int64_t settled = account->balance_micros;
    return settled - ts_live_balance_of(&live, account->generation, settled);
}

static void
put_summary(struct usage *usage, const struct ts_usage_sums *sums, int64_t unsettled_micros)
{
    struct ts_table *table = &usage->table;
    char month[TS_USAGE_MONTH_TEXT_MAX];
    bool present = usage->month.from_ms <= usage->now_ms && usage->now_ms < usage->month.to_ms;
    int64_t in_flight = present ? unsettled_micros : 0;
    int64_t charges = sums->charges_micros + (in_flight > 0 ? in_flight : 0);
    int64_t credits = sums->credits_micros - (in_flight < 0 ? in_flight : 0);
    int64_t closing = usage->account.balance_micros - unsettled_micros - sums->later_micros;
    int64_t opening = closing + charges - credits - sums->adjustments_micros;
    ts_usage_month_format(&usage->month, month);
    text_cell(table, usage->account.account_id);
    text_cell(table, month);
    text_cell(table, usage->account.timezone);
    text_cell(table, usage->account.currency);
    ts_table_number(table, sums->calls);
    kind_cells(usage, &sums->toll_free);
    kind_cells(usage, &sums->international);
    ts_table_number(table, sums->faxes.calls);
    ts_table_number(table, sums->faxes.pages);
    ts_table_amount(table, sums->faxes.cost_micros, usage->decimals);
    kind_cells(usage, &sums->metered_local);
    kind_cells(usage, &sums->premium);
    ts_table_number(table, sums->free_calls);
    ts_table_amount(table, opening, usage->decimals);
    ts_table_amount(table, credits, usage->decimals);
    ts_table_amount(table, sums->adjustments_micros, usage->decimals);
    ts_table_amount(table, charges, usage->decimals);
    ts_table_amount(table, closing, usage->decimals);
    ts_table_amount(table, in_flight, usage->decimals);
}

static bool summary(struct usage *usage, enum ts_format format, struct ts_error *err)
{
    struct ts_usage_sums sums;
    size_t columns = sizeof summary_columns / sizeof *summary_columns;
    bool good = ts_usage_store_sums(usage->store, &usage->stretch, &sums, err);
    ts_table_init_record(&usage->table, stdout, format, summary_columns, columns);
    if (good) {
        put_summary(usage, &sums, usage->month.to_ms > usage->now_ms ? unsettled(usage) : 0);
    }
    return good;
}

/* ---- the detail
 * ----------------------------------------------------------------------------------- */

static const struct ts_column call_columns[] = {
    {"local_time", TS_COLUMN_TEXT},   {"start_time", TS_COLUMN_TIME},
    {"category", TS_COLUMN_TEXT},     {"direction", TS_COLUMN_TEXT},
    {"user_id", TS_COLUMN_TEXT},      {"user_name", TS_COLUMN_TEXT},
    {"department", TS_COLUMN_TEXT},   {"own_number", TS_COLUMN_TEXT},
    {"other_number", TS_COLUMN_TEXT}, {"country", TS_COLUMN_TEXT},
    {"destination", TS_COLUMN_TEXT},  {"duration_ms", TS_COLUMN_NUMBER},
    {"pages", TS_COLUMN_NUMBER},      {"billed", TS_COLUMN_NUMBER},
    {"unit", TS_COLUMN_TEXT},         {"allowance_units", TS_COLUMN_NUMBER},
    {"rate", TS_COLUMN_TEXT},         {"connect_fee", TS_COLUMN_TEXT},
    {"cost", TS_COLUMN_AMOUNT},       {"balance_after", TS_COLUMN_AMOUNT},
    {"currency", TS_COLUMN_TEXT},     {"disposition", TS_COLUMN_TEXT},
    {"license", TS_COLUMN_TEXT},      {"service", TS_COLUMN_TEXT},
    {"cdr_id", TS_COLUMN_TEXT},       {"source", TS_COLUMN_TEXT},
    {"leg", TS_COLUMN_NUMBER},        {"call_id", TS_COLUMN_TEXT},
};

static void call_prices(struct usage *usage, const struct ts_usage_call *call)
{
    struct ts_table *table = &usage->table;
    ts_table_number(table, call->billed);
    text_cell(table, ts_unit_name((enum ts_unit)call->unit));
    ts_table_number(table, call->allowance_units);
    price_cell(table, call->rate_e8);
    fee_cell(table, call->connect_fee_e8);
    ts_table_amount(table, call->cost_micros, usage->decimals);
    ts_table_amount(table, call->balance_after_micros, usage->decimals);
    text_cell(table, usage->account.currency);
}

static void put_call(void *self, const struct ts_usage_call *call)
{
    struct usage *usage = self;
    struct ts_table *table = &usage->table;
    char local[TS_LOCAL_TIME_TEXT_MAX];
    ts_local_time_format(call->start_ms, usage->zone, local);
    text_cell(table, local);
    ts_table_time(table, call->start_ms);
    text_cell(table, ts_category_name((enum ts_category)call->category));
    text_cell(table, ts_direction_name((enum ts_direction)call->direction));
    ts_table_text(table, call->user_id);
    ts_table_text(table, call->user_name);
    ts_table_text(table, call->department);
    ts_table_text(table, call->own_number);
    ts_table_text(table, call->other_number);
    ts_table_text(table, call->country);
    ts_table_text(table, call->destination);
    ts_table_number(table, call->duration_ms);
    ts_table_number(table, call->pages);
    call_prices(usage, call);
    text_cell(table, ts_disposition_name((enum ts_disposition)call->disposition));
    text_cell(table, ts_license_name((enum ts_license)call->license));
    text_cell(table, ts_service_name((enum ts_service)call->service));
    ts_table_text(table, call->cdr_id);
    ts_table_text(table, call->source);
    ts_table_number(table, call->leg);
    ts_table_text(table, call->call_id);
}

static bool calls(struct usage *usage, enum ts_format format, struct ts_error *err)
{
    struct ts_usage_call_visitor visitor = {.visit = put_call, .self = usage};
    size_t columns = sizeof call_columns / sizeof *call_columns;
    ts_table_init(&usage->table, stdout, format, call_columns, columns);
    return ts_usage_store_calls(usage->store, &usage->stretch, &visitor, err);
}

/* ---- groups
 * --------------------------------------------------------------------------------------- */

#define GROUP_COLUMNS                                                                              \
    {"calls", TS_COLUMN_NUMBER}, {"answered_calls", TS_COLUMN_NUMBER},                             \
        {"free_calls", TS_COLUMN_NUMBER}, {"minutes", TS_COLUMN_NUMBER},                           \
        {"pages", TS_COLUMN_NUMBER}, {"cost", TS_COLUMN_AMOUNT}, {"currency", TS_COLUMN_TEXT},

static const struct ts_column day_columns[] = {{"date", TS_COLUMN_TEXT}, GROUP_COLUMNS};
static const struct ts_column user_columns[] = {
    {"user_id", TS_COLUMN_TEXT}, {"user_name", TS_COLUMN_TEXT}, GROUP_COLUMNS};
static const struct ts_column department_columns[] = {{"department", TS_COLUMN_TEXT},
                                                      GROUP_COLUMNS};
static const struct ts_column number_columns[] = {{"own_number", TS_COLUMN_TEXT}, GROUP_COLUMNS};
static const struct ts_column country_columns[] = {{"country", TS_COLUMN_TEXT}, GROUP_COLUMNS};

#define COUNTED(columns) columns, sizeof columns / sizeof *columns
static const struct grouping {
    const char *name;
    enum ts_usage_by by;
    const struct ts_column *columns;
    size_t column_count;
} groupings[] = {
    {"day", TS_USAGE_BY_DAY, COUNTED(day_columns)},
    {"user", TS_USAGE_BY_USER, COUNTED(user_columns)},
    {"department", TS_USAGE_BY_DEPARTMENT, COUNTED(department_columns)},
    {"number", TS_USAGE_BY_NUMBER, COUNTED(number_columns)},
    {"country", TS_USAGE_BY_COUNTRY, COUNTED(country_columns)},
};

static const struct grouping *grouping_of(const char *name)
{
    for (size_t i = 0; i < sizeof groupings / sizeof *groupings; i++) {
        if (strcmp(groupings[i].name, name) == 0) {
            return &groupings[i];
        }
    }
    return NULL;
}

static void put_group(void *self, const struct ts_usage_group *group)
{
    struct usage *usage = self;
    struct ts_table *table = &usage->table;
    ts_table_text(table, group->key);
    if (table->columns == user_columns) {
        ts_table_text(table, group->label);
    }
    ts_table_number(table, group->calls);
    ts_table_number(table, group->answered_calls);
    ts_table_number(table, group->free_calls);
    minutes_cell(table, group->duration_ms);
    ts_table_number(table, group->pages);
    ts_table_amount(table, group->cost_micros, usage->decimals);
    text_cell(table, usage->account.currency);
}

static bool groups(struct usage *usage,
                   enum ts_format format,
                   const struct grouping *grouping,
                   struct ts_error *err)
{
    struct ts_usage_group_visitor visitor = {.visit = put_group, .self = usage};
    ts_table_init(&usage->table, stdout, format, grouping->columns, grouping->column_count);
    return ts_usage_store_groups(
        usage->store, &usage->stretch, grouping->by, usage->account.timezone, &visitor, err);
}

/* ---- the command
 * ---------------------------------------------------------------------------------- */

static int report(struct usage *usage, enum ts_format format, const char *by)
{
    struct ts_error err = {0};
    bool good = by == NULL                ? summary(usage, format, &err)
                : strcmp(by, "call") == 0 ? calls(usage, format, &err)
                                          : groups(usage, format, grouping_of(by), &err);
    if (!good) {
        ts_table_abandon(&usage->table);
        return ts_session_fail(usage->session, &err);
    }
    return ts_session_finish_table(usage->session, &usage->table);
}

/* No such account is a finding. */
static int fail(const struct ts_session *session, const struct ts_error *err)
{
    ts_session_fail(session, err);
    return err->class == TS_ERROR_REJECT ? TS_EXIT_FINDING : TS_EXIT_USAGE;
}

static int report_month(struct usage *usage, enum ts_format format, const char *month)
{
    const struct ts_args *args = &usage->session->args;
    struct ts_error err = {0};
    usage->zone = ts_zone_file_load(usage->account.timezone, &err);
    if (usage->zone == NULL) {
        return ts_session_fail(usage->session, &err);
    }
    usage->now_ms = ts_system_now_ms();
    usage->month = ts_usage_month_at(usage->now_ms, usage->zone);
    if (month != NULL && !ts_usage_month_parse(month, usage->zone, &usage->month)) {
        return ts_args_refuse(args, "--month: %s is no month, as 2026-11", month);
    }
    usage->stretch = (struct ts_usage_stretch){.account_no = usage->account.account_no,
                                               .from_ms = usage->month.from_ms,
                                               .to_ms = usage->month.to_ms};
    usage->decimals = ts_currency_decimals(usage->account.currency);
    return report(usage, format, ts_args_value(args, "by"));
}

static int act(struct ts_session *session)
{
    const struct ts_args *args = &session->args;
    const char *account = ts_args_value(args, "account");
    const char *by = ts_args_value(args, "by");
    struct usage usage = {.session = session};
    struct ts_error err = {0};
    enum ts_format format;
    if (!ts_args_count(args, 0, 0) || !ts_args_format(args, &format)) {
        return TS_EXIT_USAGE;
    }
    if (account == NULL) {
        return ts_args_refuse(args, "--account is missing");
    }
    if (by != NULL && strcmp(by, "call") != 0 && grouping_of(by) == NULL) {
        return ts_args_refuse(
            args, "--by: %s is none of call, day, user, department, number, country", by);
    }
    usage.store = ts_usage_store_begin(session->config.postgres.url, account, &usage.account, &err);
    int status = usage.store != NULL ? report_month(&usage, format, ts_args_value(args, "month"))
                                     : fail(session, &err);
    ts_usage_store_destroy(usage.store);
    ts_zone_destroy(usage.zone);
    return status;
}

int ts_cmd_usage(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "usage", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
