/* SPDX-License-Identifier: Apache-2.0 */
/* Import of accounts against a real server: whole or nothing, and every refusal names accounts. */
#include "tests/unit/adapters/postgres/private_server.h"
#include "tests/unit/unit.h"

#include "adapters/postgres/accounts_store.h"
#include "adapters/postgres/migrate.h"
#include "base/buffer.h"

#define NOW_MS INT64_C(1767571200000)

static struct private_server server;
static PGconn *admin;
static struct ts_accounts_store *store;

static int start(void **state)
{
    (void)state;
    server_start(&server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

static int64_t sql(const char *text)
{
    PGresult *result = PQexec(admin, text);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", text, PQresultErrorMessage(result));
    }
    int64_t value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return value;
}

static int fresh(void **state)
{
    (void)state;
    struct ts_error err = {0};
    server_make_database(&server);
    assert_true(ts_postgres_migrate(server.url, NULL, &err));
    admin = server_connect(server.url);
    sql("INSERT INTO rate_plan (name, settings) VALUES ('standard', '{}'),"
        " ('euro', '{\"currency\": \"EUR\"}')");
    store = ts_accounts_store_create(server.url, &err);
    assert_non_null(store);
    return 0;
}

static int over(void **state)
{
    (void)state;
    ts_accounts_store_destroy(store);
    PQfinish(admin);
    return 0;
}

static struct ts_stored_account whole_account(void)
{
    return (struct ts_stored_account){
        .account_id = "office-1",
        .country = "US",
        .timezone = "America/New_York",
        .rate_plan = "standard",
        .name = TS_LITERAL("Ünï \"Office\""),
        .allowances = TS_LITERAL("[{\"name\": \"bundle\"}]"),
        .state = {.balance_micros = -5000000,
                  .status = TS_ACCOUNT_CLOSED,
                  .closed_ms = NOW_MS + 5,
                  .invoice_day = 31,
                  .credit_amount_count = 2,
                  .credit_amounts_micros = {10000000, 20000000},
                  .timer_ms = NOW_MS + 7,
                  .currency = "USD",
                  .threshold_count = 3,
                  .armed = 5,
                  .exhausted = true,
                  .thresholds_micros = {1, 2, 3},
                  .hysteresis_micros = 4,
                  .payment_method = TS_PAYMENT_INVOICE,
                  .card_state = TS_CARD_CONFIRMED,
                  .subscription = TS_SUBSCRIPTION_ENTERPRISE,
                  .monthly_credit_cap_micros = 9,
                  .watch_low = -10,
                  .watch_high = 10,
                  .recharge = {.on = true,
                               .mode = TS_RECHARGE_TARGET,
                               .threshold_micros = 11,
                               .amount_micros = 12,
                               .count_per_day_max = 13,
                               .amount_per_month_micros_max = 14}},
    };
}

static bool import_one(const struct ts_stored_account *account, struct ts_error *err)
{
    int64_t imported = 0;
    return ts_accounts_store_import_begin(store, err) &&
           ts_accounts_store_import_add(store, account, 1, err) &&
           ts_accounts_store_import_end(store, NOW_MS, NULL, &imported, err) && imported == 1;
}

static void check_whole(void *self, const struct ts_stored_account *got)
{
    struct ts_stored_account want = whole_account();
    assert_string_equal(got->account_id, want.account_id);
    assert_string_equal(got->country, want.country);
    assert_string_equal(got->timezone, want.timezone);
    assert_string_equal(got->rate_plan, want.rate_plan);
    assert_true(ts_bytes_equal(got->name, want.name));
    assert_true(ts_bytes_equal(got->allowances, want.allowances));
    assert_int_equal(got->state.status, want.state.status);
    assert_int_equal(got->state.closed_ms, want.state.closed_ms);
    assert_int_equal(got->state.invoice_day, want.state.invoice_day);
    assert_int_equal(got->state.credit_amount_count, 2);
    assert_int_equal(got->state.credit_amounts_micros[1], 20000000);
    assert_int_equal(got->state.timer_ms, want.state.timer_ms);
    assert_false(got->state.card.charged);
    assert_int_equal(got->movements, 1);
    assert_int_equal(got->created_ms, NOW_MS);
    assert_int_equal(got->state.balance_micros, want.state.balance_micros);
    assert_string_equal(got->state.currency, "USD");
    assert_int_equal(got->state.armed, 5);
    assert_true(got->state.exhausted);
    assert_int_equal(got->state.threshold_count, 3);
    assert_int_equal(got->state.thresholds_micros[2], 3);
    assert_int_equal(got->state.hysteresis_micros, 4);
    assert_int_equal(got->state.payment_method, want.state.payment_method);
    assert_int_equal(got->state.card_state, want.state.card_state);
    assert_int_equal(got->state.subscription, want.state.subscription);
    assert_int_equal(got->state.monthly_credit_cap_micros, 9);
    assert_int_equal(got->state.watch_low, -10);
    assert_int_equal(got->state.watch_high, 10);
    assert_true(got->state.recharge.on);
    assert_int_equal(got->state.recharge.mode, TS_RECHARGE_TARGET);
    assert_int_equal(got->state.recharge.threshold_micros, 11);
    assert_int_equal(got->state.recharge.amount_micros, 12);
    assert_int_equal(got->state.recharge.count_per_day_max, 13);
    assert_int_equal(got->state.recharge.amount_per_month_micros_max, 14);
    assert_string_equal(got->state.recharge.in_flight_id, "");
    ++*(int *)self;
}

static void an_account_comes_back_whole(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_stored_account account = whole_account();
    int seen = 0;
    struct ts_account_visitor visitor = {check_whole, &seen};
    if (!import_one(&account, &err)) {
        fail_msg("%s", err.text);
    }
    assert_true(ts_accounts_store_show(store, "office-1", &visitor, &err));
    assert_int_equal(seen, 1);
    assert_int_equal(sql("SELECT count(*) FROM ledger_entry WHERE kind = 'opening'"
                         " AND movement = 1 AND amount_micros = -5000000"
                         " AND balance_after_micros = -5000000"),
                     1);
    assert_false(ts_accounts_store_show(store, "office-2", &visitor, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
}

static void collect_ids(void *self, const struct ts_stored_account *account)
{
    ts_buffer_append_text(self, account->account_id);
    ts_buffer_append_char(self, ' ');
}

static void many_are_imported_and_listed_in_pages(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_stored_account account = whole_account();
    int64_t imported = 0;
    assert_true(ts_accounts_store_import_begin(store, &err));
    for (int i = 0; i < 10000; i++) {
        snprintf(account.account_id, sizeof account.account_id, "office-%05d", i);
        assert_true(ts_accounts_store_import_add(store, &account, i, &err));
    }
    assert_true(ts_accounts_store_import_end(store, NOW_MS, NULL, &imported, &err));
    assert_int_equal(imported, 10000);
    struct ts_buffer ids;
    ts_buffer_init(&ids, 1024);
    struct ts_account_visitor visitor = {collect_ids, &ids};
    assert_true(ts_accounts_store_list(store, NULL, 2, &visitor, &err));
    assert_true(ts_accounts_store_list(store, "office-09997", 10, &visitor, &err));
    assert_true(ts_bytes_equal_text(ts_buffer_bytes(&ids),
                                    "office-00000 office-00001 office-09998 office-09999 "));
    ts_buffer_finish(&ids);
}

static void assert_refused(const struct ts_stored_account *bad, const char *why)
{
    struct ts_error err = {0};
    int64_t imported = 0;
    struct ts_stored_account good = whole_account();
    snprintf(good.account_id, sizeof good.account_id, "good");
    int64_t before = sql("SELECT count(*) FROM account");
    assert_true(ts_accounts_store_import_begin(store, &err));
    assert_true(ts_accounts_store_import_add(store, &good, 1, &err));
    assert_true(ts_accounts_store_import_add(store, bad, 2, &err));
    assert_false(ts_accounts_store_import_end(store, NOW_MS, NULL, &imported, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    if (strstr(err.text, why) == NULL || strstr(err.text, bad->account_id) == NULL) {
        fail_msg("no \"%s\" of %s in: %s", why, bad->account_id, err.text);
    }
    assert_int_equal(sql("SELECT count(*) FROM account"), before);
}

static void each_refusal_names_the_account(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_stored_account account = whole_account();
    assert_true(import_one(&account, &err));
    assert_refused(&account, "there already");
    snprintf(account.account_id, sizeof account.account_id, "good");
    assert_refused(&account, "more than once");
    snprintf(account.account_id, sizeof account.account_id, "bad");
    snprintf(account.rate_plan, sizeof account.rate_plan, "none");
    assert_refused(&account, "unknown rate plan");
    snprintf(account.rate_plan, sizeof account.rate_plan, "euro");
    assert_refused(&account, "another currency");
    snprintf(account.state.currency, sizeof account.state.currency, "EUR");
    snprintf(account.timezone, sizeof account.timezone, "Mars/Olympus");
    assert_refused(&account, "time zone");
    snprintf(account.timezone, sizeof account.timezone, "Europe/Berlin");
    account.state.currency[0] = '\0'; /* the plan's */
    assert_true(import_one(&account, &err));
    assert_int_equal(sql("SELECT count(*) FROM account WHERE currency = 'EUR'"), 1);
}

static void what_postgres_refuses_is_refused_whole(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_stored_account account = whole_account();
    account.state.balance_micros = INT64_C(9000000000000001);
    assert_false(import_one(&account, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    account.state.balance_micros = 0;
    account.name = (struct ts_bytes){"a\0b", 3};
    assert_false(import_one(&account, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    account.name = TS_LITERAL("a");
    assert_true(import_one(&account, &err));
}

static void an_aborted_import_leaves_nothing(void **state)
{
    (void)state;
    struct ts_error err = {0};
    struct ts_stored_account account = whole_account();
    assert_true(ts_accounts_store_import_begin(store, &err));
    assert_true(ts_accounts_store_import_add(store, &account, 1, &err));
    ts_accounts_store_import_abort(store);
    assert_int_equal(sql("SELECT count(*) FROM account"), 0);
    assert_true(import_one(&account, &err));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, over)
    const struct CMUnitTest tests[] = {
        TEST(an_account_comes_back_whole),
        TEST(many_are_imported_and_listed_in_pages),
        TEST(each_refusal_names_the_account),
        TEST(what_postgres_refuses_is_refused_whole),
        TEST(an_aborted_import_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
