/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of `tollstream accounts credit` and `confirm-card`. */
#ifndef TS_APP_CREDIT_ARGS_H
#define TS_APP_CREDIT_ARGS_H

#include "app/args.h"
#include "core/command.h"

#include <stdbool.h>
#include <stdint.h>

/* The amount, the second operand: above 0, or (`negative`) below. False after telling. */
bool ts_credit_args_amount(const struct ts_args *args, bool negative, int64_t *micros);

/* AMOUNT, --kind, --id and --recharge-id. Without --kind: promotional, or recharge when a
 * recharge_id is given. credit_id is absent when no --id was given. False after telling. */
bool ts_credit_args_read(const struct ts_args *args, struct ts_command_credit *out);

#endif
