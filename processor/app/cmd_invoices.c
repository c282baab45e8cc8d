/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/invoice_store.h"
#include "app/cli.h"
#include "app/currency.h"
#include "app/invoice_date.h"
#include "app/servers.h"
#include "app/session.h"
#include "app/system_clock.h"
#include "base/buffer.h"

#include <inttypes.h>
#include <string.h>

enum { PAGE = 1000, ID_SIZE_MAX = 64 * 1024, CURRENCY_SIZE = 4 };

static const struct ts_column columns[] = {
    {"invoice_date", TS_COLUMN_TEXT},
    {"account_id", TS_COLUMN_TEXT},
    {"credit_id", TS_COLUMN_TEXT},
    {"amount", TS_COLUMN_AMOUNT},
    {"currency", TS_COLUMN_TEXT},
    {"created_at", TS_COLUMN_TIME},
    {"billed_at", TS_COLUMN_TIME},
    {"billed_by", TS_COLUMN_TEXT},
};

struct listing {
    struct ts_table table;
    int64_t count; /* of this page */

    /* The last line, where the next page begins. */
    int32_t date;
    struct ts_buffer account_id; /* each ends in a NUL */
    struct ts_buffer credit_id;
};

static void put_line(struct ts_table *table, const struct ts_invoice_line *line)
{
    char currency[CURRENCY_SIZE] = "";
    char date[TS_INVOICE_DATE_TEXT_MAX];
    if (line->currency.size < sizeof currency) {
        memcpy(currency, line->currency.data, line->currency.size);
    }
    ts_invoice_date_format(line->date, date);
    ts_table_text(table, ts_bytes_of(date));
    ts_table_text(table, line->account_id);
    ts_table_text(table, line->credit_id);
    ts_table_amount(table, line->amount_micros, ts_currency_decimals(currency));
    ts_table_text(table, line->currency);
    ts_table_time(table, line->created_ms);
    if (line->billed) {
        ts_table_time(table, line->billed_ms);
        ts_table_text(table, line->billed_by);
    } else {
        ts_table_absent(table);
        ts_table_absent(table);
    }
}

static void keep_text(struct ts_buffer *out, struct ts_bytes text)
{
    ts_buffer_clear(out);
    ts_buffer_append_bytes(out, text);
    ts_buffer_append_char(out, '\0');
}

static void take_line(void *self, const struct ts_invoice_line *line)
{
    struct listing *listing = self;
    put_line(&listing->table, line);
    listing->count++;
    listing->date = line->date;
    keep_text(&listing->account_id, line->account_id);
    keep_text(&listing->credit_id, line->credit_id);
}

/* --account and --date; false after telling. */
static bool narrow(const struct ts_args *args, const char **account_id, int32_t *date)
{
    const char *text = ts_args_value(args, "date");
    *account_id = ts_args_value(args, "account");
    if (text != NULL && !ts_invoice_date_parse(text, date)) {
        ts_args_refuse(args, "--date: \"%s\" is no date, as 2026-12-31", text);
        return false;
    }
    return true;
}

static bool list_all(struct listing *listing,
                     struct ts_invoice_store *store,
                     struct ts_invoice_filter *filter,
                     struct ts_error *err)
{
    struct ts_invoice_visitor visitor = {.visit = take_line, .self = listing};
    filter->max = PAGE;
    listing->count = PAGE;
    while (listing->count == PAGE) {
        struct ts_buffer ids; /* what the page before ended with, while this one is read */
        ts_buffer_init(&ids, ID_SIZE_MAX);
        ts_buffer_append_bytes(&ids, ts_buffer_bytes(&listing->account_id));
        ts_buffer_append_bytes(&ids, ts_buffer_bytes(&listing->credit_id));
        filter->after.date = listing->date;
        filter->after.account_id = ids.data;
        filter->after.credit_id = ids.data != NULL ? ids.data + listing->account_id.size : NULL;
        listing->count = 0;
        bool good = ids.failed ? ts_error_no_memory(err)
                               : ts_invoice_store_list(store, filter, &visitor, err);
        ts_buffer_finish(&ids);
        if (!good) {
            return false;
        }
    }
    return true;
}

static int list(struct ts_session *session, enum ts_format format, struct ts_invoice_store *store)
{
    const struct ts_args *args = &session->args;
    bool open = ts_args_flag(args, "open");
    bool billed = ts_args_flag(args, "billed");
    struct ts_error err = {0};
    struct listing listing = {.date = 0};
    struct ts_invoice_filter filter = {.state = open     ? TS_INVOICE_OPEN
                                                : billed ? TS_INVOICE_BILLED
                                                         : TS_INVOICE_ANY};
    if (!narrow(args, &filter.account_id, &filter.date)) {
        return TS_EXIT_USAGE;
    }
    if (open && billed) {
        return ts_args_refuse(args, "--open and --billed: no line is both");
    }
    ts_buffer_init(&listing.account_id, ID_SIZE_MAX);
    ts_buffer_init(&listing.credit_id, ID_SIZE_MAX);
    ts_table_init(&listing.table, stdout, format, columns, sizeof columns / sizeof *columns);
    bool good = list_all(&listing, store, &filter, &err);
    ts_buffer_finish(&listing.account_id);
    ts_buffer_finish(&listing.credit_id);
    if (!good) {
        ts_table_abandon(&listing.table);
        return ts_session_fail(session, &err);
    }
    return ts_session_finish_table(session, &listing.table);
}

static void take_marked(void *self, const struct ts_invoice_line *line)
{
    put_line(self, line);
}

static int
mark_billed(struct ts_session *session, enum ts_format format, struct ts_invoice_store *store)
{
    const struct ts_args *args = &session->args;
    const char *account_id = NULL;
    const char *who = ts_args_value(args, "operator");
    int32_t date = 0;
    int64_t marked = 0;
    struct ts_error err = {0};
    struct ts_table table;
    struct ts_invoice_visitor visitor = {.visit = take_marked, .self = &table};
    if (!narrow(args, &account_id, &date)) {
        return TS_EXIT_USAGE;
    }
    if (date == 0) {
        return ts_args_refuse(args, "which lines? Name the invoice date: --date 2026-12-31");
    }
    ts_table_init(&table, stdout, format, columns, sizeof columns / sizeof *columns);
    if (!ts_invoice_store_mark_billed(store,
                                      date,
                                      account_id,
                                      who != NULL ? who : ts_servers_operator(),
                                      ts_system_now_ms(),
                                      &visitor,
                                      &marked,
                                      &err)) {
        ts_table_abandon(&table);
        return ts_session_fail(session, &err);
    }
    int status = ts_session_finish_table(session, &table);
    if (marked == 0) {
        fputs("tollstream invoices: no line of that date is open\n", stderr);
    }
    return status;
}

static int act(struct ts_session *session)
{
    enum ts_format format;
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 0, 0) || !ts_args_format(&session->args, &format)) {
        return TS_EXIT_USAGE;
    }
    struct ts_invoice_store *store = ts_invoice_store_create(session->config.postgres.url, &err);
    if (store == NULL) {
        return ts_session_fail(session, &err);
    }
    int status = ts_args_action_is(&session->args, "list") ? list(session, format, store)
                                                           : mark_billed(session, format, store);
    ts_invoice_store_destroy(store);
    return status;
}

int ts_cmd_invoices(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "invoices", argc, argv)) {
        status = act(&session);
    }
    ts_session_end(&session);
    return status;
}
