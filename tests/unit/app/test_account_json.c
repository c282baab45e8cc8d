/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/account_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_MS = 1234567 };

static struct ts_arena arena;
static struct ts_json_document *document;

static int set_up(void **state)
{
    (void)state;
    document = NULL;
    ts_arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ts_json_document_destroy(document);
    ts_arena_finish(&arena);
    return 0;
}

static bool read(const char *json, struct ts_stored_account *account, struct ts_error *err)
{
    ts_json_document_destroy(document);
    document = ts_json_document_read(ts_bytes_of(json), err);
    if (document == NULL) {
        return false;
    }
    struct ts_json_value root = ts_json_document_root(document);
    return ts_account_json_read(&root, &arena, NOW_MS, account, err);
}

static void test_all_fields(void **state)
{
    (void)state;
    struct ts_stored_account account;
    struct ts_error err = {0};
    assert_true(
        read("{\"account_id\":\"a\",\"name\":\"Acme\",\"country\":\"GB\","
             "\"timezone\":\"Europe/London\",\"currency\":\"GBP\","
             "\"subscription\":\"enterprise\",\"rate_plan\":\"uk\","
             "\"payment_method\":\"invoice\",\"card_state\":\"locked\","
             "\"invoice_day\":31,\"credit_amounts\":[\"25\",50],"
             "\"monthly_credit_cap\":\"300.5\",\"alert_thresholds\":[\"20\",\"-5\"],"
             "\"alert_hysteresis\":\"0.000001\",\"auto_recharge\":{\"on\":true,"
             "\"threshold\":\"10\",\"mode\":\"shortfall_plus\",\"amount\":\"50\","
             "\"max_count_per_day\":3,\"max_amount_per_month\":\"200\"},"
             "\"allowances\":[{\"name\":\"n\",\"category\":\"local_outbound\",\"units\":9}],"
             "\"status\":\"suspended\",\"opening_balance\":\"12.345678\"}",
             &account,
             &err));
    assert_string_equal(account.account_id, "a");
    assert_true(ts_bytes_equal_text(account.name, "Acme"));
    assert_string_equal(account.country, "GB");
    assert_string_equal(account.timezone, "Europe/London");
    assert_string_equal(account.state.currency, "GBP");
    assert_int_equal(account.state.subscription, TS_SUBSCRIPTION_ENTERPRISE);
    assert_string_equal(account.rate_plan, "uk");
    assert_int_equal(account.state.payment_method, TS_PAYMENT_INVOICE);
    assert_int_equal(account.state.card_state, TS_CARD_LOCKED);
    assert_int_equal(account.state.invoice_day, 31);
    assert_int_equal(account.state.credit_amount_count, 2);
    assert_int_equal(account.state.credit_amounts_micros[1], 50000000);
    assert_int_equal(account.state.monthly_credit_cap_micros, 300500000);
    assert_int_equal(account.state.threshold_count, 2);
    assert_int_equal(account.state.thresholds_micros[1], -5000000);
    assert_int_equal(account.state.hysteresis_micros, 1);
    assert_true(account.state.recharge.on);
    assert_int_equal(account.state.recharge.mode, TS_RECHARGE_SHORTFALL_PLUS);
    assert_int_equal(account.state.recharge.threshold_micros, 10000000);
    assert_int_equal(account.state.recharge.amount_micros, 50000000);
    assert_int_equal(account.state.recharge.count_per_day_max, 3);
    assert_int_equal(account.state.recharge.amount_per_month_micros_max, 200000000);
    assert_true(ts_bytes_equal_text(
        account.allowances, "[{\"name\":\"n\",\"category\":\"local_outbound\",\"units\":9}]"));
    assert_int_equal(account.state.status, TS_ACCOUNT_SUSPENDED);
    assert_int_equal(account.state.balance_micros, 12345678);
    /* As ts_decide_opening leaves it: 20 is above the balance, so it starts disarmed. */
    assert_int_equal(account.state.armed, 2);
}

#define LEAST "\"account_id\":\"a\",\"country\":\"US\",\"rate_plan\":\"p\""

static void test_defaults(void **state)
{
    (void)state;
    struct ts_stored_account account;
    struct ts_error err = {0};
    assert_true(read("{" LEAST ",\"name\":null,\"status\":\"closed\"}", &account, &err));
    assert_string_equal(account.timezone, "UTC");
    assert_string_equal(account.state.currency, "");
    assert_int_equal(account.state.subscription, TS_SUBSCRIPTION_STANDARD);
    assert_int_equal(account.state.invoice_day, 1);
    assert_int_equal(account.state.monthly_credit_cap_micros, 250000000);
    assert_int_equal(account.state.balance_micros, 0);
    assert_false(account.state.recharge.on);
    assert_int_equal(account.state.closed_ms, NOW_MS);
    assert_null(account.allowances.data);
    assert_true(read("{" LEAST ",\"status\":\"closed\",\"closed_at\":\"1970-01-01T00:00:09Z\"}",
                     &account,
                     &err));
    assert_int_equal(account.state.closed_ms, 9000);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *told;
    } cases[] = {
        {"[]", "the account: a list should be an object"},
        {"{", "not JSON"},
        {"{\"a\":1,\"a\":2}", "duplicate"},
        {"{\"account_id\":\"a\",\"rate_plan\":\"p\"}", "country is missing"},
        {"{" LEAST ",\"alert_treshold\":[]}", "did you mean alert_thresholds?"},
        {"{" LEAST ",\"name\":\"a\\u0000b\"}", "name: "},
        {"{" LEAST ",\"timezone\":5}", "timezone: 5 should be a text"},
        {"{" LEAST ",\"currency\":\"usd\"}", "three letters"},
        {"{" LEAST ",\"subscription\":\"gold\"}", "one of free, standard, pro, enterprise"},
        {"{" LEAST ",\"invoice_day\":32}", "from 1 to 31"},
        {"{" LEAST ",\"invoice_day\":\"x\"}", "from 1 to 31"},
        {"{" LEAST ",\"opening_balance\":1.5}", "a number with a point should be an amount"},
        {"{" LEAST ",\"opening_balance\":\"1.1234567\"}", "should be an amount"},
        {"{" LEAST ",\"opening_balance\":\"9000000000.000001\"}", "should be an amount"},
        {"{" LEAST ",\"opening_balance\":\"1e3\"}", "should be an amount"},
        {"{" LEAST ",\"monthly_credit_cap\":\"-1\"}", "not negative"},
        {"{" LEAST ",\"alert_thresholds\":[1,2,3,4,5,6,7,8,9]}", "at most 8 amounts"},
        {"{" LEAST ",\"alert_thresholds\":[\"1\",\"1.0\"]}", "there only once"},
        {"{" LEAST ",\"auto_recharge\":{\"on\":true}}", "auto_recharge.amount should be above 0"},
        {"{" LEAST ",\"auto_recharge\":{}}", "auto_recharge.on is missing"},
        {"{" LEAST ",\"auto_recharge\":{\"on\":1}}", "auto_recharge.on: 1 should be true or false"},
        {"{" LEAST ",\"allowances\":[{\"name\":\"n\"}]}", "allowances.category"},
        {"{" LEAST ",\"allowances\":[{\"name\":\"n\",\"category\":\"*\",\"units\":1},"
         "{\"name\":\"n\",\"category\":\"fax_outbound\",\"units\":2}]}",
         "the same name"},
        {"{" LEAST ",\"allowances\":[1,2,3,4,5,6,7,8,9]}", "at most 8"},
        {"{" LEAST ",\"closed_at\":\"1970-01-01T00:00:09Z\"}", "the account is not closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_stored_account account;
        struct ts_error err = {0};
        bool good = read(cases[i].json, &account, &err);
        if (good || err.class != TS_ERROR_REJECT || strstr(err.text, cases[i].told) == NULL) {
            fail_msg("%s: told \"%s\", expected \"%s\"", cases[i].json, err.text, cases[i].told);
        }
    }
}

static void test_pairs(void **state)
{
    (void)state;
    char *pairs[] = {"account_id=123",
                     "country=US",
                     "rate_plan=p",
                     "opening_balance=1.50",
                     "invoice_day=7",
                     "auto_recharge.on=true",
                     "auto_recharge.amount=10",
                     "alert_thresholds=[\"2\"]"};
    struct ts_stored_account account;
    struct ts_error err = {0};
    document = ts_json_document_of_pairs(pairs, sizeof pairs / sizeof *pairs, &err);
    assert_non_null(document);
    struct ts_json_value root = ts_json_document_root(document);
    assert_true(ts_account_json_read(&root, &arena, NOW_MS, &account, &err));
    assert_string_equal(account.account_id, "123");
    assert_int_equal(account.state.balance_micros, 1500000);
    assert_int_equal(account.state.invoice_day, 7);
    assert_true(account.state.recharge.on);
    assert_int_equal(account.state.thresholds_micros[0], 2000000);
    assert_null(ts_json_document_of_pairs((char *[]){"novalue"}, 1, &err));
    assert_null(ts_json_document_of_pairs((char *[]){"a=1", "a=2"}, 2, &err));
    assert_null(ts_json_document_of_pairs((char *[]){"a=1", "a.b=2"}, 2, &err));
    assert_null(ts_json_document_of_pairs((char *[]){"a=\xff"}, 1, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pairs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
