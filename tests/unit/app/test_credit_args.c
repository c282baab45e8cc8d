/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/credit_args.h"

#include <stdlib.h>

static bool parse(struct ts_command_credit *out, int argc, char **argv)
{
    struct ts_args args;
    return ts_args_parse(&args, "accounts", argc, argv) && ts_args_count(&args, 2, 2) &&
           ts_credit_args_read(&args, out);
}

#define PARSE(out, ...)                                                                            \
    parse(out,                                                                                     \
          (int)(sizeof((char *[]){"accounts", "credit", "a", __VA_ARGS__}) / sizeof(char *)),      \
          (char *[]){"accounts", "credit", "a", __VA_ARGS__})

static void test_defaults(void **state)
{
    (void)state;
    struct ts_command_credit credit;
    assert_true(PARSE(&credit, "12.50"));
    assert_int_equal(credit.amount_micros, 12500000);
    assert_int_equal(credit.kind, TS_CREDIT_PROMOTIONAL);
    assert_null(credit.credit_id.data);
    assert_null(credit.recharge_id.data);
    assert_false(credit.has_payment_method);
}

static void test_options(void **state)
{
    (void)state;
    struct ts_command_credit credit;
    assert_true(PARSE(&credit, "1", "--kind", "purchase", "--id=c-1"));
    assert_int_equal(credit.kind, TS_CREDIT_PURCHASE);
    assert_true(ts_bytes_equal_text(credit.credit_id, "c-1"));
    assert_true(PARSE(&credit, "1", "--recharge-id", "r-1"));
    assert_int_equal(credit.kind, TS_CREDIT_RECHARGE);
    assert_true(ts_bytes_equal_text(credit.recharge_id, "r-1"));
    assert_true(PARSE(&credit, "1", "--recharge-id", "r-1", "--kind", "recharge"));
    assert_true(PARSE(&credit, "--kind", "refund", "1"));
    assert_int_equal(credit.kind, TS_CREDIT_REFUND);
}

static void test_negative_adjustment(void **state)
{
    (void)state;
    struct ts_command_credit credit;
    assert_true(PARSE(&credit, "-5", "--kind", "adjustment"));
    assert_int_equal(credit.amount_micros, -5000000);
    assert_true(PARSE(&credit, "5", "--kind", "adjustment"));
    assert_false(PARSE(&credit, "0", "--kind", "adjustment"));
    assert_false(PARSE(&credit, "-5"));
    assert_false(PARSE(&credit, "-5", "--kind", "refund"));
}

static void test_refusals(void **state)
{
    (void)state;
    struct ts_command_credit credit;
    assert_false(PARSE(&credit, "0"));
    assert_false(PARSE(&credit, "1e3"));
    assert_false(PARSE(&credit, "1.1234567"));
    assert_false(PARSE(&credit, "9000000001"));
    assert_false(PARSE(&credit, "1", "2"));
    assert_false(PARSE(&credit, "1", "--kind", "gift"));
    assert_false(PARSE(&credit, "1", "--kind", "recharge"));
    assert_false(PARSE(&credit, "1", "--kind", "purchase", "--recharge-id", "r-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_negative_adjustment),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
