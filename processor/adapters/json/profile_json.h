/* SPDX-License-Identifier: Apache-2.0 */
/* The account that the calculator prices for, from a JSON file of `country`, `timezone`,
 * `local_zone` and `emergency_numbers`; other keys are left alone. */
#ifndef TS_ADAPTERS_JSON_PROFILE_JSON_H
#define TS_ADAPTERS_JSON_PROFILE_JSON_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/account.h"
#include "core/rate_plan.h"

/* Sets the profile's country and time zone where given, and the plan's local zone (which then holds
 * for every country) and additional emergency numbers. Class reject, naming the key, when the text
 * is not that. */
bool ts_json_profile_read(struct ts_bytes text,
                          struct ts_account_profile *profile,
                          struct ts_rate_plan *plan,
                          struct ts_error *err);

#endif
