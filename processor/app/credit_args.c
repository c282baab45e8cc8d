/* SPDX-License-Identifier: Apache-2.0 */
#include "app/credit_args.h"

#include "core/money.h"

enum { AMOUNT = 1 }; /* operand */

bool ts_credit_args_amount(const struct ts_args *args, bool negative, int64_t *micros)
{
    int64_t amount = 0;
    const char *text = args->operands[AMOUNT];
    if (ts_money_parse_micros(ts_bytes_of(text), &amount) && amount != 0 &&
        (amount > 0 || negative)) {
        *micros = amount;
        return true;
    }
    ts_args_refuse(args,
                   "\"%s\" should be an amount%s, as 12.50: at most 9e9, with at most 6 decimals",
                   text,
                   negative ? " that is not 0" : " above 0");
    return false;
}

static bool read_kind(const struct ts_args *args, enum ts_credit_kind *out)
{
    const char *name = ts_args_value(args, "kind");
    bool recharge = ts_args_flag(args, "recharge-id");
    *out = recharge ? TS_CREDIT_RECHARGE : TS_CREDIT_PROMOTIONAL;
    for (int kind = TS_CREDIT_PURCHASE; name != NULL && kind <= TS_CREDIT_REFUND; kind++) {
        if (ts_bytes_equal_text(ts_bytes_of(name),
                                ts_credit_kind_name((enum ts_credit_kind)kind))) {
            *out = (enum ts_credit_kind)kind;
            name = NULL;
        }
    }
    if (name != NULL) {
        ts_args_refuse(args,
                       "--kind: \"%s\" should be purchase, recharge, promotional, adjustment or "
                       "refund",
                       name);
        return false;
    }
    if (recharge != (*out == TS_CREDIT_RECHARGE)) {
        ts_args_refuse(args, "--kind recharge and --recharge-id go together");
        return false;
    }
    return true;
}

bool ts_credit_args_read(const struct ts_args *args, struct ts_command_credit *out)
{
    struct ts_command_credit credit = {
        .credit_id = ts_bytes_of(ts_args_value(args, "id")),
        .recharge_id = ts_bytes_of(ts_args_value(args, "recharge-id")),
    };
    if (!read_kind(args, &credit.kind) ||
        !ts_credit_args_amount(args, credit.kind == TS_CREDIT_ADJUSTMENT, &credit.amount_micros)) {
        return false;
    }
    *out = credit;
    return true;
}
