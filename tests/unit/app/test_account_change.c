/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/account_change.h"

#include <stdlib.h>
#include <string.h>

static struct ts_arena arena;
static struct ts_json_document *document;
static struct ts_error err;

static int set_up(void **state)
{
    (void)state;
    document = NULL;
    err = (struct ts_error){0};
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

static bool
read_pairs(char *const *pairs, size_t count, const char *prefix, struct ts_account_change *change)
{
    ts_json_document_destroy(document);
    document = ts_account_pairs_read(pairs, count, prefix, &arena, &err);
    if (document == NULL) {
        return false;
    }
    struct ts_json_value root = ts_json_document_root(document);
    return ts_account_change_read(&root, &arena, change, &err);
}

#define READ(change, prefix, ...)                                                                  \
    read_pairs(                                                                                    \
        (char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *), prefix, change)

static void test_only_what_is_named_is_set(void **state)
{
    (void)state;
    struct ts_account_change change;
    assert_true(READ(&change, "", "name=Acme Ltd", "monthly_credit_cap=400"));
    assert_int_equal(change.set,
                     ts_field_bit(TS_FIELD_NAME) | ts_field_bit(TS_FIELD_MONTHLY_CREDIT_CAP));
    assert_true(ts_bytes_equal_text(change.name, "Acme Ltd"));
    assert_int_equal(change.monthly_credit_cap_micros, 400000000);
    assert_int_equal(change.allowance_count, 0);
}

static void test_every_field(void **state)
{
    (void)state;
    struct ts_account_change change;
    assert_true(READ(&change,
                     "",
                     "name=n",
                     "country=GB",
                     "timezone=Europe/London",
                     "subscription=pro",
                     "rate_plan=uk",
                     "payment_method=invoice",
                     "card_state=unconfirmed",
                     "invoice_day=31",
                     "credit_amounts=25,50.5",
                     "monthly_credit_cap=0",
                     "alert_thresholds=20, 10",
                     "alert_hysteresis=0.5",
                     "auto_recharge.on=true",
                     "auto_recharge.threshold=5",
                     "auto_recharge.mode=target",
                     "auto_recharge.amount=20",
                     "auto_recharge.max_count_per_day=2",
                     "auto_recharge.max_amount_per_month=100",
                     "allowances=[{\"name\":\"a\",\"category\":\"local_outbound\",\"units\":600},"
                     "{\"name\":\"b\",\"category\":\"*\",\"license\":\"talk\",\"units\":\"9\","
                     "\"unit\":\"page\",\"local_only\":true}]",
                     "status=closed",
                     "closed_at=1970-01-01T00:00:09Z"));
    assert_int_equal(change.set, (UINT32_C(1) << TS_ACCOUNT_FIELD_COUNT) - 1);
    assert_true(ts_bytes_equal_text(change.country, "GB"));
    assert_true(ts_bytes_equal_text(change.timezone, "Europe/London"));
    assert_true(ts_bytes_equal_text(change.rate_plan, "uk"));
    assert_int_equal(change.subscription, TS_SUBSCRIPTION_PRO);
    assert_int_equal(change.payment_method, TS_PAYMENT_INVOICE);
    assert_int_equal(change.card_state, TS_CARD_UNCONFIRMED);
    assert_int_equal(change.invoice_day, 31);
    assert_int_equal(change.credit_amount_count, 2);
    assert_int_equal(change.credit_amounts[1], 50500000);
    assert_int_equal(change.threshold_count, 2);
    assert_int_equal(change.thresholds[1], 10000000);
    assert_int_equal(change.hysteresis_micros, 500000);
    assert_true(change.recharge_on);
    assert_int_equal(change.recharge_threshold_micros, 5000000);
    assert_int_equal(change.recharge_mode, TS_RECHARGE_TARGET);
    assert_int_equal(change.recharge_amount_micros, 20000000);
    assert_int_equal(change.recharge_count_per_day_max, 2);
    assert_int_equal(change.recharge_amount_per_month_micros_max, 100000000);
    assert_int_equal(change.status, TS_ACCOUNT_CLOSED);
    assert_int_equal(change.closed_ms, 9000);
    assert_int_equal(change.allowance_count, 2);
    assert_true(ts_bytes_equal_text(change.allowances[0].name, "a"));
    assert_true(ts_bytes_equal_text(change.allowances[0].license, "*"));
    assert_true(ts_bytes_equal_text(change.allowances[0].unit, "second"));
    assert_int_equal(change.allowances[0].units, 600);
    assert_false(change.allowances[0].local_only);
    assert_true(ts_bytes_equal_text(change.allowances[1].category, "*"));
    assert_true(ts_bytes_equal_text(change.allowances[1].license, "talk"));
    assert_true(ts_bytes_equal_text(change.allowances[1].unit, "page"));
    assert_int_equal(change.allowances[1].units, 9);
    assert_true(change.allowances[1].local_only);
}

static void test_lists(void **state)
{
    (void)state;
    struct ts_account_change change;
    assert_true(READ(&change, "", "alert_thresholds=", "credit_amounts=[\"25\",50]"));
    assert_int_equal(change.threshold_count, 0);
    assert_int_equal(change.credit_amount_count, 2);
    assert_int_equal(change.set,
                     ts_field_bit(TS_FIELD_ALERT_THRESHOLDS) |
                         ts_field_bit(TS_FIELD_CREDIT_AMOUNTS));
    assert_true(READ(&change, "", "allowances=[]"));
    assert_int_equal(change.set, ts_field_bit(TS_FIELD_ALLOWANCES));
    assert_int_equal(change.allowance_count, 0);
}

static void test_prefix(void **state)
{
    (void)state;
    struct ts_account_change change;
    assert_true(READ(&change, "auto_recharge.", "threshold=5", "mode=shortfall_plus"));
    assert_int_equal(change.set,
                     ts_field_bit(TS_FIELD_RECHARGE_THRESHOLD) |
                         ts_field_bit(TS_FIELD_RECHARGE_MODE));
    assert_false(READ(&change, "auto_recharge.", "treshold=5"));
    assert_non_null(strstr(err.text, "did you mean threshold?"));
    ts_json_document_destroy(document);
    document = ts_account_pairs_read(NULL, 0, "auto_recharge.", &arena, &err);
    assert_non_null(document);
    struct ts_json_value root = ts_json_document_root(document);
    assert_true(ts_account_change_read(&root, &arena, &change, &err));
    assert_int_equal(change.set, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *pair;
        const char *told;
    } cases[] = {
        {"account_id=b", "account_id of an account can't be changed"},
        {"currency=EUR", "currency of an account can't be changed"},
        {"opening_balance=5", "opening_balance of an account can't be changed"},
        {"alert_tresholds=5", "did you mean alert_thresholds?"},
        {"alert_thresholds=5,,6", "should be an amount"},
        {"alert_thresholds=5,5.0", "there only once"},
        {"credit_amounts=a\"b", "should be an amount"},
        {"invoice_day=32", "from 1 to 31"},
        {"subscription=gold", "one of free, standard, pro, enterprise"},
        {"allowances=[{\"name\":\"a\"}]", "allowances.category"},
        {"name", "="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ts_account_change change;
        char *pair = strdup(cases[i].pair);
        err = (struct ts_error){0};
        bool good = read_pairs(&pair, 1, "", &change);
        free(pair);
        if (good || err.class != TS_ERROR_REJECT || strstr(err.text, cases[i].told) == NULL) {
            fail_msg("%s: told \"%s\", expected \"%s\"", cases[i].pair, err.text, cases[i].told);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_what_is_named_is_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_field, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_prefix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
