/* SPDX-License-Identifier: Apache-2.0 */
/* An account as an operator writes it: a JSON object with the fields of a new account. Everything
 * is checked that can be checked without a database; an unknown field is refused, with what was
 * probably meant. Amounts are decimal texts ("12.50") or whole numbers, never floating point. */
#ifndef TS_APP_ACCOUNT_JSON_H
#define TS_APP_ACCOUNT_JSON_H

#include "adapters/json/json_value.h"
#include "adapters/postgres/accounts_store.h"
#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

/* Fills a new account; its views live as long as the document and the arena. An account that is
 * closed, without `closed_at`, was closed at `now_ms`. Class REJECT, naming the field. */
bool ts_account_json_read(const struct ts_json_value *object,
                          struct ts_arena *arena,
                          int64_t now_ms,
                          struct ts_stored_account *out,
                          struct ts_error *err);

/* The same for a change of an account that exists: only the fields that are there are set, the rest
 * is zero; those that never change (account_id, currency, opening_balance) are refused. */
bool ts_account_json_read_change(const struct ts_json_value *object,
                                 struct ts_arena *arena,
                                 struct ts_stored_account *out,
                                 struct ts_error *err);

/* The names that fields and values have, by the enums of core. */
const char *ts_account_status_text(enum ts_account_status status);
const char *ts_account_subscription_text(enum ts_subscription subscription);
const char *ts_account_payment_text(enum ts_payment_method method);
const char *ts_account_card_text(enum ts_card_state state);
const char *ts_account_recharge_mode_text(enum ts_recharge_mode mode);

#endif
