/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/account_export.h"
#include "app/account_json.h"

#include <stdio.h>
#include <string.h>

/* Every field that import knows, none at its default. */
static const char line[] =
    "{\"account_id\":\"a \\\"1\\\"\",\"name\":\"B\xc3\xbcro\",\"country\":\"CA\","
    "\"timezone\":\"America/Toronto\",\"currency\":\"CAD\",\"subscription\":\"pro\","
    "\"rate_plan\":\"gold\",\"payment_method\":\"invoice\",\"card_state\":\"locked\","
    "\"invoice_day\":31,\"credit_amounts\":[\"10.000000\",\"20.500000\"],"
    "\"monthly_credit_cap\":\"99.000000\",\"alert_thresholds\":[\"5.000000\",\"1.000000\"],"
    "\"alert_hysteresis\":\"0.250000\",\"auto_recharge\":{\"on\":true,\"threshold\":\"2.000000\","
    "\"mode\":\"target\",\"amount\":\"50.000000\",\"max_count_per_day\":3,"
    "\"max_amount_per_month\":\"500.000000\"},"
    "\"allowances\":[{\"name\":\"free\",\"category\":\"*\",\"units\":60}],"
    "\"status\":\"closed\",\"closed_at\":\"2026-01-02T03:04:05Z\","
    "\"opening_balance\":\"-1.500000\"";

static void read_line(struct ts_bytes text, struct ts_arena *arena, struct ts_stored_account *out)
{
    struct ts_error err = {0};
    struct ts_json_document *document = ts_json_document_read(text, &err);
    assert_non_null(document);
    struct ts_json_value root = ts_json_document_root(document);
    if (!ts_account_json_read(&root, arena, 0, out, &err)) {
        fail_msg("%s", err.text);
    }
    out->name = ts_arena_copy(arena, out->name);
    ts_json_document_destroy(document);
}

/* What import reads, export writes, field by field. */
static void test_of_what_was_imported(void **state)
{
    (void)state;
    char text[sizeof line + 1];
    char expected[sizeof line + 64];
    struct ts_stored_account account;
    struct ts_arena arena;
    struct ts_buffer out;
    ts_arena_init(&arena, 4096, 1 << 20);
    ts_buffer_init(&out, 1 << 16);
    snprintf(text, sizeof text, "%s}", line);
    snprintf(expected, sizeof expected, "%s,\"balance\":\"12.000001\"}\n", line);
    read_line(ts_bytes_of(text), &arena, &account);
    account.opening_micros = account.state.balance_micros;
    account.state.balance_micros = 12000001;
    ts_account_export_line(&account, &out);
    ts_buffer_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    ts_buffer_finish(&out);
    ts_arena_finish(&arena);
}

/* One that was not closed has no closing, and no allowances are an empty list. */
static void test_at_the_defaults(void **state)
{
    (void)state;
    struct ts_stored_account account;
    struct ts_arena arena;
    struct ts_buffer out;
    ts_arena_init(&arena, 4096, 1 << 20);
    ts_buffer_init(&out, 1 << 16);
    read_line(TS_LITERAL("{\"account_id\":\"a\",\"country\":\"US\",\"rate_plan\":\"p\"}"),
              &arena,
              &account);
    ts_account_export_line(&account, &out);
    ts_buffer_append_char(&out, '\0');
    assert_null(strstr(out.data, "closed_at"));
    assert_non_null(strstr(out.data, "\"allowances\":[],\"status\":\"active\","));
    ts_buffer_finish(&out);
    ts_arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_what_was_imported),
        cmocka_unit_test(test_at_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
