/* SPDX-License-Identifier: Apache-2.0 */
/* What is due, against a real server: timers for the one process that has the duty, and invoice
 * lines until they are billed. */
#include "tests/unit/adapters/postgres/fixture.h"

#include "adapters/postgres/invoice_store.h"
#include "adapters/postgres/timer_store.h"
#include "base/buffer.h"

static struct fixture fixture;

#define SQL(...) fixture_sql(&fixture, __VA_ARGS__)

static int start_server(void **state)
{
    (void)state;
    server_start(&fixture.server);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    server_stop(&fixture.server);
    return 0;
}

static int fill(void **state)
{
    (void)state;
    fixture_fill(&fixture);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    fixture_empty(&fixture);
    return 0;
}

/* --- timers */

static void note_timer(void *self, const struct ts_due_timer *timer)
{
    ts_buffer_format(self,
                     "%.*s:%d:%.*s:%" PRId64 " ",
                     TS_ARGS(timer->account_id),
                     timer->timer,
                     TS_ARGS(timer->subject),
                     timer->due_ms - NOW_MS);
}

static void assert_due(struct ts_timer_store *store, int64_t max, const char *expected)
{
    struct ts_error err = {0};
    struct ts_buffer seen;
    ts_buffer_init(&seen, 4096);
    struct ts_timer_visitor visitor = {note_timer, &seen};
    struct ts_timer_place place = {0};
    for (bool more = true; more;) { /* in pages */
        if (!ts_timer_store_due(store, NOW_MS, max, &place, &visitor, &more, &err)) {
            fail_msg("%s", err.text);
        }
    }
    if (!ts_bytes_equal_text(ts_buffer_bytes(&seen), expected)) {
        fail_msg("\"%.*s\" instead of \"%s\"", TS_ARGS(ts_buffer_bytes(&seen)), expected);
    }
    ts_buffer_finish(&seen);
}

static bool owns(struct ts_timer_store *store)
{
    struct ts_error err = {0};
    bool owned = false;
    if (!ts_timer_store_own(store, &owned, &err)) {
        fail_msg("%s", err.text);
    }
    return owned;
}

static void what_is_due_is_seen_in_order(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_timer_store *store = ts_timer_store_create(fixture.server.url, &err);
    SQL("UPDATE account SET timer_at = '2026-01-08Z'::timestamptz + (account_no - 4) * interval"
        " '1 ms', recharge_in_flight_id = CASE account_no WHEN 3 THEN 'office-3-r1' WHEN 2 THEN ''"
        " END WHERE account_no BETWEEN 2 AND 5");
    assert_true(owns(store));
    assert_due(store, 10, "office-2:0::-2 office-3:1:office-3-r1:-1 office-4:0::0 ");
    assert_due(store, 1, "office-2:0::-2 office-3:1:office-3-r1:-1 office-4:0::0 ");
    SQL("UPDATE account SET timer_at = NULL WHERE account_no = 2");
    /* Of one moment, which is no whole millisecond. */
    SQL("UPDATE account SET timer_at = '2026-01-07 23:59:59.9991234Z' WHERE account_no < 5"
        " AND account_no <> 2");
    assert_due(store, 2, "office-1:0::-1 office-3:1:office-3-r1:-1 office-4:0::-1 ");
    ts_timer_store_destroy(store);
}

static void one_process_has_the_duty_until_its_session_ends(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_timer_visitor visitor = {note_timer, NULL};
    struct ts_timer_place place = {0};
    bool more = false;
    struct ts_timer_store *first = ts_timer_store_create(fixture.server.url, &err);
    struct ts_timer_store *second = ts_timer_store_create(fixture.server.url, &err);
    assert_true(owns(first));
    assert_true(owns(first));
    assert_false(owns(second));
    assert_false(ts_timer_store_due(second, NOW_MS, 1, &place, &visitor, &more, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'tollstream timers' AND pid IN"
        " (SELECT pid FROM pg_locks WHERE locktype = 'advisory')");
    while (!owns(second)) {
        usleep(10000);
    }
    /* It learns by its next read, and does not have it any more. */
    assert_false(ts_timer_store_due(first, NOW_MS, 1, &place, &visitor, &more, &err));
    assert_int_equal(err.class, TS_ERROR_RETRY);
    assert_false(owns(first));
    ts_timer_store_destroy(second);
    while (!owns(first)) {
        usleep(10000);
    }
    ts_timer_store_destroy(first);
}

static void the_due_are_found_by_their_index(void **state)
{
    (void)state;
    SQL("INSERT INTO account (watch_low, watch_high, plan_no, account_id, country, timezone,"
        " currency) SELECT 0, 0, 1, 'more-' || i, 'US', 'UTC', 'USD'"
        " FROM generate_series(1, 20000) i");
    SQL("UPDATE account SET timer_at = now() WHERE account_no %% 1000 = 0; ANALYZE account");
    PGresult *plan = PQexec(fixture.admin,
                            "EXPLAIN SELECT account_id FROM account WHERE timer_at IS NOT NULL"
                            " AND timer_at <= now() AND (timer_at, account_no)"
                            " > ('2000-01-01Z'::timestamptz, 0::bigint)"
                            " ORDER BY timer_at, account_no LIMIT 1000");
    bool indexed = false;
    for (int i = 0; i < PQntuples(plan); i++) {
        indexed = indexed || strstr(PQgetvalue(plan, i, 0), "account_timer") != NULL;
    }
    PQclear(plan);
    assert_true(indexed);
}

/* --- invoices */

static void add_lines(void)
{
    SQL("INSERT INTO invoice_line SELECT account_no, d, 'credit-' || account_no || to_char(d, "
        "'MM'),"
        " account_no * 1000, 'USD', '2026-01-08Z', NULL, NULL, 'credits', 0, account_no"
        " FROM account, (VALUES ('2026-02-01'::date), ('2026-03-01')) v(d) WHERE account_no <= 3");
}

struct listed {
    struct ts_buffer text;
    struct ts_invoice_filter next;
    char account_id[64];
    char credit_id[64];
};

static void note_line(void *self, const struct ts_invoice_line *line)
{
    struct listed *listed = self;
    assert_true(ts_bytes_equal_text(line->currency, "USD"));
    assert_int_equal(line->created_ms, NOW_MS);
    assert_int_equal(line->billed, line->billed_ms != 0);
    ts_buffer_format(&listed->text,
                     "%d:%.*s:%.*s:%" PRId64 ":%.*s ",
                     line->date,
                     TS_ARGS(line->account_id),
                     TS_ARGS(line->credit_id),
                     line->amount_micros,
                     TS_ARGS(line->billed_by));
    snprintf(listed->account_id, sizeof listed->account_id, "%.*s", TS_ARGS(line->account_id));
    snprintf(listed->credit_id, sizeof listed->credit_id, "%.*s", TS_ARGS(line->credit_id));
    listed->next.after.date = line->date;
    listed->next.after.account_id = listed->account_id;
    listed->next.after.credit_id = listed->credit_id;
}

static void
assert_listed(struct ts_invoice_store *store, struct ts_invoice_filter filter, const char *expected)
{
    struct ts_error err = {0};
    struct listed listed = {0};
    ts_buffer_init(&listed.text, 4096);
    struct ts_invoice_visitor visitor = {note_line, &listed};
    if (!ts_invoice_store_list(store, &filter, &visitor, &err)) {
        fail_msg("%s", err.text);
    }
    if (!ts_bytes_equal_text(ts_buffer_bytes(&listed.text), expected)) {
        fail_msg("\"%.*s\" instead of \"%s\"", TS_ARGS(ts_buffer_bytes(&listed.text)), expected);
    }
    ts_buffer_finish(&listed.text);
}

static void lines_are_listed_by_what_is_asked(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_invoice_store *store = ts_invoice_store_create(fixture.server.url, &err);
    add_lines();
    assert_listed(store,
                  (struct ts_invoice_filter){.account_id = "office-2"},
                  "20260201:office-2:credit-202:2000: 20260301:office-2:credit-203:2000: ");
    assert_listed(store,
                  (struct ts_invoice_filter){.account_id = "office-2", .date = 20260301},
                  "20260301:office-2:credit-203:2000: ");
    assert_listed(store, (struct ts_invoice_filter){.date = 20260302}, "");
    assert_listed(store, (struct ts_invoice_filter){.state = TS_INVOICE_BILLED}, "");

    struct listed listed = {.next = {.max = 1, .state = TS_INVOICE_OPEN}};
    ts_buffer_init(&listed.text, 4096);
    struct ts_invoice_visitor visitor = {note_line, &listed};
    for (int i = 0; i < 7; i++) { /* in pages of one */
        struct ts_invoice_filter filter = listed.next;
        assert_true(ts_invoice_store_list(store, &filter, &visitor, &err));
    }
    assert_true(ts_bytes_equal_text(
        ts_buffer_bytes(&listed.text),
        "20260201:office-1:credit-102:1000: 20260201:office-2:credit-202:2000: "
        "20260201:office-3:credit-302:3000: 20260301:office-1:credit-103:1000: "
        "20260301:office-2:credit-203:2000: 20260301:office-3:credit-303:3000: "));
    ts_buffer_finish(&listed.text);
    ts_invoice_store_destroy(store);
}

static void lines_are_billed_once(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_invoice_store *store = ts_invoice_store_create(fixture.server.url, &err);
    struct listed listed = {0};
    struct ts_invoice_visitor visitor = {note_line, &listed};
    int64_t marked = 0;
    ts_buffer_init(&listed.text, 4096);
    add_lines();
    assert_true(ts_invoice_store_mark_billed(
        store, 20260201, "office-2", "ada", NOW_MS + 1, &visitor, &marked, &err));
    assert_int_equal(marked, 1);
    assert_true(ts_bytes_equal_text(ts_buffer_bytes(&listed.text),
                                    "20260201:office-2:credit-202:2000:ada "));
    assert_true(ts_invoice_store_mark_billed(
        store, 20260201, NULL, "bob", NOW_MS + 2, NULL, &marked, &err));
    assert_int_equal(marked, 2);
    assert_true(ts_invoice_store_mark_billed(
        store, 20260201, NULL, "eve", NOW_MS + 3, NULL, &marked, &err));
    assert_int_equal(marked, 0);
    assert_listed(store,
                  (struct ts_invoice_filter){.state = TS_INVOICE_BILLED},
                  "20260201:office-1:credit-102:1000:bob 20260201:office-2:credit-202:2000:ada "
                  "20260201:office-3:credit-302:3000:bob ");
    assert_int_equal(SQL("SELECT count(*) FROM invoice_line WHERE billed_at ="
                         " '2026-01-08 00:00:00.001Z' AND billed_by = 'ada'"),
                     1);
    ts_buffer_finish(&listed.text);
    ts_invoice_store_destroy(store);
}

static void a_date_that_is_none_is_refused(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_invoice_store *store = ts_invoice_store_create(fixture.server.url, &err);
    struct ts_invoice_visitor visitor = {note_line, NULL};
    struct ts_invoice_filter filter = {.date = 20260231};
    assert_false(ts_invoice_store_list(store, &filter, &visitor, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    ts_invoice_store_destroy(store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, empty)
    const struct CMUnitTest tests[] = {
        TEST(what_is_due_is_seen_in_order),
        TEST(one_process_has_the_duty_until_its_session_ends),
        TEST(the_due_are_found_by_their_index),
        TEST(lines_are_listed_by_what_is_asked),
        TEST(lines_are_billed_once),
        TEST(a_date_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
