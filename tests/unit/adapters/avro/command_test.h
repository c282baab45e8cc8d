/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of commands share: a codec, and commands drawn at random. */
#ifndef TS_TESTS_UNIT_ADAPTERS_AVRO_COMMAND_TEST_H
#define TS_TESTS_UNIT_ADAPTERS_AVRO_COMMAND_TEST_H

#include "tests/unit/adapters/avro/codec_test.h"

#include "adapters/avro/command_encode.h"
#include "base/arena.h"
#include "core/command.h"

static struct ts_arena arena;

static inline bool
decode_command(const char *data, size_t size, struct ts_command *out, struct ts_error *err)
{
    return port.ops->decode_command(port.self, (struct ts_bytes){data, size}, &arena, out, err);
}

static inline void decode_command_or_fail(const char *data, size_t size, struct ts_command *out)
{
    struct ts_error err = {0};
    if (!decode_command(data, size, out, &err)) {
        fail_msg("%s", err.text);
    }
}

static inline void
expect_command_refused(const char *data, size_t size, enum ts_reason reason, const char *text)
{
    struct ts_command command;
    struct ts_error err = {0};
    assert_false(decode_command(data, size, &command, &err));
    assert_int_equal(err.class, TS_ERROR_REJECT);
    if (err.code != (int)reason || strstr(err.text, text) == NULL) {
        fail_msg("%s: %s", ts_reason_name((enum ts_reason)err.code), err.text);
    }
}

static inline int open_commands(void **state)
{
    ts_arena_init(&arena, 64 * 1024, 64 * 1024 * 1024);
    return open_codec(state);
}

static inline int close_commands(void **state)
{
    ts_arena_finish(&arena);
    return close_codec(state);
}

/* --- at random */

static inline struct ts_bytes any_text(void)
{
    static const char *const texts[] = {
        "", "a", "k\xc3\xb6ln", "0123456789abcdef-r12", "note: \"x\""};
    return ts_bytes_of(texts[below(5)]);
}

static inline struct ts_bytes any_optional(void)
{
    return below(3) == 0 ? (struct ts_bytes){NULL, 0} : any_text();
}

static inline int64_t any_long(void)
{
    static const int64_t some[] = {0, 1, -1, 250000000, INT64_MAX, INT64_MIN, 63, -64, 64};
    return some[below(9)];
}

/* Lists and allowances of a change; they live until the next one. */
static inline void any_lists(struct ts_account_change *change)
{
    static int64_t amounts[TS_CREDIT_AMOUNTS_MAX];
    static int64_t thresholds[TS_THRESHOLDS_MAX];
    static struct ts_allowance_text allowances[TS_ALLOWANCES_MAX];
    change->credit_amounts = amounts;
    change->credit_amount_count = below(TS_CREDIT_AMOUNTS_MAX + 1);
    for (size_t i = 0; i < change->credit_amount_count; i++) {
        amounts[i] = any_long();
    }
    change->thresholds = thresholds;
    change->threshold_count = below(TS_THRESHOLDS_MAX + 1);
    for (size_t i = 0; i < change->threshold_count; i++) {
        thresholds[i] = any_long();
    }
    change->allowances = allowances;
    change->allowance_count = below(TS_ALLOWANCES_MAX + 1);
    for (size_t i = 0; i < change->allowance_count; i++) {
        allowances[i] = (struct ts_allowance_text){
            .name = any_text(),
            .category = TS_LITERAL("fax_outbound"),
            .license = below(2) == 0 ? TS_LITERAL("*") : TS_LITERAL("talk"),
            .unit = below(2) == 0 ? TS_LITERAL("second") : TS_LITERAL("page"),
            .units = any_long(),
            .local_only = below(2) == 1,
        };
    }
}

static inline struct ts_account_change any_change(void)
{
    struct ts_account_change change = {
        .set =
            (below(1 << 16) << 16 | below(1 << 16)) & ((UINT32_C(1) << TS_ACCOUNT_FIELD_COUNT) - 1),
        .name = any_text(),
        .country = TS_LITERAL("DE"),
        .timezone = TS_LITERAL("Europe/Berlin"),
        .rate_plan = any_text(),
        .subscription = (enum ts_subscription)below(4),
        .payment_method = (enum ts_payment_method)below(2),
        .card_state = (enum ts_card_state)below(4),
        .invoice_day = (int32_t)below(31) + 1,
        .monthly_credit_cap_micros = any_long(),
        .hysteresis_micros = any_long(),
        .recharge_on = below(2) == 1,
        .recharge_threshold_micros = any_long(),
        .recharge_mode = (enum ts_recharge_mode)below(3),
        .recharge_amount_micros = any_long(),
        .recharge_count_per_day_max = INT32_MAX,
        .recharge_amount_per_month_micros_max = any_long(),
        .status = (enum ts_account_status)below(3),
        .closed_ms = any_long(),
    };
    any_lists(&change);
    return change;
}

/* Its units live until the next one. */
static inline struct ts_adjustment any_adjustment(void)
{
    static struct ts_adjustment_units units[TS_ALLOWANCES_MAX];
    struct ts_adjustment adjustment = {
        .generation = below(2) == 0 ? 1 : INT32_MAX,
        .identity_hash = (uint64_t)any_long(),
        .start_ms = any_long(),
        .follows = any_long(),
        .amount_micros = any_long(),
        .charge_micros = any_long(),
        .deck_version = any_long(),
        .category = any_text(),
        .prefix = any_text(),
        .month = below(2) == 0 ? 0 : 202611,
        .units = units,
        .unit_count = below(TS_ALLOWANCES_MAX + 1),
    };
    for (size_t i = 0; i < adjustment.unit_count; i++) {
        units[i] = (struct ts_adjustment_units){any_text(), any_long()};
    }
    return adjustment;
}

static inline struct ts_command any_command(enum ts_command_type type)
{
    struct ts_command command = {
        .type = type, .command_id = any_text(), .account_id = any_optional()};
    switch (type) {
    case TS_COMMAND_CREDIT_ADDED:
        command.issued_by = any_optional();
        command.note = any_optional();
        command.body.credit = (struct ts_command_credit){
            .credit_id = any_text(),
            .amount_micros = any_long(),
            .kind = (enum ts_credit_kind)below(5),
            .has_payment_method = below(2) == 1,
            .recharge_id = any_optional(),
        };
        if (command.body.credit.has_payment_method) {
            command.body.credit.payment_method = (enum ts_payment_method)below(2);
        }
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        command.body.failed.recharge_id = any_text();
        command.body.failed.reason = any_text();
        break;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        command.body.card.amount_micros = any_long();
        break;
    case TS_COMMAND_CARD_REPLACED:
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
        command.issued_by = any_optional();
        command.note = any_optional();
        command.body.change = any_change();
        break;
    case TS_COMMAND_TIMER_DUE:
        command.body.timer.timer = (enum ts_timer)below(3);
        command.body.timer.due_ms = any_long();
        command.body.timer.subject = any_optional();
        break;
    case TS_COMMAND_ADJUSTMENT:
        command.account_id = any_text();
        command.issued_by = any_text();
        command.note = any_text();
        command.body.adjustment = any_adjustment();
        break;
    }
    return command;
}

#endif
